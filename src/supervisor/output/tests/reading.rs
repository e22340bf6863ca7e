//! Reading back, merging, following.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use super::{LONG, Logs, merge, number_of, run, small, texts, write_numbers};
use crate::spec::LogSpec;
use crate::supervisor::output::{Follow, LogReader};

/// Writes records as given: second, tag, text.
fn write(dir: &Path, name: &str, records: &[(i64, &str, &str)]) {
    std::fs::create_dir_all(dir).unwrap();
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(dir.join(name)).unwrap();
    for (second, tag, text) in records {
        let wall = Timestamp::from_second(*second).unwrap();
        writeln!(file, "{wall:.9} stdout {tag} {text}").unwrap();
    }
}

#[test]
fn a_log_is_read_over_all_its_files_from_a_time_on() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("a");
    write(&dir, "1.log", &[(10, "F", "one"), (20, "F", "two")]);
    write(&dir, "2.log", &[(30, "F", "three")]);
    write(&dir, "current", &[(40, "F", "four"), (35, "F", "clock went back")]);
    let read = |since: Option<i64>| {
        let since = since.map(|second| Timestamp::from_second(second).unwrap());
        texts(&LogReader::open("a", &dir, since).unwrap().map(Result::unwrap).collect::<Vec<_>>())
    };
    assert_eq!(read(None), ["one", "two", "three", "four", "clock went back"]);
    assert_eq!(read(Some(20)), ["two", "three", "four", "clock went back"]);
    assert_eq!(read(Some(38)), ["four", "clock went back"]);
    assert_eq!(read(Some(99)), Vec::<String>::new());
    assert!(LogReader::open("b", &root.path().join("b"), None).unwrap().next().is_none());
}

#[test]
fn the_last_lines_are_found_whatever_their_length() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("a");
    let long = "x".repeat(16 << 10);
    write(&dir, "1.log", &[(1, "F", "one"), (2, "F", "two")]);
    write(&dir, "current", &[(3, "F", "three")]);
    // A line of ten records, more than one block.
    write(&dir, "current", &[(4, "P", long.as_str()); 9]);
    write(&dir, "current", &[(4, "F", "end"), (5, "F", "five")]);
    let last = |count| {
        let lines: Vec<_> = LogReader::last("a", &dir, count).unwrap().map(Result::unwrap).collect();
        super::joined(&lines).iter().map(|text| text.len()).collect::<Vec<_>>()
    };
    let big = 9 * (16 << 10) + 3;
    assert_eq!(last(0), Vec::<usize>::new());
    assert_eq!(last(1), [4]);
    assert_eq!(last(2), [big, 4]);
    assert_eq!(last(3), [5, big, 4]);
    assert_eq!(last(4), [3, 5, big, 4]);
    assert_eq!(last(100), [3, 3, 5, big, 4]);
}

#[test]
fn several_logs_are_merged_by_time() {
    let root = tempfile::tempdir().unwrap();
    let (a, b) = (root.path().join("a"), root.path().join("b"));
    write(&a, "current", &[(1, "F", "a1"), (4, "P", "a4 begins"), (6, "F", "a4 ends"), (7, "F", "a7")]);
    write(&b, "current", &[(2, "F", "b2"), (5, "F", "b5"), (8, "F", "b8")]);
    let open = |name: &str, dir: &Path| LogReader::open(name, dir, None).unwrap();
    let lines = merge(vec![open("a", &a), open("b", &b)]);
    assert_eq!(texts(&lines), ["a1", "b2", "a4 begins", "a4 ends", "b5", "a7", "b8"]);
    assert_eq!(&*lines[1].service, "b");
}

#[test]
fn what_is_no_record_is_shown_as_it_is() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("a");
    write(&dir, "current", &[(1, "F", "one")]);
    let mut file = std::fs::OpenOptions::new().append(true).open(dir.join("current")).unwrap();
    file.write_all(b"torn stuff\nunfinished").unwrap();
    let mut reader = LogReader::open("a", &dir, None).unwrap();
    let lines: Vec<_> = reader.by_ref().map(Result::unwrap).collect();
    assert_eq!(texts(&lines), ["one", "torn stuff"]);
    // What is still being written is left until it is whole.
    file.write_all(b" business\n").unwrap();
    assert_eq!(texts(&[reader.next().unwrap().unwrap()]), ["unfinished business"]);
}

/// Following goes through rotations without losing or doubling a line.
#[tokio::test]
async fn following_goes_through_rotations() {
    let logs = Logs::new();
    std::fs::create_dir_all(logs.hub.dir()).unwrap();
    // Neither the directory nor the file is there yet. No file is removed: a slow reader here loses nothing.
    let reader = LogReader::open("turn", &logs.dir("turn"), None).unwrap();
    let root = logs.hub.dir().to_owned();
    const LINES: u64 = 200_000;
    let reading = tokio::task::spawn_blocking(move || {
        let mut follow = Follow::start(&root, vec![reader]).unwrap();
        for number in 0..LINES {
            let line = follow.next_line(Some(LONG)).unwrap().expect("a line in time");
            assert_eq!(number_of(&line), number);
        }
        assert_eq!(follow.next_line(Some(Duration::ZERO)).unwrap(), None);
    });
    let sink = logs.hub.sink("turn", &small(128 << 10, 10_000));
    for (run_number, begin) in (0..LINES).step_by(50_000).enumerate() {
        run(&sink, run_number as u64).write_all(move |out| write_numbers(out, begin..begin + 50_000)).await;
    }
    reading.await.unwrap();
}

#[tokio::test]
async fn following_begins_where_reading_ended() {
    let logs = Logs::new();
    let sink = logs.hub.sink("on", &LogSpec::default());
    run(&sink, 1).write_all(|out| write_numbers(out, 0..10)).await;
    let mut reader = LogReader::last("on", &logs.dir("on"), 3).unwrap();
    let read: Vec<u64> = reader.by_ref().map(|line| number_of(&line.unwrap())).collect();
    assert_eq!(read, [7, 8, 9]);
    run(&sink, 2).write_all(|out| write_numbers(out, 10..11)).await;
    let mut follow = Follow::start(logs.hub.dir(), vec![reader]).unwrap();
    assert_eq!(follow.next_line(Some(LONG)).unwrap().map(|line| number_of(&line)), Some(10));
    run(&sink, 3).write_all(|out| write_numbers(out, 11..12)).await;
    assert_eq!(follow.next_line(Some(LONG)).unwrap().map(|line| number_of(&line)), Some(11));
    // Deleted and made again: it goes on with the new directory.
    std::fs::remove_dir_all(logs.dir("on")).unwrap();
    logs.hub.reopen();
    run(&sink, 4).write_all(|out| write_numbers(out, 12..13)).await;
    assert_eq!(follow.next_line(Some(LONG)).unwrap().map(|line| number_of(&line)), Some(12));
}
