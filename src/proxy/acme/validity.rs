//! From when until when a certificate is good. Pure: reads as much of X.509 (RFC 5280, section 4.1) as that takes.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// What is left of its life when it is renewed: 30 days of 90.
const LEFT: f64 = 1.0 / 3.0;
/// And up to so much more, by chance.
const SPREAD: f64 = 1.0 / 20.0;

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    pub from: Timestamp,
    pub until: Timestamp,
}

impl Validity {
    pub fn of(certificate: &[u8]) -> Option<Self> {
        let (certificate, _) = element(certificate, SEQUENCE)?;
        let (body, _) = element(certificate, SEQUENCE)?;
        let rest = element(body, VERSION).map_or(body, |(_, rest)| rest);
        let (_serial, rest) = element(rest, INTEGER)?;
        let (_algorithm, rest) = element(rest, SEQUENCE)?;
        let (_issuer, rest) = element(rest, SEQUENCE)?;
        let (validity, _) = element(rest, SEQUENCE)?;
        let (from, rest) = time(validity)?;
        let (until, _) = time(rest)?;
        Some(Self { from, until })
    }

    /// When it should be renewed; `share` is between 0 and 1, and spreads those that were made together.
    pub fn renewal(&self, share: f64) -> Timestamp {
        let left = super::part(self.from, self.until, LEFT + SPREAD * share);
        self.until.checked_sub(left).unwrap_or(self.from)
    }
}

/// The content of the element that comes first, if it is of this kind, and what follows it.
fn element(input: &[u8], kind: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = input.split_first()?;
    let (&length, mut rest) = rest.split_first()?;
    let mut length = usize::from(length);
    if length & 0x80 != 0 {
        let bytes;
        (bytes, rest) = rest.split_at_checked(length & 0x7f)?;
        // Longer than four bytes is longer than any certificate.
        length = (bytes.len() <= 4).then(|| bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)))?;
    }
    let (content, rest) = rest.split_at_checked(length)?;
    (found == kind).then_some((content, rest))
}

fn time(input: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (text, century, rest) = match (element(input, UTC_TIME), element(input, GENERALIZED_TIME)) {
        (Some((text, rest)), _) => (text, true, rest),
        (None, Some((text, rest))) => (text, false, rest),
        (None, None) => return None,
    };
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (year, text) = text.split_at_checked(if century { 2 } else { 4 })?;
    let year: i16 = year.parse().ok()?;
    let year = match century {
        true if year < 50 => 2000 + year,
        true => 1900 + year,
        false => year,
    };
    let two = |at: usize| text.get(at..at + 2)?.parse::<i8>().ok();
    let moment = DateTime::new(year, two(0)?, two(2)?, two(4)?, two(6)?, two(8)?, 0).ok()?;
    Some((moment.to_zoned(TimeZone::UTC).ok()?.timestamp(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(from: (i32, u8, u8), until: (i32, u8, u8)) -> Vec<u8> {
        let mut params = rcgen::CertificateParams::new(["a.example".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(from.0, from.1, from.2);
        params.not_after = rcgen::date_time_ymd(until.0, until.1, until.2);
        params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn both_kinds_of_time_are_read() {
        for (until, wanted) in [((2026, 4, 1), "2026-04-01T00:00:00Z"), ((2060, 1, 31), "2060-01-31T00:00:00Z")] {
            let validity = Validity::of(&made((2026, 1, 1), until)).unwrap();
            assert_eq!(validity.from, "2026-01-01T00:00:00Z".parse().unwrap());
            assert_eq!(validity.until, wanted.parse().unwrap());
        }
    }

    #[test]
    fn it_is_renewed_when_a_third_is_left_or_a_little_earlier() {
        let validity = Validity::of(&made((2026, 1, 1), (2026, 4, 1))).unwrap();
        assert_eq!(validity.renewal(0.0), "2026-03-02T00:00:00Z".parse().unwrap());
        assert_eq!(validity.renewal(1.0), "2026-02-25T12:00:00Z".parse().unwrap());
    }

    #[test]
    fn what_is_no_certificate_has_no_validity() {
        let good = made((2026, 1, 1), (2026, 4, 1));
        for length in 0..good.len().min(200) {
            assert_eq!(Validity::of(&good[..length]), None);
        }
        assert_eq!(Validity::of(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
        assert_eq!(Validity::of(&[0x30, 0x88]), None);
    }
}
