//! Facts: <https://api.qdrant.tech>. A point's id is a UUID; filters need an index on managed servers.

use http::Method;
use serde_json::{Value, json};

use super::{Call, Fault, Point, Store, failed, json_of, payload, request, unreadable};
use crate::models::{ChatError, Secret};

pub struct Qdrant {
    pub url: String,
    pub key: Option<Secret>,
    pub collection: String,
}

impl Qdrant {
    fn call(&self, method: Method, path: &str, body: &Value) -> Result<Call, ChatError> {
        let key = self.key.as_ref().map(|key| ("api-key", key.reveal().to_owned()));
        request(method, format!("{}/collections/{}{path}", self.url, self.collection), key, body)
    }
}

impl Store for Qdrant {
    /// A vector of 1,536 numbers is about 20 KB of JSON, and a body at most 32 MB.
    fn most_points(&self) -> usize {
        256
    }

    fn prepare(&self, dimensions: usize) -> Result<Vec<Call>, ChatError> {
        let index = json!({"field_name": "collection", "field_schema": {"type": "keyword", "is_tenant": true}});
        Ok(vec![
            self.call(Method::PUT, "", &json!({"vectors": {"size": dimensions, "distance": "Cosine"}}))?,
            self.call(Method::PUT, "/index?wait=true", &index)?,
        ])
    }

    fn upsert(&self, collection: &str, points: &[Point]) -> Result<Call, ChatError> {
        let points: Vec<Value> = points
            .iter()
            .map(|point| json!({"id": point.id, "vector": point.vector, "payload": payload(collection, point)}))
            .collect();
        self.call(Method::PUT, "/points?wait=true", &json!({"points": points}))
    }

    fn query(&self, collection: &str, vector: &[f32], most: u64) -> Result<Call, ChatError> {
        let own = json!({"must": [{"key": "collection", "match": {"value": collection}}]});
        let body = json!({"query": vector, "filter": own, "limit": most, "with_payload": false});
        self.call(Method::POST, "/points/query", &body)
    }

    fn delete(&self, _: &str, ids: &[String]) -> Result<Call, ChatError> {
        self.call(Method::POST, "/points/delete?wait=true", &json!({"points": ids}))
    }

    fn read_done(&self, status: u16, body: &[u8]) -> Result<(), Fault> {
        match status {
            // What exists already is there.
            200..=299 | 409 => Ok(()),
            404 => Err(Fault::Unprepared),
            _ => Err(failed(status, json_of(body).pointer("/status/error").and_then(Value::as_str))),
        }
    }

    fn read_near(&self, status: u16, body: &[u8]) -> Result<Vec<String>, Fault> {
        if status == 404 {
            return Ok(Vec::new());
        }
        self.read_done(status, body)?;
        let value = json_of(body);
        let points = value.pointer("/result/points").and_then(Value::as_array).ok_or_else(unreadable)?;
        Ok(points.iter().filter_map(|point| point.get("id")?.as_str().map(str::to_owned)).collect())
    }
}
