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
}

impl Trail {
    /// Makes room for terms of so many bytes.
    pub fn reserve(&mut self, longest: usize) {
        if self.ring.is_empty() {
            self.ring.resize(longest.next_power_of_two(), Place::default());
        }
    }

    /// The next byte.
    pub fn push(&mut self, place: Place) {
        let slot = self.slot(self.count);
        if let Some(slot) = self.ring.get_mut(slot) {
            *slot = place;
        }
        self.count = self.count.wrapping_add(1);
    }

    /// One of the last bytes, counted from the end.
    pub fn last(&self, back: usize) -> Option<Place> {
        if back == 0 {
            return None;
        }
        self.ring.get(self.slot(self.count.wrapping_sub(back))).copied()
    }

    fn slot(&self, at: usize) -> usize {
        at & self.ring.len().wrapping_sub(1)
    }
}
