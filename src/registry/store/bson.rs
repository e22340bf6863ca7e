//! From JSON as a caller sent it to BSON as the original's driver stores it; what a field takes and what it refuses.
//!
//! Pure. Numbers are JavaScript's: those that are whole and fit are stored in 32 bits, all others as doubles. Members
//! keep their order.

use mongodb::bson::oid::ObjectId;
use mongodb::bson::{RawDocument, RawDocumentBuf};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::json;

/// A value that the field or the format does not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CastError {
    #[error("Cast to string failed for value {value} (type {kind}) at path \"{path}\"")]
    NotText { path: String, value: String, kind: &'static str },
    #[error("the name of a member holds the character U+0000, which cannot be stored")]
    Name,
}

/// As much of a refused value is repeated.
const REPEATED: usize = 80;

/// The bytes of one BSON document, member after member.
#[derive(Debug, Clone)]
pub struct Writer {
    bytes: Vec<u8>,
    /// Where the lengths of the documents under way stand.
    open: Vec<usize>,
}

impl Default for Writer {
    fn default() -> Self {
        let mut writer = Self { bytes: Vec::with_capacity(1024), open: Vec::new() };
        writer.begin();
        writer
    }
}

impl Writer {
    fn begin(&mut self) {
        self.open.push(self.bytes.len());
        self.bytes.extend_from_slice(&[0; 4]);
    }

    fn end(&mut self) {
        self.bytes.push(0);
        if let Some(at) = self.open.pop() {
            // The server takes 16 MB and a body 50; four bytes hold that.
            let length = (self.bytes.len() - at) as u32;
            self.bytes[at..at + 4].copy_from_slice(&length.to_le_bytes());
        }
    }

    /// Everything that was opened is closed; what was written is the document.
    pub fn finish(mut self) -> Result<RawDocumentBuf, mongodb::bson::error::Error> {
        while !self.open.is_empty() {
            self.end();
        }
        RawDocumentBuf::from_bytes(self.bytes)
    }

    fn head(&mut self, kind: u8, name: &str) {
        self.bytes.push(kind);
        // A name that holds the end mark was refused before; here it ends at it.
        let name = name.split('\0').next().unwrap_or_default();
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
    }

    pub fn string(&mut self, name: &str, text: &str) -> &mut Self {
        self.head(0x02, name);
        self.bytes.extend_from_slice(&(text.len() as u32 + 1).to_le_bytes());
        self.bytes.extend_from_slice(text.as_bytes());
        self.bytes.push(0);
        self
    }

    pub fn integer(&mut self, name: &str, number: i32) -> &mut Self {
        self.head(0x10, name);
        self.bytes.extend_from_slice(&number.to_le_bytes());
        self
    }

    pub fn boolean(&mut self, name: &str, value: bool) -> &mut Self {
        self.head(0x08, name);
        self.bytes.push(u8::from(value));
        self
    }

    pub fn id(&mut self, name: &str, id: ObjectId) -> &mut Self {
        self.head(0x07, name);
        self.bytes.extend_from_slice(&id.bytes());
        self
    }

    pub fn number(&mut self, name: &str, number: f64) -> &mut Self {
        let whole = number as i32;
        // The bits tell zero from minus zero, which stays a double.
        if f64::from(whole).to_bits() == number.to_bits() {
            return self.integer(name, whole);
        }
        self.head(0x01, name);
        self.bytes.extend_from_slice(&number.to_le_bytes());
        self
    }

    /// A document within this one.
    pub fn document(&mut self, name: &str, fill: impl FnOnce(&mut Self)) -> &mut Self {
        self.nested(0x03, name, fill)
    }

    /// A list; its members are named by their place.
    pub fn array(&mut self, name: &str, fill: impl FnOnce(&mut Self)) -> &mut Self {
        self.nested(0x04, name, fill)
    }

    fn nested(&mut self, kind: u8, name: &str, fill: impl FnOnce(&mut Self)) -> &mut Self {
        self.head(kind, name);
        self.begin();
        let depth = self.open.len();
        fill(self);
        while self.open.len() >= depth {
            self.end();
        }
        self
    }

    /// An object whose names are looked at here.
    pub fn members_of(&mut self, name: &str, members: &Map<String, Value>) -> Result<&mut Self, CastError> {
        for (name, value) in members {
            if name.contains('\0') {
                return Err(CastError::Name);
            }
            names(value)?;
        }
        Ok(self.document(name, |inner| {
            for (name, value) in members {
                inner.json(name, value);
            }
        }))
    }

    /// The members of a document that is there already.
    pub fn members(&mut self, document: &RawDocument) -> &mut Self {
        let bytes = document.as_bytes();
        // Between its length and its end mark.
        self.bytes.extend_from_slice(bytes.get(4..bytes.len().saturating_sub(1)).unwrap_or_default());
        self
    }

    /// A document that is there already.
    pub fn raw(&mut self, name: &str, document: &RawDocument) -> &mut Self {
        self.head(0x03, name);
        self.bytes.extend_from_slice(document.as_bytes());
        self
    }

    /// Whatever the caller sent. [`names`] has looked at its names.
    pub fn json(&mut self, name: &str, value: &Value) -> &mut Self {
        match value {
            Value::Null => {
                self.head(0x0a, name);
                self
            }
            Value::Bool(value) => self.boolean(name, *value),
            Value::Number(number) => self.number(name, number.as_f64().unwrap_or(f64::NAN)),
            Value::String(text) => self.string(name, text),
            Value::Array(items) => self.array(name, |list| {
                for (index, item) in items.iter().enumerate() {
                    list.json(&index.to_string(), item);
                }
            }),
            Value::Object(members) => self.document(name, |inner| {
                for (name, value) in members {
                    inner.json(name, value);
                }
            }),
        }
    }
}

/// Whether every name in there can be stored.
pub fn names(value: &Value) -> Result<(), CastError> {
    match value {
        Value::Array(items) => items.iter().try_for_each(names),
        Value::Object(members) => members.iter().try_for_each(|(name, value)| {
            if name.contains('\0') {
                return Err(CastError::Name);
            }
            names(value)
        }),
        _ => Ok(()),
    }
}

/// What a string field stores for this value; nothing for nothing.
pub fn text(path: &str, value: &Value) -> Result<Option<String>, CastError> {
    let refused = |kind| {
        let mut shown = value.to_string();
        if let Some((end, _)) = shown.char_indices().nth(REPEATED) {
            shown.truncate(end);
            shown.push('…');
        }
        Err(CastError::NotText { path: path.to_owned(), value: shown, kind })
    };
    match value {
        Value::Null => Ok(None),
        Value::Bool(value) => Ok(Some(value.to_string())),
        Value::Number(number) => Ok(Some(json::number_text(number.as_f64().unwrap_or(f64::NAN)))),
        Value::String(text) => Ok(Some(text.clone())),
        Value::Array(_) => refused("Array"),
        Value::Object(_) => refused("Object"),
    }
}

/// An id that is made of what must be there only once: two servers that insert the same thing at the same time collide in
/// the one unique index that every collection has. `turn` is another id for another try.
pub fn id_of(parts: &[&str], turn: u32) -> ObjectId {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.update(turn.to_le_bytes());
    let digest = hash.finalize();
    let mut bytes = [0_u8; 12];
    bytes.copy_from_slice(&digest[..12]);
    ObjectId::from_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{Bson, Document, doc};
    use serde_json::json;

    use super::*;

    fn stored(value: &Value) -> Bson {
        let mut writer = Writer::default();
        writer.json("v", value);
        let document: Document = writer.finish().unwrap().try_into().unwrap();
        document.get("v").unwrap().clone()
    }

    #[test]
    fn numbers_are_stored_as_the_originals_driver_stores_them() {
        assert_eq!(stored(&json!(7)), Bson::Int32(7));
        assert_eq!(stored(&json!(7.0)), Bson::Int32(7));
        assert_eq!(stored(&json!(-2_147_483_648_i64)), Bson::Int32(i32::MIN));
        assert_eq!(stored(&json!(2_147_483_648_i64)), Bson::Double(2_147_483_648.0));
        assert_eq!(stored(&json!(0.5)), Bson::Double(0.5));
        let Bson::Double(zero) = stored(&json!(-0.0)) else { panic!("minus zero is a double") };
        assert!(zero.is_sign_negative());
    }

    #[test]
    fn what_is_stored_is_what_was_sent_in_its_order() {
        let sent = json!({ "z": [1, [], {}], "a": { "$ref": "#/x", "b.c": null }, "": true, "t": "é\"" });
        let wanted = doc! { "z": [1, [], {}], "a": { "$ref": "#/x", "b.c": null }, "": true, "t": "é\"" };
        assert_eq!(stored(&sent), Bson::Document(wanted));
        let mut writer = Writer::default();
        writer.json("v", &sent);
        let mut out = Vec::new();
        json::document(&mut out, &writer.finish().unwrap()).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), json!({ "v": sent }).to_string());
    }

    #[test]
    fn a_string_field_takes_what_has_a_text() {
        let cast = |value: Value| text("id", &value);
        assert_eq!(cast(json!(5)), Ok(Some("5".into())));
        assert_eq!(cast(json!(1.50)), Ok(Some("1.5".into())));
        assert_eq!(cast(json!(true)), Ok(Some("true".into())));
        assert_eq!(cast(json!(null)), Ok(None));
        let refused = cast(json!({ "a": 1 })).unwrap_err().to_string();
        assert_eq!(refused, r#"Cast to string failed for value {"a":1} (type Object) at path "id""#);
        assert!(cast(json!([1])).is_err());
        assert_eq!(names(&json!({ "a": [{ "b\u{0}": 1 }] })), Err(CastError::Name));
    }

    #[test]
    fn an_id_names_its_parts() {
        assert_eq!(id_of(&["a", "b"], 0), id_of(&["a", "b"], 0));
        assert_ne!(id_of(&["a", "b"], 0), id_of(&["ab", ""], 0));
        assert_ne!(id_of(&["a"], 0), id_of(&["a"], 1));
    }
}
