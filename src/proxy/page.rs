//! A fault as an answer: a small page for people, JSON for programs.

use hyper::header::{self, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::json;

use super::body::Answer;
use super::error::Fault;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Html,
    Json,
}

/// A page for whoever would rather have one; most programs say `*/*` or nothing.
fn kind(accept: Option<&HeaderValue>) -> Kind {
    let text = accept.and_then(|value| value.to_str().ok()).unwrap_or_default();
    for wanted in text.split(',').map(|item| item.split(';').next().unwrap_or_default().trim()) {
        match wanted.to_ascii_lowercase().as_str() {
            "text/html" | "application/xhtml+xml" => return Kind::Html,
            "application/json" | "application/problem+json" => return Kind::Json,
            _ => {}
        }
    }
    Kind::Json
}

/// `accept` is the field of that name.
pub fn of(fault: &Fault, accept: Option<&HeaderValue>, id: &HeaderValue) -> Response<Answer> {
    let status = fault.status();
    let id = id.to_str().unwrap_or("-");
    let (content_type, text) = match kind(accept) {
        Kind::Html => ("text/html; charset=utf-8", html(fault, status, id)),
        Kind::Json => ("application/json", json_text(fault, status, id)),
    };
    let mut response = Response::new(Answer::whole(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    if let Some(wait) = fault.retry_after() {
        // Whole seconds, and never the present one.
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    }
    if matches!(fault, Fault::Method) {
        headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    if fault.closes() {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn json_text(fault: &Fault, status: StatusCode, id: &str) -> String {
    let mut value = json!({ "status": status.as_u16(), "message": fault.message(), "requestId": id });
    if let Some(blame) = fault.blame() {
        value["service"] = json!(blame.service);
        value["phase"] = json!(blame.told.as_ref().map(|told| told.phase));
        value["since"] = json!(blame.since.map(|since| format!("{since:.3}")));
    }
    value.to_string()
}

fn html(fault: &Fault, status: StatusCode, id: &str) -> String {
    let title = status.canonical_reason().unwrap_or("Error");
    let since = fault.blame().and_then(|blame| blame.since);
    let since = since.map_or_else(String::new, |since| format!("<p>Since <time>{since:.0}</time>.</p>"));
    let again = fault.retry_after().map_or("", |_| "<p>Try again in a moment.</p>");
    let (message, id) = (escaped(&fault.message()), escaped(id));
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\
         <style>body{{font:16px/1.5 system-ui,sans-serif;margin:4rem auto;max-width:36rem;padding:0 1rem}}\
         small{{color:#767676}}</style>\
         <h1>{code} {title}</h1><p>{message}.</p>{since}{again}<small>request {id}</small></html>\n",
        code = status.as_u16(),
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::super::error::Blame;
    use super::super::upstream::Told;
    use super::*;
    use crate::control::wire::Phase;

    fn accepts(text: &str) -> Kind {
        kind(Some(&text.parse().unwrap()))
    }

    #[test]
    fn people_get_a_page_and_programs_get_json() {
        assert_eq!(accepts("text/html,application/xhtml+xml,*/*;q=0.8"), Kind::Html);
        assert_eq!(accepts("application/json, text/html"), Kind::Json);
        assert_eq!(accepts("*/*"), Kind::Json);
        assert_eq!(kind(None), Kind::Json);
    }

    #[test]
    fn it_is_said_which_service_and_since_when() {
        let since = "2026-01-02T03:04:05Z".parse().unwrap();
        let blame = Blame { service: "grafana".to_owned(), since: Some(since), told: None };
        let fault = Fault::Away(blame, Duration::from_millis(1200));
        let response = of(&fault, None, &HeaderValue::from_static("abc"));
        assert_eq!(
            (response.status().as_u16(), &response.headers()["retry-after"]),
            (503, &HeaderValue::from_static("2"))
        );
        let text = json_text(&fault, fault.status(), "abc");
        assert_eq!(
            text,
            r#"{"status":503,"message":"grafana is away","requestId":"abc","service":"grafana","phase":null,"since":"2026-01-02T03:04:05.000Z"}"#
        );
        let told = Told { phase: Phase::Failed, since, reason: Some("no such part".to_owned()), next_start: None };
        let blame = Blame { service: "grafana".to_owned(), since: Some(since), told: Some(Arc::new(told)) };
        let text = json_text(&Fault::Away(blame, Duration::ZERO), StatusCode::SERVICE_UNAVAILABLE, "abc");
        assert!(text.contains(r#""message":"grafana is not available: no such part""#), "{text}");
        assert!(text.contains(r#""phase":"failed""#), "{text}");
        let page = html(&fault, fault.status(), "<abc>");
        assert!(page.contains("<p>grafana is away.</p><p>Since <time>2026-01-02T03:04:05Z</time>"), "{page}");
        assert!(page.contains("&lt;abc&gt;"), "{page}");
    }
}
