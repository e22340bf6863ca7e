//! What comes out of a script's process: lines for the log, and the one frame that is its result.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::Notify;

/// Of one log line; the rest of a longer one is left out.
const LINE: usize = 4 << 10;

/// How much a script has written to its standard streams together.
#[derive(Debug)]
pub struct Budget {
    left: AtomicU64,
    spent: Notify,
}

impl Budget {
    pub fn new(limit: u64) -> Self {
        Self { left: AtomicU64::new(limit), spent: Notify::new() }
    }

    /// `false`: that was too much.
    fn take(&self, bytes: u64) -> bool {
        let taken = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        if taken.is_err() {
            self.spent.notify_one();
        }
        taken.is_ok()
    }

    /// Until too much was written.
    pub async fn spent(&self) {
        self.spent.notified().await;
    }
}

/// Tells every line, until the end or until the budget is spent.
pub async fn lines(mut from: impl AsyncRead + Unpin, budget: &Budget, mut tell: impl FnMut(&str)) {
    let mut buffer = vec![0; 8 << 10];
    let mut line = Vec::new();
    loop {
        let count = match from.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(count) => count,
        };
        if !budget.take(count as u64) {
            break;
        }
        for byte in &buffer[..count] {
            if *byte == b'\n' {
                tell(&readable(&line));
                line.clear();
            } else if line.len() < LINE {
                line.push(*byte);
            }
        }
    }
    if !line.is_empty() {
        tell(&readable(&line));
    }
}

/// Without control characters: a script must not paint on the operator's terminal.
fn readable(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    text.trim_end_matches('\r')
        .chars()
        .map(|letter| if letter.is_control() && letter != '\t' { '�' } else { letter })
        .collect()
}

/// What a script's process reports.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame {
    Result(String),
    Failure(String),
}

#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The process ended, or something else was written there.
    #[error("no whole frame")]
    Broken,
    #[error("too large")]
    TooLarge,
    #[error("cannot be read")]
    Io(#[source] io::Error),
}

/// Of a frame: `R` or `E`, and the length of its text in eight hexadecimal digits.
const HEAD: usize = 9;

/// The text after an `E` is cut by the bootstrap already; a forged one is refused.
const LONGEST_FAILURE: usize = 16 << 10;

pub async fn frame(mut from: impl AsyncRead + Unpin, limit: usize) -> Result<Frame, FrameError> {
    let told = |error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof => FrameError::Broken,
        _ => FrameError::Io(error),
    };
    let mut head = [0; HEAD];
    from.read_exact(&mut head).await.map_err(told)?;
    let digits = std::str::from_utf8(&head[1..]).map_err(|_| FrameError::Broken)?;
    let length = usize::from_str_radix(digits, 16).map_err(|_| FrameError::Broken)?;
    let limit = if head[0] == b'E' { LONGEST_FAILURE } else { limit };
    if length > limit {
        return Err(FrameError::TooLarge);
    }
    // Grows with what comes, not with what was promised.
    let mut text = Vec::new();
    let count = from.take(length as u64).read_to_end(&mut text).await.map_err(told)?;
    if count < length {
        return Err(FrameError::Broken);
    }
    let text = String::from_utf8(text).map_err(|_| FrameError::Broken)?;
    match head[0] {
        b'R' => Ok(Frame::Result(text)),
        b'E' => Ok(Frame::Failure(text)),
        _ => Err(FrameError::Broken),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block_on<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
    }

    #[test]
    fn lines_are_cut_cleaned_and_counted() {
        let told = |text: &[u8], limit| {
            let mut told = Vec::new();
            block_on(lines(text, &Budget::new(limit), |line| told.push(line.to_owned())));
            told
        };
        assert_eq!(told(b"one\r\n\ntwo\x1b[31m\tx\nrest", 100), ["one", "", "two\u{fffd}[31m\tx", "rest"]);
        assert_eq!(told(&[b'x'; 9000], 10_000)[0].len(), LINE);
        assert_eq!(told(b"too much\n", 5), Vec::<String>::new());
        let budget = Budget::new(3);
        block_on(async {
            lines(&b"abcd"[..], &budget, |_| {}).await;
            budget.spent().await;
        });
    }

    #[test]
    fn a_frame_is_whole_or_nothing() {
        let read = |text: &str, limit| block_on(frame(text.as_bytes(), limit));
        assert_eq!(read("R00000002{}", 10).unwrap(), Frame::Result("{}".to_owned()));
        assert_eq!(read("E00000003bad more", 1).unwrap(), Frame::Failure("bad".to_owned()));
        for broken in ["", "R0000", "R00000003{}", "X00000002{}", "R0000zz02{}"] {
            assert!(matches!(read(broken, 10), Err(FrameError::Broken)), "{broken}");
        }
        assert!(matches!(read("R0000000b", 10), Err(FrameError::TooLarge)));
    }
}
