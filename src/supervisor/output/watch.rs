//! Readiness by a line of output: a pattern looked for in the raw bytes, terminal colours taken out.

use regex::bytes::Regex;
use tokio::sync::oneshot;

use super::line::Stream;

/// So much of the end of a line that has no newline yet is searched; longer lines lose their beginning.
const WINDOW: usize = 64 << 10;

/// A pattern that somebody waits for. A line counts as soon as it matches, with or without its newline.
#[derive(Debug)]
pub struct Watch {
    pattern: Regex,
    found: Option<oneshot::Sender<()>>,
    /// The unfinished line of stdout and of stderr.
    lines: [Vec<u8>; 2],
}

impl Watch {
    pub fn new(pattern: Regex) -> (Self, oneshot::Receiver<()>) {
        let (found, wait) = oneshot::channel();
        (Self { pattern, found: Some(found), lines: [Vec::new(), Vec::new()] }, wait)
    }

    /// Looks at the next bytes of a stream. `true`: nothing more to do, it was found or nobody waits any more.
    pub fn feed(&mut self, stream: Stream, chunk: &[u8]) -> bool {
        if self.found.as_ref().is_none_or(oneshot::Sender::is_closed) {
            return true;
        }
        if self.search(stream, chunk) {
            if let Some(found) = self.found.take() {
                // Nobody waits any more: fine too.
                let _ = found.send(());
            }
            return true;
        }
        false
    }

    fn search(&mut self, stream: Stream, chunk: &[u8]) -> bool {
        let line = match stream {
            Stream::Stdout => &mut self.lines[0],
            Stream::Stderr => &mut self.lines[1],
            Stream::Reeve => return false,
        };
        let mut rest = chunk;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let matched = if line.is_empty() {
                matches(&self.pattern, &rest[..end])
            } else {
                line.extend_from_slice(&rest[..end]);
                matches(&self.pattern, line)
            };
            line.clear();
            if matched {
                return true;
            }
            rest = &rest[end + 1..];
        }
        if rest.is_empty() {
            return false;
        }
        line.extend_from_slice(rest);
        let matched = matches(&self.pattern, line);
        if line.len() > WINDOW {
            line.drain(..line.len() - WINDOW);
        }
        matched
    }

    /// A new run begins: unfinished lines of the last one do not count.
    pub fn forget(&mut self) {
        self.lines = [Vec::new(), Vec::new()];
    }
}

fn matches(pattern: &Regex, line: &[u8]) -> bool {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match memchr::memchr(ESC, line) {
        None => pattern.is_match(line),
        Some(_) => pattern.is_match(&strip_ansi(line)),
    }
}

const ESC: u8 = 0x1b;
const BEL: u8 = 0x07;

/// Takes out terminal control sequences: `ESC [ … letter`, `ESC ] … BEL`, `ESC ] … ESC \`, `ESC` and one character.
pub fn strip_ansi(line: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(line.len());
    let mut bytes = line.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte != ESC {
            plain.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'[') => while bytes.next().is_some_and(|byte| !(0x40..=0x7e).contains(&byte)) {},
            Some(b']' | b'P' | b'_' | b'^') => {
                while let Some(byte) = bytes.next() {
                    if byte == BEL {
                        break;
                    }
                    if byte == ESC {
                        bytes.next();
                        break;
                    }
                }
            }
            // Character set choices such as `ESC ( B`.
            Some(b'(' | b')' | b'#' | b'%' | b' ') => {
                bytes.next();
            }
            Some(_) | None => {}
        }
    }
    plain
}
