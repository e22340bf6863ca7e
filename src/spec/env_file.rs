//! Files of `NAME=value` lines: comments, `export`, single and double quotes, CRLF, a byte order mark.

/// One entry; the value of single quotes is taken as it stands, others are interpolated by the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub value: String,
    pub literal: bool,
    /// Bytes of its first line, counted without a byte order mark.
    pub range: std::ops::Range<usize>,
    /// The same up to the end of its last line: a quoted value may span several.
    pub whole: std::ops::Range<usize>,
}

/// What is wrong with a line. The message never holds a value: it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub range: std::ops::Range<usize>,
    pub message: String,
}

pub fn parse(text: &str) -> (Vec<Entry>, Vec<Fault>) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (mut entries, mut faults) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < text.len() {
        let end = text[at..].find('\n').map_or(text.len(), |found| at + found);
        let line = text[at..end].trim_end_matches('\r');
        let mut next = end + 1;
        let trimmed = line.trim_start();
        let start = at + (line.len() - trimmed.len());
        if !trimmed.is_empty() && !trimmed.starts_with('#') {
            match entry(text, start, at + line.len()) {
                Ok((mut entry, after)) => {
                    // A quoted value may span lines.
                    let last = text[after..].find('\n').map_or(text.len(), |found| after + found);
                    entry.whole.end = last - usize::from(text[..last].ends_with('\r'));
                    next = next.max(last + 1);
                    entries.push(entry);
                }
                Err(fault) => faults.push(fault),
            }
        }
        at = next;
    }
    (entries, faults)
}

/// The entry that starts at `start`, whose first line ends at `end`; and where its value ends.
fn entry(text: &str, start: usize, end: usize) -> Result<(Entry, usize), Fault> {
    let fault = |message: &str| Fault { range: start..end, message: message.to_owned() };
    let line = &text[start..end];
    let skipped = match line.strip_prefix("export") {
        Some(rest) if rest.starts_with([' ', '\t']) => line.len() - rest.trim_start().len(),
        _ => 0,
    };
    let (name, _) = line[skipped..].split_once('=').ok_or_else(|| fault("the line has no \"=\""))?;
    let value_at = start + skipped + name.len() + 1;
    let name = name.trim();
    if !is_name(name) {
        return Err(fault("the name before \"=\" is no name of an environment variable"));
    }
    let raw = &text[value_at..end];
    let lead = raw.len() - raw.trim_start().len();
    let from = value_at + lead;
    let (value, literal, after) = match text[from..].chars().next() {
        Some('\'') if lead < raw.len() => {
            let length = text[from + 1..].find('\'').ok_or_else(|| fault("the single quote is not closed"))?;
            (text[from + 1..from + 1 + length].to_owned(), true, from + length + 2)
        }
        Some('"') if lead < raw.len() => {
            let (value, length) =
                double_quoted(&text[from + 1..]).ok_or_else(|| fault("the double quote is not closed"))?;
            (value, false, from + 1 + length)
        }
        _ => {
            let (name, value) = (name.to_owned(), unquoted(raw));
            return Ok((Entry { name, value, literal: false, range: start..end, whole: start..end }, end));
        }
    };
    let rest_end = text[after..].find('\n').map_or(text.len(), |found| after + found);
    let rest = text[after..rest_end].trim();
    if !rest.is_empty() && !rest.starts_with('#') {
        return Err(fault("there is text after the closing quote"));
    }
    Ok((Entry { name: name.to_owned(), value, literal, range: start..end, whole: start..end }, after))
}

fn is_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

/// Up to a comment that follows a blank.
fn unquoted(raw: &str) -> String {
    let comment = raw.char_indices().find(|(at, c)| *c == '#' && (*at == 0 || raw[..*at].ends_with([' ', '\t'])));
    let end = comment.map_or(raw.len(), |(at, _)| at);
    raw[..end].trim().to_owned()
}

/// The value up to the closing quote, and the length with it.
fn double_quoted(text: &str) -> Option<(String, usize)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, at + 1)),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                'r' => value.push('\r'),
                't' => value.push('\t'),
                // `\$` keeps the dollar from being a reference.
                '$' => value.push_str("$$"),
                escaped @ ('"' | '\\') => value.push(escaped),
                other => {
                    value.push('\\');
                    value.push(other);
                }
            },
            '\r' if text[at + 1..].starts_with('\n') => {}
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<(String, String)> {
        let (entries, faults) = parse(text);
        assert_eq!(faults, []);
        entries.into_iter().map(|entry| (entry.name, entry.value)).collect()
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn plain_quoted_and_exported_values() {
        let text = "\u{feff}# comment\r\nA=1\r\n\r\nexport B = two words # note\r\nC='$X #no'\nD=\"a\\n\\\"b\\\" \\$X\"\nE=\nF=a#b\n";
        assert_eq!(
            values(text),
            [
                pair("A", "1"),
                pair("B", "two words"),
                pair("C", "$X #no"),
                pair("D", "a\n\"b\" $$X"),
                pair("E", ""),
                pair("F", "a#b")
            ]
        );
    }

    #[test]
    fn a_quoted_value_may_span_lines() {
        assert_eq!(values("A=\"1\n2\"\nB='x\ny'\nC=3"), [pair("A", "1\n2"), pair("B", "x\ny"), pair("C", "3")]);
    }

    #[test]
    fn a_bad_line_is_named_by_place_and_not_by_value() {
        let (entries, faults) = parse("A=1\nsecretvalue\n1X=secretvalue\nB='secretvalue\n");
        assert_eq!(entries.len(), 1);
        assert_eq!(faults.iter().map(|fault| fault.range.start).collect::<Vec<_>>(), [4, 16, 31]);
        assert!(faults.iter().all(|fault| !fault.message.contains("secretvalue")));
    }
}
