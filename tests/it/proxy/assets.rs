//! Files of the web application.

use super::harness::{Client, Proxy};
use crate::support::eventually;

const CONFIG: &str = "[[routes]]\npath = \"/\"\nfiles = \"web\"\nfallback = \"index.html\"\n\
                      [[routes]]\npath = \"/docs\"\nfiles = \"docs\"\nredirect = true\n";
const PAGE: &str = "accept: text/html\r\n";

fn web() -> Proxy {
    let mut proxy = Proxy::prepared(CONFIG, &[]);
    proxy.write("web/index.html", "<h1>status</h1>");
    proxy.write("web/assets/index-Bx3_k9Zq.js", "plain");
    proxy.write("web/assets/index-Bx3_k9Zq.js.br", "brotli");
    proxy.write("web/assets/index-Bx3_k9Zq.js.gz", "gzip");
    proxy.write("web/.env", "SECRET=1");
    proxy.write("web/sub/index.html", "sub");
    proxy.write("web/large.bin", vec![b'x'; 3_000_000]);
    proxy.write("docs/a b.txt", "0123456789");
    proxy.write("secret.txt", "outside");
    std::os::unix::fs::symlink(proxy.path("secret.txt"), proxy.path("web/link.txt")).expect("a link");
    proxy.launch();
    proxy
}

#[test]
fn files_are_kept_as_long_as_their_names_allow() {
    let proxy = web();
    let index = proxy.get("/").expect(200);
    assert_eq!((index.text().as_str(), index.header("cache-control")), ("<h1>status</h1>", Some("no-cache")));
    assert_eq!(index.header("content-type"), Some("text/html; charset=utf-8"));
    let tag = index.header("etag").expect("a tag");
    proxy.get_with("/", &format!("if-none-match: {tag}\r\n")).expect(304);
    let date = index.header("last-modified").expect("a date");
    proxy.get_with("/", &format!("if-modified-since: {date}\r\n")).expect(304);
    let script = proxy.get("/assets/index-Bx3_k9Zq.js").expect(200);
    assert_eq!(script.header("cache-control"), Some("public, max-age=2592000, immutable"));
    assert_eq!(script.header("content-type"), Some("text/javascript; charset=utf-8"));
    assert_eq!(proxy.get("/sub/").expect(200).text(), "sub");
}

#[test]
fn a_file_that_changes_is_served_as_it_is_now() {
    let proxy = web();
    let served = |wanted: &str| {
        let answer = proxy.get_with("/", PAGE).expect(200);
        if answer.text() == wanted { Ok(answer) } else { Err(answer.text()) }
    };
    let first = served("<h1>status</h1>").expect("as it was");
    // Written over, replaced by renaming, and the whole directory replaced.
    proxy.write("web/index.html", "<h1>written</h1>");
    let second = eventually("what was written", || served("<h1>written</h1>"));
    assert_ne!(first.header("etag"), second.header("etag"));
    proxy.write("web/next", "<h1>renamed</h1>");
    std::fs::rename(proxy.path("web/next"), proxy.path("web/index.html")).expect("renamed");
    eventually("what was renamed", || served("<h1>renamed</h1>"));
    proxy.write("other/index.html", "<h1>other</h1>");
    std::fs::rename(proxy.path("web"), proxy.path("old")).expect("away");
    std::fs::rename(proxy.path("other"), proxy.path("web")).expect("in its place");
    assert_eq!(proxy.get_with("/", PAGE).expect(200).text(), "<h1>other</h1>", "at once");
}

#[test]
fn a_compressed_file_is_sent_to_who_reads_it() {
    let proxy = web();
    let path = "/assets/index-Bx3_k9Zq.js";
    for (accepted, body, encoding) in [
        ("gzip, deflate, br", "brotli", Some("br")),
        ("gzip", "gzip", Some("gzip")),
        ("br;q=0", "plain", None),
        ("identity", "plain", None),
    ] {
        let answer = proxy.get_with(path, &format!("accept-encoding: {accepted}\r\n")).expect(200);
        assert_eq!((answer.text().as_str(), answer.header("content-encoding")), (body, encoding), "{accepted}");
        assert_eq!(answer.header("content-type"), Some("text/javascript; charset=utf-8"));
        assert_eq!(answer.header("vary"), Some("accept-encoding"));
    }
}

#[test]
fn only_navigations_fall_back_to_the_application() {
    let proxy = web();
    assert_eq!(proxy.get_with("/controls/3", PAGE).expect(200).text(), "<h1>status</h1>");
    proxy.get("/controls/3").expect(404);
    for missing in ["/assets/gone.js", "/assets/gone", "/api/v1/users", "/favicon.ico"] {
        proxy.get_with(missing, PAGE).expect(404);
    }
    // The other directory has none.
    proxy.get_with("/docs/gone", PAGE).expect(404);
}

#[test]
fn nothing_outside_and_nothing_hidden_is_served() {
    let proxy = web();
    for path in ["/.env", "/link.txt", "/%2eenv", "/sub//index.html", "/a%00b", "/%2fetc/passwd", "/..%5csecret.txt"] {
        let answer = proxy.get(path);
        assert!(matches!(answer.status, 400 | 404), "{path}: {}", answer.status);
        assert!(!answer.text().contains("outside") && !answer.text().contains("SECRET"), "{path}");
    }
    for path in ["/../secret.txt", "/%2e%2e/secret.txt", "/sub/..%2f..%2fsecret.txt"] {
        proxy.get(path).expect(400);
    }
}

#[test]
fn parts_of_a_file_can_be_asked_for() {
    let proxy = web();
    let part = |range: &str| proxy.get_with("/docs/a%20b.txt", &format!("range: {range}\r\n"));
    let answer = part("bytes=2-4").expect(206);
    assert_eq!((answer.text().as_str(), answer.header("content-range")), ("234", Some("bytes 2-4/10")));
    assert_eq!(part("bytes=-2").expect(206).text(), "89");
    assert_eq!(part("bytes=10-").expect(416).header("content-range"), Some("bytes */10"));
    assert_eq!(part("bytes=0-1,3-4").expect(200).text(), "0123456789");
    let other = proxy.get_with("/docs/a%20b.txt", "range: bytes=0-1\r\nif-range: \"other\"\r\n");
    assert_eq!(other.expect(200).text().len(), 10);
    let large = proxy.get_with("/large.bin", "range: bytes=1000000-2999999\r\n").expect(206);
    assert_eq!((large.body.len(), large.is_whole), (2_000_000, true));
    assert_eq!(proxy.get("/large.bin").expect(200).body.len(), 3_000_000);
}

#[test]
fn other_methods_are_refused_and_a_head_has_no_body() {
    let proxy = web();
    let refused = proxy.ask("POST /index.html HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nab").expect(405);
    assert_eq!(refused.header("allow"), Some("GET, HEAD"));
    let mut client = Client::to(&proxy.address);
    client.send("HEAD / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    let head = client.rest().to_lowercase();
    assert!(head.contains("content-length: 15\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    assert_eq!(proxy.get("/docs").expect(308).header("location"), Some("/docs/"));
}

#[test]
fn an_application_that_is_nowhere_is_told_to_who_goes_to_it() {
    // No build of the application has a file of that name, whether it is part of this binary or not.
    let config = "[[routes]]\npath = \"/\"\nfiles = \"web\"\nembedded = true\nfallback = \"never-there.html\"\n";
    let proxy = Proxy::with(config, &[]);
    let page = proxy.get_with("/controls/3", PAGE).expect(503).text();
    assert!(page.contains("reeve build") && page.contains("npm"), "{page}");
    proxy.get("/assets/gone.js").expect(404);
    proxy.write("web/own.txt", "of the directory");
    assert_eq!(proxy.get("/own.txt").expect(200).text(), "of the directory");
}
