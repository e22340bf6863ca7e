//! A service that does to its connections what a script says: nothing of HTTP that the script does not do itself.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::support::PATIENCE;

pub struct Upstream {
    pub address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
}

/// One connection, for the script.
pub struct Visit {
    pub stream: TcpStream,
    /// Which connection it is, from 0.
    pub number: usize,
    read: Vec<u8>,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Upstream {
    /// Each connection runs the script on a thread of its own, and is closed when it ends.
    pub fn start(script: impl Fn(&mut Visit) + Send + Sync + 'static) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").expect("a port"), script)
    }

    pub fn on(listener: TcpListener, script: impl Fn(&mut Visit) + Send + Sync + 'static) -> Self {
        let address = listener.local_addr().expect("an address");
        let (heads, connections) = (Arc::<Mutex<Vec<String>>>::default(), Arc::new(AtomicUsize::new(0)));
        let (seen, count, script) = (Arc::clone(&heads), Arc::clone(&connections), Arc::new(script));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let number = count.fetch_add(1, Ordering::SeqCst);
                stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
                let (heads, script) = (Arc::clone(&seen), Arc::clone(&script));
                std::thread::spawn(move || script(&mut Visit { stream, number, read: Vec::new(), heads }));
            }
        });
        Self { address, heads, connections }
    }

    /// Answers every request with 200 and its own head.
    pub fn echo() -> Self {
        Self::start(|visit| {
            while let Some(head) = visit.head() {
                let body = visit.body(&head);
                visit.answer("200 OK", &format!("{head}{}", String::from_utf8_lossy(&body)));
            }
        })
    }

    /// Answers every request with the same text.
    pub fn fixed(answer: &'static str) -> Self {
        Self::start(move |visit| {
            while let Some(head) = visit.head() {
                visit.body(&head);
                visit.send(answer);
            }
        })
    }

    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Visit {
    /// The next head, in small letters but for its values; none at the end of the connection.
    pub fn head(&mut self) -> Option<String> {
        let end = self.read_until(|read| find(read, b"\r\n\r\n").map(|at| at + 4))?;
        let head = String::from_utf8_lossy(&self.read.drain(..end).collect::<Vec<_>>()).into_owned();
        self.heads.lock().unwrap_or_else(PoisonError::into_inner).push(head.clone());
        Some(head)
    }

    /// The body that belongs to a head, as it comes over the wire.
    pub fn body(&mut self, head: &str) -> Vec<u8> {
        let lower = head.to_lowercase();
        let length = lower.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
        let end = if let Some(length) = length {
            self.read_until(|read| (read.len() >= length).then_some(length))
        } else if lower.contains("transfer-encoding: chunked") {
            self.read_until(|read| {
                // The last chunk is a line of its own, with trailers behind it.
                let last = if read.starts_with(b"0\r\n") { 0 } else { find(read, b"\n0\r\n")? + 1 };
                find(&read[last..], b"\r\n\r\n").map(|at| last + at + 4)
            })
        } else {
            Some(0)
        };
        self.read.drain(..end.unwrap_or(0)).collect()
    }

    /// Some bytes, however many.
    pub fn some(&mut self) -> Option<Vec<u8>> {
        let end = self.read_until(|read| (!read.is_empty()).then_some(read.len()))?;
        Some(self.read.drain(..end).collect())
    }

    fn read_until(&mut self, is_enough: impl Fn(&[u8]) -> Option<usize>) -> Option<usize> {
        let mut piece = vec![0; 64 * 1024];
        loop {
            if let Some(end) = is_enough(&self.read) {
                return Some(end);
            }
            match self.stream.read(&mut piece) {
                Ok(0) | Err(_) => return None,
                Ok(count) => self.read.extend_from_slice(&piece[..count]),
            }
        }
    }

    pub fn answer(&mut self, status: &str, body: &str) {
        self.send(&format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len()));
    }

    /// What cannot be sent any more is of no interest here.
    pub fn send(&mut self, text: &str) {
        let _ = self.stream.write_all(text.as_bytes());
    }

    /// Closes with a reset instead of an end.
    pub fn reset(&self) {
        nix::sys::socket::setsockopt(
            &self.stream,
            nix::sys::socket::sockopt::Linger,
            &nix::libc::linger { l_onoff: 1, l_linger: 0 },
        )
        .expect("linger");
    }

    /// Until the other side closes.
    pub fn hold(&mut self) {
        while self.some().is_some() {}
    }
}

pub fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}
