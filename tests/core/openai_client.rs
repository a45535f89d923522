//! Chat Completions towards clients, pinned: requests in, chunks, completions and errors out.

use serde_json::{Value, json};
use tributary::dialects::{OpenAiChat, ReplyOptions, ToClient, ToProvider, write_for};
use tributary::framing::Frame;
use tributary::models::{
    CallRef, ChatError, ChatRequest, Citation, ErrorKind, Event, Finish, MaxTokensField, OpaqueDelta, Part, Quirks,
    Replay, Role, Target, ToolChoice, ToolDelta, ToolKind, Usage,
};

use crate::both_targets;

fn read(fields: Value) -> Result<ChatRequest, ChatError> {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    OpenAiChat.read_request(body.to_string().as_bytes())
}

fn beyond(fields: Value) -> Vec<(String, bool)> {
    let native = read(fields).unwrap().native.unwrap();
    native.beyond.into_iter().map(|beyond| (beyond.path, beyond.essential)).collect()
}

fn target(quirks: Quirks) -> Target {
    Target {
        provider: "p".into(),
        base_url: "https://h".into(),
        model: "theirs".into(),
        key: None,
        headers: vec![],
        quirks,
    }
}

/// The body that a server of the same language gets.
fn native(fields: Value, quirks: Quirks) -> Value {
    let (outgoing, native) = write_for(&OpenAiChat, &read(fields).unwrap(), &target(quirks)).unwrap();
    assert!(native);
    serde_json::from_slice(outgoing.request.body()).unwrap()
}

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
    let mut encoder = OpenAiChat.encoder(reply(stream), &read(fields).unwrap());
    let mut out = Vec::new();
    events.iter().for_each(|event| encoder.event(event.clone(), &mut out));
    String::from_utf8(out).unwrap()
}

/// The payloads of a stream; all but the sentinel as JSON.
fn payloads(stream: &str) -> Vec<Value> {
    let frames = stream.split_terminator("\n\n").map(|frame| frame.strip_prefix("data: ").unwrap());
    frames.map(|data| serde_json::from_str(data).unwrap_or(json!(data))).collect()
}

const USAGE: Usage = Usage {
    input_tokens: 9,
    output_tokens: 3,
    total_tokens: 12,
    cached_tokens: None,
    reasoning_tokens: Some(1),
    estimated: false,
    cost: None,
};

both_targets! {
    fn a_stream_to_the_letter() {
        let stream = encode(true, &[
            Event::Start { model: "m-1" },
            Event::Text("A\n"),
            Event::Usage(USAGE),
            Event::Finish { reason: Finish::Stop, raw: Some("eos") },
        ], json!({}));
        let head = r#"data: {"id":"chatcmpl-r_1","object":"chat.completion.chunk","created":7,"model":"m-1","provider":"p","choices":[{"index":0,"delta":"#;
        let rest = r#","logprobs":null,"finish_reason":null}]}"#;
        assert_eq!(stream, format!(
            "{head}{{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}}{rest}\n\n{head}{{\"content\":\"A\\n\"}}{rest}\n\n{head}{{}},\"logprobs\":null,\"finish_reason\":\"stop\",\"native_finish_reason\":\"eos\"}}]}}\n\ndata: [DONE]\n\n"
        ));
    }

    fn usage_comes_where_it_was_asked_for() {
        let events = [Event::Text("A"), Event::Usage(USAGE), Event::Finish { reason: Finish::Stop, raw: None }];
        let asked = payloads(&encode(true, &events, json!({"stream_options": {"include_usage": true}})));
        assert!(asked[..3].iter().all(|chunk| chunk["usage"].is_null() && chunk.get("usage").is_some()));
        assert_eq!(asked[3]["choices"], json!([]));
        assert_eq!(asked[3]["usage"], json!({
            "prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12,
            "prompt_tokens_details": {"cached_tokens": 0}, "completion_tokens_details": {"reasoning_tokens": 1},
        }));
        assert!(payloads(&encode(true, &events, json!({}))).iter().all(|chunk| chunk.get("usage").is_none()));
    }

    fn every_kind_of_delta() {
        let citation = Citation { url: "https://a".into(), title: Some("A".into()), start_index: Some(0), end_index: Some(4), ..Citation::default() };
        let (free, bound) = (json!({"signature": "x"}), json!({"thoughtSignature": "y"}));
        let call = |name, arguments| Event::Tool(ToolDelta { index: 0, id: "c", name, arguments, kind: ToolKind::Function });
        let stream = encode(true, &[
            Event::Warning("early"),
            Event::Reasoning("hm"),
            Event::Opaque(OpaqueDelta { dialect: "anthropic", call: None, data: &free }),
            Event::Warning("odd"),
            Event::Citation(&citation),
            call(Some("f"), ""),
            call(None, "{}"),
            Event::Opaque(OpaqueDelta { dialect: "gemini", call: Some(CallRef { index: 0, id: "c" }), data: &bound }),
            Event::Finish { reason: Finish::ToolCalls, raw: None },
        ], json!({}));
        let deltas: Vec<Value> = payloads(&stream).iter().map(|chunk| chunk.pointer("/choices/0/delta").cloned().unwrap_or_default()).collect();
        assert_eq!(deltas, [
            json!({"role": "assistant", "content": "", "refusal": null}),
            json!({"reasoning_content": "hm"}),
            json!({"tool_calls": [{"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}]}),
            json!({"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}),
            json!({"tool_calls": [{"index": 0, "function": {"arguments": ""}, "opaque": {"dialect": "gemini", "data": bound}}]}),
            json!({
                "annotations": [{"type": "url_citation", "url_citation": {"url": "https://a", "title": "A", "start_index": 0, "end_index": 4}}],
                "opaque": [{"dialect": "anthropic", "data": free}],
            }),
            Value::Null,
        ]);
        let warned: Vec<Value> = payloads(&stream).iter().filter_map(|chunk| chunk.get("warnings").cloned()).collect();
        assert_eq!(warned, [json!(["early"]), json!(["early", "odd"])]);
    }

    fn a_whole_completion() {
        let call = Event::Tool(ToolDelta { index: 0, id: "c", name: Some("f"), arguments: "{}", kind: ToolKind::Function });
        let whole = encode(false, &[
            Event::Start { model: "m-1" }, Event::Reasoning("hm"), call, Event::Warning("odd"), Event::Usage(USAGE),
            Event::Finish { reason: Finish::ToolCalls, raw: Some("tool_use") },
        ], json!({}));
        let body: Value = serde_json::from_str(&whole).unwrap();
        assert_eq!((&body["id"], &body["object"], &body["model"], &body["warnings"]), (&json!("chatcmpl-r_1"), &json!("chat.completion"), &json!("m-1"), &json!(["odd"])));
        assert_eq!(body["choices"], json!([{
            "index": 0, "logprobs": null, "finish_reason": "tool_calls", "native_finish_reason": "tool_use",
            "message": {
                "role": "assistant", "content": null, "refusal": null, "reasoning_content": "hm", "annotations": [],
                "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
            },
        }]));
        assert_eq!(body["usage"]["total_tokens"], 12);
    }

    fn what_is_not_complete_is_never_stop() {
        let word = |reason| payloads(&encode(true, &[Event::Finish { reason, raw: None }], json!({})))[1]["choices"][0]["finish_reason"].clone();
        assert_eq!(word(Finish::Length), "length");
        assert_eq!(word(Finish::Pause), "length");
        assert_eq!(word(Finish::Cancelled), "length");
        assert_eq!(word(Finish::ContentFilter), "content_filter");
        // A refusal is told by its words; where there are none, they are ours.
        let refused = payloads(&encode(true, &[Event::Finish { reason: Finish::Refusal, raw: None }], json!({})));
        assert_eq!(refused[1]["choices"][0]["delta"]["refusal"], "The model declined to answer.");
        let whole: Value = serde_json::from_str(&encode(false, &[Event::Finish { reason: Finish::Refusal, raw: None }], json!({}))).unwrap();
        assert_eq!(whole["choices"][0]["message"]["refusal"], "The model declined to answer.");
        assert!(whole["choices"][0]["message"]["content"].is_null());
    }

    fn a_failure_in_the_stream_is_raised_and_not_done() {
        let error = ChatError { code: Some("x".into()), ..ChatError::new(ErrorKind::Overloaded, "busy") }.from_provider("p");
        let stream = encode(true, &[Event::Text("A"), Event::Error(&error)], json!({}));
        assert!(stream.ends_with("data: {\"error\":{\"message\":\"busy\",\"type\":\"server_error\",\"param\":null,\"code\":\"x\",\"provider\":\"p\"}}\n\n"));
    }

    fn an_error_instead_of_an_answer_has_the_vendors_status() {
        let check = |kind: ErrorKind, status: u16, code: Value| {
            let reply = OpenAiChat.write_error(&ChatError::new(kind, "no"), "req_1");
            let body: Value = serde_json::from_slice(&reply.body).unwrap();
            assert_eq!((reply.status.as_u16(), &body["error"]["code"]), (status, &code), "{kind:?}");
            let never = reply.headers.contains(&("x-should-retry", "false".to_owned()));
            assert_eq!(never, !kind.is_transient(), "{kind:?}");
        };
        check(ErrorKind::InvalidRequest, 400, Value::Null);
        check(ErrorKind::ModelNotSupported, 404, json!("model_not_found"));
        check(ErrorKind::ProviderAuth, 401, json!("invalid_api_key"));
        check(ErrorKind::RateLimited, 429, json!("rate_limit_exceeded"));
        check(ErrorKind::BudgetExceeded, 429, json!("insufficient_quota"));
        check(ErrorKind::ContentFilter, 400, json!("content_filter"));
        check(ErrorKind::Overloaded, 503, json!("overloaded"));
        check(ErrorKind::Truncated, 502, json!("truncated"));
    }

    fn what_only_this_language_has_is_noted() {
        assert_eq!(beyond(json!({"stream": true, "n": 1, "frequency_penalty": 0, "user": null, "logprobs": false, "modalities": ["text"]})), []);
        let noted = |path: &str, essential| (path.to_owned(), essential);
        assert_eq!(beyond(json!({"n": 2})), [noted("n", true)]);
        assert_eq!(beyond(json!({"logit_bias": {"1": 2}, "verbosity": "low"})), [noted("logit_bias", false), noted("verbosity", false)]);
        assert_eq!(beyond(json!({"modalities": ["text", "audio"]})), [noted("modalities", true)]);
        assert_eq!(beyond(json!({"tools": [{"type": "custom", "custom": {"name": "f"}}]})), [noted("tools[0]", true)]);
        assert_eq!(beyond(json!({"tool_choice": {"type": "allowed_tools", "allowed_tools": {}}})), [noted("tool_choice", true)]);
        let sound = json!([{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "input_audio", "input_audio": {}}]}]);
        assert_eq!(beyond(json!({"messages": sound})), [noted("messages[0].content[1]", true)]);
    }

    fn other_languages_are_told_what_they_can_be_told() {
        let written = |fields| write_for(&tributary::dialects::Ollama, &read(fields).unwrap(), &target(Quirks::default()));
        let (outgoing, native) = written(json!({"verbosity": "low"})).unwrap();
        assert!(!native);
        assert_eq!(outgoing.warnings, ["verbosity was left out: the provider has no such field"]);
        let error = written(json!({"n": 2})).err().unwrap();
        assert_eq!((error.kind, error.param.as_deref()), (ErrorKind::InvalidRequest, Some("n")));
    }

    fn the_older_form_of_tools() {
        let chat = read(json!({
            "functions": [{"name": "f", "parameters": {"type": "object"}}], "function_call": {"name": "f"},
            "messages": [
                {"role": "user", "content": "hi"},
                {"role": "assistant", "content": null, "function_call": {"name": "f", "arguments": "{}"}},
                {"role": "function", "name": "f", "content": "r"},
            ],
        })).unwrap();
        assert_eq!((chat.tools.len(), chat.tool_choice), (1, Some(ToolChoice::Tool("f".into()))));
        let id = chat.messages[1].tool_calls().next().unwrap().id.clone();
        assert_eq!((chat.messages[2].role, chat.messages[2].tool_call_id.as_deref()), (Role::Tool, Some(id.as_str())));
    }

    fn what_the_answer_gave_to_keep_is_read_back() {
        let message = json!({
            "role": "assistant", "content": "A", "reasoning_content": "hm", "refusal": null,
            "opaque": [{"dialect": "anthropic", "data": {"a": 1}}],
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}, "opaque": {"dialect": "gemini", "data": {"b": 2}}}],
        });
        let chat = read(json!({"messages": [message.clone()]})).unwrap();
        let parts = &chat.messages[0].parts;
        assert!(matches!(&parts[..], [Part::Reasoning(_), Part::Opaque(_), Part::Text(_), Part::ToolCall(call)] if call.opaque.is_some()), "{parts:?}");
        // A server of this language has never heard of it.
        let sent = native(json!({"messages": [message]}), Quirks::default());
        assert_eq!(sent["messages"], json!([{
            "role": "assistant", "content": "A", "refusal": null,
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        }]));
    }

    fn a_server_of_the_same_language_gets_the_clients_own_words() {
        let fields = json!({"temperature": 0.5, "unheard_of": [1, {"a": null}], "n": 2, "provider": "p", "max_tokens": 5});
        assert_eq!(native(fields, Quirks::default()), json!({
            "model": "theirs", "messages": [{"role": "user", "content": "hi"}], "temperature": 0.5,
            "unheard_of": [1, {"a": null}], "n": 2, "max_tokens": 5,
        }));
        let newer = Quirks { max_tokens: MaxTokensField::MaxCompletionTokens, ..Quirks::default() };
        assert_eq!(native(json!({"max_tokens": 5}), newer)["max_completion_tokens"], 5);
        let streamed = native(json!({"stream": true, "stream_options": {"include_obfuscation": false}}), Quirks::default());
        assert_eq!(streamed["stream_options"], json!({"include_obfuscation": false, "include_usage": true}));
        let developer = json!({"messages": [{"role": "developer", "content": "x"}]});
        assert_eq!(native(developer.clone(), Quirks::default())["messages"][0]["role"], "system");
        let own = Quirks { system_role: "developer".into(), ..Quirks::default() };
        assert_eq!(native(developer, own)["messages"][0]["role"], "developer");
        let thought = json!({"messages": [{"role": "assistant", "content": "a", "reasoning_content": "hm"}]});
        let replay = Quirks { replay: Replay::ReasoningContent, ..Quirks::default() };
        assert_eq!(native(thought, replay)["messages"][0]["reasoning_content"], "hm");
    }

    fn a_providers_own_chunks_go_on_as_they_are() {
        let frames = ["{\"choices\":[{\"x\": 1}],\"usage\":null}", "{\"choices\": [],\n\"usage\": {}}", "[DONE]"];
        let pass = |fields: Value, frames: &[&str]| {
            let mut encoder = OpenAiChat.encoder(reply(true), &read(fields).unwrap());
            let mut out = Vec::new();
            frames.iter().for_each(|data| encoder.native(Frame { event: None, data, cut: false }, &mut out));
            encoder.event(Event::Finish { reason: Finish::Stop, raw: None }, &mut out);
            String::from_utf8(out).unwrap()
        };
        let usage = json!({"stream_options": {"include_usage": true}});
        assert_eq!(pass(usage, &frames), "data: {\"choices\":[{\"x\": 1}],\"usage\":null}\n\ndata: {\"choices\": [],\ndata: \"usage\": {}}\n\ndata: [DONE]\n\n");
        assert_eq!(pass(json!({}), &frames), "data: {\"choices\":[{\"x\": 1}],\"usage\":null}\n\ndata: [DONE]\n\n");
        assert_eq!(pass(json!({}), &frames[..1]), "data: {\"choices\":[{\"x\": 1}],\"usage\":null}\n\ndata: [DONE]\n\n");
    }

    fn a_wrong_field_is_named() {
        let param = |fields| read(fields).unwrap_err().param.unwrap();
        assert_eq!(param(json!({"messages": []})), "messages");
        assert_eq!(param(json!({"temperature": 3})), "temperature");
        assert_eq!(param(json!({"reasoning_effort": "most"})), "reasoning_effort");
        assert_eq!(param(json!({"stream": 1})), "stream");
        assert_eq!(param(json!({"stream_options": {"include_usage": 1}})), "stream_options.include_usage");
        assert_eq!(param(json!({"messages": [{"role": "tool", "content": "a"}]})), "messages[0].tool_call_id");
        assert_eq!(param(json!({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]})), "messages[0].content[0].image_url");
        assert_eq!(OpenAiChat.name(), "openai-chat");
    }
}
