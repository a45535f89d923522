//! Which of several choices is the answer.

/// Which of several choices is the answer.
///
/// The first one. But a server was seen to count its index up with every token, so an index that
/// follows one of which a single chunk came, and said something, is the same answer going on, as
/// long as it leads its chunk: behind another choice of the same chunk it is another answer.
#[derive(Debug)]
pub struct PrimaryChoice {
    current: u64,
    chunks: u64,
    spoke: bool,
    warned: bool,
}

impl Default for PrimaryChoice {
    fn default() -> Self {
        // As if an index before the first had spoken: some servers begin at 1.
        PrimaryChoice { current: 0, chunks: 0, spoke: true, warned: false }
    }
}

/// Whose a choice is.
pub enum Verdict {
    /// The answer's.
    Ours,
    /// Another answer's.
    Other,
    /// Another answer's, seen for the first time.
    FirstOther,
}

impl PrimaryChoice {
    pub fn take(&mut self, index: u64, leads: bool, says_something: bool) -> Verdict {
        let next = leads && index == self.current.saturating_add(1);
        let follows = next && says_something && self.spoke && self.chunks <= 1;
        if index == self.current || follows {
            self.chunks = if index == self.current { self.chunks.saturating_add(1) } else { 1 };
            self.spoke = says_something;
            self.current = index;
            return Verdict::Ours;
        }
        if !says_something || std::mem::replace(&mut self.warned, true) {
            return Verdict::Other;
        }
        Verdict::FirstOther
    }
}
