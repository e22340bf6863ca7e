//! One line on stdout for each request, when its answer is over: the Combined Log Format, and behind it the request's id, the
//! seconds it took and the service.
//!
//! Queries are left out, in the address and in the referrer: they carry tokens. Lines are made and written by a thread of
//! its own; when it cannot keep up, lines are lost and counted, and no request waits.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, StatusCode, Uri, Version};
use jiff::Timestamp;

use super::metrics;
use super::site::Site;
use super::worker::Shared;
use crate::telemetry::wall_clock;

/// Lines that wait to be written; a second of a busy server.
const WAITING: usize = 16 * 1024;
/// Written at once.
const BLOCK: usize = 64 * 1024;

/// What is known of a request before it is answered.
#[derive(Debug)]
pub struct Request {
    pub client: IpAddr,
    pub method: Method,
    pub uri: Uri,
    pub version: Version,
    pub referrer: Option<HeaderValue>,
    pub agent: Option<HeaderValue>,
    pub id: HeaderValue,
}

impl Request {
    pub fn of<B>(request: &hyper::Request<B>, client: IpAddr, id: &HeaderValue) -> Self {
        let headers: &HeaderMap = request.headers();
        Self {
            client,
            method: request.method().clone(),
            uri: request.uri().clone(),
            version: request.version(),
            referrer: headers.get(header::REFERER).cloned(),
            agent: headers.get(header::USER_AGENT).cloned(),
            id: id.clone(),
        }
    }
}

/// A request that is being answered. When it is dropped, the answer is over: it is counted and written down.
#[derive(Debug)]
pub struct Record {
    shared: Arc<Shared>,
    site: Arc<Site>,
    request: Option<Request>,
    started: Instant,
    /// Of the route, if there is one.
    route: Option<usize>,
    status: StatusCode,
    pub sent: u64,
    /// The answer ended before its end.
    pub is_cut: bool,
}

impl Record {
    pub fn new(
        shared: &Arc<Shared>,
        site: Arc<Site>,
        request: Option<Request>,
        started: Instant,
        route: Option<usize>,
        status: StatusCode,
    ) -> Self {
        site.answered(route, status, started.elapsed());
        Self { shared: Arc::clone(shared), site, request, started, route, status, sent: 0, is_cut: false }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if self.is_cut {
            metrics::cut();
        }
        if let (Some(log), Some(request)) = (&self.shared.log, self.request.take()) {
            log.write(Line {
                request,
                route: self.route,
                site: Arc::clone(&self.site),
                status: self.status,
                sent: self.sent,
                seconds: self.started.elapsed().as_secs_f64(),
                time: wall_clock(),
            });
        }
    }
}

#[derive(Debug)]
struct Line {
    request: Request,
    route: Option<usize>,
    site: Arc<Site>,
    status: StatusCode,
    sent: u64,
    seconds: f64,
    time: Timestamp,
}

#[derive(Debug)]
pub struct AccessLog(SyncSender<Line>);

impl AccessLog {
    /// Its thread ends when nobody can write any more, and then closes the second channel.
    pub fn start() -> std::io::Result<(Self, Written)> {
        let (sender, lines) = sync_channel(WAITING);
        let (done, written) = sync_channel(1);
        let thread = std::thread::Builder::new().name("access-log".to_owned());
        thread.spawn(move || {
            write_all(&lines);
            drop(done);
        })?;
        Ok((Self(sender), Written(written)))
    }

    fn write(&self, line: Line) {
        if let Err(TrySendError::Full(_)) = self.0.try_send(line) {
            metrics::lost_line();
        }
    }
}

/// The end of the log.
#[derive(Debug)]
pub struct Written(Receiver<std::convert::Infallible>);

impl Written {
    /// Until the last line is written, but not for ever: whoever reads may have stopped.
    pub fn wait(&self, limit: Duration) {
        // Nothing is ever sent: closed or late, both end the wait.
        let _ = self.0.recv_timeout(limit);
    }
}

fn write_all(lines: &Receiver<Line>) {
    let mut text = String::new();
    let mut clock = Clock::default();
    while let Ok(line) = lines.recv() {
        text.clear();
        clock.append(&mut text, &line);
        while text.len() < BLOCK
            && let Ok(line) = lines.try_recv()
        {
            clock.append(&mut text, &line);
        }
        let mut out = std::io::stdout().lock();
        if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            tracing::warn!(%error, "the access log cannot be written; no further line is tried");
            return;
        }
    }
}

/// The text of a second, made once.
#[derive(Debug, Default)]
struct Clock {
    second: i64,
    text: String,
}

impl Clock {
    fn append(&mut self, text: &mut String, line: &Line) {
        if self.second != line.time.as_second() || self.text.is_empty() {
            self.second = line.time.as_second();
            self.text = line.time.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string();
        }
        let service = line.site.service_of(line.route).unwrap_or("-");
        let request = &line.request;
        // Writing to a text does not fail.
        let _ = write!(text, "{} - - [{}] \"{} ", request.client, self.text, request.method);
        escape(text, request.uri.path().as_bytes());
        let _ = write!(text, " {:?}\" {} {} \"", request.version, line.status.as_u16(), line.sent);
        without_query(text, request.referrer.as_ref());
        text.push_str("\" \"");
        escape(text, request.agent.as_ref().map_or(b"-", HeaderValue::as_bytes));
        let _ = writeln!(text, "\" {} {:.3} {service}", request.id.to_str().unwrap_or("-"), line.seconds);
    }
}

fn without_query(text: &mut String, value: Option<&HeaderValue>) {
    let bytes = value.map_or(&b"-"[..], HeaderValue::as_bytes);
    let end = memchr::memchr2(b'?', b'#', bytes).unwrap_or(bytes.len());
    escape(text, &bytes[..end]);
}

/// What could end a field or a line, in hexadecimal digits.
fn escape(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        match byte {
            b'"' | b'\\' | 0..=0x1f | 0x7f.. => {
                let _ = write!(text, "\\x{byte:02x}");
            }
            _ => text.push(char::from(*byte)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_cannot_end_before_its_end() {
        let mut text = String::new();
        escape(&mut text, b"a\"b\\c\n\xff");
        assert_eq!(text, r"a\x22b\x5cc\x0a\xff");
    }

    #[test]
    fn a_query_is_left_out() {
        let mut text = String::new();
        without_query(&mut text, Some(&HeaderValue::from_static("https://a.example/x?token=secret")));
        without_query(&mut text, None);
        assert_eq!(text, "https://a.example/x-");
    }
}
