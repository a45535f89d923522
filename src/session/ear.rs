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
    use super::*;

    #[test]
    fn no_frame_twice_and_none_left_out() {
        let row = |first, last| Row {
            first,
            last,
            bytes: (first..=last).flat_map(|at| format!("id: r_1:{at}\n\n").into_bytes()).collect(),
        };
        let mut ear = Ear { frame: 2 };
        assert_eq!(ear.take(&row(1, 3)), Some(&b"id: r_1:3\n\n"[..]));
        assert_eq!(ear.take(&row(1, 3)), Some(&b""[..]));
        assert_eq!((ear.take(&row(5, 6)), ear.frame), (None, 3), "the fourth is missing");
        assert_eq!(
            (ear.take(&row(4, 4)), ear.take(&row(5, 6)).is_some(), ear.frame),
            (Some(&b"id: r_1:4\n\n"[..]), true, 6)
        );
    }
}
