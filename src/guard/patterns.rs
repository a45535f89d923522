//! Patterns: regular expressions that match a bounded length, so that an answer waits for a bounded length only.
//!
//! What may still become a match is found by a second automaton, of the same patterns without what they look at around
//! a match: it is alive wherever they are, and sometimes where they are not, and then a few bytes wait in vain.

use std::cell::RefCell;

use regex::Regex;
use regex_automata::Anchored;
use regex_automata::hybrid::dfa::{Builder, Cache, DFA};
use regex_automata::nfa::thompson::Compiler;
use regex_automata::util::start;
use regex_syntax::hir::{Capture, Hir, HirKind, Repetition};

/// The most bytes that a pattern may match: some 100 tokens that an answer would wait for.
const MOST: usize = 512;

/// Patterns, as one.
#[derive(Debug)]
pub struct Patterns {
    regexes: Vec<Regex>,
    begun: Option<Begun>,
}

/// Tells where a match may have begun.
#[derive(Debug)]
struct Begun {
    machine: DFA,
    /// The part of the machine that has been needed so far.
    cache: RefCell<Cache>,
    /// The bytes that some match begins with: all others are passed over without asking the machine.
    first: Vec<bool>,
}

impl Patterns {
    /// Reads patterns; one that makes no sense, or has no bound, is named.
    pub fn new<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let (mut regexes, mut bare) = (Vec::new(), Vec::new());
        for pattern in patterns {
            let unreadable =
                |error: &dyn std::fmt::Display| format!("the pattern {pattern}, which cannot be read: {error}");
            let parsed = regex_syntax::parse(pattern).map_err(|error| unreadable(&error))?;
            let properties = parsed.properties();
            match (properties.minimum_len(), properties.maximum_len()) {
                (Some(1..), Some(most)) if most <= MOST => {}
                (Some(1..), _) => {
                    let words =
                        "which may match more than 512 bytes: say how often something may come, like {1,64} for +";
                    return Err(format!("the pattern {pattern}, {words}"));
                }
                _ => return Err(format!("the pattern {pattern}, which matches nothing at all")),
            }
            regexes.push(Regex::new(pattern).map_err(|error| unreadable(&error))?);
            bare.push(without_looks(&parsed));
        }
        let begun = if bare.is_empty() { None } else { Some(Begun::new(&bare)?) };
        Ok(Patterns { regexes, begun })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.regexes.is_empty()
    }

    /// Whether anything after a place could be the beginning of a match.
    pub fn may_begin(&self, text: &str, from: usize) -> bool {
        let rest = text.as_bytes().get(from..).unwrap_or_default();
        self.begun.as_ref().is_some_and(|begun| rest.iter().any(|byte| begun.may(*byte)))
    }

    /// From where on, after a place, a text may still become a match, or a longer one; its length if nowhere.
    pub fn begun(&self, text: &str, from: usize) -> usize {
        self.begun.as_ref().map_or(text.len(), |begun| begun.find(text, from))
    }

    /// The first match from one place on that begins before another one. What is behind a match is looked at, too: one
    /// at the end of a text that goes on is not known to be one.
    pub fn find(&self, text: &str, (from, to): (usize, usize), is_whole: bool) -> Option<(usize, usize)> {
        let found = self.regexes.iter().filter_map(|regex| regex.find_at(text, from));
        let found = found.map(|found| (found.start(), found.end()));
        found.filter(|(start, end)| *start < to && (is_whole || *end < text.len())).min()
    }
}

impl Begun {
    fn new(bare: &[Hir]) -> Result<Self, String> {
        let nfa = Compiler::new()
            .build_many_from_hir(bare)
            .map_err(|error| format!("patterns that are too large: {error}"))?;
        let machine =
            Builder::new().build_from_nfa(nfa).map_err(|error| format!("patterns that are too large: {error}"))?;
        let cache = RefCell::new(machine.create_cache());
        let mut begun = Begun { machine, cache, first: Vec::new() };
        begun.first = (0..=u8::MAX).map(|byte| begun.lives(&[byte])).collect();
        Ok(begun)
    }

    /// Whether a match may begin with these bytes.
    fn lives(&self, bytes: &[u8]) -> bool {
        let (machine, mut cache) = (&self.machine, self.cache.borrow_mut());
        let config = start::Config::new().anchored(Anchored::Yes);
        // What the machine cannot tell may be a beginning.
        let Ok(mut state) = machine.start_state(&mut cache, &config) else { return true };
        for byte in bytes {
            match machine.next_state(&mut cache, state, *byte) {
                Ok(next) if next.is_dead() => return false,
                Ok(next) => state = next,
                Err(_) => return true,
            }
        }
        true
    }

    /// Whether a match could begin with a byte.
    fn may(&self, byte: u8) -> bool {
        self.first.get(usize::from(byte)).copied().unwrap_or(true)
    }

    /// Each character in turn is tried as a beginning. Those before the first that lives are given out and not tried
    /// again, and a match is bounded: so a text takes no longer than its length times that bound, and hardly longer than
    /// its length.
    fn find(&self, text: &str, from: usize) -> usize {
        let rest = text.get(from..).unwrap_or_default();
        let begun = rest.bytes().enumerate().filter(|(at, byte)| self.may(*byte) && rest.is_char_boundary(*at));
        let mut begun = begun.filter(|(at, _)| self.lives(rest.as_bytes().get(*at..).unwrap_or_default()));
        begun.next().map_or(text.len(), |(at, _)| from.saturating_add(at))
    }
}

/// A pattern that does not look at what is around its match.
fn without_looks(pattern: &Hir) -> Hir {
    match pattern.kind() {
        HirKind::Look(_) => Hir::empty(),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) => pattern.clone(),
        HirKind::Repetition(Repetition { min, max, greedy, sub }) => {
            let sub = Box::new(without_looks(sub));
            Hir::repetition(Repetition { min: *min, max: *max, greedy: *greedy, sub })
        }
        HirKind::Capture(Capture { sub, .. }) => without_looks(sub),
        HirKind::Concat(parts) => Hir::concat(parts.iter().map(without_looks).collect()),
        HirKind::Alternation(parts) => Hir::alternation(parts.iter().map(without_looks).collect()),
    }
}
