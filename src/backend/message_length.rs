//! How much a message to an assistant must say.

const WORDS: usize = 6;
const CHARACTERS: usize = 40;

/// Whether it has enough words or enough characters.
pub fn says_enough(content: &str) -> bool {
    content.split(' ').filter(|word| !word.is_empty()).count() >= WORDS || content.chars().count() >= CHARACTERS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_words_or_forty_characters() {
        let table = [
            ("", false),
            ("one two three four five", false),
            ("one two three four five six", true),
            ("a     b", false),
            (&"x".repeat(39), false),
            (&"x".repeat(40), true),
            (&"ñ".repeat(39), false),
        ];
        for (content, enough) in table {
            assert_eq!(says_enough(content), enough, "{content:?}");
        }
    }
}
