//! The log of a run: whole frames, packed into rows by time and size.
//!
//! A row is a write to the store, and writes are what a store costs. So what follows quickly upon a row goes
//! into the next one, which is made once the pace allows; what comes after a pause is a row at once.

use memchr::memmem;

/// Frames that were kept together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The number of the first frame.
    pub first: u64,
    /// The number of the last.
    pub last: u64,
    /// The frames as they are sent.
    pub bytes: Vec<u8>,
}

/// What ends a frame: a line break within is written as an escape.
const END: &[u8] = b"\n\n";

impl Row {
    /// What stands behind a frame of this number.
    pub fn after(&self, frame: u64) -> &[u8] {
        let skipped = frame.saturating_add(1).saturating_sub(self.first);
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
        match skipped.checked_sub(1) {
            None => &self.bytes,
            Some(at) => {
                let end = memmem::find_iter(&self.bytes, END).nth(at).map(|end| end.saturating_add(END.len()));
                end.and_then(|end| self.bytes.get(end..)).unwrap_or_default()
            }
        }
    }
}

/// A run's log while the run lives.
#[derive(Debug)]
pub struct Log {
    pack_ms: u64,
    /// The number of the last frame that came.
    last: u64,
    /// Frames that are not in a row yet.
    open: Vec<u8>,
    open_from: u64,
    /// When the last row was made.
    packed_at: Option<u64>,
}

impl Log {
    /// So many bytes are a row, however soon: a few rows are read at once for a listener that catches up.
    const MOST_OPEN: usize = 16 * 1024;

    /// A log that makes a row every so many milliseconds at most.
    pub fn new(pack_ms: u64) -> Self {
        Log { pack_ms, last: 0, open: Vec::new(), open_from: 1, packed_at: None }
    }

    /// Takes whole frames, and gives a row if one is due.
    pub fn push(&mut self, frames: &[u8], now: u64) -> Option<Row> {
        let count = memmem::find_iter(frames, END).count() as u64;
        self.last = self.last.saturating_add(count);
        self.open.extend_from_slice(frames);
        match self.open.len() >= Self::MOST_OPEN || self.due().is_some_and(|due| now >= due) {
            true => self.pack(now),
            false => None,
        }
    }

    /// When the open frames are to become a row, if there are any.
    pub fn due(&self) -> Option<u64> {
        (!self.open.is_empty()).then(|| self.packed_at.map_or(0, |at| at.saturating_add(self.pack_ms)))
    }

    /// Makes a row of the open frames, if there are any.
    pub fn pack(&mut self, now: u64) -> Option<Row> {
        if self.open.is_empty() {
            return None;
        }
        self.packed_at = Some(now);
        let first = std::mem::replace(&mut self.open_from, self.last.saturating_add(1));
        Some(Row { first, last: self.last, bytes: std::mem::take(&mut self.open) })
    }

    /// The number of the last frame.
    pub fn last(&self) -> u64 {
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(number: u64) -> Vec<u8> {
        format!("id: r_1:{number}\nevent: chunk\ndata: {{\"n\":{number}}}\n\n").into_bytes()
    }

    fn frames(numbers: std::ops::RangeInclusive<u64>) -> Vec<u8> {
        numbers.flat_map(frame).collect()
    }

    #[test]
    fn what_comes_after_a_pause_is_a_row_at_once() {
        let mut log = Log::new(50);
        assert_eq!(log.push(&frame(1), 1000), Some(Row { first: 1, last: 1, bytes: frame(1) }));
        assert_eq!((log.push(&frame(2), 1010), log.due()), (None, Some(1050)));
        assert_eq!(log.push(&frame(3), 1049), None);
        assert_eq!(log.pack(1050), Some(Row { first: 2, last: 3, bytes: frames(2..=3) }));
        assert_eq!((log.pack(1051), log.due(), log.last()), (None, None, 3));
        assert_eq!(log.push(&frame(4), 1100), Some(Row { first: 4, last: 4, bytes: frame(4) }));
    }

    #[test]
    fn much_is_a_row_however_soon() {
        let mut log = Log::new(50);
        log.push(&frame(1), 0);
        let many = frames(2..=600);
        assert!(many.len() > Log::MOST_OPEN);
        assert_eq!(log.push(&many, 1), Some(Row { first: 2, last: 600, bytes: many }));
        assert_eq!(log.last(), 600);
    }

    #[test]
    fn a_row_gives_what_follows_a_frame() {
        let row = Row { first: 3, last: 5, bytes: frames(3..=5) };
        for (seen, left) in [(0, frames(3..=5)), (2, frames(3..=5)), (3, frames(4..=5)), (4, frame(5))] {
            assert_eq!(row.after(seen), left, "{seen}");
        }
        for seen in [5, 6, u64::MAX] {
            assert_eq!(row.after(seen), b"", "{seen}");
        }
    }
}
