//! A task as it is stored: a JSON object in the order in which its members came, with the few members that mean something.
//!
//! Pure. Unknown members are kept and never looked at; what a member means follows JavaScript, as in the original.

use serde_json::{Map, Value};

/// The longest id in bytes: its file's temporary name, which is longer, must stay within the 255 of a directory entry.
pub const LONGEST_ID: usize = 180;

/// A task: an object of any members.
#[derive(Debug, Clone, PartialEq)]
pub struct Task(Map<String, Value>);

/// Why a value cannot be stored as a task.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("A task must be a JSON object")]
    NoObject,
    #[error("The id of a task must be a text or a number")]
    IdKind,
    #[error("The id of a task must not be \".\" or \"..\" and must not contain a slash, a backslash or a null byte")]
    IdLetters,
    #[error("The id of a task must not be longer than {LONGEST_ID} bytes")]
    IdLength,
}

impl Task {
    /// What a caller sent or a file holds.
    pub fn new(value: Value) -> Result<Self, Refused> {
        match value {
            Value::Object(members) => Ok(Self(members)),
            _ => Err(Refused::NoObject),
        }
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The id as a text, if there is one; a false value counts as none.
    pub fn id(&self) -> Option<String> {
        match self.0.get("id")? {
            Value::String(id) if !id.is_empty() => Some(id.clone()),
            value @ Value::Number(_) if is_truthy(value) => Some(value.to_string()),
            _ => None,
        }
    }

    /// The id, checked as the name of a file. `None`: it has none, and needs one.
    pub fn file_id(&self) -> Result<Option<String>, Refused> {
        match self.0.get("id") {
            None => Ok(None),
            Some(value) if !is_truthy(value) => Ok(None),
            Some(Value::String(_) | Value::Number(_)) => {
                let id = self.id().ok_or(Refused::IdKind)?;
                check_id(&id)?;
                Ok(Some(id))
            }
            Some(_) => Err(Refused::IdKind),
        }
    }

    /// A new member comes last, an existing one keeps its place.
    pub fn set_id(&mut self, id: &str) {
        self.0.insert("id".to_owned(), id.into());
    }

    pub fn is_running(&self) -> bool {
        self.0.get("running").is_some_and(is_truthy)
    }

    /// A new member comes last, an existing one keeps its place.
    pub fn set_running(&mut self, running: bool) {
        self.0.insert("running".to_owned(), running.into());
    }

    /// Whether its runs may overlap: its own word, otherwise the setting's.
    pub fn may_overlap(&self, default: bool) -> bool {
        self.0.get("overlap").map_or(default, is_truthy)
    }

    /// Whether this one has every member of `other`, each with the same JSON text.
    pub fn has_all_of(&self, other: &Self) -> bool {
        other.0.iter().all(|(name, value)| self.0.get(name).is_some_and(|own| own == value && same_text(own, value)))
    }

    /// Whether the JSON texts of these members are those of the wanted values.
    pub fn matches(&self, wanted: &[(String, Value)]) -> bool {
        wanted.iter().all(|(name, value)| self.0.get(name).is_some_and(|own| own == value))
    }

    /// As answers carry it.
    pub fn text(&self) -> String {
        // Maps with texts as keys always have a text.
        serde_json::to_string(&self.0).unwrap_or_default()
    }

    /// As its file holds it: two spaces of indent, no line end behind, as the original writes it.
    pub fn pretty(&self) -> String {
        serde_json::to_string_pretty(&self.0).unwrap_or_default()
    }
}

/// Whether an id can be the name of a file in the folder, and of none elsewhere.
pub fn check_id(id: &str) -> Result<(), Refused> {
    if matches!(id, "." | "..") || id.contains(['/', '\\', '\0']) {
        return Err(Refused::IdLetters);
    }
    if id.len() > LONGEST_ID { Err(Refused::IdLength) } else { Ok(()) }
}

/// Equality of maps does not mind the order of their members; that of texts does.
fn same_text(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => one.iter().zip(other).all(|(one, other)| same_text(one, other)),
        (Value::Object(one), Value::Object(other)) => {
            one.iter().zip(other).all(|((key, one), (other_key, other))| key == other_key && same_text(one, other))
        }
        // Equal ones, which have the same text.
        _ => true,
    }
}

/// JavaScript's truth.
pub fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64().is_some_and(|number| number != 0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}

/// The wanted members that a query names: each a text, or a list of texts when it comes more than once.
pub fn wanted(query: &str) -> Vec<(String, Value)> {
    let mut wanted: Vec<(String, Value)> = Vec::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match wanted.iter_mut().find(|(known, _)| *known == name) {
            None => wanted.push((name.into_owned(), Value::from(value.into_owned()))),
            Some((_, Value::Array(values))) => values.push(value.into_owned().into()),
            Some((_, first)) => *first = Value::Array(vec![first.take(), value.into_owned().into()]),
        }
    }
    wanted
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn task(value: Value) -> Task {
        Task::new(value).unwrap()
    }

    #[test]
    fn an_id_names_a_file_of_the_folder_and_no_other() {
        for bad in ["../x", "..", ".", "a/b", "a\\b", "a\0b", "/etc/passwd"] {
            assert_eq!(task(json!({ "id": bad })).file_id(), Err(Refused::IdLetters), "{bad}");
        }
        assert_eq!(task(json!({ "id": "x".repeat(181) })).file_id(), Err(Refused::IdLength));
        assert_eq!(task(json!({ "id": ["x"] })).file_id(), Err(Refused::IdKind));
        assert_eq!(task(json!({ "id": true })).file_id(), Err(Refused::IdKind));
        for good in ["..x", "a b", "%2e%2e", "é", "a.json"] {
            assert_eq!(task(json!({ "id": good })).file_id(), Ok(Some(good.to_owned())), "{good}");
        }
        assert_eq!(task(json!({ "id": 5 })).file_id(), Ok(Some("5".to_owned())));
        for none in [json!({}), json!({ "id": "" }), json!({ "id": null }), json!({ "id": 0 })] {
            assert_eq!(task(none).file_id(), Ok(None));
        }
        assert_eq!(Task::new(json!([1])), Err(Refused::NoObject));
    }

    #[test]
    fn members_keep_their_order() {
        let mut some = task(serde_json::from_str(r#"{"running":true,"b":{"z":1,"a":2},"id":"","a":123127}"#).unwrap());
        some.set_id("x");
        some.set_running(false);
        assert_eq!(some.text(), r#"{"running":false,"b":{"z":1,"a":2},"id":"x","a":123127}"#);
        let mut none = task(json!({ "a": 1 }));
        none.set_id("x");
        none.set_running(true);
        assert_eq!(none.text(), r#"{"a":1,"id":"x","running":true}"#);
        assert_eq!(task(json!({ "a": {}, "b": [] })).pretty(), "{\n  \"a\": {},\n  \"b\": []\n}");
    }

    #[test]
    fn a_duplicate_has_the_same_text_member_by_member() {
        let parsed = |text: &str| task(serde_json::from_str(text).unwrap());
        let stored = parsed(r#"{"id":"1","config":{"a":1,"b":2},"running":true,"more":1}"#);
        assert!(stored.has_all_of(&parsed(r#"{"running":true,"config":{"a":1,"b":2}}"#)));
        assert!(!stored.has_all_of(&parsed(r#"{"config":{"b":2,"a":1}}"#)));
        assert!(!stored.has_all_of(&parsed(r#"{"id":"1","absent":null}"#)));
        assert!(stored.has_all_of(&parsed("{}")));
    }

    #[test]
    fn a_query_matches_texts_only() {
        let some = task(json!({ "id": "x", "running": true, "interval": "5000", "list": ["a", "b"] }));
        for (query, matches) in [
            ("", true),
            ("id=x", true),
            ("id=x&interval=5000", true),
            ("running=true", false),
            ("absent=1", false),
            ("list=a&list=b", true),
            ("list=a", false),
            ("id=%78", true),
        ] {
            assert_eq!(some.matches(&wanted(query)), matches, "{query}");
        }
    }

    #[test]
    fn overlap_is_the_task_s_word_before_the_setting_s() {
        assert!(!task(json!({})).may_overlap(false) && task(json!({})).may_overlap(true));
        assert!(task(json!({ "overlap": true })).may_overlap(false));
        assert!(!task(json!({ "overlap": false })).may_overlap(true));
    }
}
