//! What is read of the states that were stored before: the filtered list, and the last records of a guarantee.

use mongodb::bson::{Bson, Document, doc};

use super::{Result, Rows, Store, within};

/// States at a time: one may hold hundreds of kilobytes of evidences.
const BATCH: u32 = 16;

/// What the filtered list asks for; what is absent is compared with nothing, and matches nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    pub indicator: Option<String>,
    pub kind: Option<String>,
    pub from: Option<String>,
    pub to: Option<String>,
    /// In the order of the address.
    pub scope: Vec<(String, Wanted)>,
}

/// What a member of the scope must be.
#[derive(Debug, Clone, PartialEq)]
pub enum Wanted {
    Present,
    Number(f64),
    Text(String),
}

/// What the history of a guarantee asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct History {
    pub limit: Option<u32>,
    /// Only states whose last record has evidences.
    pub with_evidences_only: bool,
    pub hides_evidences: bool,
}

impl Store {
    /// One document per record, or per value of the last name of the scope.
    pub async fn filtered(&self, agreement: &str, filter: &Filter) -> Result<Rows> {
        self.aggregated(filtered(agreement, filter)).await
    }

    /// States of a guarantee with their last record only.
    pub async fn history(&self, agreement: &str, guarantee: &str, history: History) -> Result<Rows> {
        self.aggregated(last_records(agreement, guarantee, history)).await
    }

    async fn aggregated(&self, pipeline: Vec<Document>) -> Result<Rows> {
        within(async { Ok(Rows(self.states.aggregate(pipeline).batch_size(BATCH).batch().await?)) }).await
    }
}

fn filtered(agreement: &str, filter: &Filter) -> Vec<Document> {
    let mut wanted = doc! {
        "agreementId": agreement,
        "id": filter.indicator.clone(),
        "stateType": filter.kind.clone(),
        "period.from": filter.from.clone(),
    };
    if let Some(to) = &filter.to {
        wanted.insert("period.to", to.clone());
    }
    for (name, value) in &filter.scope {
        let value = match value {
            Wanted::Present => Bson::Document(doc! { "$exists": true }),
            Wanted::Number(number) => Bson::Double(*number),
            Wanted::Text(text) => Bson::String(text.clone()),
        };
        wanted.insert(format!("scope.{name}"), value);
    }
    let mut pipeline = vec![doc! { "$match": wanted }, doc! { "$unwind": "$records" }];
    if let Some((name, _)) = filter.scope.last() {
        let of_a_value = doc! { "_id": format!("$scope.{name}"), "evidences": { "$push": "$records.evidences" } };
        pipeline.push(doc! { "$group": of_a_value });
    }
    pipeline
}

fn last_records(agreement: &str, guarantee: &str, history: History) -> Vec<Document> {
    let last = doc! { "$arrayElemAt": ["$records", -1] };
    let size = doc! { "$cond": [{ "$isArray": "$record.evidences" }, { "$size": "$record.evidences" }, 0] };
    let mut pipeline = vec![
        doc! { "$match": { "agreementId": agreement, "id": guarantee } },
        doc! { "$addFields": { "record": last } },
        doc! { "$unset": "records" },
        doc! { "$addFields": { "record_size": size } },
    ];
    if history.with_evidences_only {
        pipeline.push(doc! { "$match": { "record_size": { "$gt": 0 } } });
    }
    if let Some(limit) = history.limit {
        pipeline.push(doc! { "$limit": i64::from(limit) });
    }
    if history.hides_evidences {
        pipeline.push(doc! { "$unset": "record.evidences" });
    }
    pipeline
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_is_a_match_and_groups_by_the_last_name_of_the_scope() {
        let filter = Filter {
            indicator: Some("UP".into()),
            from: Some("a".into()),
            scope: vec![("project".into(), Wanted::Text("p".into())), ("level".into(), Wanted::Number(2.0))],
            ..Filter::default()
        };
        let pipeline = filtered("agreement", &filter);
        let wanted = doc! { "agreementId": "agreement", "id": "UP", "stateType": null, "period.from": "a",
        "scope.project": "p", "scope.level": 2.0 };
        assert_eq!(pipeline[0], doc! { "$match": wanted });
        assert_eq!(
            pipeline[2],
            doc! { "$group": { "_id": "$scope.level", "evidences": { "$push": "$records.evidences" } } }
        );
        assert_eq!(filtered("a", &Filter { to: Some("b".into()), ..Filter::default() }).len(), 2);
    }
}
