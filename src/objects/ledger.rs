//! One shard of the ledger.

use serde_json::{Value, json};
use worker::{DurableObject, Env, Request, Response, Result, State, durable_object};

use super::plain::{no_alarm, no_sockets};
use super::reply::{self, Asked};
use crate::costs::{Days, Receipt};
use crate::data::LedgerStore;
use crate::models::{ChatError, ErrorKind};
use crate::platform::{Home, now_ms, random};

/// Nobody tells a receipt a second time after so long.
const TOLD_MS: u64 = 86_400_000;

/// A shard's object.
#[durable_object]
pub struct LedgerObject {
    store: std::result::Result<LedgerStore, ChatError>,
}

impl DurableObject for LedgerObject {
    fn new(state: State, _: Env) -> Self {
        LedgerObject { store: LedgerStore::open(Home::new(state).sql()) }
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        let asked = Asked(Clone::clone(request.inner()));
        reply::told(self.answer(&asked).await.map(|value| reply::json(200, &value)), &asked)
    }

    no_alarm!();
    no_sockets!();
}

impl LedgerObject {
    async fn answer(&self, asked: &Asked) -> std::result::Result<Value, ChatError> {
        let store = self.store.as_ref().map_err(Clone::clone)?;
        let unreadable = |_| ChatError::new(ErrorKind::Internal, "the receipt cannot be read");
        match (asked.0.method().as_str(), asked.path().as_str()) {
            ("POST", "/") => {
                let receipt: Receipt = serde_json::from_slice(&asked.body().await?).map_err(unreadable)?;
                store.add(&receipt)?;
                if random() < 0.001 {
                    store.forget(now_ms().saturating_sub(TOLD_MS))?;
                }
                Ok(json!({}))
            }
            ("GET", "/") => {
                let (from, to) = (asked.query("from"), asked.query("to"));
                let days = Days::read(from.as_deref(), to.as_deref(), now_ms())?;
                Ok(json!(store.lines(&days, asked.query("key").as_deref())?))
            }
            ("GET", "/totals") => Ok(json!(store.totals()?)),
            _ => Err(ChatError::new(ErrorKind::NotFound, "there is no such route")),
        }
    }
}
