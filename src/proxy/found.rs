//! A file of the web application: opened, small ones read, and what is said of it in every answer made once.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use bytes::Bytes;
use hyper::body::Frame;
use hyper::header::HeaderValue;
use tokio::task::JoinHandle;

use super::body::AnswerFault;
use super::embedded::Embedded;

/// Read together with its opening, and kept.
const SMALL: u64 = 512 * 1024;
/// One piece of a larger one.
const PIECE: u64 = 256 * 1024;
pub const INDEX: &str = "index.html";

/// The form of a file beside it, by its ending; the better one first.
pub type Encoding = (&'static str, &'static str);

#[derive(Debug)]
pub struct Found {
    /// The asked name, without what stands for the encoding.
    pub name: PathBuf,
    pub length: u64,
    /// Of a file of the directory.
    pub modified: Option<SystemTime>,
    pub encoding: Option<&'static str>,
    /// Changes with the file, and is another one for each encoding.
    pub tag: HeaderValue,
    pub date: Option<HeaderValue>,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Whole(Bytes),
    Open(Arc<File>),
}

impl Found {
    fn new(name: &Path, version: &str, length: u64, encoding: Option<&'static str>, content: Content) -> Self {
        let form = encoding.map_or(String::new(), |encoding| format!("-{encoding}"));
        Self {
            name: name.to_owned(),
            length,
            modified: None,
            encoding,
            // Hexadecimal digits are a valid value.
            tag: HeaderValue::from_str(&format!("\"{version}{form}\"")).unwrap_or(HeaderValue::from_static("\"-\"")),
            date: None,
            content,
        }
    }

    fn of_file(
        name: &Path,
        length: u64,
        modified: SystemTime,
        encoding: Option<&'static str>,
        content: Content,
    ) -> Self {
        let since = modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self {
            modified: Some(modified),
            date: HeaderValue::from_str(&httpdate::fmt_http_date(modified)).ok(),
            ..Self::new(name, &format!("{:x}-{length:x}", since.as_nanos()), length, encoding, content)
        }
    }

    pub fn of_embedded(file: &Embedded, encodings: &[Encoding]) -> Self {
        let (bytes, encoding) = file.encoded(encodings);
        let content = Content::Whole(Bytes::from_static(bytes));
        Self::new(Path::new(file.path), file.tag, bytes.len() as u64, encoding, content)
    }

    #[cfg(test)]
    pub fn of_bytes(name: PathBuf, bytes: Bytes) -> Self {
        Self::new(&name, "test", bytes.len() as u64, None, Content::Whole(bytes))
    }

    /// Whether it is in memory as a whole.
    pub fn is_read(&self) -> bool {
        matches!(self.content, Content::Whole(_))
    }

    /// `count` bytes from `first` on, which must be there.
    pub fn part(&self, first: u64, count: u64) -> Piece {
        match &self.content {
            Content::Whole(bytes) => Piece::Whole(bytes.slice(first as usize..(first + count) as usize)),
            Content::Open(file) => {
                Piece::Rest(FileBody { file: Arc::clone(file), at: first, left: count, piece: None })
            }
        }
    }
}

/// What is sent of a file.
#[derive(Debug)]
pub enum Piece {
    Whole(Bytes),
    Rest(FileBody),
}

/// The file of that name, or one beside it in a form that is accepted.
pub fn find(root: &Path, relative: &Path, encodings: &[Encoding]) -> io::Result<Option<Found>> {
    let Some(root) = there(root.canonicalize())? else { return Ok(None) };
    let mut name = root.join(relative);
    let Some(metadata) = there(name.metadata())? else { return Ok(None) };
    if metadata.is_dir() {
        name.push(INDEX);
    }
    for (encoding, ending) in encodings {
        let mut beside = name.clone().into_os_string();
        beside.push(ending);
        if let Some(found) = open(&root, Path::new(&beside), Some(*encoding), &name)? {
            return Ok(Some(found));
        }
    }
    open(&root, &name, None, &name)
}

fn open(root: &Path, path: &Path, encoding: Option<&'static str>, name: &Path) -> io::Result<Option<Found>> {
    // A link may lead anywhere; only what lies below the root is served.
    let Some(path) = there(path.canonicalize())?.filter(|path| path.starts_with(root)) else { return Ok(None) };
    let Some(file) = there(File::open(&path))? else { return Ok(None) };
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Ok(None);
    }
    let (length, modified) = (metadata.len(), metadata.modified()?);
    let content = if length <= SMALL { Content::Whole(read(&file, 0, length)?) } else { Content::Open(Arc::new(file)) };
    Ok(Some(Found::of_file(name, length, modified, encoding, content)))
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

/// Whether the name has its content's hash in it, as bundlers write it: `index-Bx3_k9Zq.js`.
pub fn is_hashed(name: &Path) -> bool {
    let stem = name.file_name().and_then(|name| name.to_str()).and_then(|name| name.split_once('.'));
    let in_assets = name.parent().and_then(Path::file_name).is_some_and(|folder| folder == "assets");
    let Some((stem, _)) = stem.filter(|_| in_assets) else { return false };
    let Some((before, hash)) = stem.len().checked_sub(8).and_then(|at| stem.split_at_checked(at)) else { return false };
    // The hash may have a dash of its own. Small letters alone are a word.
    before.ends_with('-')
        && hash.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        && !hash.bytes().all(|byte| byte.is_ascii_lowercase())
}

pub fn content_type(name: &Path) -> &'static str {
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
