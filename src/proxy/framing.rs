//! Where one request ends and the next begins, read strictly and before anybody else reads it. Pure.
//!
//! Two readers of one connection that disagree about the length of a request let a client smuggle another one past the
//! first. The parser behind us is lenient in places where leniency was usual (both lengths at once, a length twice, a line
//! that ends without CR); this one refuses them, and so nothing ambiguous reaches it or a service. It looks only at what
//! decides about framing: line ends, `Content-Length`, `Transfer-Encoding` and chunks. Data is skipped, not read.

/// A line of a head or of chunks. What is longer is none of ours to judge; the parser behind limits the head as a whole.
const LONGEST_KEPT: usize = 1024;
/// Size and extensions of one chunk.
const LONGEST_CHUNK_LINE: usize = 256;
/// Trailer fields of one body.
const LONGEST_TRAILERS: usize = 8 * 1024;
/// Empty lines before a request (RFC 9112, section 2.2, asks to ignore at least one).
const MOST_EMPTY_LINES: u8 = 4;

/// Why a connection is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    BareLineFeed,
    BareCarriageReturn,
    FoldedLine,
    SpaceBeforeColon,
    TwoLengths,
    LengthAndEncoding,
    BadLength,
    BadEncoding,
    BadChunk,
    LongTrailers,
    EmptyLines,
}

impl Refusal {
    /// For a metric's label.
    pub fn name(self) -> &'static str {
        match self {
            Self::BareLineFeed => "bare_line_feed",
            Self::BareCarriageReturn => "bare_carriage_return",
            Self::FoldedLine => "folded_line",
            Self::SpaceBeforeColon => "space_before_colon",
            Self::TwoLengths => "two_lengths",
            Self::LengthAndEncoding => "length_and_encoding",
            Self::BadLength => "bad_length",
            Self::BadEncoding => "bad_encoding",
            Self::BadChunk => "bad_chunk",
            Self::LongTrailers => "long_trailers",
            Self::EmptyLines => "empty_lines",
        }
    }
}

/// A refusal, and how much of what was given lies before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    pub at: usize,
    pub why: Refusal,
    /// In a head, as opposed to a body that may be on its way to a service already.
    pub in_head: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before the first line of a request.
    Start,
    Head,
    Body(u64),
    ChunkSize,
    ChunkData(u64),
    /// The CRLF behind the data; how many bytes of it came.
    ChunkEnd(u8),
    Trailers,
}

/// Follows one direction of a connection, whatever pieces it comes in.
#[derive(Debug)]
pub struct Framing {
    place: Place,
    /// The beginning of a line whose end has not come yet.
    line: Vec<u8>,
    length: Option<u64>,
    is_chunked: bool,
    empty_lines: u8,
    trailers: usize,
}

impl Default for Framing {
    fn default() -> Self {
        Self { place: Place::Start, line: Vec::new(), length: None, is_chunked: false, empty_lines: 0, trailers: 0 }
    }
}

impl Framing {
    /// Looks at the next bytes.
    pub fn read(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            let in_head = matches!(self.place, Place::Start | Place::Head);
            let taken = match self.place {
                Place::Start | Place::Head | Place::ChunkSize | Place::Trailers => self.read_line(rest),
                Place::Body(left) => Ok(self.skip(rest, left, Place::Body, Place::Start)),
                Place::ChunkData(left) => Ok(self.skip(rest, left, Place::ChunkData, Place::ChunkEnd(0))),
                Place::ChunkEnd(seen) => self.chunk_end(rest[0], seen),
            };
            at += taken.map_err(|why| Refused { at, why, in_head })?;
        }
        Ok(())
    }

    /// Whether the last request has come to its end.
    pub fn is_between(&self) -> bool {
        self.place == Place::Start
    }

    fn skip(&mut self, rest: &[u8], left: u64, again: fn(u64) -> Place, then: Place) -> usize {
        let taken = left.min(rest.len() as u64);
        self.place = if taken == left { then } else { again(left - taken) };
        taken as usize
    }

    fn chunk_end(&mut self, byte: u8, seen: u8) -> Result<usize, Refusal> {
        self.place = match (seen, byte) {
            (0, b'\r') => Place::ChunkEnd(1),
            (1, b'\n') => Place::ChunkSize,
            _ => return Err(Refusal::BadChunk),
        };
        Ok(1)
    }

    /// Takes a line, or what there is of it.
    fn read_line(&mut self, rest: &[u8]) -> Result<usize, Refusal> {
        let Some(end) = memchr::memchr(b'\n', rest) else {
            self.keep(rest)?;
            return Ok(rest.len());
        };
        if self.line.is_empty() {
            self.whole_line(&rest[..end])?;
        } else {
            self.keep(&rest[..end])?;
            let line = std::mem::take(&mut self.line);
            let done = self.whole_line(&line);
            // The room is used again.
            self.line = line;
            self.line.clear();
            done?;
        }
        Ok(end + 1)
    }

    /// The beginning of a line until its end comes. Of a long one of a head only what can matter, and its last byte.
    fn keep(&mut self, part: &[u8]) -> Result<(), Refusal> {
        match self.place {
            Place::ChunkSize if self.line.len() + part.len() > LONGEST_CHUNK_LINE => return Err(Refusal::BadChunk),
            Place::Trailers if self.line.len() + part.len() > LONGEST_TRAILERS => return Err(Refusal::LongTrailers),
            _ => {}
        }
        let room = LONGEST_KEPT.saturating_sub(self.line.len());
        if part.len() <= room {
            self.line.extend_from_slice(part);
            return Ok(());
        }
        // A carriage return that is dropped here could be a bare one.
        let (kept, dropped) = part.split_at(room);
        self.line.extend_from_slice(kept);
        let (body, last) = dropped.split_at(dropped.len() - 1);
        if self.line.last() == Some(&b'\r') && self.line.len() >= LONGEST_KEPT && dropped != b"" {
            return Err(Refusal::BareCarriageReturn);
        }
        if memchr::memchr(b'\r', body).is_some() {
            return Err(Refusal::BareCarriageReturn);
        }
        if let Some(end) = self.line.last_mut() {
            // Stands for the last byte that came, so that the end of the line is judged rightly.
            *end = last[0];
        }
        Ok(())
    }

    /// A line without its line feed.
    fn whole_line(&mut self, line: &[u8]) -> Result<(), Refusal> {
        let Some(line) = line.strip_suffix(b"\r") else { return Err(Refusal::BareLineFeed) };
        if memchr::memchr(b'\r', line).is_some() {
            return Err(Refusal::BareCarriageReturn);
        }
        match self.place {
            Place::Start if line.is_empty() => {
                self.empty_lines += 1;
                if self.empty_lines > MOST_EMPTY_LINES { Err(Refusal::EmptyLines) } else { Ok(()) }
            }
            Place::Start => {
                (self.length, self.is_chunked, self.empty_lines, self.trailers) = (None, false, 0, 0);
                self.place = Place::Head;
                Ok(())
            }
            Place::Head if line.is_empty() => {
                self.place = match (self.is_chunked, self.length) {
                    (true, Some(_)) => return Err(Refusal::LengthAndEncoding),
                    (true, None) => Place::ChunkSize,
                    (false, Some(length)) if length > 0 => Place::Body(length),
                    (false, _) => Place::Start,
                };
                Ok(())
            }
            Place::Head => self.field(line),
            Place::ChunkSize => {
                let size = chunk_size(line).ok_or(Refusal::BadChunk)?;
                self.place = if size == 0 { Place::Trailers } else { Place::ChunkData(size) };
                Ok(())
            }
            Place::Trailers if line.is_empty() => {
                self.place = Place::Start;
                Ok(())
            }
            Place::Trailers => {
                self.trailers += line.len();
                if self.trailers > LONGEST_TRAILERS {
                    return Err(Refusal::LongTrailers);
                }
                name_of(line).map(|_| ())
            }
            Place::Body(_) | Place::ChunkData(_) | Place::ChunkEnd(_) => Ok(()),
        }
    }

    fn field(&mut self, line: &[u8]) -> Result<(), Refusal> {
        let (name, value) = name_of(line)?;
        if name.eq_ignore_ascii_case(b"content-length") {
            if self.length.is_some() {
                return Err(Refusal::TwoLengths);
            }
            self.length = Some(decimal(value.trim_ascii()).ok_or(Refusal::BadLength)?);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if self.is_chunked || !value.trim_ascii().eq_ignore_ascii_case(b"chunked") {
                return Err(Refusal::BadEncoding);
            }
            self.is_chunked = true;
        }
        if self.is_chunked && self.length.is_some() { Err(Refusal::LengthAndEncoding) } else { Ok(()) }
    }
}

/// Name and value of a field. What is no field at all is left to the parser.
fn name_of(line: &[u8]) -> Result<(&[u8], &[u8]), Refusal> {
    if matches!(line.first(), Some(b' ' | b'\t')) {
        return Err(Refusal::FoldedLine);
    }
    let colon = memchr::memchr(b':', line).unwrap_or(line.len());
    let (name, value) = line.split_at(colon);
    if matches!(name.last(), Some(b' ' | b'\t')) {
        return Err(Refusal::SpaceBeforeColon);
    }
    Ok((name, value.get(1..).unwrap_or_default()))
}

/// Digits and nothing else; a sign or a list is no length. Nineteen of them fit.
fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 19 {
        return None;
    }
    let digits = text.iter().all(u8::is_ascii_digit);
    digits.then(|| text.iter().fold(0, |sum, byte| sum * 10 + u64::from(byte - b'0')))
}

/// Hexadecimal digits, and possibly extensions behind a semicolon.
fn chunk_size(line: &[u8]) -> Option<u64> {
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let rest = &line[digits..];
    let ends_well = rest.is_empty() || rest.trim_ascii_start().first() == Some(&b';');
    if !(1..=15).contains(&digits) || !ends_well || line.len() > LONGEST_CHUNK_LINE {
        return None;
    }
    std::str::from_utf8(&line[..digits]).ok().and_then(|text| u64::from_str_radix(text, 16).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> Result<Place, Refusal> {
        let mut framing = Framing::default();
        framing.read(text.as_bytes()).map_err(|refused| refused.why)?;
        Ok(framing.place)
    }

    /// The same in pieces of every size.
    fn judged(text: &str) -> Result<Place, Refusal> {
        let wanted = whole(text);
        for size in 1..text.len().min(40) {
            let mut framing = Framing::default();
            let mut pieces = text.as_bytes().chunks(size);
            let done = pieces.try_for_each(|piece| framing.read(piece)).map_err(|refused| refused.why);
            assert_eq!(done.map(|()| framing.place), wanted, "in pieces of {size}: {text:?}");
        }
        wanted
    }

    #[test]
    fn requests_follow_each_other() {
        for text in [
            "GET / HTTP/1.1\r\nhost: a\r\n\r\n",
            "\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\nGET / HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\n\n\n\nGET / HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n3;a=b\r\n\n\r\n\r\n0\r\nx: y\r\n\r\nGET / HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n",
        ] {
            assert_eq!(judged(text), Ok(Place::Start), "{text:?}");
        }
        assert_eq!(judged("POST / HTTP/1.1\r\ncontent-length: 9\r\n\r\nabc"), Ok(Place::Body(6)));
    }

    #[test]
    fn what_is_ambiguous_is_refused() {
        let post = |rest: &str| format!("POST / HTTP/1.1\r\nhost: a\r\n{rest}");
        for (text, why) in [
            (post("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"), Refusal::LengthAndEncoding),
            (post("transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n"), Refusal::LengthAndEncoding),
            (post("content-length: 4\r\ncontent-length: 4\r\n\r\n"), Refusal::TwoLengths),
            (post("content-length: 4, 4\r\n\r\n"), Refusal::BadLength),
            (post("content-length: +4\r\n\r\n"), Refusal::BadLength),
            (post("content-length: 99999999999999999999\r\n\r\n"), Refusal::BadLength),
            (post("content-length:\r\n\r\n"), Refusal::BadLength),
            (post("content-length : 4\r\n\r\n"), Refusal::SpaceBeforeColon),
            (post("transfer-encoding: gzip, chunked\r\n\r\n"), Refusal::BadEncoding),
            (post("transfer-encoding: xchunked\r\n\r\n"), Refusal::BadEncoding),
            (post("transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n"), Refusal::BadEncoding),
            (post("a: b\r\n folded\r\n\r\n"), Refusal::FoldedLine),
            (post("a: b\nc: d\r\n\r\n"), Refusal::BareLineFeed),
            (post("a: b\rc: d\r\n\r\n"), Refusal::BareCarriageReturn),
            ("GET / HTTP/1.1\n\n".to_owned(), Refusal::BareLineFeed),
            ("\r\n".repeat(6), Refusal::EmptyLines),
        ] {
            assert_eq!(judged(&text), Err(why), "{text:?}");
        }
    }

    #[test]
    fn chunks_are_read_to_the_letter() {
        let body = |rest: &str| format!("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n{rest}");
        for (rest, why) in [
            ("x\r\n", Refusal::BadChunk),
            ("\r\n", Refusal::BadChunk),
            ("-1\r\n", Refusal::BadChunk),
            ("0x3\r\nabc\r\n", Refusal::BadChunk),
            ("3 \r\nabc\r\n", Refusal::BadChunk),
            ("1000000000000000\r\n", Refusal::BadChunk),
            ("3\nabc\r\n", Refusal::BareLineFeed),
            ("3;a\rb\r\nabc\r\n", Refusal::BareCarriageReturn),
            ("3\r\nabcd\r\n", Refusal::BadChunk),
            ("3\r\nabc\n0\r\n\r\n", Refusal::BadChunk),
            ("0\r\n x: y\r\n\r\n", Refusal::FoldedLine),
        ] {
            assert_eq!(judged(&body(rest)), Err(why), "{rest:?}");
        }
        let long = format!("3;{}\r\n", "a".repeat(LONGEST_CHUNK_LINE));
        assert_eq!(judged(&body(&long)), Err(Refusal::BadChunk));
        let trailers = format!("0\r\n{}", "x: y\r\n".repeat(LONGEST_TRAILERS));
        assert_eq!(judged(&body(&trailers)), Err(Refusal::LongTrailers));
    }

    #[test]
    fn a_long_line_of_a_head_is_judged_by_its_end() {
        let long = "x".repeat(3 * LONGEST_KEPT);
        assert_eq!(judged(&format!("GET / HTTP/1.1\r\na: {long}\r\n\r\n")), Ok(Place::Start));
        assert_eq!(judged(&format!("GET / HTTP/1.1\r\na: {long}\n\r\n")), Err(Refusal::BareLineFeed));
        let bare = format!("GET / HTTP/1.1\r\na: {long}\r{long}\r\n\r\n");
        assert_eq!(judged(&bare), Err(Refusal::BareCarriageReturn));
    }

    #[test]
    fn the_place_of_a_refusal_is_told() {
        let text = b"GET / HTTP/1.1\r\na: b\nc: d\r\n\r\n";
        let refused = Framing::default().read(text).unwrap_err();
        assert_eq!(refused, Refused { at: 16, why: Refusal::BareLineFeed, in_head: true });
    }
}
