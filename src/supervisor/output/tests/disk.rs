//! Rotation, the cap, and disks that do not want to.

use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;

use super::{Logs, Run, eventually, number_of, read, run, small, texts, write_numbers};
use crate::spec::LogSpec;
use crate::supervisor::output::cap::{Archive, CURRENT};
use crate::supervisor::output::file::{LogFile, Written};
use crate::supervisor::output::line::format_note;
use crate::supervisor::output::{LogHub, LogTrouble, Stream};

/// semantics case 52: everything kept, through hundreds of rotations.
#[tokio::test]
async fn rotation_under_load_loses_doubles_and_cuts_nothing() {
    let logs = Logs::new();
    let sink = logs.hub.sink("all", &small(64 << 10, 10_000));
    run(&sink, 1).write_all(|out| write_numbers(out, 0..500_000)).await;
    let numbers: Vec<u64> = logs.lines("all").iter().map(number_of).collect();
    assert!(numbers.into_iter().eq(0..500_000));
    for entry in std::fs::read_dir(logs.dir("all")).unwrap() {
        let meta = entry.unwrap().metadata().unwrap();
        assert!(meta.len() <= 64 << 10, "a file of {} bytes", meta.len());
    }
}

/// semantics case 52: what is kept is the newest, without a gap, in as many files as allowed.
#[tokio::test]
async fn rotation_keeps_the_newest_files() {
    let logs = Logs::new();
    let sink = logs.hub.sink("some", &small(256 << 10, 4));
    const LINES: u64 = 3_000_000;
    run(&sink, 1).write_all(|out| write_numbers(out, 0..LINES)).await;
    let numbers: Vec<u64> = logs.lines("some").iter().map(number_of).collect();
    assert!(numbers.iter().copied().eq(numbers[0]..LINES));
    assert_eq!(std::fs::read_dir(logs.dir("some")).unwrap().count(), 4);
    // At least three full files: whatever is kept is worth its space.
    assert!(numbers.len() > 3 * (255 << 10) / 55);
}

#[tokio::test]
async fn one_file_is_enough_when_only_one_is_allowed() {
    let logs = Logs::new();
    let sink = logs.hub.sink("one", &small(4 << 10, 1));
    run(&sink, 1).write_all(|out| write_numbers(out, 0..10_000)).await;
    let names: Vec<_> = std::fs::read_dir(logs.dir("one")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, [CURRENT]);
    assert_eq!(logs.lines("one").last().map(number_of), Some(9_999));
}

/// The sum of all logs is capped; the noisiest service pays, and what is current stays.
#[tokio::test]
async fn the_noisiest_service_pays_for_the_cap() {
    let logs = Logs::with_cap(1 << 20);
    let quiet = logs.hub.sink("quiet", &small(64 << 10, 100));
    run(&quiet, 1).write_all(|out| write_numbers(out, 0..3_000)).await;
    let noisy = logs.hub.sink("noisy", &small(64 << 10, 100));
    run(&noisy, 1).write_all(|out| write_numbers(out, 0..200_000)).await;
    assert_eq!(logs.lines("quiet").len(), 3_000);
    let numbers: Vec<u64> = logs.lines("noisy").iter().map(number_of).collect();
    assert!(numbers.iter().copied().eq(numbers[0]..200_000));
    let archive = Archive::load(logs.hub.dir(), u64::MAX);
    assert!(archive.total() <= 1 << 20 && archive.total() > 900 << 10, "{}", archive.total());
}

#[test]
fn names_go_forward_when_the_clock_goes_back() {
    let mut archive = Archive::load(std::path::Path::new("/nonexistent"), u64::MAX);
    let late: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
    let early: Timestamp = "2020-01-02T03:04:05Z".parse().unwrap();
    let mut last = archive.next_name("a", late);
    for _ in 0..30 {
        archive.rotated("a", last.clone(), 1, 100);
        let next = archive.next_name("a", early);
        assert!(next > last, "{next} after {last}");
        last = next;
    }
}

async fn say(run: &mut Run, text: &str) {
    run.stdout.write_all(format!("{text}\n").as_bytes()).unwrap();
    // Read and dealt with, as the ring shows.
    tokio::task::yield_now().await;
}

/// semantics case 53: file deleted, directory removed, while the service goes on writing.
#[tokio::test]
async fn a_deleted_file_and_directory_come_back() {
    let logs = Logs::new();
    let sink = logs.hub.sink("gone", &LogSpec::default());
    let mut run = run(&sink, 1);
    let current = logs.dir("gone").join(CURRENT);
    say(&mut run, "hello").await;
    eventually("the file is there", || async { current.exists() }).await;
    std::fs::remove_file(&current).unwrap();
    let out = Mutex::new(run.stdout.try_clone().unwrap());
    let speak = || async {
        out.lock().unwrap().write_all(b"still here\n").unwrap();
        std::fs::read(&current).is_ok_and(|bytes| bytes.ends_with(b"still here\n"))
    };
    eventually("the file is made again", speak).await;
    std::fs::remove_dir_all(logs.dir("gone")).unwrap();
    eventually("the directory is made again", speak).await;
    drop(out);
    run.end().await;
}

/// semantics case 53: the disk is full. The service runs on, it is said once, the loss is stated when it is over.
#[tokio::test]
async fn a_full_disk_is_told_once_and_its_loss_stated() {
    let logs = Logs::new();
    let troubles = Arc::new(Mutex::new(Vec::new()));
    let seen = troubles.clone();
    logs.hub.on_trouble(move |trouble| seen.lock().unwrap().push(trouble));
    let dir = logs.dir("full");
    std::fs::create_dir_all(&dir).unwrap();
    // Every write to it fails with ENOSPC.
    symlink("/dev/full", dir.join(CURRENT)).unwrap();
    let sink = logs.hub.sink("full", &LogSpec::default());
    let mut run = run(&sink, 1);
    write_numbers(&mut run.stdout, 0..10_000);
    eventually("the lines are in memory", || async { sink.tail(1).first().is_some_and(|line| number_of(line) == 9_999) })
        .await;
    std::fs::remove_file(dir.join(CURRENT)).unwrap();
    let mut number = 10_000;
    let current = dir.join(CURRENT);
    let out = Mutex::new(run.stdout.try_clone().unwrap());
    eventually("the log is written again", || {
        write_numbers(&mut out.lock().unwrap(), number..number + 1);
        number += 1;
        async { current.exists() }
    })
    .await;
    drop(out);
    run.end().await;
    let lines = logs.lines("full");
    assert_eq!(lines[0].stream, Stream::Reeve);
    let text = texts(&lines)[0].clone();
    assert!(text.contains("No space left on device"), "{text}");
    let dropped: u64 = text.strip_prefix("dropped ").and_then(|text| text.split(' ').next()).unwrap().parse().unwrap();
    assert!(dropped >= 10_000);
    assert!(lines[1..].iter().map(number_of).eq(dropped..number));
    let troubles = troubles.lock().unwrap();
    assert!(matches!(&troubles[0], LogTrouble::Failed { service, cause, .. } if service == "full" && cause.contains("No space")));
    assert_eq!(troubles[1..], [LogTrouble::Resumed { service: "full".into(), lost: dropped }]);
}

/// semantics case 53: nothing can be made where the log should be (what a read-only disk looks like, also to root).
#[tokio::test]
async fn a_place_that_cannot_be_written_holds_up_nothing() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("logs"), "a file").unwrap();
    let hub = LogHub::start(root.path().join("logs"), u64::MAX).unwrap();
    let sink = hub.sink("blocked", &LogSpec::default());
    run(&sink, 1).write_all(|out| write_numbers(out, 0..300_000)).await;
    assert_eq!(sink.tail(1).first().map(number_of), Some(299_999));
    std::fs::remove_file(root.path().join("logs")).unwrap();
    eventually("the log is written again", || async {
        sink.note("again");
        hub.flush().await;
        root.path().join("logs/blocked/current").exists()
    })
    .await;
    let lines = read("blocked", &root.path().join("logs/blocked"));
    assert!(texts(&lines)[0].starts_with("dropped 30000"), "{:?}", texts(&lines));
}

/// A record torn by a crash does not run into the next one.
#[test]
fn a_torn_record_is_ended() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("torn");
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join(CURRENT), b"2026-01-02T03:04:05Z stdout F whole\n2026-01-02T03:04:06Z stdout F to").unwrap();
    let archive = Mutex::new(Archive::load(root.path(), u64::MAX));
    let mut file = LogFile::new("torn".into(), dir.clone());
    let mut note = Vec::new();
    format_note(Timestamp::now(), "after the crash", &mut note);
    assert!(matches!(file.append(&note, &LogSpec::default(), &archive), Written::Done));
    assert_eq!(texts(&read("torn", &dir)), ["whole", "to", "after the crash"]);
}

#[test]
fn lines_left_out_are_stated_before_the_next() {
    let root = tempfile::tempdir().unwrap();
    let archive = Mutex::new(Archive::load(root.path(), u64::MAX));
    let mut file = LogFile::new("behind".into(), root.path().join("behind"));
    file.leave_out(80_000);
    file.leave_out(1_234);
    assert!(file.owes_statement());
    let mut note = Vec::new();
    format_note(Timestamp::now(), "next", &mut note);
    assert!(matches!(file.append(&note, &LogSpec::default(), &archive), Written::Done));
    let lines = texts(&read("behind", &root.path().join("behind")));
    assert!(lines[0].starts_with("dropped 81234 lines in 0.0 s"), "{lines:?}");
    assert_eq!(lines[1..], ["next"]);
}

/// Somebody outside renames the file: the next output goes to a new one.
#[tokio::test]
async fn a_file_moved_away_is_opened_anew() {
    let logs = Logs::new();
    let sink = logs.hub.sink("moved", &LogSpec::default());
    run(&sink, 1).write_all(|out| write_numbers(out, 0..1)).await;
    let current = logs.dir("moved").join(CURRENT);
    std::fs::rename(&current, logs.root.path().join("elsewhere")).unwrap();
    logs.hub.reopen();
    run(&sink, 2).write_all(|out| write_numbers(out, 1..2)).await;
    assert_eq!(logs.lines("moved").iter().map(number_of).collect::<Vec<_>>(), [1]);
}
