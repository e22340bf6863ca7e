//! A request as it arrives: who sent it, whether it may pass, where it goes; and what every answer gets.

use std::borrow::Cow;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use hyper::body::Incoming;
use hyper::ext::Protocol;
use hyper::header::{self, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::{Method, Request, Response, StatusCode, Uri, Version};

use super::access_log::{self, Record};
use super::assets;
use super::body::Answer;
use super::error::Fault;
use super::file::HostPolicy;
use super::forward::forward;
use super::headers::{self, Client};
use super::page;
use super::site::{Goal, Site};
use super::table::{self, Found};
use super::upstream::now;
use super::worker::{Peer, Worker};
use crate::serve::request_id;

/// Tells services that there is a proxy before them, and which.
const VIA: HeaderValue = HeaderValue::from_static("1.1 reeve");

pub async fn answer(
    worker: Arc<Worker>,
    peer: Arc<Peer>,
    mut request: Request<Incoming>,
) -> Result<Response<Answer>, Infallible> {
    let started = Instant::now();
    let shared = &worker.shared;
    let id = request_id::of(request.headers());
    let client = headers::client(peer.address, request.headers(), &shared.settings.trusted);
    let accept = request.headers().get(header::ACCEPT).cloned();
    let logged = shared.log.as_ref().map(|_| access_log::Request::of(&request, client.address, &id));
    request.headers_mut().insert(request_id::HEADER, id.clone());
    let is_http1 = request.version() <= Version::HTTP_11;
    let mut route = None;
    let site = shared.site();
    let answered = judged(&worker, &site, &peer, client, &mut route, request).await;
    let mut response = answered.unwrap_or_else(|fault| page::of(&fault, accept.as_ref(), &id));
    let headers = response.headers_mut();
    headers.insert(request_id::HEADER, id);
    for (name, value) in site.fields(route) {
        headers.entry(name).or_insert_with(|| value.clone());
    }
    if let Some(hsts) = shared.hsts.as_ref().filter(|_| peer.is_tls) {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, hsts.clone());
    }
    if is_http1 && shared.lifecycle.is_stopping() && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let record = Record::new(shared, site, logged, started, route, response.status());
    Ok(response.map(|body| body.recorded(Box::new(record))))
}

async fn judged(
    worker: &Arc<Worker>,
    site: &Site,
    peer: &Arc<Peer>,
    client: Client,
    found_route: &mut Option<usize>,
    mut request: Request<Incoming>,
) -> Result<Response<Answer>, Fault> {
    let shared = &worker.shared;
    if let Some(rate) = &shared.rate {
        rate.admit(client.address, now()).map_err(Fault::TooMany)?;
    }
    let host = host(&request, peer)?;
    // Whoever asks has it from an authority that we asked; it is for no name in particular, and in clear.
    if let Some(text) = shared.challenges.as_ref().and_then(|challenges| challenges.text(request.uri().path())) {
        return Ok(Response::new(Answer::whole(text)));
    }
    if !shared.settings.hosts.is_empty() && !is_known(&shared.settings.hosts, &host) {
        return Err(Fault::Host);
    }
    if let Some(tls) = shared.settings.tls.as_ref().filter(|tls| tls.redirect)
        && !headers::is_secure(&peer.origin(client, &host), request.headers())
    {
        return to_tls(&host, tls.public_port, request.uri());
    }
    let is_tunnel = *request.method() == Method::CONNECT && !is_websocket(&request);
    if is_tunnel || !request.uri().path().starts_with('/') {
        return Err(Fault::Request("the address must be a path"));
    }
    let uri = request.uri().clone();
    let path = uri.path();
    if !table::is_straight(path) {
        return Err(Fault::Request("the address has . or .. as a part"));
    }
    let Found { prefix, rest, route } = site.routes.find(path).ok_or(Fault::NotFound)?;
    *found_route = Some(route.index);
    if rest.is_empty() && route.redirect {
        return Ok(redirect(&format!("{prefix}/{}", query(&uri))));
    }
    match &route.target {
        Goal::Files(files) => assets::answer(files, rest, request.method(), request.headers()).await,
        Goal::Service { service, rewrite } => {
            peer.known.forwarded(peer, client, &host, request.headers()).put(request.headers_mut());
            address(&mut request, &uri, rest, rewrite.as_deref())?;
            let service = &site.services[*service];
            // With several replicas, the first one's address stands for the service.
            let own = || HeaderValue::from_str(&service.spec.addresses[0].to_string()).ok();
            let host = if service.spec.host == HostPolicy::Keep { Some(host.clone()) } else { own() };
            request.headers_mut().insert(header::HOST, host.unwrap_or(HeaderValue::from_static("localhost")));
            request.headers_mut().append(header::VIA, VIA);
            forward(worker, service, peer, request).await
        }
    }
}

/// Within a connection of HTTP/2 (RFC 8441).
fn is_websocket(request: &Request<Incoming>) -> bool {
    request.extensions().get::<Protocol>().is_some_and(|protocol| protocol.as_str() == "websocket")
}

/// The one name that a request is for (RFC 9112, section 3.2).
fn host(request: &Request<Incoming>, peer: &Peer) -> Result<HeaderValue, Fault> {
    let mut fields = request.headers().get_all(header::HOST).iter();
    let (field, second) = (fields.next(), fields.next());
    if second.is_some() {
        return Err(Fault::Request("there is more than one Host"));
    }
    let value = match (request.uri().authority(), field) {
        // Of an address with a name in it, that name counts.
        (Some(authority), _) => {
            HeaderValue::from_str(authority.as_str()).map_err(|_| Fault::Request("a strange Host"))?
        }
        (None, Some(field)) => field.clone(),
        (None, None) if request.version() == Version::HTTP_10 => HeaderValue::from_static("localhost"),
        (None, None) => return Err(Fault::Request("there is no Host")),
    };
    if peer.known.is_good(&value) { Ok(value) } else { Err(Fault::Request("a strange Host")) }
}

fn is_known(hosts: &[String], host: &HeaderValue) -> bool {
    let name = name_of(host);
    hosts.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Without the port.
fn name_of(host: &HeaderValue) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(host.as_bytes());
    let end = match text.rfind(':') {
        Some(colon) if !text[colon..].contains(']') => colon,
        _ => text.len(),
    };
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[..end]),
        Cow::Owned(text) => Cow::Owned(text[..end].to_owned()),
    }
}

fn query(uri: &Uri) -> String {
    uri.query().map_or(String::new(), |query| format!("?{query}"))
}

fn to_tls(host: &HeaderValue, port: u16, uri: &Uri) -> Result<Response<Answer>, Fault> {
    let name = name_of(host);
    let port = if port == 443 { String::new() } else { format!(":{port}") };
    let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    if !path.starts_with('/') {
        return Err(Fault::Request("the address must be a path"));
    }
    Ok(redirect(&format!("https://{name}{port}{path}")))
}

/// The method stays what it was.
fn redirect(to: &str) -> Response<Answer> {
    let mut response = Response::new(Answer::empty());
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    // Made of parts that were in a head.
    if let Ok(to) = HeaderValue::from_str(to) {
        response.headers_mut().insert(header::LOCATION, to);
    }
    response
}

/// The address that the service sees: a path, rewritten or not.
fn address(request: &mut Request<Incoming>, uri: &Uri, rest: &str, rewrite: Option<&str>) -> Result<(), Fault> {
    let wrong = |_| Fault::Request("the address cannot be");
    let target = match (rewrite, uri.path_and_query()) {
        (None, Some(same)) if uri.authority().is_none() && same.as_str().starts_with('/') => return Ok(()),
        (None, Some(same)) => same.clone(),
        (to, _) => {
            let path = table::rewritten(uri.path(), rest, to);
            PathAndQuery::try_from(format!("{path}{}", query(uri))).map_err(wrong)?
        }
    };
    *request.uri_mut() = Uri::from(target);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_no_part_of_a_name() {
        for (host, name) in [("a.example:8080", "a.example"), ("a", "a"), ("[::1]:80", "[::1]"), ("[::1]", "[::1]")] {
            assert_eq!(name_of(&HeaderValue::from_static(host)), name);
        }
        assert!(is_known(&["a.example".to_owned()], &HeaderValue::from_static("A.Example:1")));
        assert!(!is_known(&["a.example".to_owned()], &HeaderValue::from_static("b.example")));
    }

    #[test]
    fn plain_requests_are_sent_to_the_address_with_tls() {
        let uri: Uri = "/a?b=c".parse().unwrap();
        for (port, wanted) in [(443, "https://a.example/a?b=c"), (8443, "https://a.example:8443/a?b=c")] {
            let response = to_tls(&HeaderValue::from_static("a.example:80"), port, &uri).unwrap();
            assert_eq!(
                (response.status().as_u16(), &response.headers()["location"]),
                (308, &HeaderValue::from_static(wanted))
            );
        }
    }
}
