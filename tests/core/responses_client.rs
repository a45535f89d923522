//! Responses towards clients, pinned: events, responses and errors out, and state through a client.

use serde_json::{Value, json};
use tributary::dialects::{OpenAiResponses, ReplyOptions, ToClient};
use tributary::framing::Frame;
use tributary::models::{
    CallRef, ChatError, Citation, ErrorKind, Event, Finish, OpaqueDelta, ToolDelta, ToolKind, Usage,
};

use crate::both_targets;
use crate::responses_client_requests::{lines, native, read};

fn reply(stream: bool) -> ReplyOptions {
    ReplyOptions {
        run_id: "r_1".into(),
        provider: "p".into(),
        model: "asked".into(),
        stream,
        created: 7,
        ..ReplyOptions::default()
    }
}

fn encode(stream: bool, events: &[Event<'_>], fields: Value) -> String {
    let mut encoder = OpenAiResponses.encoder(reply(stream), &read(fields).unwrap());
    let mut out = Vec::new();
    events.iter().for_each(|event| encoder.event(event.clone(), &mut out));
    String::from_utf8(out).unwrap()
}

/// The events of a stream: named as they are typed, numbered from 0, two at the start and one at the end
/// that have the response.
fn events(stream: &str) -> Vec<Value> {
    let frames = stream.split_terminator("\n\n").map(|frame| frame.split_once("\ndata: ").unwrap());
    let events: Vec<Value> = frames
        .enumerate()
        .map(|(at, (name, data))| {
            let event: Value = serde_json::from_str(data).unwrap();
            assert_eq!(name.strip_prefix("event: "), event["type"].as_str());
            assert_eq!(event["sequence_number"], at);
            event
        })
        .collect();
    let whole = |event: &Value| event.get("response").is_some();
    assert!(events[..2].iter().all(whole) && whole(events.last().unwrap()));
    assert_eq!(events.iter().filter(|event| whole(event)).count(), 3);
    assert_eq!(events[0]["response"], events[1]["response"]);
    events
}

/// What stands between: an event as a line without what all have.
fn told(stream: &str) -> Vec<String> {
    let mut events = events(stream);
    events.pop();
    let line = |mut event: Value| {
        let fields = event.as_object_mut().unwrap();
        let kind = fields.shift_remove("type").unwrap();
        fields.shift_remove("sequence_number");
        format!("{} {event}", kind.as_str().unwrap().strip_prefix("response.").unwrap())
    };
    events.into_iter().skip(2).map(line).collect()
}

/// The response at the end of a stream, which is the one that comes whole.
fn response(given: &[Event<'_>]) -> Value {
    let whole: Value = serde_json::from_str(&encode(false, given, json!({}))).unwrap();
    let last = events(&encode(true, given, json!({}))).pop().unwrap();
    assert_eq!(last["response"], whole);
    assert_eq!(last["type"], format!("response.{}", whole["status"].as_str().unwrap()));
    whole
}

fn call(index: u32, id: &'static str, name: Option<&'static str>, arguments: &'static str) -> Event<'static> {
    Event::Tool(ToolDelta { index, id, name, arguments, kind: ToolKind::Function })
}

fn end(reason: Finish) -> Event<'static> {
    Event::Finish { reason, raw: None }
}

const USAGE: Usage = Usage {
    input_tokens: 9,
    output_tokens: 3,
    total_tokens: 12,
    cached_tokens: Some(4),
    reasoning_tokens: None,
    estimated: false,
    cost: None,
};

both_targets! {
    fn a_text_to_the_letter() {
        let stream = encode(true, &[
            Event::Start { model: "m-1" }, Event::Text("A\n"), Event::Text("B"), Event::Usage(USAGE), end(Finish::Stop),
        ], json!({}));
        let place = r#""item_id":"msg_r_1_0","output_index":0,"content_index":0"#;
        assert_eq!(told(&stream), [
            r#"output_item.added {"output_index":0,"item":{"id":"msg_r_1_0","type":"message","status":"in_progress","role":"assistant","content":[]}}"#.to_owned(),
            format!(r#"content_part.added {{{place},"part":{{"type":"output_text","annotations":[],"logprobs":[],"text":""}}}}"#),
            format!(r#"output_text.delta {{{place},"delta":"A\n","logprobs":[]}}"#),
            format!(r#"output_text.delta {{{place},"delta":"B","logprobs":[]}}"#),
            format!(r#"output_text.done {{{place},"text":"A\nB","logprobs":[]}}"#),
            format!(r#"content_part.done {{{place},"part":{{"type":"output_text","annotations":[],"logprobs":[],"text":"A\nB"}}}}"#),
            r#"output_item.done {"output_index":0,"item":{"id":"msg_r_1_0","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","annotations":[],"logprobs":[],"text":"A\nB"}]}}"#.to_owned(),
        ]);
        let first = &events(&stream)[0];
        assert_eq!(first["response"], json!({
            "id": "resp_r_1", "object": "response", "created_at": 7, "status": "in_progress", "error": null,
            "incomplete_details": null, "model": "m-1", "provider": "p", "output": [], "background": false,
            "instructions": null, "max_output_tokens": null, "max_tool_calls": null, "metadata": {},
            "parallel_tool_calls": true, "previous_response_id": null, "prompt": null, "prompt_cache_key": null,
            "reasoning": {"effort": null, "summary": null}, "safety_identifier": null, "service_tier": null,
            "temperature": null, "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [],
            "top_logprobs": 0, "top_p": null, "truncation": "disabled", "user": null, "store": false, "usage": null,
        }));
        assert!(stream.starts_with("event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"resp_r_1\","));
    }

    fn the_response_says_it_all_once_more() {
        let given = [
            Event::Start { model: "m-1" }, Event::Warning("odd"), Event::Reasoning("hm"), Event::Text("A"), call(0, "c", Some("f"), "{}"),
            Event::Warning("late"), Event::Usage(USAGE), end(Finish::ToolCalls),
        ];
        let response = response(&given);
        assert_eq!(response["output"], json!([
            {"id": "rs_r_1_0", "type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
            {"id": "msg_r_1_1", "type": "message", "status": "completed", "role": "assistant",
                "content": [{"type": "output_text", "annotations": [], "logprobs": [], "text": "A"}]},
            {"id": "fc_r_1_2", "type": "function_call", "status": "completed", "arguments": "{}", "call_id": "c", "name": "f"},
        ]));
        assert_eq!(response["usage"], json!({
            "input_tokens": 9, "input_tokens_details": {"cache_write_tokens": 0, "cached_tokens": 4},
            "output_tokens": 3, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 12,
        }));
        assert_eq!((&response["status"], &response["warnings"]), (&json!("completed"), &json!(["odd", "late"])));
        let first = &events(&encode(true, &given, json!({})))[0]["response"];
        assert_eq!(first["warnings"], json!(["odd"]));
    }

    fn the_request_is_repeated() {
        let asked = json!({
            "instructions": "be brief", "temperature": 0.5, "max_output_tokens": 50, "metadata": {"a": "b"}, "user": null,
            "tools": [{"type": "function", "name": "f", "parameters": null, "strict": true}], "tool_choice": "required",
            "reasoning": {"effort": "low"}, "text": {"verbosity": "low"}, "store": true, "parallel_tool_calls": false,
        });
        let response: Value = serde_json::from_str(&encode(false, &[end(Finish::Stop)], asked.clone())).unwrap();
        for name in ["instructions", "temperature", "max_output_tokens", "metadata", "tools", "tool_choice", "reasoning", "parallel_tool_calls"] {
            assert_eq!(response[name], asked[name], "{name}");
        }
        assert_eq!(response["text"], json!({"verbosity": "low", "format": {"type": "text"}}));
        assert_eq!(response["store"], false);
    }

    fn thoughts_and_calls() {
        let custom = |arguments, name| Event::Tool(ToolDelta { index: 1, id: "d", name, arguments, kind: ToolKind::Custom });
        let stream = encode(true, &[
            Event::Reasoning("h"), Event::Reasoning("m"), call(0, "c", Some("f"), ""), call(0, "c", None, "{}"),
            custom("", Some("g")), custom("x", None), end(Finish::ToolCalls),
        ], json!({}));
        let thought = r#""item_id":"rs_r_1_0","output_index":0,"summary_index":0"#;
        assert_eq!(told(&stream), [
            r#"output_item.added {"output_index":0,"item":{"id":"rs_r_1_0","type":"reasoning","summary":[]}}"#.to_owned(),
            format!(r#"reasoning_summary_part.added {{{thought},"part":{{"type":"summary_text","text":""}}}}"#),
            format!(r#"reasoning_summary_text.delta {{{thought},"delta":"h"}}"#),
            format!(r#"reasoning_summary_text.delta {{{thought},"delta":"m"}}"#),
            format!(r#"reasoning_summary_text.done {{{thought},"text":"hm"}}"#),
            format!(r#"reasoning_summary_part.done {{{thought},"part":{{"type":"summary_text","text":"hm"}}}}"#),
            r#"output_item.done {"output_index":0,"item":{"id":"rs_r_1_0","type":"reasoning","summary":[{"type":"summary_text","text":"hm"}]}}"#.to_owned(),
            r#"output_item.added {"output_index":1,"item":{"id":"fc_r_1_1","type":"function_call","status":"in_progress","arguments":"","call_id":"c","name":"f"}}"#.to_owned(),
            r#"function_call_arguments.delta {"item_id":"fc_r_1_1","output_index":1,"delta":"{}"}"#.to_owned(),
            r#"function_call_arguments.done {"item_id":"fc_r_1_1","output_index":1,"arguments":"{}"}"#.to_owned(),
            r#"output_item.done {"output_index":1,"item":{"id":"fc_r_1_1","type":"function_call","status":"completed","arguments":"{}","call_id":"c","name":"f"}}"#.to_owned(),
            r#"output_item.added {"output_index":2,"item":{"id":"ctc_r_1_2","type":"custom_tool_call","status":"in_progress","call_id":"d","input":"","name":"g"}}"#.to_owned(),
            r#"custom_tool_call_input.delta {"item_id":"ctc_r_1_2","output_index":2,"delta":"x"}"#.to_owned(),
            r#"custom_tool_call_input.done {"item_id":"ctc_r_1_2","output_index":2,"input":"x"}"#.to_owned(),
            r#"output_item.done {"output_index":2,"item":{"id":"ctc_r_1_2","type":"custom_tool_call","status":"completed","call_id":"d","input":"x","name":"g"}}"#.to_owned(),
        ]);
    }

    fn calls_that_come_in_turns_are_whole() {
        let response = response(&[
            call(0, "a", Some("f"), "{\"x\":"), call(1, "b", Some("g"), "{"), call(0, "a", None, "1}"), call(1, "b", None, "}"),
            Event::Text("A"), end(Finish::ToolCalls),
        ]);
        let told: Vec<_> = response["output"].as_array().unwrap().iter().map(|item| (&item["id"], &item["arguments"], &item["status"])).collect();
        let done = json!("completed");
        assert_eq!(told, [
            (&json!("fc_r_1_0"), &json!("{\"x\":1}"), &done), (&json!("fc_r_1_1"), &json!("{}"), &done), (&json!("msg_r_1_2"), &Value::Null, &done),
        ]);
    }

    fn sources_belong_to_a_text() {
        let citation = |url: &str| Citation { url: url.into(), start_index: Some(1), end_index: Some(2), ..Citation::default() };
        let (early, late, last) = (citation("https://a"), citation("https://b"), citation("https://c"));
        let given = [
            Event::Citation(&early), Event::Text("A"), Event::Citation(&late), Event::Refusal("no"), Event::Citation(&last),
            end(Finish::Stop),
        ];
        let stream = encode(true, &given, json!({}));
        let added: Vec<Value> = events(&stream).into_iter().filter(|event| event["type"] == "response.output_text.annotation.added").collect();
        let at = |event: &Value| (event["content_index"].as_u64(), event["annotation_index"].as_u64(), event["annotation"]["url"].as_str().map(str::to_owned));
        assert_eq!(added.iter().map(at).collect::<Vec<_>>(), [
            (Some(0), Some(0), Some("https://a".into())), (Some(0), Some(1), Some("https://b".into())), (Some(2), Some(0), Some("https://c".into())),
        ]);
        assert_eq!(added[0]["annotation"], json!({"type": "url_citation", "url": "https://a", "title": "", "start_index": 1, "end_index": 2}));
        let content = response(&given)["output"][0]["content"].clone();
        assert_eq!((content[0]["annotations"].as_array().unwrap().len(), &content[1]), (2, &json!({"type": "refusal", "refusal": "no"})));
    }

    fn every_ending() {
        let check = |reason, status: &str, details: Value| {
            let response = response(&[Event::Text("A"), call(0, "c", Some("f"), "{\"a"), end(reason)]);
            assert_eq!((&response["status"], &response["incomplete_details"]), (&json!(status), &details), "{reason:?}");
            response["output"][1]["status"].clone()
        };
        assert_eq!(check(Finish::Stop, "completed", Value::Null), "completed");
        check(Finish::ToolCalls, "completed", Value::Null);
        assert_eq!(check(Finish::Length, "incomplete", json!({"reason": "max_output_tokens"})), "incomplete");
        check(Finish::ContentFilter, "incomplete", json!({"reason": "content_filter"}));
        check(Finish::Pause, "incomplete", json!({"reason": "steered"}));
        check(Finish::Cancelled, "incomplete", json!({"reason": "cancelled"}));
        assert_eq!(response(&[end(Finish::Stop)])["output"], json!([]));
        // What is cut off says so.
        assert_eq!(response(&[Event::Text("A"), end(Finish::Length)])["output"][0]["status"], "incomplete");
        assert_eq!(response(&[Event::Reasoning("A"), end(Finish::Length)])["output"][0]["status"], "incomplete");
    }

    fn a_refusal_is_complete_and_has_words() {
        let part = |given: &[Event<'_>]| response(given)["output"][0]["content"].clone();
        assert_eq!(part(&[Event::Refusal("I "), Event::Refusal("won't"), end(Finish::Refusal)]), json!([{"type": "refusal", "refusal": "I won't"}]));
        assert_eq!(part(&[end(Finish::Refusal)]), json!([{"type": "refusal", "refusal": "The model declined to answer."}]));
        let stream = encode(true, &[Event::Refusal("no"), end(Finish::Refusal)], json!({}));
        let place = r#""item_id":"msg_r_1_0","output_index":0,"content_index":0"#;
        assert_eq!(told(&stream)[1..5], [
            format!(r#"content_part.added {{{place},"part":{{"type":"refusal","refusal":""}}}}"#),
            format!(r#"refusal.delta {{{place},"delta":"no"}}"#),
            format!(r#"refusal.done {{{place},"refusal":"no"}}"#),
            format!(r#"content_part.done {{{place},"part":{{"type":"refusal","refusal":"no"}}}}"#),
        ]);
    }

    fn a_failure_in_the_stream_is_told_as_the_vendor_does() {
        let error = ChatError::new(ErrorKind::Overloaded, "busy").from_provider("p");
        let stream = encode(true, &[Event::Text("A"), Event::Usage(USAGE), Event::Error(&error)], json!({}));
        let events = events(&stream);
        let [.., told, failed] = &events[..] else { panic!() };
        assert_eq!(told, &json!({"type": "error", "sequence_number": 5, "error": {
            "message": "busy", "type": "server_error", "param": null, "code": "overloaded", "provider": "p",
        }}));
        let response = &failed["response"];
        assert_eq!((&failed["type"], &response["status"]), (&json!("response.failed"), &json!("failed")));
        assert_eq!(response["error"], json!({"code": "overloaded", "message": "busy"}));
        assert_eq!((&response["output"][0]["status"], &response["output"][0]["content"][0]["text"]), (&json!("incomplete"), &json!("A")));
        assert_eq!(response["usage"]["total_tokens"], 12);
        // One that comes whole is told by a status, and not here.
        assert_eq!(encode(false, &[Event::Text("A"), Event::Error(&error)], json!({})), "");
    }

    fn a_heartbeat_is_a_line_and_no_event() {
        let mut encoder = OpenAiResponses.encoder(reply(true), &read(json!({})).unwrap());
        let mut out = Vec::new();
        encoder.heartbeat(&mut out);
        assert_eq!(out, b": hb\n");
        out.clear();
        OpenAiResponses.encoder(reply(false), &read(json!({})).unwrap()).heartbeat(&mut out);
        assert!(out.is_empty());
    }

    fn an_error_instead_of_an_answer_has_the_vendors_status() {
        let check = |kind: ErrorKind, status: u16, code: Value| {
            let reply = OpenAiResponses.write_error(&ChatError::new(kind, "no"), "req_1");
            let body: Value = serde_json::from_slice(&reply.body).unwrap();
            assert_eq!((reply.status.as_u16(), &body["error"]["code"]), (status, &code), "{kind:?}");
        };
        check(ErrorKind::InvalidRequest, 400, Value::Null);
        check(ErrorKind::ModelNotSupported, 400, json!("model_not_found"));
        check(ErrorKind::ProviderAuth, 401, json!("invalid_api_key"));
        check(ErrorKind::RateLimited, 429, json!("rate_limit_exceeded"));
    }

    fn a_providers_own_state_finds_back_to_its_place() {
        let data: Vec<Value> = (0..7).map(|number| json!({"n": number, "s": "a\u{2028}\"\n"})).collect();
        let opaque = |at: usize, call| Event::Opaque(OpaqueDelta { dialect: "gemini", call, data: &data[at] });
        let given = [
            Event::Reasoning("hm"), opaque(0, None), opaque(1, None), Event::Text("é1"), opaque(2, None), opaque(3, None), Event::Text("🌊"),
            opaque(4, None), call(0, "a", Some("f"), "{}"), opaque(5, Some(CallRef { index: 0, id: "a" })), call(1, "b", Some("g"), "{}"),
            opaque(6, None), end(Finish::ToolCalls),
        ];
        let output = response(&given)["output"].clone();
        // A text stays in one piece: it may be JSON.
        let texts: Vec<_> = output.as_array().unwrap().iter().filter_map(|item| item.pointer("/content/0/text")).collect();
        assert_eq!(texts, ["é1🌊"]);
        let mut input = output.as_array().unwrap().clone();
        input.push(json!({"type": "function_call_output", "call_id": "a", "output": "r"}));
        let state = |at: usize| format!("gemini {}", data[at]);
        assert_eq!(lines(&read(json!({"input": input})).unwrap()), [
            "assistant: think hm".to_owned(),
            format!("assistant: opaque {}", state(0)),
            format!("assistant: opaque {}", state(1)),
            "assistant: text é1".to_owned(),
            format!("assistant: opaque {}", state(2)),
            format!("assistant: opaque {}", state(3)),
            "assistant: text 🌊".to_owned(),
            format!("assistant: opaque {}", state(4)),
            format!("assistant: Function a f {{}} {}", state(5)),
            "assistant: Function b g {}".to_owned(),
            format!("assistant: opaque {}", state(6)),
            "tool a: text r".to_owned(),
        ]);
        // The vendor sees none of it, and nothing that it would look for in vain.
        assert_eq!(native(json!({"input": input}))["input"], json!([
            {"type": "message", "status": "completed", "role": "assistant", "content": [{"type": "output_text", "annotations": [], "logprobs": [], "text": "é1🌊"}]},
            {"type": "function_call", "status": "completed", "arguments": "{}", "call_id": "a", "name": "f"},
            {"type": "function_call", "status": "completed", "arguments": "{}", "call_id": "b", "name": "g"},
            {"type": "function_call_output", "call_id": "a", "output": "r"},
        ]));
        // State of a call may stand before it as well, and a client may leave out what it is about.
        let reversed: Vec<Value> = input.iter().rev().cloned().collect();
        let calls = lines(&read(json!({"input": reversed})).unwrap());
        assert!(calls.contains(&format!("assistant: Function a f {{}} {}", state(5))), "{calls:?}");
    }

    fn the_vendors_own_state_is_what_its_decoder_gives() {
        let sealed = json!({"type": "reasoning", "id": "rs_0d6d", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "gAAA"});
        let message = json!({"type": "message", "id": "msg_1", "role": "assistant", "phase": "commentary", "content": [{"type": "output_text", "text": "A"}]});
        let chat = read(json!({"input": [sealed, message]})).unwrap();
        assert_eq!(lines(&chat), [
            "assistant: think hm".to_owned(),
            format!("assistant: opaque openai-responses {sealed}"),
            "assistant: text A".to_owned(),
            r#"assistant: opaque openai-responses {"type":"message","phase":"commentary"}"#.to_owned(),
        ]);
        assert_eq!(native(json!({"input": [sealed, message]}))["input"], json!([sealed, message]));
        // After a translation it is an item of ours, and again the vendor's when that gets it.
        let phase = json!({"type": "message", "phase": "commentary"});
        let own = |data| Event::Opaque(OpaqueDelta { dialect: "openai-responses", call: None, data });
        let output = response(&[Event::Reasoning("hm"), own(&sealed), Event::Text("A"), own(&phase), end(Finish::Stop)])["output"].clone();
        assert_eq!(output[1]["phase"], "commentary");
        assert_eq!(lines(&read(json!({"input": output})).unwrap()), lines(&chat));
        assert_eq!(native(json!({"input": output}))["input"][0], sealed);
    }

    fn a_providers_own_events_go_on_as_they_are() {
        let frames = [
            r#"{"type":"response.created","response":{"id":"resp_9","status":"in_progress","x":1,"output":[]},"sequence_number":0}"#,
            r#"{"type":"response.unheard_of","sequence_number":1}"#,
        ];
        let pass = |last: Event<'_>| {
            let mut encoder = OpenAiResponses.encoder(reply(true), &read(json!({})).unwrap());
            let mut out = Vec::new();
            frames.iter().for_each(|data| encoder.native(Frame { event: Some("e"), data, cut: false }, &mut out));
            encoder.event(last, &mut out);
            String::from_utf8(out).unwrap()
        };
        let given = frames.iter().fold(String::new(), |all, data| all + "event: e\ndata: " + data + "\n\n");
        assert_eq!(pass(end(Finish::Stop)), given);
        // A failure of the connection goes on where the provider stopped.
        let failed = pass(Event::Error(&ChatError::new(ErrorKind::Truncated, "broke off")));
        let rest: Vec<Value> = failed.strip_prefix(&given).unwrap().split_terminator("\n\n")
            .map(|frame| serde_json::from_str(frame.split_once("data: ").unwrap().1).unwrap()).collect();
        assert_eq!((&rest[0]["type"], &rest[0]["sequence_number"], &rest[0]["error"]["message"]), (&json!("error"), &json!(2), &json!("broke off")));
        assert_eq!(rest[1], json!({"type": "response.failed", "sequence_number": 3, "response": {
            "id": "resp_9", "status": "failed", "x": 1, "output": [], "error": {"code": "truncated", "message": "broke off"}, "incomplete_details": null,
        }}));
    }
}
