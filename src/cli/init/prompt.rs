//! Questions on a terminal: each is asked again until its answer is good, at once and in words. Nothing is written here.

use std::io::{self, IsTerminal, Read};
use std::os::fd::AsFd;

use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};

use super::super::exit::Exit;
use super::super::failure::{Failure, Result};
use super::super::output::{Output, ask};

/// No password, name or key is longer.
const LONGEST: usize = 4096;

/// `check` says what is wrong with an answer. An empty one is the default.
pub fn text(output: Output, question: &str, default: &str, check: &dyn Fn(&str) -> Option<String>) -> Result<String> {
    loop {
        let shown = if default.is_empty() { format!("{question}:") } else { format!("{question} [{default}]:") };
        let answer = answered(ask_or_end(&shown)?, default);
        match check(&answer) {
            None => return Ok(answer),
            Some(wrong) => output.warn(&format!("  {wrong}")),
        }
    }
}

/// Typed twice without being shown; empty: none is wanted.
pub fn password(output: Output, question: &str, check: &dyn Fn(&str) -> Option<String>) -> Result<String> {
    loop {
        let first = hidden(output, &format!("{question}: "))?;
        if first.is_empty() {
            return Ok(first);
        }
        if let Some(wrong) = check(&first) {
            output.warn(&format!("  {wrong}"));
            continue;
        }
        if hidden(output, "The same again: ")? == first {
            return Ok(first);
        }
        output.warn("  the two are not the same");
    }
}

pub fn yes(question: &str) -> Result<bool> {
    let answer = ask_or_end(&format!("{question} [Y/n]"))?.to_lowercase();
    Ok(matches!(answer.as_str(), "" | "y" | "yes"))
}

fn answered(answer: String, default: &str) -> String {
    if answer.is_empty() { default.to_owned() } else { answer }
}

/// A line; that there will be none any more is the end.
fn ask_or_end(question: &str) -> Result<String> {
    ask(question)?.ok_or_else(ended)
}

fn ended() -> Failure {
    Failure::message(Exit::Failed, "the input has ended; nothing was written")
}

/// One line that the terminal does not show.
pub fn hidden(output: Output, question: &str) -> Result<String> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return ask_or_end(question.trim_end());
    }
    // Before the question, so that nothing typed in a hurry is shown.
    let silent = Silent::new()?;
    output.draw(question);
    let line = read_line(&mut stdin.lock());
    drop(silent);
    output.draw("\n");
    line?.ok_or_else(|| Failure::message(Exit::Interrupted, "interrupted; nothing was written"))
}

/// Up to the end of the line, with the usual keys. `None`: Ctrl-C, or the terminal is gone.
fn read_line(input: &mut dyn Read) -> io::Result<Option<String>> {
    let mut line: Vec<u8> = Vec::new();
    let mut byte = [0];
    while input.read(&mut byte)? == 1 {
        match byte[0] {
            b'\n' | b'\r' => return Ok(Some(String::from_utf8_lossy(&line).into_owned())),
            3 => return Ok(None),
            4 if line.is_empty() => return Ok(None),
            // Backspace takes a whole character away.
            8 | 127 => while line.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {},
            21 => line.clear(),
            other if other >= b' ' && line.len() < LONGEST => line.push(other),
            _ => {}
        }
    }
    Ok(None)
}

/// The terminal hands over every key and shows none, until this is dropped.
struct Silent(Termios);

impl Silent {
    fn new() -> io::Result<Self> {
        let before = tcgetattr(io::stdin().as_fd())?;
        let mut silent = before.clone();
        silent.local_flags &= !(LocalFlags::ECHO | LocalFlags::ICANON | LocalFlags::ISIG);
        tcsetattr(io::stdin().as_fd(), SetArg::TCSADRAIN, &silent)?;
        Ok(Self(before))
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        // A terminal that has gone has nothing to be restored.
        let _ = tcsetattr(io::stdin().as_fd(), SetArg::TCSADRAIN, &self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_keys_work_while_nothing_is_shown() {
        let read = |bytes: &[u8]| read_line(&mut &*bytes).unwrap();
        assert_eq!(read(b"secret\nrest"), Some("secret".to_owned()));
        assert_eq!(read("aä\u{7f}\u{7f}b\r".as_bytes()), Some("b".to_owned()));
        assert_eq!(read(b"wrong\x15right\n"), Some("right".to_owned()));
        assert_eq!(read(b"x\x03\n"), None);
        assert_eq!(read(b"\x04"), None);
        assert_eq!(read(b"cut off"), None);
    }
}
