//! The caller's access token, which is passed on to collectors and looked at nowhere else.

use std::convert::Infallible;
use std::fmt;
use std::ops::Deref;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use cookie::Cookie;

/// The cookie `accessToken`, otherwise the header `x-access-token`.
#[derive(Clone, Default)]
pub struct Token(Option<String>);

impl fmt::Debug for Token {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(if self.0.is_some() { "Token(…)" } else { "Token(none)" })
    }
}

impl Deref for Token {
    type Target = Option<String>;

    fn deref(&self) -> &Option<String> {
        &self.0
    }
}

impl<S: Sync> FromRequestParts<S> for Token {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let cookies = parts.headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
        let of_cookie = cookies.flat_map(Cookie::split_parse).filter_map(Result::ok).find_map(|cookie| {
            (cookie.name() == "accessToken" && !cookie.value().is_empty()).then(|| cookie.value().to_owned())
        });
        let of_header = || parts.headers.get("x-access-token")?.to_str().ok().filter(|token| !token.is_empty());
        Ok(Self(of_cookie.or_else(|| of_header().map(str::to_owned))))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    async fn token(headers: &[(&str, &str)]) -> Option<String> {
        let request = headers.iter().fold(Request::builder(), |request, (name, value)| request.header(*name, *value));
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        Token::from_request_parts(&mut parts, &()).await.unwrap().0
    }

    #[tokio::test]
    async fn the_cookie_goes_before_the_header() {
        let header = ("x-access-token", "H");
        assert_eq!(token(&[]).await, None);
        assert_eq!(token(&[header]).await.unwrap(), "H");
        assert_eq!(token(&[header, ("cookie", "a=b; accessToken=C; c=d")]).await.unwrap(), "C");
        assert_eq!(token(&[header, ("cookie", "accessToken=")]).await.unwrap(), "H");
    }
}
