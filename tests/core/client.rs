//! The unified dialect, pinned: requests in, frames and whole answers out.

use serde_json::{Value, json};
use tributary::dialects::{ReplyOptions, ToClient, Unified};
use tributary::models::{
    ChatError, ChatRequest, Citation, Effort, ErrorKind, Event, Finish, Image, Message, Part, ResponseFormat, Role,
    Thinking, ToolChoice, ToolDelta, ToolKind, Usage,
};

use crate::both_targets;

const USAGE: Usage = Usage {
    input_tokens: 9,
    output_tokens: 3,
    total_tokens: 12,
    cached_tokens: None,
    reasoning_tokens: None,
    estimated: false,
    cost: None,
};

fn encode(stream: bool, events: &[Event<'_>]) -> String {
    let reply = ReplyOptions {
        run_id: "r_1".into(),
        provider: "p".into(),
        model: "asked".into(),
        stream,
        ..ReplyOptions::default()
    };
    let mut encoder = Unified.encoder(reply, &ChatRequest::default());
    let mut out = Vec::new();
    events.iter().for_each(|event| encoder.event(event.clone(), &mut out));
    String::from_utf8(out).unwrap()
}

fn call(index: u32, name: Option<&'static str>, arguments: &'static str, kind: ToolKind) -> Event<'static> {
    Event::Tool(ToolDelta { index, id: "c1", name, arguments, kind })
}

fn citation() -> Citation {
    Citation {
        url: "https://a".into(),
        title: Some("A".into()),
        start_index: Some(0),
        end_index: Some(4),
        ..Citation::default()
    }
}

fn read(body: &Value) -> Result<ChatRequest, ChatError> {
    Unified.read_request(body.to_string().as_bytes())
}

/// A request that is right but for these fields.
fn with(fields: Value) -> Value {
    let mut body = json!({"messages": [{"role": "user", "content": "hi"}]});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    body
}

both_targets! {
    fn every_kind_of_chunk() {
        let check = |event: Event<'_>, data: &str| {
            assert_eq!(encode(true, &[event]), format!("id: r_1:1\nevent: chunk\ndata: {data}\n\n"));
        };
        let head = r#""finish_reason":null,"model":"asked","provider":"p","usage":null,"role":"assistant""#;
        check(Event::Text("a\n\"\u{2028}"), &format!(r#"{{"content":"a\n\"\u2028",{head}}}"#));
        check(Event::Reasoning("hm"), &format!(r#"{{"content":"",{head},"reasoning":"hm"}}"#));
        check(Event::Refusal("no"), &format!(r#"{{"content":"",{head},"refusal":"no"}}"#));
        check(Event::Warning("odd"), &format!(r#"{{"content":"",{head},"warnings":["odd"]}}"#));
        check(
            Event::Citation(&citation()),
            &format!(
                r#"{{"content":"",{head},"citations":[{{"url":"https://a","title":"A","start_index":0,"end_index":4}}]}}"#
            ),
        );
        check(
            call(0, Some("f"), "", ToolKind::Function),
            &format!(
                r#"{{"content":"",{head},"tool_calls":[{{"index":0,"id":"c1","type":"function","function":{{"name":"f","arguments":""}}}}]}}"#
            ),
        );
        check(
            call(2, None, "{\"", ToolKind::Function),
            &format!(
                r#"{{"content":"",{head},"tool_calls":[{{"index":2,"id":"c1","type":"function","function":{{"arguments":"{{\""}}}}]}}"#
            ),
        );
        check(
            call(0, Some("f"), "x", ToolKind::Custom),
            &format!(
                r#"{{"content":"",{head},"tool_calls":[{{"index":0,"id":"c1","type":"custom","custom":{{"name":"f","input":"x"}}}}]}}"#
            ),
        );
    }

    fn a_whole_stream() {
        let events = [
            Event::Text("A"),
            Event::Start { model: "m" },
            Event::Text("B"),
            Event::Usage(USAGE),
            Event::Finish { reason: Finish::Stop, raw: Some("eos") },
        ];
        let expect = r#"id: r_1:1
event: chunk
data: {"content":"A","finish_reason":null,"model":"asked","provider":"p","usage":null,"role":"assistant"}

id: r_1:2
event: chunk
data: {"content":"B","finish_reason":null,"model":"m","provider":"p","usage":null}

id: r_1:3
event: chunk
data: {"content":"","finish_reason":"stop","model":"m","provider":"p","usage":{"input_tokens":9,"output_tokens":3,"total_tokens":12},"raw_finish_reason":"eos"}

id: r_1:4
event: done
data: [DONE]

"#;
        assert_eq!(encode(true, &events), expect);
    }

    fn a_stream_that_fails() {
        let error = ChatError {
            code: Some("x".into()),
            raw: Some(r#"{"a":1}"#.into()),
            param: Some("y".into()),
            ..ChatError::new(ErrorKind::Overloaded, "busy").from_provider("p")
        };
        let out = encode(true, &[Event::Usage(USAGE), Event::Error(&error)]);
        let data = out.strip_prefix("id: r_1:1\nevent: error\ndata: ").unwrap().strip_suffix("\n\n").unwrap();
        assert_eq!(
            serde_json::from_str::<Value>(data).unwrap(),
            json!({
                "error": {"type": "overloaded", "message": "busy", "provider": "p", "retryable": true, "code": "x", "param": "y", "raw": {"a": 1}},
                "usage": {"input_tokens": 9, "output_tokens": 3, "total_tokens": 12},
            })
        );
    }

    fn a_whole_answer() {
        let citation = citation();
        let events = [
            Event::Start { model: "m" },
            Event::Reasoning("h"),
            Event::Reasoning("m"),
            Event::Text("A"),
            Event::Text("B"),
            Event::Refusal("no"),
            Event::Warning("odd"),
            Event::Citation(&citation),
            call(0, Some("f"), "", ToolKind::Function),
            call(0, None, "{\"a\"", ToolKind::Function),
            call(0, None, ":1}", ToolKind::Function),
            call(1, Some("g"), "x", ToolKind::Custom),
            Event::Usage(USAGE),
            Event::Finish { reason: Finish::ToolCalls, raw: Some("tool_use") },
        ];
        assert_eq!(
            serde_json::from_str::<Value>(&encode(false, &events)).unwrap(),
            json!({
                "id": "r_1", "content": "AB", "reasoning": "hm", "refusal": "no", "warnings": ["odd"],
                "citations": [{"url": "https://a", "title": "A", "start_index": 0, "end_index": 4}],
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}},
                    {"id": "c1", "type": "custom", "custom": {"name": "g", "input": "x"}},
                ],
                "finish_reason": "tool_calls", "raw_finish_reason": "tool_use", "model": "m", "provider": "p",
                "usage": {"input_tokens": 9, "output_tokens": 3, "total_tokens": 12},
            })
        );
        let least = encode(false, &[Event::Usage(USAGE), Event::Finish { reason: Finish::Stop, raw: None }]);
        assert_eq!(
            serde_json::from_str::<Value>(&least).unwrap(),
            json!({
                "id": "r_1", "content": "", "finish_reason": "stop", "model": "asked", "provider": "p",
                "usage": {"input_tokens": 9, "output_tokens": 3, "total_tokens": 12},
            })
        );
        assert_eq!(encode(false, &[Event::Text("A"), Event::Error(&ChatError::new(ErrorKind::Timeout, "x"))]), "");
    }

    fn an_error_instead_of_an_answer() {
        let body = Unified.write_error(&ChatError::invalid("messages[0].role", "no"), "req_1");
        assert_eq!(
            serde_json::from_slice::<Value>(&body.body).unwrap(),
            json!({"error": {"type": "invalid_request", "message": "no", "param": "messages[0].role", "provider": null, "retryable": false, "request_id": "req_1"}})
        );
    }

    fn the_least_request() {
        let user =
            Message { role: Role::User, parts: vec![Part::Text("hi".into())], tool_call_id: None };
        assert_eq!(read(&with(json!({}))).unwrap(), ChatRequest { messages: vec![user], ..ChatRequest::default() });
        let nulls = with(
            json!({"provider": null, "model": null, "temperature": null, "stop": null, "tools": null, "thinking": null, "metadata": null}),
        );
        assert_eq!(read(&nulls).unwrap(), read(&with(json!({}))).unwrap());
    }

    fn a_request_with_everything() {
        let chat = read(&json!({
            "provider": "p", "model": "m", "temperature": 0, "top_p": 1, "max_tokens": 5, "stop": "END", "seed": -7,
            "thinking": {"effort": "xhigh", "budget_tokens": 0}, "parallel_tool_calls": false,
            "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": true}}, {"function": {"name": "g"}}],
            "tool_choice": {"type": "function", "function": {"name": "f"}},
            "response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}},
            "metadata": {"a": 1}, "on_disconnect": "cancel", "assistant": "plain", "stream": true, "colour": "red",
            "messages": [
                {"role": "developer", "content": "be brief"},
                {"role": "user", "content": [
                    {"type": "text", "text": "look"},
                    {"type": "image", "url": "https://a/b.png"},
                    {"type": "image", "source": {"media_type": "image/png", "data": "QUJD"}},
                    {"type": "image_url", "image_url": {"url": "data:image/gif;base64,QQ=="}},
                    {"type": "image_url", "image_url": "http://a/b"},
                ]},
                {"role": "assistant", "content": null, "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                    {"id": "c2", "type": "custom", "custom": {"name": "g", "input": "x"}},
                ]},
                {"role": "tool", "tool_call_id": "c1", "content": "1"},
            ],
        })).unwrap();
        assert_eq!((chat.provider.as_deref(), chat.model.as_deref()), (Some("p"), Some("m")));
        assert_eq!(
            (chat.temperature, chat.top_p, chat.max_tokens, chat.seed),
            (Some(0.0), Some(1.0), Some(5), Some(-7))
        );
        assert_eq!((chat.stop, chat.parallel_tool_calls), (vec!["END".to_owned()], Some(false)));
        assert_eq!(
            chat.thinking,
            Some(Thinking { enabled: true, budget_tokens: Some(0), effort: Some(Effort::XHigh) })
        );
        assert_eq!((chat.tools.len(), chat.tools[0].strict, chat.tools[1].parameters.clone()), (2, Some(true), None));
        assert_eq!(chat.tool_choice, Some(ToolChoice::Tool("f".into())));
        let format = ResponseFormat::JsonSchema {
            name: "answer".into(),
            schema: json!({"type": "object"}),
            description: None,
            strict: None,
        };
        assert_eq!((chat.response_format, chat.metadata["a"].clone()), (Some(format), json!(1)));
        assert_eq!(chat.warnings, ["the field colour is not known and was left out"]);
        assert_eq!(
            chat.messages.iter().map(|message| message.role).collect::<Vec<_>>(),
            [Role::System, Role::User, Role::Assistant, Role::Tool]
        );
        let base64 =
            |media: &str, data: &str| Part::Image(Image::Base64 { media_type: media.into(), data: data.into() });
        let url = |url: &str| Part::Image(Image::Url(url.into()));
        assert_eq!(
            chat.messages[1].parts,
            [
                Part::Text("look".into()),
                url("https://a/b.png"),
                base64("image/png", "QUJD"),
                base64("image/gif", "QQ=="),
                url("http://a/b")
            ]
        );
        assert_eq!(
            chat.messages[2].tool_calls().map(|call| (call.id.as_str(), call.kind)).collect::<Vec<_>>(),
            [("c1", ToolKind::Function), ("c2", ToolKind::Custom)]
        );
        assert_eq!(chat.messages[3].tool_call_id.as_deref(), Some("c1"));
    }

    fn thinking_as_a_switch() {
        let thinking = |value: Value| read(&with(json!({"thinking": value}))).unwrap().thinking;
        assert_eq!(thinking(json!(true)), Some(Thinking { enabled: true, budget_tokens: None, effort: None }));
        assert_eq!(
            thinking(json!({"enabled": false})),
            Some(Thinking { enabled: false, budget_tokens: None, effort: None })
        );
    }

    fn a_wrong_field_is_named_by_its_path() {
        let message = |message: Value| json!({"messages": [{"role": "user", "content": "hi"}, message]});
        let user = |part: Value| message(json!({"role": "user", "content": ["first", part]}));
        let part = |part: Value| message(json!({"role": "user", "content": [part]}));
        let assistant = |call: Value| message(json!({"role": "assistant", "tool_calls": [call]}));
        let cases = [
            (json!({}), "messages"),
            (json!({"messages": null}), "messages"),
            (json!({"messages": "hi"}), "messages"),
            (json!({"messages": []}), "messages"),
            (json!({"messages": vec![json!({"role": "user", "content": "a"}); 4097]}), "messages"),
            (message(json!("hi")), "messages[1]"),
            (message(json!({"content": "hi"})), "messages[1].role"),
            (message(json!({"role": "robot", "content": "hi"})), "messages[1].role"),
            (message(json!({"role": 1, "content": "hi"})), "messages[1].role"),
            (message(json!({"role": "user"})), "messages[1].content"),
            (message(json!({"role": "user", "content": 1})), "messages[1].content"),
            (message(json!({"role": "tool", "content": "1"})), "messages[1].tool_call_id"),
            (
                message(
                    json!({"role": "user", "content": "a", "tool_calls": [{"id": "c", "function": {"name": "f"}}]}),
                ),
                "messages[1].tool_calls",
            ),
            (user(json!({})), "messages[1].content[0]"),
            (part(json!({})), "messages[1].content[0].type"),
            (part(json!({"type": "sound"})), "messages[1].content[0].type"),
            (part(json!({"type": "text"})), "messages[1].content[0].text"),
            (part(json!({"type": "image"})), "messages[1].content[0].url"),
            (part(json!({"type": "image", "url": "file:///etc/passwd"})), "messages[1].content[0].url"),
            (part(json!({"type": "image", "data": "QQ=="})), "messages[1].content[0].media_type"),
            (part(json!({"type": "image", "media_type": "text/html", "data": "QQ=="})), "messages[1].content[0].data"),
            (part(json!({"type": "image", "media_type": "image/png", "data": "a b"})), "messages[1].content[0].data"),
            (part(json!({"type": "image", "source": {"data": "QQ=="}})), "messages[1].content[0].source.media_type"),
            (part(json!({"type": "image_url"})), "messages[1].content[0].image_url"),
            (
                part(json!({"type": "image_url", "image_url": {"url": "data:image/png,abc"}})),
                "messages[1].content[0].image_url",
            ),
            (assistant(json!({"function": {"name": "f"}})), "messages[1].tool_calls[0].id"),
            (assistant(json!({"id": "c"})), "messages[1].tool_calls[0].function"),
            (assistant(json!({"id": "c", "function": {"arguments": "{}"}})), "messages[1].tool_calls[0].function.name"),
            (
                assistant(json!({"id": "c", "function": {"name": "f", "arguments": {}}})),
                "messages[1].tool_calls[0].function.arguments",
            ),
            (assistant(json!({"id": "c", "type": "odd"})), "messages[1].tool_calls[0].type"),
            (assistant(json!(7)), "messages[1].tool_calls[0]"),
            (with(json!({"provider": 1})), "provider"),
            (with(json!({"model": {}})), "model"),
            (with(json!({"temperature": 2.1})), "temperature"),
            (with(json!({"temperature": "hot"})), "temperature"),
            (with(json!({"top_p": -0.1})), "top_p"),
            (with(json!({"max_tokens": 0})), "max_tokens"),
            (with(json!({"max_tokens": 1.5})), "max_tokens"),
            (with(json!({"stop": 1})), "stop"),
            (with(json!({"stop": ["a", 1]})), "stop"),
            (with(json!({"seed": 1.5})), "seed"),
            (with(json!({"thinking": "yes"})), "thinking"),
            (with(json!({"thinking": {"effort": "extreme"}})), "thinking.effort"),
            (with(json!({"thinking": {"enabled": 1}})), "thinking.enabled"),
            (with(json!({"thinking": {"budget_tokens": -1}})), "thinking.budget_tokens"),
            (with(json!({"tools": {}})), "tools"),
            (with(json!({"tools": vec![json!({"function": {"name": "f"}}); 513]})), "tools"),
            (with(json!({"tools": ["f"]})), "tools[0]"),
            (with(json!({"tools": [{"type": "web_search"}]})), "tools[0].type"),
            (with(json!({"tools": [{"type": "function"}]})), "tools[0].function"),
            (with(json!({"tools": [{"function": {"name": ""}}]})), "tools[0].function.name"),
            (with(json!({"tools": [{"function": {"name": "f", "parameters": "x"}}]})), "tools[0].function.parameters"),
            (with(json!({"tool_choice": "any"})), "tool_choice"),
            (with(json!({"tool_choice": 1})), "tool_choice"),
            (with(json!({"tool_choice": {"function": {}}})), "tool_choice.function.name"),
            (with(json!({"parallel_tool_calls": "no"})), "parallel_tool_calls"),
            (with(json!({"response_format": "json"})), "response_format"),
            (with(json!({"response_format": {"type": "xml"}})), "response_format.type"),
            (with(json!({"response_format": {"type": "json_schema"}})), "response_format.json_schema"),
            (
                with(json!({"response_format": {"type": "json_schema", "json_schema": {"name": "a"}}})),
                "response_format.json_schema.schema",
            ),
            (with(json!({"metadata": []})), "metadata"),
            (with(json!({"on_disconnect": "wait"})), "on_disconnect"),
            (with(json!({"on_disconnect": "detach"})), "on_disconnect"),
            (with(json!({"assistant": 1})), "assistant"),
            (with(json!({"steps": 1})), "steps"),
            (with(json!({"session_id": 1})), "session_id"),
            (with(json!({"on_busy": "wait", "session_id": "s"})), "on_busy"),
            (with(json!({"on_busy": "queue"})), "on_busy"),
            (with(json!({"parent": 1, "session_id": "s"})), "parent"),
            (with(json!({"parent": null})), "parent"),
            (with(json!({"retrieval": []})), "retrieval"),
            (with(json!({"retrieval": {}})), "retrieval.collection"),
            (with(json!({"retrieval": {"collection": "c", "top_k": 51}})), "retrieval.top_k"),
            (with(json!({"retrieval": {"collection": "c", "k": 1}})), "retrieval.k"),
        ];
        for (body, path) in cases {
            let error = read(&body).unwrap_err();
            assert_eq!(
                (error.kind, error.param.as_deref(), error.retryable),
                (ErrorKind::InvalidRequest, Some(path), false),
                "{error}"
            );
            assert!(!error.message.is_empty());
        }
    }

    fn a_body_that_is_no_json_is_refused_without_quoting_it() {
        for body in ["", "secret", "[1]", "\"secret\"", "{\"messages\":", "{\"a\":1}secret"] {
            let error = Unified.read_request(body.as_bytes()).unwrap_err();
            assert_eq!((error.kind, error.param.as_deref()), (ErrorKind::InvalidRequest, None), "{body}");
            assert!(error.message.starts_with("the body ") && !error.message.contains("secret"), "{error}");
        }
        assert!(Unified.read_request(b"\xff{}").is_err());
    }
}
