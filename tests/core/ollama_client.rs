//! Ollama towards clients, pinned: requests in, lines, whole answers and errors out.

use serde_json::{Value, json};
use tributary::dialects::{Ollama, OllamaGenerate, OpenAiChat, ReplyOptions, ToClient, write_for};
use tributary::framing::Frame;
use tributary::models::{
    CallRef, ChatError, ChatRequest, Citation, Effort, ErrorKind, Event, Finish, Image, OpaqueDelta, Part, Quirks,
    ResponseFormat, Role, Target, Thinking, ToolDelta, ToolKind, Usage,
};

use crate::both_targets;

fn body(base: Value, fields: Value) -> Vec<u8> {
    let mut body = base;
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    body.to_string().into_bytes()
}

fn read(fields: Value) -> Result<ChatRequest, ChatError> {
    Ollama.read_request(&body(json!({"model": "p/m", "messages": [{"role": "user", "content": "hi"}]}), fields))
}

fn prompt(fields: Value) -> Result<ChatRequest, ChatError> {
    OllamaGenerate.read_request(&body(json!({"model": "p/m", "prompt": "hi"}), fields))
}

fn beyond(chat: ChatRequest) -> Vec<(String, bool)> {
    chat.native.unwrap().beyond.into_iter().map(|beyond| (beyond.path, beyond.essential)).collect()
}

fn target() -> Target {
    let (base_url, quirks) = ("https://h".to_owned(), Quirks::default());
    Target { provider: "p".into(), base_url, model: "theirs".into(), key: None, headers: vec![], quirks }
}

/// Where a request goes that a server of the same language gets, and what stands in it.
fn native(chat: ChatRequest) -> (String, Value) {
    let (outgoing, native) = write_for(&Ollama, &chat, &target()).unwrap();
    assert!(native);
    (outgoing.request.uri().path().to_owned(), serde_json::from_slice(outgoing.request.body()).unwrap())
}

/// The body and the warnings for a provider of another language.
fn foreign(chat: &ChatRequest) -> Result<(Value, Vec<String>), ChatError> {
    let (outgoing, native) = write_for(&OpenAiChat, chat, &target())?;
    assert!(!native);
    Ok((serde_json::from_slice(outgoing.request.body()).unwrap(), outgoing.warnings))
}

fn reply(stream: bool) -> ReplyOptions {
    let (run_id, provider, model) = ("r_1".into(), "p".into(), "m".into());
    ReplyOptions { run_id, provider, model, stream, created: 1_795_190_400, ..ReplyOptions::default() }
}

fn encode_as(dialect: &dyn ToClient, stream: bool, chat: &ChatRequest, events: &[Event<'_>]) -> String {
    let mut encoder = dialect.encoder(reply(stream), chat);
    let mut out = Vec::new();
    events.iter().for_each(|event| encoder.event(event.clone(), &mut out));
    String::from_utf8(out).unwrap()
}

fn encode(stream: bool, events: &[Event<'_>]) -> String {
    encode_as(&Ollama, stream, &read(json!({})).unwrap(), events)
}

fn lines(stream: &str) -> Vec<Value> {
    assert!(stream.ends_with('\n'));
    stream.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The last line of a stream of these events, or the whole answer.
fn last(stream: bool, events: &[Event<'_>]) -> Value {
    let out = encode(stream, events);
    serde_json::from_str(out.lines().last().unwrap()).unwrap()
}

fn call(index: u32, name: Option<&'static str>, arguments: &'static str) -> Event<'static> {
    let id = ["a", "b", "c"][index as usize];
    Event::Tool(ToolDelta { index, id, name, arguments, kind: ToolKind::Function })
}

fn finish(reason: Finish) -> Event<'static> {
    Event::Finish { reason, raw: None }
}

const USAGE: Event<'static> = Event::Usage(Usage {
    input_tokens: 9,
    output_tokens: 3,
    total_tokens: 12,
    cached_tokens: None,
    reasoning_tokens: Some(1),
    estimated: false,
    cost: None,
});

const PNG: &str = "iVBORw0KGgoAAAANSUhEUg==";

both_targets! {
    fn a_stream_to_the_letter() {
        let stream = encode(true, &[
            Event::Reasoning("hm"),
            Event::Start { model: "m-1" },
            Event::Text("A\n\u{2028}"),
            USAGE,
            Event::Finish { reason: Finish::Stop, raw: Some("eos") },
        ]);
        let first = r#"{"model":"p/m","provider":"p","created_at":"2026-11-20T16:00:00Z","message":{"role":"assistant","content":"","thinking":"hm"},"done":false}"#;
        let head = r#"{"model":"p/m","remote_model":"m-1","provider":"p","created_at":"2026-11-20T16:00:00Z","message":{"role":"assistant","content":"#;
        assert_eq!(stream, format!(
            "{first}\n{head}\"A\\n\\u2028\"}},\"done\":false}}\n{head}\"\"}},\"done\":true,\"done_reason\":\"stop\",\"native_done_reason\":\"eos\",\"prompt_eval_count\":9,\"eval_count\":3}}\n"
        ));
        assert_eq!((Ollama.stream_type(), OllamaGenerate.stream_type()), ("application/x-ndjson", "application/x-ndjson"));
    }

    fn the_stream_of_a_prompt() {
        let events = [Event::Reasoning("hm"), Event::Text("A"), USAGE, finish(Finish::Length)];
        let chat = prompt(json!({})).unwrap();
        let head = r#"{"model":"p/m","provider":"p","created_at":"2026-11-20T16:00:00Z","response":"#;
        let end = r#""done":true,"done_reason":"length","prompt_eval_count":9,"eval_count":3}"#;
        assert_eq!(encode_as(&OllamaGenerate, true, &chat, &events), format!(
            "{head}\"\",\"thinking\":\"hm\",\"done\":false}}\n{head}\"A\",\"done\":false}}\n{head}\"\",{end}\n"
        ));
        assert_eq!(encode_as(&OllamaGenerate, false, &chat, &events), format!("{head}\"A\",\"thinking\":\"hm\",{end}"));
    }

    fn calls_come_whole_and_each_in_a_line() {
        let stream = lines(&encode(true, &[
            Event::Text("A"),
            call(0, Some("f"), ""),
            call(0, None, "{\"a\": 12479678939117453000000,\r\n"),
            call(0, None, "\"b\":\"\u{2028}\\n\"}"),
            call(1, Some("g"), ""),
            finish(Finish::ToolCalls),
        ]));
        assert_eq!(stream.len(), 4);
        assert_eq!(stream[1]["message"], json!({"role": "assistant", "content": "", "tool_calls": [
            {"id": "a", "function": {"index": 0, "name": "f", "arguments": {"a": 12479678939117453000000f64, "b": "\u{2028}\n"}}},
        ]}));
        assert_eq!(stream[2]["message"]["tool_calls"], json!([{"id": "b", "function": {"index": 1, "name": "g", "arguments": {}}}]));
        assert_eq!((&stream[3]["done_reason"], stream[3].get("warnings")), (&json!("stop"), None));
        // Figures stay as they were written, whatever their size.
        let raw = encode(false, &[call(0, Some("f"), "{\"a\":12479678939117453000000}"), finish(Finish::ToolCalls)]);
        assert!(raw.contains("\"arguments\":{\"a\":12479678939117453000000}"), "{raw}");
    }

    fn a_call_is_told_as_soon_as_the_next_one_begins() {
        let mut encoder = Ollama.encoder(reply(true), &read(json!({})).unwrap());
        let mut out = Vec::new();
        encoder.event(call(0, Some("f"), "{}"), &mut out);
        assert!(out.is_empty());
        encoder.event(call(1, Some("g"), "{"), &mut out);
        assert!(String::from_utf8(out).unwrap().contains("\"name\":\"f\""));
    }

    fn what_is_no_call_is_not_told_as_one() {
        let cut = [call(0, Some("f"), "{}"), call(1, Some("g"), "{\"a\":\"x"), finish(Finish::Length)];
        let whole = last(false, &cut);
        assert_eq!(whole["message"]["tool_calls"], json!([{"id": "a", "function": {"index": 0, "name": "f", "arguments": {}}}]));
        assert_eq!((&whole["done_reason"], &whole["warnings"]), (&json!("length"), &json!(["a call of g was left out: it was cut off"])));
        assert_eq!(lines(&encode(true, &cut)).len(), 2);
        // Not even the arguments had begun.
        assert_eq!(last(false, &[call(0, Some("f"), ""), finish(Finish::Length)])["message"].get("tool_calls"), None);
        // A model's slip is its client's to see.
        for slip in ["{\"a\":", "[1]", "x"] {
            let whole = last(false, &[call(0, Some("f"), slip), finish(Finish::ToolCalls)]);
            assert_eq!(whole["message"]["tool_calls"][0]["function"]["arguments"], json!({"raw_arguments": slip}));
            assert_eq!(whole["warnings"], json!(["the arguments of a call of f are no JSON object: they stand in raw_arguments"]));
        }
        // Nothing unbounded is held.
        let mut encoder = Ollama.encoder(reply(true), &read(json!({})).unwrap());
        let (piece, mut out) = ("x".repeat(1 << 19), Vec::new());
        let delta = |name, arguments| Event::Tool(ToolDelta { index: 0, id: "a", name, arguments, kind: ToolKind::Function });
        encoder.event(delta(Some("f"), "{\"a\":\""), &mut out);
        (0..3).for_each(|_| encoder.event(delta(None, &piece), &mut out));
        encoder.event(delta(None, "\"}"), &mut out);
        encoder.event(finish(Finish::ToolCalls), &mut out);
        assert_eq!(lines(&String::from_utf8(out).unwrap())[0]["warnings"], json!(["a call of f was left out: its arguments are too long"]));
    }

    fn a_whole_answer() {
        let citation = Citation { url: "https://a".into(), title: Some("A".into()), start_index: None, end_index: None, ..Citation::default() };
        let usage = Usage::estimate(8, 4);
        let whole = last(false, &[
            Event::Start { model: "p/m" }, Event::Warning("odd"), Event::Reasoning("hm"), Event::Text("A"), Event::Citation(&citation),
            Event::Usage(usage), finish(Finish::Stop),
        ]);
        assert_eq!(whole, json!({
            "model": "p/m", "provider": "p", "created_at": "2026-11-20T16:00:00Z",
            "message": {"role": "assistant", "content": "A", "thinking": "hm"}, "done": true, "done_reason": "stop",
            "prompt_eval_count": 2, "eval_count": 1, "estimated": true,
            "citations": [{"url": "https://a", "title": "A"}], "warnings": ["odd"],
        }));
    }

    fn what_is_not_complete_is_never_stop() {
        let word = |reason| last(true, &[Event::Text("A"), finish(reason)])["done_reason"].clone();
        assert_eq!(word(Finish::Length), "length");
        assert_eq!(word(Finish::Pause), "length");
        assert_eq!(word(Finish::Cancelled), "length");
        assert_eq!(word(Finish::ContentFilter), "content_filter");
        assert_eq!(word(Finish::Refusal), "refusal");
        // A refusal is told by its words; where there are none, they are ours.
        let said = |events: &[Event<'_>]| last(false, events)["message"]["content"].clone();
        assert_eq!(said(&[Event::Refusal("No."), finish(Finish::Refusal)]), "No.");
        assert_eq!(said(&[finish(Finish::Refusal)]), "The model declined to answer.");
    }

    fn a_failure_in_the_stream_is_a_line_and_no_end() {
        let error = ChatError::new(ErrorKind::Truncated, "the provider's answer broke off").from_provider("p");
        let stream = encode(true, &[Event::Text("A"), call(0, Some("f"), "{}"), Event::Usage(Usage::default()), Event::Error(&error)]);
        assert!(stream.ends_with("\n{\"error\":\"the provider's answer broke off\"}\n"), "{stream}");
        assert_eq!(stream.lines().count(), 2);
    }

    fn an_error_instead_of_an_answer_has_the_vendors_status() {
        let check = |kind: ErrorKind, status: u16| {
            for dialect in [&Ollama as &dyn ToClient, &OllamaGenerate] {
                let reply = dialect.write_error(&ChatError::new(kind, "no"), "req_1");
                assert_eq!((reply.status.as_u16(), reply.body.as_slice()), (status, &b"{\"error\":\"no\"}"[..]), "{kind:?}");
            }
        };
        check(ErrorKind::InvalidRequest, 400);
        check(ErrorKind::ContentFilter, 400);
        check(ErrorKind::ProviderAuth, 401);
        check(ErrorKind::PermissionDenied, 403);
        check(ErrorKind::ModelNotSupported, 404);
        check(ErrorKind::UnknownProvider, 404);
        check(ErrorKind::NotFound, 404);
        check(ErrorKind::RateLimited, 429);
        check(ErrorKind::BudgetExceeded, 429);
        check(ErrorKind::Internal, 500);
        check(ErrorKind::Truncated, 502);
        check(ErrorKind::Overloaded, 503);
    }

    fn a_whole_request() {
        let chat = read(json!({
            "messages": [
                {"role": "System", "content": "s"},
                {"role": "user", "content": "t", "images": [PNG, "/9j/4AAQSkZJRgABAQ==", "R0lGODlhAQABAIAAAA==", "UklGRiQAAABXRUJQVlA4"]},
            ],
            "think": "high", "format": {"type": "object"},
            "options": {"temperature": 0, "top_p": 0.5, "num_predict": 7.0, "seed": 1, "stop": ["x"]},
            "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
        })).unwrap();
        assert_eq!((chat.model.as_deref(), chat.stream), (Some("p/m"), true));
        assert_eq!((chat.temperature, chat.top_p, chat.max_tokens, chat.seed, &chat.stop[..]), (Some(0.0), Some(0.5), Some(7), Some(1), &["x".to_owned()][..]));
        assert_eq!(chat.thinking, Some(Thinking { enabled: true, budget_tokens: None, effort: Some(Effort::High) }));
        assert!(matches!(&chat.response_format, Some(ResponseFormat::JsonSchema { strict: None, schema, .. }) if *schema == json!({"type": "object"})));
        assert_eq!((chat.messages[0].role, chat.tools.len()), (Role::System, 1));
        let types: Vec<&str> = chat.messages[1].parts.iter().map(|part| match part {
            Part::Image(Image::Base64 { media_type, .. }) => media_type.as_str(),
            _ => "text",
        }).collect();
        assert_eq!(types, ["text", "image/png", "image/jpeg", "image/gif", "image/webp"]);
        assert_eq!(beyond(chat), []);
    }

    fn no_limit_and_no_seed_are_nothing() {
        for most in [-1, -2, 0] {
            let chat = read(json!({"stream": false, "format": "", "options": {"num_predict": most, "seed": -1}})).unwrap();
            assert_eq!((chat.max_tokens, chat.seed, chat.response_format, chat.stream), (None, None, None, false));
        }
        assert_eq!(read(json!({"format": "json"})).unwrap().response_format, Some(ResponseFormat::JsonObject));
        assert_eq!(read(json!({"think": false})).unwrap().thinking, Some(Thinking { enabled: false, budget_tokens: None, effort: None }));
    }

    fn a_prompt_is_a_conversation_of_one() {
        let chat = prompt(json!({"system": "s", "images": [PNG], "stream": false})).unwrap();
        let said: Vec<(Role, String, usize)> = chat.messages.iter().map(|message| (message.role, message.text(), message.parts.len())).collect();
        assert_eq!(said, [(Role::System, "s".into(), 1), (Role::User, "hi".into(), 2)]);
        // What packages write for what nobody has set.
        assert_eq!(beyond(prompt(json!({"suffix": "", "raw": false, "context": [], "template": "", "images": null})).unwrap()), []);
    }

    fn what_only_this_language_has_is_noted() {
        let noted = |path: &str, essential| (path.to_owned(), essential);
        let of_chat = |fields| beyond(read(fields).unwrap());
        assert_eq!(
            of_chat(json!({"keep_alive": 0, "logprobs": true, "options": {"top_k": 1, "num_ctx": null, "mirostat": 2}})),
            [noted("options.top_k", false), noted("options.mirostat", false), noted("keep_alive", false), noted("logprobs", false)]
        );
        assert_eq!(of_chat(json!({"options": {"temperature": 2.5}})), [noted("options.temperature", true)]);
        assert_eq!(of_chat(json!({"messages": []})), [noted("messages", true)]);
        assert_eq!(of_chat(json!({"raw": true, "_debug_render_only": true})), [noted("raw", false), noted("_debug_render_only", true)]);
        let odd = json!([{"role": "user", "content": "a", "images": ["QUJDQUJDQUJDQUJD"]}, {"role": "tool", "content": "b"}]);
        assert_eq!(of_chat(json!({"messages": odd})), [noted("messages[0].images[0]", true), noted("messages[1]", true)]);
        let fields = json!({"suffix": "s", "raw": true, "template": "t", "context": [1]});
        assert_eq!(beyond(prompt(fields).unwrap()), ["suffix", "raw", "template", "context"].map(|name| noted(name, true)));
        assert_eq!(beyond(prompt(json!({"prompt": "", "system": "s"})).unwrap()), [noted("prompt", true)]);
    }

    fn other_languages_are_told_what_they_can_be_told() {
        let (body, warnings) = foreign(&read(json!({"options": {"top_k": 1}})).unwrap()).unwrap();
        assert_eq!(warnings, ["options.top_k was left out: the provider has no such field"]);
        assert_eq!(body["messages"], json!([{"role": "user", "content": "hi"}]));
        let error = foreign(&prompt(json!({"raw": true})).unwrap()).unwrap_err();
        assert_eq!((error.kind, error.param.as_deref()), (ErrorKind::InvalidRequest, Some("raw")));
    }

    fn results_find_their_calls() {
        let call = |name: &str| json!({"function": {"name": name, "arguments": {"a": 1}}});
        let named = |id: &str, name: &str| json!({"id": id, "function": {"name": name}});
        let chat = read(json!({"messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": "", "tool_calls": [call("f"), call("g"), call("f")]},
            {"role": "tool", "tool_name": "g", "content": "of g"},
            {"role": "tool", "content": "of f"},
            {"role": "tool", "tool_name": "f", "content": "of the other f"},
            {"role": "assistant", "content": "", "tool_calls": [named("call_1_0", "h"), named("x", "h")]},
            {"role": "tool", "tool_call_id": "x", "content": "of x"},
            {"role": "tool", "name": "h", "content": "of call_1_0"},
            {"role": "tool", "name": "h", "content": "of nothing"},
        ]})).unwrap();
        let ids: Vec<&str> = chat.messages.iter().flat_map(|message| message.tool_calls()).map(|call| call.id.as_str()).collect();
        assert_eq!(ids, ["call_1_0_", "call_1_1", "call_1_2", "call_1_0", "x"]);
        let meant: Vec<Option<&str>> = chat.messages.iter().filter(|message| message.role == Role::Tool).map(|message| message.tool_call_id.as_deref()).collect();
        assert_eq!(meant, [Some("call_1_1"), Some("call_1_0_"), Some("call_1_2"), Some("x"), Some("call_1_0"), None]);
        assert_eq!(chat.messages[1].parts.len(), 3, "no text where there is none");
        assert_eq!(chat.messages[1].tool_calls().next().unwrap().arguments, "{\"a\":1}");
        assert_eq!(beyond(chat), [("messages[8]".to_owned(), true)]);
    }

    /// As programs do it: they join the texts of a stream and keep its calls; or they keep the one message.
    fn what_the_answer_gave_to_keep_is_read_back() {
        let (free, bound, late) = (json!({"signature": "x"}), json!({"thoughtSignature": "y"}), json!({"z": 1}));
        let opaque = |data, call| Event::Opaque(OpaqueDelta { dialect: "d", call, data });
        let events = [
            Event::Reasoning("hm"), opaque(&free, None), Event::Text("A"), call(0, Some("f"), "{}"),
            opaque(&bound, Some(CallRef { index: 0, id: "a" })), call(1, Some("g"), "{}"), opaque(&late, None), finish(Finish::ToolCalls),
        ];
        let whole = last(false, &events)["message"].clone();
        let mut streamed = json!({"role": "assistant", "content": "", "thinking": "", "tool_calls": []});
        let stream = lines(&encode(true, &events));
        for line in &stream {
            for name in ["content", "thinking"] {
                streamed[name] = json!(format!("{}{}", streamed[name].as_str().unwrap(), line["message"][name].as_str().unwrap_or_default()));
            }
            streamed["tool_calls"].as_array_mut().unwrap().extend(line["message"]["tool_calls"].as_array().cloned().unwrap_or_default());
        }
        assert_eq!(stream.last().unwrap()["message"]["opaque"], whole["opaque"]);
        assert_eq!(streamed["tool_calls"], whole["tool_calls"]);
        let parts = |message: &Value| {
            let chat = read(json!({"messages": [message]})).unwrap();
            chat.messages[0].parts.iter().map(|part| match part {
                Part::Opaque(state) => format!("{} {}", state.dialect, state.data),
                Part::ToolCall(call) => format!("call {} {:?}", call.id, call.opaque.as_ref().map(|state| state.data.to_string())),
                Part::Text(text) | Part::Reasoning(text) => text.clone(),
                Part::Image(_) => "image".to_owned(),
            }).collect::<Vec<_>>()
        };
        let all = ["hm", "d {\"signature\":\"x\"}", "A", "call a Some(\"{\\\"thoughtSignature\\\":\\\"y\\\"}\")", "call b None", "d {\"z\":1}"];
        assert_eq!(parts(&whole), all);
        assert_eq!(parts(&streamed), all[..5]);
        // A server of this language has never heard of it.
        let (_, sent) = native(read(json!({"messages": [whole]})).unwrap());
        assert_eq!(sent["messages"], json!([{
            "role": "assistant", "content": "A", "thinking": "hm", "tool_calls": [
                {"id": "a", "function": {"index": 0, "name": "f", "arguments": {}}},
                {"id": "b", "function": {"index": 1, "name": "g", "arguments": {}}},
            ],
        }]));
    }

    fn a_server_of_the_same_language_gets_the_clients_own_words() {
        let fields = json!({"unheard_of": [1, {"a": null}], "provider": "p", "keep_alive": "5m", "options": {"num_ctx": 9}});
        let (path, sent) = native(read(fields).unwrap());
        assert_eq!((path.as_str(), sent), ("/api/chat", json!({
            "model": "theirs", "messages": [{"role": "user", "content": "hi"}], "unheard_of": [1, {"a": null}],
            "keep_alive": "5m", "options": {"num_ctx": 9},
        })));
        let (path, sent) = native(prompt(json!({"raw": true, "context": [1, 2], "messages": []})).unwrap());
        assert_eq!((path.as_str(), sent), ("/api/generate", json!({"model": "theirs", "prompt": "hi", "raw": true, "context": [1, 2]})));
        // To load a model needs no message.
        assert_eq!(native(Ollama.read_request(b"{\"model\":\"m\"}").unwrap()).0, "/api/chat");
        assert_eq!(native(OllamaGenerate.read_request(b"{\"model\":\"m\"}").unwrap()).0, "/api/generate");
    }

    fn its_lines_are_given_on_as_they_are() {
        let pass = |stream, data: &[&str]| {
            let mut encoder = Ollama.encoder(reply(stream), &read(json!({})).unwrap());
            let mut out = Vec::new();
            data.iter().for_each(|data| encoder.native(Frame { event: None, data, cut: false }, &mut out));
            [USAGE, finish(Finish::Stop)].into_iter().for_each(|event| encoder.event(event, &mut out));
            String::from_utf8(out).unwrap()
        };
        assert_eq!(pass(true, &["{\"x\": 1}", "{\"done\":true}"]), "{\"x\": 1}\n{\"done\":true}\n");
        assert_eq!(pass(false, &["{\"done\":true,\n\"x\": 1}"]), "{\"done\":true,\n\"x\": 1}");
    }

    fn a_model_is_loaded_where_there_is_nothing_to_say() {
        let loaded = |fields: Value| {
            let chat = read(fields).unwrap();
            serde_json::from_str::<Value>(&encode_as(&Ollama, false, &chat, &[finish(Finish::Stop)])).unwrap()
        };
        assert_eq!(loaded(json!({"messages": []})), json!({
            "model": "p/m", "provider": "p", "created_at": "2026-11-20T16:00:00Z",
            "message": {"role": "assistant", "content": ""}, "done": true, "done_reason": "load",
        }));
        for none in [json!(0), json!("0"), json!("0s"), json!("0.0m")] {
            assert_eq!(loaded(json!({"messages": null, "keep_alive": none}))["done_reason"], "unload", "{none}");
        }
        for some in [json!(-1), json!("5m"), json!(""), json!(true)] {
            assert_eq!(loaded(json!({"messages": [], "keep_alive": some}))["done_reason"], "load", "{some}");
        }
    }

    fn a_wrong_field_is_named() {
        let param = |fields| read(fields).unwrap_err().param.unwrap();
        assert_eq!(param(json!({"messages": {}})), "messages");
        assert_eq!(param(json!({"stream": 1})), "stream");
        assert_eq!(param(json!({"think": "hard"})), "think");
        assert_eq!(param(json!({"format": "xml"})), "format");
        assert_eq!(param(json!({"options": {"temperature": "hot"}})), "options.temperature");
        assert_eq!(param(json!({"options": {"num_predict": "all"}})), "options.num_predict");
        let of = |message: Value| param(json!({"messages": [message]}));
        assert_eq!(of(json!({"role": "poet", "content": ""})), "messages[0].role");
        assert_eq!(of(json!({"role": "user", "content": [{"type": "text"}]})), "messages[0].content");
        assert_eq!(of(json!({"role": "user", "images": ["./a.png"]})), "messages[0].images[0]");
        assert_eq!(of(json!({"role": "user", "images": [1]})), "messages[0].images[0]");
        let calls = |call: Value| of(json!({"role": "assistant", "tool_calls": [call]}));
        assert_eq!(calls(json!({"id": "a"})), "messages[0].tool_calls[0].function");
        assert_eq!(calls(json!({"function": {"name": "f", "arguments": "{}"}})), "messages[0].tool_calls[0].function.arguments");
        assert_eq!(prompt(json!({"prompt": 1})).unwrap_err().param.as_deref(), Some("prompt"));
    }

    fn a_silence_is_filled_with_a_line_without_text() {
        let beat = |dialect: &dyn ToClient, stream: bool| {
            let mut out = Vec::new();
            dialect.encoder(reply(stream), &ChatRequest::default()).heartbeat(&mut out);
            String::from_utf8(out).unwrap()
        };
        let line: Value = serde_json::from_str(&beat(&Ollama, true)).unwrap();
        assert_eq!((&line["message"]["content"], &line["done"]), (&json!(""), &json!(false)));
        let line: Value = serde_json::from_str(&beat(&OllamaGenerate, true)).unwrap();
        assert_eq!((&line["response"], &line["done"]), (&json!(""), &json!(false)));
        assert_eq!(beat(&Ollama, false), "");
    }
}
