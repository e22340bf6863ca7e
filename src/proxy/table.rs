//! The table of routes: the longest prefix wins, and what a path becomes behind it. Pure.
//!
//! A prefix matches whole segments only: `/backend` is no prefix of `/backends`. A handful of routes is looked through
//! faster than any tree of them.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

#[derive(Debug, Clone)]
pub struct Table<T> {
    /// Longest first; without the slash at the end, so that the root is the empty text.
    routes: Vec<(Box<str>, T)>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} has two routes")]
pub struct Twice(pub String);

/// A route and what the path has beyond its prefix: empty, or beginning with a slash.
#[derive(Debug, PartialEq, Eq)]
pub struct Found<'a, T> {
    pub prefix: &'a str,
    pub rest: &'a str,
    pub route: &'a T,
}

impl<T> Table<T> {
    pub fn new(routes: impl IntoIterator<Item = (String, T)>) -> Result<Self, Twice> {
        let trimmed = routes.into_iter().map(|(prefix, route)| (prefix.trim_end_matches('/').into(), route));
        let mut routes: Vec<(Box<str>, T)> = trimmed.collect();
        routes.sort_by(|(a, _), (b, _)| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        match routes.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            Some(pair) => Err(Twice(format!("{}/", pair[0].0))),
            None => Ok(Self { routes }),
        }
    }

    pub fn find<'a>(&'a self, path: &'a str) -> Option<Found<'a, T>> {
        self.routes.iter().find_map(|(prefix, route)| {
            let rest = path.strip_prefix(&**prefix)?;
            (rest.is_empty() || rest.starts_with('/')).then_some(Found { prefix, rest, route })
        })
    }

    /// The same prefixes with other routes.
    pub fn map<U>(self, change: impl Fn(T) -> U) -> Table<U> {
        Table { routes: self.routes.into_iter().map(|(prefix, route)| (prefix, change(route))).collect() }
    }

    pub fn routes(&self) -> impl Iterator<Item = &T> {
        self.routes.iter().map(|(_, route)| route)
    }
}

/// The path behind a route: `to` in place of the prefix, or the path as it is.
pub fn rewritten<'a>(path: &'a str, rest: &str, to: Option<&str>) -> Cow<'a, str> {
    match to.map(|to| to.trim_end_matches('/')) {
        None => Cow::Borrowed(path),
        Some("") if rest.is_empty() => Cow::Borrowed("/"),
        Some(to) => Cow::Owned(format!("{to}{rest}")),
    }
}

/// Whether a path leads where it seems to: no segment is `.` or `..`, however it is written. Otherwise a service that
/// resolves them would find itself outside of the prefix that was judged.
pub fn is_straight(path: &str) -> bool {
    let may_bend = memchr::memchr2(b'.', b'%', path.as_bytes()).is_some();
    if !may_bend {
        return true;
    }
    path.split('/').all(|segment| {
        let decoded: Cow<'_, [u8]> = percent_decode_str(segment).into();
        decoded.split(|byte| matches!(byte, b'/' | b'\\')).all(|piece| !matches!(piece, b"." | b".."))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table<&'static str> {
        let routes = [("/", "web"), ("/backend", "api"), ("/backend/raw/", "raw"), ("/grafana/", "grafana")];
        Table::new(routes.map(|(prefix, name)| (prefix.to_owned(), name))).unwrap()
    }

    #[test]
    fn the_longest_prefix_of_whole_segments_wins() {
        let table = table();
        for (path, name, rest) in [
            ("/", "web", "/"),
            ("/x/y", "web", "/x/y"),
            ("/backends", "web", "/backends"),
            ("/backend", "api", ""),
            ("/backend/", "api", "/"),
            ("/backend/users", "api", "/users"),
            ("/backend/raw", "raw", ""),
            ("/backend/raw/x", "raw", "/x"),
            ("/backend/rawer", "api", "/rawer"),
            ("/grafana/api", "grafana", "/api"),
        ] {
            let found = table.find(path).unwrap();
            assert_eq!((*found.route, found.rest), (name, rest), "{path}");
        }
        let only = Table::new([("/a".to_owned(), ())]).unwrap();
        assert_eq!(only.find("/b"), None);
    }

    #[test]
    fn one_prefix_has_one_route() {
        let twice = Table::new([("/a".to_owned(), 1), ("/a/".to_owned(), 2)]);
        assert_eq!(twice.unwrap_err(), Twice("/a/".to_owned()));
    }

    #[test]
    fn the_prefix_is_replaced_or_kept() {
        for (path, rest, to, wanted) in [
            ("/backend/x", "/x", Some("/api/v1"), "/api/v1/x"),
            ("/backend", "", Some("/api/v1"), "/api/v1"),
            ("/backend/", "/", Some("/api/v1/"), "/api/v1/"),
            ("/node-red/flows", "/flows", Some("/"), "/flows"),
            ("/node-red", "", Some("/"), "/"),
            ("/grafana/d", "/d", None, "/grafana/d"),
        ] {
            assert_eq!(rewritten(path, rest, to), wanted);
        }
    }

    #[test]
    fn a_path_that_bends_is_told() {
        for path in ["/", "/a.b/c", "/a..b", "/...", "/a%20b", "/.well-known/x", "/a%2fb"] {
            assert!(is_straight(path), "{path}");
        }
        for path in ["/..", "/a/../b", "/a/.", "/%2e%2e/b", "/.%2E/b", "/a%2f..%2fb", "/..%5cb", "/..\\b"] {
            assert!(!is_straight(path), "{path}");
        }
    }
}
