//! Anthropic's Messages towards clients, pinned: requests in, events, messages and errors out.

use serde_json::{Value, json};
use tributary::dialects::{Anthropic, Gemini, OpenAiChat, ReplyOptions, ToClient, ToProvider, can_be_told, write_for};
use tributary::framing::Frame;
use tributary::models::{
    CallRef, ChatError, ChatRequest, Citation, Effort, ErrorKind, Event, Finish, Message, OpaqueDelta, Part, Quirks,
    ResponseFormat, Role, Target, Thinking, ToolChoice, ToolDelta, ToolKind, Usage,
};

use crate::both_targets;

fn body(fields: Value) -> Value {
    let mut body = json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    body
}

fn read(fields: Value) -> Result<ChatRequest, ChatError> {
    Anthropic.read_request(body(fields).to_string().as_bytes())
}

fn beyond(fields: Value) -> Vec<(String, bool)> {
    let native = read(fields).unwrap().native.unwrap();
    native.beyond.into_iter().map(|beyond| (beyond.path, beyond.essential)).collect()
}

fn target() -> Target {
    Target {
        provider: "p".into(),
        base_url: "https://h".into(),
        model: "theirs".into(),
        key: None,
        headers: vec![],
        quirks: Quirks::default(),
    }
}

/// What a message is read as, a part a line.
fn lines(messages: Value) -> Vec<String> {
    let part = |part: &Part| match part {
        Part::Text(text) => format!("text {text}"),
        Part::Reasoning(text) => format!("think {text}"),
        Part::ToolCall(call) => {
            let state = call.opaque.as_ref().map(|opaque| format!(" {} {}", opaque.dialect, opaque.data));
            format!("call {} {} {}{}", call.id, call.name, call.arguments, state.unwrap_or_default())
        }
        Part::Opaque(opaque) => format!("opaque {} {}", opaque.dialect, opaque.data),
        Part::Image(image) => format!("image {}", image.as_url()),
    };
    let message = |message: &Message| {
        let role = match message.role {
            Role::System => "system".to_owned(),
            Role::User => "user".to_owned(),
            Role::Assistant => "assistant".to_owned(),
            Role::Tool => format!("tool {}", message.tool_call_id.as_deref().unwrap()),
        };
        [role].into_iter().chain(message.parts.iter().map(part)).collect::<Vec<_>>()
    };
    read(json!({"messages": messages})).unwrap().messages.iter().flat_map(message).collect()
}

fn reply(stream: bool) -> ReplyOptions {
    ReplyOptions {
        run_id: "r_1".into(),
        provider: "p".into(),
        model: "asked".into(),
        stream,
        created: 7,
        input_tokens: 5,
        ..ReplyOptions::default()
    }
}

fn encode(stream: bool, events: &[Event<'_>]) -> String {
    let mut encoder = Anthropic.encoder(reply(stream), &ChatRequest::default());
    let mut out = Vec::new();
    events.iter().for_each(|event| encoder.event(event.clone(), &mut out));
    String::from_utf8(out).unwrap()
}

/// The events of a stream, whose names are their types.
fn events(stream: &str) -> Vec<Value> {
    let event = |frame: &str| {
        let (name, data) = frame.strip_prefix("event: ").unwrap().split_once("\ndata: ").unwrap();
        let data: Value = serde_json::from_str(data).unwrap();
        assert_eq!(data["type"], name);
        data
    };
    stream.split_terminator("\n\n").map(event).collect()
}

/// The blocks of a stream, a step a line; no block overlaps another.
fn steps(said: &[Event<'_>]) -> Vec<String> {
    let mut said = said.to_vec();
    said.push(Event::Finish { reason: Finish::Stop, raw: None });
    let mut open = None;
    let mut next = 0;
    let step = |event: Value| {
        let index = event["index"].as_u64();
        match event["type"].as_str().unwrap() {
            "content_block_start" => {
                assert_eq!((open.replace(next), index), (None, Some(next)));
                Some(format!("{next} {}", event["content_block"]))
            }
            "content_block_delta" => {
                assert_eq!(open, index);
                let mut delta = event["delta"].clone();
                delta.as_object_mut().unwrap().remove("type");
                Some(format!("+ {delta}"))
            }
            "content_block_stop" => {
                assert_eq!(open.take(), index);
                next += 1;
                None
            }
            "message_delta" | "message_stop" => {
                assert_eq!(open, None);
                None
            }
            _ => None,
        }
    };
    let seen = events(&encode(true, &said)).into_iter().filter_map(step).collect();
    let whole: Value = serde_json::from_str(&encode(false, &said)).unwrap();
    assert_eq!(whole["content"].as_array().unwrap().len() as u64, next, "streamed and whole are the same blocks");
    seen
}

fn call<'a>(index: u32, name: Option<&'a str>, arguments: &'a str) -> Event<'a> {
    let id = ["a", "b", "c"][index as usize];
    Event::Tool(ToolDelta { index, id, name, arguments, kind: ToolKind::Function })
}

fn seal(dialect: &str, data: &Value, call: Option<&str>) -> String {
    // Through the encoder: what it seals is what a client gets.
    let dialect: &'static str = if dialect == "gemini" { "gemini" } else { "openai-responses" };
    let call = call.map(|id| CallRef { index: 0, id });
    let stream = encode(
        false,
        &[Event::Opaque(OpaqueDelta { dialect, call, data }), Event::Finish { reason: Finish::Stop, raw: None }],
    );
    serde_json::from_str::<Value>(&stream).unwrap()["content"][0]["data"].as_str().unwrap().to_owned()
}

const USAGE: Usage = Usage {
    input_tokens: 9,
    output_tokens: 3,
    total_tokens: 12,
    cached_tokens: Some(4),
    reasoning_tokens: Some(1),
    estimated: false,
    cost: None,
};

both_targets! {
    fn a_stream_to_the_letter() {
        let stream = encode(true, &[
            Event::Start { model: "m-1" },
            Event::Warning("odd"),
            Event::Text("A\n\u{2028}"),
            Event::Text("B"),
            Event::Warning("late"),
            Event::Usage(USAGE),
            Event::Finish { reason: Finish::Stop, raw: Some("STOP") },
        ]);
        assert_eq!(stream, concat!(
            "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_r_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m-1\",\"provider\":\"p\",",
            "\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"stop_details\":null,",
            "\"usage\":{\"input_tokens\":5,\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,\"output_tokens\":0},\"warnings\":[\"odd\"]}}\n\n",
            "event: ping\ndata: {\"type\":\"ping\"}\n\n",
            "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"A\\n\\u2028\"}}\n\n",
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"B\"}}\n\n",
            "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
            "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null,\"stop_details\":null},",
            "\"usage\":{\"input_tokens\":5,\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":4,\"output_tokens\":3,\"output_tokens_details\":{\"thinking_tokens\":1}},\"warnings\":[\"late\"]}\n\n",
            "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
        ));
    }

    fn nothing_is_written_before_the_client_can_see_something() {
        assert_eq!(encode(true, &[Event::Start { model: "m-1" }, Event::Warning("odd"), Event::Usage(USAGE)]), "");
        let empty = events(&encode(true, &[Event::Finish { reason: Finish::Stop, raw: None }]));
        assert_eq!(empty.iter().map(|event| event["type"].as_str().unwrap()).collect::<Vec<_>>(), ["message_start", "ping", "message_delta", "message_stop"]);
        let mut beat = Vec::new();
        Anthropic.encoder(reply(true), &ChatRequest::default()).heartbeat(&mut beat);
        assert_eq!(beat, b"event: ping\ndata: {\"type\":\"ping\"}\n\n");
        Anthropic.encoder(reply(false), &ChatRequest::default()).heartbeat(&mut beat);
        assert_eq!(beat.len(), 35, "one object has no room for a sign of life");
    }

    fn blocks_come_one_after_another() {
        let cited = Citation { url: "https://a".into(), title: Some("T".into()), ..Citation::default() };
        assert_eq!(steps(&[Event::Reasoning("hm"), Event::Reasoning("."), Event::Text("A"), Event::Citation(&cited), call(0, Some("f"), ""), call(0, None, "{\"a\""), call(0, None, ":1}"), call(1, Some("g"), "{}"), Event::Text("B")]), [
            r#"0 {"type":"thinking","thinking":"","signature":""}"#,
            r#"+ {"thinking":"hm"}"#,
            r#"+ {"thinking":"."}"#,
            r#"1 {"type":"text","text":""}"#,
            r#"+ {"text":"A"}"#,
            r#"+ {"citation":{"type":"web_search_result_location","cited_text":"","encrypted_index":"","title":"T","url":"https://a"}}"#,
            r#"2 {"type":"tool_use","id":"a","name":"f","input":{},"caller":{"type":"direct"}}"#,
            r#"+ {"partial_json":"{\"a\""}"#,
            r#"+ {"partial_json":":1}"}"#,
            r#"3 {"type":"tool_use","id":"b","name":"g","input":{},"caller":{"type":"direct"}}"#,
            r#"+ {"partial_json":"{}"}"#,
            r#"4 {"type":"text","text":""}"#,
            r#"+ {"text":"B"}"#,
        ]);
        // A source behind the text that it belongs to is not lost.
        let said = [Event::Text("A"), call(0, Some("f"), "{}"), Event::Citation(&cited), Event::Finish { reason: Finish::ToolCalls, raw: None }];
        let told = events(&encode(true, &said));
        assert_eq!(told[told.len() - 2]["warnings"], json!(["a source of the answer: https://a"]));
    }

    fn calls_that_come_mixed_are_told_one_by_one() {
        let block = |at: u32, id: &str, name: &str| format!(r#"{at} {{"type":"tool_use","id":"{id}","name":"{name}","input":{{}},"caller":{{"type":"direct"}}}}"#);
        let piece = |text: &str| format!("+ {}", json!({"partial_json": text}));
        // All are opened before the arguments of any; one has none until the end.
        assert_eq!(
            steps(&[call(0, Some("f"), ""), call(1, Some("g"), ""), call(2, Some("h"), "{"), call(1, None, "{\"b\":"), call(0, None, "{\"a\":1}"), call(1, None, "2}"), call(2, None, "}")]),
            [block(0, "a", "f"), piece("{\"a\":1}"), block(1, "b", "g"), piece("{\"b\":"), piece("2}"), block(2, "c", "h"), piece("{"), piece("}")]
        );
        // A name that comes late; a call that never ends, and text behind it.
        assert_eq!(
            steps(&[call(0, None, "{\"a\""), call(0, Some("f"), ""), call(1, Some("g"), "{}"), Event::Text("A")]),
            [block(0, "a", "f"), piece("{\"a\""), block(1, "b", "g"), piece("{}"), "2 {\"type\":\"text\",\"text\":\"\"}".to_owned(), "+ {\"text\":\"A\"}".to_owned()]
        );
        // The empty object that a provider owes at the end is what stands there already.
        assert_eq!(steps(&[call(0, Some("f"), ""), Event::Text("A"), call(0, None, "{}")])[0], block(0, "a", "f"));
        // What cannot be told is an error, and not half a call.
        let said = [call(0, Some("f"), "{\"a\""), Event::Text("A"), call(0, None, ":1}"), Event::Finish { reason: Finish::ToolCalls, raw: None }];
        let told = events(&encode(true, &said));
        assert_eq!(told.last().unwrap()["error"]["type"], "api_error");
        let whole: Value = serde_json::from_str(&encode(false, &said)).unwrap();
        assert_eq!(whole["content"][0]["input"], json!({"a": 1}), "a whole answer has the time");
        let custom = Event::Tool(ToolDelta { index: 0, id: "a", name: Some("f"), arguments: "x\"", kind: ToolKind::Custom });
        assert_eq!(steps(&[custom]), [block(0, "a", "f"), piece(r#"{"input":"x\""}"#)]);
    }

    fn state_of_other_providers_is_sealed_into_its_place() {
        let (one, two) = (json!({"thoughtSignature": "é"}), json!({"n": 2}));
        let state = |dialect, call, data| Event::Opaque(OpaqueDelta { dialect, call, data });
        let of_call = Some(CallRef { index: 0, id: "a" });
        let said = [
            Event::Reasoning("hm"),
            state("openai-responses", None, &two),
            Event::Text("A"),
            state("openai-responses", None, &two),
            state("gemini", None, &one),
            call(0, Some("f"), "{\"a\":1}"),
            state("gemini", of_call, &one),
            call(1, Some("g"), "{}"),
        ];
        let sealed = |data: &Value, call| seal(if data == &one { "gemini" } else { "" }, data, call);
        let redacted = |at: u32, token: &str| format!("{at} {}", json!({"type": "redacted_thinking", "data": token}));
        let seen = steps(&said);
        assert_eq!(seen[2], format!("+ {}", json!({"signature": sealed(&two, None)})));
        assert_eq!(seen[5], redacted(2, &sealed(&two, None)));
        assert_eq!(seen[6], redacted(3, &sealed(&one, None)));
        assert_eq!(seen[9], redacted(5, &sealed(&one, Some("a"))));
        // What a client sends back of it, streamed or whole, is where it was.
        let mut whole = said.to_vec();
        whole.push(Event::Finish { reason: Finish::ToolCalls, raw: None });
        let whole: Value = serde_json::from_str(&encode(false, &whole)).unwrap();
        assert_eq!(lines(json!([{"role": "assistant", "content": whole["content"]}])), [
            "assistant", "think hm", "opaque openai-responses {\"n\":2}", "text A", "opaque openai-responses {\"n\":2}",
            "opaque gemini {\"thoughtSignature\":\"é\"}", "call a f {\"a\":1} gemini {\"thoughtSignature\":\"é\"}", "call b g {}",
        ]);
        // State does not cut a call's arguments in two.
        let seen = steps(&[call(0, Some("f"), "{\"a\""), state("gemini", of_call, &one), call(0, None, ":1}"), Event::Text("A")]);
        assert_eq!((seen.len(), &seen[3]), (6, &redacted(1, &sealed(&one, Some("a")))));
    }

    fn the_vendors_own_state_is_as_it_was() {
        let state = |data| Event::Opaque(OpaqueDelta { dialect: "anthropic", call: None, data });
        let thinking = json!({"type": "thinking", "thinking": "hm", "signature": "s"});
        let silent = json!({"type": "thinking", "thinking": "", "signature": "t"});
        let redacted = json!({"type": "redacted_thinking", "data": "x"});
        let block = r#"{"type":"thinking","thinking":"","signature":""}"#;
        assert_eq!(steps(&[Event::Reasoning("hm"), state(&thinking), state(&silent), state(&redacted), state(&thinking)]), [
            &format!("0 {block}"), "+ {\"thinking\":\"hm\"}", "+ {\"signature\":\"s\"}", &format!("1 {block}"), "+ {\"signature\":\"t\"}",
            &format!("2 {redacted}"), &format!("3 {block}"), "+ {\"thinking\":\"hm\"}", "+ {\"signature\":\"s\"}",
        ]);
        assert_eq!(lines(json!([{"role": "assistant", "content": [thinking, redacted, {"type": "thinking", "thinking": "mine", "signature": ""}]}])), [
            "assistant", "think hm", &format!("opaque anthropic {thinking}"), &format!("opaque anthropic {redacted}"), "think mine",
        ]);
        let odd = json!({"type": "other"});
        assert!(steps(&[state(&odd)])[0].contains("redacted_thinking"), "what is not known is kept all the same");
    }

    fn a_whole_answer_is_one_message() {
        let cited = Citation { url: "https://a".into(), ..Citation::default() };
        let body: Value = serde_json::from_str(&encode(false, &[
            Event::Warning("odd"), Event::Start { model: "m-1" }, Event::Reasoning("hm"), Event::Text("A"), Event::Citation(&cited),
            call(0, Some("f"), "{\"a\":"), call(0, None, "1}"), call(1, Some("g"), ""), call(2, Some("h"), "[1"),
            Event::Usage(USAGE), Event::Finish { reason: Finish::ToolCalls, raw: None },
        ])).unwrap();
        assert_eq!(body, json!({
            "id": "msg_r_1", "type": "message", "role": "assistant", "model": "m-1", "provider": "p",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": ""},
                {"type": "text", "text": "A", "citations": [{"type": "web_search_result_location", "cited_text": "", "encrypted_index": "", "title": null, "url": "https://a"}]},
                {"type": "tool_use", "id": "a", "name": "f", "input": {"a": 1}, "caller": {"type": "direct"}},
                {"type": "tool_use", "id": "b", "name": "g", "input": {}, "caller": {"type": "direct"}},
                {"type": "tool_use", "id": "c", "name": "h", "input": {"raw_arguments": "[1"}, "caller": {"type": "direct"}},
            ],
            "stop_reason": "tool_use", "stop_sequence": null, "stop_details": null,
            "usage": {"input_tokens": 5, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 4, "output_tokens": 3, "output_tokens_details": {"thinking_tokens": 1}},
            "warnings": ["odd", "the arguments of a tool call are no JSON object; they are given as raw_arguments"],
        }));
        assert_eq!(encode(false, &[Event::Text("A"), Event::Error(&ChatError::new(ErrorKind::Provider, "x"))]), "");
    }

    fn what_is_not_complete_is_never_end_turn() {
        let stop = |said: &[Event<'_>]| {
            let streamed = events(&encode(true, said));
            let whole: Value = serde_json::from_str(&encode(false, said)).unwrap();
            let delta = streamed[streamed.len() - 2]["delta"].clone();
            assert_eq!((&delta["stop_reason"], &delta["stop_details"]), (&whole["stop_reason"], &whole["stop_details"]));
            (delta["stop_reason"].as_str().unwrap().to_owned(), delta["stop_details"].clone())
        };
        let word = |reason| stop(&[Event::Finish { reason, raw: None }]);
        let plain = |word: &str| (word.to_owned(), Value::Null);
        assert_eq!(word(Finish::Stop), plain("end_turn"));
        assert_eq!(word(Finish::ToolCalls), plain("tool_use"));
        assert_eq!(word(Finish::Length), plain("max_tokens"));
        assert_eq!(word(Finish::Cancelled), plain("max_tokens"));
        assert_eq!(word(Finish::Pause), plain("pause_turn"));
        let refused = |words: Value| ("refusal".to_owned(), json!({"type": "refusal", "category": null, "explanation": words}));
        assert_eq!(word(Finish::Refusal), refused(Value::Null));
        assert_eq!(word(Finish::ContentFilter), refused(json!("The provider's content filter withheld the answer.")));
        assert_eq!(stop(&[Event::Refusal("I "), Event::Refusal("won't."), Event::Finish { reason: Finish::Refusal, raw: None }]), refused(json!("I won't.")));
        assert_eq!(steps(&[Event::Refusal("No.")])[1], r#"+ {"text":"No."}"#, "the words are the answer's text");
    }

    fn a_failure_in_the_stream_is_raised_and_not_stopped() {
        let error = ChatError { code: Some("x".into()), ..ChatError::new(ErrorKind::Overloaded, "busy") }.from_provider("p");
        let finish = Event::Finish { reason: Finish::Stop, raw: None };
        let stream = encode(true, &[Event::Text("A"), Event::Error(&error), finish]);
        let last = "event: error\ndata: {\"type\":\"error\",\"error\":{\"details\":{\"error_code\":\"x\"},\"type\":\"overloaded_error\",\"message\":\"busy\",\"provider\":\"p\"},\"request_id\":\"r_1\"}\n\n";
        assert!(stream.ends_with(last), "{stream}");
    }

    fn an_error_instead_of_an_answer_has_the_vendors_status() {
        let check = |kind: ErrorKind, status: u16, word: &str| {
            let error = ChatError { param: Some("a.b".into()), ..ChatError::new(kind, "no") };
            let reply = Anthropic.write_error(&error, "req_1");
            let body: Value = serde_json::from_slice(&reply.body).unwrap();
            let inner = json!({"details": null, "type": word, "message": "no", "param": "a.b"});
            assert_eq!((reply.status.as_u16(), body), (status, json!({"type": "error", "error": inner, "request_id": "req_1"})), "{kind:?}");
            assert_eq!(reply.headers.contains(&("x-should-retry", "false".to_owned())), !kind.is_transient(), "{kind:?}");
        };
        check(ErrorKind::InvalidRequest, 400, "invalid_request_error");
        check(ErrorKind::ContentFilter, 400, "invalid_request_error");
        check(ErrorKind::ProviderAuth, 401, "authentication_error");
        check(ErrorKind::BudgetExceeded, 402, "billing_error");
        check(ErrorKind::PermissionDenied, 403, "permission_error");
        check(ErrorKind::NotFound, 404, "not_found_error");
        check(ErrorKind::ModelNotSupported, 404, "not_found_error");
        check(ErrorKind::TooLarge, 413, "request_too_large");
        check(ErrorKind::RateLimited, 429, "rate_limit_error");
        check(ErrorKind::Provider, 500, "api_error");
        check(ErrorKind::Truncated, 500, "api_error");
        check(ErrorKind::Internal, 500, "api_error");
        check(ErrorKind::Timeout, 504, "timeout_error");
        check(ErrorKind::Overloaded, 529, "overloaded_error");
        assert_eq!(Anthropic.request_id_header(), Some("request-id"));
    }

    fn a_conversation_is_read_in_its_order() {
        let png = json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QUJD"}});
        let messages = json!([
            {"role": "user", "content": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}, png]},
            {"role": "assistant", "content": [
                {"type": "text", "text": "b", "citations": null},
                {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"x": [1, null]}, "caller": {"type": "direct"}},
                {"type": "tool_use", "id": "toolu_2", "name": "g", "input": {}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "r"},
                {"type": "tool_result", "tool_use_id": "toolu_2", "is_error": true, "content": [{"type": "text", "text": "no"}, png]},
                {"type": "tool_result", "tool_use_id": "toolu_3"},
                {"type": "tool_result", "tool_use_id": "toolu_4", "is_error": true},
                {"type": "text", "text": "c"},
                {"type": "image", "source": {"type": "url", "url": "https://h/a.png"}},
                {"type": "search_result", "title": "T", "source": "S", "content": [{"type": "text", "text": "x"}, {"type": "text", "text": "y"}], "citations": {"enabled": true}},
            ]},
            {"role": "system", "content": "now"},
            {"role": "assistant", "content": "d"},
        ]);
        assert_eq!(lines(messages.clone()), [
            "user", "text a", "image data:image/png;base64,QUJD",
            "assistant", "text b", "call toolu_1 f {\"x\":[1,null]}", "call toolu_2 g {}",
            "tool toolu_1", "text r",
            "tool toolu_2", "text The tool failed:\nno", "image data:image/png;base64,QUJD",
            "tool toolu_3",
            "tool toolu_4", "text The tool failed:",
            "user", "text c", "image https://h/a.png", "text T\nS\n\nxy",
            "system", "text now",
            "assistant", "text d",
        ]);
        let noted = |path: &str| (path.to_owned(), false);
        assert_eq!(beyond(json!({"messages": messages})), [noted("messages[0].content[0].cache_control"), noted("messages[2].content[6].citations")]);
    }

    fn the_rest_of_a_request() {
        let chat = read(json!({
            "system": [{"type": "text", "text": "s"}, {"type": "text", "text": "t"}], "stream": true, "temperature": 0.5, "top_p": 0.9,
            "stop_sequences": ["END"], "metadata": {"user_id": "u"},
            "tools": [{"name": "f", "description": "d", "input_schema": {"type": "object"}, "strict": true}, {"type": "custom", "name": "g", "input_schema": {"type": "object"}}],
            "tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": true},
            "thinking": {"type": "enabled", "budget_tokens": 2048}, "output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}},
        })).unwrap();
        assert_eq!((chat.messages[0].role, chat.messages[0].text().as_str(), chat.model.as_deref()), (Role::System, "st", Some("m")));
        assert_eq!((chat.stream, chat.temperature, chat.top_p, chat.max_tokens, chat.stop), (true, Some(0.5), Some(0.9), Some(9), vec!["END".to_owned()]));
        assert_eq!((chat.tools.len(), chat.tools[0].strict, chat.tool_choice, chat.parallel_tool_calls), (2, Some(true), Some(ToolChoice::Tool("f".into())), Some(false)));
        assert_eq!(chat.thinking, Some(Thinking { enabled: true, budget_tokens: Some(2048), effort: None }));
        assert_eq!(chat.response_format, Some(ResponseFormat::JsonSchema { name: "answer".into(), schema: json!({"type": "object"}), description: None, strict: Some(true) }));
        assert_eq!((chat.metadata["user_id"].as_str(), chat.native.unwrap().beyond), (Some("u"), vec![]));
        let thinking = |fields: Value| read(fields).unwrap().thinking.map(|thinking| (thinking.enabled, thinking.effort));
        assert_eq!(thinking(json!({})), None);
        assert_eq!(thinking(json!({"thinking": {"type": "adaptive"}, "output_config": {"effort": "xhigh"}})), Some((true, Some(Effort::XHigh))));
        assert_eq!(thinking(json!({"output_config": {"effort": "low"}})), Some((true, Some(Effort::Low))));
        assert_eq!(thinking(json!({"thinking": {"type": "disabled"}})), Some((false, None)));
        assert_eq!(thinking(json!({"thinking": {"type": "between_tools"}})), Some((false, None)));
        let choice = |choice: Value| { let chat = read(json!({"tool_choice": choice})).unwrap(); (chat.tool_choice.unwrap(), chat.parallel_tool_calls) };
        assert_eq!(choice(json!({"type": "auto", "disable_parallel_tool_use": false})), (ToolChoice::Auto, Some(true)));
        assert_eq!(choice(json!({"type": "any"})), (ToolChoice::Required, None));
        assert_eq!(choice(json!({"type": "none"})), (ToolChoice::None, None));
        let older = read(json!({"output_format": {"type": "json_schema", "schema": {}}})).unwrap();
        assert!(older.response_format.is_some());
    }

    fn what_only_this_vendor_has_is_noted() {
        assert_eq!(beyond(json!({"service_tier": "auto", "speed": "standard", "mcp_servers": [], "container": null, "thinking": {"type": "adaptive", "display": "summarized"}})), []);
        let noted = |path: &str, essential| (path.to_owned(), essential);
        assert_eq!(beyond(json!({"top_k": 5, "service_tier": "standard_only", "speed": "fast", "context_management": {"edits": []}})),
            [noted("top_k", false), noted("service_tier", false), noted("speed", false), noted("context_management", false)]);
        assert_eq!(beyond(json!({"container": "c", "mcp_servers": [{"name": "x"}], "inference_geo": "eu"})), [noted("container", true), noted("mcp_servers", true), noted("inference_geo", true)]);
        assert_eq!(beyond(json!({"output_config": {"effort": "low", "task_budget": {}}, "thinking": {"type": "adaptive", "display": "omitted"}})), [noted("thinking.display", false), noted("output_config.task_budget", false)]);
        assert_eq!(beyond(json!({"tools": [{"type": "web_search_20260318", "name": "web_search"}, {"name": "f", "input_schema": {}, "cache_control": {}, "allowed_callers": ["direct"]}]})),
            [noted("tools[0]", true), noted("tools[1].cache_control", false)]);
        let message = |role: &str, block: Value| beyond(json!({"messages": [{"role": role, "content": [{"type": "text", "text": "a"}, block]}]}));
        let there = [noted("messages[0].content[1]", true)];
        assert_eq!(message("user", json!({"type": "document", "source": {}})), there);
        assert_eq!(message("user", json!({"type": "image", "source": {"type": "file", "file_id": "f"}})), there);
        assert_eq!(message("assistant", json!({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}})), there);
        assert_eq!(message("system", json!({"type": "tool_addition"})), there);
        assert_eq!(message("assistant", json!({"type": "fallback"})), []);
        assert_eq!(message("user", json!({"type": "tool_result", "tool_use_id": "a", "content": [{"type": "document"}]})), [noted("messages[0].content[1].content[0]", true)]);
    }

    fn other_languages_are_told_what_they_can_be_told() {
        let (outgoing, native) = write_for(&OpenAiChat, &read(json!({"top_k": 5})).unwrap(), &target()).unwrap();
        assert!(!native);
        assert_eq!(outgoing.warnings, ["top_k was left out: the provider has no such field"]);
        let chat = read(json!({"container": "c"})).unwrap();
        let error = write_for(&OpenAiChat, &chat, &target()).err().unwrap();
        assert_eq!((error.kind, error.param.as_deref()), (ErrorKind::InvalidRequest, Some("container")));
        let thread = read(json!({"thread": {"type": "create"}})).unwrap();
        let error = write_for(&OpenAiChat, &thread, &target()).err().unwrap();
        let body: Value = serde_json::from_slice(&Anthropic.write_error(&error, "req_1").body).unwrap();
        assert_eq!(body["error"]["details"], json!({"error_code": "thread_unsupported_request", "unsupported": ["model"]}));
        assert!(!can_be_told(&OpenAiChat, &chat) && can_be_told(&Anthropic, &chat));
    }

    fn a_wrong_field_is_named() {
        let param = |fields| read(fields).unwrap_err().param.unwrap();
        assert_eq!(param(json!({"max_tokens": null})), "max_tokens");
        assert_eq!(param(json!({"max_tokens": 0})), "max_tokens");
        assert_eq!(param(json!({"messages": []})), "messages");
        assert!(read(json!({"messages": [], "thread": {"type": "continue", "previous_message_id": "msg_1"}})).is_ok());
        assert_eq!(param(json!({"messages": null})), "messages");
        assert_eq!(param(json!({"temperature": 1.5})), "temperature");
        assert_eq!(param(json!({"stop_sequences": "x"})), "stop_sequences");
        assert_eq!(param(json!({"top_k": "x"})), "top_k");
        assert_eq!(param(json!({"thinking": {"type": "enabled"}})), "thinking.budget_tokens");
        assert_eq!(param(json!({"thinking": {"type": "enabled", "budget_tokens": 9}})), "thinking.budget_tokens");
        assert_eq!(param(json!({"thinking": {"type": "hard"}})), "thinking.type");
        assert_eq!(param(json!({"output_config": {"effort": "most"}})), "output_config.effort");
        assert_eq!(param(json!({"output_config": {"format": {"type": "json_object"}}})), "output_config.format.type");
        assert_eq!(param(json!({"tools": [{"name": "f"}]})), "tools[0].input_schema");
        assert_eq!(param(json!({"tool_choice": {"type": "required"}})), "tool_choice.type");
        assert_eq!(param(json!({"system": [{"type": "text"}]})), "system[0].text");
        let message = |message: Value| param(json!({"messages": [message]}));
        assert_eq!(message(json!({"role": "tool", "content": "a"})), "messages[0].role");
        assert_eq!(message(json!({"role": "user"})), "messages[0].content");
        assert_eq!(message(json!({"role": "user", "content": []})), "messages[0].content");
        assert_eq!(message(json!({"role": "user", "content": [{"type": "tool_result"}]})), "messages[0].content[0].tool_use_id");
        assert_eq!(message(json!({"role": "user", "content": [{"type": "image", "source": {"type": "base64", "media_type": "a/b", "data": "QQ=="}}]})), "messages[0].content[0].source.data");
        assert_eq!(message(json!({"role": "assistant", "content": [{"type": "tool_use", "name": "f"}]})), "messages[0].content[0].id");
        let counted = body(json!({"max_tokens": null}));
        assert_eq!(Anthropic.read_count_request(counted.to_string().as_bytes()).unwrap().max_tokens, None);
    }

    fn a_server_of_the_same_language_gets_the_clients_own_words() {
        let sealed = seal("gemini", &json!({"thoughtSignature": "x"}), Some("a"));
        let own = json!({"type": "thinking", "thinking": "hm", "signature": "c2ln"});
        let search = json!({"type": "web_search_result_location", "encrypted_index": "e", "url": "https://a", "title": null, "cited_text": ""});
        let mut other = search.clone();
        other["encrypted_index"] = json!("");
        let call = json!({"type": "tool_use", "id": "a", "name": "f", "input": {"big": 18446744073709551615u64}, "caller": {"type": "direct"}});
        let messages = json!([
            {"role": "user", "content": "x", "unheard_of": 1},
            {"role": "assistant", "content": [{"type": "redacted_thinking", "data": sealed}]},
            {"role": "assistant", "content": [
                own, {"type": "thinking", "thinking": "mine", "signature": ""}, {"type": "thinking", "thinking": "b", "signature": sealed},
                {"type": "text", "text": "A", "citations": [search, other]}, {"type": "text", "text": "B", "citations": [other]},
                call, {"type": "redacted_thinking", "data": sealed}, {"type": "redacted_thinking", "data": "eA=="},
            ]},
        ]);
        let mut chat = read(json!({"messages": messages, "unheard_of": [1, {"a": null}], "top_k": 3, "mcp_servers": [{"name": "x"}]})).unwrap();
        chat.native.as_mut().unwrap().headers = vec![("anthropic-version", "2026-10-21".into()), ("anthropic-beta", "b,c".into())];
        let sent = |chat: &ChatRequest, target: &Target| {
            let (outgoing, native) = write_for(&Anthropic, chat, target).unwrap();
            assert!(native);
            let header = |name: &str| outgoing.request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
            let headers = (header("anthropic-version").unwrap(), header("anthropic-beta"));
            (serde_json::from_slice::<Value>(outgoing.request.body()).unwrap(), headers, outgoing.request.uri().to_string())
        };
        let (body, headers, uri) = sent(&chat, &target());
        assert_eq!(body, json!({
            "model": "theirs", "max_tokens": 9, "unheard_of": [1, {"a": null}], "top_k": 3, "mcp_servers": [{"name": "x"}],
            "messages": [
                {"role": "user", "content": "x", "unheard_of": 1},
                {"role": "assistant", "content": [
                    own, {"type": "text", "text": "A", "citations": [search]}, {"type": "text", "text": "B"}, call, {"type": "redacted_thinking", "data": "eA=="},
                ]},
            ],
        }));
        assert_eq!((headers, uri.as_str()), (("2026-10-21".to_owned(), Some("b,c".to_owned())), "https://h/v1/messages"));
        // What the operator says comes first.
        let operators = Target { headers: vec![("anthropic-version".into(), "2024-01-01".into()), ("anthropic-beta".into(), "a".into())], ..target() };
        assert_eq!(sent(&chat, &operators).1, ("2024-01-01".to_owned(), Some("a,b,c".to_owned())));
        let newer = Target { quirks: Quirks { api_version: Some("2026-10-21".into()), ..Quirks::default() }, ..target() };
        assert_eq!(sent(&read(json!({})).unwrap(), &newer).1, ("2026-10-21".to_owned(), None));
    }

    fn a_turn_that_another_provider_began_does_not_go_on_by_budget() {
        let result = json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "1"}]});
        let turn = |first: Value, thinking: Value| {
            let call = json!({"type": "tool_use", "id": "a", "name": "f", "input": {}});
            let messages = json!([{"role": "user", "content": "x"}, {"role": "assistant", "content": [first, call]}, result]);
            let (outgoing, native) = write_for(&Anthropic, &read(json!({"messages": messages, "thinking": thinking, "max_tokens": 9000})).unwrap(), &target()).unwrap();
            let body: Value = serde_json::from_slice(outgoing.request.body()).unwrap();
            (native, body["thinking"]["type"].clone(), outgoing.warnings.len())
        };
        let budget = json!({"type": "enabled", "budget_tokens": 2048});
        let foreign = json!({"type": "thinking", "thinking": "b", "signature": ""});
        let own = json!({"type": "thinking", "thinking": "b", "signature": "c2ln"});
        assert_eq!(turn(foreign.clone(), budget.clone()), (false, Value::Null, 1));
        assert_eq!(turn(foreign, json!({"type": "adaptive"})), (true, json!("adaptive"), 0));
        assert_eq!(turn(own, budget.clone()), (true, json!("enabled"), 0));
        // What the client left out itself is the vendor's to complain of.
        assert_eq!(turn(json!({"type": "text", "text": "b"}), budget), (true, json!("enabled"), 0));
    }

    fn a_providers_own_events_go_on_as_they_are() {
        let pass = |frames: &[(Option<&str>, &str)]| {
            let mut encoder = Anthropic.encoder(reply(true), &ChatRequest::default());
            let mut out = Vec::new();
            frames.iter().for_each(|(event, data)| encoder.native(Frame { event: *event, data, cut: false }, &mut out));
            encoder.event(Event::Usage(USAGE), &mut out);
            encoder.event(Event::Finish { reason: Finish::Stop, raw: None }, &mut out);
            String::from_utf8(out).unwrap()
        };
        let stop = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
        let odd = "{\"type\":\"odd\", \"x\": [ 1 ]}   ";
        assert_eq!(pass(&[(Some("odd"), odd), (Some("message_stop"), "{\"type\":\"message_stop\" }")]), format!("event: odd\ndata: {odd}\n\nevent: message_stop\ndata: {{\"type\":\"message_stop\" }}\n\n"));
        // Servers that leave out the names, or the last event, or end as another vendor does.
        assert_eq!(pass(&[(None, odd)]), format!("event: odd\ndata: {odd}\n\n{stop}"));
        assert_eq!(pass(&[(None, "{\"type\":\"message_stop\"}"), (Some("data"), "[DONE]")]), stop);
        let mut whole = Anthropic.encoder(reply(false), &ChatRequest::default());
        let mut out = Vec::new();
        whole.native(Frame { event: None, data: "{\"id\": 1 }", cut: false }, &mut out);
        whole.event(Event::Finish { reason: Finish::Stop, raw: None }, &mut out);
        assert_eq!(out, b"{\"id\": 1 }");
    }

    fn tokens_are_counted_by_whoever_can() {
        let count = |dialect: &dyn ToProvider, chat: &ChatRequest| {
            let request = dialect.write_count(chat, &target()).unwrap().unwrap().request;
            (request.uri().to_string(), serde_json::from_slice::<Value>(request.body()).unwrap())
        };
        let asked = json!({"model": "m", "system": "s", "messages": [{"role": "user", "content": "hi"}], "unheard_of": 1});
        let chat = Anthropic.read_count_request(asked.to_string().as_bytes()).unwrap();
        let mut own = asked;
        own["model"] = json!("theirs");
        assert_eq!(count(&Anthropic, &chat), ("https://h/v1/messages/count_tokens".to_owned(), own));
        let blocks = json!([{"role": "user", "content": [{"type": "text", "text": "hi"}]}]);
        let translated = ChatRequest { native: None, max_tokens: Some(7), stop: vec!["x".into()], ..chat.clone() };
        assert_eq!(count(&Anthropic, &translated).1, json!({"model": "theirs", "system": "s", "messages": blocks}));
        assert_eq!(count(&Gemini, &chat), ("https://h/v1beta/models/theirs:countTokens".to_owned(), json!({"generateContentRequest": {
            "systemInstruction": {"parts": [{"text": "s"}]}, "contents": [{"role": "user", "parts": [{"text": "hi"}]}], "model": "models/theirs",
        }})));
        assert!(OpenAiChat.write_count(&chat, &target()).is_none());
        assert_eq!((Anthropic.read_count(b"{\"input_tokens\": 7, \"x\": 1}"), Anthropic.read_count(b"{}"), Gemini.read_count(b"{\"totalTokens\": 8}")), (Some(7), None, Some(8)));
        assert_eq!((Anthropic.write_counted(7, false), Anthropic.write_counted(7, true)), (json!({"input_tokens": 7}), json!({"input_tokens": 7, "estimated": true})));
    }
}
