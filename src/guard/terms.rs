//! Many terms at once: one automaton, whatever their number.

use aho_corasick::Anchored;
use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::{dfa, nfa::contiguous};

use super::normal::whole;

/// The longest term: an answer may have to wait for as much.
const MOST: usize = 512;

/// So many bytes of terms have an automaton that looks once at each byte; it takes up to a kilobyte for each of them.
const MOST_DENSE: usize = 16_384;

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
        let size: usize = terms.iter().map(Vec::len).sum();
        let kind = if size <= MOST_DENSE {
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
