//! Bytes of one stream into records. Pure: however the bytes are cut into reads, the same records come out.

use memchr::memchr_iter;

use super::line::Prefix;

/// Holds the line that has no newline yet.
#[derive(Debug, Default)]
pub struct Splitter {
    carry: Vec<u8>,
}

/// How far one call came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split {
    /// Bytes of the chunk that are dealt with.
    pub consumed: usize,
    /// Records appended.
    pub records: u64,
}

/// A carry buffer larger than this is given back once its line is complete, so that a quiet service holds nothing.
const KEEP_CARRY: usize = 1 << 10;

impl Splitter {
    /// Appends the records of `chunk` to `out` until `out` reaches `limit`. What is left of a line is kept for the next call,
    /// at most `cap` bytes of it; a line longer than `cap` becomes several records, all but the last marked as continued.
    pub fn split(&mut self, chunk: &[u8], cap: usize, prefix: &Prefix, limit: usize, out: &mut Vec<u8>) -> Split {
        let mut start = 0;
        let mut records = 0;
        for end in memchr_iter(b'\n', chunk) {
            if self.carry.is_empty() && end - start <= cap {
                prefix.append_whole(out, &chunk[start..=end]);
                records += 1;
            } else {
                records += self.finish(&chunk[start..end], cap, prefix, out);
            }
            start = end + 1;
            if out.len() >= limit {
                return Split { consumed: start, records };
            }
        }
        records += self.keep(&chunk[start..], cap, prefix, out);
        Split { consumed: chunk.len(), records }
    }

    /// The end of the stream: what is left is a line too.
    pub fn end(&mut self, prefix: &Prefix, out: &mut Vec<u8>) -> u64 {
        if self.carry.is_empty() {
            return 0;
        }
        prefix.append(out, b"", &self.carry);
        self.carry = Vec::new();
        1
    }

    /// The line in `carry` ends with `rest`.
    fn finish(&mut self, rest: &[u8], cap: usize, prefix: &Prefix, out: &mut Vec<u8>) -> u64 {
        let mut records = 0;
        let mut rest = rest;
        let partial = prefix.partial();
        while self.carry.len() + rest.len() > cap {
            rest = self.cut(rest, cap, &partial, out);
            records += 1;
        }
        prefix.append(out, &self.carry, rest);
        self.forget();
        records + 1
    }

    /// A piece without newline joins the carry; full records leave as soon as something follows them.
    fn keep(&mut self, piece: &[u8], cap: usize, prefix: &Prefix, out: &mut Vec<u8>) -> u64 {
        let mut records = 0;
        let mut piece = piece;
        if self.carry.len() + piece.len() > cap {
            let partial = prefix.partial();
            while self.carry.len() + piece.len() > cap {
                piece = self.cut(piece, cap, &partial, out);
                records += 1;
            }
        }
        self.carry.extend_from_slice(piece);
        records
    }

    /// Writes one record of exactly `cap` bytes and gives back what is left of `piece`.
    fn cut<'a>(&mut self, piece: &'a [u8], cap: usize, partial: &Prefix, out: &mut Vec<u8>) -> &'a [u8] {
        let take = cap.saturating_sub(self.carry.len());
        if take == 0 && self.carry.len() > cap {
            // The cap was lowered meanwhile: the carry leaves as it is.
            partial.append(out, b"", &self.carry);
            self.forget();
            return piece;
        }
        partial.append(out, &self.carry, &piece[..take]);
        self.forget();
        &piece[take..]
    }

    fn forget(&mut self) {
        if self.carry.capacity() > KEEP_CARRY {
            self.carry = Vec::new();
        } else {
            self.carry.clear();
        }
    }
}
