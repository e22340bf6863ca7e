//! Tokens of a date text: numbers, the signs that matter, keywords, blanks. What else there is counts as one unknown token.
//!
//! Pure. Never judges; [`super::reader`] does.

/// Further digits of a number are read and not counted.
const SIGNIFICANT: usize = 9;
/// A keyword is known by so many letters; only names of months may be longer.
const PREFIX: usize = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token {
    /// Its value, and how many digits it has.
    Number(i64, usize),
    /// One of `:`, `-`, `+`, `.`, `)`.
    Symbol(char),
    Word(Word, usize),
    Blank,
    Unknown,
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// 1 to 12.
    Month(i64),
    /// Hours to add.
    HalfOfDay(i64),
    /// Hours from UTC.
    Zone(i64),
    /// The `T` between date and time.
    Time,
    Other,
}

impl Token {
    pub fn sign(self) -> Option<i64> {
        match self {
            Self::Symbol('+') => Some(1),
            Self::Symbol('-') => Some(-1),
            _ => None,
        }
    }

    /// A number of exactly so many digits.
    pub fn fixed(self, digits: usize) -> Option<i64> {
        match self {
            Self::Number(value, length) if length == digits => Some(value),
            _ => None,
        }
    }

    pub fn is_z(self) -> bool {
        matches!(self, Self::Word(Word::Zone(_), 1))
    }
}

/// Reads tokens one after the other, and looks one ahead.
#[derive(Debug)]
pub struct Scanner<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    ahead: Token,
}

impl<'a> Scanner<'a> {
    pub fn new(text: &'a str) -> Self {
        let mut scanner = Self { rest: text.chars().peekable(), ahead: Token::End };
        scanner.ahead = scanner.scan();
        scanner
    }

    pub fn peek(&self) -> Token {
        self.ahead
    }

    pub fn next(&mut self) -> Token {
        let next = self.scan();
        std::mem::replace(&mut self.ahead, next)
    }

    pub fn skip(&mut self, symbol: char) -> bool {
        let found = self.ahead == Token::Symbol(symbol);
        if found {
            self.next();
        }
        found
    }

    fn scan(&mut self) -> Token {
        let Some(&first) = self.rest.peek() else { return Token::End };
        match first {
            '0'..='9' => self.number(),
            ':' | '-' | '+' | '.' | ')' => {
                self.rest.next();
                Token::Symbol(first)
            }
            first if is_blank(first) => {
                self.rest.next();
                Token::Blank
            }
            first if first >= 'A' => self.word(),
            '(' => {
                self.skip_parentheses();
                Token::Unknown
            }
            _ => {
                self.rest.next();
                Token::Unknown
            }
        }
    }

    fn number(&mut self) -> Token {
        let (mut value, mut length, mut significant) = (0_i64, 0, 0);
        while let Some(digit) = self.rest.next_if(char::is_ascii_digit) {
            length += 1;
            let digit = i64::from(u32::from(digit) - u32::from('0'));
            if (significant > 0 || digit > 0) && significant < SIGNIFICANT {
                significant += 1;
                value = value * 10 + digit;
            }
        }
        Token::Number(value, length)
    }

    fn word(&mut self) -> Token {
        let (mut letters, mut length) = (['\0'; PREFIX], 0);
        while let Some(letter) = self.rest.next_if(|letter| *letter >= 'A' && !is_blank(*letter)) {
            if let Some(place) = letters.get_mut(length) {
                *place = letter.to_ascii_lowercase();
            }
            length += 1;
        }
        let prefix: String = letters.iter().take(length).collect();
        Token::Word(word(&prefix, length), length)
    }

    fn skip_parentheses(&mut self) {
        let mut depth = 0;
        for next in self.rest.by_ref() {
            match next {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return;
            }
        }
    }
}

/// White space and line ends as ECMAScript counts them.
fn is_blank(letter: char) -> bool {
    matches!(letter, '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{a0}' | '\u{feff}')
        || (!letter.is_ascii() && letter.is_whitespace() && letter != '\u{85}')
}

fn word(prefix: &str, length: usize) -> Word {
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    if let Some(month) = (1..).zip(MONTHS).find(|(_, name)| *name == prefix) {
        return Word::Month(month.0);
    }
    if length > PREFIX {
        return Word::Other;
    }
    match prefix {
        "am" => Word::HalfOfDay(0),
        "pm" => Word::HalfOfDay(12),
        "ut" | "utc" | "z" | "gmt" => Word::Zone(0),
        "cst" => Word::Zone(-6),
        "cdt" | "est" => Word::Zone(-5),
        "edt" => Word::Zone(-4),
        "mst" => Word::Zone(-7),
        "mdt" => Word::Zone(-6),
        "pst" => Word::Zone(-8),
        "pdt" => Word::Zone(-7),
        "t" => Word::Time,
        _ => Word::Other,
    }
}
