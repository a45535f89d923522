use super::Row;

/// How far one listener of a run has come.
///
/// It takes rows that follow upon what it has, and no others: one that missed a row takes none until it has
/// caught up from the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ear {
    /// The last frame that it was given.
    pub frame: u64,
}

impl Ear {
    /// What it has not been given of a row; nothing where a row before it is missing.
    pub fn take<'a>(&mut self, row: &'a Row) -> Option<&'a [u8]> {
        if row.first > self.frame.saturating_add(1) {
            return None;
        }
        let left = row.after(self.frame);
        self.frame = self.frame.max(row.last);
        Some(left)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects)]

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::session::Log;

    fn frames(numbers: std::ops::RangeInclusive<u64>) -> Vec<u8> {
        numbers.flat_map(|at| format!("id: r_1:{at}\n\n").into_bytes()).collect()
    }

    #[test]
    fn no_frame_twice_and_none_left_out() {
        let row = |first, last| Row { first, last, bytes: frames(first..=last) };
        let mut ear = Ear { frame: 2 };
        assert_eq!(ear.take(&row(1, 3)), Some(frames(3..=3).as_slice()));
        assert_eq!(ear.take(&row(1, 3)), Some(&b""[..]));
        assert_eq!((ear.take(&row(5, 6)), ear.frame), (None, 3), "the fourth is missing");
        assert_eq!(ear.take(&row(4, 4)), Some(frames(4..=4).as_slice()));
        assert_eq!((ear.take(&row(5, 6)).is_some(), ear.frame), (true, 6));
    }

    /// Reads the store until there is nothing behind its place.
    fn catch_up(ear: &mut Ear, store: &[Row], heard: &mut Vec<u8>) {
        for row in store.iter().filter(|row| row.last > ear.frame).collect::<Vec<_>>() {
            heard.extend_from_slice(ear.take(row).unwrap_or_default());
        }
    }

    proptest! {
        /// Whenever frames come, whenever it joins, and whichever rows it misses on the way.
        #[test]
        fn whoever_listens_has_every_frame_once(
            steps in vec((1u64..4, 0u64..120, any::<bool>()), 1..40),
            joins in 0usize..40,
            had in 0u64..30,
        ) {
            let (mut log, mut store, mut now, mut last) = (Log::new(50), Vec::new(), 0, 0);
            let (mut ear, mut heard) = (Ear { frame: had }, Vec::new());
            for (step, (count, pause, misses)) in steps.iter().enumerate() {
                now += pause;
                let row = log.push(&frames(last + 1..=last + count), now);
                last += count;
                store.extend(row.clone());
                let Some(row) = row.filter(|_| step >= joins && !misses) else { continue };
                match ear.take(&row) {
                    Some(bytes) => heard.extend_from_slice(bytes),
                    None => catch_up(&mut ear, &store, &mut heard),
                }
            }
            store.extend(log.pack(now));
            catch_up(&mut ear, &store, &mut heard);
            prop_assert_eq!(store.iter().flat_map(|row| row.bytes.clone()).collect::<Vec<_>>(), frames(1..=last));
            prop_assert_eq!(heard, frames(had + 1..=last));
        }
    }
}
