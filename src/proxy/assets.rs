//! Files of the web application: found, judged, and read in pieces. Never outside of their directory, and no dot files.
//!
//! Disks can hang, workers must not: whatever touches a file happens on the pool of blocking threads, for a small file in one
//! turn. A file beside the asked one that ends in `.br` or `.gz` is sent instead to whoever can read it.
//!
//! A route may have the application that is part of this binary behind its directory: what the directory has comes from
//! there, everything else from the binary, and so does the page that navigations fall back to.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use bytes::Bytes;
use hyper::body::Frame;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Response, StatusCode};
use percent_encoding::percent_decode_str;
use tokio::task::JoinHandle;

use super::body::{Answer, AnswerFault};
use super::embedded::{self, Embedded, FILES};
use super::error::Fault;
use super::file::FilesSpec;
use super::range::{self, Part};

/// Read together with its opening.
const SMALL: u64 = 64 * 1024;
/// One piece of a larger one.
const PIECE: u64 = 256 * 1024;
/// Thirty days, and no question asked meanwhile: the name changes with the content.
const IMMUTABLE: &str = "public, max-age=2592000, immutable";
/// Kept, but asked about each time.
const REVALIDATED: &str = "no-cache";
const INDEX: &str = "index.html";

/// A file that is open.
#[derive(Debug)]
struct Opened {
    content: Content,
    length: u64,
    /// Of a file of the directory.
    modified: Option<SystemTime>,
    tag: HeaderValue,
    encoding: Option<&'static str>,
    /// The asked name, without what stands for the encoding.
    name: PathBuf,
}

#[derive(Debug)]
enum Content {
    Small(Bytes),
    Large(File),
}

/// Those that the caller reads: the name, and what a file in it ends with.
type Encodings = [(&'static str, &'static str)];

/// `rest` is the path below the route.
pub async fn answer(
    files: &Arc<FilesSpec>,
    rest: &str,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response<Answer>, Fault> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return Err(Fault::Method);
    }
    let relative = relative(rest).ok_or(Fault::NotFound)?;
    let encodings = encodings(headers);
    let fallback = files.fallback.as_ref().filter(|_| is_navigation(rest, &files.except, headers)).map(PathBuf::from);
    let files = Arc::clone(files);
    // Who goes to an application that is nowhere should learn why.
    let missing = if files.embedded && fallback.is_some() { Fault::NotBuilt } else { Fault::NotFound };
    let found = tokio::task::spawn_blocking(move || {
        let found = look(&files, FILES, &relative, &encodings)?;
        match (found, fallback) {
            (None, Some(fallback)) => look(&files, FILES, &fallback, &encodings),
            (found, _) => Ok(found),
        }
    });
    match found.await {
        Ok(Ok(Some(opened))) => Ok(respond(opened, method, headers)),
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

/// Those that we may have and the caller reads, the better one first.
fn encodings(headers: &HeaderMap) -> Vec<(&'static str, &'static str)> {
    let texts: Vec<&str> =
        headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok()).collect();
    let accepts = |wanted: &str| {
        texts.iter().flat_map(|text| text.split(',')).any(|item| {
            let (name, quality) = item.split_once(';').unwrap_or((item, ""));
            let quality = quality.trim().strip_prefix("q=").map_or(1.0, |text| text.trim().parse().unwrap_or(0.0));
            name.trim().eq_ignore_ascii_case(wanted) && quality > 0.0_f32
        })
    };
    [("br", ".br"), ("gzip", ".gz")].into_iter().filter(|(name, _)| accepts(name)).collect()
}

/// The directory's, else the one of the binary.
fn look(
    files: &FilesSpec,
    table: &'static [Embedded],
    relative: &Path,
    encodings: &Encodings,
) -> io::Result<Option<Opened>> {
    let found = match &files.root {
        Some(root) => open(root, relative, encodings),
        None => Ok(None),
    };
    match found {
        Ok(None) if files.embedded => Ok(built_in(table, relative, encodings)),
        // A directory that is closed to our account is as good as none, where there is another way.
        Err(error) if files.embedded && error.kind() == io::ErrorKind::PermissionDenied => {
            static TOLD: std::sync::Once = std::sync::Once::new();
            TOLD.call_once(
                || tracing::warn!(root = ?files.root, %error, "the directory cannot be read; it is left out"),
            );
            Ok(built_in(table, relative, encodings))
        }
        found => found,
    }
}

fn built_in(table: &'static [Embedded], relative: &Path, encodings: &Encodings) -> Option<Opened> {
    let path = relative.to_str()?;
    let below = || if path.is_empty() { INDEX.to_owned() } else { format!("{path}/{INDEX}") };
    let file = embedded::find(table, path).or_else(|| embedded::find(table, &below()))?;
    let (bytes, encoding) = file.encoded(encodings);
    Some(Opened {
        content: Content::Small(Bytes::from_static(bytes)),
        length: bytes.len() as u64,
        modified: None,
        tag: tag(file.tag, encoding),
        encoding,
        name: PathBuf::from(file.path),
    })
}

fn open(root: &Path, relative: &Path, encodings: &Encodings) -> io::Result<Option<Opened>> {
    let Some(root) = there(root.canonicalize())? else { return Ok(None) };
    let mut name = root.join(relative);
    let Some(metadata) = there(name.metadata())? else { return Ok(None) };
    if metadata.is_dir() {
        name.push(INDEX);
    }
    for (encoding, ending) in encodings {
        let mut beside = name.clone().into_os_string();
        beside.push(ending);
        if let Some(opened) = open_one(&root, Path::new(&beside), Some(*encoding), &name)? {
            return Ok(Some(opened));
        }
    }
    open_one(&root, &name, None, &name)
}

fn open_one(root: &Path, path: &Path, encoding: Option<&'static str>, name: &Path) -> io::Result<Option<Opened>> {
    // A link may lead anywhere; only what lies below the root is served.
    let Some(path) = there(path.canonicalize())?.filter(|path| path.starts_with(root)) else { return Ok(None) };
    let Some(file) = there(File::open(&path))? else { return Ok(None) };
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Ok(None);
    }
    let (length, modified) = (metadata.len(), metadata.modified()?);
    let since = modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let tag = tag(&format!("{:x}-{length:x}", since.as_nanos()), encoding);
    let content = if length <= SMALL { Content::Small(read(&file, 0, length)?) } else { Content::Large(file) };
    Ok(Some(Opened { content, length, modified: Some(modified), tag, encoding, name: name.to_owned() }))
}

/// What is not there is no error.
fn there<T>(done: io::Result<T>) -> io::Result<Option<T>> {
    match done {
        Ok(value) => Ok(Some(value)),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidFilename => Ok(None),
            _ => Err(error),
        },
    }
}

fn read(file: &File, at: u64, length: u64) -> io::Result<Bytes> {
    let mut bytes = vec![0; length as usize];
    file.read_exact_at(&mut bytes, at)?;
    Ok(Bytes::from(bytes))
}

fn respond(opened: Opened, method: &Method, asked: &HeaderMap) -> Response<Answer> {
    let mut response = Response::new(Answer::empty());
    let tag = opened.tag.clone();
    // Nobody has been told a date of what has none, so that no date a client knows is of it.
    let modified = opened.modified.unwrap_or_else(SystemTime::now);
    let headers = response.headers_mut();
    headers.insert(header::ETAG, tag.clone());
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    let caching = if is_hashed(&opened.name) { IMMUTABLE } else { REVALIDATED };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    if let Some(modified) = opened.modified
        && let Ok(date) = HeaderValue::from_str(&httpdate::fmt_http_date(modified))
    {
        headers.insert(header::LAST_MODIFIED, date);
    }
    if range::is_unchanged(asked, &tag, modified) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(&opened.name)));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(encoding) = opened.encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    let asked_range = asked.get(header::RANGE).and_then(|value| value.to_str().ok());
    let asked_range = asked_range.filter(|_| *method == Method::GET && range::is_same(asked, &tag, modified));
    let length = opened.length;
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
    response.map(|_| match opened.content {
        Content::Small(bytes) => Answer::whole(bytes.slice(first as usize..(first + count) as usize)),
        Content::Large(file) => Answer::file(FileBody { file: Arc::new(file), at: first, left: count, piece: None }),
    })
}

fn content_range(response: &mut Response<Answer>, text: &str) {
    // Numbers and slashes are a valid value.
    if let Ok(value) = HeaderValue::from_str(text) {
        response.headers_mut().insert(header::CONTENT_RANGE, value);
    }
}

/// Changes with the file, and is another one for each encoding.
fn tag(version: &str, encoding: Option<&'static str>) -> HeaderValue {
    let encoding = encoding.map_or(String::new(), |encoding| format!("-{encoding}"));
    HeaderValue::from_str(&format!("\"{version}{encoding}\"")).unwrap_or(HeaderValue::from_static("\"-\""))
}

/// Whether the name has its content's hash in it, as bundlers write it: `index-Bx3_k9Zq.js`.
fn is_hashed(name: &Path) -> bool {
    let stem = name.file_name().and_then(|name| name.to_str()).and_then(|name| name.split_once('.'));
    let in_assets = name.parent().and_then(Path::file_name).is_some_and(|folder| folder == "assets");
    let Some((stem, _)) = stem.filter(|_| in_assets) else { return false };
    let Some((before, hash)) = stem.len().checked_sub(8).and_then(|at| stem.split_at_checked(at)) else { return false };
    // The hash may have a dash of its own. Small letters alone are a word.
    before.ends_with('-')
        && hash.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        && !hash.bytes().all(|byte| byte.is_ascii_lowercase())
}

fn content_type(name: &Path) -> &'static str {
    let ending = name.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
    match ending.as_str() {
        "html" | "htm" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "ico" => "image/x-icon",
        "woff" => "font/woff",
        "woff2" => "font/woff2",
        "ttf" => "font/ttf",
        "txt" => "text/plain; charset=utf-8",
        "xml" => "application/xml",
        "pdf" => "application/pdf",
        "wasm" => "application/wasm",
        "mp4" => "video/mp4",
        _ => "application/octet-stream",
    }
}

/// The rest of a large file.
#[derive(Debug)]
pub struct FileBody {
    file: Arc<File>,
    at: u64,
    left: u64,
    piece: Option<JoinHandle<io::Result<Bytes>>>,
}

impl FileBody {
    pub fn left(&self) -> u64 {
        self.left
    }

    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, AnswerFault>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let piece = self.piece.get_or_insert_with(|| {
            let (file, at, length) = (Arc::clone(&self.file), self.at, self.left.min(PIECE));
            tokio::task::spawn_blocking(move || read(&file, at, length))
        });
        let done = ready!(std::pin::Pin::new(piece).poll(cx));
        self.piece = None;
        let bytes = match done {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(error)) => return Poll::Ready(Some(Err(AnswerFault::File(error)))),
            Err(error) => return Poll::Ready(Some(Err(AnswerFault::File(io::Error::other(error))))),
        };
        self.at += bytes.len() as u64;
        self.left -= bytes.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(bytes))))
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
            encodings(&headers).into_iter().map(|(name, _)| name).collect::<Vec<_>>()
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
        let dir = tempfile::tempdir().unwrap();
        let spec = |root: Option<&Path>, embedded| FilesSpec {
            root: root.map(Path::to_owned),
            embedded,
            fallback: Some("index.html".to_owned()),
            except: Vec::new(),
        };
        let text = |spec: &FilesSpec, path: &str, encodings: &Encodings| {
            let opened = look(spec, &TABLE, Path::new(path), encodings).unwrap()?;
            let Content::Small(bytes) = opened.content else { panic!("a small file") };
            Some((String::from_utf8(bytes.to_vec()).unwrap(), opened.tag.to_str().unwrap().to_owned(), opened.encoding))
        };
        let plain = |text: &str, tag: &str| Some((text.to_owned(), format!("\"{tag}\""), None));
        let both = spec(Some(dir.path()), true);
        assert_eq!(text(&both, "", &[]), plain("the binary's page", "two"));
        let brotli = [("br", ".br"), ("gzip", ".gz")];
        let script = Some(("br".to_owned(), "\"one-br\"".to_owned(), Some("br")));
        assert_eq!(text(&both, "assets/a-Bx3_k9Zq.js", &brotli), script);
        assert_eq!(text(&spec(None, true), "index.html", &[]), plain("the binary's page", "two"));
        assert_eq!(text(&spec(Some(&dir.path().join("none")), true), "", &[]), plain("the binary's page", "two"));
        assert_eq!(text(&spec(Some(dir.path()), false), "", &[]), None);
        std::fs::write(dir.path().join("index.html"), "the directory's page").unwrap();
        assert_eq!(text(&both, "", &[]).unwrap().0, "the directory's page");
        assert_eq!(text(&both, "assets/a-Bx3_k9Zq.js", &[]), plain("built in", "one"));
        assert_eq!(text(&both, "assets/gone.js", &[]), None);
    }

    #[test]
    fn a_name_with_its_hash_is_known() {
        for (name, wanted) in [
            ("/web/assets/index-Bx3_k9Zq.js", true),
            ("/web/assets/index-Bx-_k9Zq.css.map", true),
            ("/web/assets/logo.svg", false),
            ("/web/assets/my-language.svg", false),
            ("/web/assets/my-photo.jpg", false),
            ("/web/index-Bx3_k9Zq.js", false),
        ] {
            assert_eq!(is_hashed(Path::new(name)), wanted, "{name}");
        }
    }
}
