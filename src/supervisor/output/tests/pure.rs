//! Splitting, the ring, patterns, the format.

use jiff::Timestamp;
use proptest::prelude::*;
use regex::bytes::Regex;

use crate::supervisor::output::line::{Prefix, Stream, format_note, parse_line};
use crate::supervisor::output::ring::Ring;
use crate::supervisor::output::split::Splitter;
use crate::supervisor::output::watch::{Watch, strip_ansi};

fn prefix() -> Prefix {
    Prefix::new(Timestamp::UNIX_EPOCH, Stream::Stdout)
}

/// Splits in the given pieces and ends the stream.
fn split(pieces: &[&[u8]], cap: usize, limit: usize) -> Vec<u8> {
    let (mut splitter, mut all, mut records) = (Splitter::default(), Vec::new(), 0);
    for piece in pieces {
        let mut from = 0;
        while from < piece.len() {
            let mut out = Vec::new();
            let split = splitter.split(&piece[from..], cap, &prefix(), limit, &mut out);
            assert!(split.consumed > 0, "it always comes further");
            from += split.consumed;
            records += split.records;
            all.extend_from_slice(&out);
        }
    }
    records += splitter.end(&prefix(), &mut all);
    assert_eq!(records, memchr::memchr_iter(b'\n', &all).count() as u64);
    all
}

/// Bytes in which newlines are frequent.
fn output() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop_oneof![2 => Just(b'\n'), 5 => any::<u8>(), 5 => Just(b'x')], 0..400)
}

proptest! {
    /// semantics cases 50 and 52: however the bytes arrive, the same records come out, and they are the same bytes.
    #[test]
    fn any_cutting_gives_the_same_records(
        bytes in output(),
        cuts in prop::collection::vec(0usize..400, 0..20),
        cap in 1usize..40,
        limit in 1usize..300,
    ) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        let whole = split(&[&bytes], cap, usize::MAX);
        prop_assert_eq!(&split(&pieces, cap, limit), &whole);

        let mut back = Vec::new();
        for record in whole.split_inclusive(|byte| *byte == b'\n') {
            let record = parse_line(record).unwrap();
            prop_assert!(record.bytes.len() <= cap);
            back.extend_from_slice(record.bytes);
            if !record.partial {
                back.push(b'\n');
            }
        }
        let mut expected = bytes.clone();
        if bytes.last().is_some_and(|last| *last != b'\n') {
            expected.push(b'\n');
        }
        prop_assert_eq!(back, expected);
    }

    /// A ring holds exactly the newest records that fit.
    #[test]
    fn a_ring_keeps_the_newest(lengths in prop::collection::vec(0usize..60, 0..60), cap in 1usize..200, max in 0usize..20) {
        let mut ring = Ring::new(cap);
        let mut all: Vec<Vec<u8>> = Vec::new();
        for (number, length) in lengths.iter().enumerate() {
            let mut record = vec![b'a' + u8::try_from(number % 26).unwrap(); *length];
            record.push(b'\n');
            ring.push(&record);
            all.push(record);
        }
        prop_assert!(ring.allocated() <= cap);
        let mut expected: Vec<&[u8]> = Vec::new();
        let mut room = cap;
        for record in all.iter().rev().take(max) {
            // The record whose newline was overwritten by luck of the cut cannot be told from a whole one.
            if record.len() > room {
                break;
            }
            room -= record.len();
            expected.insert(0, record);
        }
        let newest = ring.newest(max);
        let found: Vec<&[u8]> = newest.split_inclusive(|byte| *byte == b'\n').collect();
        // A ring that is full to the brim cannot know that its oldest record is whole: it may be left out.
        prop_assert!(found == expected || (room == 0 && found == expected[1..]), "{found:?} {expected:?}");
    }

    #[test]
    fn a_pattern_is_found_however_the_line_arrives(cuts in prop::collection::vec(0usize..60, 0..10)) {
        let text = b"noise\n\x1b[32mserver\x1b[0m is \x1b[1mready\x1b[0m on port 1";
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let (mut watch, mut found) = Watch::new(Regex::new("server is ready on port").unwrap());
        for pair in cuts.windows(2) {
            watch.feed(Stream::Stderr, &text[pair[0]..pair[1]]);
        }
        prop_assert!(found.try_recv().is_ok());
    }
}

#[test]
fn a_line_over_the_cap_goes_on_in_the_next_record() {
    let out = split(&[b"abcdefgh\nij\n"], 3, usize::MAX);
    let text = String::from_utf8(out).unwrap();
    let ends: Vec<&str> = text.lines().map(|line| line.split_once(" stdout ").unwrap().1).collect();
    assert_eq!(ends, ["P abc", "P def", "F gh", "F ij"]);
}

#[test]
fn a_line_of_exactly_the_cap_is_whole() {
    let out = split(&[b"abc", b"\nd"], 3, usize::MAX);
    assert_eq!(String::from_utf8(out).unwrap().matches(" F ").count(), 2);
}

#[test]
fn a_record_is_read_as_it_was_written() {
    let wall: Timestamp = "2026-01-02T03:04:05.000000007Z".parse().unwrap();
    let mut out = Vec::new();
    Prefix::new(wall, Stream::Stderr).partial().append(&mut out, b"a b", b" \0\xff");
    assert_eq!(out, b"2026-01-02T03:04:05.000000007Z stderr P a b \0\xff\n");
    let record = parse_line(&out).unwrap();
    assert_eq!((record.wall, record.stream, record.partial, record.bytes), (wall, Stream::Stderr, true, &b"a b \0\xff"[..]));
    let mut note = Vec::new();
    format_note(wall, "two\nlines", &mut note);
    assert_eq!(parse_line(&note).unwrap().bytes, b"two lines");
    assert_eq!(parse_line(b"2026-01-02T03:04:05Z stdout F\n").unwrap().bytes, b"");
    assert_eq!(parse_line(b"not a record\n"), None);
    assert_eq!(parse_line(b""), None);
}

#[test]
fn terminal_codes_are_taken_out() {
    assert_eq!(strip_ansi(b"\x1b[1;32mok\x1b[0m"), b"ok");
    assert_eq!(strip_ansi(b"\x1b]0;title\x07a\x1b]8;;x\x1b\\b\x1b(Bc\x1bM"), b"abc");
    assert_eq!(strip_ansi(b"cut \x1b["), b"cut ");
}
