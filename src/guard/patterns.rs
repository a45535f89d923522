//! Patterns: regular expressions that match a bounded length, so that an answer waits for a bounded length only.

use regex::Regex;

/// The most bytes that a pattern may match: some 100 tokens that an answer would wait for.
const MOST: usize = 512;

/// What a pattern may look at behind its match: one character.
const LOOK: usize = 4;

/// Patterns, as one.
#[derive(Debug)]
pub struct Patterns {
    regexes: Vec<Regex>,
    longest: usize,
}

impl Patterns {
    /// Reads patterns; one that makes no sense, or has no bound, is named.
    pub fn new<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let (mut regexes, mut longest) = (Vec::new(), 0);
        for pattern in patterns {
            let unreadable =
                |error: &dyn std::fmt::Display| format!("the pattern {pattern}, which cannot be read: {error}");
            let parsed = regex_syntax::parse(pattern).map_err(|error| unreadable(&error))?;
            let properties = parsed.properties();
            match (properties.minimum_len(), properties.maximum_len()) {
                (Some(1..), Some(most)) if most <= MOST => longest = longest.max(most),
                (Some(1..), _) => {
                    let words =
                        "which may match more than 512 bytes: say how often something may come, like {1,64} for +";
                    return Err(format!("the pattern {pattern}, {words}"));
                }
                _ => return Err(format!("the pattern {pattern}, which matches nothing at all")),
            }
            regexes.push(Regex::new(pattern).map_err(|error| unreadable(&error))?);
        }
        Ok(Patterns { regexes, longest })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.regexes.is_empty()
    }

    /// How many of the last bytes of a text may still become a match, or be what one looks at.
    pub fn window(&self) -> usize {
        if self.is_empty() { 0 } else { self.longest.saturating_add(LOOK) }
    }

    /// The first match from a place on, of those that nothing that follows can change.
    pub fn find(&self, text: &str, from: usize, is_whole: bool) -> Option<(usize, usize)> {
        let settled = if is_whole { text.len() } else { text.len().saturating_sub(LOOK) };
        let found = self.regexes.iter().filter_map(|regex| regex.find_at(text, from));
        let found = found.map(|found| (found.start(), found.end())).filter(|(_, end)| *end <= settled);
        found.min()
    }
}
