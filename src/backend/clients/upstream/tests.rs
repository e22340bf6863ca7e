//! The pure parts of an upstream: addresses, credentials, what is shown. Its behaviour over HTTP is tested against
//! doubles in `tests/it/clients`.

use super::*;

fn below_base(text: &str, path: &[&str]) -> Option<String> {
    let path: Vec<String> = path.iter().map(|part| (*part).to_owned()).collect();
    below(&base(text, &Auth::None).unwrap(), &path).map(String::from)
}

#[test]
fn a_part_of_a_path_stays_one_part() {
    let at = |path: &[&str]| below_base("http://h:1/grafana/", path).unwrap();
    assert_eq!(at(&["api", "folders"]), "http://h:1/grafana/api/folders");
    assert_eq!(at(&["a/b?c#d", "%2e%2e", "ä ;"]), "http://h:1/grafana/a%2Fb%3Fc%23d/%252e%252e/%C3%A4%20;");
    assert_eq!(below_base("http://h", &["a"]).unwrap(), "http://h/a");
    for odd in ["", ".", ".."] {
        assert_eq!(below_base("http://h/x", &["a", odd, "b"]), None, "{odd:?}");
    }
}

#[test]
fn an_address_is_one_of_http() {
    for bad in ["", "host:80", "ftp://host", "unix:/run/x", "http://"] {
        assert_eq!(base(bad, &Auth::None), None, "{bad}");
    }
    assert_eq!(base("https://h/v1?q#f", &Auth::None).unwrap().as_str(), "https://h/v1");
}

#[test]
fn credentials_of_the_settings_replace_those_of_the_address() {
    let own = Auth::Bearer(Secret::new("key"));
    assert_eq!(base("http://user:pass@h/", &own).unwrap().as_str(), "http://h/");
    assert_eq!(base("http://user:pass@h/", &Auth::None).unwrap().as_str(), "http://user:pass@h/");
}

#[test]
fn only_this_machine_is_here() {
    let here = |text: &str| is_here(&Url::parse(text).unwrap());
    assert!(
        here("http://127.0.0.1:1") && here("http://127.9.9.9") && here("http://[::1]:1") && here("http://localhost")
    );
    assert!(!here("http://192.0.2.1") && !here("http://localhost.example") && !here("https://api.openai.com"));
}

#[test]
fn nothing_shows_a_secret() {
    crate::serve::install_tls();
    let auth = Auth::Basic { user: "admin".to_owned(), password: Secret::new("hunter2") };
    let spec = UpstreamSpec { auth, ..UpstreamSpec::new("it", Some("http://u:hunter2@h/hunter2")) };
    let shown = format!("{spec:?} {:?}", Upstream::new(spec.clone()).unwrap());
    assert!(!shown.contains("hunter2"), "{shown}");
    let spec = UpstreamSpec::new("it", Some("u:hunter2@h"));
    let error = Upstream::new(spec).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

#[test]
fn a_header_that_cannot_be_sent_is_refused_at_once() {
    crate::serve::install_tls();
    let headers = vec![(HeaderName::from_static("openai-organization"), "two\nlines".to_owned())];
    let refused = Upstream::new(UpstreamSpec { headers, ..UpstreamSpec::new("it", None) });
    assert!(matches!(refused, Err(ClientError::Header("it"))));
}
