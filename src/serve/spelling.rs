//! The canonical spelling of an address: the original's router does not mind case or a slash at the end.
//!
//! Pure. Parameters keep their spelling, everything else gets that of the table.

use std::collections::BTreeMap;

#[derive(Debug, Clone)]
pub struct Spelling {
    patterns: matchit::Router<&'static str>,
}

impl Spelling {
    /// `patterns` as in the table: `/scopes/{id}`.
    pub fn new(patterns: impl IntoIterator<Item = &'static str>) -> Result<Self, matchit::InsertError> {
        // One entry per address, whatever the methods.
        let unique: BTreeMap<String, &'static str> =
            patterns.into_iter().map(|pattern| (lower(pattern), pattern)).collect();
        let mut router = matchit::Router::new();
        for (lower, pattern) in unique {
            router.insert(lower, pattern)?;
        }
        Ok(Self { patterns: router })
    }

    /// The path below the prefix, if it has to be spelled differently.
    pub fn canonical(&self, path: &str) -> Option<String> {
        let trimmed = if path.len() > 1 { path.strip_suffix('/').unwrap_or(path) } else { path };
        let spelled = self.respell(trimmed)?;
        (spelled != path).then_some(spelled)
    }

    fn respell(&self, path: &str) -> Option<String> {
        let pattern = self.patterns.at(&path.to_ascii_lowercase()).ok().map(|found| *found.value)?;
        let parts = pattern.split('/').zip(path.split('/'));
        let spelled = parts.map(|(pattern, sent)| if pattern.starts_with('{') { sent } else { pattern });
        Some(spelled.collect::<Vec<_>>().join("/"))
    }
}

/// Names of parameters stay: they are names in the table, not text.
fn lower(pattern: &str) -> String {
    let part = |part: &str| if part.starts_with('{') { part.to_owned() } else { part.to_ascii_lowercase() };
    pattern.split('/').map(part).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_a_last_slash_do_not_matter_but_parameters_do() {
        let spelling =
            Spelling::new(["/users/signIn", "/scopes/{id}", "/scopes/sets/{id}", "/controls/{id}/panels"]).unwrap();
        let canonical = |path| spelling.canonical(path);
        assert_eq!(canonical("/users/signin").unwrap(), "/users/signIn");
        assert_eq!(canonical("/USERS/SIGNIN/").unwrap(), "/users/signIn");
        assert_eq!(canonical("/users/signIn"), None);
        assert_eq!(canonical("/Scopes/AbC").unwrap(), "/scopes/AbC");
        assert_eq!(canonical("/scopes/AbC"), None);
        assert_eq!(canonical("/scopes/SETS/AbC/").unwrap(), "/scopes/sets/AbC");
        assert_eq!(canonical("/unknown/"), None);
        assert_eq!(canonical("/"), None);
    }
}
