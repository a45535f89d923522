//! Facts: <https://developers.cloudflare.com/vectorize/platform/limits/>, and the binding's source in workerd. A
//! namespace a collection; it sees its own writes seconds later.

use serde_json::{Value, json};

use super::{Call, Fault, Point, Store, failed, json_of, payload, unreadable};
use crate::models::ChatError;

/// Beside a text of at most 4 KB there is room for a title and an address within the 10 KB that are taken.
pub struct Vectorize;

impl Store for Vectorize {
    fn most_points(&self) -> usize {
        200
    }

    fn most_ids(&self) -> usize {
        100
    }

    fn most_near(&self) -> u64 {
        100
    }

    /// An index is made by hand.
    fn prepare(&self, _: usize) -> Result<Vec<Call>, ChatError> {
        Ok(Vec::new())
    }

    fn upsert(&self, collection: &str, points: &[Point]) -> Result<Call, ChatError> {
        let vectors: Vec<Value> = points
            .iter()
            .map(|point| {
                json!({
                    "id": point.id, "values": point.vector, "namespace": collection,
                    "metadata": payload(collection, point),
                })
            })
            .collect();
        Ok(Call::Binding("upsert", vec![Value::Array(vectors)]))
    }

    fn query(&self, collection: &str, vector: &[f32], most: u64) -> Result<Call, ChatError> {
        let options = json!({
            "topK": most, "namespace": collection, "returnMetadata": "none", "returnValues": false,
        });
        Ok(Call::Binding("query", vec![json!(vector), options]))
    }

    fn delete(&self, _: &str, ids: &[String]) -> Result<Call, ChatError> {
        Ok(Call::Binding("deleteByIds", vec![json!(ids)]))
    }

    /// What a binding throws comes as 502 with its words.
    fn read_done(&self, status: u16, body: &[u8]) -> Result<(), Fault> {
        match status {
            200..=299 => Ok(()),
            _ => {
                let words = String::from_utf8_lossy(body);
                let busy = words.contains("40041") || words.contains("Too Many Requests");
                Err(failed(if busy { 429 } else { 400 }, Some(&words)))
            }
        }
    }

    fn read_near(&self, status: u16, body: &[u8]) -> Result<Vec<String>, Fault> {
        self.read_done(status, body)?;
        let value = json_of(body);
        let matches = value.get("matches").and_then(Value::as_array).ok_or_else(unreadable)?;
        Ok(matches.iter().filter_map(|found| found.get("id")?.as_str().map(str::to_owned)).collect())
    }
}
