//! One line of output, and how it is written: the container log format of Kubernetes.

use std::io::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Where a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stream {
    Stdout,
    Stderr,
    /// Written by reeve itself: starts, ends, losses.
    Reeve,
}

impl Stream {
    pub fn name(self) -> &'static str {
        match self {
            Stream::Stdout => "stdout",
            Stream::Stderr => "stderr",
            Stream::Reeve => "reeve",
        }
    }

    fn from_name(name: &[u8]) -> Option<Self> {
        match name {
            b"stdout" => Some(Stream::Stdout),
            b"stderr" => Some(Stream::Stderr),
            b"reeve" => Some(Stream::Reeve),
            _ => None,
        }
    }
}

/// A line as others get it. `bytes` is exactly what the service wrote, without the newline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Empty for a line about the log itself, such as the mark of a slow subscriber's loss.
    pub service: Arc<str>,
    pub wall: Timestamp,
    pub stream: Stream,
    /// The line goes on in the next record of the same stream.
    pub partial: bool,
    pub bytes: Bytes,
    /// Counts the records of a service since its log was opened in this process (or, read from disk, by the reader).
    pub sequence: u64,
}

/// A record as it stands in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    pub wall: Timestamp,
    pub stream: Stream,
    pub partial: bool,
    pub bytes: &'a [u8],
}

impl Record<'_> {
    pub fn to_line(&self, service: &Arc<str>, sequence: u64) -> LogLine {
        LogLine {
            service: service.clone(),
            wall: self.wall,
            stream: self.stream,
            partial: self.partial,
            bytes: Bytes::copy_from_slice(self.bytes),
            sequence,
        }
    }
}

/// Reads one record, with or without its newline. `None`: not a record (torn by a power cut, or foreign).
pub fn parse_line(record: &[u8]) -> Option<Record<'_>> {
    let record = record.strip_suffix(b"\n").unwrap_or(record);
    let (time, rest) = cut(record)?;
    let (stream, rest) = cut(rest)?;
    // An empty line may have lost its trailing blank to an editor.
    let (tag, bytes) = cut(rest).unwrap_or((rest, &[]));
    let partial = match tag {
        b"F" => false,
        b"P" => true,
        _ => return None,
    };
    Some(Record {
        wall: std::str::from_utf8(time).ok()?.parse().ok()?,
        stream: Stream::from_name(stream)?,
        partial,
        bytes,
    })
}

fn cut(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(b' ', bytes)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

/// The beginning of every record of one read: time, stream, tag. Formatted once, copied per line.
#[derive(Debug, Clone)]
pub struct Prefix {
    text: [u8; Prefix::MAX],
    len: usize,
}

impl Prefix {
    /// `2026-01-02T03:04:05.123456789Z stdout F ` takes 40; a year beyond 9999 or before 0 would take 3 more.
    pub const MAX: usize = 48;

    pub fn new(wall: Timestamp, stream: Stream) -> Self {
        let mut text = [b' '; Self::MAX];
        let mut free: &mut [u8] = &mut text;
        // Cannot fail: the longest text is shorter than the space.
        let _ = write!(free, "{wall:.9} {} F ", stream.name());
        let len = Self::MAX - free.len();
        Self { text, len }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        false
    }

    /// The same with the tag of a line that goes on.
    pub fn partial(&self) -> Self {
        let mut partial = self.clone();
        partial.text[self.len - 2] = b'P';
        partial
    }

    /// Appends one record, taken from two pieces.
    #[inline]
    pub fn append(&self, out: &mut Vec<u8>, first: &[u8], second: &[u8]) {
        out.extend_from_slice(&self.text[..self.len]);
        if !first.is_empty() {
            out.extend_from_slice(first);
        }
        out.extend_from_slice(second);
        out.push(b'\n');
    }

    /// Appends one record from a line that still has its newline: the common case, one copy.
    #[inline]
    pub fn append_whole(&self, out: &mut Vec<u8>, line_with_newline: &[u8]) {
        out.extend_from_slice(&self.text[..self.len]);
        out.extend_from_slice(line_with_newline);
    }
}

/// A complete record by itself. Newlines inside `text` become blanks: it stays one record.
pub fn format_note(wall: Timestamp, text: &str, out: &mut Vec<u8>) {
    let text = text.replace(['\n', '\r'], " ");
    Prefix::new(wall, Stream::Reeve).append(out, b"", text.as_bytes());
}
