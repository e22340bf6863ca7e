//! The texts of `Set-Cookie`: at sign-in, after a refresh, at sign-out.
//!
//! A browser forgets a cookie only when it is cleared with the attributes it was set with, so both come from here.
//! `HttpOnly` and `Path=/` always; in production `SameSite=None; Secure; Partitioned` besides, because the web client is
//! on another site; in development nothing besides; anywhere else `SameSite=Lax`.

use std::time::Duration;

use cookie::time::OffsetDateTime;
use cookie::{Cookie, CookieBuilder, SameSite};
use hyper::header::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::carrier::{ACCESS_COOKIE, NODE_RED_COOKIE, REFRESH_COOKIE};
use crate::backend::settings::Mode;

/// What `encodeURIComponent` leaves alone. Our tokens consist of these.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// How cookies are made where this runs.
#[derive(Debug, Clone, Copy)]
pub struct Cookies {
    mode: Mode,
    access_life: Duration,
    refresh_life: Duration,
}

impl Cookies {
    pub fn new(mode: Mode, access_life: Duration, refresh_life: Duration) -> Self {
        Self { mode, access_life, refresh_life }
    }

    /// `now`: seconds since 1970.
    pub fn access(&self, token: &str, now: i64) -> HeaderValue {
        self.set(ACCESS_COOKIE, token, self.access_life, now)
    }

    pub fn refresh(&self, token: &str, now: i64) -> HeaderValue {
        self.set(REFRESH_COOKIE, token, self.refresh_life, now)
    }

    pub fn node_red(&self, token: &str, now: i64) -> HeaderValue {
        self.set(NODE_RED_COOKIE, token, self.refresh_life, now)
    }

    /// All three, gone.
    pub fn cleared(&self) -> [HeaderValue; 3] {
        [REFRESH_COOKIE, ACCESS_COOKIE, NODE_RED_COOKIE].map(|name| {
            let gone = self.with_attributes(name, String::new()).max_age(cookie::time::Duration::ZERO);
            text(gone.expires(OffsetDateTime::UNIX_EPOCH).build())
        })
    }

    fn set(&self, name: &'static str, value: &str, life: Duration, now: i64) -> HeaderValue {
        let seconds = i64::try_from(life.as_secs()).unwrap_or(i64::MAX);
        let value = utf8_percent_encode(value, PLAIN).to_string();
        let cookie = self.with_attributes(name, value).max_age(cookie::time::Duration::seconds(seconds));
        // A time beyond the calendar is left out: `Max-Age` says the same and goes first.
        let expires = now.checked_add(seconds).and_then(|end| OffsetDateTime::from_unix_timestamp(end).ok());
        text(expires.into_iter().fold(cookie, CookieBuilder::expires).build())
    }

    fn with_attributes(&self, name: &'static str, value: String) -> CookieBuilder<'static> {
        let cookie = Cookie::build((name, value)).http_only(true).path("/");
        match self.mode {
            Mode::Development => cookie,
            Mode::Production => cookie.same_site(SameSite::None).secure(true).partitioned(true),
            Mode::Other => cookie.same_site(SameSite::Lax),
        }
    }
}

fn text(cookie: Cookie<'_>) -> HeaderValue {
    // Names and attributes are ours, values are encoded: nothing in there that a header cannot hold.
    HeaderValue::try_from(cookie.to_string()).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000;

    fn cookies(mode: Mode) -> Cookies {
        Cookies::new(mode, Duration::from_secs(3600), Duration::from_secs(604_800))
    }

    #[test]
    fn sign_in_sets_them_as_the_original_does() {
        let cookies = cookies(Mode::Development);
        assert_eq!(
            cookies.access("a.b-c_d", NOW),
            "accessToken=a.b-c_d; HttpOnly; Path=/; Max-Age=3600; Expires=Tue, 14 Nov 2023 23:13:20 GMT"
        );
        assert_eq!(
            cookies.refresh("r", NOW),
            "refreshToken=r; HttpOnly; Path=/; Max-Age=604800; Expires=Tue, 21 Nov 2023 22:13:20 GMT"
        );
        assert_eq!(
            cookies.node_red("n", NOW),
            "nodeRedToken=n; HttpOnly; Path=/; Max-Age=604800; Expires=Tue, 21 Nov 2023 22:13:20 GMT"
        );
    }

    #[test]
    fn attributes_depend_on_where_it_runs() {
        let end = "Path=/; Max-Age=3600; Expires=Tue, 14 Nov 2023 23:13:20 GMT";
        let production = cookies(Mode::Production).access("t", NOW);
        assert_eq!(production, format!("accessToken=t; HttpOnly; SameSite=None; Partitioned; Secure; {end}"));
        assert_eq!(cookies(Mode::Other).access("t", NOW), format!("accessToken=t; HttpOnly; SameSite=Lax; {end}"));
    }

    #[test]
    fn sign_out_clears_all_three_with_the_attributes_they_were_set_with() {
        for mode in [Mode::Development, Mode::Production, Mode::Other] {
            let cookies = cookies(mode);
            let set = [cookies.refresh("t", NOW), cookies.access("t", NOW), cookies.node_red("t", NOW)];
            for (set, cleared) in set.iter().zip(cookies.cleared()) {
                let (set, cleared) = (set.to_str().unwrap(), cleared.to_str().unwrap());
                let (kept, _) = set.split_once("; Max-Age=").unwrap();
                let expected = kept.replacen("=t;", "=;", 1) + "; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT";
                assert_eq!(cleared, expected);
            }
        }
    }

    #[test]
    fn a_foreign_token_cannot_bring_attributes_or_headers_along() {
        let bad = cookies(Mode::Development).node_red("a; Domain=evil\r\nx: y\0=+/é", NOW);
        let text = bad.to_str().unwrap();
        assert!(
            text.starts_with("nodeRedToken=a%3B%20Domain%3Devil%0D%0Ax%3A%20y%00%3D%2B%2F%C3%A9; HttpOnly"),
            "{text}"
        );
    }

    #[test]
    fn a_life_beyond_the_calendar_is_still_a_cookie() {
        let forever = Cookies::new(Mode::Development, Duration::MAX, Duration::MAX).access("t", NOW);
        assert!(forever.to_str().unwrap().starts_with("accessToken=t; HttpOnly; Path=/; Max-Age="));
    }
}
