//! One key's account, in its own object.
//!
//! A request is let in from memory, and kept a moment later: an answer that waited for the disk would hold up every
//! first token. What a run cost is kept before that is confirmed.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use serde_json::{Map, Value, json};

use super::books::spent;
use crate::costs::{Account, Limits, TOO_MANY_RUNS};
use crate::data::AccountStore;
use crate::models::{ChatError, Cost, ErrorKind};
use crate::platform::{Env, Home, log, now_ms, random, sleep};

/// What came within this time is kept together.
const KEEP_MS: u64 = 20;

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
    is_kept: Cell<bool>,
}

impl Teller {
    /// The object, just constructed or just woken.
    pub fn new(home: Home, env: Env) -> Result<Rc<Self>, ChatError> {
        let store = AccountStore::open(home.sql())?;
        let account = RefCell::new(store.account()?);
        Ok(Rc::new(Teller { home, env, store, account, is_kept: Cell::new(true) }))
    }

    /// Lets a request in, or says why not.
    pub async fn enter(self: &Rc<Self>, owner: &str, fields: &Map<String, Value>) -> Result<Value, ChatError> {
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
                    return Ok(json!({}));
                }
            }
        }
    }

    /// A run is still under way.
    pub fn renew(self: &Rc<Self>, fields: &Map<String, Value>) -> Value {
        if let Some(run) = fields.get("run").and_then(Value::as_str) {
            self.account.borrow_mut().renew(run, now_ms());
            self.keep_soon();
        }
        json!({})
    }

    /// A run is over.
    pub fn leave(&self, fields: &Map<String, Value>) -> Result<Value, ChatError> {
        let now = now_ms();
        let run = fields.get("run").and_then(Value::as_str).unwrap_or_default();
        let cost = fields.get("cost").and_then(Value::as_f64).map(Cost::from_dollars).unwrap_or_default();
        if self.store.settle(run, now)? {
            self.account.borrow_mut().leave(run, cost, now);
            self.store.save(&self.account.borrow())?;
            self.is_kept.set(true);
            if random() < 0.01 {
                self.store.forget(now.saturating_sub(TOLD_MS))?;
            }
        }
        Ok(json!({}))
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
        if !self.is_kept.replace(false) {
            return;
        }
        let teller = self.clone();
        self.home.wait_until(async move {
            sleep(KEEP_MS).await;
            if !teller.is_kept.replace(true)
                && let Err(error) = teller.store.save(&teller.account.borrow())
            {
                log(&json!({"event": "books", "error": error.message}));
            }
        });
    }
}
