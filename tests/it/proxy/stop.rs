//! The stop: what is under way is finished.

use std::sync::Mutex;
use std::sync::mpsc::channel;

use super::harness::{Proxy, one};
use super::upstream::Upstream;
use crate::support::eventually;

#[test]
fn what_is_under_way_is_finished() {
    let (release, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let upstream = Upstream::start(move |visit| {
        visit.head().expect("a head");
        visit.send("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nabc");
        wait.lock().expect("a lock").recv().expect("the release");
        visit.send("def");
    });
    let mut proxy = Proxy::before(&upstream);
    let mut idle = proxy.connect();
    let mut client = proxy.connect();
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    client.until("abc");
    proxy.signal_stop();
    idle.is_closed();
    eventually("nobody is let in any more", || {
        std::net::TcpStream::connect(&proxy.address).map_or(Ok(()), |_| Err("connected"))
    });
    release.send(()).expect("released");
    assert_eq!(client.rest(), "def");
    assert_eq!(proxy.process.take().expect("a process").end(), 0);
}

#[test]
fn what_takes_too_long_is_cut_off_at_the_end_of_the_grace() {
    let upstream = Upstream::start(super::upstream::Visit::hold);
    let mut proxy = Proxy::with(&one(&[upstream.address], ""), &[("DRAIN_TIMEOUT", "1")]);
    let mut client = proxy.connect();
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    eventually("the service is asked", || if upstream.connections() == 0 { Err("") } else { Ok(()) });
    assert_eq!(proxy.stop(), 0);
    assert!(proxy.log().contains("cut off: not finished within the grace"), "{}", proxy.log());
    client.is_closed();
}

#[test]
fn a_client_that_is_at_it_is_told_that_this_was_the_last() {
    let upstream = Upstream::echo();
    let mut proxy = Proxy::before(&upstream);
    let mut client = proxy.connect();
    client.send("GET /1 HTTP/1.1\r\nhost: a\r\n\r\n");
    assert_eq!(client.answer().expect(200).header("connection"), None);
    proxy.signal_stop();
    eventually("nobody is let in any more", || {
        std::net::TcpStream::connect(&proxy.address).map_or(Ok(()), |_| Err("connected"))
    });
    // Between two requests is no place to be cut off.
    client.send("GET /2 HTTP/1.1\r\nhost: a\r\n\r\n");
    assert_eq!(client.answer().expect(200).header("connection"), Some("close"));
    client.is_closed();
    assert_eq!(proxy.process.take().expect("a process").end(), 0);
}
