//! From the pipe to the log.

use std::io::Write as _;
use std::time::{Duration, Instant};

use regex::bytes::Regex;

use super::{Logs, joined, number_of, run, small, texts, write_numbers};
use crate::spec::{LogFull, LogSpec};
use crate::supervisor::output::{Drained, Stream};

/// semantics case 1: whoever still holds the pipe does not hang anything, and what it wrote is there.
#[tokio::test]
async fn a_straggler_that_holds_the_pipe_holds_up_nothing() {
    let logs = Logs::new();
    let sink = logs.hub.sink("held", &LogSpec::default());
    let mut first = run(&sink, 1);
    let mut straggler = first.stdout.try_clone().unwrap();
    first.stdout.write_all(b"whole\nhalf").unwrap();
    drop((first.stdout, first.stderr));
    let begun = Instant::now();
    assert_eq!(first.attached.drained(Duration::from_millis(50)).await, Drained::Held);
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(texts(&logs.lines("held")), ["whole", "half"]);
    let error = straggler.write_all(b"x").unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
}

/// A straggler that writes without pause does not keep the pipe open either.
#[tokio::test]
async fn a_straggler_that_floods_the_pipe_is_cut_off() {
    let logs = Logs::new();
    let sink = logs.hub.sink("flood", &small(64 << 10, 2));
    let first = run(&sink, 1);
    let mut straggler = first.stdout;
    let writer = std::thread::spawn(move || while straggler.write_all(&[b'\n'; 4096]).is_ok() {});
    drop(first.stderr);
    assert_eq!(first.attached.drained(Duration::from_millis(50)).await, Drained::Held);
    writer.join().unwrap();
}

/// semantics case 51.
#[tokio::test]
async fn the_last_line_without_newline_is_there() {
    let logs = Logs::new();
    let sink = logs.hub.sink("last", &LogSpec::default());
    let mut run = run(&sink, 1);
    run.stdout.write_all(b"first\nfatal: out of luck").unwrap();
    run.stderr.write_all(b"aborted").unwrap();
    run.end().await;
    let mut lines: Vec<_> = logs.lines("last").into_iter().map(|line| (line.stream, line.bytes)).collect();
    lines.sort_by_key(|(stream, _)| stream.name());
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0], (Stream::Stderr, "aborted".into()));
    assert_eq!(lines[2], (Stream::Stdout, "fatal: out of luck".into()));
}

/// semantics case 54.
#[tokio::test]
async fn the_log_of_the_crash_is_there_after_the_restart() {
    let logs = Logs::new();
    let sink = logs.hub.sink("again", &LogSpec::default());
    for number in 1..=2 {
        let mut run = run(&sink, number);
        writeln!(run.stdout, "run {number}").unwrap();
        run.end().await;
        sink.note(format!("run {number} ended"));
        logs.hub.flush().await;
    }
    let expected = ["run 1", "run 1 ended", "run 2", "run 2 ended"];
    assert_eq!(texts(&logs.lines("again")), expected);
    let tail = sink.tail(3);
    assert_eq!(texts(&tail), expected[1..]);
    assert_eq!(tail.iter().map(|line| line.sequence).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(tail[0].stream, Stream::Reeve);
}

/// semantics case 46: in two writes, without newline, coloured, as the first bytes, after 1 MB of noise.
#[tokio::test]
async fn a_ready_line_is_recognised() {
    let logs = Logs::new();
    let noise = b"x".repeat(1 << 20);
    let short_noise = b"nothing to see\n".repeat(70_000);
    let cases: [(&str, Vec<&[u8]>); 6] = [
        ("two-writes", vec![b"listening on po", b"rt 80\n"]),
        ("no-newline", vec![b"started\n", b"listening on port 80"]),
        ("coloured", vec![b"\x1b[1mlistening\x1b[0m on \x1b[3", b"2mport\x1b[0m 80\n"]),
        ("first-bytes", vec![b"listening on port 80 now and more"]),
        ("noise", vec![&short_noise, b"listening on port 80\n"]),
        ("noise-without-newline", vec![&noise, b"listening on port 80"]),
    ];
    for (name, writes) in cases {
        let sink = logs.hub.sink(name, &LogSpec::default());
        let mut found = sink.watch(Regex::new("listening on port").unwrap());
        let mut run = run(&sink, 1);
        let (last, before) = writes.split_last().unwrap();
        for write in before {
            let end = sink.tail(1).last().map(|line| line.sequence);
            run.stdout.write_all(write).unwrap();
            if write.ends_with(b"\n") {
                super::eventually("the write is read", || async { sink.tail(1).last().map(|line| line.sequence) != end })
                    .await;
            }
            assert!(found.try_recv().is_err(), "{name}: too early");
        }
        run.stdout.write_all(last).unwrap();
        // The pipe is still open: only the bytes themselves can have told.
        tokio::time::timeout(super::LONG, found).await.expect(name).expect(name);
        run.end().await;
    }
}

#[tokio::test]
async fn a_watch_does_not_match_what_is_not_there() {
    let logs = Logs::new();
    let sink = logs.hub.sink("never", &LogSpec::default());
    let mut found = sink.watch(Regex::new("ready").unwrap());
    let mut first = run(&sink, 1);
    first.stdout.write_all(b"rea").unwrap();
    first.end().await;
    // A line is not put together from two runs, nor from two streams.
    let mut second = run(&sink, 2);
    second.stdout.write_all(b"dy\nre").unwrap();
    second.stderr.write_all(b"ady\n").unwrap();
    second.end().await;
    assert!(found.try_recv().is_err());
}

/// semantics case 50: a line of 50 MB without newline; NUL; no UTF-8.
#[tokio::test]
async fn an_endless_line_is_split_and_kept_byte_exact() {
    let logs = Logs::new();
    let spec = small(16 << 20, 100);
    let sink = logs.hub.sink("endless", &spec);
    let bytes: Vec<u8> = (0..50_000_000u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let line: Vec<u8> = bytes.into_iter().map(|byte| if byte == b'\n' { 0 } else { byte }).collect();
    let expected = line.clone();
    run(&sink, 1).write_all(move |out| out.write_all(&line).unwrap()).await;
    let lines = logs.lines("endless");
    assert!(lines.iter().all(|line| line.bytes.len() <= spec.max_line_bytes as usize));
    let texts = joined(&lines);
    assert_eq!(texts.len(), 1);
    assert!(texts[0] == expected, "the bytes are not the same");
}

/// semantics case 49, smaller: bounded on disk and in memory, and with `block` nothing is lost.
#[tokio::test]
async fn a_flood_stays_within_its_bounds() {
    let logs = Logs::new();
    let spec = LogSpec { ring_bytes: 64 << 10, on_full: LogFull::Block, ..small(1 << 20, 3) };
    let sink = logs.hub.sink("flood", &spec);
    run(&sink, 1).write_all(|out| write_numbers(out, 0..2_000_000)).await;
    let tail = sink.tail(usize::MAX);
    let held: usize = tail.iter().map(|line| line.bytes.len()).sum();
    assert!(held <= 64 << 10);
    // Every line was counted, and the last is the last.
    assert_eq!(tail.last().map(|line| (line.sequence, number_of(line))), Some((1_999_999, 1_999_999)));
    let on_disk: u64 = std::fs::read_dir(logs.dir("flood")).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    assert!(on_disk <= 3 << 20);
}

/// semantics case 49 with `drop`: what is not in the log is counted there.
#[tokio::test]
async fn dropped_lines_are_counted_and_stated() {
    let logs = Logs::new();
    let spec = LogSpec { on_full: LogFull::Drop, ..small(1 << 30, 2) };
    let sink = logs.hub.sink("drop", &spec);
    const LINES: u64 = 1_000_000;
    run(&sink, 1).write_all(|out| write_numbers(out, 0..LINES)).await;
    let (mut kept, mut dropped) = (0, 0);
    for line in logs.lines("drop") {
        if line.stream == Stream::Reeve {
            let text = String::from_utf8_lossy(&line.bytes).into_owned();
            let count = text.strip_prefix("dropped ").and_then(|text| text.split(' ').next()).unwrap();
            dropped += count.parse::<u64>().unwrap();
        } else {
            assert_eq!(number_of(&line), kept + dropped);
            kept += 1;
        }
    }
    assert_eq!(kept + dropped, LINES);
}

/// semantics case 55: a reader that does not read loses lines, is told, and holds up nobody.
#[tokio::test]
async fn a_slow_subscriber_is_told_what_it_missed() {
    let logs = Logs::new();
    let mut slow = logs.hub.subscribe(10);
    let stuck = logs.hub.subscribe(1);
    let gone = logs.hub.subscribe(10);
    drop(gone);
    let sink = logs.hub.sink("chatty", &LogSpec::default());
    run(&sink, 1).write_all(|out| write_numbers(out, 0..100_000)).await;
    assert_eq!(logs.lines("chatty").len(), 100_000);
    for number in 0..10 {
        assert_eq!(number_of(&slow.recv().await.unwrap()), number);
    }
    let mark = slow.recv().await.unwrap();
    assert_eq!((mark.stream, &*mark.service), (Stream::Reeve, ""));
    assert!(texts(&[mark])[0].starts_with("99990 lines are not shown"));
    assert_eq!(slow.try_recv(), None);
    // It goes on with the next line.
    run(&sink, 2).write_all(|out| write_numbers(out, 7..8)).await;
    assert_eq!(number_of(&slow.recv().await.unwrap()), 7);
    drop(stuck);
}
