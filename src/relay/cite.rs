//! Which of the numbered sources an answer cites, found while it streams: `[2]`, `[1, 3]`.

use crate::models::Citation;

/// Longer brackets hold no numbers.
const MOST_MARK: usize = 32;

/// The sources of an answer, and how far its text has been looked at.
#[derive(Debug, Default)]
pub struct Cite {
    sources: Vec<Source>,
    /// What stands in an open bracket so far.
    open: Option<(u64, String)>,
    /// Characters seen.
    at: u64,
}

#[derive(Debug)]
struct Source {
    citation: Citation,
    is_told: bool,
}

impl Cite {
    /// These are numbered from 1.
    pub fn new(sources: Vec<Citation>) -> Self {
        let sources = sources.into_iter().map(|citation| Source { citation, is_told: false }).collect();
        Cite { sources, ..Cite::default() }
    }

    /// Looks at the next text, and gives the sources that it cites for the first time.
    pub fn see(&mut self, text: &str) -> Vec<Citation> {
        let mut cited = Vec::new();
        if self.sources.is_empty() {
            return cited;
        }
        for char in text.chars() {
            match (char, self.open.as_mut()) {
                ('[', _) => self.open = Some((self.at, String::new())),
                (']', Some(_)) => cited.extend(self.close()),
                ('0'..='9' | ',' | ' ', Some((_, mark))) if mark.len() < MOST_MARK => mark.push(char),
                _ => self.open = None,
            }
            self.at = self.at.saturating_add(1);
        }
        cited
    }

    fn close(&mut self) -> Vec<Citation> {
        let Some((start, mark)) = self.open.take() else { return Vec::new() };
        let end = self.at.saturating_add(1);
        let numbers = mark.split(',').filter_map(|number| number.trim().parse::<u64>().ok());
        let cited = numbers.filter_map(|number| {
            let at = usize::try_from(number.checked_sub(1)?).ok()?;
            let source = self.sources.get_mut(at).filter(|source| !source.is_told)?;
            source.is_told = true;
            Some(Citation {
                number: Some(number),
                start_index: Some(start),
                end_index: Some(end),
                ..source.citation.clone()
            })
        });
        cited.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(count: usize) -> Cite {
        let source = |at| Citation { url: format!("https://{at}"), ..Citation::default() };
        Cite::new((0..count).map(source).collect())
    }

    fn found(cite: &mut Cite, text: &str) -> Vec<(u64, u64, u64)> {
        let places =
            |citation: Citation| (citation.number.unwrap(), citation.start_index.unwrap(), citation.end_index.unwrap());
        cite.see(text).into_iter().map(places).collect()
    }

    #[test]
    fn each_source_is_told_where_it_is_first_cited() {
        let text = "Ä [1]. And [3, 1] but [4] [x] [] [ 2 ] [1](u).";
        let all = [(1, 2, 5), (3, 11, 17), (2, 33, 38)];
        assert_eq!(found(&mut sources(3), text), all);
        let mut one_by_one = sources(3);
        let pieces: Vec<_> = text.chars().flat_map(|char| found(&mut one_by_one, &char.to_string())).collect();
        assert_eq!(pieces, all);
        assert_eq!(found(&mut sources(0), text), []);
    }

    #[test]
    fn an_open_bracket_holds_little() {
        let mut cite = sources(1);
        assert_eq!(found(&mut cite, &format!("[{}", "1".repeat(100))), []);
        assert!(cite.open.is_none());
        assert_eq!(found(&mut cite, "[18446744073709551616][1"), []);
        assert_eq!(found(&mut cite, "]"), [(1, 123, 126)]);
    }
}
