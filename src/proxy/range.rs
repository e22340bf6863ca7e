//! Which part of a file is asked for, and whether the caller has it already. Pure.

use std::time::{Duration, SystemTime};

use hyper::header::{self, HeaderMap, HeaderValue};

/// What to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Whole,
    /// From the first to the last byte, both included.
    Bytes {
        first: u64,
        last: u64,
    },
    /// Nothing of what is asked for is there.
    None,
}

/// One range; several at once get the whole, as they may (RFC 9110, section 14.2).
pub fn part(value: &str, length: u64) -> Part {
    let Some((unit, range)) = value.split_once('=') else { return Part::Whole };
    let Some((first, last)) = range.trim().split_once('-') else { return Part::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") || range.contains(',') {
        return Part::Whole;
    }
    let number =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten();
    match (first.is_empty(), last.is_empty(), number(first), number(last)) {
        (true, false, _, Some(0)) => Part::None,
        (true, false, _, Some(_)) if length == 0 => Part::None,
        (true, false, _, Some(suffix)) => Part::Bytes { first: length.saturating_sub(suffix), last: length - 1 },
        (false, _, Some(first), _) if first >= length => Part::None,
        (false, true, Some(first), _) => Part::Bytes { first, last: length - 1 },
        (false, false, Some(first), Some(last)) if first <= last => Part::Bytes { first, last: last.min(length - 1) },
        _ => Part::Whole,
    }
}

/// Whether what the caller has is what we would send. Nobody has been told a date of what has none.
pub fn is_unchanged(headers: &HeaderMap, tag: &HeaderValue, modified: Option<SystemTime>) -> bool {
    if headers.contains_key(header::IF_NONE_MATCH) {
        let lists = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        return lists
            .flat_map(|list| list.split(','))
            .map(str::trim)
            .any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one).as_bytes() == tag.as_bytes());
    }
    let since = date(headers.get(header::IF_MODIFIED_SINCE));
    modified.zip(since).is_some_and(|(modified, since)| whole_seconds(modified) <= since)
}

/// Whether a range may be sent: the caller has the other parts of the same file.
pub fn is_same(headers: &HeaderMap, tag: &HeaderValue, modified: Option<SystemTime>) -> bool {
    match headers.get(header::IF_RANGE) {
        None => true,
        Some(value) if value.as_bytes().starts_with(b"\"") => value == tag,
        value => modified.zip(date(value)).is_some_and(|(modified, since)| whole_seconds(modified) == since),
    }
}

fn date(value: Option<&HeaderValue>) -> Option<SystemTime> {
    httpdate::parse_http_date(value?.to_str().ok()?).ok()
}

/// Dates in heads have no parts of a second.
fn whole_seconds(time: SystemTime) -> SystemTime {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs(since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_sent_and_what_cannot_be_is_told() {
        let bytes = |first, last| Part::Bytes { first, last };
        for (value, wanted) in [
            ("bytes=0-0", bytes(0, 0)),
            ("bytes=2-", bytes(2, 9)),
            ("bytes=-3", bytes(7, 9)),
            ("bytes=-30", bytes(0, 9)),
            ("bytes=8-100", bytes(8, 9)),
            ("Bytes=0-9", bytes(0, 9)),
            ("bytes=10-", Part::None),
            ("bytes=-0", Part::None),
            ("bytes=5-3", Part::Whole),
            ("bytes=0-1,3-4", Part::Whole),
            ("bytes=-", Part::Whole),
            ("bytes=a-b", Part::Whole),
            ("lines=0-1", Part::Whole),
            ("nonsense", Part::Whole),
        ] {
            assert_eq!(part(value, 10), wanted, "{value}");
        }
        assert_eq!(part("bytes=0-", 0), Part::None);
        assert_eq!(part("bytes=-1", 0), Part::None);
    }

    #[test]
    fn what_the_caller_has_is_compared() {
        let tag = HeaderValue::from_static("\"a\"");
        let modified = Some(SystemTime::UNIX_EPOCH + Duration::from_millis(1_000_000_500));
        let with = |name: header::HeaderName, value: &'static str| {
            HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
        };
        for (name, value, wanted) in [
            (header::IF_NONE_MATCH, "\"a\"", true),
            (header::IF_NONE_MATCH, "\"b\", W/\"a\"", true),
            (header::IF_NONE_MATCH, "*", true),
            (header::IF_NONE_MATCH, "\"b\"", false),
            (header::IF_MODIFIED_SINCE, "Mon, 12 Jan 1970 13:46:40 GMT", true),
            (header::IF_MODIFIED_SINCE, "Mon, 12 Jan 1970 13:46:39 GMT", false),
            (header::IF_MODIFIED_SINCE, "yesterday", false),
        ] {
            assert_eq!(is_unchanged(&with(name, value), &tag, modified), wanted, "{value}");
        }
        for (value, wanted) in
            [("\"a\"", true), ("\"b\"", false), ("Mon, 12 Jan 1970 13:46:40 GMT", true), ("x", false)]
        {
            assert_eq!(is_same(&with(header::IF_RANGE, value), &tag, modified), wanted, "{value}");
        }
    }
}
