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

/// Whoever is told once something is kept.
type Waiting = Sender<Result<(), ChatError>>;

/// An account's object.
pub struct Teller {
    home: Home,
    env: Env,
    store: AccountStore,
    account: RefCell<Account>,
    /// Runs that were settled, and are not kept as such yet.
    settled: RefCell<Vec<String>>,
    /// Who waits for what is to be kept in a moment; none where nothing is.
    waiting: RefCell<Option<Vec<Waiting>>>,
}

impl Teller {
    /// The object, just constructed or just woken.
    pub fn new(home: Home, env: Env) -> Result<Rc<Self>, ChatError> {
        let store = AccountStore::open(home.sql())?;
        let account = RefCell::new(store.account()?);
        Ok(Rc::new(Teller { home, env, store, account, settled: RefCell::default(), waiting: RefCell::default() }))
    }

    /// Lets a request in, or says why not. Gives whether the next ones will be let in, too.
    pub async fn enter(self: &Rc<Self>, owner: &str, fields: &Map<String, Value>) -> Result<bool, ChatError> {
        let run = fields.get("run").and_then(Value::as_str);
        let limits = self.limits(owner, fields).await?;
        let mut looks = 0;
        loop {
            let entered = self.account.borrow_mut().enter(run, &limits, now_ms());
            match entered {
                Err(error) if error.code.as_deref() == Some(TOO_MANY_RUNS) && looks < LOOKS => {
                    looks = looks.saturating_add(1);
                    sleep(LOOK_MS).await;
                }
                Err(error) => return Err(ChatError { code: None, ..error }),
                Ok(()) => return Ok(self.entered(&limits)),
            }
        }
    }

    /// Lets several runs in, or none. Gives whether the next ones will be let in, too; nothing where there is no room
    /// for all: then each may come for itself.
    pub async fn enter_all(
        self: &Rc<Self>,
        owner: &str,
        fields: &Map<String, Value>,
    ) -> Result<Option<bool>, ChatError> {
        let limits = self.limits(owner, fields).await?;
        let runs = fields.get("runs").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let entered = self.account.borrow_mut().enter_all(runs, &limits, now_ms());
        Ok(entered.is_ok().then(|| self.entered(&limits)))
    }

    fn entered(self: &Rc<Self>, limits: &Limits) -> bool {
        self.keep_soon();
        self.account.borrow().has_room(limits, now_ms())
    }

    /// The key's limits; what was spent is known then, where they are about that.
    async fn limits(&self, owner: &str, fields: &Map<String, Value>) -> Result<Limits, ChatError> {
        let unreadable = |_| ChatError::new(ErrorKind::Internal, "the key's limits cannot be read");
        let limits: Limits =
            serde_json::from_value(fields.get("limits").cloned().unwrap_or_default()).map_err(unreadable)?;
        if limits.monthly_budget_usd.is_some() && !self.account.borrow().knows_spending() {
            let cost = spent(owner, &self.env).await?;
            self.account.borrow_mut().learn_spending(cost, now_ms());
        }
        Ok(limits)
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
        let is_known = self.settled.borrow().iter().any(|known| known == run);
        if !is_known && !self.store.is_settled(run)? {
            self.account.borrow_mut().leave(run, cost, now);
            self.settled.borrow_mut().push(run.to_owned());
        }
        self.keep_soon();
        if let Some(waiting) = self.waiting.borrow_mut().as_mut() {
            waiting.push(sender);
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
        if self.waiting.borrow().is_some() {
            return;
        }
        self.waiting.replace(Some(Vec::new()));
        let teller = self.clone();
        self.home.wait_until(async move {
            sleep(KEEP_MS).await;
            let waiting = teller.waiting.take().unwrap_or_default();
            let kept = teller.keep();
            if let Err(error) = &kept {
                log(&json!({"event": "books", "error": error.message}));
            }
            // Nobody hears it whose request has ended.
            waiting.into_iter().for_each(|sender| drop(sender.send(kept.clone())));
        });
    }

    /// What could not be kept is known here, and kept with what comes next: nothing counts twice.
    fn keep(&self) -> Result<(), ChatError> {
        let now = now_ms();
        self.settled.borrow().iter().try_for_each(|run| self.store.settle(run, now))?;
        self.store.save(&self.account.borrow())?;
        self.settled.borrow_mut().clear();
        match random() < 0.01 {
            true => self.store.forget(now.saturating_sub(TOLD_MS)),
            false => Ok(()),
        }
    }
}
