//! The items by which the model calls tools.
//!
//! Calls may come one after another or in turns. One whose arguments are complete is done when the next
//! item begins, so that a client can begin to work on it; the others are done at the end.

use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::frames::{Wire, place};
use super::output::Head;
use crate::models::{ToolDelta, ToolKind};

pub struct Call {
    pub head: Head,
    kind: ToolKind,
    id: String,
    name: String,
    arguments: String,
    place: Vec<u8>,
    pub done: bool,
}

impl Call {
    pub fn begin(head: Head, delta: &ToolDelta<'_>, to: &mut Wire<'_>) -> Self {
        let call = Call {
            place: place(&head.id, head.index, None),
            head,
            kind: delta.kind,
            id: delta.id.to_owned(),
            name: delta.name.unwrap_or_default().to_owned(),
            arguments: String::new(),
            done: false,
        };
        to.event("response.output_item.added", &call.head.about(&call.item("in_progress")));
        call
    }

    /// The prefix of an item's id.
    pub fn prefix(kind: ToolKind) -> &'static str {
        match kind {
            ToolKind::Function => "fc",
            ToolKind::Custom => "ctc",
        }
    }

    pub fn push(&mut self, delta: &ToolDelta<'_>, to: &mut Wire<'_>) {
        if let Some(name) = delta.name {
            name.clone_into(&mut self.name);
        }
        if self.done || delta.arguments.is_empty() {
            return;
        }
        self.arguments.push_str(delta.arguments);
        let kind = match self.kind {
            ToolKind::Function => "response.function_call_arguments.delta",
            ToolKind::Custom => "response.custom_tool_call_input.delta",
        };
        to.delta(kind, &self.place, delta.arguments, false);
    }

    /// Whether nothing more can come. Free text may always go on.
    pub fn is_complete(&self) -> bool {
        self.kind == ToolKind::Function
            && !self.name.is_empty()
            && self.arguments.trim_end().ends_with('}')
            && serde_json::from_str::<IgnoredAny>(&self.arguments).is_ok()
    }

    /// The item as it is in the end.
    pub fn end(&mut self, status: &str, to: &mut Wire<'_>) -> Value {
        self.done = true;
        let (kind, name) = match self.kind {
            ToolKind::Function => ("response.function_call_arguments.done", "arguments"),
            ToolKind::Custom => ("response.custom_tool_call_input.done", "input"),
        };
        let mut fields = self.head.place(&[]);
        fields.insert(name.to_owned(), json!(self.arguments));
        to.event(kind, &Value::Object(fields));
        let item = self.item(status);
        to.event("response.output_item.done", &self.head.about(&item));
        self.arguments = String::new();
        item
    }

    fn item(&self, status: &str) -> Value {
        let id = &self.head.id;
        match self.kind {
            ToolKind::Function => json!({
                "id": id, "type": "function_call", "status": status, "arguments": self.arguments, "call_id": self.id,
                "name": self.name,
            }),
            ToolKind::Custom => json!({
                "id": id, "type": "custom_tool_call", "status": status, "call_id": self.id, "input": self.arguments,
                "name": self.name,
            }),
        }
    }
}
