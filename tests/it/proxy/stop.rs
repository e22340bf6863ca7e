//! The stop: what is under way is finished, and who takes over loses nothing.

use std::sync::Mutex;
use std::sync::mpsc::channel;

use super::harness::{Client, Proxy, one};
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
fn the_next_one_takes_over_without_a_gap() {
    let upstream = Upstream::echo();
    let config = one(&[upstream.address], "");
    let mut old = Proxy::with(&config, &[]);
    let address = old.address.clone();
    let port = address.rsplit(':').next().expect("a port").to_owned();
    let mut new = Proxy::with(&config, &[("PORT", &port)]);
    assert_eq!(new.address, address);
    let asked = std::thread::spawn(move || {
        for number in 0..200 {
            let mut client = Client::to(&address);
            client.send(format!("GET /{number} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"));
            client.answer().expect(200);
        }
    });
    assert_eq!(old.stop(), 0);
    asked.join().expect("all were answered");
    assert_eq!(new.stop(), 0);
}
