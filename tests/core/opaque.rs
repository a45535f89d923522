//! A provider's own state, through a client and back to its place.

use serde_json::{Value, json};
use tributary::dialects::{OpenAiChat, ReplyOptions, ToClient, ToProvider, Unified};
use tributary::models::{
    CallRef, ChatRequest, Event, Finish, Message, OpaqueDelta, Part, Quirks, Replay, Target, ToolDelta, ToolKind,
};

use crate::both_targets;

fn call(index: u32, id: &'static str) -> Event<'static> {
    Event::Tool(ToolDelta { index, id, name: Some("f"), arguments: "{}", kind: ToolKind::Function })
}

fn encoded(stream: bool, events: &[Event<'_>]) -> Vec<u8> {
    let reply = ReplyOptions {
        run_id: "r_1".into(),
        provider: "p".into(),
        model: "m".into(),
        stream,
        ..ReplyOptions::default()
    };
    let mut encoder = Unified.encoder(reply, &ChatRequest::default());
    let mut out = Vec::new();
    events.iter().for_each(|event| encoder.event(event.clone(), &mut out));
    out
}

/// The message that a client of the stream makes of its chunks: texts joined, lists joined, calls by
/// their index.
fn streamed_message(events: &[Event<'_>]) -> Value {
    let mut message = json!({"role": "assistant", "content": "", "reasoning": "", "tool_calls": [], "opaque": []});
    for frame in crate::harness::read_output(&encoded(true, events)) {
        if frame.event != "chunk" {
            continue;
        }
        let chunk = frame.json();
        for name in ["content", "reasoning"] {
            let joined = format!("{}{}", message[name].as_str().unwrap(), chunk[name].as_str().unwrap_or_default());
            message[name] = json!(joined);
        }
        message["opaque"].as_array_mut().unwrap().extend(chunk["opaque"].as_array().cloned().unwrap_or_default());
        for delta in chunk["tool_calls"].as_array().into_iter().flatten() {
            let at = delta["index"].as_u64().unwrap() as usize;
            let calls = message["tool_calls"].as_array_mut().unwrap();
            if at == calls.len() {
                calls.push(json!({}));
            }
            calls[at].as_object_mut().unwrap().extend(delta.as_object().unwrap().clone());
        }
    }
    message
}

fn read(message: &Value) -> Message {
    let body = json!({"messages": [{"role": "user", "content": "hi"}, message]});
    Unified.read_request(body.to_string().as_bytes()).unwrap().messages.pop().unwrap()
}

/// A part as a line, as events are noted elsewhere.
fn lines(message: &Message) -> Vec<String> {
    let line = |part: &Part| match part {
        Part::Text(text) => format!("text {text}"),
        Part::Reasoning(text) => format!("think {text}"),
        Part::ToolCall(call) => {
            let opaque = call.opaque.as_ref().map(|opaque| format!(" {} {}", opaque.dialect, opaque.data));
            format!("call {}{}", call.id, opaque.unwrap_or_default())
        }
        Part::Opaque(opaque) => format!("opaque {} {}", opaque.dialect, opaque.data),
        Part::Image(_) => "image".to_owned(),
    };
    message.parts.iter().map(line).collect()
}

both_targets! {
    fn it_finds_back_to_its_place() {
        let data: Vec<Value> = (0..6).map(|number| json!({"n": number, "s": "a\u{2028}\"\n"})).collect();
        let opaque = |at: usize, call| Event::Opaque(OpaqueDelta { dialect: "anthropic", call, data: &data[at] });
        let events = [
            Event::Reasoning("hm"),
            opaque(0, None),
            Event::Text("é1"),
            opaque(1, None),
            opaque(2, None),
            Event::Text("🌊"),
            opaque(3, None),
            call(0, "a"),
            opaque(4, Some(CallRef { index: 0, id: "a" })),
            call(1, "b"),
            opaque(5, None),
            Event::Finish { reason: Finish::ToolCalls, raw: None },
        ];
        let state = |at: usize| format!("anthropic {}", data[at]);
        let expect = [
            "think hm".to_owned(),
            format!("opaque {}", state(0)),
            "text é1".to_owned(),
            format!("opaque {}", state(1)),
            format!("opaque {}", state(2)),
            "text 🌊".to_owned(),
            format!("opaque {}", state(3)),
            format!("call a {}", state(4)),
            "call b".to_owned(),
            format!("opaque {}", state(5)),
        ];
        assert_eq!(lines(&read(&streamed_message(&events))), expect);
        let mut whole: Value = serde_json::from_slice(&encoded(false, &events)).unwrap();
        whole["role"] = json!("assistant");
        assert_eq!(lines(&read(&whole)), expect);
    }

    fn a_client_that_changed_the_text_loses_no_state() {
        let message = json!({
            "role": "assistant", "content": [{"type": "text", "text": "🌊"}, {"type": "text", "text": ""}],
            "opaque": [
                {"dialect": "d", "data": 1, "after": {"text": 2}},
                {"dialect": "d", "data": 2, "after": {"text": 99, "tool_calls": 0}},
                {"dialect": "d", "data": 3, "after": {"tool_calls": 7}},
                {"dialect": "d", "data": 0},
            ],
        });
        assert_eq!(
            lines(&read(&message)),
            ["opaque d 0", "opaque d 1", "text 🌊", "text ", "opaque d 2", "opaque d 3"]
        );
    }

    fn what_is_wrong_with_it_is_named() {
        let param = |message: Value| {
            let body = json!({"messages": [message]});
            Unified.read_request(body.to_string().as_bytes()).unwrap_err().param.unwrap()
        };
        let assistant = |opaque: Value| param(json!({"role": "assistant", "content": "a", "opaque": opaque}));
        assert_eq!(assistant(json!({})), "messages[0].opaque");
        assert_eq!(assistant(json!([1])), "messages[0].opaque[0]");
        assert_eq!(assistant(json!([{"data": 1}])), "messages[0].opaque[0].dialect");
        assert_eq!(assistant(json!([{"dialect": "d"}])), "messages[0].opaque[0].data");
        assert_eq!(assistant(json!([{"dialect": "d", "data": 1, "after": {"text": -1}}])), "messages[0].opaque[0].after.text");
        assert_eq!(param(json!({"role": "user", "content": "a", "opaque": []})), "messages[0].opaque");
        assert_eq!(param(json!({"role": "user", "content": "a", "reasoning": "hm"})), "messages[0].reasoning");
    }

    fn a_server_of_chat_completions_gets_back_what_it_wants() {
        let message = json!({
            "role": "assistant", "content": "A", "reasoning": "hm",
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
            "opaque": [
                {"dialect": "openai-chat", "data": {"reasoning_details": [{"type": "reasoning.encrypted", "data": "x"}]}},
                {"dialect": "anthropic", "data": {"type": "redacted_thinking", "data": "y"}},
            ],
        });
        let sent = |replay: Replay, message: &Value| {
            let body = json!({"messages": [message]});
            let target = Target {
                provider: "p".into(), base_url: "https://h".into(), model: "m".into(), key: None, headers: vec![],
                quirks: Quirks { replay, ..Quirks::default() },
            };
            let chat = Unified.read_request(body.to_string().as_bytes()).unwrap();
            let out = OpenAiChat.write_request(&chat, &target).unwrap();
            let mut body: Value = serde_json::from_slice(out.request.body()).unwrap();
            body["messages"][0].take()
        };
        let plain = json!({"role": "assistant", "content": "A", "tool_calls": message["tool_calls"]});
        assert_eq!(sent(Replay::None, &message), plain);
        let mut with = plain.clone();
        with["reasoning_content"] = json!("hm");
        assert_eq!(sent(Replay::ReasoningContent, &message), with);
        let mut with = plain;
        with["reasoning_details"] = message["opaque"][0]["data"]["reasoning_details"].clone();
        assert_eq!(sent(Replay::ReasoningDetails, &message), with);
        let said = json!({"role": "assistant", "content": "A", "reasoning": "hm"});
        assert_eq!(sent(Replay::ReasoningContent, &said), json!({"role": "assistant", "content": "A"}));
    }
}
