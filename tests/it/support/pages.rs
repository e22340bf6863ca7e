//! Pages of the documents, run as they stand there: the `sh` blocks of a page, one after another in one shell, as somebody
//! types them who reads it from the top.
//!
//! A comment before a block says what is special about it, and why; docs/writing.md has the list. Whatever stands in the
//! documents and is neither run nor excused is an error here.

use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{Done, binary};

/// A page, read from the repository.
pub struct Page {
    pub name: String,
    pub text: String,
    /// The page says that the whole stack is needed to run it.
    pub stack: bool,
    pub blocks: Vec<Block>,
}

/// One thing to run, or not to.
#[derive(Debug, PartialEq, Eq)]
pub struct Block {
    pub line: usize,
    pub kind: Kind,
    pub script: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Must end with 0.
    Plain,
    /// Not shown to readers: what they have and an empty directory does not, or what must be so afterwards.
    Hidden,
    NotRun,
    /// Must end with this code.
    Ends(i32),
    /// Goes on until Ctrl-C, and gets it.
    Interrupted,
}

/// Long enough for a command that is to be interrupted to show that it goes on.
const UNTIL_INTERRUPTED: &str = "2";

impl Page {
    #[track_caller]
    pub fn read(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (stack, blocks) = parse(&text).unwrap_or_else(|error| panic!("{name}:{error}"));
        Self { name: name.to_owned(), text, stack, blocks }
    }

    /// Whether there is anything to run.
    pub fn runs(&self) -> bool {
        self.blocks.iter().any(|block| block.kind != Kind::NotRun)
    }

    /// All of it as one script for bash. `offset` is what ports in addresses are moved by, as `REEVE_PORT_OFFSET` moves those
    /// of the stack.
    fn script(&self, offset: u16) -> String {
        let mut script = "set -euo pipefail\nAT=start\n".to_owned();
        script.push_str("trap 'code=$?; [ $code = 0 ] || echo \"$AT ended with $code\" >&2' EXIT\n");
        for block in &self.blocks {
            let text = moved(&block.script, offset);
            writeln!(script, "AT={}:{}", self.name, block.line).expect("a string");
            match block.kind {
                Kind::NotRun => {}
                Kind::Plain | Kind::Hidden => writeln!(script, "{text}").expect("a string"),
                Kind::Ends(wanted) => {
                    writeln!(script, "set +e\n(\nset -e\n{text}\n)\ncode=$?\nset -e").expect("a string");
                    writeln!(script, "[ $code = {wanted} ] || {{ echo \"code $code, not {wanted}\" >&2; exit 99; }}")
                        .expect("a string");
                }
                Kind::Interrupted => {
                    let quoted = text.replace('\'', "'\\''");
                    writeln!(
                        script,
                        "code=0; timeout -s INT -k 60 {UNTIL_INTERRUPTED} bash -euc '{quoted}' || code=$?"
                    )
                    .expect("a string");
                    script.push_str("[ $code = 124 ] || { echo \"it did not go on: $code\" >&2; exit 99; }\n");
                }
            }
        }
        script
    }

    /// Runs the page in `dir`, with `reeve` on the `PATH`. What it said, whatever came of it.
    #[track_caller]
    pub fn run(&self, dir: &Path, offset: u16, env: &[(&str, &str)]) -> Done {
        for tool in ["curl", "jq"].iter().filter(|tool| self.blocks.iter().any(|block| block.script.contains(**tool))) {
            let found = Command::new(tool).arg("--version").stdout(Stdio::null()).status();
            assert!(found.is_ok_and(|status| status.success()), "{} needs {tool}", self.name);
        }
        let own = binary().parent().expect("a folder").display().to_string();
        let path = format!("{own}:{}", std::env::var("PATH").expect("PATH"));
        let mut command = Command::new("bash");
        command.args(["-c", &self.script(offset)]).current_dir(dir).stdin(Stdio::null());
        command.env("PATH", path).env("NO_COLOR", "1").env("REPOSITORY", env!("CARGO_MANIFEST_DIR"));
        if offset > 0 {
            command.env("REEVE_PORT_OFFSET", offset.to_string());
        }
        command.envs(env.iter().copied()).output().expect("bash").into()
    }
}

/// Addresses on this machine, with their ports moved.
fn moved(script: &str, offset: u16) -> String {
    if offset == 0 {
        return script.to_owned();
    }
    let address = regex::Regex::new(r"\b(127\.0\.0\.1|localhost):(\d{4,5})\b").expect("a valid pattern");
    let with = |found: &regex::Captures<'_>| match found[2].parse::<u16>() {
        Ok(port) => format!("{}:{}", &found[1], port + offset),
        Err(_) => found[0].to_owned(),
    };
    address.replace_all(script, with).into_owned()
}

/// Whether the page needs the whole stack, and its blocks; or the first mistake with its line.
pub fn parse(text: &str) -> Result<(bool, Vec<Block>), String> {
    let (mut stack, mut blocks) = (false, Vec::new());
    let mut pending: Option<(usize, Kind)> = None;
    let mut lines = text.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let number = at + 1;
        let mistake = |what: &str| Err(format!("{number}: {what}"));
        if let Some(rest) = line.trim_start().strip_prefix("<!-- docs: ") {
            if pending.is_some() {
                return mistake("two marks in a row");
            }
            let (head, script) = comment(rest, &mut lines);
            let Some((what, reason)) = head.split_once(", because ") else {
                return mistake("a mark says why: `…, because …`");
            };
            if reason.trim().is_empty() {
                return mistake("the reason is empty");
            }
            let ends = what.strip_prefix("ends with ").and_then(|code| code.parse().ok());
            match (what, ends) {
                ("over the whole stack", _) => stack = true,
                ("hidden", _) => blocks.push(Block { line: number, kind: Kind::Hidden, script: script.clone() }),
                ("not run", _) => pending = Some((number, Kind::NotRun)),
                ("until Ctrl-C", _) => pending = Some((number, Kind::Interrupted)),
                (_, Some(code)) => pending = Some((number, Kind::Ends(code))),
                _ => return mistake(&format!("no such mark: {what}")),
            }
            if script.is_empty() == (what == "hidden") {
                return mistake("commands stand in a hidden mark, and nowhere else");
            }
        } else if let Some(info) = line.trim_start().strip_prefix("```") {
            let mut script = Vec::new();
            let closed = lines.by_ref().find(|(_, line)| {
                let end = line.trim() == "```";
                if !end {
                    script.push(*line);
                }
                end
            });
            if closed.is_none() {
                return mistake("this block is not closed");
            }
            match (info.trim(), pending.take()) {
                ("sh", mark) => {
                    let kind = mark.map_or(Kind::Plain, |(_, kind)| kind);
                    blocks.push(Block { line: number, kind, script: script.join("\n") });
                }
                ("bash" | "shell" | "console" | "zsh", _) => return mistake("commands are `sh`, so that they are run"),
                (_, Some((line, _))) => return Err(format!("{line}: the mark stands before no `sh` block")),
                _ => {}
            }
        } else if let (Some((line, _)), false) = (pending, line.trim().is_empty()) {
            return Err(format!("{line}: the mark does not stand directly before its block"));
        }
    }
    match pending {
        Some((line, _)) => Err(format!("{line}: the mark stands before nothing")),
        None => Ok((stack, blocks)),
    }
}

/// The first line of a comment, and the others.
fn comment<'a>(first: &str, lines: &mut impl Iterator<Item = (usize, &'a str)>) -> (String, String) {
    if let Some((head, _)) = first.split_once("-->") {
        return (head.trim().to_owned(), String::new());
    }
    let rest: Vec<&str> = lines.map(|(_, line)| line).take_while(|line| line.trim() != "-->").collect();
    (first.trim().to_owned(), rest.join("\n"))
}
