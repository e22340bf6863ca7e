//! A small HTTP server with the faults that real ones have.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

#[derive(Debug, Clone, Default)]
pub struct File {
    pub bytes: Vec<u8>,
    /// Whether `Range` is honoured.
    pub ranges: bool,
    pub etag: Option<String>,
    /// Bytes after which the first so many answers are cut.
    pub cut: Option<(usize, u32)>,
    pub redirect: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Request {
    pub path: String,
    pub range: Option<usize>,
}

#[derive(Debug, Clone)]
pub struct Server {
    pub address: String,
    files: Arc<Mutex<HashMap<String, File>>>,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            address: format!("http://{}", listener.local_addr().unwrap()),
            files: Arc::default(),
            requests: Arc::default(),
        };
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = serving.clone();
                tokio::spawn(async move { server.answer(stream).await });
            }
        });
        server
    }

    pub fn put(&self, path: &str, file: File) -> String {
        self.files.lock().unwrap().insert(path.to_owned(), file);
        format!("{}{path}", self.address)
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// The file, and where this answer is to be cut.
    fn take(&self, path: &str) -> Option<(File, Option<usize>)> {
        let mut files = self.files.lock().unwrap();
        let file = files.get_mut(path)?;
        let cut = file.cut.as_mut().filter(|(_, times)| *times > 0).map(|(bytes, times)| {
            *times -= 1;
            *bytes
        });
        Some((file.clone(), cut))
    }

    async fn answer(&self, mut stream: TcpStream) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => return,
            }
        }
        let head = String::from_utf8(head).unwrap();
        let path = head.split(' ').nth(1).unwrap().to_owned();
        let header = |name: &str| {
            head.lines().find_map(|line| {
                let (key, value) = line.split_once(": ")?;
                key.eq_ignore_ascii_case(name).then(|| value.to_owned())
            })
        };
        let range = header("range").and_then(|range| range.strip_prefix("bytes=")?.trim_end_matches('-').parse().ok());
        self.requests.lock().unwrap().push(Request { path: path.clone(), range });
        let Some((file, cut)) = self.take(&path) else {
            let _gone =
                stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
            return;
        };
        if let Some(target) = &file.redirect {
            let text =
                format!("HTTP/1.1 302 Found\r\nlocation: {target}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            let _gone = stream.write_all(text.as_bytes()).await;
            return;
        }
        let same = header("if-range").is_none_or(|tag| Some(tag) == file.etag);
        let start = range.filter(|_| file.ranges && same);
        let total = file.bytes.len();
        let mut text = match start {
            Some(start) if start >= total => {
                format!("HTTP/1.1 416 Range Not Satisfiable\r\ncontent-range: bytes */{total}\r\n")
            }
            Some(start) => {
                format!("HTTP/1.1 206 Partial Content\r\ncontent-range: bytes {start}-{}/{total}\r\n", total - 1)
            }
            None => "HTTP/1.1 200 OK\r\n".to_owned(),
        };
        let body = &file.bytes[start.unwrap_or(0).min(total)..];
        if let Some(etag) = &file.etag {
            text.push_str(&format!("etag: {etag}\r\n"));
        }
        text.push_str(&format!("content-length: {}\r\nconnection: close\r\n\r\n", body.len()));
        let sent = cut.unwrap_or(body.len()).min(body.len());
        let _gone = stream.write_all(text.as_bytes()).await;
        let _gone = stream.write_all(&body[..sent]).await;
        let _gone = stream.shutdown().await;
    }
}
