//! What all doubles share: a server on a thread of its own, a record of requests, trouble on demand.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, Response, StatusCode, header};
use axum::response::IntoResponse;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::sync::watch;
use tower::Service;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub query: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("a plain header"))
    }

    /// The body, or null when it is no JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// Method and path, as in `GET /api/folders`.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// What happens instead of the answer.
#[derive(Debug, Clone)]
pub enum Trouble {
    Status(u16, Value),
    /// Nothing, and the connection stays open.
    Hang,
    /// The connection is closed without a byte.
    Close,
    /// A body of so many bytes that never says how long it is.
    Flood(usize),
    /// This text with status 200.
    Text(&'static str),
}

/// Trouble for requests whose line (`GET /path`) contains a text; `left` of them, or all.
#[derive(Debug)]
struct Rule {
    line: String,
    trouble: Trouble,
    left: Option<usize>,
}

#[derive(Debug, Default)]
struct Book {
    asked: Vec<Asked>,
    rules: Vec<Rule>,
}

impl Book {
    fn write_down(&mut self, asked: Asked) -> Option<Trouble> {
        let line = asked.line();
        self.asked.push(asked);
        let rule = self.rules.iter_mut().find(|rule| rule.left != Some(0) && line.contains(&rule.line))?;
        rule.left = rule.left.map(|left| left - 1);
        Some(rule.trouble.clone())
    }
}

/// A running double. It ends when dropped, and with it every connection.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    book: Arc<Mutex<Book>>,
    stop: watch::Sender<bool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Server {
    pub fn start(router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a listener");
        let address = listener.local_addr().expect("an address");
        let book: Arc<Mutex<Book>> = Arc::default();
        let stop = watch::Sender::new(false);
        let (shared, mut stopped) = (Arc::clone(&book), stop.subscribe());
        let thread = std::thread::spawn(move || {
            let runtime = crate::support::event_loop();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                tokio::select! {
                    () = accept(listener, router, shared) => {}
                    _ = stopped.wait_for(|stop| *stop) => {}
                }
            });
            // Its connections end with the runtime.
        });
        Self { address, book, stop, thread: Some(thread) }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything that was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        lock(&self.book).asked.clone()
    }

    /// The lines of everything that was asked so far.
    pub fn lines(&self) -> Vec<String> {
        self.asked().iter().map(Asked::line).collect()
    }

    #[track_caller]
    pub fn last(&self) -> Asked {
        self.asked().pop().expect("a request")
    }

    /// Trouble for the next `times` requests whose line contains the text.
    pub fn next(&self, times: usize, line: &str, trouble: Trouble) {
        lock(&self.book).rules.push(Rule { line: line.to_owned(), trouble, left: Some(times) });
    }

    /// Trouble for every request whose line contains the text, until it is healed.
    pub fn always(&self, line: &str, trouble: Trouble) {
        lock(&self.book).rules.push(Rule { line: line.to_owned(), trouble, left: None });
    }

    /// No more trouble.
    pub fn heal(&self) {
        lock(&self.book).rules.clear();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn lock<T>(it: &Mutex<T>) -> MutexGuard<'_, T> {
    it.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: tokio::net::TcpListener, router: Router, book: Arc<Mutex<Book>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (router, book) = (router.clone(), Arc::clone(&book));
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, router.clone(), Arc::clone(&book)));
            // A failed connection is what some tests are about.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    mut router: Router,
    book: Arc<Mutex<Book>>,
) -> Result<Response<Body>, std::io::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
    let asked = Asked {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or("").to_owned(),
        headers: head.headers.clone(),
        body: body.clone(),
    };
    let trouble = lock(&book).write_down(asked);
    match trouble {
        None => {
            let Ok(response) = router.call(Request::from_parts(head, Body::from(body))).await;
            Ok(response)
        }
        Some(Trouble::Status(status, body)) => Ok(json(status, body)),
        Some(Trouble::Hang) => std::future::pending().await,
        // Without an answer the connection is closed.
        Some(Trouble::Close) => Err(std::io::Error::other("closed on demand")),
        Some(Trouble::Flood(bytes)) => {
            const PIECE: usize = 64 * 1024;
            let pieces =
                (0..bytes.div_ceil(PIECE)).map(|_| Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; PIECE])));
            Ok(Response::new(Body::from_stream(futures_util::stream::iter(pieces))))
        }
        Some(Trouble::Text(text)) => Ok(text.into_response()),
    }
}

pub fn json(status: u16, body: Value) -> Response<Body> {
    let status = StatusCode::from_u16(status).expect("a status");
    (status, [(header::CONTENT_TYPE, "application/json; charset=utf-8")], body.to_string()).into_response()
}

/// What comes behind `Basic` or `Bearer`.
pub fn credentials<'a>(headers: &'a HeaderMap, scheme: &str) -> Option<&'a str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix(scheme)?.strip_prefix(' ')
}

/// User and password of HTTP's basic authentication.
pub fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    use base64::Engine;
    let decoded = base64::engine::general_purpose::STANDARD.decode(credentials(headers, "Basic")?).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    text.split_once(':').map(|(user, password)| (user.to_owned(), password.to_owned()))
}
