//! From BSON as the server sent it to JSON text as the original prints it, without a tree in between.
//!
//! Pure. What a document holds decides, not what we would have stored: a database of the original is printed as the
//! original prints it. Members keep their order.

use std::fmt::Write as _;
use std::io;

use mongodb::bson::{Decimal128, RawDocument};
use serde::Serialize;
use serde_json::ser::Formatter;

/// Deeper than the server stores; whatever lies deeper is not printed.
const DEPTH: usize = 256;

/// Integers beyond it are not exact in JavaScript.
const SAFE: i64 = (1 << 53) - 1;

/// Of a UUID among binary values.
const UUID: u8 = 4;
/// The old kind of binary, which says its length twice.
const OLD_BINARY: u8 = 2;

#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    #[error("a stored document is not well-formed BSON")]
    Malformed,
    #[error("a stored document is nested too deeply")]
    Depth,
}

type Result<T> = std::result::Result<T, JsonError>;

/// One member of a document, its value still in BSON.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    name: &'a [u8],
    kind: u8,
    value: &'a [u8],
}

impl<'a> Member<'a> {
    pub fn is_named(&self, name: &str) -> bool {
        self.name == name.as_bytes()
    }

    /// Of a document within the document.
    pub fn members(&self) -> Option<Members<'a>> {
        (self.kind == 0x03).then(|| Members::of(self.value))
    }

    /// Null, or what JavaScript has no value for.
    pub fn is_nothing(&self) -> bool {
        matches!(self.kind, 0x06 | 0x0a)
    }

    pub fn write_name(&self, out: &mut Vec<u8>) {
        text(out, self.name);
    }

    pub fn write_value(&self, out: &mut Vec<u8>) -> Result<()> {
        any(out, self.kind, self.value, DEPTH)
    }

    /// The bytes of a document within a list.
    pub fn document(&self) -> Result<&'a [u8]> {
        if self.kind == 0x03 { Ok(self.value) } else { Err(JsonError::Malformed) }
    }
}

/// The members of a document, one after the other. Walks the bytes itself: the driver's own walk looks at everything twice.
#[derive(Debug, Clone)]
pub struct Members<'a>(&'a [u8]);

impl<'a> Members<'a> {
    /// Of the bytes of a document or a list: length, members, end mark.
    pub fn of(document: &'a [u8]) -> Self {
        Self(document.get(4..document.len().saturating_sub(1)).unwrap_or_default())
    }

    #[inline]
    fn take(&mut self) -> Option<Member<'a>> {
        let (kind, rest) = self.0.split_first()?;
        let end = memchr::memchr(0, rest)?;
        let (name, rest) = (&rest[..end], &rest[end + 1..]);
        let length = size(*kind, rest)?;
        let (value, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(Member { name, kind: *kind, value })
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = Result<Member<'a>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let next = self.take().ok_or(JsonError::Malformed);
        if next.is_err() {
            self.0 = &[];
        }
        Some(next)
    }
}

/// The length that a value begins with.
#[inline]
fn length(value: &[u8]) -> Option<usize> {
    let bytes = value.get(..4)?.try_into().ok()?;
    usize::try_from(i32::from_le_bytes(bytes)).ok()
}

/// Bytes of the value of that kind at the beginning of the rest.
#[inline]
fn size(kind: u8, rest: &[u8]) -> Option<usize> {
    Some(match kind {
        0x01 | 0x09 | 0x11 | 0x12 => 8,
        0x02 | 0x0d | 0x0e => length(rest)? + 4,
        0x03 | 0x04 | 0x0f => length(rest)?,
        0x05 => length(rest)? + 5,
        0x06 | 0x0a | 0x7f | 0xff => 0,
        0x07 => 12,
        0x08 => 1,
        0x0b => {
            let pattern = memchr::memchr(0, rest)? + 1;
            pattern + memchr::memchr(0, rest.get(pattern..)?)? + 1
        }
        0x0c => length(rest)? + 16,
        0x10 => 4,
        0x13 => 16,
        _ => return None,
    })
}

/// The text of a value that begins with its length and ends with a zero.
#[inline]
fn words(value: &[u8]) -> Result<&[u8]> {
    value.get(4..value.len().saturating_sub(1)).ok_or(JsonError::Malformed)
}

fn fixed<const N: usize>(value: &[u8]) -> Result<[u8; N]> {
    value.try_into().map_err(|_| JsonError::Malformed)
}

/// One document, as `JSON.stringify` of the original's driver gives it.
pub fn document(out: &mut Vec<u8>, document: &RawDocument) -> Result<()> {
    object(out, document.as_bytes(), DEPTH)
}

/// The same of its bytes.
pub fn bytes(out: &mut Vec<u8>, document: &[u8]) -> Result<()> {
    object(out, document, DEPTH)
}

fn object(out: &mut Vec<u8>, document: &[u8], depth: usize) -> Result<()> {
    let depth = depth.checked_sub(1).ok_or(JsonError::Depth)?;
    out.push(b'{');
    let mut is_first = true;
    for member in Members::of(document) {
        let member = member?;
        // What JavaScript has no value for has no member either.
        if member.kind == 0x06 {
            continue;
        }
        if !is_first {
            out.push(b',');
        }
        is_first = false;
        text(out, member.name);
        out.push(b':');
        any(out, member.kind, member.value, depth)?;
    }
    out.push(b'}');
    Ok(())
}

fn array(out: &mut Vec<u8>, list: &[u8], depth: usize) -> Result<()> {
    let depth = depth.checked_sub(1).ok_or(JsonError::Depth)?;
    out.push(b'[');
    for (index, member) in Members::of(list).enumerate() {
        let member = member?;
        if index > 0 {
            out.push(b',');
        }
        any(out, member.kind, member.value, depth)?;
    }
    out.push(b']');
    Ok(())
}

fn any(out: &mut Vec<u8>, kind: u8, value: &[u8], depth: usize) -> Result<()> {
    match kind {
        0x02 | 0x0e => text(out, words(value)?),
        0x03 => object(out, value, depth)?,
        0x04 => array(out, value, depth)?,
        0x08 => out.extend_from_slice(if value == [0] { b"false" } else { b"true" }),
        0x06 | 0x0a => out.extend_from_slice(b"null"),
        0x10 => integer(out, i64::from(i32::from_le_bytes(fixed(value)?))),
        0x12 => match i64::from_le_bytes(fixed(value)?) {
            number if (-SAFE..=SAFE).contains(&number) => integer(out, number),
            // The original's driver hands on what a number cannot hold in two halves.
            number => {
                put(out, format_args!("{{\"low\":{},\"high\":{},\"unsigned\":false}}", number as i32, number >> 32))
            }
        },
        0x01 => double(out, f64::from_le_bytes(fixed(value)?)),
        0x07 => hexadecimal(out, value),
        0x09 => instant(out, i64::from_le_bytes(fixed(value)?)),
        0x13 => put(out, format_args!("{{\"$numberDecimal\":\"{}\"}}", Decimal128::from_bytes(fixed(value)?))),
        0x11 => put(out, format_args!("{{\"$timestamp\":\"{}\"}}", u64::from_le_bytes(fixed(value)?))),
        0x05 => binary(out, value)?,
        0x0d => {
            out.extend_from_slice(b"{\"code\":");
            text(out, words(value)?);
            out.push(b'}');
        }
        // Length, code, scope.
        0x0f => {
            let rest = value.get(4..).ok_or(JsonError::Malformed)?;
            let end = length(rest).map(|length| length + 4).ok_or(JsonError::Malformed)?;
            let (code, scope) = rest.split_at_checked(end).ok_or(JsonError::Malformed)?;
            out.extend_from_slice(b"{\"code\":");
            text(out, words(code)?);
            out.extend_from_slice(b",\"scope\":");
            object(out, scope, depth)?;
            out.push(b'}');
        }
        // Patterns, pointers and the smallest and largest key are objects without members of their own.
        _ => out.extend_from_slice(b"{}"),
    }
    Ok(())
}

fn binary(out: &mut Vec<u8>, value: &[u8]) -> Result<()> {
    use base64::Engine;
    let (kind, bytes) = value.get(4..).and_then(<[u8]>::split_first).ok_or(JsonError::Malformed)?;
    let bytes = if *kind == OLD_BINARY { bytes.get(4..).ok_or(JsonError::Malformed)? } else { bytes };
    match (*kind, uuid::Uuid::from_slice(bytes)) {
        (UUID, Ok(id)) => put(out, format_args!("\"{}\"", id.hyphenated())),
        _ => string(out, &base64::engine::general_purpose::STANDARD.encode(bytes)),
    }
    Ok(())
}

fn hexadecimal(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for byte in bytes {
        out.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    out.push(b'"');
}

fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to memory does not fail.
    let _ = io::Write::write_fmt(out, text);
}

fn integer(out: &mut Vec<u8>, mut number: i64) {
    // Twenty digits hold every one.
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    let is_negative = number < 0;
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10).unsigned_abs() as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    if is_negative {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

/// A number as JavaScript prints it.
pub fn double(out: &mut Vec<u8>, number: f64) {
    if !number.is_finite() {
        return out.extend_from_slice(b"null");
    }
    let whole = number as i64;
    if whole as f64 == number && (-SAFE..=SAFE).contains(&whole) {
        return integer(out, whole);
    }
    // Both print the shortest digits that name the number; they differ in when an exponent is used, and in its sign.
    if (1e-6..1e21).contains(&number.abs()) {
        return put(out, format_args!("{number}"));
    }
    let text = format!("{number:e}");
    match text.split_once('e') {
        Some((digits, exponent)) if !exponent.starts_with('-') => put(out, format_args!("{digits}e+{exponent}")),
        _ => out.extend_from_slice(text.as_bytes()),
    }
}

/// `"2024-01-31T10:00:00.000Z"`.
fn instant(out: &mut Vec<u8>, milliseconds: i64) {
    match jiff::Timestamp::from_millisecond(milliseconds) {
        Ok(instant) => put(out, format_args!("\"{}\"", instant.strftime("%Y-%m-%dT%H:%M:%S.%3fZ"))),
        // Beyond the years that either can name.
        Err(_) => out.extend_from_slice(b"null"),
    }
}

/// A text between quotation marks.
pub fn string(out: &mut Vec<u8>, text: &str) {
    quoted(out, text.as_bytes());
}

/// The same of bytes that should be UTF-8 and are, unless somebody wrote something else into the database.
#[inline]
fn text(out: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.is_ascii() || std::str::from_utf8(bytes).is_ok() {
        return quoted(out, bytes);
    }
    quoted(out, String::from_utf8_lossy(bytes).as_bytes());
}

fn quoted(out: &mut Vec<u8>, mut bytes: &[u8]) {
    out.reserve(bytes.len() + 2);
    out.push(b'"');
    loop {
        let clean = plain(bytes);
        out.extend_from_slice(&bytes[..clean]);
        let Some(byte) = bytes.get(clean) else { break };
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            other => put(out, format_args!("\\u{other:04x}")),
        }
        bytes = &bytes[clean + 1..];
    }
    out.push(b'"');
}

/// How many bytes at the beginning go out as they are. Eight at a time: a byte of the difference has its highest bit set
/// where it went below zero, which is where the byte was smaller, or equal.
#[inline]
fn plain(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let mut at = 0;
    while let Some(Ok(eight)) = bytes.get(at..at + 8).map(<[u8; 8]>::try_from) {
        let word = u64::from_le_bytes(eight);
        let zero = |word: u64| word.wrapping_sub(ONES) & !word;
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        let escaped = control | zero(word ^ (ONES * u64::from(b'"'))) | zero(word ^ (ONES * u64::from(b'\\')));
        if escaped & HIGH != 0 {
            break;
        }
        at += 8;
    }
    let rest = bytes[at..].iter().position(|byte| *byte < b' ' || *byte == b'"' || *byte == b'\\');
    rest.map_or(bytes.len(), |rest| at + rest)
}

/// What was computed here at the end of what is there, with numbers as JavaScript prints them.
pub fn append(out: &mut Vec<u8>, value: &impl Serialize) -> std::result::Result<(), serde_json::Error> {
    value.serialize(&mut serde_json::Serializer::with_formatter(out, Numbers))
}

struct Numbers;

impl Formatter for Numbers {
    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        let mut text = Vec::with_capacity(24);
        double(&mut text, value);
        writer.write_all(&text)
    }

    fn write_u64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: u64) -> io::Result<()> {
        self.write_f64(writer, value as f64)
    }

    fn write_i64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: i64) -> io::Result<()> {
        self.write_f64(writer, value as f64)
    }
}

/// A number as a text of JavaScript's, for string fields.
pub fn number_text(number: f64) -> String {
    let mut text = String::new();
    let mut bytes = Vec::with_capacity(24);
    double(&mut bytes, number);
    // Digits, a sign, a point and an exponent: always ASCII, and writing to memory does not fail.
    let _ = text.write_str(&String::from_utf8_lossy(&bytes));
    text
}

#[cfg(test)]
mod tests {
    use mongodb::bson::oid::ObjectId;
    use mongodb::bson::{Bson, DateTime, RawDocumentBuf, doc};
    use serde_json::json;

    use super::*;

    fn printed(value: impl Into<Bson>) -> String {
        let raw = RawDocumentBuf::try_from(doc! { "v": value.into() }).unwrap();
        let mut out = Vec::new();
        document(&mut out, &raw).unwrap();
        let text = String::from_utf8(out).unwrap();
        text.strip_prefix("{\"v\":").unwrap().strip_suffix('}').unwrap().to_owned()
    }

    #[test]
    fn numbers_are_printed_as_javascript_prints_them() {
        let cases: &[(f64, &str)] = &[
            (87.0, "87"),
            (-0.0, "0"),
            (0.1, "0.1"),
            (72.727_272_727_272_73, "72.72727272727273"),
            (1e21, "1e+21"),
            (123_456_789_012_345_680_000.0, "123456789012345680000"),
            (1e-7, "1e-7"),
            (0.000_001, "0.000001"),
            (1.5e300, "1.5e+300"),
            (-2.5e-9, "-2.5e-9"),
            (f64::NAN, "null"),
            (9_007_199_254_740_993.0, "9007199254740992"),
            (4.35, "4.35"),
            (-12.0, "-12"),
        ];
        for (number, text) in cases {
            assert_eq!(printed(*number), *text);
        }
        assert_eq!(printed(i32::MIN), "-2147483648");
        assert_eq!(printed(9_007_199_254_740_991_i64), "9007199254740991");
        assert_eq!(printed(1_i64 << 60), r#"{"low":0,"high":268435456,"unsigned":false}"#);
        let mut out = Vec::new();
        append(&mut out, &json!({ "a": 87.0, "b": 3, "c": [1e21] })).unwrap();
        assert_eq!(out, br#"{"a":87,"b":3,"c":[1e+21]}"#);
    }

    #[test]
    fn every_kind_of_value_is_printed_as_the_original_does() {
        let id = ObjectId::parse_str("67ae0f1a7d6afdc94d9699da").unwrap();
        assert_eq!(printed(id), "\"67ae0f1a7d6afdc94d9699da\"");
        assert_eq!(printed(DateTime::from_millis(1_706_695_200_000)), "\"2024-01-31T10:00:00.000Z\"");
        assert_eq!(printed(DateTime::from_millis(-1)), "\"1969-12-31T23:59:59.999Z\"");
        assert_eq!(printed(Bson::Null), "null");
        assert_eq!(printed(true), "true");
        assert_eq!(printed("a\"b\\c\n\u{1}é\u{7f}"), "\"a\\\"b\\\\c\\n\\u0001é\u{7f}\"");
        assert_eq!(printed(vec![Bson::Int32(1), Bson::Undefined]), "[1,null]");
        assert_eq!(printed(doc! { "z": 1, "a": {}, "u": Bson::Undefined }), r#"{"z":1,"a":{}}"#);
        assert_eq!(printed(Bson::Decimal128("1.50".parse().unwrap())), r#"{"$numberDecimal":"1.50"}"#);
    }

    #[test]
    fn rare_kinds_and_what_is_no_bson() {
        use mongodb::bson::spec::BinarySubtype;
        use mongodb::bson::{Binary, JavaScriptCodeWithScope, Regex, Timestamp, cstr};
        let binary = |subtype, bytes: &[u8]| Bson::Binary(Binary { subtype, bytes: bytes.to_vec() });
        assert_eq!(printed(binary(BinarySubtype::Generic, b"abc")), "\"YWJj\"");
        assert_eq!(printed(binary(BinarySubtype::BinaryOld, b"abc")), "\"YWJj\"");
        assert_eq!(printed(binary(BinarySubtype::Uuid, &[1; 16])), "\"01010101-0101-0101-0101-010101010101\"");
        assert_eq!(printed(Bson::JavaScriptCode("f()".into())), r#"{"code":"f()"}"#);
        let scoped = JavaScriptCodeWithScope { code: "f()".into(), scope: doc! { "a": 1 } };
        assert_eq!(printed(Bson::JavaScriptCodeWithScope(scoped)), r#"{"code":"f()","scope":{"a":1}}"#);
        assert_eq!(printed(Bson::Timestamp(Timestamp { time: 1, increment: 2 })), r#"{"$timestamp":"4294967298"}"#);
        let pattern = Regex { pattern: cstr!("a.*").into(), options: cstr!("i").into() };
        assert_eq!(
            printed(vec![Bson::RegularExpression(pattern), Bson::MaxKey, Bson::Symbol("s".into())]),
            r#"[{},{},"s"]"#
        );
        let whole = RawDocumentBuf::try_from(doc! { "a": "text", "b": [1, { "c": 2.5 }] }).unwrap().into_bytes();
        // Cut anywhere, or with a byte of another kind: an error or some text, never a panic.
        for at in 0..whole.len() {
            let (mut out, mut broken) = (Vec::new(), whole.clone());
            let _ = bytes(&mut out, &whole[..at]);
            broken[at] ^= 0xff;
            let _ = bytes(&mut out, &broken);
        }
    }

    #[test]
    fn a_text_is_escaped_as_json_stringify_does() {
        let long = "a text of more than eight bytes, \"quoted\", and\ttabs é after them";
        for text in [long, "", "plain", "tab\tnul\0quote\"", "naïve ✓", "\u{2028}", "\\", "\u{1f}\u{8}\u{c}\r\n"] {
            let mut out = Vec::new();
            string(&mut out, text);
            assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string(text).unwrap());
        }
    }
}
