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

    /// The same for patterns that were made at the start, such as those with a prefix. They are kept as long as the
    /// process runs, so they are made once.
    pub fn of_prefixed(patterns: impl IntoIterator<Item = String>) -> Result<Self, matchit::InsertError> {
        Self::new(patterns.into_iter().map(|pattern| &*pattern.leak()))
    }

    /// The path below the prefix, if it has to be spelled differently.
    pub fn canonical(&self, path: &str) -> Option<String> {
        let (pattern, path_found) = self.found(path)?;
        let spelled = respelled(pattern, path_found);
        (spelled != path).then_some(spelled)
    }

    /// The line of the table that a path belongs to, however it is spelled.
    pub fn pattern(&self, path: &str) -> Option<&'static str> {
        self.found(path).map(|(pattern, _)| pattern)
    }

    /// A slash at the end counts where the table has it, and is dropped otherwise.
    fn found<'a>(&self, path: &'a str) -> Option<(&'static str, &'a str)> {
        let trimmed = path.strip_suffix('/').filter(|path| !path.is_empty());
        [Some(path), trimmed].into_iter().flatten().find_map(|path| {
            let pattern = self.patterns.at(&path.to_ascii_lowercase()).ok().map(|found| *found.value)?;
            Some((pattern, path))
        })
    }
}

/// The pattern's text, and what was sent for its parameters; one that takes the rest takes all of it.
fn respelled(pattern: &str, path: &str) -> String {
    let mut spelled = Vec::new();
    let mut sent = path.split('/');
    for part in pattern.split('/') {
        if part.starts_with("{*") {
            spelled.extend(sent.by_ref());
            break;
        }
        let own = sent.next().unwrap_or_default();
        spelled.push(if part.starts_with('{') { own } else { part });
    }
    spelled.join("/")
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
        assert_eq!((spelling.pattern("/SCOPES/x/"), spelling.pattern("/unknown")), (Some("/scopes/{id}"), None));
        assert_eq!(canonical("/"), None);
    }
    #[test]
    fn a_last_slash_stays_where_the_table_has_it_and_the_rest_of_a_path_stays_as_sent() {
        let patterns = ["/docs", "/docs/", "/docs/{*file}", "/"].map(|path| format!("/v6{path}"));
        let spelling = Spelling::of_prefixed(patterns).unwrap();
        let canonical = |path| spelling.canonical(path);
        assert_eq!(canonical("/v6/docs/"), None);
        assert_eq!(canonical("/V6/Docs/").unwrap(), "/v6/docs/");
        assert_eq!(canonical("/v6/DOCS").unwrap(), "/v6/docs");
        assert_eq!(canonical("/v6/DOCS/A/b.JS").unwrap(), "/v6/docs/A/b.JS");
        assert_eq!(spelling.pattern("/v6/docs/a/b.js"), Some("/v6/docs/{*file}"));
        assert_eq!(canonical("/V6/").unwrap(), "/v6/");
    }
}
