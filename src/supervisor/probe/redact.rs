//! Addresses without their secrets.

/// A URL as it may be shown: user, password, query and fragment are taken out.
///
/// `postgres://app:hunter2@127.0.0.1:5432/db?sslmode=off` becomes `postgres://127.0.0.1:5432/db`.
pub fn redact(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or(url);
    let Some((scheme, rest)) = url.split_once("://") else {
        // No URL at all: nothing in it is known to be harmless, beyond a host and port.
        return match url.rsplit_once('@') {
            Some((_, host)) => host.to_owned(),
            None => url.to_owned(),
        };
    };
    // A raw `/` inside a password is against the rules but does happen; the last `@` ends the secret in any case.
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    format!("{scheme}://{place}")
}

/// Takes the secret parts of `url` out of a text made by a library, in case it repeats them.
pub fn scrub(text: &str, url: &str) -> String {
    let mut text = text.replace(url, &redact(url));
    if let Some(user_info) = user_info(url) {
        if let Some((_, password)) = user_info.split_once(':')
            && !password.is_empty()
        {
            text = text.replace(password, "***");
            let plain = percent_decoded(password);
            text = text.replace(&plain, "***");
        }
    }
    text
}

fn user_info(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let rest = rest.split(['?', '#']).next().unwrap_or(rest);
    rest.rsplit_once('@').map(|(user_info, _)| user_info)
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let decoded = match (first, after) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        match decoded {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}
