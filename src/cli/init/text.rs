//! The text of `.env`: what is there stays where it is, with its comments; values are replaced in place, what is missing
//! is added with a word about it. Pure.

use std::collections::BTreeMap;

use super::super::status_env::{GROUPS, Variable, variables};
use crate::spec::env_file;

/// One difference between the file and what it will be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub name: String,
    pub before: Option<String>,
    pub after: String,
}

/// The new text and how it differs. `wanted` has the values that were answered; what is missing gets its default.
pub fn merge(old: &str, wanted: &BTreeMap<String, String>) -> (String, Vec<Change>) {
    let (entries, _) = env_file::parse(old);
    let mut changes = Vec::new();
    let mut text = String::new();
    let mut copied = 0;
    // The last line of a name counts; earlier ones stay as they are.
    for (index, entry) in entries.iter().enumerate() {
        let is_last = entries[index + 1..].iter().all(|later| later.name != entry.name);
        let Some(after) = wanted.get(&entry.name).filter(|after| is_last && **after != entry.value) else { continue };
        text.push_str(&old[copied..entry.range.start]);
        text.push_str(&line(&entry.name, after));
        copied = entry.whole.end;
        let (name, before) = (entry.name.clone(), Some(entry.value.clone()));
        changes.push(Change { name, before, after: after.clone() });
    }
    text.push_str(&old[copied..]);
    let is_there = |name: &str| entries.iter().any(|entry| entry.name == name);
    for group in GROUPS {
        let missing: Vec<&Variable> = group.variables.iter().filter(|variable| !is_there(variable.name)).collect();
        if missing.is_empty() {
            continue;
        }
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&format!("# --- {}\n", group.title));
        for variable in missing {
            let after = wanted.get(variable.name).cloned().unwrap_or_else(|| variable.default.to_owned());
            text.push_str(&format!("# {}\n{}\n", variable.meaning, line(variable.name, &after)));
            changes.push(Change { name: variable.name.to_owned(), before: None, after });
        }
    }
    (text, changes)
}

/// `NAME=value`, quoted as far as needed for it to be read back as it is.
fn line(name: &str, value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:@?&=,+%".contains(&byte);
    if value.bytes().all(plain) {
        return format!("{name}={value}");
    }
    if !value.contains(['\'', '\n', '\r']) {
        return format!("{name}='{value}'");
    }
    let mut quoted = String::new();
    for c in value.chars() {
        match c {
            '"' | '\\' | '$' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            c => quoted.push(c),
        }
    }
    format!("{name}=\"{quoted}\"")
}

/// What changes, a line or two for each; secrets are not shown.
pub fn diff(changes: &[Change]) -> Vec<String> {
    let shown = |name: &str, value: &str| {
        let secret = variables().any(|variable| variable.name == name && variable.secret);
        if secret && !value.is_empty() { format!("{name}=…") } else { line(name, value) }
    };
    let mut lines = Vec::new();
    for change in changes {
        lines.extend(change.before.as_ref().map(|before| format!("- {}", shown(&change.name, before))));
        lines.push(format!("+ {}", shown(&change.name, &change.after)));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> BTreeMap<String, String> {
        let (entries, faults) = env_file::parse(text);
        assert_eq!(faults, []);
        // A value in double quotes keeps its dollars doubled for whoever resolves references.
        entries.into_iter().map(|entry| (entry.name, entry.value.replace("$$", "$"))).collect()
    }

    #[test]
    fn a_new_file_has_every_variable_once() {
        let (text, changes) = merge("", &BTreeMap::new());
        let values = values(&text);
        assert_eq!(values.len(), variables().count());
        assert_eq!(changes.len(), values.len());
        assert_eq!((values["USER_STATUS"].as_str(), values["PASS_STATUS"].as_str()), ("admin", ""));
        assert_eq!(merge(&text, &BTreeMap::new()), (text, Vec::new()), "a second time changes nothing");
    }

    #[test]
    fn what_is_there_stays_in_its_place() {
        let old = "# mine\nOTHER=1\nexport DB_NAME = 'kept' # why\nPASS_STATUS=\"a\nb\"\nUSER_STATUS=ada";
        let wanted = BTreeMap::from([("PASS_STATUS".to_owned(), "n3w".to_owned())]);
        let (text, changes) = merge(old, &wanted);
        assert!(
            text.starts_with("# mine\nOTHER=1\nexport DB_NAME = 'kept' # why\nPASS_STATUS=n3w\nUSER_STATUS=ada\n"),
            "{text}"
        );
        let values = values(&text);
        assert_eq!((values["DB_NAME"].as_str(), values["DB_USER"].as_str()), ("kept", "statususer"));
        assert_eq!(changes[0].before.as_deref(), Some("a\nb"));
        let shown = diff(&changes).join("\n");
        assert!(shown.starts_with("- PASS_STATUS=…\n+ PASS_STATUS=…\n+ REEVE_MODE=production"), "{shown}");
        assert!(!shown.contains("n3w"));
    }

    #[test]
    fn every_value_is_read_back_as_it_was() {
        for value in ["", "a b", "#x", "$HOME", "${X}", "it's", "\"", "a\\b", "it's \"$5\"\nand \\ more", "ä", " lead "]
        {
            let text = line("A", value);
            assert_eq!(values(&text)["A"], value, "{text}");
        }
    }
}
