//! Collection `statemodels`: one document per key, with its records, newest last.
//!
//! The key is the whole of agreement, type, id, period, scope and window, whatever the order of their members. A document
//! of ours has an `_id` that follows from its key, so that two requests for a new key make one document, and two trips
//! append to any number of them: one asks the index which are there, one writes. Only for a key without such a document
//! one more looks for one of the original's.

use std::collections::{HashMap, HashSet};

use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, Document, RawDocument, RawDocumentBuf, doc};
use serde_json::Value;

use super::bson::{self, Writer, id_of};
use super::{Result, Rows, Store, StoreError, json, within};
use crate::governify::dates;
use crate::registry::engine::{Put, Record, States};

/// Keys in one look.
const LOOK: usize = 200;
/// Records and bytes in one command: the server takes 16 MB, and is done with so many in time.
const COMMAND: (usize, usize) = (200, 8 << 20);
/// Bytes of a history, about: the whole of it is written at every append, so that a long one would make each slower.
const HISTORY: usize = 2 << 20;
/// Documents of a look at a time; without their records they are small.
const BATCH: u32 = 500;

/// What the server says of a document that would not fit any more.
const TOO_LARGE: [i32; 4] = [10334, 17419, 17420, 17280];
const DUPLICATE: i32 = 11000;

/// A record on its way.
struct Statement {
    /// What a look at the key is.
    look: Document,
    key: String,
    id: ObjectId,
    /// The document without records, if it has to be made.
    base: RawDocumentBuf,
    record: RawDocumentBuf,
    keeps: u32,
    /// A document of the key is there.
    is_known: bool,
}

impl States for Store {
    type Error = StoreError;

    async fn put(&self, puts: &[Put]) -> Result<()> {
        self.append(puts).await
    }
}

impl Store {
    /// Appends every record to the document of its key, which is made if it is not there; the oldest records of a long
    /// history go.
    async fn append(&self, puts: &[Put]) -> Result<()> {
        let mut statements = puts.iter().map(|put| statement(put, self.records)).collect::<Result<Vec<_>>>()?;
        for some in statements.chunks_mut(LOOK) {
            let own = self.own(some).await?;
            for statement in some.iter_mut() {
                statement.is_known = own.contains(&statement.id);
            }
            let mut others: Vec<_> = some.iter_mut().filter(|statement| !statement.is_known).collect();
            let known = self.known(&others).await?;
            for statement in &mut others {
                if let Some(id) = known.get(&statement.key) {
                    (statement.id, statement.is_known) = (*id, true);
                }
            }
        }
        let mut rest = statements;
        for _ in 0..super::TURNS {
            let mut again = Vec::new();
            while !rest.is_empty() {
                let later = rest.split_off(fitting(&rest));
                again.extend(self.execute(rest).await?);
                rest = later;
            }
            if again.is_empty() {
                return Ok(());
            }
            rest = again;
        }
        Err(StoreError::Restless)
    }

    /// Which documents of ours are there; the index alone knows.
    async fn own(&self, statements: &[Statement]) -> Result<HashSet<ObjectId>> {
        let ids: Vec<Bson> = statements.iter().map(|statement| Bson::ObjectId(statement.id)).collect();
        let filter = doc! { "_id": { "$in": ids } };
        let find = self.states.find(filter).projection(doc! { "_id": 1 }).batch_size(BATCH).batch();
        let mut rows = within(async { Ok(Rows(find.await?)) }).await?;
        let mut own = HashSet::new();
        while let Some(batch) = rows.next().await? {
            for document in batch.documents()? {
                own.extend(raw(document?)?.get_object_id("_id").ok());
            }
        }
        Ok(own)
    }

    /// The documents of these keys that are there, whoever made them.
    async fn known(&self, statements: &[&mut Statement]) -> Result<HashMap<String, ObjectId>> {
        let mut looks: Vec<&Document> = Vec::new();
        for statement in statements {
            // Of one guarantee and period there is one look, whatever the number of scopes.
            if !looks.contains(&&statement.look) {
                looks.push(&statement.look);
            }
        }
        let mut known = HashMap::new();
        if looks.is_empty() {
            return Ok(known);
        }
        let filter = doc! { "$or": looks.into_iter().cloned().map(Bson::Document).collect::<Vec<_>>() };
        let shown = doc! { "agreementId": 1, "stateType": 1, "id": 1, "period": 1, "scope": 1, "window": 1 };
        let find = async { Ok(Rows(self.states.find(filter).projection(shown).batch_size(BATCH).batch().await?)) };
        let mut rows = within(find).await?;
        while let Some(batch) = rows.next().await? {
            for document in batch.documents()? {
                let document = raw(document?)?;
                if let Ok(id) = document.get_object_id("_id") {
                    // The original may have made two of one key; it always goes on with the first.
                    known.entry(key_of(document)?).or_insert(id);
                }
            }
        }
        Ok(known)
    }

    /// One command; those that have to be tried again.
    async fn execute(&self, statements: Vec<Statement>) -> Result<Vec<Statement>> {
        let mut command = Writer::default();
        command.string("update", self.states.name());
        command.array("updates", |list| {
            for (index, statement) in statements.iter().enumerate() {
                list.document(&index.to_string(), |one| statement.write(one));
            }
        });
        command.boolean("ordered", false);
        let command = command.finish().map_err(StoreError::Unbuilt)?;
        let reply = within(async { Ok(self.database.run_raw_command(command).await?) }).await?;
        let mut again = HashMap::new();
        for refusal in reply.get_array("writeErrors").into_iter().flatten().filter_map(Bson::as_document) {
            let code = refusal.get_i32("code").unwrap_or_default();
            let index = refusal.get_i32("index").ok().and_then(|index| usize::try_from(index).ok());
            let keeps = index.and_then(|index| statements.get(index)).map_or(0, |statement| statement.keeps);
            let message = || refusal.get_str("errmsg").unwrap_or("no reason").to_owned();
            match index {
                Some(index) if code == DUPLICATE => again.insert(index, keeps),
                Some(index) if TOO_LARGE.contains(&code) && keeps > 1 => {
                    tracing::warn!(
                        state = statements.get(index).map(|statement| statement.id.to_hex()),
                        "the history of a state does not fit into a document any more; only its last record is kept"
                    );
                    again.insert(index, 1)
                }
                _ => return Err(StoreError::Refused { code, message: message() }),
            };
        }
        let statements = statements.into_iter().enumerate();
        Ok(statements
            .filter_map(|(index, statement)| again.get(&index).map(|keeps| Statement { keeps: *keeps, ..statement }))
            .collect())
    }

    /// Every state there is.
    pub async fn delete_states(&self) -> Result<()> {
        within(async { Ok(self.states.delete_many(doc! {}).await.map(drop)?) }).await
    }

    /// Whether there were any of that agreement.
    pub async fn delete_states_of(&self, agreement: &str) -> Result<bool> {
        let delete = async { Ok(self.states.delete_many(doc! { "agreementId": agreement }).await?.deleted_count > 0) };
        within(delete).await
    }
}

fn statement(put: &Put, keeps: u32) -> Result<Statement> {
    let key = &put.key;
    let mut known = Writer::default();
    known.string("agreementId", &key.agreement_id).string("stateType", key.state_type.name()).string("id", &key.id);
    if let Some(period) = &key.period {
        bson::names(period)?;
        known.json("period", period);
    }
    known.members_of("scope", &key.scope)?;
    if let Some(window) = &key.window {
        known.members_of("window", window)?;
    }
    let known = known.finish().map_err(StoreError::Unbuilt)?;
    let text = key_of(&known)?;
    let id = id_of(&["state", &text], 0);
    let mut base = Writer::default();
    base.id("_id", id).members(&known);
    let mut look = doc! { "agreementId": &key.agreement_id, "stateType": key.state_type.name(), "id": &key.id };
    for member in ["from", "to"] {
        // Texts, as a rule, and found by the index; a list or an object is compared with what comes back.
        let value = match key.period.as_ref().and_then(|period| period.get(member)) {
            None | Some(Value::Null) => Bson::Null,
            Some(Value::String(text)) => Bson::String(text.clone()),
            Some(Value::Bool(value)) => Bson::Boolean(*value),
            Some(Value::Number(number)) => Bson::Double(number.as_f64().unwrap_or(f64::NAN)),
            Some(Value::Array(_) | Value::Object(_)) => continue,
        };
        look.insert(format!("period.{member}"), value);
    }
    let record = record(&put.record)?;
    let fitting = u32::try_from(HISTORY / record.as_bytes().len().max(1)).unwrap_or(u32::MAX);
    let base = base.finish().map_err(StoreError::Unbuilt)?;
    Ok(Statement { look, key: text, id, base, record, keeps: keeps.min(fitting).max(1), is_known: false })
}

fn record(record: &Record) -> Result<RawDocumentBuf> {
    let mut writer = Writer::default();
    bson::names(&record.value)?;
    writer.json("value", &record.value).string("time", &dates::iso(record.time));
    if let Some(metrics) = &record.metrics {
        writer.members_of("metrics", metrics)?;
    }
    for (name, value) in [("evidences", &record.evidences), ("parameters", &record.parameters)] {
        if let Some(value) = value {
            bson::names(value)?;
            writer.json(name, value);
        }
    }
    writer.finish().map_err(StoreError::Unbuilt)
}

/// How many of the first ones go into one command; at least one.
fn fitting(statements: &[Statement]) -> usize {
    let mut bytes = 0;
    let fits = |statement: &&Statement| {
        bytes += statement.base.as_bytes().len() + statement.record.as_bytes().len() + 512;
        bytes <= COMMAND.1
    };
    statements.iter().take(COMMAND.0).take_while(fits).count().max(1)
}

impl Statement {
    /// `{q: {_id}, u: {$push: …}}` for a document that is there. If somebody deletes it meanwhile, its history ends with
    /// this record. A new one is made by a pipeline, because operators would sort its members by name, and it appends if
    /// somebody else was faster: `{q: {_id}, u: [{$replaceWith: …}], upsert: true}`.
    fn write(&self, one: &mut Writer) {
        one.document("q", |query| {
            query.id("_id", self.id);
        });
        if self.is_known {
            one.document("u", |update| {
                update.document("$push", |push| {
                    push.document("records", |records| {
                        records.array("$each", |new| {
                            new.raw("0", &self.record);
                        });
                        records.number("$slice", -f64::from(self.keeps));
                    });
                });
            });
            return;
        }
        one.array("u", |stages| {
            stages.document("0", |stage| {
                stage.document("$replaceWith", |whole| {
                    whole.array("$mergeObjects", |parts| {
                        let base = |then: &mut Writer| {
                            then.document("1", |literal| {
                                literal.raw("$literal", &self.base);
                            });
                        };
                        if_new(parts, "0", base, |otherwise| {
                            otherwise.string("2", "$$ROOT");
                        });
                        parts.document("1", |part| self.write_records(part));
                        let version = |then: &mut Writer| {
                            then.document("1", |part| {
                                part.integer("__v", 0);
                            });
                        };
                        if_new(parts, "2", version, |otherwise| {
                            otherwise.document("2", |_| {});
                        });
                    });
                });
            });
        });
        one.boolean("upsert", true);
    }

    /// The last ones of those that are there and this one.
    fn write_records(&self, part: &mut Writer) {
        part.document("records", |records| {
            records.array("$slice", |slice| {
                slice.document("0", |all| {
                    all.array("$concatArrays", |lists| {
                        lists.document("0", |old| {
                            old.array("$cond", |cond| {
                                cond.document("0", |is| {
                                    is.string("$isArray", "$records");
                                });
                                cond.string("1", "$records").array("2", |_| {});
                            });
                        });
                        lists.array("1", |new| {
                            new.document("0", |record| {
                                record.raw("$literal", &self.record);
                            });
                        });
                    });
                });
                slice.number("1", -f64::from(self.keeps));
            });
        });
    }
}

/// `{$cond: [<the document is new>, …, …]}`.
fn if_new(parts: &mut Writer, place: &str, then: impl FnOnce(&mut Writer), otherwise: impl FnOnce(&mut Writer)) {
    parts.document(place, |part| {
        part.array("$cond", |cond| {
            cond.document("0", |question| {
                question.array("$eq", |equal| {
                    equal.document("0", |kind| {
                        kind.string("$type", "$agreementId");
                    });
                    equal.string("1", "missing");
                });
            });
            then(cond);
            otherwise(cond);
        });
    });
}

/// What tells one state from another, whatever the order in which somebody wrote it down.
fn key_of(document: &RawDocument) -> Result<String> {
    let mut key = Vec::with_capacity(256);
    let members = json::Members::of(document.as_bytes()).collect::<std::result::Result<Vec<_>, _>>()?;
    for name in ["agreementId", "stateType", "id", "period", "scope", "window"] {
        let member = members.iter().find(|member| member.is_named(name) && !member.is_nothing());
        if let Some(inner) = member.and_then(json::Member::members) {
            let mut parts = Vec::new();
            for member in inner {
                let (member, mut part) = (member?, Vec::new());
                member.write_name(&mut part);
                part.push(b':');
                member.write_value(&mut part)?;
                parts.push(part);
            }
            parts.sort_unstable();
            key.push(b'{');
            key.extend(parts.join(&b','));
            key.push(b'}');
        } else if let Some(member) = member {
            member.write_value(&mut key)?;
        }
        // No value begins or ends with it.
        key.push(b'\n');
    }
    // Printed as JSON, which is UTF-8.
    Ok(String::from_utf8_lossy(&key).into_owned())
}

fn raw(bytes: &[u8]) -> Result<&RawDocument> {
    RawDocument::from_bytes(bytes).map_err(|_| json::JsonError::Malformed.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(document: Document) -> String {
        key_of(&RawDocumentBuf::try_from(document).unwrap()).unwrap()
    }

    #[test]
    fn a_key_does_not_depend_on_the_order_of_members_and_on_nothing_less() {
        let one = key(doc! { "id": "g", "scope": { "a": 1, "b": "x" }, "period": { "from": "f", "to": "t" } });
        assert_eq!(one, key(doc! { "period": { "to": "t", "from": "f" }, "scope": { "b": "x", "a": 1.0 }, "id": "g" }));
        for other in [
            doc! { "id": "g", "scope": { "a": 1 }, "period": { "from": "f", "to": "t" } },
            doc! { "id": "g", "scope": { "a": 1, "b": "x", "c": 2 }, "period": { "from": "f", "to": "t" } },
            doc! { "id": "g", "scope": { "a": "1", "b": "x" }, "period": { "from": "f", "to": "t" } },
            doc! { "id": "g", "scope": { "a": 1, "b": "x" }, "period": { "from": "f" } },
            doc! { "id": "g", "scope": { "a": 1, "b": "x" }, "period": { "from": "f", "to": "t" }, "window": {} },
        ] {
            assert_ne!(one, key(other));
        }
    }
}
