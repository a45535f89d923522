//! What comes of an operation that went well, and how that is written down.

use serde_json::{Map, Value, json};

use super::registry::{Registry, Shape};

/// An answer.
pub struct Answer {
    /// Its status.
    pub status: &'static str,
    /// What it is.
    pub about: &'static str,
    /// What is in it.
    pub content: Content,
    /// What it looks like.
    pub sample: Option<&'static str>,
}

/// What is in an answer.
pub enum Content {
    /// No body.
    Nothing,
    /// One JSON value.
    Json(Shape),
    /// Text of a type that has no schema.
    Text(&'static str),
    /// One JSON value a line.
    Lines(Shape),
    /// Server-sent events: their names and payloads.
    Events(Vec<(&'static str, Shape)>),
    /// A WebSocket: what the client sends, and what it gets.
    Socket(Shape, Shape),
}

/// A content as it is written: its type, what is told of it, and in words what that leads to. What is no body has no
/// type.
struct Written {
    kind: &'static str,
    media: Map<String, Value>,
    named: Vec<String>,
}

impl Answer {
    /// Adds an event to a stream.
    pub fn add_event(&mut self, name: &'static str, shape: Shape) {
        if let Content::Events(events) = &mut self.content {
            events.push((name, shape));
        }
    }

    /// Whether it has no body.
    pub fn is_empty(&self) -> bool {
        matches!(self.content, Content::Nothing)
    }

    /// Adds itself to a response: one address may answer in several types.
    pub fn write(&self, registry: &mut Registry, response: &mut Map<String, Value>) {
        let Some(Written { kind, mut media, named }) = self.content.write(registry) else { return };
        if let Some(Value::String(about)) = response.get_mut("description").filter(|_| !named.is_empty()) {
            about.push_str("\n\n");
            about.push_str(&named.join(" "));
        }
        if kind.is_empty() {
            response.extend(media);
            return;
        }
        media.extend(self.sample.map(|text| ("example".to_owned(), json!(text))));
        let content = response.entry("content").or_insert_with(|| Value::Object(Map::new()));
        if let Some(content) = content.as_object_mut() {
            content.insert(kind.to_owned(), Value::Object(media));
        }
    }
}

impl Content {
    fn write(&self, registry: &mut Registry) -> Option<Written> {
        let Registry { inputs, outputs } = registry;
        let text = |about: &str| json!({"type": "string", "description": about});
        Some(match self {
            Content::Nothing => return None,
            Content::Json(shape) => written("application/json", vec![("schema", shape(outputs))], Vec::new()),
            Content::Text(kind) => written(kind, vec![("schema", json!({"type": "string"}))], Vec::new()),
            Content::Lines(shape) => {
                let line = shape(outputs);
                let named = vec![format!("Each line carries {}.", name_of(&line))];
                let schema = text("One JSON object a line: see `x-line`.");
                written("application/x-ndjson", vec![("schema", schema), ("x-line", line)], named)
            }
            Content::Events(events) => {
                let mut media = vec![("schema", text("Server-sent events."))];
                let told: Map<String, Value> =
                    events.iter().map(|(name, shape)| ((*name).to_owned(), shape(outputs))).collect();
                let named = told.iter().map(|(name, data)| format!("`event: {name}` carries {}.", name_of(data)));
                let named: Vec<String> = named.collect();
                if !told.is_empty() {
                    media.push(("x-events", Value::Object(told)));
                }
                written("text/event-stream", media, named)
            }
            Content::Socket(sends, gets) => {
                let (client, server) = (sends(inputs), gets(outputs));
                let named = format!("The client sends {}, and gets {}.", name_of(&client), name_of(&server));
                written("", vec![("x-messages", json!({"client": client, "server": server}))], vec![named])
            }
        })
    }
}

fn written(kind: &'static str, media: Vec<(&str, Value)>, named: Vec<String>) -> Written {
    let media = media.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Written { kind, media, named }
}

/// What a reference leads to, in words.
fn name_of(reference: &Value) -> String {
    let path = reference.get("$ref").and_then(Value::as_str).unwrap_or_default();
    format!("`{}`", path.rsplit('/').next().unwrap_or_default())
}
