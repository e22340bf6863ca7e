//! The file of one service: appended to, rotated between records, opened again when it vanished.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::cap::{Archive, CURRENT};
use super::line::format_note;
use crate::spec::LogSpec;

/// Whether the file is still where it was is looked up at most this often, and only while there is something to write.
const CHECK_EVERY: Duration = Duration::from_secs(1);
/// After a failure the next attempt comes with the first output after this time: often enough to lose little once
/// there is space again, rarely enough to cost nothing.
const RETRY_AFTER: Duration = Duration::from_millis(250);

/// What a write came to.
#[must_use]
#[derive(Debug)]
pub enum Written {
    Done,
    /// Not written, as already known.
    Lost,
    /// The first failure after a time in which all was well.
    Failed(io::Error),
    /// All is well again; so many lines are missing.
    Resumed {
        lost: u64,
    },
}

/// Appends records. Used by one thread only.
#[derive(Debug)]
pub struct LogFile {
    service: Arc<str>,
    dir: PathBuf,
    path: PathBuf,
    open: Option<Open>,
    trouble: Option<Trouble>,
    /// Lines that are missing and not yet stated.
    missing: Option<Missing>,
}

#[derive(Debug)]
struct Open {
    file: File,
    id: (u64, u64),
    size: u64,
    checked: Instant,
}

#[derive(Debug)]
struct Trouble {
    retry_at: Instant,
    cause: String,
}

#[derive(Debug)]
struct Missing {
    lines: u64,
    since: Instant,
    until: Instant,
}

impl LogFile {
    pub fn new(service: Arc<str>, dir: PathBuf) -> Self {
        let path = dir.join(CURRENT);
        Self { service, dir, path, open: None, trouble: None, missing: None }
    }

    /// Appends whole records; none of them is ever cut in two by a rotation.
    pub fn append(&mut self, records: &[u8], spec: &LogSpec, archive: &Mutex<Archive>) -> Written {
        let now = Instant::now();
        if self.trouble.as_ref().is_some_and(|trouble| now < trouble.retry_at) {
            self.leave_out(count(records));
            return Written::Lost;
        }
        let was_missing = self.missing.as_ref().map_or(0, |missing| missing.lines);
        let mut done = 0;
        let result = self.state_loss(spec, archive).and_then(|()| self.write(records, spec, archive, &mut done));
        match result {
            Ok(()) => match self.trouble.take() {
                Some(_) => Written::Resumed { lost: was_missing },
                None => Written::Done,
            },
            Err(error) => {
                self.leave_out(count(&records[done..]));
                self.open = None;
                let retry_at = Instant::now() + RETRY_AFTER;
                let known = self.trouble.replace(Trouble { retry_at, cause: error.to_string() });
                if known.is_some() { Written::Lost } else { Written::Failed(error) }
            }
        }
    }

    /// Counts lines that do not go to the file; the next successful write states them first.
    pub fn leave_out(&mut self, lines: u64) {
        let now = Instant::now();
        let missing = self.missing.get_or_insert(Missing { lines: 0, since: now, until: now });
        missing.lines += lines;
        missing.until = now;
    }

    /// Whether lines are missing that the log does not tell of yet.
    pub fn owes_statement(&self) -> bool {
        self.missing.is_some()
    }

    /// The next write opens the file anew (somebody outside has moved it away).
    pub fn reopen(&mut self) {
        self.open = None;
    }

    fn state_loss(&mut self, spec: &LogSpec, archive: &Mutex<Archive>) -> io::Result<()> {
        let Some(missing) = &self.missing else { return Ok(()) };
        let took = (missing.until - missing.since).as_secs_f64();
        let why = match &self.trouble {
            Some(trouble) => format!("the log could not be written: {}", trouble.cause),
            None => "the disk did not keep up".to_owned(),
        };
        let mut note = Vec::new();
        format_note(Timestamp::now(), &format!("dropped {} lines in {took:.1} s ({why})", missing.lines), &mut note);
        self.write(&note, spec, archive, &mut 0)?;
        self.missing = None;
        Ok(())
    }

    fn write(
        &mut self,
        records: &[u8],
        spec: &LogSpec,
        archive: &Mutex<Archive>,
        done: &mut usize,
    ) -> io::Result<()> {
        while *done < records.len() {
            let rest = &records[*done..];
            let open = self.current()?;
            let room = usize::try_from(spec.max_bytes.saturating_sub(open.size)).unwrap_or(usize::MAX);
            let piece = if rest.len() <= room { rest.len() } else { end_of_records(&rest[..room]) };
            let piece = match piece {
                0 if open.size > 0 => {
                    self.rotate(spec, archive)?;
                    continue;
                }
                // One record is longer than a whole file may be: it gets a file of its own.
                0 => memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1),
                piece => piece,
            };
            let (written, result) = open.write(&rest[..piece]);
            *done += written;
            let size = open.size;
            archive.lock().unwrap_or_else(PoisonError::into_inner).set_current(&self.service, size);
            result?;
        }
        Ok(())
    }

    /// The open file, opened (again) when there is none or the path means another one by now.
    fn current(&mut self) -> io::Result<&mut Open> {
        let now = Instant::now();
        let usable = match &mut self.open {
            Some(open) if now.duration_since(open.checked) < CHECK_EVERY => true,
            Some(open) => {
                open.checked = now;
                self.path.metadata().is_ok_and(|meta| (meta.dev(), meta.ino()) == open.id)
            }
            None => false,
        };
        match (usable, &mut self.open) {
            // Two looks at the same place, for the borrow checker.
            (true, Some(_)) => {}
            (_, open) => *open = Some(Open::new(&self.dir, &self.path, now)?),
        }
        self.open.as_mut().ok_or_else(|| io::Error::other("the log file is not open"))
    }

    fn rotate(&mut self, spec: &LogSpec, archive: &Mutex<Archive>) -> io::Result<()> {
        let Some(open) = self.open.take() else { return Ok(()) };
        let mut archive = archive.lock().unwrap_or_else(PoisonError::into_inner);
        let mut name = archive.next_name(&self.service, Timestamp::now());
        while self.dir.join(&name).exists() {
            name = format!("{}+{}", name.trim_end_matches(super::cap::SUFFIX), super::cap::SUFFIX);
        }
        match std::fs::rename(&self.path, self.dir.join(&name)) {
            Ok(()) => archive.rotated(&self.service, name, open.size, spec.max_files),
            // It vanished: there is nothing to keep, a new one is made.
            Err(error) if error.kind() == io::ErrorKind::NotFound => archive.set_current(&self.service, 0),
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

impl Open {
    fn new(dir: &Path, path: &Path, now: Instant) -> io::Result<Self> {
        let open = || OpenOptions::new().read(true).append(true).create(true).mode(0o640).open(path);
        let mut file = match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                DirBuilder::new().recursive(true).mode(0o750).create(dir)?;
                open()?
            }
            other => other?,
        };
        let meta = file.metadata()?;
        let mut size = meta.len();
        if size > 0 {
            // A write cut short by a full disk or a crash must not run into the next record.
            let mut last = [0];
            file.read_exact_at(&mut last, size - 1)?;
            if last != *b"\n" {
                file.write_all(b"\n")?;
                size += 1;
            }
        }
        Ok(Self { file, id: (meta.dev(), meta.ino()), size, checked: now })
    }

    /// Writes records; after a failure, tells how many bytes of whole records made it and takes back the torn rest.
    fn write(&mut self, records: &[u8]) -> (usize, io::Result<()>) {
        let mut written = 0;
        while written < records.len() {
            match self.file.write(&records[written..]) {
                Ok(0) => return self.take_back(records, written, io::ErrorKind::WriteZero.into()),
                Ok(some) => written += some,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return self.take_back(records, written, error),
            }
        }
        self.size += written as u64;
        (written, Ok(()))
    }

    fn take_back(&mut self, records: &[u8], written: usize, error: io::Error) -> (usize, io::Result<()>) {
        let whole = end_of_records(&records[..written]);
        self.size += whole as u64;
        if whole < written {
            // If this fails too, the next opening ends the torn record with a newline.
            let _ = self.file.set_len(self.size);
        }
        (whole, Err(error))
    }
}

/// Length of the whole records at the beginning.
fn end_of_records(bytes: &[u8]) -> usize {
    memchr::memrchr(b'\n', bytes).map_or(0, |at| at + 1)
}

fn count(records: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', records).count() as u64
}
