//! The languages of earlier services' clients: a prompt in, words out, each in its own shape. Only clients speak them.

use serde_json::{Value, json};

use super::fields::{self, Fields};
use super::{Encode, ErrorReply, ReplyOptions, ToClient};
use crate::framing::{write_json_str, write_json_value};
use crate::models::{ChatError, ChatRequest, Event, Message, Part, Role};

/// One of these languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Earlier {
    /// `data: {"content":...}`, and `data: {"done":true}` at the end.
    Contents,
    /// `data: {"type":"delta","value":...}`; the stream's end is the end.
    Deltas,
    /// `{"response":...}`, whole.
    Response,
    /// Nothing but the text.
    Text,
}

impl ToClient for Earlier {
    fn read_request(&self, body: &[u8]) -> Result<ChatRequest, ChatError> {
        let map = fields::read_body(body)?;
        let fields = Fields::root(&map);
        if let Some(unknown) = fields.unknown(&["prompt", "model", "provider"]).first() {
            return fields.wrong(unknown, "is not a field of this route");
        }
        Ok(ChatRequest {
            provider: fields.str("provider")?.map(str::to_owned),
            model: fields.str("model")?.map(str::to_owned),
            messages: vec![said(fields.need_str("prompt")?)],
            stream: *self != Earlier::Response,
            ..ChatRequest::default()
        })
    }

    fn encoder(&self, _: ReplyOptions, _: &ChatRequest) -> Box<dyn Encode> {
        Box::new(Words { language: *self, whole: String::new() })
    }

    fn stream_type(&self) -> &'static str {
        match self {
            Earlier::Response => "application/json",
            // What the service said that these clients come from, of bare text, too.
            _ => "text/event-stream; charset=utf-8",
        }
    }

    fn filtered_is_error(&self) -> bool {
        true
    }

    fn write_error(&self, error: &ChatError, _: &str) -> ErrorReply {
        let body = json!({"detail": error.message}).to_string().into_bytes();
        ErrorReply { status: error.kind.status(), body, headers: Vec::new() }
    }
}

/// What a person says.
fn said(text: &str) -> Message {
    Message { role: Role::User, parts: vec![Part::Text(text.to_owned())], tool_call_id: None }
}

struct Words {
    language: Earlier,
    whole: String,
}

impl Words {
    fn say(&mut self, text: &str, out: &mut Vec<u8>) {
        match self.language {
            Earlier::Contents => frame("{\"content\":", text, out),
            Earlier::Deltas => frame("{\"type\":\"delta\",\"value\":", text, out),
            Earlier::Response => self.whole.push_str(text),
            Earlier::Text => out.extend_from_slice(text.as_bytes()),
        }
    }

    fn fail(&self, error: &ChatError, out: &mut Vec<u8>) {
        match self.language {
            Earlier::Contents => out.extend_from_slice(b"data: {\"error\":\"stream_error\"}\n\n"),
            Earlier::Deltas => frame("{\"type\":\"error\",\"value\":", &error.message, out),
            // A failure while the client waits for the whole is told by a status.
            Earlier::Response => {}
            // There is no other place to say that this is not the end.
            Earlier::Text => out.extend_from_slice(format!("\n\nAn error occurred: {}", error.message).as_bytes()),
        }
    }
}

impl Encode for Words {
    fn event(&mut self, event: Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Text(text) | Event::Refusal(text) if !text.is_empty() => self.say(text, out),
            Event::Finish { .. } => match self.language {
                Earlier::Contents => out.extend_from_slice(b"data: {\"done\":true}\n\n"),
                Earlier::Response => {
                    out.extend_from_slice(b"{\"response\":");
                    write_json_str(out, &self.whole);
                    out.push(b'}');
                }
                Earlier::Deltas | Earlier::Text => {}
            },
            Event::Error(error) => self.fail(error, out),
            _ => {}
        }
    }

    /// Such clients split at the first letters of a frame, and know no others.
    fn heartbeat(&mut self, _: &mut Vec<u8>) {}
}

/// A frame whose JSON ends with a text.
fn frame(head: &str, text: &str, out: &mut Vec<u8>) {
    let mut body = head.as_bytes().to_vec();
    write_json_str(&mut body, text);
    body.push(b'}');
    write_splittable(&body, out);
}

/// The first frame of an answer of the streaming chatbot's: what was said before.
pub fn write_history(items: &Value) -> Vec<u8> {
    let (mut body, mut out) = (Vec::new(), Vec::new());
    write_json_value(&mut body, &json!({"type": "chat_history", "value": items}));
    write_splittable(&body, &mut out);
    out
}

/// A frame of JSON for clients that do nothing but split at `data: `: within it these letters are written otherwise.
fn write_splittable(json: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"data: ");
    let mut rest = json;
    while let Some((head, tail)) = memchr::memmem::find(rest, b"data: ").and_then(|at| rest.split_at_checked(at)) {
        out.extend_from_slice(head);
        // Only strings have such letters in JSON, and there this is the same.
        out.extend_from_slice(b"data:\\u0020");
        rest = tail.get(6..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    out.extend_from_slice(b"\n\n");
}

/// What was said before, as the streaming chatbot's clients read it.
pub fn chat_item(message: &Value) -> Option<Value> {
    let role = message.get("role").and_then(Value::as_str).filter(|role| matches!(*role, "user" | "assistant"))?;
    let content = text_of(message);
    let kind = match role {
        "assistant" if message.get("error").is_some() => "error",
        "assistant" if is_code(message) => "code",
        _ => "text",
    };
    Some(json!({"content": content, "type": kind, "role": role}))
}

/// Whether it is code, by the mode in which it was made.
fn is_code(message: &Value) -> bool {
    message.pointer("/state/mode").and_then(Value::as_str) == Some("generate_code")
}

/// A kept message's text.
pub fn text_of(message: &Value) -> String {
    match message.get("content") {
        Some(Value::String(text)) if text.is_empty() => {
            message.get("refusal").and_then(Value::as_str).unwrap_or_default().to_owned()
        }
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str)).collect(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{ErrorKind, Finish};

    fn written(language: Earlier) -> String {
        let down = ChatError::new(ErrorKind::Overloaded, "down");
        let mut encoder = language.encoder(ReplyOptions::default(), &ChatRequest::default());
        let mut out = Vec::new();
        for event in [
            Event::Text("a\n\"data: b\""),
            Event::Reasoning("hm"),
            Event::Text(""),
            Event::Finish { reason: Finish::Stop, raw: None },
            Event::Error(&down),
        ] {
            encoder.event(event, &mut out);
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_has_its_own_shape() {
        let cases = [
            (
                Earlier::Contents,
                "data: {\"content\":\"a\\n\\\"data:\\u0020b\\\"\"}\n\ndata: {\"done\":true}\n\ndata: {\"error\":\"stream_error\"}\n\n",
            ),
            (
                Earlier::Deltas,
                "data: {\"type\":\"delta\",\"value\":\"a\\n\\\"data:\\u0020b\\\"\"}\n\ndata: {\"type\":\"error\",\"value\":\"down\"}\n\n",
            ),
            (Earlier::Response, "{\"response\":\"a\\n\\\"data: b\\\"\"}"),
            (Earlier::Text, "a\n\"data: b\"\n\nAn error occurred: down"),
        ];
        for (language, expected) in cases {
            assert_eq!(written(language), expected);
        }
    }

    #[test]
    fn what_was_said_is_an_item() {
        let item = |message: Value| chat_item(&message).map(|item| item.to_string());
        let code = item(json!({"role": "assistant", "content": "x()", "state": {"mode": "generate_code"}}));
        assert_eq!(code.as_deref(), Some(r#"{"content":"x()","type":"code","role":"assistant"}"#));
        let parts = item(json!({"role": "user", "content": [{"type": "text", "text": "a"}]}));
        assert_eq!(parts.as_deref(), Some(r#"{"content":"a","type":"text","role":"user"}"#));
        assert_eq!(item(json!({"role": "tool", "content": "x"})), None);
        let failed = item(json!({"role": "assistant", "content": "a", "error": {}}));
        assert_eq!(failed.as_deref(), Some(r#"{"content":"a","type":"error","role":"assistant"}"#));
    }
}
