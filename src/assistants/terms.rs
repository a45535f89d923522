//! Words that a prompt must not have.

/// Whether a text has one of the terms, as whole words: in whatever case, and whatever stands between the words.
pub fn hits(text: &str, terms: &[String]) -> bool {
    let text = plain(text);
    terms.iter().any(|term| text.contains(term.as_str()))
}

/// Words in lower case with a space before and behind each: so a term is found as whole words only.
pub fn plain(text: &str) -> String {
    let mut plain = String::from(" ");
    for word in text.split(|char: char| !char.is_alphanumeric()).filter(|word| !word.is_empty()) {
        plain.extend(word.chars().flat_map(char::to_lowercase));
        plain.push(' ');
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_whole_words_in_any_dress() {
        let terms = [plain("Make a bomb"), plain("ÄRGER")];
        for text in ["make a bomb", "How to MAKE\n\ta   bomb?", "«make-a-bomb»", "so ein Ärger!", "(ärger)"] {
            assert!(hits(text, &terms), "{text}");
        }
        for text in ["make a bombastic cake", "remake a bomb", "Ärgernis", ""] {
            assert!(!hits(text, &terms), "{text}");
        }
    }
}
