//! The file read anew on SIGHUP, as a whole or not at all.

use super::harness::{Proxy, one};
use super::upstream::Upstream;
use crate::support::{eventually, kill};

fn hang_up(proxy: &Proxy, told: &str) {
    let before = proxy.log().matches(told).count();
    kill(proxy.process.as_ref().expect("a process").pid(), 1);
    eventually(told, || {
        let log = proxy.log();
        if log.matches(told).count() > before { Ok(()) } else { Err(log) }
    });
}

#[test]
fn routes_and_services_change_without_a_restart() {
    let (first, second) = (Upstream::fixed("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n1"), Upstream::echo());
    // One worker, because each has connections of its own.
    let proxy = Proxy::with(&one(&[first.address], ""), &[("WORKERS", "1")]);
    let mut client = proxy.connect();
    client.send("GET /new HTTP/1.1\r\nhost: a\r\n\r\n");
    assert_eq!(client.answer().expect(200).text(), "1");
    let more = format!(
        "[[routes]]\npath = \"/new\"\nservice = \"new\"\nheaders = {{ \"X-Frame-Options\" = \"\", \"X-New\" = \"yes\" }}\n\
         [services.new]\naddresses = [\"{}\"]\n",
        second.address
    );
    proxy.write("proxy.toml", one(&[first.address], "") + &more);
    hang_up(&proxy, "routes and services are read anew");
    // A connection from before sees it, too.
    client.send("GET /new HTTP/1.1\r\nhost: a\r\n\r\n");
    let answer = client.answer().expect(200);
    assert!(answer.text().starts_with("GET /new "), "{}", answer.text());
    assert_eq!((answer.header("x-frame-options"), answer.header("x-new")), (None, Some("yes")));
    let other = proxy.get("/other").expect(200);
    assert_eq!((other.text().as_str(), other.header("x-frame-options")), ("1", Some("SAMEORIGIN")));
    // What stayed the same kept its connection.
    assert_eq!(first.connections(), 1);
}

#[test]
fn a_file_that_is_not_right_changes_nothing() {
    let upstream = Upstream::echo();
    let proxy = Proxy::before(&upstream);
    proxy.write("proxy.toml", "[[routes]]\npath = \"/\"\nservice = \"nobody\"\n");
    hang_up(&proxy, "routes and services stay as they were");
    assert!(proxy.log().contains("there is no service"), "{}", proxy.log());
    proxy.get("/").expect(200);
}
