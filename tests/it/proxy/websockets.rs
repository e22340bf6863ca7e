//! A thousand WebSockets at once through the real binary: every one echoes, and what they cost is told.

use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::harness::{Proxy, one};
use crate::support::{PATIENCE, skip};

const COUNT: usize = 1000;
/// Both ends of the client's and of the service's connections are ours.
const FILES: u64 = 2 * COUNT as u64 + 500;

const ASK: &str = "GET /comms HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
                   sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
                      sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// Resident memory of a process in KiB.
fn resident(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

async fn head(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\n") {
        read.push(stream.read_u8().await.expect("a byte"));
    }
    String::from_utf8(read).expect("text")
}

/// Echoes frames as they are.
async fn echo(mut stream: TcpStream) {
    head(&mut stream).await;
    stream.write_all(SWITCH.as_bytes()).await.expect("sent");
    let mut piece = [0; 256];
    while let Ok(count) = stream.read(&mut piece).await {
        if count == 0 || stream.write_all(&piece[..count]).await.is_err() {
            return;
        }
    }
}

/// A masked text frame with the number in it.
fn frame(number: usize) -> Vec<u8> {
    let text = format!("{number:08}");
    let mask = [1, 2, 3, 4];
    let masked = text.bytes().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
    [0x81, 0x80 | text.len() as u8].into_iter().chain(mask).chain(masked).collect()
}

#[test]
fn a_thousand_websockets_echo() {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    if hard < FILES {
        return skip("a thousand WebSockets need more open files than this account may have");
    }
    if soft < FILES {
        setrlimit(Resource::RLIMIT_NOFILE, FILES, hard).expect("a limit");
    }
    let runtime = crate::support::event_loop();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let proxy = Proxy::with(&one(&[listener.local_addr().expect("an address")], ""), &[]);
        let pid = proxy.process.as_ref().expect("a process").pid();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(echo(stream));
            }
        });
        let before = resident(pid);
        let mut sockets = Vec::with_capacity(COUNT);
        for _ in 0..COUNT {
            let mut stream = TcpStream::connect(&proxy.address).await.expect("a connection");
            stream.write_all(ASK.as_bytes()).await.expect("sent");
            sockets.push(stream);
        }
        for stream in &mut sockets {
            let head = tokio::time::timeout(PATIENCE, head(stream)).await.expect("an answer");
            assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        }
        for round in 0..3 {
            for (number, stream) in sockets.iter_mut().enumerate() {
                stream.write_all(&frame(number + round)).await.expect("sent");
            }
            for (number, stream) in sockets.iter_mut().enumerate() {
                let wanted = frame(number + round);
                let mut got = vec![0; wanted.len()];
                tokio::time::timeout(PATIENCE, stream.read_exact(&mut got)).await.expect("in time").expect("an echo");
                assert_eq!(got, wanted);
            }
        }
        let with = resident(pid);
        let each = with.saturating_sub(before) as f64 / COUNT as f64;
        eprintln!("{COUNT} WebSockets: {with} KiB resident, {before} KiB before, {each:.1} KiB each");
        // A stop does not wait for them.
        let mut proxy = proxy;
        let begun = std::time::Instant::now();
        assert_eq!(proxy.stop(), 0);
        assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    });
}
