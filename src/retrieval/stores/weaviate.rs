//! Facts: <https://docs.weaviate.io/weaviate/api>. A 200 is no success: each object has its own result, and a query
//! its errors.

use http::Method;
use serde_json::{Value, json};

use super::{Call, Fault, Point, Store, failed, json_of, payload, request, unreadable};
use crate::models::{ChatError, Secret};

pub struct Weaviate {
    pub url: String,
    pub key: Option<Secret>,
    pub class: String,
}

impl Weaviate {
    fn call(&self, method: Method, path: &str, body: &Value) -> Result<Call, ChatError> {
        let key = self.key.as_ref().map(|key| ("authorization", format!("Bearer {}", key.reveal())));
        request(method, format!("{}/v1{path}", self.url), key, body)
    }
}

impl Store for Weaviate {
    fn most_points(&self) -> usize {
        200
    }

    /// Left to itself it would divide ids into words.
    fn prepare(&self, _: usize) -> Result<Vec<Call>, ChatError> {
        let id =
            |name: &str| json!({"name": name, "dataType": ["text"], "tokenization": "field", "indexSearchable": false});
        let text = |name: &str| json!({"name": name, "dataType": ["text"], "indexFilterable": false, "indexSearchable": false});
        let properties = json!([
            id("collection"),
            id("document"),
            {"name": "chunk", "dataType": ["int"]},
            text("text"),
            text("title"),
            text("url"),
        ]);
        let class = json!({
            "class": self.class, "vectorizer": "none", "vectorIndexConfig": {"distance": "cosine"},
            "properties": properties,
        });
        Ok(vec![self.call(Method::POST, "/schema", &class)?])
    }

    fn upsert(&self, collection: &str, points: &[Point]) -> Result<Call, ChatError> {
        let objects: Vec<Value> = points
            .iter()
            .map(|point| {
                json!({
                    "class": self.class, "id": point.id, "properties": payload(collection, point),
                    "vector": point.vector,
                })
            })
            .collect();
        self.call(Method::POST, "/batch/objects", &json!({"objects": objects}))
    }

    fn query(&self, collection: &str, vector: &[f32], most: u64) -> Result<Call, ChatError> {
        let own = format!("{{path: [\"collection\"], operator: Equal, valueText: {}}}", json!(collection));
        let near = format!("nearVector: {{vector: {}}}, limit: {most}, where: {own}", json!(vector));
        let query = format!("{{ Get {{ {}({near}) {{ _additional {{ id distance }} }} }} }}", self.class);
        self.call(Method::POST, "/graphql", &json!({"query": query}))
    }

    fn delete(&self, _: &str, ids: &[String]) -> Result<Call, ChatError> {
        let own = json!({"path": ["id"], "operator": "ContainsAny", "valueTextArray": ids});
        let body = json!({"match": {"class": self.class, "where": own}, "output": "minimal", "dryRun": false});
        self.call(Method::DELETE, "/batch/objects", &body)
    }

    fn read_done(&self, status: u16, body: &[u8]) -> Result<(), Fault> {
        let value = json_of(body);
        let words = words(&value);
        if !(200..300).contains(&status) {
            return match words {
                Some(words) if status == 422 && words.contains("already") => Ok(()),
                words => Err(failed(status, words)),
            };
        }
        let results = value.as_array().into_iter().flatten();
        let wrong = results.filter_map(|object| object.pointer("/result/errors/error/0/message")).next();
        match wrong.and_then(Value::as_str) {
            Some(words) => Err(failed(400, Some(words))),
            None => match value.pointer("/results/failed").and_then(Value::as_u64) {
                Some(count) if count > 0 => Err(failed(500, Some("some objects could not be deleted"))),
                _ => Ok(()),
            },
        }
    }

    fn read_near(&self, status: u16, body: &[u8]) -> Result<Vec<String>, Fault> {
        let value = json_of(body);
        let said = value.pointer("/errors/0/message").and_then(Value::as_str).or_else(|| words(&value));
        // Where there is no class yet there is nothing in it.
        let is_new = |words: &str| words.contains("Cannot query field") || words.contains("no graphql provider");
        match said {
            Some(words) if is_new(words) => return Ok(Vec::new()),
            Some(words) => return Err(failed(if status < 300 { 400 } else { status }, Some(words))),
            None if status >= 300 => return Err(failed(status, None)),
            None => {}
        }
        let found = value.pointer(&format!("/data/Get/{}", self.class)).and_then(Value::as_array);
        let id = |object: &Value| object.pointer("/_additional/id")?.as_str().map(str::to_owned);
        found.map(|objects| objects.iter().filter_map(id).collect()).ok_or_else(unreadable)
    }
}

fn words(value: &Value) -> Option<&str> {
    value.pointer("/error/0/message").or_else(|| value.get("message")).and_then(Value::as_str)
}
