//! Answers with files of the web application: which name is asked for, whether it may be, and what the answer says of it.
//! Never outside of their directory, and no dot files.
//!
//! A route may have the application that is part of this binary behind its directory: what the directory has comes from
//! there, everything else from the binary, and so does the page that navigations fall back to.
//!
//! What is on the shelf or part of the binary is answered at once. Disks can hang, workers must not: whatever else touches a file happens on the
//! pool of blocking threads, for a small file in one turn. A file beside the asked one that ends in `.br` or `.gz` is sent
//! instead to whoever can read it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};

use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Response, StatusCode};
use percent_encoding::percent_decode_str;

use super::body::Answer;
use super::embedded::{self, Embedded, FILES};
use super::error::Fault;
use super::file::FilesSpec;
use super::found::{self, Encoding, Found, Piece};
use super::range::{self, Part};
use super::shelf::{Forms, Kept, Shelf};

/// Thirty days, and no question asked meanwhile: the name changes with the content.
const IMMUTABLE: &str = "public, max-age=2592000, immutable";
/// Kept, but asked about each time.
const REVALIDATED: &str = "no-cache";
/// What may stand beside a file, the better one first. At most as many as there are bits in [`Forms`].
const ENCODINGS: [Encoding; 2] = [("br", ".br"), ("gzip", ".gz")];

/// The files of one route.
#[derive(Debug)]
pub struct Assets {
    spec: FilesSpec,
    shelf: Shelf,
    /// What is part of the binary.
    table: &'static [Embedded],
}

/// What is known without asking the disk for a file.
enum Known {
    Found(Arc<Found>),
    Nowhere,
    Unknown,
}

impl Assets {
    pub fn new(spec: FilesSpec) -> Self {
        Self { spec, shelf: Shelf::default(), table: FILES }
    }

    fn known(&self, name: &Path, forms: Forms) -> Known {
        let kept = match (&self.spec.root, name.to_str()) {
            (Some(root), Some(name)) => self.shelf.take(root, name, forms),
            _ => Kept::NoDirectory,
        };
        match kept {
            Kept::Found(found) => Known::Found(found),
            Kept::NoDirectory => self.built_in(name, forms).map_or(Known::Nowhere, Known::Found),
            Kept::Unknown => Known::Unknown,
        }
    }

    fn find(&self, name: &Path, forms: Forms) -> io::Result<Option<Arc<Found>>> {
        match self.known(name, forms) {
            Known::Found(found) => return Ok(Some(found)),
            Known::Nowhere => return Ok(None),
            Known::Unknown => {}
        }
        match self.on_disk(name, forms) {
            Ok(None) => Ok(self.built_in(name, forms)),
            // A directory that is closed to our account is as good as none, where there is another way.
            Err(error) if self.spec.embedded && error.kind() == io::ErrorKind::PermissionDenied => {
                static TOLD: Once = Once::new();
                let root = &self.spec.root;
                TOLD.call_once(|| tracing::warn!(?root, %error, "the directory cannot be read; it is left out"));
                Ok(self.built_in(name, forms))
            }
            found => found,
        }
    }

    /// From the disk, and onto the shelf.
    fn on_disk(&self, name: &Path, forms: Forms) -> io::Result<Option<Arc<Found>>> {
        let Some(root) = &self.spec.root else { return Ok(None) };
        let ticket = self.shelf.ticket(root);
        let found = found::find(root, name, &accepted(forms))?.map(Arc::new);
        if let (Some(ticket), Some(found), Some(name)) = (ticket, &found, name.to_str())
            && found.is_read()
        {
            self.shelf.put(ticket, name.to_owned(), forms, Arc::clone(found));
        }
        Ok(found)
    }

    fn built_in(&self, name: &Path, forms: Forms) -> Option<Arc<Found>> {
        let path = name.to_str().filter(|_| self.spec.embedded)?;
        let below = || if path.is_empty() { found::INDEX.to_owned() } else { format!("{path}/{}", found::INDEX) };
        let file = embedded::find(self.table, path).or_else(|| embedded::find(self.table, &below()))?;
        Some(Arc::new(Found::of_embedded(file, &accepted(forms))))
    }
}

/// `rest` is the path below the route.
pub async fn answer(
    assets: &Arc<Assets>,
    rest: &str,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response<Answer>, Fault> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return Err(Fault::Method);
    }
    let relative = relative(rest).ok_or(Fault::NotFound)?;
    let forms = forms(headers);
    if let Known::Found(found) = assets.known(&relative, forms) {
        return Ok(respond(&found, method, headers));
    }
    let spec = &assets.spec;
    let fallback = spec.fallback.as_ref().filter(|_| is_navigation(rest, &spec.except, headers)).map(PathBuf::from);
    // Who goes to an application that is nowhere should learn why.
    let missing = if spec.embedded && fallback.is_some() { Fault::NotBuilt } else { Fault::NotFound };
    let assets = Arc::clone(assets);
    let found = tokio::task::spawn_blocking(move || {
        let found = assets.find(&relative, forms)?;
        match (found, fallback) {
            (None, Some(fallback)) => assets.find(&fallback, forms),
            (found, _) => Ok(found),
        }
    });
    match found.await {
        Ok(Ok(Some(found))) => Ok(respond(&found, method, headers)),
        Ok(Ok(None)) => Err(missing),
        Ok(Err(error)) => {
            tracing::warn!(%error, path = rest, "a file cannot be read");
            Err(Fault::File)
        }
        Err(error) => {
            tracing::warn!(%error, "the reading of a file was given up");
            Err(Fault::File)
        }
    }
}

/// The path below the root, if it can be one: plain names, none of them hidden.
fn relative(rest: &str) -> Option<PathBuf> {
    let decoded = percent_decode_str(rest).decode_utf8().ok()?;
    let trimmed = decoded.trim_start_matches('/');
    if decoded.contains(['\0', '\\', '\r', '\n']) {
        return None;
    }
    let mut path = PathBuf::new();
    for segment in trimmed.trim_end_matches('/').split('/') {
        if segment.starts_with('.') || (segment.is_empty() && !trimmed.is_empty()) {
            return None;
        }
        path.push(segment);
    }
    Some(path)
}

/// Whether somebody goes to an address of the application, as opposed to its code asking for something.
fn is_navigation(rest: &str, except: &[String], headers: &HeaderMap) -> bool {
    let below =
        |prefix: &String| rest.strip_prefix(&**prefix).is_some_and(|more| more.is_empty() || more.starts_with('/'));
    let has_ending = rest.rsplit('/').next().is_some_and(|last| last.contains('.'));
    if has_ending || except.iter().any(below) {
        return false;
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match text("sec-fetch-mode") {
        Some(mode) => mode == "navigate",
        None => text("accept").is_some_and(|accept| accept.contains("text/html")),
    }
}

fn accepted(forms: Forms) -> Vec<Encoding> {
    ENCODINGS.into_iter().enumerate().filter(|(at, _)| forms & (1 << at) != 0).map(|(_, one)| one).collect()
}

/// Which of [`ENCODINGS`] the caller reads.
fn forms(headers: &HeaderMap) -> Forms {
    let accepts = |wanted: &str| {
        let texts = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        texts.flat_map(|text| text.split(',')).any(|item| {
            let (name, quality) = item.split_once(';').unwrap_or((item, ""));
            let quality = quality.trim().strip_prefix("q=").map_or(1.0, |text| text.trim().parse().unwrap_or(0.0));
            name.trim().eq_ignore_ascii_case(wanted) && quality > 0.0_f32
        })
    };
    let bits = ENCODINGS.iter().enumerate().map(|(at, (name, _))| Forms::from(accepts(name)) << at);
    bits.fold(0, |all, bit| all | bit)
}

fn respond(found: &Found, method: &Method, asked: &HeaderMap) -> Response<Answer> {
    let mut response = Response::new(Answer::empty());
    let headers = response.headers_mut();
    headers.insert(header::ETAG, found.tag.clone());
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    let caching = if found::is_hashed(&found.name) { IMMUTABLE } else { REVALIDATED };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    if let Some(date) = &found.date {
        headers.insert(header::LAST_MODIFIED, date.clone());
    }
    if range::is_unchanged(asked, &found.tag, found.modified) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(found::content_type(&found.name)));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(encoding) = found.encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    let asked_range = asked.get(header::RANGE).and_then(|value| value.to_str().ok());
    let asked_range =
        asked_range.filter(|_| *method == Method::GET && range::is_same(asked, &found.tag, found.modified));
    let length = found.length;
    let (first, count) = match asked_range.map_or(Part::Whole, |value| range::part(value, length)) {
        Part::Whole => (0, length),
        Part::Bytes { first, last } => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            content_range(&mut response, &format!("bytes {first}-{last}/{length}"));
            (first, last - first + 1)
        }
        Part::None => {
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            content_range(&mut response, &format!("bytes */{length}"));
            (0, 0)
        }
    };
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(count));
    if *method == Method::HEAD || count == 0 {
        return response;
    }
    response.map(|_| match found.part(first, count) {
        Piece::Whole(bytes) => Answer::whole(bytes),
        Piece::Rest(body) => Answer::file(body),
    })
}

fn content_range(response: &mut Response<Answer>, text: &str) {
    // Numbers and slashes are a valid value.
    if let Ok(value) = HeaderValue::from_str(text) {
        response.headers_mut().insert(header::CONTENT_RANGE, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_paths_below_the_root_are_paths() {
        for (rest, wanted) in [
            ("/", Some("")),
            ("", Some("")),
            ("/a/b.js", Some("a/b.js")),
            ("/a/", Some("a")),
            ("/a%20b", Some("a b")),
            ("/../a", None),
            ("/a/%2e%2e/b", None),
            ("/a%2f..%2fb", None),
            ("/.env", None),
            ("/a/.git/config", None),
            ("/a//b", None),
            ("/a%00", None),
            ("/a%5c..%5cb", None),
            ("/%ff", None),
        ] {
            assert_eq!(relative(rest), wanted.map(PathBuf::from), "{rest}");
        }
    }

    #[test]
    fn only_a_navigation_falls_back() {
        let except = ["/api".to_owned()];
        let with = |name: &'static str, value: &'static str| {
            HeaderMap::from_iter([(header::HeaderName::from_static(name), HeaderValue::from_static(value))])
        };
        let page = with("accept", "text/html,*/*;q=0.8");
        assert!(is_navigation("/controls/3", &except, &page));
        assert!(is_navigation("/apiary", &except, &page));
        assert!(is_navigation("/x", &except, &with("sec-fetch-mode", "navigate")));
        for (rest, headers) in [
            ("/assets/gone.js", &page),
            ("/api/users", &page),
            ("/api", &page),
            ("/x", &with("sec-fetch-mode", "cors")),
            ("/x", &with("accept", "*/*")),
            ("/x", &HeaderMap::new()),
        ] {
            assert!(!is_navigation(rest, &except, headers), "{rest}");
        }
    }

    #[test]
    fn an_encoding_is_chosen_that_the_caller_reads() {
        let names = |text: &'static str| {
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(text))]);
            accepted(forms(&headers)).into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        assert_eq!(names("gzip, deflate, br, zstd"), ["br", "gzip"]);
        assert_eq!(names("br;q=0, gzip;q=0.5"), ["gzip"]);
        assert!(names("identity").is_empty());
    }

    #[test]
    fn the_directory_comes_before_the_binary() {
        static TABLE: [Embedded; 2] = [
            Embedded { path: "assets/a-Bx3_k9Zq.js", tag: "one", plain: b"built in", brotli: Some(b"br"), gzip: None },
            Embedded { path: "index.html", tag: "two", plain: b"the binary's page", brotli: None, gzip: None },
        ];
        const ALL: Forms = 0b11;
        let dir = tempfile::tempdir().unwrap();
        let assets = |root: Option<&Path>, embedded| Assets {
            spec: FilesSpec {
                root: root.map(Path::to_owned),
                embedded,
                fallback: Some("index.html".to_owned()),
                except: Vec::new(),
            },
            shelf: Shelf::default(),
            table: &TABLE,
        };
        let text = |assets: &Assets, path: &str, forms: Forms| {
            let found = assets.find(Path::new(path), forms).unwrap()?;
            let Piece::Whole(bytes) = found.part(0, found.length) else { panic!("a small file") };
            let tag = found.tag.to_str().unwrap().to_owned();
            Some((String::from_utf8(bytes.to_vec()).unwrap(), tag, found.encoding))
        };
        let plain = |text: &str, tag: &str| Some((text.to_owned(), format!("\"{tag}\""), None));
        let both = assets(Some(dir.path()), true);
        assert_eq!(text(&both, "", 0), plain("the binary's page", "two"));
        let script = Some(("br".to_owned(), "\"one-br\"".to_owned(), Some("br")));
        assert_eq!(text(&both, "assets/a-Bx3_k9Zq.js", ALL), script);
        assert_eq!(text(&assets(None, true), "index.html", 0), plain("the binary's page", "two"));
        assert_eq!(text(&assets(Some(&dir.path().join("none")), true), "", 0), plain("the binary's page", "two"));
        assert_eq!(text(&assets(Some(dir.path()), false), "", 0), None);
        std::fs::write(dir.path().join("index.html"), "the directory's page").unwrap();
        assert_eq!(text(&assets(Some(dir.path()), true), "", 0).unwrap().0, "the directory's page");
        assert_eq!(text(&both, "assets/a-Bx3_k9Zq.js", 0), plain("built in", "one"));
        assert_eq!(text(&both, "assets/gone.js", 0), None);
    }
}
