//! The items in which the model speaks and thinks, while they are open.

use serde_json::{Map, Value, json};

use super::frames::{Wire, place};
use super::output::Head;

/// What a piece of a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    Text,
    Refusal,
}

impl Voice {
    fn delta(self) -> &'static str {
        match self {
            Voice::Text => "response.output_text.delta",
            Voice::Refusal => "response.refusal.delta",
        }
    }

    fn done(self) -> &'static str {
        match self {
            Voice::Text => "response.output_text.done",
            Voice::Refusal => "response.refusal.done",
        }
    }

    /// The part, and the fields that tell of its text when it is done.
    fn whole(self, text: &str, annotations: &[Value]) -> (Value, Value) {
        match self {
            Voice::Text => (
                json!({"type": "output_text", "annotations": annotations, "logprobs": [], "text": text}),
                json!({"text": text, "logprobs": []}),
            ),
            Voice::Refusal => (json!({"type": "refusal", "refusal": text}), json!({"refusal": text})),
        }
    }
}

/// A message.
pub struct Message {
    pub head: Head,
    /// The parts that are done.
    content: Vec<Value>,
    part: Option<Part>,
    /// How many bytes of text were said.
    pub said: usize,
    pub phase: Option<String>,
}

struct Part {
    voice: Voice,
    text: String,
    annotations: Vec<Value>,
    place: Vec<u8>,
}

impl Message {
    pub fn begin(head: Head, to: &mut Wire<'_>) -> Self {
        let message = Message { head, content: Vec::new(), part: None, said: 0, phase: None };
        to.event("response.output_item.added", &message.head.about(&message.item("in_progress")));
        message
    }

    pub fn say(&mut self, voice: Voice, text: &str, to: &mut Wire<'_>) {
        let part = self.part(voice, to);
        part.text.push_str(text);
        to.delta(voice.delta(), &part.place, text, voice == Voice::Text);
        if voice == Voice::Text {
            self.said = self.said.saturating_add(text.len());
        }
    }

    /// Whether a source can be noted at a text.
    pub fn has_open_text(&self) -> bool {
        self.part.as_ref().is_some_and(|part| part.voice == Voice::Text)
    }

    pub fn cite(&mut self, annotation: Value, to: &mut Wire<'_>) {
        self.part(Voice::Text, to);
        let mut fields = self.head.place(&[("content_index", self.content.len())]);
        let Some(part) = &mut self.part else { return };
        fields.insert("annotation_index".to_owned(), json!(part.annotations.len()));
        fields.insert("annotation".to_owned(), annotation.clone());
        part.annotations.push(annotation);
        to.event("response.output_text.annotation.added", &Value::Object(fields));
    }

    /// The open part of this voice; another one is done with it.
    fn part(&mut self, voice: Voice, to: &mut Wire<'_>) -> &mut Part {
        if self.part.as_ref().is_some_and(|part| part.voice != voice) {
            self.end_part(to);
        }
        let (head, index) = (&self.head, self.content.len());
        self.part.get_or_insert_with(|| {
            let mut fields = head.place(&[("content_index", index)]);
            fields.insert("part".to_owned(), voice.whole("", &[]).0);
            to.event("response.content_part.added", &Value::Object(fields));
            let place = place(&head.id, head.index, Some(("content_index", index)));
            Part { voice, text: String::new(), annotations: Vec::new(), place }
        })
    }

    fn end_part(&mut self, to: &mut Wire<'_>) {
        let Some(Part { voice, text, annotations, .. }) = self.part.take() else { return };
        let (whole, said) = voice.whole(&text, &annotations);
        let mut fields = self.head.place(&[("content_index", self.content.len())]);
        let mut done = fields.clone();
        if let Value::Object(said) = said {
            done.extend(said);
        }
        to.event(voice.done(), &Value::Object(done));
        fields.insert("part".to_owned(), whole.clone());
        to.event("response.content_part.done", &Value::Object(fields));
        self.content.push(whole);
    }

    /// The item as it is in the end.
    pub fn end(&mut self, status: &str, to: &mut Wire<'_>) -> Value {
        self.end_part(to);
        let item = self.item(status);
        to.event("response.output_item.done", &self.head.about(&item));
        item
    }

    fn item(&self, status: &str) -> Value {
        let mut item = json!({
            "id": self.head.id, "type": "message", "status": status, "role": "assistant", "content": self.content,
        });
        if let (Some(phase), Some(fields)) = (&self.phase, item.as_object_mut()) {
            fields.insert("phase".to_owned(), json!(phase));
        }
        item
    }
}

/// What the model thinks, as one summary.
pub struct Reasoning {
    head: Head,
    summary: Option<Summary>,
}

struct Summary {
    text: String,
    place: Vec<u8>,
}

impl Reasoning {
    pub fn begin(head: Head, to: &mut Wire<'_>) -> Self {
        let item = json!({"id": head.id, "type": "reasoning", "summary": []});
        to.event("response.output_item.added", &head.about(&item));
        Reasoning { head, summary: None }
    }

    pub fn think(&mut self, text: &str, to: &mut Wire<'_>) {
        let head = &self.head;
        let summary = self.summary.get_or_insert_with(|| {
            let mut fields = head.place(&[("summary_index", 0)]);
            fields.insert("part".to_owned(), summary_part(""));
            to.event("response.reasoning_summary_part.added", &Value::Object(fields));
            Summary { text: String::new(), place: place(&head.id, head.index, Some(("summary_index", 0))) }
        });
        summary.text.push_str(text);
        to.delta("response.reasoning_summary_text.delta", &summary.place, text, false);
    }

    /// The item as it is in the end: its place, and what it is.
    pub fn end(self, sealed: Option<String>, cut_off: bool, to: &mut Wire<'_>) -> (usize, Value) {
        let Reasoning { head, summary } = self;
        let parts: Vec<Value> = summary.iter().map(|summary| summary_part(&summary.text)).collect();
        if let Some(Summary { text, .. }) = &summary {
            let mut fields = head.place(&[("summary_index", 0)]);
            let mut done = fields.clone();
            done.insert("text".to_owned(), json!(text));
            to.event("response.reasoning_summary_text.done", &Value::Object(done));
            fields.insert("part".to_owned(), summary_part(text));
            to.event("response.reasoning_summary_part.done", &Value::Object(fields));
        }
        let mut item = Map::new();
        item.insert("id".to_owned(), json!(head.id));
        item.insert("type".to_owned(), json!("reasoning"));
        item.insert("summary".to_owned(), Value::Array(parts));
        if let Some(sealed) = sealed {
            item.insert("encrypted_content".to_owned(), json!(sealed));
        }
        if cut_off {
            item.insert("status".to_owned(), json!("incomplete"));
        }
        let item = Value::Object(item);
        to.event("response.output_item.done", &head.about(&item));
        (head.index, item)
    }
}

fn summary_part(text: &str) -> Value {
    json!({"type": "summary_text", "text": text})
}
