//! Fields of a head on their way through: what ends at the next hop, what is added, and who is believed. Pure.

use std::net::{IpAddr, SocketAddr};

use hyper::HeaderMap;
use hyper::header::{self, HeaderName, HeaderValue};
use ipnet::IpNet;

const FORWARDED: HeaderName = HeaderName::from_static("forwarded");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// Fields by which strangers could pass for somebody else; they are set by us or not there. The others are not ours, but
/// frameworks read them.
const OTHERS: [HeaderName; 4] = [
    HeaderName::from_static("x-forwarded-server"),
    HeaderName::from_static("x-forwarded-prefix"),
    HeaderName::from_static("x-original-url"),
    HeaderName::from_static("x-rewrite-url"),
];

const HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    KEEP_ALIVE,
    PROXY_CONNECTION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
];

/// Proxies whose `X-Forwarded-For` is believed.
#[derive(Debug, Clone, Default)]
pub struct Trusted(pub Vec<IpNet>);

impl Trusted {
    pub fn has(&self, address: IpAddr) -> bool {
        // A client of IPv4 on a socket of IPv6 is a client of IPv4.
        let address = address.to_canonical();
        self.0.iter().any(|net| net.contains(&address))
    }
}

/// Who a request is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    pub address: IpAddr,
    /// Whether the one that is connected may say so, and over what the client came.
    pub is_behind_trusted: bool,
}

/// The client's address: the peer's own, or for a trusted proxy the last one in its list that is not trusted itself.
pub fn client(peer: SocketAddr, headers: &HeaderMap, trusted: &Trusted) -> Client {
    let peer = peer.ip().to_canonical();
    if trusted.0.is_empty() || !trusted.has(peer) {
        return Client { address: peer, is_behind_trusted: false };
    }
    let mut address = peer;
    let lists: Vec<&str> = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok()).collect();
    for text in lists.iter().rev().flat_map(|list| list.rsplit(',')) {
        // What cannot be read ends the chain of those who are believed.
        let Some(next) = address_of(text.trim()) else { break };
        address = next;
        if !trusted.has(next) {
            break;
        }
    }
    Client { address, is_behind_trusted: true }
}

/// With or without a port, in brackets or not.
fn address_of(text: &str) -> Option<IpAddr> {
    let plain = text.trim_start_matches('[').trim_end_matches(']');
    let parsed = plain.parse::<IpAddr>().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()));
    parsed.map(|address| address.to_canonical())
}

/// What a service is told about the connection that it does not see.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    pub client: Client,
    pub peer: IpAddr,
    pub is_tls: bool,
    pub port: u16,
    pub host: &'a HeaderValue,
}

/// Whether the client came over TLS, as far as we may believe it.
pub fn is_secure(origin: &Origin<'_>, headers: &HeaderMap) -> bool {
    let told = || headers.get(FORWARDED_PROTO).is_some_and(|proto| proto.as_bytes().eq_ignore_ascii_case(b"https"));
    origin.is_tls || (origin.client.is_behind_trusted && told())
}

/// The fields that tell a service of the way a request came.
#[derive(Debug, Clone)]
pub struct Forwarded {
    chain: HeaderValue,
    client: HeaderValue,
    proto: HeaderValue,
    host: HeaderValue,
    port: HeaderValue,
    /// All in one (RFC 7239).
    forwarded: HeaderValue,
}

impl Forwarded {
    /// For a request with this head, of which a trusted proxy's word is kept.
    pub fn new(headers: &HeaderMap, origin: &Origin<'_>) -> Self {
        let proto = if is_secure(origin, headers) { "https" } else { "http" };
        let is_believed = origin.client.is_behind_trusted;
        let told = |name: HeaderName| is_believed.then(|| headers.get(name).cloned()).flatten();
        let host = told(FORWARDED_HOST).unwrap_or_else(|| origin.host.clone());
        let before = is_believed.then(|| joined(headers, &FORWARDED_FOR)).flatten();
        let chain = match before {
            Some(before) => format!("{before}, {}", origin.peer),
            None => origin.peer.to_string(),
        };
        let client = origin.client.address.to_string();
        let mut text = match origin.client.address {
            IpAddr::V4(_) => format!("for={client}"),
            IpAddr::V6(_) => format!("for=\"[{client}]\""),
        };
        if let Some(host) = host.to_str().ok().filter(|host| !host.contains(['"', '\\'])) {
            text.push_str(&format!(";host=\"{host}\""));
        }
        text.push_str(&format!(";proto={proto}"));
        Self {
            chain: field(&chain),
            client: field(&client),
            proto: HeaderValue::from_static(proto),
            port: told(FORWARDED_PORT).unwrap_or_else(|| HeaderValue::from(origin.port)),
            forwarded: field(&text),
            host,
        }
    }

    /// Replaces what the head says of the way it came.
    pub fn put(self, headers: &mut HeaderMap) {
        remove_all(headers, &OTHERS);
        headers.insert(FORWARDED_FOR, self.chain);
        headers.insert(REAL_IP, self.client);
        headers.insert(FORWARDED_PROTO, self.proto);
        headers.insert(FORWARDED_HOST, self.host);
        headers.insert(FORWARDED_PORT, self.port);
        headers.insert(FORWARDED, self.forwarded);
    }
}

/// Addresses and hosts that were in a head are valid in one.
fn field(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

/// What `Upgrade` asks for, if the connection is asked to be upgraded. Never another HTTP: requests in it would pass by us
/// unseen. A service that is asked for none answers as if it could not, which it may (RFC 9110, section 7.8).
pub fn upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    let upgrade = headers.get(header::UPGRADE)?;
    let text = upgrade.to_str().ok()?.to_ascii_lowercase();
    let is_http = text.split(',').any(|name| ["h2", "http", "tls"].iter().any(|kind| name.trim().starts_with(kind)));
    (!is_http && lists(headers, &header::CONNECTION, "upgrade")).then(|| upgrade.clone())
}

/// Whether a field is a list with this word.
pub fn lists(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    let texts = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(',')).any(|item| item.trim().eq_ignore_ascii_case(word))
}

/// Takes away what is between two hops only (RFC 9110, section 7.6.1). `Trailer` stays: the fields it announces are passed.
pub fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','))
        .filter_map(|name| name.trim().parse().ok())
        // A sender must not name these, and without them a request is another one.
        .filter(|name| ![header::HOST, header::CONTENT_LENGTH, header::AUTHORIZATION, header::COOKIE].contains(name))
        .collect();
    remove_all(headers, &named);
    remove_all(headers, &HOP_BY_HOP);
}

/// Most heads have none of them, which is seen at one glance.
fn remove_all(headers: &mut HeaderMap, names: &[HeaderName]) {
    if !names.is_empty() && headers.keys().any(|name| names.contains(name)) {
        for name in names {
            headers.remove(name);
        }
    }
}

/// A request's head as a service gets it, but for its address and its [`Forwarded`].
pub fn prepare_request(headers: &mut HeaderMap, upgrade: Option<HeaderValue>) {
    let has_trailers = lists(headers, &header::TE, "trailers");
    remove_hop_by_hop(headers);
    // Answered by us, when the service is connected and wants the body.
    headers.remove(header::EXPECT);
    if let Some(upgrade) = upgrade {
        headers.insert(header::UPGRADE, upgrade);
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    } else if has_trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("te"));
    }
    join_cookies(headers);
}

/// HTTP/2 may send one field for each cookie, HTTP/1.1 has one for all.
fn join_cookies(headers: &mut HeaderMap) {
    let mut cookies = headers.get_all(header::COOKIE).iter();
    if cookies.next().is_none() || cookies.next().is_none() {
        return;
    }
    let all: Vec<&[u8]> = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if let Ok(joined) = HeaderValue::from_bytes(&all.join(&b"; "[..])) {
        headers.insert(header::COOKIE, joined);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(fields: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        headers
    }

    fn trusted(nets: &[&str]) -> Trusted {
        Trusted(nets.iter().map(|net| net.parse().unwrap()).collect())
    }

    #[test]
    fn a_stranger_is_who_is_connected() {
        let peer = "[::ffff:203.0.113.9]:1".parse().unwrap();
        for list in [&["10.0.0.0/8"][..], &[]] {
            let client = client(peer, &map(&[("x-forwarded-for", "1.2.3.4")]), &trusted(list));
            assert_eq!((client.address.to_string().as_str(), client.is_behind_trusted), ("203.0.113.9", false));
        }
    }

    #[test]
    fn of_a_trusted_chain_the_last_stranger_counts() {
        let nets = trusted(&["10.0.0.0/8", "2001:db8::/32"]);
        let peer = "10.0.0.1:1".parse().unwrap();
        for (list, wanted) in [
            (&[][..], "10.0.0.1"),
            (&["6.6.6.6, 203.0.113.9, 10.0.0.7"], "203.0.113.9"),
            (&["6.6.6.6", "203.0.113.9"], "203.0.113.9"),
            (&["6.6.6.6, nonsense"], "10.0.0.1"),
            (&["6.6.6.6, nonsense, 10.0.0.2"], "10.0.0.2"),
            (&["[2001:db9::1]:443, 2001:db8::5"], "2001:db9::1"),
            (&["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ] {
            let fields: Vec<_> = list.iter().map(|value| ("x-forwarded-for", *value)).collect();
            assert_eq!(client(peer, &map(&fields), &nets).address.to_string(), wanted, "{list:?}");
        }
    }

    fn forwarded(fields: &[(&str, &str)], is_behind_trusted: bool) -> HeaderMap {
        let mut headers = map(fields);
        let host = HeaderValue::from_static("status.example");
        let client = Client { address: "203.0.113.9".parse().unwrap(), is_behind_trusted };
        let peer = "10.0.0.1".parse().unwrap();
        let origin = Origin { client, peer, is_tls: false, port: 8080, host: &host };
        Forwarded::new(&headers, &origin).put(&mut headers);
        headers
    }

    #[test]
    fn what_a_stranger_says_of_the_way_is_replaced() {
        let said = [
            ("x-forwarded-for", "6.6.6.6"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "evil.example"),
            ("x-forwarded-port", "1"),
            ("x-real-ip", "6.6.6.6"),
            ("forwarded", "for=6.6.6.6"),
            ("x-original-url", "/admin"),
        ];
        let headers = forwarded(&said, false);
        for (name, wanted) in [
            ("x-forwarded-for", "10.0.0.1"),
            ("x-forwarded-proto", "http"),
            ("x-forwarded-host", "status.example"),
            ("x-forwarded-port", "8080"),
            ("x-real-ip", "203.0.113.9"),
            ("forwarded", "for=203.0.113.9;host=\"status.example\";proto=http"),
        ] {
            assert_eq!(headers.get_all(name).iter().collect::<Vec<_>>(), [wanted], "{name}");
        }
        assert!(!headers.contains_key("x-original-url"));
        let headers = forwarded(&said, true);
        for (name, wanted) in [
            ("x-forwarded-for", "6.6.6.6, 10.0.0.1"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "evil.example"),
            ("x-forwarded-port", "1"),
        ] {
            assert_eq!(headers[name], wanted, "{name}");
        }
    }

    #[test]
    fn what_is_between_two_hops_ends_there() {
        let mut headers = map(&[
            ("connection", "close, X-Mine, host, content-length"),
            ("x-mine", "1"),
            ("keep-alive", "5"),
            ("te", "gzip"),
            ("transfer-encoding", "chunked"),
            ("proxy-authorization", "x"),
            ("upgrade", "h2c"),
            ("expect", "100-continue"),
            ("trailer", "x-sum"),
            ("host", "a"),
            ("content-length", "3"),
        ]);
        prepare_request(&mut headers, None);
        let mut names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["content-length", "host", "trailer"]);
    }

    #[test]
    fn an_upgrade_and_trailers_are_asked_for_again() {
        let mut headers = map(&[("connection", "keep-alive, Upgrade"), ("upgrade", "websocket"), ("te", "trailers")]);
        let asked = upgrade(&headers);
        prepare_request(&mut headers, asked);
        assert_eq!(
            (&headers["connection"], &headers["upgrade"]),
            (&"upgrade".parse().unwrap(), &"websocket".parse().unwrap())
        );
        let mut headers = map(&[("connection", "te"), ("te", "trailers")]);
        assert_eq!(upgrade(&headers), None);
        prepare_request(&mut headers, None);
        assert_eq!((&headers["connection"], &headers["te"]), (&"te".parse().unwrap(), &"trailers".parse().unwrap()));
        assert_eq!(upgrade(&map(&[("upgrade", "websocket")])), None);
        for http in ["h2c", "websocket, H2C", "TLS/1.0", "HTTP/2.0"] {
            assert_eq!(upgrade(&map(&[("connection", "upgrade"), ("upgrade", http)])), None, "{http}");
        }
    }

    #[test]
    fn cookies_are_one_field() {
        let mut headers = map(&[("cookie", "a=1"), ("cookie", "b=2")]);
        prepare_request(&mut headers, None);
        assert_eq!(headers.get_all("cookie").iter().collect::<Vec<_>>(), ["a=1; b=2"]);
    }
}
