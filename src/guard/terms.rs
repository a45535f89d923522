//! Many terms at once: one automaton, whatever their number.

use std::collections::HashSet;

use aho_corasick::Anchored;
use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::{dfa, nfa::contiguous};

use super::normal::whole;

/// The longest term: an answer may have to wait for as much.
const MOST: usize = 512;

/// An automaton that looks once at each byte of a text may take this much memory: enough for a thousand terms of a
/// Latin alphabet.
const MOST_DENSE: usize = 2 << 20;

/// Terms, as they are compared.
#[derive(Debug)]
pub struct Terms {
    machine: Option<Machine>,
    /// Whether they count as whole words only.
    pub whole_words: bool,
}

#[derive(Debug)]
struct Machine {
    kind: Kind,
    start: StateID,
    /// How much of a term has been seen in a state: no more of the text than that can still become one. Looked up for
    /// every piece of an answer, hence no map. States are numbered in steps of a power of two.
    depths: Vec<u16>,
    step: u32,
}

#[derive(Debug)]
enum Kind {
    /// Fast, and large.
    Dense(dfa::DFA),
    /// Small, and half as fast.
    Small(contiguous::NFA),
}

/// Where a walk has come to.
#[derive(Clone, Copy, Debug)]
pub struct Walked {
    /// In which state.
    pub state: StateID,
    /// Behind how many bytes.
    pub count: usize,
    /// Whether a term ends there.
    pub is_match: bool,
}

impl Terms {
    /// The automaton of terms; those of nothing are none.
    pub fn new<'a>(terms: impl IntoIterator<Item = &'a str>, whole_words: bool) -> Result<Self, String> {
        let terms: Vec<Vec<u8>> = terms.into_iter().map(whole).filter(|term| !term.is_empty()).collect();
        if terms.iter().any(|term| term.len() > MOST) {
            return Err(format!("a term of more than {MOST} bytes"));
        }
        if terms.is_empty() {
            return Ok(Terms { machine: None, whole_words });
        }
        let kind = if dense_bytes(&terms) <= MOST_DENSE {
            dfa::Builder::new().build(&terms).map(Kind::Dense)
        } else {
            contiguous::Builder::new().build(&terms).map(Kind::Small)
        };
        let kind = kind.map_err(|error| format!("terms that are too many: {error}"))?;
        let machine = Machine::new(kind, &terms)?;
        Ok(Terms { machine: Some(machine), whole_words })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.machine.is_none()
    }

    /// Where a text begins.
    pub fn start(&self) -> StateID {
        self.machine.as_ref().map_or(StateID::ZERO, |machine| machine.start)
    }

    /// Goes on until a term ends, or `read` gives nothing to compare for a byte.
    pub fn walk(&self, state: StateID, text: &[u8], read: impl FnMut(u8) -> Option<u8>) -> Walked {
        match self.machine.as_ref().map(|machine| &machine.kind) {
            None => Walked { state, count: 0, is_match: false },
            Some(Kind::Dense(dfa)) => walk(dfa, state, text, read),
            Some(Kind::Small(nfa)) => walk(nfa, state, text, read),
        }
    }

    /// How many bytes the longest of them has.
    pub fn longest(&self) -> usize {
        self.machine.as_ref().map_or(0, |machine| machine.automaton().max_pattern_len())
    }

    /// How many of the last bytes may still become a term.
    pub fn depth(&self, state: StateID) -> usize {
        let depth = self.machine.as_ref().and_then(|machine| machine.depths.get(state.as_usize() >> machine.step));
        depth.copied().map_or(0, usize::from)
    }

    /// The lengths of the terms that end here, in bytes.
    pub fn ending(&self, state: StateID) -> impl Iterator<Item = usize> {
        let automaton = self.machine.as_ref().map(Machine::automaton).filter(|automaton| automaton.is_match(state));
        automaton.into_iter().flat_map(move |automaton| {
            (0..automaton.match_len(state)).map(move |at| automaton.pattern_len(automaton.match_pattern(state, at)))
        })
    }
}

/// How much memory the dense automaton of terms takes at most: a row of numbers for each byte, with a place for each
/// byte that there is.
fn dense_bytes(terms: &[Vec<u8>]) -> usize {
    let rows = terms.iter().map(Vec::len).sum::<usize>();
    let places = terms.iter().flatten().collect::<HashSet<_>>().len().saturating_add(1);
    rows.saturating_mul(places.next_power_of_two()).saturating_mul(size_of::<u32>())
}

impl Machine {
    fn new(kind: Kind, terms: &[Vec<u8>]) -> Result<Self, String> {
        let mut machine = Machine { kind, start: StateID::ZERO, depths: Vec::new(), step: 0 };
        let automaton = machine.automaton();
        let start = automaton.start_state(Anchored::No).map_err(|error| error.to_string())?;
        let mut states = Vec::new();
        for term in terms {
            let mut state = start;
            for (at, byte) in term.iter().enumerate() {
                state = automaton.next_state(Anchored::No, state, *byte);
                states.push((state.as_usize(), at.saturating_add(1)));
            }
        }
        let step = states.iter().map(|(state, _)| state.trailing_zeros()).min().unwrap_or_default();
        let last = states.iter().map(|(state, _)| state >> step).max().unwrap_or_default();
        let mut depths = vec![0; last.saturating_add(1)];
        for (state, depth) in states {
            if let Some(place) = depths.get_mut(state >> step) {
                *place = u16::try_from(depth).unwrap_or(u16::MAX);
            }
        }
        (machine.start, machine.depths, machine.step) = (start, depths, step);
        Ok(machine)
    }

    fn automaton(&self) -> &dyn Automaton {
        match &self.kind {
            Kind::Dense(dfa) => dfa,
            Kind::Small(nfa) => nfa,
        }
    }
}

fn walk(machine: &impl Automaton, mut state: StateID, text: &[u8], mut read: impl FnMut(u8) -> Option<u8>) -> Walked {
    let mut count = 0usize;
    for byte in text {
        let Some(byte) = read(*byte) else { break };
        state = machine.next_state(Anchored::No, state, byte);
        count = count.saturating_add(1);
        if machine.is_match(state) {
            return Walked { state, count, is_match: true };
        }
    }
    Walked { state, count, is_match: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_terms_and_many_are_found_alike() {
        let many: Vec<String> = (0..20_000).map(|number| format!("t{number:05}x")).collect();
        for count in [100, 20_000] {
            let terms = Terms::new(many.iter().take(count).map(String::as_str), false).unwrap();
            let is_dense = matches!(terms.machine.as_ref().map(|machine| &machine.kind), Some(Kind::Dense(_)));
            assert_eq!(is_dense, count == 100);
            let walked = terms.walk(terms.start(), b"at00042x.", Some);
            assert_eq!((walked.count, walked.is_match), (8, true));
            assert_eq!(terms.ending(walked.state).collect::<Vec<_>>(), [7]);
            assert_eq!((terms.depth(walked.state), terms.depth(terms.start())), (7, 0));
            let walked = terms.walk(terms.start(), b"at00!", |byte| (byte != b'!').then_some(byte));
            assert_eq!((walked.count, walked.is_match, terms.depth(walked.state)), (4, false, 3));
        }
    }
}
