//! Who asks for whom, where many want to know the same of one who is far away.

use std::collections::VecDeque;

/// One asks at a time; who comes meanwhile waits, and the first of them asks next, for all who wait then. `W` is how one
/// who waits is told.
pub struct Queue<W> {
    /// Whose turn it is, and since when.
    turn: Option<(u64, u64)>,
    waiting: VecDeque<(u64, Waiting<W>)>,
}

/// One who waits.
pub struct Waiting<W> {
    /// For which run.
    pub run: String,
    /// How to tell.
    pub tell: W,
}

impl<W> Default for Queue<W> {
    fn default() -> Self {
        Queue { turn: None, waiting: VecDeque::new() }
    }
}

impl<W> Queue<W> {
    /// Takes the turn of one who comes when nobody asks; whether it is that one's. One whose turn is older than
    /// `patience_ms` was lost.
    pub fn turn(&mut self, place: u64, now_ms: u64, patience_ms: u64) -> bool {
        let is_taken = self.turn.is_some_and(|(_, since)| now_ms.saturating_sub(since) < patience_ms);
        if !is_taken {
            self.turn = Some((place, now_ms));
        }
        !is_taken
    }

    /// Waits.
    pub fn wait(&mut self, place: u64, waiting: Waiting<W>) {
        self.waiting.push_back((place, waiting));
    }

    /// Those whom the one whose turn it is asks for, besides itself.
    pub fn take(&mut self, most: usize) -> Vec<Waiting<W>> {
        let count = self.waiting.len().min(most);
        self.waiting.drain(..count).map(|(_, waiting)| waiting).collect()
    }

    /// One goes, whether it waited, asked or was told. Where it was its turn, it is that of the next, who is to be told so.
    pub fn leave(&mut self, place: u64, now_ms: u64) -> Option<W> {
        self.waiting.retain(|(known, _)| *known != place);
        if self.turn.is_none_or(|(known, _)| known != place) {
            return None;
        }
        let next = self.waiting.pop_front();
        self.turn = next.as_ref().map(|(place, _)| (*place, now_ms));
        next.map(|(_, waiting)| waiting.tell)
    }

    /// Whether nobody is there.
    pub fn is_empty(&self) -> bool {
        self.turn.is_none() && self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(name: &str) -> Waiting<String> {
        Waiting { run: name.to_owned(), tell: name.to_owned() }
    }

    fn names(taken: Vec<Waiting<String>>) -> Vec<String> {
        taken.into_iter().map(|waiting| waiting.run).collect()
    }

    #[test]
    fn the_first_of_those_who_wait_asks_for_all() {
        let mut queue = Queue::default();
        assert!(queue.turn(1, 0, 100));
        assert!(!queue.turn(2, 1, 100) && names(queue.take(9)).is_empty());
        queue.wait(2, waiting("b"));
        queue.wait(3, waiting("c"));
        assert_eq!(queue.leave(1, 2).as_deref(), Some("b"));
        queue.wait(4, waiting("d"));
        assert_eq!(names(queue.take(9)), ["c", "d"]);
        queue.wait(5, waiting("e"));
        queue.wait(6, waiting("f"));
        assert_eq!(queue.leave(2, 3).as_deref(), Some("e"));
        assert_eq!(queue.leave(2, 3), None, "once");
        assert_eq!((queue.leave(6, 3), names(queue.take(9)).len()), (None, 0), "who went is not asked for");
    }

    #[test]
    fn no_more_than_so_many_at_once() {
        let mut queue = Queue::default();
        assert!(queue.turn(1, 0, 100));
        [(2, "b"), (3, "c"), (4, "d")].into_iter().for_each(|(place, name)| queue.wait(place, waiting(name)));
        assert_eq!(names(queue.take(2)), ["b", "c"]);
        assert_eq!(queue.leave(1, 1).as_deref(), Some("d"), "the others come next");
    }

    #[test]
    fn whoever_goes_before_the_turn_is_taken_passes_it_on() {
        let mut queue = Queue::default();
        assert!(queue.turn(1, 0, 100));
        queue.wait(2, waiting("b"));
        queue.wait(3, waiting("c"));
        assert_eq!(queue.leave(1, 1).as_deref(), Some("b"));
        assert_eq!(queue.leave(2, 2).as_deref(), Some("c"), "it was told, and went");
        assert_eq!((queue.leave(3, 3), queue.is_empty()), (None, true));
    }

    #[test]
    fn a_lost_turn_is_taken_over() {
        let mut queue = Queue::default();
        assert!(queue.turn(1, 0, 100));
        queue.wait(2, waiting("b"));
        assert!(!queue.turn(3, 99, 100) && queue.turn(3, 100, 100));
        assert_eq!(queue.leave(1, 101), None, "it comes back, and it is not its turn");
        assert_eq!(names(queue.take(9)), ["b"]);
        assert!(queue.leave(3, 102).is_none() && queue.is_empty());
    }
}
