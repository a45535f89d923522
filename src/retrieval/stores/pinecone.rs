//! Facts: <https://docs.pinecone.io/reference/api>. A namespace a collection; it sees its own writes seconds later.

use http::Method;
use serde_json::{Value, json};

use super::{Call, Fault, Point, Store, failed, json_of, payload, request, unreadable};
use crate::models::{ChatError, Secret};

pub struct Pinecone {
    pub url: String,
    pub key: Option<Secret>,
}

impl Pinecone {
    fn call(&self, path: &str, body: &Value) -> Result<Call, ChatError> {
        let key = self.key.as_ref().map(|key| ("api-key", key.reveal().to_owned()));
        let mut call = request(Method::POST, format!("{}{path}", self.url), key, body)?;
        if let Call::Http(request) = &mut call {
            let version = http::HeaderValue::from_static("2025-10");
            request.headers_mut().insert("x-pinecone-api-version", version);
        }
        Ok(call)
    }
}

impl Store for Pinecone {
    /// A vector of 3,072 numbers is about 40 KB of JSON with its text, and a body at most 2 MB.
    fn most_points(&self) -> usize {
        40
    }

    /// An index is made by hand.
    fn prepare(&self, _: usize) -> Result<Vec<Call>, ChatError> {
        Ok(Vec::new())
    }

    fn upsert(&self, collection: &str, points: &[Point]) -> Result<Call, ChatError> {
        let vectors: Vec<Value> = points
            .iter()
            .map(|point| json!({"id": point.id, "values": point.vector, "metadata": payload(collection, point)}))
            .collect();
        self.call("/vectors/upsert", &json!({"vectors": vectors, "namespace": collection}))
    }

    fn query(&self, collection: &str, vector: &[f32], most: u64) -> Result<Call, ChatError> {
        let body = json!({
            "vector": vector, "topK": most, "namespace": collection, "includeMetadata": false, "includeValues": false,
        });
        self.call("/query", &body)
    }

    fn delete(&self, collection: &str, ids: &[String]) -> Result<Call, ChatError> {
        self.call("/vectors/delete", &json!({"ids": ids, "namespace": collection}))
    }

    fn read_done(&self, status: u16, body: &[u8]) -> Result<(), Fault> {
        match status {
            200..=299 => Ok(()),
            _ => Err(failed(status, json_of(body).get("message").and_then(Value::as_str))),
        }
    }

    fn read_deleted(&self, status: u16, body: &[u8]) -> Result<(), Fault> {
        match status {
            // A namespace is made by its first vector: there is nothing to delete.
            404 => Ok(()),
            _ => self.read_done(status, body),
        }
    }

    fn read_near(&self, status: u16, body: &[u8]) -> Result<Vec<String>, Fault> {
        if !(200..300).contains(&status) {
            return Err(failed(status, json_of(body).get("message").and_then(Value::as_str)));
        }
        let value = json_of(body);
        let matches = value.get("matches").and_then(Value::as_array).ok_or_else(unreadable)?;
        Ok(matches.iter().filter_map(|found| found.get("id")?.as_str().map(str::to_owned)).collect())
    }
}
