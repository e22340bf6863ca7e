//! `reeve logs`: reads the files, so that it works whether or not the stack runs.

use jiff::{SignedDuration, Timestamp};

use super::args::{Global, Logs};
use super::exit::Exit;
use super::failure::{Failure, Result};
use super::lines::Painter;
use super::output::Output;
use super::place::Place;
use super::stack::read_stack;
use crate::supervisor::output::{Follow, LogLine, LogReader, Merged};

/// Lines of the past shown before following, unless told otherwise.
const FOLLOW_LINES: usize = 10;

pub fn run(args: &Logs, global: &Global, output: Output) -> Result {
    let place = Place::find(global)?;
    let root = place.logs();
    let names = names(args, global, &place)?;
    let since = args.since.as_deref().map(|text| since(text, crate::telemetry::wall_clock())).transpose()?;
    let painter = Painter::new(names.iter().map(String::as_str), !args.no_prefix);
    let print = |line: &LogLine| match args.json.json {
        true => output.bytes(Painter::json(line).as_bytes()),
        false => output.data(&painter.text(line)),
    };

    let lines = args.lines.or((args.follow && since.is_none()).then_some(FOLLOW_LINES));
    let open = |name: &String| {
        let dir = root.join(name);
        match (lines, since) {
            (Some(count), None) => LogReader::last(name, &dir, count),
            _ => LogReader::open(name, &dir, since),
        }
    };
    let readers =
        names.iter().map(open).collect::<std::io::Result<Vec<_>>>().map_err(|error| cannot_read(error, &root))?;
    let mut merged = Merged::new(readers);
    let mut last = std::collections::VecDeque::new();
    while let Some(line) = merged.next_line().map_err(|error| cannot_read(error, &root))? {
        match lines {
            // The newest of all together, not of each.
            Some(count) => {
                last.push_back(line);
                if last.len() > count {
                    last.pop_front();
                }
            }
            None => print(&line)?,
        }
    }
    for line in &last {
        print(line)?;
    }
    if args.follow {
        std::fs::create_dir_all(&root).map_err(|error| cannot_read(error, &root))?;
        let mut follow = Follow::start(&root, merged.into_readers()).map_err(|error| cannot_read(error, &root))?;
        while let Some(line) = follow.next_line(None).map_err(|error| cannot_read(error, &root))? {
            print(&line)?;
        }
    }
    Ok(Exit::Done)
}

fn cannot_read(error: std::io::Error, root: &std::path::Path) -> Failure {
    anyhow::Error::new(error).context(format!("cannot read the logs in {}", root.display())).into()
}

/// The services of the stack's file; when that is broken or absent, those that have a log.
fn names(args: &Logs, global: &Global, place: &Place) -> Result<Vec<String>> {
    let stack = place.file.as_ref().and_then(|_| read_stack(global, place, &Default::default()).ok()?.ok());
    if let Some((stack, _)) = &stack {
        // A service that was removed from the file may still have a log.
        let unknown = args.services.iter().filter(|name| !place.logs().join(name).is_dir()).cloned();
        stack.check_names(&unknown.collect::<Vec<_>>())?;
    }
    if !args.services.is_empty() {
        return Ok(args.services.clone());
    }
    if let Some((stack, _)) = stack {
        return Ok(stack.spec.services.into_iter().map(|service| service.name).collect());
    }
    let entries = match std::fs::read_dir(place.logs()) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(cannot_read(error, &place.logs())),
    };
    let mut names = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            entry.file_type().ok()?.is_dir().then(|| entry.file_name().to_string_lossy().into_owned())
        })
        .collect::<Vec<_>>();
    names.sort();
    Ok(names)
}

/// A time, or a span before now.
fn since(text: &str, now: Timestamp) -> Result<Timestamp> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    let local = text.parse::<jiff::civil::DateTime>().ok();
    let local = local.and_then(|time| time.to_zoned(jiff::tz::TimeZone::system()).ok());
    if let Some(time) = local {
        return Ok(time.timestamp());
    }
    let span = super::args::duration(text).ok().and_then(|span| SignedDuration::try_from(span).ok());
    span.and_then(|span| now.checked_sub(span).ok()).ok_or_else(|| {
        Failure::message(Exit::Usage, format!("--since {text:?} is neither a time nor a span"))
            .hint("such as 2026-01-31T12:00:00Z, 2026-01-31, 90s or 10m")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_takes_times_and_spans() {
        let now = "2026-01-31T12:00:00Z".parse::<Timestamp>().unwrap();
        assert_eq!(since("2026-01-31T11:00:00Z", now).unwrap().to_string(), "2026-01-31T11:00:00Z");
        assert_eq!(since("10m", now).unwrap().to_string(), "2026-01-31T11:50:00Z");
        assert!(since("2026-01-30", now).is_ok());
        assert_eq!(since("yesterday", now).unwrap_err().exit, Exit::Usage);
    }
}
