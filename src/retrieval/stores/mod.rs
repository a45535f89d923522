//! The wire languages of vector stores, as pure functions: what is sent, and what an answer means. Each holds vectors
//! by ids of ours; what they belong to is known here. So an id that we do not know is none of ours, whoever put it
//! there, and a store that is late to forget shows nothing.

mod pinecone;
mod qdrant;
mod vectorize;
mod weaviate;

use http::{Method, Request};
use serde_json::{Map, Value, json};

use super::StoreSettings;
use crate::models::{ChatError, ErrorKind, Secret};

/// A vector, and what other programs may want to know of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// A UUID.
    pub id: String,
    /// The vector.
    pub vector: Vec<f32>,
    /// The document's id.
    pub document: String,
    /// Which piece of it.
    pub chunk: u64,
    /// The piece.
    pub text: String,
    /// The document's title.
    pub title: Option<String>,
    /// Its address.
    pub url: Option<String>,
}

/// What is to be sent.
pub enum Call {
    /// Over HTTP.
    Http(Box<Request<Vec<u8>>>),
    /// A method of a binding, and its arguments.
    Binding(&'static str, Vec<Value>),
}

/// A store that is spoken to. `collection` is a name that no two callers share: 64 hexadecimal digits.
pub trait Store {
    /// The most points at once.
    fn most_points(&self) -> usize;

    /// The most ids to be deleted at once.
    fn most_ids(&self) -> usize {
        1000
    }

    /// The most neighbours that are told at once.
    fn most_near(&self) -> u64 {
        200
    }

    /// What makes it ready for vectors of this length. What exists already is told by an error, which is none.
    fn prepare(&self, dimensions: usize) -> Result<Vec<Call>, ChatError>;

    /// Keeps points, and replaces those of the same id.
    fn upsert(&self, collection: &str, points: &[Point]) -> Result<Call, ChatError>;

    /// Asks for the nearest of a collection.
    fn query(&self, collection: &str, vector: &[f32], most: u64) -> Result<Call, ChatError>;

    /// Forgets points.
    fn delete(&self, collection: &str, ids: &[String]) -> Result<Call, ChatError>;

    /// What is wrong with an answer to anything but a query, if something is.
    fn read_done(&self, status: u16, body: &[u8]) -> Result<(), Fault>;

    /// The same of the answer to a deletion.
    fn read_deleted(&self, status: u16, body: &[u8]) -> Result<(), Fault> {
        self.read_done(status, body)
    }

    /// The ids that a query found, nearest first.
    fn read_near(&self, status: u16, body: &[u8]) -> Result<Vec<String>, Fault>;
}

/// Why a store did not do what it was asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// It has to be made ready first.
    Unprepared,
    /// It failed.
    Failed(ChatError),
}

/// The store of these settings.
pub fn open(settings: &StoreSettings, key: Option<Secret>) -> Box<dyn Store> {
    match settings {
        StoreSettings::Qdrant { url, collection, .. } => {
            Box::new(qdrant::Qdrant { url: url.clone(), key, collection: collection.clone() })
        }
        StoreSettings::Pinecone { url, .. } => Box::new(pinecone::Pinecone { url: url.clone(), key }),
        StoreSettings::Weaviate { url, class, .. } => {
            Box::new(weaviate::Weaviate { url: url.clone(), key, class: class.clone() })
        }
        StoreSettings::Vectorize { .. } => Box::new(vectorize::Vectorize),
    }
}

/// What is kept beside a vector. Nothing is null: two of the stores refuse that.
fn payload(collection: &str, point: &Point) -> Map<String, Value> {
    let mut payload = Map::new();
    payload.insert("collection".to_owned(), json!(collection));
    payload.insert("document".to_owned(), json!(point.document));
    payload.insert("chunk".to_owned(), json!(point.chunk));
    payload.insert("text".to_owned(), json!(point.text));
    for (name, value) in [("title", &point.title), ("url", &point.url)] {
        if let Some(value) = value {
            payload.insert(name.to_owned(), json!(value));
        }
    }
    payload
}

fn request(method: Method, address: String, header: Option<(&str, String)>, body: &Value) -> Result<Call, ChatError> {
    let mut request = Request::builder().method(method).uri(address).header("content-type", "application/json");
    if let Some((name, value)) = header {
        request = request.header(name, value);
    }
    // Not the cause: it may quote the key.
    let unsayable =
        |_| ChatError::new(ErrorKind::Internal, "the vector store's address or key cannot be sent over HTTP");
    request.body(body.to_string().into_bytes()).map(|request| Call::Http(Box::new(request))).map_err(unsayable)
}

/// A status that says what went wrong, with the store's own words where it has some.
fn failed(status: u16, words: Option<&str>) -> Fault {
    let kind = match status {
        401 | 403 => ErrorKind::ProviderAuth,
        429 => ErrorKind::RateLimited,
        503 => ErrorKind::Overloaded,
        _ => ErrorKind::Provider,
    };
    let error = ChatError::new(kind, words.map_or_else(|| format!("it answered {status}"), str::to_owned));
    // The same request would be refused again.
    Fault::Failed(ChatError { retryable: error.retryable && !(400..429).contains(&status), ..error })
}

fn unreadable() -> Fault {
    Fault::Failed(ChatError::new(ErrorKind::Provider, "its answer cannot be read"))
}

fn json_of(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_default()
}
