//! One key's account, in its own object.
//!
//! A request is let in from memory. The runtime gives no answer of an object while a write of it is on its way to the
//! disk: so writes are put off for a moment, and what came meanwhile is written together, or every first token would
//! wait for what the run before it left. What a run cost is kept before that is confirmed.

use std::cell::RefCell;
use std::rc::Rc;

use futures_channel::oneshot::{Sender, channel};
use serde_json::{Map, Value, json};

use super::books::spent;
use crate::costs::{Account, Limits, TOO_MANY_RUNS};
use crate::data::AccountStore;
use crate::models::{ChatError, Cost, ErrorKind};
use crate::platform::{Env, Home, log, now_ms, random, sleep};

/// What came within this time is kept together.
const KEEP_MS: u64 = 100;

/// A run that has given its last word may be on its way out: so often and so long is looked for its place.
const LOOKS: u32 = 12;
const LOOK_MS: u64 = 25;

/// Nobody tells a second time after so long.
const TOLD_MS: u64 = 3_600_000;

/// An account's object.
pub struct Teller {
    home: Home,
    env: Env,
    store: AccountStore,
    account: RefCell<Account>,
    /// What is not kept yet; none where all is.
    unkept: RefCell<Option<Unkept>>,
}

/// What waits to be kept.
#[derive(Default)]
struct Unkept {
    /// Runs that were settled.
    settled: Vec<String>,
    /// Who waits for it.
    waiting: Vec<Sender<Result<(), ChatError>>>,
}

impl Teller {
    /// The object, just constructed or just woken.
    pub fn new(home: Home, env: Env) -> Result<Rc<Self>, ChatError> {
        let store = AccountStore::open(home.sql())?;
        let account = RefCell::new(store.account()?);
        Ok(Rc::new(Teller { home, env, store, account, unkept: RefCell::default() }))
    }

    /// Lets a request in, or says why not. Gives whether the next ones will be let in, too.
    pub async fn enter(self: &Rc<Self>, owner: &str, fields: &Map<String, Value>) -> Result<bool, ChatError> {
        let run = fields.get("run").and_then(Value::as_str);
        let unreadable = |_| ChatError::new(ErrorKind::Internal, "the key's limits cannot be read");
        let limits: Limits =
            serde_json::from_value(fields.get("limits").cloned().unwrap_or_default()).map_err(unreadable)?;
        if limits.monthly_budget_usd.is_some() && !self.account.borrow().knows_spending() {
            let cost = spent(owner, &self.env).await?;
            self.account.borrow_mut().learn_spending(cost, now_ms());
        }
        let mut looks = 0;
        loop {
            let entered = self.account.borrow_mut().enter(run, &limits, now_ms());
            match entered {
                Err(error) if error.code.as_deref() == Some(TOO_MANY_RUNS) && looks < LOOKS => {
                    looks = looks.saturating_add(1);
                    sleep(LOOK_MS).await;
                }
                Err(error) => return Err(ChatError { code: None, ..error }),
                Ok(()) => {
                    self.keep_soon();
                    return Ok(self.account.borrow().has_room(&limits, now_ms()));
                }
            }
        }
    }

    /// A run is still under way.
    pub fn renew(self: &Rc<Self>, fields: &Map<String, Value>) {
        if let Some(run) = fields.get("run").and_then(Value::as_str) {
            self.account.borrow_mut().renew(run, now_ms());
            self.keep_soon();
        }
    }

    /// A run is over.
    pub async fn leave(self: &Rc<Self>, fields: &Map<String, Value>) -> Result<(), ChatError> {
        let now = now_ms();
        let run = fields.get("run").and_then(Value::as_str).unwrap_or_default();
        let cost = fields.get("cost").and_then(Value::as_f64).map(Cost::from_dollars).unwrap_or_default();
        if cost == Cost::ZERO && !self.account.borrow().has(run) {
            // One that was refused.
            return Ok(());
        }
        let (sender, kept) = channel();
        let is_new = {
            let unkept = self.unkept.borrow();
            let is_known = unkept.as_ref().is_some_and(|unkept| unkept.settled.iter().any(|known| known == run));
            !is_known && !self.store.is_settled(run)?
        };
        if is_new {
            self.account.borrow_mut().leave(run, cost, now);
        }
        self.keep_soon();
        if let Some(unkept) = self.unkept.borrow_mut().as_mut() {
            unkept.settled.extend(is_new.then(|| run.to_owned()));
            unkept.waiting.push(sender);
        }
        let lost = |_| ChatError::new(ErrorKind::Interrupted, "the account was not kept");
        kept.await.map_err(lost)?
    }

    /// How it stands.
    pub async fn read(&self, owner: &str) -> Result<Value, ChatError> {
        let now = now_ms();
        if !self.account.borrow().knows_spending() {
            let cost = spent(owner, &self.env).await?;
            self.account.borrow_mut().learn_spending(cost, now);
        }
        let account = self.account.borrow();
        Ok(json!({"spent_usd": account.spent(now), "concurrent_runs": account.runs(now)}))
    }

    fn keep_soon(self: &Rc<Self>) {
        if self.unkept.borrow().is_some() {
            return;
        }
        self.unkept.replace(Some(Unkept::default()));
        let teller = self.clone();
        self.home.wait_until(async move {
            sleep(KEEP_MS).await;
            let Unkept { settled, waiting } = teller.unkept.take().unwrap_or_default();
            let kept = teller.keep(&settled);
            if let Err(error) = &kept {
                log(&json!({"event": "books", "error": error.message}));
            }
            // Nobody hears it whose request has ended.
            waiting.into_iter().for_each(|sender| drop(sender.send(kept.clone())));
        });
    }

    /// Nothing is awaited in between: all of it is kept, or nothing.
    fn keep(&self, settled: &[String]) -> Result<(), ChatError> {
        let now = now_ms();
        settled.iter().try_for_each(|run| self.store.settle(run, now))?;
        if random() < 0.01 {
            self.store.forget(now.saturating_sub(TOLD_MS))?;
        }
        self.store.save(&self.account.borrow())
    }
}
