//! Runs of one key that are let in as a batch.
//!
//! A call of an account costs more than what the account does in it. So while one run's request asks, those that come
//! meanwhile wait for their turn, and the first of them asks for all. One that comes alone waits for nobody.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::pin::pin;

use futures_util::future::{Either, select};

use crate::costs::{Queue, Waiting};
use crate::models::ChatError;
use crate::platform::{Pledge, now_ms, sleep};

/// Who has waited for so long asks for itself: the one who was to ask may have been stopped with its isolate's request.
const PATIENCE_MS: u64 = 1000;

/// As many as a burst that an account with room has room for.
const MOST: usize = 64;

thread_local! {
    /// The queues of keys whose accounts are being asked.
    static QUEUES: RefCell<HashMap<String, Queue<Pledge>>> = RefCell::default();
    /// The number of the next place.
    static NUMBERS: Cell<u64> = const { Cell::new(0) };
}

/// What one who waits is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    /// It is let in.
    In,
    /// It is its turn to ask, for itself and all who wait.
    Ask,
    /// It is to ask for itself.
    Alone,
}

/// Lets a run in, or says why not. `ask` asks for the runs that it is given, and says whether they are all let in; that
/// they cannot be so together is no refusal of one of them.
pub async fn enter(
    owner: &str,
    run: &str,
    ask: impl AsyncFn(&[&str]) -> Result<bool, ChatError>,
) -> Result<(), ChatError> {
    let number = NUMBERS.replace(NUMBERS.get().wrapping_add(1));
    let mut place = Place { owner, number, others: Vec::new() };
    let told = match place.line_up(run)? {
        None => Told::Ask,
        Some(word) => match select(pin!(word), pin!(sleep(PATIENCE_MS))).await {
            Either::Left((Some(word), _)) => read(word),
            _ => Told::Alone,
        },
    };
    if told == Told::In {
        return Ok(());
    }
    if told == Told::Ask {
        place.take();
        let runs: Vec<&str> = std::iter::once(run).chain(place.others.iter().map(|other| other.run.as_str())).collect();
        let is_in = ask(&runs).await;
        place.tell(if matches!(is_in, Ok(true)) { Told::In } else { Told::Alone });
        if is_in? {
            return Ok(());
        }
    }
    // Others need not wait for what becomes of this one.
    drop(place);
    ask(&[run]).await.map(drop)
}

/// A place in the queue of a key. Whoever leaves it, in whatever way, leaves nobody waiting.
struct Place<'a> {
    owner: &'a str,
    number: u64,
    /// For whom it asks.
    others: Vec<Waiting<Pledge>>,
}

impl Place<'_> {
    /// Takes the turn, or waits for a word.
    fn line_up(&self, run: &str) -> Result<Option<impl Future<Output = Option<u32>> + use<>>, ChatError> {
        QUEUES.with_borrow_mut(|queues| {
            let queue = queues.entry(self.owner.to_owned()).or_default();
            if queue.turn(self.number, now_ms(), PATIENCE_MS) {
                return Ok(None);
            }
            let (tell, word) = Pledge::new()?;
            queue.wait(self.number, Waiting { run: run.to_owned(), tell });
            Ok(Some(word))
        })
    }

    /// Asks for those who wait, too.
    fn take(&mut self) {
        let take = |queue: &mut Queue<Pledge>| queue.take(MOST);
        self.others = QUEUES.with_borrow_mut(|queues| queues.get_mut(self.owner).map(take)).unwrap_or_default();
    }

    fn tell(&mut self, told: Told) {
        self.others.drain(..).for_each(|other| other.tell.keep(told as u32));
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.tell(Told::Alone);
        let next = QUEUES.with_borrow_mut(|queues| {
            let queue = queues.get_mut(self.owner)?;
            let next = queue.leave(self.number, now_ms());
            if queue.is_empty() {
                queues.remove(self.owner);
            }
            next
        });
        if let Some(next) = next {
            next.keep(Told::Ask as u32);
        }
    }
}

fn read(word: u32) -> Told {
    [Told::In, Told::Ask].into_iter().find(|told| *told as u32 == word).unwrap_or(Told::Alone)
}
