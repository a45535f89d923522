//! What a Durable Object lives in: its storage, its alarm, its sockets, and time beyond its requests.

use std::future::Future;

use js_sys::Array;
use serde_json::json;
use wasm_bindgen::{JsCast, JsValue};
use worker::{SqlStorageValue, State, WebSocket};

use super::{js, log};
use crate::models::{ChatError, ErrorKind};

pub use worker::SqlStorageValue as SqlValue;

/// The object's surroundings.
pub struct Home(State);

impl Home {
    /// Wraps what the runtime gives an object.
    pub fn new(state: State) -> Self {
        Home(state)
    }

    /// Its database.
    pub fn sql(&self) -> Sql {
        Sql(self.0.storage().sql())
    }

    /// Keeps the object alive until this is done.
    pub fn wait_until(&self, work: impl Future<Output = ()> + 'static) {
        self.0.wait_until(work);
    }

    /// Wakes the object in so many milliseconds; what was set before is forgotten.
    pub async fn set_alarm(&self, ms: u64) {
        // An alarm that cannot be set costs a late clean-up, and nothing that was promised.
        let _ = self.0.storage().set_alarm(i64::try_from(ms).unwrap_or(i64::MAX)).await;
    }

    /// Forgets all that the object has kept.
    pub async fn clear(&self) -> Result<(), ChatError> {
        let _ = self.0.storage().delete_alarm().await;
        self.0.storage().delete_all().await.map_err(|error| broken(&error.to_string()))
    }

    /// Accepts a socket that sleeps when nothing happens, under a tag of its own.
    pub fn accept(&self, socket: &WebSocket, tag: &str) -> Result<(), ChatError> {
        let state: &js::ObjectState = self.0.as_raw().unchecked_ref();
        let tags = Array::of1(&tag.into());
        state
            .accept_web_socket(socket.as_ref(), &tags)
            .map_err(|_| ChatError::new(ErrorKind::Overloaded, "the session has more sockets than it can hold"))
    }

    /// The sockets that are open.
    pub fn sockets(&self) -> Vec<WebSocket> {
        self.0.get_websockets()
    }

    /// The tag of a socket.
    pub fn tag(&self, socket: &WebSocket) -> String {
        self.0.get_tags(socket).into_iter().next().unwrap_or_default()
    }

    /// Answers one message with another without waking the object.
    pub fn answer_always(&self, message: &str, answer: &str) {
        if let Ok(pair) = worker::worker_sys::WebSocketRequestResponsePair::new(message, answer) {
            self.0.set_websocket_auto_response(&pair);
        }
    }

    /// When that last happened to a socket.
    pub fn answered_at(&self, socket: &WebSocket) -> Option<u64> {
        let state: &js::ObjectState = self.0.as_raw().unchecked_ref();
        state.auto_response_timestamp(socket.as_ref()).map(|date| date.get_time() as u64)
    }
}

/// A database of an object's own.
#[derive(Clone)]
pub struct Sql(worker::SqlStorage);

/// What a statement gives.
pub type Rows = Vec<Vec<SqlStorageValue>>;

impl Sql {
    /// Runs a statement, and gives its rows.
    pub fn run(&self, statement: &str, values: Vec<SqlStorageValue>) -> Result<Rows, ChatError> {
        let cursor = self.0.exec(statement, values).map_err(|error| broken(&error.to_string()))?;
        cursor.raw().collect::<Result<_, _>>().map_err(|error| broken(&error.to_string()))
    }

    /// Runs a statement with bytes as its last value, which are not copied twice.
    pub fn keep(&self, statement: &str, values: Vec<SqlStorageValue>, bytes: &[u8]) -> Result<(), ChatError> {
        let mut values: Vec<JsValue> = values.into_iter().map(JsValue::from).collect();
        values.push(js_sys::Uint8Array::from(bytes).into());
        self.0.exec_raw(statement, values).map(|_| ()).map_err(|error| broken(&error.to_string()))
    }
}

/// The cause is for the operator: it may name statements and values.
fn broken(cause: &str) -> ChatError {
    log(&json!({"event": "store", "error": cause}));
    ChatError::new(ErrorKind::Internal, "the object's store failed")
}
