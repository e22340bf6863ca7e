//! Answers with files of the web application: which name is asked for, whether it may be, and what the answer says of it.
//! Never outside of their directory, and no dot files.
//!
//! What is on the shelf is answered at once. Disks can hang, workers must not: whatever else touches a file happens on the
//! pool of blocking threads, for a small file in one turn. A file beside the asked one that ends in `.br` or `.gz` is sent
//! instead to whoever can read it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Response, StatusCode};
use percent_encoding::percent_decode_str;

use super::body::Answer;
use super::error::Fault;
use super::file::FilesSpec;
use super::found::{self, Encoding, Found, Piece};
use super::range::{self, Part};
use super::shelf::{Forms, Shelf};

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
}

impl Assets {
    pub fn new(spec: FilesSpec) -> Self {
        Self { spec, shelf: Shelf::default() }
    }

    fn kept(&self, name: &Path, forms: Forms) -> Option<Arc<Found>> {
        self.shelf.take(&self.spec.root, name.to_str()?, forms)
    }

    /// From the disk, and onto the shelf.
    fn find(&self, name: &Path, forms: Forms) -> std::io::Result<Option<Arc<Found>>> {
        if let Some(kept) = self.kept(name, forms) {
            return Ok(Some(kept));
        }
        let ticket = self.shelf.ticket(&self.spec.root);
        let accepted: Vec<Encoding> =
            ENCODINGS.into_iter().enumerate().filter(|(at, _)| forms & (1 << at) != 0).map(|(_, one)| one).collect();
        let found = found::find(&self.spec.root, name, &accepted)?.map(Arc::new);
        if let (Some(ticket), Some(found), Some(name)) = (ticket, &found, name.to_str())
            && found.is_read()
        {
            self.shelf.put(ticket, name.to_owned(), forms, Arc::clone(found));
        }
        Ok(found)
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
    if let Some(kept) = assets.kept(&relative, forms) {
        return Ok(respond(&kept, method, headers));
    }
    let spec = &assets.spec;
    let fallback = spec.fallback.as_ref().filter(|_| is_navigation(rest, &spec.except, headers)).map(PathBuf::from);
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
        Ok(Ok(None)) => Err(Fault::NotFound),
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
            let accepted = forms(&headers);
            let each = ENCODINGS.iter().enumerate().filter(|(at, _)| accepted & (1 << at) != 0);
            each.map(|(_, (name, _))| *name).collect::<Vec<_>>()
        };
        assert_eq!(names("gzip, deflate, br, zstd"), ["br", "gzip"]);
        assert_eq!(names("br;q=0, gzip;q=0.5"), ["gzip"]);
        assert!(names("identity").is_empty());
    }
}
