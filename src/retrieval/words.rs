//! Words as the full-text index knows them.
//!
//! Facts: <https://www.sqlite.org/fts5.html>. Its tokenizer divides at spaces; scripts that write none are given some.

/// More words than a question has; each is a look-up.
const MOST_WORDS: usize = 64;

/// A text as it is indexed: a space around each character of a script that puts none between its words.
///
/// ```
/// assert_eq!(tributary::retrieval::indexed("東京 tower"), " 東  京  tower");
/// ```
pub fn indexed(text: &str) -> String {
    let mut spaced = String::with_capacity(text.len());
    for char in text.chars() {
        if is_dense(char) {
            spaced.extend([' ', char, ' ']);
        } else {
            spaced.push(char);
        }
    }
    spaced
}

/// A question as the index is asked: any of its words; of those without spaces between them, the words in a row.
/// None where it has no words. Nothing in it is taken for the index's own language.
pub fn query(text: &str) -> Option<String> {
    let words = text.split(|char: char| !is_word(char)).filter(|word| !word.is_empty());
    let mut terms: Vec<String> = Vec::new();
    for word in words {
        for run in runs(word) {
            let term = format!("\"{}\"", indexed(run).split_whitespace().collect::<Vec<_>>().join(" "));
            if terms.len() < MOST_WORDS && !terms.contains(&term) {
                terms.push(term);
            }
        }
    }
    (!terms.is_empty()).then(|| terms.join(" OR "))
}

/// A word in runs of one kind; a run of a dense script in pairs, because nothing tells where its words end.
fn runs(word: &str) -> Vec<&str> {
    let mut runs = Vec::new();
    let mut start = 0usize;
    let kinds: Vec<(usize, bool)> = word.char_indices().map(|(at, char)| (at, is_dense(char))).collect();
    for pair in kinds.windows(2) {
        if let [(_, before), (at, now)] = pair
            && before != now
        {
            runs.extend(word.get(start..*at));
            start = *at;
        }
    }
    runs.extend(word.get(start..));
    runs.into_iter()
        .flat_map(|run| if run.chars().next().is_some_and(is_dense) { pairs(run) } else { vec![run] })
        .collect()
}

fn pairs(run: &str) -> Vec<&str> {
    let ends: Vec<usize> = run.char_indices().map(|(at, _)| at).chain([run.len()]).collect();
    if ends.len() <= 3 {
        return vec![run];
    }
    ends.windows(3).filter_map(|three| run.get(*three.first()?..*three.last()?)).collect()
}

fn is_word(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

/// Chinese, Japanese, Korean, Thai and their kin.
fn is_dense(char: char) -> bool {
    matches!(char,
        '\u{0E00}'..='\u{0EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}' | '\u{3040}'..='\u{30FF}'
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7AF}' | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{2FA1F}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_words_and_no_syntax() {
        let cases = [
            ("What is a \"tributary\"?", Some(r#""What" OR "is" OR "a" OR "tributary""#)),
            ("NEAR(a b) AND -c* col:x", Some(r#""NEAR" OR "a" OR "b" OR "AND" OR "c" OR "col" OR "x""#)),
            ("same same", Some(r#""same""#)),
            ("東京タワー3号", Some(r#""東 京" OR "京 タ" OR "タ ワ" OR "ワ ー" OR "3" OR "号""#)),
            ("??! \"\" ''", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(query(text).as_deref(), expected, "{text}");
        }
        let many: String = (0..200).map(|at| format!("w{at} ")).collect();
        assert_eq!(query(&many).unwrap().matches(" OR ").count(), MOST_WORDS - 1);
    }
}
