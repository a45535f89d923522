//! Who may run: one run at a time in a session, the others wait or are told.

use std::collections::VecDeque;

/// What becomes of a request for a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It runs now.
    Begin,
    /// It was made before: its run is this one.
    Attach(String),
    /// It waits for its turn.
    Wait,
    /// It is refused, because this one runs.
    Busy(String),
    /// It is refused, because its key stands for another request.
    KeyTaken,
}

/// A request that was made before under the same key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyed {
    /// The run that it started.
    pub run: String,
    /// The digest of what was asked.
    pub digest: String,
}

/// Who runs, and who waits.
#[derive(Debug, Default)]
pub struct Desk {
    live: Option<String>,
    waiting: VecDeque<String>,
}

impl Desk {
    /// More than any person has windows open; each may hold a request of 4 MB.
    pub const MOST_WAITING: usize = 16;

    /// A request arrives.
    pub fn post(&mut self, run: &str, digest: &str, keyed: Option<Keyed>, queue: bool) -> Verdict {
        match keyed {
            Some(keyed) if keyed.digest == digest => return Verdict::Attach(keyed.run),
            Some(_) => return Verdict::KeyTaken,
            None => {}
        }
        match &self.live {
            None => {
                self.live = Some(run.to_owned());
                Verdict::Begin
            }
            Some(_) if queue && self.waiting.len() < Self::MOST_WAITING => {
                self.waiting.push_back(run.to_owned());
                Verdict::Wait
            }
            Some(live) => Verdict::Busy(live.clone()),
        }
    }

    /// A run is over. Gives the one whose turn it is now.
    pub fn over(&mut self, run: &str) -> Option<String> {
        if self.live.as_deref() != Some(run) {
            return None;
        }
        self.live = self.waiting.pop_front();
        self.live.clone()
    }

    /// One that waits gives up. Whether it did wait.
    pub fn leave(&mut self, run: &str) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|waiting| waiting != run);
        self.waiting.len() < before
    }

    /// The run that is being answered.
    pub fn live(&self) -> Option<&str> {
        self.live.as_deref()
    }

    /// Those who wait, in order.
    pub fn waiting(&self) -> impl Iterator<Item = &str> {
        self.waiting.iter().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyed(run: &str, digest: &str) -> Option<Keyed> {
        Some(Keyed { run: run.to_owned(), digest: digest.to_owned() })
    }

    #[test]
    fn one_at_a_time_and_in_order() {
        let mut desk = Desk::default();
        assert_eq!(desk.post("r_1", "a", None, false), Verdict::Begin);
        assert_eq!(desk.post("r_2", "b", None, false), Verdict::Busy("r_1".to_owned()));
        assert_eq!(desk.post("r_3", "c", None, true), Verdict::Wait);
        assert_eq!(desk.post("r_4", "d", None, true), Verdict::Wait);
        assert_eq!(desk.over("r_3"), None, "what waits is not over");
        assert!(desk.leave("r_3") && !desk.leave("r_3") && desk.waiting().eq(["r_4"]));
        assert_eq!(desk.over("r_1").as_deref(), Some("r_4"));
        assert_eq!((desk.over("r_4"), desk.live()), (None, None));
        assert_eq!(desk.post("r_5", "e", None, false), Verdict::Begin);
    }

    #[test]
    fn a_key_stands_for_one_request() {
        let mut desk = Desk::default();
        assert_eq!(desk.post("r_1", "a", None, false), Verdict::Begin);
        assert_eq!(desk.post("r_2", "a", keyed("r_1", "a"), false), Verdict::Attach("r_1".to_owned()));
        assert_eq!(desk.post("r_2", "b", keyed("r_1", "a"), true), Verdict::KeyTaken);
        assert_eq!(desk.live(), Some("r_1"));
    }

    #[test]
    fn the_queue_is_bounded() {
        let mut desk = Desk::default();
        desk.post("r_0", "", None, false);
        for at in 0..Desk::MOST_WAITING {
            assert_eq!(desk.post(&format!("r_{}", at + 1), "", None, true), Verdict::Wait);
        }
        assert_eq!(desk.post("r_99", "", None, true), Verdict::Busy("r_0".to_owned()));
    }
}
