//! Which fields of a body are stored, and what becomes of their values.
//!
//! Pure. The original stores only what its models name and drops the rest without a word; so do we.

use std::borrow::Cow;

use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Document, RawDocumentBuf};
use serde_json::{Map, Value};

use super::bson::{self, CastError, Writer};
use super::{Result, StoreError};

/// The fields of one model.
#[derive(Debug)]
pub struct Fields {
    /// Stored as texts; a list or an object is refused.
    pub texts: &'static [&'static str],
    /// Stored as they are.
    pub free: &'static [&'static str],
}

/// Of agreements and of templates. Everything after `terms` is an accident of how the original reads its schema file, and
/// stored by it all the same.
pub const AGREEMENT: Fields = Fields {
    texts: &["id", "version", "type", "templateId"],
    free: &[
        "context",
        "terms",
        "configuration",
        "scopedConfiguration",
        "validity",
        "infrastructure",
        "definitions",
        "_schema",
        "scopes",
        "scope",
        "log",
        "pricing",
        "billing",
        "metrics",
        "rate",
        "quota",
        "scopedQuota",
        "scopedRate",
        "limit",
        "guarantee",
        "guarantee_scope",
        "scoped_guarantee",
        "with",
        "window",
        "evidence",
        "compensation",
        "compensation_of",
        "over",
    ],
};

pub const BILL: Fields = Fields { texts: &["agreementId", "billId", "state", "closeDate"], free: &["period"] };

/// What is stored of a body, in its order.
#[derive(Debug)]
pub struct Kept<'a>(Vec<(&'a str, Cow<'a, Value>)>);

impl Fields {
    pub fn keep<'a>(&self, body: &'a Map<String, Value>) -> std::result::Result<Kept<'a>, CastError> {
        let mut kept = Vec::with_capacity(body.len());
        for (name, value) in body {
            if self.texts.contains(&name.as_str()) {
                let text = bson::text(name, value)?;
                // Most are texts already.
                let value = match (text, value) {
                    (Some(_), Value::String(_)) => Cow::Borrowed(value),
                    (text, _) => Cow::Owned(text.map_or(Value::Null, Value::String)),
                };
                kept.push((name.as_str(), value));
            } else if self.free.contains(&name.as_str()) {
                bson::names(value)?;
                kept.push((name.as_str(), Cow::Borrowed(value)));
            }
        }
        Ok(Kept(kept))
    }
}

impl Kept<'_> {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text of a string field, if it has one.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(kept, _)| *kept == name).and_then(|(_, value)| value.as_str())
    }

    /// In place of what was sent.
    pub fn fill(&mut self, name: &'static str, text: &str) {
        if self.text(name).is_none_or(str::is_empty) {
            self.0.retain(|(kept, _)| *kept != name);
            self.0.push((name, Cow::Owned(Value::String(text.to_owned()))));
        }
    }

    /// As a new document: its id first, its version last.
    pub fn document(&self, id: ObjectId) -> Result<RawDocumentBuf> {
        let mut writer = Writer::default();
        writer.id("_id", id);
        self.write(&mut writer);
        writer.integer("__v", 0);
        writer.finish().map_err(StoreError::Unbuilt)
    }

    /// As the new values of a document that is there.
    pub fn change(&self) -> Result<Document> {
        let mut writer = Writer::default();
        self.write(&mut writer);
        let fields = writer.finish().map_err(StoreError::Unbuilt)?;
        Document::try_from(fields).map_err(StoreError::Unbuilt)
    }

    fn write(&self, writer: &mut Writer) {
        for (name, value) in &self.0 {
            writer.json(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::json as print;
    use super::*;

    #[test]
    fn only_fields_of_the_model_are_kept_and_in_their_order() {
        let body = json!({ "version": 2, "id": "a", "surprise": 1, "terms": { "z": {}, "a": 1.0 }, "$set": {}, "_id": "x",
            "context": {}, "__v": 9, "type": null });
        let kept = AGREEMENT.keep(body.as_object().unwrap()).unwrap();
        let mut out = Vec::new();
        print::document(&mut out, &kept.document(ObjectId::from_bytes([0; 12])).unwrap()).unwrap();
        let wanted = r#"{"_id":"000000000000000000000000","version":"2","id":"a","terms":{"z":{},"a":1},"context":{},"type":null,"__v":0}"#;
        assert_eq!(String::from_utf8(out).unwrap(), wanted);
    }

    #[test]
    fn a_field_that_the_caller_left_out_is_filled() {
        let body = json!({ "billId": "7", "state": "open" });
        let mut kept = BILL.keep(body.as_object().unwrap()).unwrap();
        kept.fill("agreementId", "a");
        kept.fill("billId", "8");
        assert_eq!((kept.text("agreementId"), kept.text("billId")), (Some("a"), Some("7")));
    }

    #[test]
    fn what_has_no_text_is_refused() {
        let body = json!({ "id": ["a"] });
        assert!(AGREEMENT.keep(body.as_object().unwrap()).is_err());
    }
}
