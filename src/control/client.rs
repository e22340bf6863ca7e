//! The asking side of the control socket.

use std::io;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{socket, wire};

/// Longest line of a stream that is believed.
const LINE_LIMIT: usize = 1 << 20;

/// Between two tries to reach a reeve that is coming or going.
pub const KNOCK: Duration = Duration::from_millis(5);

/// A killed process with a large memory may need so long until its sockets are closed.
const DYING: Duration = Duration::from_secs(10);

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens: the stack is not up.
    #[error("no reeve runs for {}", data_dir.display())]
    NoDaemon { data_dir: PathBuf },
    #[error("not allowed to use {}", path.display())]
    Denied {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot reach the running reeve through {}", path.display())]
    Connect {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot set up the HTTP client")]
    Setup(#[source] reqwest::Error),
    #[error("the running reeve did not answer {request}")]
    Send {
        request: String,
        #[source]
        source: reqwest::Error,
    },
    #[error("the answer to {request} is not understood")]
    Answer {
        request: String,
        #[source]
        source: serde_json::Error,
    },
    /// It answered, and said no.
    #[error("{}", .0.message)]
    Refused(wire::Problem),
    #[error("a line of the stream is longer than {LINE_LIMIT} bytes")]
    LongLine,
}

impl ClientError {
    /// The other end closed the connection without an answer: it is ending.
    fn is_hang_up(&self) -> bool {
        let Self::Send { source, .. } = self else { return false };
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(source);
        while let Some(error) = cause {
            if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_incomplete_message) {
                return true;
            }
            let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
            if let Some(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionRefused) =
                kind
            {
                return true;
            }
            cause = error.source();
        }
        false
    }
}

/// What may be asked of services by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Start,
    Stop,
    Restart,
}

impl Change {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
        }
    }
}

/// Makes sure that somebody listens on the socket of this data directory.
fn listens(path: &Path, data_dir: &Path) -> Result<(), ClientError> {
    let Err(source) = std::os::unix::net::UnixStream::connect(path) else { return Ok(()) };
    Err(match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            ClientError::NoDaemon { data_dir: data_dir.to_owned() }
        }
        io::ErrorKind::PermissionDenied => ClientError::Denied { path: path.to_owned(), source },
        _ => ClientError::Connect { path: path.to_owned(), source },
    })
}

/// A conversation with the supervisor of one data directory.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    path: PathBuf,
    /// Whose socket it is, for messages.
    data_dir: PathBuf,
}

impl Client {
    /// Finds the socket and makes sure that somebody listens.
    pub fn connect(data_dir: &Path) -> Result<Self, ClientError> {
        let path = socket::find(data_dir);
        listens(&path, data_dir)?;
        Ok(Self { data_dir: data_dir.to_owned(), ..Self::at(&path)? })
    }

    /// A conversation through a socket whose place is known, for a service that was granted it. Nobody is asked yet; each
    /// request connects for itself, so that this outlives the reeve that answers.
    pub fn at(path: &Path) -> Result<Self, ClientError> {
        // The HTTP library wants one even where nothing is encrypted; refused only when there is one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // No certificate is ever looked at on a socket; an empty set spares reading the machine's.
        let http = reqwest::Client::builder()
            .unix_socket(path)
            .tls_certs_only(std::iter::empty())
            // A kept connection may be closed by the other end in the moment in which we use it again; a new one costs
            // next to nothing here.
            .pool_max_idle_per_host(0)
            .build()
            .map_err(ClientError::Setup)?;
        Ok(Self { http, path: path.to_owned(), data_dir: path.parent().unwrap_or(path).to_owned() })
    }

    /// The reeve that runs this stack, if one does.
    pub async fn running(data_dir: &Path) -> Result<Option<(Self, wire::Stack)>, ClientError> {
        let asked = async {
            let client = Self::connect(data_dir)?;
            let stack = client.stack().await?;
            Ok((client, stack))
        };
        match asked.await {
            Ok(found) => Ok(Some(found)),
            Err(ClientError::NoDaemon { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub async fn stack(&self) -> Result<wire::Stack, ClientError> {
        self.get("/v1/stack").await
    }

    /// The same with what is measured or looked at for this answer only.
    pub async fn stack_with(&self, wanted: wire::StackQuery) -> Result<wire::Stack, ClientError> {
        self.get(&format!("/v1/stack?usage={}&stale={}", wanted.usage, wanted.stale)).await
    }

    pub async fn service(&self, name: &str) -> Result<wire::Service, ClientError> {
        self.get(&format!("/v1/services/{}", segment(name))).await
    }

    pub async fn why(&self, name: &str) -> Result<wire::Why, ClientError> {
        self.get(&format!("/v1/services/{}/why", segment(name))).await
    }

    pub async fn start(&self, services: &[String]) -> Result<wire::Changed, ClientError> {
        self.change(Change::Start, services, None).await
    }

    pub async fn stop(&self, services: &[String]) -> Result<wire::Changed, ClientError> {
        self.change(Change::Stop, services, None).await
    }

    pub async fn restart(&self, services: &[String]) -> Result<wire::Changed, ClientError> {
        self.change(Change::Restart, services, None).await
    }

    /// `by`: who asks for it, for the event history, when it is somebody else than us.
    pub async fn change(
        &self,
        change: Change,
        services: &[String],
        by: Option<&str>,
    ) -> Result<wire::Changed, ClientError> {
        let body = wire::ServicesRequest { services: services.to_vec(), by: by.map(str::to_owned) };
        self.post(&format!("/v1/{}", change.as_str()), &body).await
    }

    pub async fn signal(&self, service: &str, signal: &str) -> Result<wire::Changed, ClientError> {
        let body = wire::SignalRequest { signal: signal.to_owned() };
        self.post(&format!("/v1/services/{}/signal", segment(service)), &body).await
    }

    /// The answer comes when everything is stopped.
    pub async fn shutdown(&self, now: bool) -> Result<wire::Changed, ClientError> {
        self.post("/v1/shutdown", &wire::ShutdownRequest { now }).await
    }

    pub async fn events(&self, query: &wire::EventsQuery) -> Result<EventStream, ClientError> {
        let from = query.from.map(|from| format!("&from={from}")).unwrap_or_default();
        let path = format!("/v1/events?follow={}{from}", query.follow);
        self.lines(path).await
    }

    pub async fn logs(&self, name: &str, query: &wire::LogsQuery) -> Result<wire::Logs, ClientError> {
        let lines = query.lines.map(|lines| format!("&lines={lines}")).unwrap_or_default();
        let since = query.since.map(|since| format!("&since={since}")).unwrap_or_default();
        self.get(&format!("/v1/services/{}/logs?follow=false{lines}{since}", segment(name))).await
    }

    /// The newest lines, then those that come.
    pub async fn follow_logs(&self, name: &str, lines: usize) -> Result<Lines<wire::LogText>, ClientError> {
        self.lines(format!("/v1/services/{}/logs?follow=true&lines={lines}", segment(name))).await
    }

    async fn lines<T>(&self, path: String) -> Result<Lines<T>, ClientError> {
        let response = self.send(Method::GET, &path, None::<&()>).await?;
        let response = Box::pin(response.bytes_stream());
        Ok(Lines { response, text: Vec::new(), request: path, line: PhantomData })
    }

    /// A reeve that was killed may still take connections while the kernel takes it down, and never answers; so it is asked
    /// again until one answers or none is there. To ask changes nothing.
    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let deadline = Instant::now() + DYING;
        loop {
            match self.ask(Method::GET, path, None::<&()>).await {
                Err(error) if error.is_hang_up() && Instant::now() < deadline => {
                    tokio::time::sleep(KNOCK).await;
                    listens(&self.path, &self.data_dir)?;
                }
                answer => return answer,
            }
        }
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ClientError> {
        self.ask(Method::POST, path, Some(body)).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<T, ClientError> {
        let request = format!("{method} {path}");
        let response = self.send(method, path, body).await?;
        let text = response.bytes().await.map_err(|source| ClientError::Send { request: request.clone(), source })?;
        let answer = serde_json::from_slice::<wire::Answer<T>>(&text);
        answer.map(|answer| answer.body).map_err(|source| ClientError::Answer { request, source })
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<reqwest::Response, ClientError> {
        let request = format!("{method} {path}");
        let mut builder = self.http.request(method, format!("http://reeve{path}"));
        if let Some(body) = body {
            builder = builder.json(body);
        }
        let failed = |source| ClientError::Send { request: request.clone(), source };
        let response = builder.send().await.map_err(failed)?;
        if response.status().is_success() {
            return Ok(response);
        }
        let text = response.bytes().await.map_err(failed)?;
        match serde_json::from_slice::<wire::Answer<wire::ErrorAnswer>>(&text) {
            Ok(answer) => Err(ClientError::Refused(answer.body.error)),
            Err(source) => Err(ClientError::Answer { request, source }),
        }
    }
}

type Chunks = std::pin::Pin<Box<dyn futures_util::Stream<Item = Result<bytes::Bytes, reqwest::Error>> + Send>>;

/// Events as they come.
pub type EventStream = Lines<wire::EventLine>;

/// Answers as they come, one a line.
pub struct Lines<T> {
    response: Chunks,
    text: Vec<u8>,
    request: String,
    line: PhantomData<fn() -> T>,
}

impl<T> std::fmt::Debug for Lines<T> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Lines").field("request", &self.request).finish_non_exhaustive()
    }
}

impl<T: DeserializeOwned> Lines<T> {
    /// `None`: the stream is over.
    pub async fn next(&mut self) -> Result<Option<T>, ClientError> {
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.text) {
                let rest = self.text.split_off(end + 1);
                let line = std::mem::replace(&mut self.text, rest);
                let answer = serde_json::from_slice::<wire::Answer<T>>(&line);
                return answer
                    .map(|answer| Some(answer.body))
                    .map_err(|source| ClientError::Answer { request: self.request.clone(), source });
            }
            if self.text.len() > LINE_LIMIT {
                return Err(ClientError::LongLine);
            }
            match self.response.next().await {
                Some(Ok(bytes)) => self.text.extend_from_slice(&bytes),
                // The supervisor closes the socket when it has ended: that is an end, not an error.
                Some(Err(_)) | None => return Ok(None),
            }
        }
    }
}

/// A name as one segment of a path.
fn segment(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    name.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
