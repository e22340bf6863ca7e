//! Files of the log in the working directory: `logs/<service>/logs-<day>.log`, one JSON object a line.
//!
//! A file that has grown large is continued in `….log.1`, `….log.2` and so on. The newest of a service are kept.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::tz::TimeZone;
use serde_json::json;

use super::queue::{BATCH, Queue};
use super::record::Record;
use crate::governify::dates;
use crate::telemetry::chain;

/// Of the original.
const LARGEST: u64 = 10 << 20;
const KEPT: usize = 15;

/// What the original writes where there is no trace.
const NO_TRACE: &str = "NOTRA";
/// So much of a trace's id is written.
const TRACE: usize = 5;

#[derive(Debug)]
pub struct Files {
    directory: PathBuf,
    /// Whose days they are.
    zone: TimeZone,
    largest: u64,
    open: Option<Open>,
    is_told: bool,
}

#[derive(Debug)]
struct Open {
    day: String,
    file: File,
    size: u64,
}

#[derive(Debug, thiserror::Error)]
#[error("cannot write {path}")]
struct FileError {
    path: String,
    #[source]
    source: io::Error,
}

/// Until nobody logs any more. Disks are waited for here: this thread has nothing else to do.
pub async fn run(mut queue: Queue, mut files: Files) {
    let mut batch = Vec::with_capacity(BATCH);
    while queue.take(&mut batch).await {
        files.write_all(&batch);
        batch.clear();
    }
}

impl Files {
    pub fn of(service: &str) -> Self {
        Self::in_directory(Path::new("logs").join(service), dates::local(), LARGEST)
    }

    fn in_directory(directory: PathBuf, zone: TimeZone, largest: u64) -> Self {
        Self { directory, zone, largest, open: None, is_told: false }
    }

    fn write_all(&mut self, batch: &[Arc<Record>]) {
        for record in batch {
            match self.write(record) {
                Ok(()) => self.is_told = false,
                Err(error) => {
                    self.open = None;
                    if !std::mem::replace(&mut self.is_told, true) {
                        tracing::warn!(error = chain(&error), "log events are not written to files");
                    }
                }
            }
        }
    }

    fn write(&mut self, record: &Record) -> Result<(), FileError> {
        let day = record.at.to_zoned(self.zone.clone()).strftime("%Y-%m-%d").to_string();
        let line = line(record);
        let fits = |open: &Open| open.day == day && open.size + line.len() as u64 <= self.largest;
        let open = match self.open.take().filter(fits) {
            Some(open) => open,
            None => self.next(day, line.len() as u64)?,
        };
        let open = self.open.insert(open);
        let failed = |source| FileError { path: self.directory.display().to_string(), source };
        open.file.write_all(line.as_bytes()).map_err(failed)?;
        open.size += line.len() as u64;
        Ok(())
    }

    /// The day's first file that has room for so much, or a new one.
    fn next(&self, day: String, room: u64) -> Result<Open, FileError> {
        let failed = |path: &Path, source| FileError { path: path.display().to_string(), source };
        fs::create_dir_all(&self.directory).map_err(|source| failed(&self.directory, source))?;
        let mut number = 0;
        loop {
            let name = if number == 0 { format!("logs-{day}.log") } else { format!("logs-{day}.log.{number}") };
            let path = self.directory.join(name);
            let file = OpenOptions::new().create(true).append(true).open(&path).map_err(|e| failed(&path, e))?;
            let size = file.metadata().map_err(|source| failed(&path, source))?.len();
            if size == 0 || size + room <= self.largest {
                self.remove_old();
                return Ok(Open { day, file, size });
            }
            number += 1;
        }
    }

    fn remove_old(&self) {
        let Ok(entries) = fs::read_dir(&self.directory) else { return };
        let mut ours: Vec<((String, u32), PathBuf)> =
            entries.flatten().filter_map(|entry| Some((age(entry.file_name().to_str()?)?, entry.path()))).collect();
        ours.sort();
        let surplus = ours.len().saturating_sub(KEPT);
        for (_, path) in ours.into_iter().take(surplus) {
            if let Err(error) = fs::remove_file(&path) {
                tracing::warn!(%error, path = %path.display(), "an old log file could not be removed");
            }
        }
    }
}

/// The day and the number of a file of ours.
fn age(name: &str) -> Option<(String, u32)> {
    let (day, number) = name.strip_prefix("logs-")?.split_once(".log")?;
    let number = if number.is_empty() { 0 } else { number.strip_prefix('.')?.parse().ok()? };
    Some((day.to_owned(), number))
}

fn line(record: &Record) -> String {
    let trace = record.request.as_deref().and_then(|request| request.get(..TRACE)).unwrap_or(NO_TRACE);
    let line = json!({
        "date": dates::iso(record.at),
        "level": record.level.stored(),
        "trace": trace,
        "labels": record.tags,
        "msg": record.message,
    });
    format!("{line}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::governify::logger::Level;

    fn record(at: &str, message: &str) -> Arc<Record> {
        Arc::new(Record {
            at: at.parse().unwrap(),
            level: Level::Warn,
            message: message.to_owned(),
            tags: vec!["registry", "store"],
            request: Some("0af7651916cd".to_owned()),
            status_code: None,
            url: None,
        })
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn files(directory: &Path, largest: u64) -> Files {
        Files::in_directory(directory.join("logs/tests"), TimeZone::get("Europe/Madrid").unwrap(), largest)
    }

    #[test]
    fn a_line_is_one_object_in_the_day_s_file() {
        let dir = tempfile::tempdir().unwrap();
        let mut files = files(dir.path(), LARGEST);
        files.write_all(&[record("2022-06-24T21:59:59.5Z", "one\n\"two\""), record("2022-06-24T22:00:00Z", "three")]);
        let directory = dir.path().join("logs/tests");
        assert_eq!(names(&directory), ["logs-2022-06-24.log", "logs-2022-06-25.log"]);
        assert_eq!(
            fs::read_to_string(directory.join("logs-2022-06-24.log")).unwrap(),
            r#"{"date":"2022-06-24T21:59:59.500Z","level":"warn","trace":"0af76","labels":["registry","store"],"#
                .to_owned()
                + r#""msg":"one\n\"two\""}"#
                + "\n"
        );
    }

    #[test]
    fn a_large_file_is_continued_and_old_ones_go() {
        let dir = tempfile::tempdir().unwrap();
        let mut files = files(dir.path(), 300);
        let directory = dir.path().join("logs/tests");
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("of-somebody-else.log"), "").unwrap();
        for day in 10..=20 {
            for _ in 0..4 {
                files.write_all(&[record(&format!("2022-06-{day}T10:00:00Z"), &"x".repeat(100))]);
            }
        }
        let names = names(&directory);
        assert_eq!(names.len(), KEPT + 1, "{names:?}");
        assert!(
            names.contains(&"of-somebody-else.log".to_owned()) && names.contains(&"logs-2022-06-20.log".to_owned())
        );
        assert!(!names.contains(&"logs-2022-06-10.log".to_owned()), "{names:?}");
        for name in &names {
            assert!(fs::metadata(directory.join(name)).unwrap().len() <= 300, "{name}");
        }
        // A new process goes on where there is room.
        let before = names.clone();
        self::files(dir.path(), 100_000).write_all(&[record("2022-06-20T11:00:00Z", "y")]);
        assert_eq!(self::names(&directory), before);
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_no_reason_to_end() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("logs"), "a file").unwrap();
        let mut files = files(dir.path(), LARGEST);
        files.write_all(&[record("2022-06-24T10:00:00Z", "lost")]);
        fs::remove_file(dir.path().join("logs")).unwrap();
        files.write_all(&[record("2022-06-24T10:00:00Z", "kept")]);
        assert_eq!(names(&dir.path().join("logs/tests")), ["logs-2022-06-24.log"]);
    }
}
