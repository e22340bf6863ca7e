//! The most recent records of a service in memory. Allocates nothing before the first record, never more than its size.

/// A ring of bytes that holds whole records; the oldest may have lost its beginning and is skipped when read.
#[derive(Debug, Default)]
pub struct Ring {
    bytes: Vec<u8>,
    /// Where the oldest byte is once `bytes` has reached its size.
    head: usize,
    cap: usize,
    cut: bool,
}

impl Ring {
    pub fn new(cap: usize) -> Self {
        Self { cap, ..Self::default() }
    }

    /// Another size; what no longer fits is forgotten.
    pub fn resize(&mut self, cap: usize) {
        if cap != self.cap {
            let old = self.contents();
            let cut = self.cut;
            *self = Self::new(cap);
            self.push(&old);
            self.cut |= cut;
        }
    }

    /// Appends records; of more than the ring holds only the end is copied.
    pub fn push(&mut self, records: &[u8]) {
        let mut records = records;
        if records.len() >= self.cap {
            self.cut |= records.len() > self.cap || !self.bytes.is_empty();
            records = &records[records.len() - self.cap..];
            self.bytes.clear();
            self.head = 0;
        }
        let room = self.cap - self.bytes.len();
        let (grow, wrap) = records.split_at(records.len().min(room));
        if self.bytes.capacity() < self.bytes.len() + grow.len() {
            // Doubling, but never beyond the size.
            let wanted = (self.bytes.len() + grow.len()).max(self.bytes.len() * 2).min(self.cap);
            self.bytes.reserve_exact(wanted - self.bytes.len());
        }
        self.bytes.extend_from_slice(grow);
        self.overwrite(wrap);
    }

    fn overwrite(&mut self, records: &[u8]) {
        if records.is_empty() {
            return;
        }
        self.cut = true;
        let (first, second) = records.split_at(records.len().min(self.cap - self.head));
        self.bytes[self.head..self.head + first.len()].copy_from_slice(first);
        self.bytes[..second.len()].copy_from_slice(second);
        self.head = (self.head + records.len()) % self.cap;
    }

    /// Whole records, oldest first, at most `max` of the newest.
    pub fn newest(&self, max: usize) -> Vec<u8> {
        let mut bytes = self.contents();
        let mut from = bytes.len();
        let mut seen = 0;
        while from > 0 && seen < max {
            match memchr::memrchr(b'\n', &bytes[..from - 1]) {
                Some(at) => from = at + 1,
                None if self.cut => break,
                None => from = 0,
            }
            seen += 1;
        }
        bytes.drain(..from);
        bytes
    }

    /// Bytes held and allocated.
    pub fn allocated(&self) -> usize {
        self.bytes.capacity()
    }

    fn contents(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.bytes.len());
        bytes.extend_from_slice(&self.bytes[self.head..]);
        bytes.extend_from_slice(&self.bytes[..self.head]);
        bytes
    }
}
