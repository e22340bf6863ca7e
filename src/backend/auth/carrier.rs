//! Where a request carries its tokens, in one order of precedence for each check.
//!
//! | for | first | then | last |
//! |---|---|---|---|
//! | a signed-in user | cookie `accessToken` | header `x-access-token` | header `Authorization: Bearer` |
//! | an administrator | header `x-access-token` | cookie `accessToken` | header `Authorization: Bearer` |
//! | a refresh | cookie `refreshToken` | header `x-refresh-token` | |
//!
//! What is empty is not there: the next place is looked at. Of cookies with one name the first counts.

use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, COOKIE};

pub const ACCESS_COOKIE: &str = "accessToken";
pub const REFRESH_COOKIE: &str = "refreshToken";
pub const NODE_RED_COOKIE: &str = "nodeRedToken";

const ACCESS_HEADER: &str = "x-access-token";
const REFRESH_HEADER: &str = "x-refresh-token";

/// For whoever only has to be signed in.
pub fn of_user(headers: &HeaderMap) -> Option<&str> {
    cookie(headers, ACCESS_COOKIE).or_else(|| header(headers, ACCESS_HEADER)).or_else(|| bearer(headers))
}

/// For whoever must be an administrator.
pub fn of_admin(headers: &HeaderMap) -> Option<&str> {
    header(headers, ACCESS_HEADER).or_else(|| cookie(headers, ACCESS_COOKIE)).or_else(|| bearer(headers))
}

pub fn of_refresh(headers: &HeaderMap) -> Option<&str> {
    cookie(headers, REFRESH_COOKIE).or_else(|| header(headers, REFRESH_HEADER))
}

/// The value of a cookie, as sent. Our own are of characters that need no encoding.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';'));
    let mut values = pairs.filter_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        (key.trim() == name).then(|| unquoted(value.trim()))
    });
    values.next().filter(|value| !value.is_empty())
}

fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim).filter(|value| !value.is_empty())
}

/// The scheme's name has no case (RFC 9110, 11.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = header(headers, AUTHORIZATION.as_str())?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, value.parse().unwrap());
        }
        map
    }

    const ALL: &[(&str, &str)] = &[
        ("cookie", "x=1; accessToken=in.a.cookie; refreshToken=r.in.cookie"),
        ("x-access-token", "in.a.header"),
        ("authorization", "Bearer as.a.bearer"),
        ("x-refresh-token", "r.in.header"),
    ];

    #[test]
    fn each_check_has_its_order() {
        let all = headers(ALL);
        assert_eq!(of_user(&all), Some("in.a.cookie"));
        assert_eq!(of_admin(&all), Some("in.a.header"));
        assert_eq!(of_refresh(&all), Some("r.in.cookie"));
        let no_header = headers(&[ALL[0], ALL[2]]);
        assert_eq!(of_admin(&no_header), Some("in.a.cookie"));
        let no_cookie = headers(&ALL[1..]);
        assert_eq!(of_user(&no_cookie), Some("in.a.header"));
        assert_eq!(of_refresh(&no_cookie), Some("r.in.header"));
        let only_bearer = headers(&ALL[2..3]);
        assert_eq!((of_user(&only_bearer), of_admin(&only_bearer)), (Some("as.a.bearer"), Some("as.a.bearer")));
        assert_eq!(of_refresh(&only_bearer), None);
        assert_eq!((of_user(&headers(&[])), of_admin(&headers(&[]))), (None, None));
    }

    #[test]
    fn what_is_empty_is_not_there() {
        let empty = headers(&[("x-access-token", ""), ("cookie", "accessToken="), ("authorization", "Bearer t")]);
        assert_eq!((of_user(&empty), of_admin(&empty)), (Some("t"), Some("t")));
        let empty = headers(&[("x-access-token", "  "), ("cookie", "accessToken=c")]);
        assert_eq!(of_admin(&empty), Some("c"));
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let value = |line: &'static str| headers(&[("cookie", line)]);
        for (line, expected) in [
            ("accessToken=a", Some("a")),
            ("b=1;accessToken=a;c", Some("a")),
            ("accessToken = a ", Some("a")),
            ("accessToken=\"a\"", Some("a")),
            ("accessToken=a; accessToken=b", Some("a")),
            ("accessToken=a=b", Some("a=b")),
            ("myaccessToken=a", None),
            ("accesstoken=a", None),
            ("accessToken", None),
            ("", None),
        ] {
            assert_eq!(cookie(&value(line), ACCESS_COOKIE), expected, "{line}");
        }
        let two = headers(&[("cookie", "a=1"), ("cookie", "accessToken=2")]);
        assert_eq!(cookie(&two, ACCESS_COOKIE), Some("2"));
    }

    #[test]
    fn a_bearer_is_nothing_else() {
        for (line, expected) in [
            ("bearer a", Some("a")),
            ("BEARER  a ", Some("a")),
            ("Basic a", None),
            ("Bearer", None),
            ("Bearer ", None),
            ("a", None),
        ] {
            assert_eq!(bearer(&headers(&[("authorization", line)])), expected, "{line}");
        }
    }
}
