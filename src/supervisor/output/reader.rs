//! Reading logs back from disk, without a daemon: one service's files in order, several services merged by time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use super::cap::{CURRENT, rotated_files};
use super::line::{LogLine, Stream, parse_line};

/// How much is read at once.
const BLOCK: usize = 64 << 10;
/// So often the files are listed again when they were rotated in the middle of it.
const LISTINGS: usize = 100;

/// The log of one service, from a place on to its end.
#[derive(Debug)]
pub struct LogReader {
    pub(super) service: Arc<str>,
    pub(super) dir: PathBuf,
    files: VecDeque<Lines>,
    since: Option<Timestamp>,
    sequence: u64,
    last: Option<Timestamp>,
    /// The newest rotated file when the files were listed.
    pub(super) newest_rotated: Option<String>,
    /// The file that was `current`, once everything before it is read.
    current: Option<Lines>,
}

impl LogReader {
    /// All that is kept, or only what was written at `since` or later. `dir` is `logs/<service>`; one that does not exist
    /// is an empty log.
    pub fn open(service: &str, dir: &Path, since: Option<Timestamp>) -> io::Result<Self> {
        let mut files = Files::list(dir, None)?;
        if let Some(since) = since {
            // A file whose last write was before is not read at all.
            let young = |file: &File| file.metadata().map_or(true, |meta| meta.mtime() >= since.as_second());
            files.rotated.retain(|lines| young(&lines.file));
        }
        Ok(Self::new(service, dir, files, since))
    }

    /// The last `count` lines; a line that was split into several records counts once.
    pub fn last(service: &str, dir: &Path, count: usize) -> io::Result<Self> {
        let mut files = Files::list(dir, None)?;
        let mut wanted = count;
        if let Some(current) = &mut files.current {
            wanted -= current.skip_to_last(wanted)?;
        }
        let mut keep = VecDeque::new();
        while wanted > 0
            && let Some(mut rotated) = files.rotated.pop_back()
        {
            wanted -= rotated.skip_to_last(wanted)?;
            keep.push_front(rotated);
        }
        files.rotated = keep;
        Ok(Self::new(service, dir, files, None))
    }

    fn new(service: &str, dir: &Path, files: Files, since: Option<Timestamp>) -> Self {
        Self {
            service: Arc::from(service),
            dir: dir.to_owned(),
            files: files.rotated,
            since,
            sequence: 0,
            last: None,
            newest_rotated: files.newest_rotated,
            current: files.current,
        }
    }

    /// The next line, oldest first; `None` at the end of what is written by now, and again more once there is more.
    /// A record that cannot be parsed is given as it is, under the time of the one before.
    pub fn next_line(&mut self) -> io::Result<Option<LogLine>> {
        loop {
            let record = match (self.files.front_mut(), &mut self.current) {
                (Some(rotated), _) => rotated.next(true)?,
                (None, Some(current)) => current.next(false)?,
                (None, None) => None,
            };
            let Some(record) = record else {
                if self.files.pop_front().is_none() {
                    return Ok(None);
                }
                continue;
            };
            let line = to_line(&self.service, record, self.last, self.sequence);
            self.sequence += 1;
            self.last = Some(line.wall);
            if self.since.is_some_and(|since| line.wall < since) {
                continue;
            }
            // Once one line is young enough, all that follow are shown, also when the clock went back.
            self.since = None;
            return Ok(Some(line));
        }
    }

    /// Goes on with what came after a rotation. `false`: `current` is still the file that is being read.
    pub(super) fn turn_over(&mut self) -> io::Result<bool> {
        let held = self.current.as_ref().map(|lines| lines.id);
        let path = self.dir.join(CURRENT);
        match path.metadata() {
            Ok(meta) if Some((meta.dev(), meta.ino())) == held => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::NotFound && held.is_none() => return Ok(false),
            // Renamed a moment ago, the next one is not there yet; or all of it is gone.
            Ok(_) | Err(_) => {}
        }
        let newer = Files::list(&self.dir, self.newest_rotated.as_deref())?;
        // What was `current` comes first, to its very end; it also is the first of the newer rotated files.
        self.files.extend(self.current.take());
        self.files.extend(newer.rotated.into_iter().filter(|lines| Some(lines.id) != held));
        self.current = newer.current;
        if newer.newest_rotated.is_some() {
            self.newest_rotated = newer.newest_rotated;
        }
        Ok(true)
    }
}

impl Iterator for LogReader {
    type Item = io::Result<LogLine>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_line().transpose()
    }
}

/// The files of one service, opened.
struct Files {
    rotated: VecDeque<Lines>,
    current: Option<Lines>,
    newest_rotated: Option<String>,
}

impl Files {
    /// Rotated files after `after`, and the current one, as they were at one moment.
    fn list(dir: &Path, after: Option<&str>) -> io::Result<Self> {
        let mut listing = 0;
        loop {
            listing += 1;
            let names = names(dir)?;
            let current = Lines::open(&dir.join(CURRENT))?;
            let newest_rotated = self::names(dir)?.pop();
            if newest_rotated != names.last().cloned() && listing < LISTINGS {
                continue;
            }
            let mut rotated = VecDeque::new();
            for name in names.iter().filter(|name| after.is_none_or(|after| name.as_str() > after)) {
                // Removed meanwhile, as the oldest of too many: that is how it is.
                rotated.extend(Lines::open(&dir.join(name))?);
            }
            return Ok(Self { rotated, current, newest_rotated });
        }
    }
}

fn names(dir: &Path) -> io::Result<Vec<String>> {
    match rotated_files(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        other => other,
    }
}

/// The records of one file.
#[derive(Debug)]
struct Lines {
    file: File,
    id: (u64, u64),
    /// Where the next read begins.
    at: u64,
    buffer: Vec<u8>,
    start: usize,
}

impl Lines {
    fn open(path: &Path) -> io::Result<Option<Self>> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let meta = file.metadata()?;
        Ok(Some(Self { file, id: (meta.dev(), meta.ino()), at: 0, buffer: Vec::new(), start: 0 }))
    }

    /// The next record with its newline. `ended`: nobody writes to the file any more, a torn record at its end counts.
    fn next(&mut self, ended: bool) -> io::Result<Option<&[u8]>> {
        let mut searched = self.start;
        loop {
            if let Some(at) = memchr::memchr(b'\n', &self.buffer[searched..]) {
                let begin = std::mem::replace(&mut self.start, searched + at + 1);
                return Ok(Some(&self.buffer[begin..self.start]));
            }
            self.buffer.drain(..self.start);
            self.start = 0;
            searched = self.buffer.len();
            self.buffer.resize(searched + BLOCK, 0);
            let read = self.file.read_at(&mut self.buffer[searched..], self.at);
            self.buffer.truncate(searched + read.as_ref().copied().unwrap_or(0));
            let read = read?;
            self.at += read as u64;
            if read == 0 {
                if !ended || self.buffer.is_empty() {
                    return Ok(None);
                }
                self.start = self.buffer.len();
                return Ok(Some(&self.buffer));
            }
        }
    }

    /// Skips all but the last `wanted` lines and tells how many there are (at most `wanted`).
    fn skip_to_last(&mut self, wanted: usize) -> io::Result<usize> {
        let end = self.file.metadata()?.len();
        // Backwards, block by block; `tail` holds whole and half records from `from` on.
        let mut tail: Vec<u8> = Vec::new();
        let mut from = end;
        loop {
            let (skip, lines) = last_lines(&tail, wanted, from == 0);
            if lines == wanted || from == 0 {
                self.at = from + skip as u64;
                return Ok(lines);
            }
            // Twice as much each time, so that the counting stays proportional to what is read.
            let more = from.min((tail.len() as u64).max(BLOCK as u64));
            let mut block = vec![0; usize::try_from(more).unwrap_or(BLOCK)];
            from -= block.len() as u64;
            self.file.read_exact_at(&mut block, from)?;
            block.append(&mut tail);
            tail = block;
        }
    }
}

/// Where the last `wanted` lines of `bytes` begin, and how many there are. Unless `complete`, the first record may be the
/// end of one, and nothing that begins with it is counted.
fn last_lines(bytes: &[u8], wanted: usize, complete: bool) -> (usize, usize) {
    let mut begin = bytes.len();
    let mut lines = 0;
    let mut end = bytes.len();
    if wanted == 0 {
        return (begin, 0);
    }
    while end > 0 {
        let start = memchr::memrchr(b'\n', &bytes[..end - 1]).map_or(0, |at| at + 1);
        if start == 0 && !complete {
            break;
        }
        let goes_on = parse_line(&bytes[start..end]).is_some_and(|record| record.partial);
        if !goes_on {
            if lines == wanted {
                break;
            }
            lines += 1;
        }
        begin = start;
        end = start;
    }
    // The first of the counted lines may have its beginning further ahead; then one more block is read.
    if !complete && end > 0 && lines == wanted && memchr::memrchr(b'\n', &bytes[..end.saturating_sub(1)]).is_none() {
        return (begin, lines - 1);
    }
    (begin, lines)
}

fn to_line(service: &Arc<str>, record: &[u8], before: Option<Timestamp>, sequence: u64) -> LogLine {
    match parse_line(record) {
        Some(record) => record.to_line(service, sequence),
        None => LogLine {
            service: service.clone(),
            wall: before.unwrap_or(Timestamp::UNIX_EPOCH),
            stream: Stream::Reeve,
            partial: false,
            bytes: Bytes::copy_from_slice(record.strip_suffix(b"\n").unwrap_or(record)),
            sequence,
        },
    }
}

/// Several logs as one, by time. The order within a service is kept, and so are lines of several records.
#[derive(Debug)]
pub struct Merged {
    readers: Vec<LogReader>,
    heads: BinaryHeap<Reverse<(Timestamp, usize)>>,
    lines: Vec<Option<LogLine>>,
    /// The last line given goes on in this reader.
    open: Option<usize>,
    begun: bool,
}

impl Merged {
    pub fn new(readers: Vec<LogReader>) -> Self {
        let lines = readers.iter().map(|_| None).collect();
        Self { readers, heads: BinaryHeap::new(), lines, open: None, begun: false }
    }

    pub fn next_line(&mut self) -> io::Result<Option<LogLine>> {
        if !self.begun {
            self.begun = true;
            for index in 0..self.readers.len() {
                self.advance(index)?;
            }
        }
        let index = match self.open.take().filter(|index| self.lines[*index].is_some()) {
            Some(index) => {
                self.heads.retain(|Reverse((_, other))| *other != index);
                index
            }
            None => match self.heads.pop() {
                Some(Reverse((_, index))) => index,
                None => return Ok(None),
            },
        };
        let line = self.lines[index].take();
        if line.as_ref().is_some_and(|line| line.partial) {
            self.open = Some(index);
        }
        self.advance(index)?;
        Ok(line)
    }

    fn advance(&mut self, index: usize) -> io::Result<()> {
        if let Some(line) = self.readers[index].next_line()? {
            self.heads.push(Reverse((line.wall, index)));
            self.lines[index] = Some(line);
        }
        Ok(())
    }

    /// The readers at the end of what there is, for [`super::Follow`].
    pub fn into_readers(self) -> Vec<LogReader> {
        self.readers
    }
}

impl Iterator for Merged {
    type Item = io::Result<LogLine>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_line().transpose()
    }
}
