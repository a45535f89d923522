//! What the cache has to say to a run, and what a run has for it.

use super::Run;
use crate::relay::Relay;

/// What the cache had to say to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cached {
    /// The answer was kept.
    Hit,
    /// It was not; it will be.
    Miss,
    /// It is none that could be kept.
    Bypass,
}

impl Cached {
    /// The word in `x-cache`.
    pub fn as_str(self) -> &'static str {
        match self {
            Cached::Hit => "hit",
            Cached::Miss => "miss",
            Cached::Bypass => "bypass",
        }
    }
}

impl Run {
    /// The cache was asked.
    pub fn cache(&self, cached: Cached) {
        self.cache.set(Some(cached));
    }

    /// What a session's object said of its cache.
    pub fn cached(&self, word: Option<&str>) {
        let known = [Cached::Hit, Cached::Miss, Cached::Bypass];
        self.cache.set(known.into_iter().find(|cached| word == Some(cached.as_str())));
    }

    /// For whoever asked for it: what the cache had to say.
    pub fn cache_word(&self) -> Option<&'static str> {
        self.cache.get().map(Cached::as_str)
    }

    /// Whether the answer is to be kept for the next one who asks.
    pub fn records(&self) -> bool {
        self.cache.get() == Some(Cached::Miss) && self.ask.session.is_none()
    }

    /// Who answered, and what, of an answer that is complete; once.
    pub fn take_record(&self) -> Option<((String, String), Vec<u8>)> {
        let frames = self.with(Relay::take_record).flatten()?;
        Some((self.asked(), frames))
    }
}
