//! The last bytes of a text: where a term that ends now began.

/// A byte as it is compared.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place {
    /// Where its character begins.
    pub at: usize,
    /// Whether it begins a word.
    pub begins: bool,
}

/// The last bytes, as many as the longest term has, in a ring: each byte of an answer passes through here.
#[derive(Debug, Default)]
pub struct Trail {
    ring: Vec<Place>,
    count: usize,
    /// How many of them may still become a term.
    depth: usize,
}

impl Trail {
    /// The next byte; so many of the last ones may still become a term.
    pub fn push(&mut self, place: Place, depth: usize, longest: usize) {
        if self.ring.is_empty() {
            self.ring.resize(longest.next_power_of_two(), Place::default());
        }
        let slot = self.slot(self.count);
        if let Some(slot) = self.ring.get_mut(slot) {
            *slot = place;
        }
        self.count = self.count.wrapping_add(1);
        self.depth = depth;
    }

    /// One of the last bytes, counted from the end.
    pub fn last(&self, back: usize) -> Option<Place> {
        if back == 0 || back > self.depth {
            return None;
        }
        self.ring.get(self.slot(self.count.wrapping_sub(back))).copied()
    }

    /// The first of those that may still become a term.
    pub fn first(&self) -> Option<Place> {
        self.last(self.depth)
    }

    /// None of them becomes a term any more.
    pub fn forget(&mut self) {
        self.depth = 0;
    }

    fn slot(&self, at: usize) -> usize {
        at & self.ring.len().wrapping_sub(1)
    }
}
