//! From the text of an infrastructure file to its tree.
//!
//! Pure: the environment is an argument. Four steps, as the original takes them: parse; a text that names a sibling becomes
//! that sibling's value; `$_[NAME]` becomes a variable; `{{a.b}}` becomes what the tree holds there. Values are put in as
//! they are, whatever characters they have: tags are replaced within each text and not in the text of the file.

use serde_json::{Map, Value};

use crate::serve::environment::Lookup;

/// Deeper ones are a mistake or an attack.
const DEEPEST: usize = 64;
/// Values in the tree once siblings are in place: a few lines can name each other into millions.
const MOST: usize = 100_000;

#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    #[error("it is not UTF-8")]
    Encoding(#[source] std::str::Utf8Error),
    #[error("it is not valid YAML: {0}")]
    Yaml(String),
    #[error("it is not valid JSON")]
    Json(#[source] serde_json::Error),
    #[error("it must be an object at the top")]
    NoObject,
    #[error("it is nested deeper than {DEEPEST} levels or has more than {MOST} values")]
    TooMuch,
    #[error("the tag in {text:?} has no end")]
    OpenTag { text: String },
    #[error("{tag:?} is not supported: a tag names a variable or a path")]
    Tag { tag: String },
    #[error("{tag:?} names something that is neither a text nor a number")]
    NoText { tag: String },
}

/// Whether a file is YAML, by its name.
pub fn is_yaml(location: &str) -> bool {
    location.ends_with(".yaml") || location.ends_with(".yml")
}

pub fn read(bytes: &[u8], is_yaml: bool, environment: Lookup<'_>) -> Result<Value, TreeError> {
    let mut tree: Value = if is_yaml {
        let text = std::str::from_utf8(bytes).map_err(TreeError::Encoding)?;
        serde_saphyr::from_str(text).map_err(|error| TreeError::Yaml(error.to_string()))?
    } else {
        serde_json::from_slice(bytes).map_err(TreeError::Json)?
    };
    match tree {
        // An empty file.
        Value::Null => tree = Value::Object(Map::new()),
        Value::Object(_) => {}
        _ => return Err(TreeError::NoObject),
    }
    let mut left = MOST;
    name_siblings(&mut tree, DEEPEST, &mut left)?;
    let tree = rendered(tree, &VARIABLE, &|name| Ok(environment(name)))?;
    let known = tree.clone();
    rendered(tree, &PATH, &|path| match at(&known, path) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => Ok(Some(value.to_string())),
        Some(Value::Array(_) | Value::Object(_)) => Err(TreeError::NoText { tag: path.to_owned() }),
    })
}

/// What lies at a dotted path; a whole name with dots in it comes first.
pub fn at<'a>(tree: &'a Value, path: &str) -> Option<&'a Value> {
    tree.get(path).or_else(|| path.split('.').try_fold(tree, |tree, name| tree.get(name)))
}

/// `{default: "standard", standard: X}` becomes `{default: X, standard: X}`, at every level.
fn name_siblings(value: &mut Value, depth: usize, left: &mut usize) -> Result<(), TreeError> {
    let deeper = depth.checked_sub(1).ok_or(TreeError::TooMuch)?;
    *left = left.checked_sub(1).ok_or(TreeError::TooMuch)?;
    match value {
        Value::Array(items) => items.iter_mut().try_for_each(|item| name_siblings(item, deeper, left)),
        Value::Object(members) => {
            let named: Vec<(String, Value)> = members
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), members.get(value.as_str()?)?.clone())))
                .collect();
            for (name, value) in named {
                members.insert(name, value);
            }
            members.values_mut().try_for_each(|member| name_siblings(member, deeper, left))
        }
        _ => Ok(()),
    }
}

/// How a tag begins and ends.
struct Tag {
    open: &'static str,
    close: &'static str,
}

const VARIABLE: Tag = Tag { open: "$_[", close: "]" };
const PATH: Tag = Tag { open: "{{", close: "}}" };

type Values<'a> = &'a dyn Fn(&str) -> Result<Option<String>, TreeError>;

/// Every text of the tree, also names of members, with its tags replaced.
fn rendered(value: Value, tag: &Tag, values: Values<'_>) -> Result<Value, TreeError> {
    Ok(match value {
        Value::String(text) if text.contains(tag.open) => Value::String(text_rendered(&text, tag, values)?),
        Value::Array(items) => {
            Value::Array(items.into_iter().map(|item| rendered(item, tag, values)).collect::<Result<_, _>>()?)
        }
        Value::Object(members) => {
            let mut out = Map::with_capacity(members.len());
            for (name, value) in members {
                out.insert(text_rendered(&name, tag, values)?, rendered(value, tag, values)?);
            }
            Value::Object(out)
        }
        other => other,
    })
}

fn text_rendered(text: &str, tag: &Tag, values: Values<'_>) -> Result<String, TreeError> {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, inside)) = rest.split_once(tag.open) {
        out.push_str(before);
        // `{{{a}}}` and `{{&a}}` are `{{a}}` here: nothing is ever escaped.
        let (name, after) = match inside.strip_prefix('{') {
            Some(inside) => {
                inside.split_once('}').and_then(|(name, after)| Some((name, after.strip_prefix(tag.close)?)))
            }
            None => inside.split_once(tag.close),
        }
        .ok_or_else(|| TreeError::OpenTag { text: text.to_owned() })?;
        let name = name.strip_prefix('&').unwrap_or(name).trim();
        match name.chars().next() {
            Some('#' | '^' | '/' | '>' | '=') => return Err(TreeError::Tag { tag: name.to_owned() }),
            // A comment.
            Some('!') => {}
            // What is missing is empty, as in the original.
            _ => out.push_str(&values(name)?.unwrap_or_default()),
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn environment(name: &str) -> Option<String> {
        match name {
            "HOST" => Some("a/b".to_owned()),
            "QUOTED" => Some("say \"x\" & <y>".to_owned()),
            _ => None,
        }
    }

    #[track_caller]
    fn yaml(text: &str) -> Value {
        read(text.as_bytes(), true, &environment).unwrap()
    }

    fn refused(text: &str) -> String {
        read(text.as_bytes(), true, &environment).unwrap_err().to_string()
    }

    #[test]
    fn yaml_becomes_the_tree_in_its_order() {
        let tree = yaml("internal:\n  b: http://b\n  a: {port: 80, on: true, none: ~}\nexternal: [x, 1.5]\n");
        let text = r#"{"internal":{"b":"http://b","a":{"port":80,"on":true,"none":null}},"external":["x",1.5]}"#;
        assert_eq!(tree.to_string(), text);
        assert_eq!(yaml(""), json!({}));
        assert_eq!(yaml("a: &x http://a\nb: *x"), json!({ "a": "http://a", "b": "http://a" }));
        assert_eq!(read(br#"{"a":1}"#, false, &environment).unwrap(), json!({ "a": 1 }));
    }

    #[test]
    fn a_text_that_names_a_sibling_becomes_its_value() {
        assert_eq!(
            yaml("status-backend: {default: standard, standard: \"http://b:3001\"}"),
            json!({ "status-backend": { "default": "http://b:3001", "standard": "http://b:3001" } })
        );
        assert_eq!(yaml("a: b\nb: {c: 1}"), json!({ "a": { "c": 1 }, "b": { "c": 1 } }));
        assert_eq!(yaml("a: a"), json!({ "a": "a" }));
    }

    #[test]
    fn variables_and_paths_are_put_in_as_they_are() {
        assert_eq!(
            yaml("dns: {x: \".org\"}\na: \"http://$_[HOST]{{dns.x}}\"\nb: \"$_[QUOTED]\"\nc: '{{ b }}{{&b}}{{{b}}}'"),
            json!({
                "dns": { "x": ".org" },
                "a": "http://a/b.org",
                "b": "say \"x\" & <y>",
                "c": "say \"x\" & <y>".repeat(3),
            })
        );
        assert_eq!(yaml("a: \"[$_[MISSING]|{{missing.path}}|{{! a note }}]\""), json!({ "a": "[||]" }));
        assert_eq!(yaml("n: 80\na: \"x:{{n}}\""), json!({ "n": 80, "a": "x:80" }));
        assert_eq!(yaml("\"$_[HOST]\": 1"), json!({ "a/b": 1 }));
    }

    #[test]
    fn a_rendered_text_is_not_rendered_again() {
        assert_eq!(yaml("a: '{{b}}'\nb: '{{c}}'\nc: x"), json!({ "a": "{{c}}", "b": "x", "c": "x" }));
    }

    #[test]
    fn what_cannot_be_is_said() {
        assert!(refused("a: [").starts_with("it is not valid YAML"));
        assert_eq!(refused("- a"), "it must be an object at the top");
        assert_eq!(refused("a: '{{b'"), "the tag in \"{{b\" has no end");
        assert!(refused("a: '{{#b}}x{{/b}}'").contains("is not supported"));
        assert!(refused("a: {x: 1}\nb: '{{a}}'").contains("neither a text nor a number"));
        assert!(read(b"{", false, &environment).is_err());
    }

    #[test]
    fn siblings_that_multiply_have_an_end() {
        let mut text = "1".to_owned();
        for _ in 0..30 {
            text = format!("{{a: b, b: {text}}}");
        }
        assert!(refused(&format!("top: {text}")).contains("nested deeper"));
    }
}
