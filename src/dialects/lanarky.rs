//! The language of an earlier service's clients: a conversation in, deltas out, each an event of its own.
//! Only clients speak it.
//!
//! Facts: the public Python package `lanarky`, its `StreamingClient` and `WebSocketClient`.

use serde_json::{Value, json};

use super::fields::{self, Fields};
use super::{Encode, ErrorReply, ReplyOptions, ToClient};
use crate::framing::{write_json_str, write_json_value};
use crate::models::{ChatError, ChatRequest, Event, Message, Part, Role};

/// The dialect's side towards clients, as messages of a WebSocket: one JSON object a line.
pub struct Lanarky;

/// What its requests may have.
const KNOWN: [&str; 5] = ["messages", "model", "provider", "temperature", "system"];

impl ToClient for Lanarky {
    fn read_request(&self, body: &[u8]) -> Result<ChatRequest, ChatError> {
        let map = fields::read_body(body)?;
        let fields = Fields::root(&map);
        if let Some(unknown) = fields.unknown(&KNOWN).first() {
            return fields.wrong(unknown, "is not a field of this route");
        }
        let mut chat = super::unified::read_conversation(&fields)?;
        if let Some(system) = fields.str("system")?.filter(|text| !text.is_empty()) {
            let parts = vec![Part::Text(system.to_owned())];
            chat.insert(0, Message { role: Role::System, parts, tool_call_id: None });
        }
        Ok(ChatRequest {
            provider: fields.str("provider")?.map(str::to_owned),
            model: fields.str("model")?.map(str::to_owned),
            messages: chat,
            // What the service that these clients come from had.
            temperature: Some(fields.number("temperature", 0.0, 2.0)?.unwrap_or(0.7)),
            stream: true,
            ..ChatRequest::default()
        })
    }

    fn encoder(&self, _: ReplyOptions, _: &ChatRequest) -> Box<dyn Encode> {
        Box::new(Lines)
    }

    fn stream_type(&self) -> &'static str {
        "application/x-ndjson"
    }

    fn filtered_is_error(&self) -> bool {
        true
    }

    fn write_error(&self, error: &ChatError, _: &str) -> ErrorReply {
        let mut body = Vec::new();
        Lines.event(Event::Error(error), &mut body);
        ErrorReply { status: error.kind.status(), body, headers: Vec::new() }
    }
}

/// The same language as server-sent events, or as one object at the end.
pub struct LanarkyEvents;

impl ToClient for LanarkyEvents {
    fn read_request(&self, body: &[u8]) -> Result<ChatRequest, ChatError> {
        let mut map = fields::read_body(body)?;
        let stream = Fields::root(&map).bool("stream")?.unwrap_or(false);
        map.shift_remove("stream");
        let body = Value::Object(map).to_string().into_bytes();
        Ok(ChatRequest { stream, ..Lanarky.read_request(&body)? })
    }

    fn encoder(&self, reply: ReplyOptions, _: &ChatRequest) -> Box<dyn Encode> {
        match reply.stream {
            true => Box::new(Events),
            false => Box::new(Whole { model: reply.model, text: String::new() }),
        }
    }

    fn filtered_is_error(&self) -> bool {
        true
    }

    fn write_error(&self, error: &ChatError, _: &str) -> ErrorReply {
        let body = failure(error).to_string().into_bytes();
        ErrorReply { status: error.kind.status(), body, headers: Vec::new() }
    }
}

fn failure(error: &ChatError) -> Value {
    json!({"status_code": error.kind.status().as_u16(), "detail": error.message})
}

struct Events;

impl Encode for Events {
    fn event(&mut self, event: Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Text(text) | Event::Refusal(text) if !text.is_empty() => frame("completion", text, out),
            Event::Finish { .. } => frame("end", "", out),
            Event::Error(error) => frame("error", &failure(error).to_string(), out),
            _ => {}
        }
    }

    fn heartbeat(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b": hb\n\n");
    }
}

/// A frame; each line of a text is one of its data lines.
fn frame(event: &str, text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(event.as_bytes());
    out.push(b'\n');
    // What ends a line to a reader of events ends one here.
    for line in text.replace("\r\n", "\n").split(['\n', '\r']) {
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(line.as_bytes());
        out.push(b'\n');
    }
    out.push(b'\n');
}

struct Whole {
    model: String,
    text: String,
}

impl Encode for Whole {
    fn event(&mut self, event: Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Start { model } => model.clone_into(&mut self.model),
            Event::Text(text) | Event::Refusal(text) => self.text.push_str(text),
            Event::Finish { .. } => write_json_value(out, &json!({"text": self.text, "model": self.model})),
            _ => {}
        }
    }

    fn heartbeat(&mut self, _: &mut Vec<u8>) {}
}

struct Lines;

impl Encode for Lines {
    fn event(&mut self, event: Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Text(text) | Event::Refusal(text) if !text.is_empty() => {
                out.extend_from_slice(b"{\"data\":");
                write_json_str(out, text);
                out.extend_from_slice(b",\"event\":\"completion\"}\n");
            }
            Event::Finish { .. } => out.extend_from_slice(b"{\"data\":\"\",\"event\":\"end\"}\n"),
            Event::Error(error) => {
                line(&json!({"data": failure(error), "event": "error"}), out);
            }
            _ => {}
        }
    }

    fn heartbeat(&mut self, _: &mut Vec<u8>) {}
}

fn line(value: &Value, out: &mut Vec<u8>) {
    write_json_value(out, value);
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{ErrorKind, Finish, Usage};

    #[test]
    fn deltas_are_events_and_the_end_is_one() {
        let mut out = Vec::new();
        let down = ChatError::new(ErrorKind::Overloaded, "down");
        let events = [
            Event::Start { model: "m" },
            Event::Reasoning("hm"),
            Event::Text("a\n\"b\""),
            Event::Refusal("no"),
            Event::Usage(Usage::default()),
            Event::Finish { reason: Finish::Stop, raw: None },
            Event::Error(&down),
        ];
        events.into_iter().for_each(|event| Lines.event(event, &mut out));
        let expected = concat!(
            r#"{"data":"a\n\"b\"","event":"completion"}"#,
            "\n",
            r#"{"data":"no","event":"completion"}"#,
            "\n",
            r#"{"data":"","event":"end"}"#,
            "\n",
            r#"{"data":{"status_code":503,"detail":"down"},"event":"error"}"#,
            "\n",
        );
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn events_have_a_data_line_for_each_line() {
        let mut out = Vec::new();
        let down = ChatError::new(ErrorKind::Overloaded, "down");
        let events =
            [Event::Text("a\r\n b\rc\n"), Event::Finish { reason: Finish::Stop, raw: None }, Event::Error(&down)];
        events.into_iter().for_each(|event| Events.event(event, &mut out));
        let expected = concat!(
            "event: completion\ndata: a\ndata:  b\ndata: c\ndata: \n\n",
            "event: end\ndata: \n\n",
            "event: error\ndata: {\"status_code\":503,\"detail\":\"down\"}\n\n",
        );
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        let streams = |body: Value| LanarkyEvents.read_request(body.to_string().as_bytes()).map(|chat| chat.stream);
        let messages = json!([{"role": "user", "content": "hi"}]);
        assert_eq!(streams(json!({"messages": messages, "stream": true})), Ok(true));
        assert_eq!(streams(json!({"messages": messages})), Ok(false));
        assert_eq!(streams(json!({"messages": messages, "stream": "x"})).unwrap_err().param.as_deref(), Some("stream"));
    }

    #[test]
    fn a_request_is_a_conversation_and_little_else() {
        let read = |body: Value| Lanarky.read_request(body.to_string().as_bytes());
        let chat = read(json!({"messages": [{"role": "user", "content": "hi"}], "system": "Be brief."})).unwrap();
        let said: Vec<_> = chat.messages.iter().map(|message| (message.role, message.text())).collect();
        assert_eq!(said, [(Role::System, "Be brief.".to_owned()), (Role::User, "hi".to_owned())]);
        assert_eq!((chat.temperature, chat.stream), (Some(0.7), true));
        for (body, param) in [(json!({}), "messages"), (json!({"messages": [], "x": 1}), "x")] {
            assert_eq!(read(body).unwrap_err().param.as_deref(), Some(param));
        }
    }
}
