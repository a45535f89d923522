//! Another store that has a collection's vectors.

use std::pin::pin;

use futures_util::future::{Either, select};
use serde_json::json;

use super::{Asking, Collection};
use crate::data::CollectionRecord;
use crate::models::{ChatError, ErrorKind, Secret};
use crate::platform::{Abort, OnAbort, Settings, log, random, send, sleep};
use crate::relay::clean;
use crate::retrieval::Settings as Decided;
use crate::retrieval::stores::{Call, Fault, Point, Store, open};

/// A store answers soon or is down.
const PATIENCE_MS: u64 = 30_000;

/// What could not be forgotten is tried again after this.
const AGAIN_MS: u64 = 60_000;

/// Ids and scores of a few hundred neighbours, or what is wrong with a few hundred objects.
const MOST_BODY: usize = 4 << 20;

impl Collection {
    /// The store that has the vectors, if it is another one than the object itself.
    pub(super) fn open_store(
        &self,
        record: &CollectionRecord,
        settings: &Decided,
    ) -> Result<Option<Box<dyn Store>>, ChatError> {
        let Some(kind) = &record.store else { return Ok(None) };
        let store = settings.store.as_ref().filter(|store| store.kind() == kind).ok_or_else(|| {
            let words = format!("the collection's vectors are in {kind}, which VECTOR_STORE does not name any more");
            ChatError::lasting(ErrorKind::Internal, words)
        })?;
        let key = match store.key() {
            None => None,
            Some(name) => Some(self.env.var(name).map(Secret::new).ok_or_else(|| {
                let words = format!("the key of the vector store is missing: set the variable {name}");
                ChatError::lasting(ErrorKind::ProviderAuth, words)
            })?),
        };
        Ok(Some(open(store, key)))
    }

    /// Keeps points there. A store that turns out not to be ready is made so.
    pub(super) async fn upsert(
        &self,
        store: &dyn Store,
        points: &[Point],
        dimensions: usize,
        asking: &Asking,
    ) -> Result<(), ChatError> {
        let (status, body) = self.call(store.upsert(&asking.digest, points)?, asking).await?;
        match store.read_done(status, &body) {
            Err(Fault::Unprepared) => {}
            done => return done.map_err(|fault| self.told(fault)),
        }
        self.prepare(store, dimensions, asking).await?;
        let (status, body) = self.call(store.upsert(&asking.digest, points)?, asking).await?;
        store.read_done(status, &body).map_err(|fault| self.told(fault))
    }

    /// Makes it ready.
    pub(super) async fn prepare(&self, store: &dyn Store, dimensions: usize, asking: &Asking) -> Result<(), ChatError> {
        for call in store.prepare(dimensions)? {
            let (status, body) = self.call(call, asking).await?;
            store.read_done(status, &body).map_err(|fault| self.told(fault))?;
        }
        Ok(())
    }

    /// The points nearest to a vector.
    pub(super) async fn ask_store(
        &self,
        store: &dyn Store,
        vector: &[f32],
        most: u64,
        asking: &Asking,
    ) -> Result<Vec<String>, ChatError> {
        let call = store.query(&asking.digest, vector, most.min(store.most_near()))?;
        let (status, body) = self.call(call, asking).await?;
        store.read_near(status, &body).map_err(|fault| self.told(fault))
    }

    /// Lets the store forget what is gone. If it cannot just now, that is tried again; nobody sees it meanwhile.
    pub(super) async fn settle_store(&self, record: &CollectionRecord, asking: &Asking) {
        if record.store.is_none() {
            return;
        }
        if let Err(error) = self.try_settle(record, asking).await {
            log(&json!({"event": "collection", "error": error.kind.as_str(), "message": error.message}));
            // What is lost with the promise is a late clean-up, and nothing that anybody sees.
            let _ = self.promise_to_settle(record, asking).await;
        }
    }

    /// Sees to it that it is tried again, whatever becomes of this request.
    pub(super) async fn promise_to_settle(&self, record: &CollectionRecord, asking: &Asking) -> Result<(), ChatError> {
        self.store.keep_errand(&asking.digest, record)?;
        self.home.set_alarm(AGAIN_MS).await;
        Ok(())
    }

    async fn try_settle(&self, record: &CollectionRecord, asking: &Asking) -> Result<(), ChatError> {
        let Some(store) = self.open_store(record, &self.settings()?)? else { return Ok(()) };
        loop {
            let gone = self.store.lost(store.most_ids() as u64)?;
            if gone.is_empty() {
                return Ok(());
            }
            let (status, body) = self.call(store.delete(&asking.digest, &gone)?, asking).await?;
            match store.read_deleted(status, &body) {
                // What was never made holds nothing.
                Ok(()) | Err(Fault::Unprepared) => self.store.settle(&gone)?,
                Err(fault) => return Err(self.told(fault)),
            }
        }
    }

    /// The alarm: tries again what could not be forgotten.
    pub async fn alarm(&self) -> Result<(), ChatError> {
        let _turn = self.turn.lock().await;
        let Some((digest, record)) = self.store.errand()? else { return Ok(()) };
        let asking = Asking {
            owner: String::new(),
            digest,
            trace: Default::default(),
            clock: crate::platform::Stopwatch::start(),
            left: Abort::new()?.signal(),
        };
        self.settle_store(&record, &asking).await;
        Ok(())
    }

    /// Asks the store, again where it was busy or down: all that is asked of it may be asked twice.
    async fn call(&self, call: Call, asking: &Asking) -> Result<(u16, Vec<u8>), ChatError> {
        let policy = Settings::read(&self.env)?.retry;
        let mut made = 0u32;
        loop {
            made = made.saturating_add(1);
            let answer = self.once(&call, asking).await;
            let error = match &answer {
                Ok((429, _)) => ChatError::new(ErrorKind::RateLimited, "the vector store is busy"),
                Ok((status, _)) if *status >= 500 => ChatError::new(ErrorKind::Overloaded, "the vector store failed"),
                Ok(_) => return answer,
                Err(error) => error.clone(),
            };
            match policy.delay(made, &error, random(), asking.clock.elapsed_ms()) {
                Some(delay) if !asking.left.aborted() => sleep(delay).await,
                _ => return answer,
            }
        }
    }

    async fn once(&self, call: &Call, asking: &Asking) -> Result<(u16, Vec<u8>), ChatError> {
        let abort = Abort::new()?;
        let stop = abort.clone();
        let _listener = OnAbort::new(asking.left.clone(), move || stop.abort());
        let work = async {
            match call {
                Call::Http(request) => {
                    let fetched = send(*request.clone(), &abort).await.map_err(|_| unreachable_store())?;
                    let status = fetched.status.as_u16();
                    Ok((status, fetched.whole_body(MOST_BODY).await?))
                }
                Call::Binding(method, arguments) => self.ask_binding(method, arguments).await,
            }
        };
        match select(pin!(work), pin!(sleep(PATIENCE_MS))).await {
            Either::Left((answer, _)) => answer,
            Either::Right(_) => {
                abort.abort();
                Err(ChatError::new(ErrorKind::Timeout, "the vector store did not answer in time"))
            }
        }
    }

    async fn ask_binding(&self, method: &str, arguments: &[serde_json::Value]) -> Result<(u16, Vec<u8>), ChatError> {
        let name = match self.settings()?.store {
            Some(crate::retrieval::StoreSettings::Vectorize { binding }) => binding,
            _ => return Err(unreachable_store()),
        };
        let binding = self.env.binding(&name).ok_or_else(|| {
            let words = format!("the binding {name} is missing: wrangler.toml has to name the index");
            ChatError::lasting(ErrorKind::Internal, words)
        })?;
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        Ok(match binding.call(method, &arguments).await {
            Ok(answer) => (200, answer.into_bytes()),
            Err(words) => (502, words.into_bytes()),
        })
    }

    /// A store's fault in words that may leave the house: it is named, its key is not.
    fn told(&self, fault: Fault) -> ChatError {
        let settings = self.settings().ok().and_then(|settings| settings.store);
        let kind = settings.as_ref().map(|store| store.kind()).unwrap_or_default();
        let error = match fault {
            Fault::Unprepared => ChatError::lasting(ErrorKind::Provider, "it does not have what was just made"),
            Fault::Failed(error) if error.kind == ErrorKind::ProviderAuth => {
                ChatError { message: "it refused the key".to_owned(), ..error }
            }
            Fault::Failed(error) => error,
        };
        let key = settings.as_ref().and_then(|store| store.key()).and_then(|name| self.env.var(name));
        let words = format!("the vector store failed: {}", error.message);
        clean(ChatError { message: words, ..error }, key.as_deref()).from_provider(kind)
    }
}

fn unreachable_store() -> ChatError {
    ChatError::new(ErrorKind::Provider, "the vector store could not be reached")
}
