//! One collection, in its own object: documents added, listed and deleted, and passages found.

mod add;
mod remote;
mod search;
mod store;

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use futures_util::lock::Mutex;
use serde_json::{Value, json};

use super::Ask;
use crate::data::{CollectionRecord, CollectionStore, DocumentRow};
use crate::dialects::kept;
use crate::models::{ChatError, ErrorKind};
use crate::platform::{Env, Home, Stopwatch, now_ms};
use crate::providers::Trace;
use crate::retrieval::{Matrix, Settings};

pub use remote::{CollectionCall, ask_collection, look_up};

/// How many documents are told at once, unless somebody asks for fewer.
const PAGE: u64 = 100;

/// A collection's object. Nothing in it is borrowed across an await.
pub struct Collection {
    home: Rc<Home>,
    env: Env,
    store: CollectionStore,
    /// The sketches of all pieces, once a search wanted them.
    matrix: RefCell<Option<Matrix>>,
    /// One who writes at a time: what is told to another store and what is kept here belong together.
    turn: Mutex<()>,
}

/// Somebody's question to a collection, as its object hears it.
pub struct Asking {
    /// A name for the collection that no other has, for stores that hold several.
    pub digest: String,
    /// Whose it is: who pays for its vectors.
    pub owner: String,
    /// Ids for logs.
    pub trace: Trace,
    /// Since its arrival.
    pub clock: Stopwatch,
    /// Fires when the caller leaves.
    pub left: web_sys::AbortSignal,
}

impl Collection {
    /// The object, just constructed or just woken.
    pub fn new(home: Home, env: Env) -> Rc<Self> {
        let store = CollectionStore::new(home.sql());
        Rc::new(Collection { home: Rc::new(home), env, store, matrix: RefCell::default(), turn: Mutex::new(()) })
    }

    /// What it is.
    pub fn describe(&self, name: &str) -> Result<Value, ChatError> {
        let record = self.record()?;
        let (documents, chunks) = self.store.counts()?;
        Ok(json!({
            "name": name, "documents": documents, "chunks": chunks, "embeddings": record.embeddings,
            "store": record.store.as_deref().unwrap_or("embedded"),
        }))
    }

    /// A page of its documents.
    pub fn list(&self, limit: Option<&str>, after: Option<&str>) -> Result<Value, ChatError> {
        self.record()?;
        let wrong = || ChatError::invalid("limit", format!("limit must be a whole number from 1 to {PAGE}"));
        let most = match limit {
            None => PAGE,
            Some(text) => text.parse().ok().filter(|most| (1..=PAGE).contains(most)).ok_or_else(wrong)?,
        };
        let mut documents = self.store.documents(after.unwrap_or_default(), most.saturating_add(1))?;
        let more = documents.len() as u64 > most;
        documents.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        let next = documents.last().filter(|_| more).map(|last| last.id.clone());
        Ok(json!({"documents": documents.iter().map(document).collect::<Vec<_>>(), "next": next}))
    }

    /// One document, with its text.
    pub fn read(&self, id: &str) -> Result<Value, ChatError> {
        self.record()?;
        let (row, text) = self.store.document(id)?.ok_or_else(no_document)?;
        let mut fields = document(&row);
        if let Some(map) = fields.as_object_mut() {
            map.insert("text".to_owned(), json!(text));
        }
        Ok(fields)
    }

    /// Forgets one document. It is gone at once; another store that has its vectors is told behind that.
    pub async fn delete(&self, id: &str, asking: &Asking) -> Result<(), ChatError> {
        let _turn = self.turn.lock().await;
        let record = self.record()?;
        if !self.store.has_document(id)? {
            return Err(no_document());
        }
        self.remove(id, &record)?;
        self.settle_store(&record, asking).await;
        Ok(())
    }

    /// Forgets all of it.
    pub async fn clear(&self, asking: &Asking) -> Result<(), ChatError> {
        let _turn = self.turn.lock().await;
        let record = self.record()?;
        let mut points = Vec::new();
        if record.store.is_some() {
            points = self.store.points()?;
            // What another store could not forget so far is not to be forgotten here.
            points.extend(self.store.lost(u64::from(u32::MAX))?);
        }
        self.home.clear().await?;
        self.matrix.replace(None);
        if !points.is_empty() {
            self.store.lose(&points)?;
            self.settle_store(&record, asking).await;
        }
        Ok(())
    }

    fn remove(&self, id: &str, record: &CollectionRecord) -> Result<(), ChatError> {
        let (rows, points) = self.store.remove(id)?;
        if let Some(matrix) = self.matrix.borrow_mut().as_mut() {
            matrix.remove(&rows);
        }
        if record.store.is_some() {
            self.store.lose(&points)?;
        }
        Ok(())
    }

    fn record(&self) -> Result<CollectionRecord, ChatError> {
        self.store.record()?.ok_or_else(no_collection)
    }

    fn settings(&self) -> Result<Settings, ChatError> {
        Settings::read(&|name| self.env.var(name))
    }
}

fn document(row: &DocumentRow) -> Value {
    json!({
        "id": row.id, "title": row.title, "url": row.url, "metadata": row.metadata, "chunks": row.chunks,
        "created_at": row.created_at,
    })
}

/// What vectors are asked for.
fn ask(asking: &Asking) -> Ask {
    Ask {
        dialect: kept::LANGUAGE,
        stream: false,
        caller_key: None,
        key_is_for: OnceCell::new(),
        trace: asking.trace.clone(),
        clock: asking.clock,
        arrived_ms: now_ms(),
        trail: Rc::default(),
        left: asking.left.clone(),
        owner: String::new(),
        route: "collection",
        cache_ttl: None,
        is_logged: Rc::default(),
        preface: Vec::new(),
        kept: false,
        given: 0,
        session: None,
    }
}

/// What is not the caller's does not exist.
pub fn no_collection() -> ChatError {
    ChatError {
        param: Some("collection".to_owned()),
        ..ChatError::new(ErrorKind::NotFound, "there is no such collection")
    }
}

fn no_document() -> ChatError {
    ChatError { param: Some("id".to_owned()), ..ChatError::new(ErrorKind::NotFound, "there is no such document") }
}
