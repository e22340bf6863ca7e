//! The grammar: ISO 8601 as ECMAScript has it, and the older forms that every engine reads besides.
//!
//! Pure. What ECMAScript leaves open follows V8, on which the originals run, so that a date is the same date here:
//! an unknown word before the first number is passed over, text in parentheses is a comment, two-digit years lie
//! between 1950 and 2049, a month's thirty-first day may be the next month's first.

use super::scanner::{Scanner, Token, Word};

/// What a text says, before it is placed on the time line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    pub year: i64,
    /// 1 to 12.
    pub month: i64,
    /// 1 to 31, also in shorter months.
    pub day: i64,
    /// Since midnight; up to a whole day.
    pub millisecond: i64,
    /// From UTC, in seconds; `None` is the local zone.
    pub offset: Option<i64>,
}

/// A date, if the text is one.
pub fn read(text: &str) -> Option<Reading> {
    let mut scanner = Scanner::new(text);
    let mut parts = Parts::default();
    match parts.iso(&mut scanner) {
        Iso::Whole => {}
        Iso::Not(token) => parts.older(token, &mut scanner)?,
        Iso::Invalid => return None,
    }
    parts.reading()
}

enum Iso {
    Whole,
    /// Up to this token it could have been; the older forms go on from here with what was read.
    Not(Token),
    Invalid,
}

#[derive(Debug, Default)]
struct Parts {
    day: Vec<i64>,
    month: Option<i64>,
    is_iso: bool,
    time: Vec<i64>,
    half: Option<i64>,
    sign: Option<i64>,
    hour: Option<i64>,
    minute: Option<i64>,
}

/// Hour, minute, second, millisecond.
const TIMES: usize = 4;
const DAYS: usize = 3;

impl Parts {
    fn iso(&mut self, scanner: &mut Scanner<'_>) -> Iso {
        if let Some(sign) = scanner.peek().sign() {
            let token = scanner.next();
            let Some(year) = scanner.peek().fixed(6) else { return Iso::Not(token) };
            scanner.next();
            if sign < 0 && year == 0 {
                return Iso::Not(token);
            }
            self.day.push(sign * year);
        } else if let Some(year) = scanner.peek().fixed(4) {
            scanner.next();
            self.day.push(year);
        } else {
            return Iso::Not(scanner.next());
        }
        for limit in [12, 31] {
            if !scanner.skip('-') {
                break;
            }
            match scanner.peek().fixed(2) {
                Some(part @ 1..) if part <= limit => self.day.push(part),
                _ => return Iso::Not(scanner.next()),
            }
            scanner.next();
        }
        match scanner.peek() {
            Token::Word(Word::Time, _) => {
                scanner.next();
                if self.iso_time(scanner).is_none() {
                    return Iso::Invalid;
                }
            }
            Token::End => self.utc(),
            _ => return Iso::Not(scanner.next()),
        }
        self.is_iso = true;
        Iso::Whole
    }

    /// Behind the `T`, to the end.
    fn iso_time(&mut self, scanner: &mut Scanner<'_>) -> Option<()> {
        let hour = two_digits(scanner, 24)?;
        // Midnight at the end of a day, and no other time with that hour.
        let limit = if hour == 24 { 0 } else { 59 };
        let minute = scanner.skip(':').then(|| two_digits(scanner, limit))??;
        self.time.extend([hour, minute]);
        if scanner.skip(':') {
            self.time.push(two_digits(scanner, limit)?);
            if scanner.skip('.') {
                let milliseconds = milliseconds(scanner.next())?;
                if hour == 24 && milliseconds > 0 {
                    return None;
                }
                self.time.push(milliseconds);
            }
        }
        if scanner.peek().is_z() {
            scanner.next();
            self.utc();
        } else if let Some(sign) = scanner.peek().sign() {
            scanner.next();
            let (hour, minute) = if let Some(both) = scanner.peek().fixed(4) {
                scanner.next();
                (both / 100, both % 100)
            } else {
                let hour = two_digits(scanner, 23)?;
                (hour, scanner.skip(':').then(|| two_digits(scanner, 59))??)
            };
            if hour > 23 || minute > 59 {
                return None;
            }
            (self.sign, self.hour, self.minute) = (Some(sign), Some(hour), Some(minute));
        }
        (scanner.peek() == Token::End).then_some(())
    }

    fn utc(&mut self) {
        (self.sign, self.hour, self.minute) = (Some(1), Some(0), Some(0));
    }

    /// The older forms, from `token` on.
    fn older(&mut self, first: Token, scanner: &mut Scanner<'_>) -> Option<()> {
        let mut has_number = !self.day.is_empty();
        let mut token = first;
        while token != Token::End {
            match token {
                Token::Number(value, _) => {
                    has_number = true;
                    self.number(value, scanner)?;
                }
                Token::Word(word, _) => self.word(word, has_number, scanner)?,
                Token::Symbol('+' | '-') if self.is_utc() || !self.time.is_empty() => {
                    self.offset(token.sign(), scanner)?;
                    has_number = true;
                }
                Token::Symbol('+' | '-' | ')') if has_number => return None,
                _ => {}
            }
            token = scanner.next();
        }
        Some(())
    }

    fn number(&mut self, value: i64, scanner: &mut Scanner<'_>) -> Option<()> {
        if scanner.skip(':') {
            if scanner.skip(':') {
                // Nothing between two colons is no minutes.
                if !self.time.is_empty() {
                    return None;
                }
                self.time.extend([value, 0]);
                return Some(());
            }
            self.add_time(value)?;
            scanner.skip('.');
            return Some(());
        }
        if scanner.skip('.') && self.expects(value) {
            self.add_time(value)?;
            let milliseconds = milliseconds(scanner.next())?;
            return self.end_time(milliseconds);
        }
        if self.hour.is_some() && self.minute.is_none() && value < 60 {
            self.minute = Some(value);
            return Some(());
        }
        if self.expects(value) {
            self.end_time(value)?;
            let peek = scanner.peek();
            let may_follow = matches!(peek, Token::End | Token::Blank) || peek.is_z() || peek.sign().is_some();
            return may_follow.then_some(());
        }
        if self.day.len() == DAYS {
            return None;
        }
        self.day.push(value);
        scanner.skip('-');
        Some(())
    }

    fn word(&mut self, word: Word, has_number: bool, scanner: &mut Scanner<'_>) -> Option<()> {
        match word {
            Word::HalfOfDay(hours) if !self.time.is_empty() => self.half = Some(hours),
            Word::Month(month) => {
                self.month = Some(month);
                scanner.skip('-');
            }
            Word::Zone(hours) if has_number => {
                self.sign = Some(if hours < 0 { -1 } else { 1 });
                (self.hour, self.minute) = (Some(hours.abs()), Some(0));
            }
            // A word that says nothing may stand before the first number, and apart from it.
            _ if has_number || matches!(scanner.peek(), Token::Number(..)) => return None,
            _ => {}
        }
        Some(())
    }

    /// What follows a sign: `8`, `08`, `0800`, `800`, `08:00`, or nothing.
    fn offset(&mut self, sign: Option<i64>, scanner: &mut Scanner<'_>) -> Option<()> {
        self.sign = sign;
        let (value, length) = match scanner.peek() {
            Token::Number(value, length) => {
                scanner.next();
                (value, length)
            }
            _ => (0, 0),
        };
        (self.hour, self.minute) = match (scanner.peek(), length) {
            (Token::Symbol(':'), _) => (Some(value), None),
            (_, 1 | 2) => (Some(value), Some(0)),
            (_, 3 | 4) => (Some(value / 100), Some(value % 100)),
            _ => return None,
        };
        Some(())
    }

    fn is_utc(&self) -> bool {
        self.hour == Some(0) && self.minute == Some(0)
    }

    /// Whether a number goes on with a time under way.
    fn expects(&self, value: i64) -> bool {
        match self.time.len() {
            1 | 2 => value < 60,
            3 => value < 1000,
            _ => false,
        }
    }

    fn add_time(&mut self, value: i64) -> Option<()> {
        (self.time.len() < TIMES).then(|| self.time.push(value))
    }

    fn end_time(&mut self, value: i64) -> Option<()> {
        self.add_time(value)?;
        self.time.resize(TIMES, 0);
        Some(())
    }

    fn reading(&self) -> Option<Reading> {
        let (year, month, day) = self.date()?;
        let offset = self.sign.map(|sign| {
            let seconds = self.hour.unwrap_or(0) * 3600 + self.minute.unwrap_or(0) * 60;
            sign * seconds
        });
        Some(Reading { year, month, day, millisecond: self.millisecond()?, offset })
    }

    fn date(&self) -> Option<(i64, i64, i64)> {
        let first = *self.day.first()?;
        // What is not said is 1, also a year: `June 1` lies in 2001.
        let part = |at: usize| self.day.get(at).copied().unwrap_or(1);
        let (year, month, day) = match self.month {
            None if self.is_iso || !is_day(first) => (first, part(1), part(2)),
            None => (part(2), first, part(1)),
            Some(month) if !is_day(first) => (first, month, part(1)),
            Some(month) => (part(1), month, first),
        };
        let year = match year {
            0..=49 if !self.is_iso => year + 2000,
            50..=99 if !self.is_iso => year + 1900,
            year => year,
        };
        ((1..=12).contains(&month) && is_day(day)).then_some((year, month, day))
    }

    fn millisecond(&self) -> Option<i64> {
        let part = |at: usize| self.time.get(at).copied().unwrap_or(0);
        let (mut hour, minute, second, millisecond) = (part(0), part(1), part(2), part(3));
        if let Some(half) = self.half {
            if hour > 12 {
                return None;
            }
            hour = hour % 12 + half;
        }
        let is_time = hour < 24 && minute < 60 && second < 60 && millisecond < 1000;
        let is_end_of_day = (hour, minute, second, millisecond) == (24, 0, 0, 0);
        (is_time || is_end_of_day).then_some(((hour * 60 + minute) * 60 + second) * 1000 + millisecond)
    }
}

fn is_day(value: i64) -> bool {
    (1..=31).contains(&value)
}

fn two_digits(scanner: &mut Scanner<'_>, limit: i64) -> Option<i64> {
    let value = scanner.peek().fixed(2).filter(|value| *value <= limit)?;
    scanner.next();
    Some(value)
}

/// A fraction of a second, of however many digits.
fn milliseconds(token: Token) -> Option<i64> {
    let Token::Number(value, length) = token else { return None };
    Some(match length {
        1 => value * 100,
        2 => value * 10,
        3 => value,
        // Nine digits were counted at most.
        _ => value / 10_i64.pow(length.min(9) as u32 - 3),
    })
}
