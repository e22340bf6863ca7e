//! The documents: every page is in the book, every link leads somewhere, every command is run or excused with a reason, and
//! what is generated is current. How a page is written so that this holds: docs/writing.md.

mod commands;
mod links;
mod reference;
mod stack;

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::Stack;
use crate::support::pages::{Kind, Page, parse};

/// Pages that are run by a test of what they are about, which looks at what they print.
const ELSEWHERE: [&str; 3] = ["README.md", "docs/governance.md", "docs/registry.md"];

/// The pages of the book without its decisions, and what is read beside it.
fn pages() -> Vec<Page> {
    let mut names: Vec<String> = files("docs").into_iter().filter(|name| name != "docs/SUMMARY.md").collect();
    names.extend(["README.md", "CONTRIBUTING.md"].map(str::to_owned));
    names.iter().map(|name| Page::read(name)).collect()
}

/// The Markdown files directly in a folder of the repository, in the order of their names.
fn files(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).expect("a folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    let names: BTreeSet<String> = names.filter(|name| name.ends_with(".md")).collect();
    names.into_iter().map(|name| format!("{folder}/{name}")).collect()
}

#[test]
fn every_command_is_run_or_excused() {
    let pages = pages();
    assert!(pages.len() > 20, "{} pages", pages.len());
    let stack = pages.iter().filter(|page| page.stack).map(|page| page.name.as_str());
    assert_eq!(stack.collect::<Vec<_>>(), stack::PAGES, "the tests of the stack's pages");
    for name in ELSEWHERE {
        assert!(pages.iter().any(|page| page.name == name && page.runs()), "{name} has nothing to run");
    }
}

#[test]
fn pages_that_need_no_stack_are_run() {
    let mut wrong = String::new();
    for page in pages() {
        if page.stack || !page.runs() || ELSEWHERE.contains(&page.name.as_str()) {
            continue;
        }
        let dir = Stack::empty();
        let done = page.run(dir.path(), stack::offset(), &[]);
        if done.code != 0 {
            wrong.push_str(&format!("{}: {done:#?}\n", page.name));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn marks_are_read() {
    let text = "a\n<!-- docs: over the whole stack, because of that -->\n\n```toml\nx\n```\n```sh\none\ntwo\n```\n\
        <!-- docs: ends with 6, because it must -->\n\n```sh\nthree\n```\n\
        <!-- docs: hidden, because nobody has it\nfour\n-->\n<!-- docs: not run, because it is long -->\n```sh\nfive\n```\n";
    let block = |line, kind, script: &str| crate::support::pages::Block { line, kind, script: script.to_owned() };
    let wanted = vec![
        block(7, Kind::Plain, "one\ntwo"),
        block(13, Kind::Ends(6), "three"),
        block(16, Kind::Hidden, "four"),
        block(20, Kind::NotRun, "five"),
    ];
    assert_eq!(parse(text), Ok((true, wanted)));
}

#[test]
fn mistakes_in_marks_are_found() {
    let refused = [
        "<!-- docs: not run -->\n```sh\nx\n```",
        "<!-- docs: not run, because  -->\n```sh\nx\n```",
        "<!-- docs: never, because I say so -->\n```sh\nx\n```",
        "<!-- docs: not run, because of that -->\n```toml\nx\n```",
        "<!-- docs: not run, because of that -->\ntext\n```sh\nx\n```",
        "<!-- docs: not run, because of that -->\n",
        "<!-- docs: hidden, because of that -->\n",
        "```bash\nx\n```",
        "```sh\nx\n",
    ];
    for text in refused {
        assert!(parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_page_says_where_it_failed() {
    let dir = Stack::empty();
    let run = |text: &str| {
        let (stack, blocks) = parse(text).expect("blocks");
        let page = Page { name: "page".to_owned(), text: text.to_owned(), stack, blocks };
        page.run(dir.path(), 0, &[])
    };
    let failed = run("```sh\ntrue\n```\n\n```sh\nfalse\necho never\n```\n");
    assert_eq!((failed.code, failed.stderr.as_str()), (1, "page:5 ended with 1\n"));
    assert!(run("<!-- docs: ends with 3, because it must -->\n```sh\nexit 3\n```\n```sh\ntrue\n```\n").code == 0);
    assert!(run("<!-- docs: ends with 3, because it must -->\n```sh\ntrue\n```\n").code != 0);
    assert!(run("<!-- docs: until Ctrl-C, because it follows -->\n```sh\ntrue\n```\n").code != 0, "it ended by itself");
    assert!(run("<!-- docs: until Ctrl-C, because it follows -->\n```sh\ntail -f /dev/null\n```\n").code == 0);
}
