//! The pages that need the whole stack, each run on one of its own: they start it, stop it and delete its data.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::sync::Mutex;

use crate::support::pages::Page;
use crate::support::{Stack, services};

/// Pages marked so, each with a test below.
pub const PAGES: [&str; 3] = ["docs/docker-compose.md", "docs/operations.md", "docs/quick-start.md"];

/// What the ports of the shipped stack are moved by, so that none of them is taken: below those that the kernel gives out,
/// and another one each time it is asked for.
pub fn offset() -> u16 {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let text = services();
    let number = regex::Regex::new(r"(?m)^ports = .*$").expect("a valid pattern");
    let digits = regex::Regex::new(r"= (\d{4,5})").expect("a valid pattern");
    let lines: String = number.find_iter(&text).map(|line| line.as_str()).collect::<Vec<_>>().join("\n");
    let ports: BTreeSet<u16> = digits.captures_iter(&lines).map(|found| found[1].parse().expect("a port")).collect();
    assert!(ports.len() >= 10, "{ports:?}");
    // Where the search begins differs from process to process, so that two test runs do not look at the same ports.
    let begin = 17_000 + u16::try_from(std::process::id() % 600).expect("small") * 10;
    let mut given = GIVEN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let free = |offset: &u16| {
        let bound: Vec<_> = ports.iter().map(|port| TcpListener::bind(("127.0.0.1", port + offset))).collect();
        bound.iter().all(Result::is_ok)
    };
    let offset = (begin..begin + 700).step_by(7).find(|offset| !given.contains(offset) && free(offset));
    let offset = offset.expect("free ports");
    given.insert(offset);
    offset
}

#[track_caller]
fn run(name: &str) {
    let dir = Stack::empty();
    Page::read(name).run(dir.path(), offset(), &[]).expect(0);
    assert_eq!(dir.processes(), Vec::<i32>::new(), "{name} leaves processes");
}

#[test]
fn coming_from_docker_compose() {
    run("docs/docker-compose.md");
}

#[test]
fn operations() {
    run("docs/operations.md");
}

#[test]
fn quick_start() {
    run("docs/quick-start.md");
}
