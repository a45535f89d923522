//! Many terms at once: one automaton, whatever their number.

use aho_corasick::Anchored;
use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::nfa::contiguous::{Builder, NFA};

use super::normal::whole;

/// The longest term: an answer may have to wait for as much.
const MOST: usize = 512;

/// Terms, as they are compared.
#[derive(Debug)]
pub struct Terms {
    machine: Option<Machine>,
    /// Whether they count as whole words only.
    pub whole_words: bool,
}

#[derive(Debug)]
struct Machine {
    nfa: NFA,
    start: StateID,
    /// How much of a term has been seen in a state: no more of the text than that can still become one. Looked up for
    /// every byte of an answer, hence no map.
    depths: Vec<u16>,
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
        let nfa = Builder::new().build(&terms).map_err(|error| format!("terms that are too many: {error}"))?;
        let start = nfa.start_state(Anchored::No).map_err(|error| error.to_string())?;
        let mut depths = Vec::new();
        for term in &terms {
            let mut state = start;
            for (at, byte) in term.iter().enumerate() {
                state = nfa.next_state(Anchored::No, state, *byte);
                if depths.len() <= state.as_usize() {
                    depths.resize(state.as_usize().saturating_add(1), 0);
                }
                if let Some(depth) = depths.get_mut(state.as_usize()) {
                    *depth = u16::try_from(at.saturating_add(1)).unwrap_or(u16::MAX);
                }
            }
        }
        Ok(Terms { machine: Some(Machine { nfa, start, depths }), whole_words })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.machine.is_none()
    }

    /// Where a text begins.
    pub fn start(&self) -> StateID {
        self.machine.as_ref().map_or(StateID::ZERO, |machine| machine.start)
    }

    /// The state behind a byte.
    pub fn next(&self, state: StateID, byte: u8) -> StateID {
        self.machine.as_ref().map_or(state, |machine| machine.nfa.next_state(Anchored::No, state, byte))
    }

    /// How many bytes the longest of them has.
    pub fn longest(&self) -> usize {
        self.machine.as_ref().map_or(0, |machine| machine.nfa.max_pattern_len())
    }

    /// How many of the last bytes may still become a term.
    pub fn depth(&self, state: StateID) -> usize {
        let depth = self.machine.as_ref().and_then(|machine| machine.depths.get(state.as_usize()));
        depth.copied().map_or(0, usize::from)
    }

    /// The lengths of the terms that end here, in bytes.
    pub fn ending(&self, state: StateID) -> impl Iterator<Item = usize> {
        let machine = self.machine.as_ref().filter(|machine| machine.nfa.is_match(state));
        machine.into_iter().flat_map(move |machine| {
            let count = machine.nfa.match_len(state);
            (0..count).map(move |at| machine.nfa.pattern_len(machine.nfa.match_pattern(state, at)))
        })
    }
}
