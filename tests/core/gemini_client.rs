//! Gemini towards clients, pinned: requests in, responses and errors out.

use serde_json::{Value, json};
use tributary::dialects::{Gemini, GeminiArray, Ollama, ReplyOptions, ToClient, ToProvider, write_for};
use tributary::framing::Frame;
use tributary::models::{
    CallRef, ChatError, ChatRequest, Citation, Effort, ErrorKind, Event, Finish, ModelRule, OpaqueDelta, Part, Quirks,
    ResponseFormat, Role, Target, Thinking, ToolChoice, ToolDelta, ToolKind, Usage,
};

use crate::both_targets;

fn read(fields: Value) -> Result<ChatRequest, ChatError> {
    let mut body = json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    Gemini.read_request(body.to_string().as_bytes())
}

fn config(fields: Value) -> ChatRequest {
    read(json!({"generationConfig": fields})).unwrap()
}

fn beyond(fields: Value) -> Vec<(String, bool)> {
    let native = read(fields).unwrap().native.unwrap();
    native.beyond.into_iter().map(|beyond| (beyond.path, beyond.essential)).collect()
}

fn param(fields: Value) -> String {
    read(fields).unwrap_err().param.unwrap()
}

/// The messages of a conversation, one line a part.
fn lines(contents: Value) -> Vec<String> {
    let chat = read(json!({"contents": contents})).unwrap();
    let line = |message: &tributary::models::Message, part: &Part| {
        let id = message.tool_call_id.as_ref().map(|id| format!(" {id}")).unwrap_or_default();
        let said = match part {
            Part::Text(text) => format!("text {text}"),
            Part::Reasoning(text) => format!("think {text}"),
            Part::Image(image) => format!("image {}", image.as_url()),
            Part::ToolCall(call) => {
                let state = call.opaque.as_ref().map(|opaque| format!(" {} {}", opaque.dialect, opaque.data));
                format!("call {} {} {}{}", call.id, call.name, call.arguments, state.unwrap_or_default())
            }
            Part::Opaque(opaque) => format!("state {} {}", opaque.dialect, opaque.data),
        };
        format!("{:?}{id}: {said}", message.role)
    };
    chat.messages.iter().flat_map(|message| message.parts.iter().map(move |part| line(message, part))).collect()
}

fn target(rules: &'static [ModelRule]) -> Target {
    Target {
        provider: "p".into(),
        base_url: "https://h".into(),
        model: "theirs".into(),
        key: None,
        headers: vec![],
        quirks: Quirks { rules, ..Quirks::default() },
    }
}

/// The address and the body that a server of the same language gets.
fn native(fields: Value, stream: bool, rules: &'static [ModelRule]) -> (String, Value) {
    let chat = ChatRequest { stream, ..read(fields).unwrap() };
    let (outgoing, native) = write_for(&Gemini, &chat, &target(rules)).unwrap();
    assert!(native);
    (outgoing.request.uri().to_string(), serde_json::from_slice(outgoing.request.body()).unwrap())
}

fn reply(stream: bool) -> ReplyOptions {
    let (run_id, provider, model) = ("r_1".into(), "p".into(), "asked".into());
    ReplyOptions { run_id, provider, model, stream, ..ReplyOptions::default() }
}

fn encode_as(dialect: &dyn ToClient, stream: bool, events: &[Event<'_>]) -> String {
    let chat = config(json!({"thinkingConfig": {"includeThoughts": true}}));
    let mut encoder = dialect.encoder(reply(stream), &chat);
    let mut out = Vec::new();
    events.iter().for_each(|event| encoder.event(event.clone(), &mut out));
    String::from_utf8(out).unwrap()
}

fn whole(events: &[Event<'_>]) -> Value {
    serde_json::from_str(&encode_as(&Gemini, false, events)).unwrap()
}

/// The responses of a stream.
fn responses(events: &[Event<'_>]) -> Vec<Value> {
    let stream = encode_as(&Gemini, true, events);
    let payload = |frame: &str| serde_json::from_str(frame.strip_prefix("data: ").unwrap()).unwrap();
    stream.split_terminator("\r\n\r\n").map(payload).collect()
}

/// The parts of all responses, or of the one.
fn parts(events: &[Event<'_>]) -> Vec<Value> {
    let all = responses(events).into_iter();
    all.flat_map(|one| one["candidates"][0]["content"]["parts"].as_array().unwrap().clone()).collect()
}

fn piece(index: u32, name: Option<&'static str>, arguments: &'static str) -> Event<'static> {
    let id = ["a", "b"][index as usize];
    Event::Tool(ToolDelta { index, id, name, arguments, kind: ToolKind::Function })
}

fn finish(reason: Finish) -> Event<'static> {
    Event::Finish { reason, raw: None }
}

/// Another provider's state, and the same as the client is given it.
fn state() -> (Value, String) {
    let data = json!({"signature": "x"});
    let events = [Event::Opaque(OpaqueDelta { dialect: "anthropic", call: None, data: &data }), finish(Finish::Stop)];
    let token = parts(&events)[0]["thoughtSignature"].as_str().unwrap().to_owned();
    (data, token)
}

const USAGE: Usage = Usage {
    input_tokens: 9,
    output_tokens: 8,
    total_tokens: 17,
    cached_tokens: Some(4),
    reasoning_tokens: Some(3),
    estimated: false,
    cost: None,
};

/// Newer models of the vendor want a signature with every call.
const STRICT: [ModelRule; 1] = [ModelRule::new("theirs")];

both_targets! {
    fn a_stream_to_the_letter() {
        let events = [Event::Start { model: "m-1" }, Event::Text("A\n\u{2028}"), Event::Usage(USAGE), finish(Finish::Stop)];
        let tail = r#""modelVersion":"m-1","responseId":"r_1","provider":"p"}"#;
        let first = format!(r#"{{"candidates":[{{"content":{{"parts":[{{"text":"A\n\u2028"}}],"role":"model"}},"index":0}}],{tail}"#);
        let usage = r#""usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":5,"totalTokenCount":17,"thoughtsTokenCount":3,"cachedContentTokenCount":4}"#;
        let last = format!(r#"{{"candidates":[{{"content":{{"parts":[{{"text":""}}],"role":"model"}},"finishReason":"STOP","index":0}}],{usage},{tail}"#);
        assert_eq!(encode_as(&Gemini, true, &events), format!("data: {first}\r\n\r\ndata: {last}\r\n\r\n"));
        assert_eq!(encode_as(&GeminiArray, true, &events), format!("[{first}\n,\r\n{last}\n]"));
        assert_eq!((Gemini.stream_type(), GeminiArray.stream_type()), ("text/event-stream; charset=utf-8", "application/json; charset=utf-8"));
    }

    fn every_kind_of_part_in_its_order() {
        let (free, bound) = (json!({"signature": "x"}), json!({"thoughtSignature": "eW91cnM="}));
        let events = [
            Event::Reasoning("hm"),
            Event::Opaque(OpaqueDelta { dialect: "anthropic", call: None, data: &free }),
            Event::Text("A"), Event::Text("B"),
            piece(0, Some("f"), "{\"x\":"), piece(1, Some("g"), ""), piece(0, None, "1}"),
            Event::Opaque(OpaqueDelta { dialect: "gemini", call: Some(CallRef { index: 0, id: "a" }), data: &bound }),
            piece(1, None, "{}"),
            Event::Usage(USAGE),
            finish(Finish::ToolCalls),
        ];
        let (_, token) = state();
        let expect = [
            json!({"text": "hm", "thought": true}),
            json!({"text": "", "thoughtSignature": token}),
            json!({"text": "A"}),
            json!({"text": "B"}),
            json!({"functionCall": {"id": "a", "name": "f", "args": {"x": 1}}, "thoughtSignature": "eW91cnM="}),
            json!({"functionCall": {"id": "b", "name": "g", "args": {}}}),
            json!({"text": ""}),
        ];
        assert_eq!(parts(&events), expect);
        assert_eq!(responses(&events)[6]["candidates"][0]["finishReason"], "STOP");
        let mut joined = expect[..6].to_vec();
        joined.remove(3);
        joined[2] = json!({"text": "AB"});
        assert_eq!(whole(&events)["candidates"], json!([{"content": {"parts": joined, "role": "model"}, "finishReason": "STOP", "index": 0}]));
    }

    fn a_call_is_given_whole_and_as_soon_as_it_is() {
        let names = |events: &[Event<'_>]| -> Vec<String> {
            let name = |part: &Value| part["text"].as_str().or(part["functionCall"]["name"].as_str()).unwrap().to_owned();
            parts(events).iter().map(name).collect()
        };
        // Text may come between the pieces; a call behind it keeps its place.
        let events = [piece(0, Some("f"), "{"), Event::Text("A"), piece(1, Some("g"), "{}"), Event::Text("B"), piece(0, None, "}"), Event::Text("C"), finish(Finish::ToolCalls)];
        assert_eq!(names(&events), ["A", "B", "f", "g", "C", ""]);
        // One that has no arguments at all.
        assert_eq!(parts(&[piece(0, Some("f"), ""), finish(Finish::ToolCalls)])[0]["functionCall"]["args"], json!({}));
        // State that comes late names its call.
        let data = json!(1);
        let late = [piece(0, Some("f"), "{}"), Event::Text("A"), Event::Opaque(OpaqueDelta { dialect: "d", call: Some(CallRef { index: 0, id: "a" }), data: &data }), finish(Finish::ToolCalls)];
        let said = json!([{"role": "user", "parts": [{"text": "hi"}]}, {"role": "model", "parts": parts(&late)}]);
        assert_eq!(lines(said), ["User: text hi", "Assistant: call a f {} d 1", "Assistant: text A"]);
    }

    fn a_call_that_cannot_be_told_is_none() {
        let cut = [piece(0, Some("f"), "{\"x\":"), finish(Finish::Length)];
        let last = responses(&cut).pop().unwrap();
        assert_eq!((&last["candidates"][0]["finishReason"], &last["warnings"]), (&json!("MAX_TOKENS"), &json!(["a tool call was cut off and is left out"])));
        assert_eq!(parts(&cut), [json!({"text": ""})]);
        let odd = [piece(0, Some("f"), "[1]"), finish(Finish::ToolCalls)];
        let last = responses(&odd).pop().unwrap();
        assert_eq!((&last["candidates"][0]["finishReason"], &last["candidates"][0]["finishMessage"]), (&json!("MALFORMED_FUNCTION_CALL"), &json!("Malformed function call: f([1])")));
        // What is held is bounded; the client hears of it, and of nothing more.
        let long = "x".repeat(5 << 20);
        let piece = |name| Event::Tool(ToolDelta { index: 0, id: "a", name, arguments: &long, kind: ToolKind::Function });
        let stream = encode_as(&Gemini, true, &[piece(Some("f")), piece(None), Event::Text("A"), finish(Finish::Stop)]);
        assert!(stream.starts_with("data: {\"error\":{\"code\":500,") && !stream.contains("STOP"), "{}", &stream[..80]);
    }

    fn endings_in_the_vendors_words() {
        let word = |reason, raw: Option<&str>| {
            let said = whole(&[Event::Text("A"), Event::Finish { reason, raw }]);
            said["candidates"][0]["finishReason"].as_str().unwrap().to_owned()
        };
        assert_eq!(word(Finish::Stop, Some("eos")), "STOP");
        assert_eq!(word(Finish::ToolCalls, None), "STOP");
        assert_eq!(word(Finish::Length, None), "MAX_TOKENS");
        assert_eq!(word(Finish::Pause, Some("pause_turn")), "MAX_TOKENS");
        assert_eq!(word(Finish::Cancelled, None), "OTHER");
        assert_eq!(word(Finish::ContentFilter, Some("content_filter")), "SAFETY");
        assert_eq!(word(Finish::ContentFilter, Some("RECITATION")), "RECITATION");
        assert_eq!(word(Finish::Refusal, None), "SAFETY");
    }

    fn a_refusal_is_read_by_people_and_by_programs() {
        for (events, text) in [
            (vec![Event::Refusal("I will not."), finish(Finish::Stop)], "I will not."),
            (vec![finish(Finish::Refusal)], "The model declined to answer."),
        ] {
            let said = whole(&events);
            let candidate = &said["candidates"][0];
            assert_eq!((&candidate["content"]["parts"], &candidate["finishReason"]), (&json!([{"text": text}]), &json!("SAFETY")));
            assert_eq!(parts(&events), [json!({"text": text}), json!({"text": ""})]);
        }
    }

    fn warnings_and_sources_stand_beside_parts() {
        let citation = Citation { url: "https://a".into(), title: Some("A".into()), start_index: Some(0), end_index: Some(4), ..Citation::default() };
        let usage = Usage { estimated: true, ..USAGE };
        let said = responses(&[Event::Warning("odd"), Event::Text("A"), Event::Citation(&citation), Event::Usage(usage), finish(Finish::Stop)]);
        assert_eq!((said.len(), &said[0]["warnings"]), (2, &json!(["odd"])));
        assert_eq!(said[1]["warnings"], json!(["usageMetadata is an estimate: the provider gave no figures"]));
        let place = json!({"startIndex": 0, "endIndex": 4});
        let candidate = &said[1]["candidates"][0];
        assert_eq!(candidate["citationMetadata"], json!({"citationSources": [{"startIndex": 0, "endIndex": 4, "uri": "https://a", "title": "A"}]}));
        assert_eq!(candidate["groundingMetadata"], json!({
            "groundingChunks": [{"web": {"uri": "https://a", "title": "A"}}],
            "groundingSupports": [{"segment": place, "groundingChunkIndices": [0]}],
        }));
        // An answer of nothing at all is a part all the same.
        let empty = whole(&[Event::Warning("odd"), finish(Finish::Stop)]);
        assert_eq!((&empty["warnings"], &empty["candidates"][0]["content"]["parts"]), (&json!(["odd"]), &json!([{"text": ""}])));
    }

    fn thoughts_are_shown_to_who_asks() {
        let shown = |asked: Value| {
            let mut encoder = Gemini.encoder(reply(true), &config(asked));
            let mut out = Vec::new();
            encoder.event(Event::Reasoning("hm"), &mut out);
            encoder.heartbeat(&mut out);
            !out.is_empty()
        };
        assert!(shown(json!({"thinkingConfig": {"includeThoughts": true}})));
        assert!(shown(json!({"thinking_config": {"include_thoughts": true}})));
        assert!(!shown(json!({"thinkingConfig": {"thinkingBudget": -1}})) && !shown(json!({})));
    }

    fn a_failure_in_the_stream_is_raised_and_not_finished() {
        let error = ChatError { code: Some("x".into()), ..ChatError::new(ErrorKind::Overloaded, "busy") }.from_provider("p");
        let told = r#"{"error":{"code":503,"message":"busy","status":"UNAVAILABLE","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"OVERLOADED","domain":"tributary","metadata":{"provider":"p","code":"x"}}]}}"#;
        let events = [Event::Text("A"), Event::Error(&error), finish(Finish::Stop)];
        assert!(encode_as(&Gemini, true, &events).ends_with(&format!("\"provider\":\"p\"}}\r\n\r\ndata: {told}\r\n\r\n{told}\r\n")));
        assert!(encode_as(&GeminiArray, true, &events).ends_with(&format!("\n,\r\n{told}\n]")));
        assert_eq!(encode_as(&GeminiArray, true, &events[1..]), format!("[{told}\n]"));
    }

    fn an_error_instead_of_an_answer_has_the_vendors_status() {
        let check = |kind: ErrorKind, status: u16, word: &str| {
            let reply = Gemini.write_error(&ChatError::new(kind, "no"), "req_1");
            let body: Value = serde_json::from_slice(&reply.body).unwrap();
            let error = &body["error"];
            assert_eq!((reply.status.as_u16(), &error["code"], &error["status"]), (status, &json!(status), &json!(word)), "{kind:?}");
            assert_eq!(error["details"][1], json!({"@type": "type.googleapis.com/google.rpc.RequestInfo", "requestId": "req_1"}));
        };
        check(ErrorKind::InvalidRequest, 400, "INVALID_ARGUMENT");
        check(ErrorKind::TooLarge, 400, "INVALID_ARGUMENT");
        check(ErrorKind::ProviderAuth, 401, "UNAUTHENTICATED");
        check(ErrorKind::PermissionDenied, 403, "PERMISSION_DENIED");
        check(ErrorKind::ModelNotSupported, 404, "NOT_FOUND");
        check(ErrorKind::RateLimited, 429, "RESOURCE_EXHAUSTED");
        check(ErrorKind::Provider, 500, "INTERNAL");
        check(ErrorKind::Overloaded, 503, "UNAVAILABLE");
        check(ErrorKind::Timeout, 504, "DEADLINE_EXCEEDED");
        let limited = ChatError { retry_after_ms: Some(1500), ..ChatError::invalid("contents", "contents is odd") };
        let body: Value = serde_json::from_slice(&GeminiArray.write_error(&limited, "req_1").body).unwrap();
        let details = &body[0]["error"]["details"];
        assert_eq!(details[1]["fieldViolations"], json!([{"field": "contents", "description": "contents is odd"}]));
        assert_eq!(details[2]["retryDelay"], "2s");
    }

    fn either_form_of_a_name_is_read() {
        let camel = json!({
            "systemInstruction": {"parts": [{"text": "brief"}]},
            "generationConfig": {"maxOutputTokens": 7, "topP": 0.5, "stopSequences": ["x"], "temperature": 1, "seed": 3},
            "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
            "tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": {"type": "object", "properties": {"mime_type": {}}}}]}],
        });
        let snake = json!({
            "system_instruction": {"parts": {"text": "brief"}},
            "generation_config": {"max_output_tokens": 7, "top_p": 0.5, "stop_sequences": ["x"], "temperature": 1, "seed": 3},
            "tool_config": {"function_calling_config": {"mode": "any"}},
            "tools": [{"function_declarations": [{"name": "f", "parameters_json_schema": {"type": "object", "properties": {"mime_type": {}}}}]}],
        });
        let bare = |fields| ChatRequest { native: None, ..read(fields).unwrap() };
        let chat = bare(camel);
        assert_eq!((chat.max_tokens, chat.top_p, chat.temperature, chat.seed, chat.stop.len()), (Some(7), Some(0.5), Some(1.0), Some(3), 1));
        assert_eq!((chat.messages[0].role, chat.messages[0].text(), &chat.tool_choice), (Role::System, "brief".into(), &Some(ToolChoice::Required)));
        assert_eq!(chat, bare(snake));
        assert_eq!(param(json!({"generationConfig": {}, "generation_config": {}})), "generationConfig");
    }

    fn how_to_think() {
        let thinking = |fields: Value| config(json!({"thinkingConfig": fields})).thinking;
        let on = |budget_tokens, effort| Some(Thinking { enabled: true, budget_tokens, effort });
        assert_eq!(thinking(json!({"thinkingBudget": 0})), Some(Thinking { enabled: false, budget_tokens: None, effort: None }));
        assert_eq!(thinking(json!({"thinkingBudget": -1})), on(None, None));
        assert_eq!(thinking(json!({"thinkingBudget": 512, "includeThoughts": true})), on(Some(512), None));
        assert_eq!(thinking(json!({"thinkingLevel": "LOW"})), on(None, Some(Effort::Low)));
        assert_eq!(thinking(json!({"thinkingLevel": "minimal"})), on(None, Some(Effort::Minimal)));
        assert_eq!(thinking(json!({"includeThoughts": true})), on(None, None));
        assert_eq!(thinking(json!({"includeThoughts": false})), None);
        assert_eq!(param(json!({"generationConfig": {"thinkingConfig": {"thinkingLevel": "most"}}})), "generationConfig.thinkingConfig.thinkingLevel");
    }

    fn the_vendors_schemas_become_json_schemas() {
        let schema = json!({
            "type": "OBJECT", "propertyOrdering": ["b", "a"], "required": ["a"],
            "properties": {
                "a": {"type": "STRING", "nullable": true, "format": "enum", "enum": ["x"]},
                "b": {"type": "ARRAY", "minItems": "2", "items": {"anyOf": [{"type": "INTEGER"}, {"type": "NUMBER"}]}, "example": [1]},
                "type": {"type": "BOOLEAN", "description": "TYPE"},
            },
        });
        let expect = json!({
            "type": "object", "required": ["a"],
            "properties": {
                "b": {"type": "array", "minItems": 2, "items": {"anyOf": [{"type": "integer"}, {"type": "number"}]}, "examples": [[1]]},
                "a": {"type": ["string", "null"], "enum": ["x", null]},
                "type": {"type": "boolean", "description": "TYPE"},
            },
        });
        let chat = config(json!({"responseMimeType": "application/json", "responseSchema": schema}));
        let Some(ResponseFormat::JsonSchema { schema: read, .. }) = chat.response_format else { panic!() };
        assert_eq!(read.to_string(), expect.to_string(), "in this order");
        let tool = self::read(json!({"tools": [{"functionDeclarations": [{"name": "f", "parameters": schema}]}]})).unwrap().tools.remove(0);
        assert_eq!(tool.parameters, Some(expect));
        let plain = json!({"type": "object", "properties": {"type": {"enum": ["A"]}}});
        let chat = config(json!({"responseJsonSchema": plain}));
        assert!(matches!(chat.response_format, Some(ResponseFormat::JsonSchema { schema, .. }) if schema == plain));
        assert_eq!(config(json!({"responseMimeType": "application/json"})).response_format, Some(ResponseFormat::JsonObject));
    }

    fn which_tool_is_called() {
        let tools = json!([{"functionDeclarations": [{"name": "f"}, {"name": "g"}]}, {"functionDeclarations": [{"name": "h"}]}]);
        let choice = |calling: Value| {
            let chat = read(json!({"tools": tools, "toolConfig": {"functionCallingConfig": calling}})).unwrap();
            (chat.tool_choice, chat.tools.into_iter().map(|tool| tool.name).collect::<String>())
        };
        assert_eq!(choice(json!({"mode": "AUTO"})), (Some(ToolChoice::Auto), "fgh".into()));
        assert_eq!(choice(json!({"mode": "NONE"})), (Some(ToolChoice::None), "fgh".into()));
        assert_eq!(choice(json!({"mode": "ANY", "allowedFunctionNames": ["g"]})), (Some(ToolChoice::Tool("g".into())), "fgh".into()));
        assert_eq!(choice(json!({"mode": "ANY", "allowedFunctionNames": ["f", "h"]})), (Some(ToolChoice::Required), "fh".into()));
        assert_eq!(choice(json!({"mode": "VALIDATED", "allowedFunctionNames": ["f"]})), (Some(ToolChoice::Auto), "f".into()));
    }

    fn results_find_their_calls() {
        let call = |id: Option<&str>, name: &str| json!({"functionCall": {"id": id, "name": name, "args": {"n": 1}}});
        let result = |id: Option<&str>, name: &str, response: Value| json!({"functionResponse": {"id": id, "name": name, "response": response}});
        let said = lines(json!([
            {"parts": {"text": "hi"}},
            {"role": "model", "parts": [call(None, "f"), call(None, "f"), call(Some("x"), "g")]},
            {"role": "user", "parts": [{"text": "so"}, result(Some("x"), "g", json!({"output": "1"})), result(None, "f", json!({"a": 2})), result(None, "f", json!({"output": 3}))]},
            {"role": "model", "parts": [call(None, "f")]},
            {"role": "function", "parts": [result(Some("lost"), "f", json!({}))]},
        ]));
        assert_eq!(said, [
            "User: text hi", "Assistant: call call_0 f {\"n\":1}", "Assistant: call call_1 f {\"n\":1}", "Assistant: call x g {\"n\":1}",
            "Tool x: text 1", "Tool call_0: text {\"a\":2}", "Tool call_1: text {\"output\":3}", "User: text so",
            "Assistant: call call_3 f {\"n\":1}", "Tool call_3: text {}",
        ]);
        let stray = json!([{"parts": [result(Some("x"), "g", json!({}))]}]);
        assert_eq!(param(json!({"contents": stray})), "contents[0].parts[0].functionResponse");
    }

    fn a_streamed_answer_comes_back_as_one_message() {
        let (_, token) = state();
        let model = |part: Value| json!({"role": "model", "parts": [part]});
        let said = lines(json!([
            {"role": "user", "parts": [{"text": "a"}, {"inlineData": {"mimeType": "image/png", "data": "QUJD"}}, {"fileData": {"mimeType": "image/png", "fileUri": "https://h/a.png"}}]},
            model(json!({"text": "h", "thought": true})), model(json!({"text": "m", "thought": true})),
            // SDKs that know it as bytes write it again in another alphabet.
            model(json!({"text": "", "thoughtSignature": token.replace('+', "-").replace('/', "_")})),
            model(json!({"text": "A"})), model(json!({"text": "B", "thoughtSignature": "b3du"})),
            model(json!({"functionCall": {"id": "c", "name": "f"}, "thoughtSignature": "Y2FsbA=="})), model(json!({"text": ""})),
        ]));
        assert_eq!(said, [
            "User: text a", "User: image data:image/png;base64,QUJD", "User: image https://h/a.png",
            "Assistant: think hm", "Assistant: state anthropic {\"signature\":\"x\"}", "Assistant: text AB",
            "Assistant: state gemini {\"thoughtSignature\":\"b3du\"}", "Assistant: call c f {} gemini {\"thoughtSignature\":\"Y2FsbA==\"}",
        ]);
    }

    fn what_only_this_language_has_is_noted() {
        let noted = |path: &str, essential| (path.to_owned(), essential);
        assert_eq!(beyond(json!({
            "model": "x", "safetySettings": [], "store": false,
            "generationConfig": {"candidateCount": 1, "responseModalities": ["TEXT"], "presencePenalty": 0, "mediaResolution": "MEDIA_RESOLUTION_UNSPECIFIED"},
        })), []);
        assert_eq!(beyond(json!({"safetySettings": [{}], "cachedContent": "c", "unheard_of": 1})), [noted("safetySettings", false), noted("cachedContent", true), noted("unheard_of", false)]);
        assert_eq!(
            beyond(json!({"generationConfig": {"candidateCount": 2, "topK": 4, "responseModalities": ["TEXT", "IMAGE"], "responseMimeType": "text/x.enum"}})),
            [noted("generationConfig.responseMimeType", true), noted("generationConfig.candidateCount", true), noted("generationConfig.responseModalities", true), noted("generationConfig.topK", false)]
        );
        assert_eq!(beyond(json!({"tools": [{"googleSearch": {}}, {"functionDeclarations": [{"name": "f", "behavior": "NON_BLOCKING"}], "codeExecution": {}}]})),
            [noted("tools[0].googleSearch", true), noted("tools[1].codeExecution", true), noted("tools[1].functionDeclarations[0].behavior", false)]);
        let parts = json!([{"inlineData": {"mimeType": "audio/wav", "data": "QQ=="}}, {"fileData": {"mimeType": "image/png", "fileUri": "https://generativelanguage.googleapis.com/v1beta/files/x"}}, {"text": "a", "videoMetadata": {"fps": 1}}]);
        let said = json!([{"parts": parts}, {"role": "model", "parts": [{"executableCode": {"code": "1"}}, {"text": "b"}]}]);
        assert_eq!(beyond(json!({"contents": said})), [
            noted("contents[0].parts[0].inlineData", true), noted("contents[0].parts[1].fileData", true),
            noted("contents[0].parts[2].videoMetadata", false), noted("contents[1].parts[0].executableCode", false),
        ]);
        let (outgoing, native) = write_for(&Ollama, &read(json!({"safetySettings": [{}]})).unwrap(), &target(&[])).unwrap();
        assert_eq!((native, outgoing.warnings), (false, vec!["safetySettings was left out: the provider has no such field".to_owned()]));
    }

    fn a_server_of_the_same_language_gets_the_clients_own_words() {
        let fields = json!({"model": "models/x", "unheard_of": [1, {"a": null}], "tools": [{"googleSearch": {}}], "generation_config": {"topK": 3}});
        let (address, body) = native(fields, true, &[]);
        assert_eq!(address, "https://h/v1beta/models/theirs:streamGenerateContent?alt=sse");
        assert_eq!(body, json!({
            "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
            "unheard_of": [1, {"a": null}], "tools": [{"googleSearch": {}}], "generationConfig": {"topK": 3},
        }));
        assert_eq!(native(json!({}), false, &[]).0, "https://h/v1beta/models/theirs:generateContent");
    }

    fn such_a_server_never_sees_what_is_sealed() {
        let (_, token) = state();
        let user = json!({"role": "user", "parts": [{"text": "hi"}]});
        let call = |signature: Value| {
            let mut part = json!({"functionCall": {"id": "a", "name": "f", "args": {}}});
            part.as_object_mut().unwrap().extend(signature.as_object().unwrap().clone());
            json!({"role": "model", "parts": [part]})
        };
        let sealed = json!({"role": "model", "parts": [{"text": "", "thoughtSignature": token}]});
        let contents = |said: Value, rules| native(json!({"contents": said}), true, rules).1["contents"].take();
        let foreign = json!([user, sealed, call(json!({"thoughtSignature": token})), user]);
        assert_eq!(contents(foreign.clone(), &[]), json!([user, call(json!({})), user]));
        // Newer models want one with every call.
        assert_eq!(contents(foreign, &STRICT), json!([user, call(json!({"thoughtSignature": "skip_thought_signature_validator"})), user]));
        let own = json!([user, call(json!({"thoughtSignature": "b3du"})), {"role": "model", "parts": [{"text": ""}]}, call(json!({})), user]);
        assert_eq!(contents(own.clone(), &STRICT), own);
    }

    fn a_providers_own_responses_go_on_as_they_are() {
        let pass = |dialect: &dyn ToClient, frames: &[&str], last: Event<'_>| {
            let mut encoder = dialect.encoder(reply(true), &ChatRequest::default());
            let mut out = Vec::new();
            frames.iter().for_each(|data| encoder.native(Frame { event: None, data, cut: false }, &mut out));
            encoder.event(last, &mut out);
            String::from_utf8(out).unwrap()
        };
        let frames = ["{\"x\": [1,\n2]}", "[DONE]", "{\"candidates\":[{\"finishReason\":\"OTHER\"}]}"];
        let stop = || finish(Finish::Stop);
        assert_eq!(pass(&Gemini, &frames, stop()), format!("data: {{\"x\": [1, 2]}}\r\n\r\ndata: {}\r\n\r\n", frames[2]));
        let array = format!("[{{\"x\": [1, 2]}}\n,\r\n{}\n]", frames[2]);
        assert_eq!(pass(&GeminiArray, &frames, stop()), array);
        // What the provider's last word says is not said again; any other failure is.
        let known = ChatError { code: Some("OTHER".into()), ..ChatError::new(ErrorKind::Provider, "ended with OTHER") };
        assert_eq!(pass(&GeminiArray, &frames, Event::Error(&known)), array);
        let broken = ChatError::new(ErrorKind::Truncated, "broke off");
        assert!(pass(&Gemini, &frames[..1], Event::Error(&broken)).contains("data: {\"error\":{\"code\":500,\"message\":\"broke off\""));
        let mut encoder = Gemini.encoder(reply(false), &ChatRequest::default());
        let mut out = Vec::new();
        encoder.native(Frame { event: None, data: "{\n \"x\": 1}", cut: true }, &mut out);
        encoder.event(stop(), &mut out);
        assert_eq!(out, b"{\n \"x\": 1}");
    }

    fn a_wrong_field_is_named() {
        assert_eq!(param(json!({"contents": []})), "contents");
        assert_eq!(param(json!({"contents": null})), "contents");
        assert_eq!(param(json!({"contents": [{"role": "system", "parts": []}]})), "contents[0].role");
        assert_eq!(param(json!({"contents": [{"parts": [{"text": 1}]}]})), "contents[0].parts[0].text");
        assert_eq!(param(json!({"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": "?"}}]}]})), "contents[0].parts[0].inlineData.data");
        assert_eq!(param(json!({"generationConfig": {"temperature": 3}})), "generationConfig.temperature");
        assert_eq!(param(json!({"generationConfig": {"stopSequences": [1]}})), "generationConfig.stopSequences");
        assert_eq!(param(json!({"tools": [{"functionDeclarations": [{}]}]})), "tools[0].functionDeclarations[0].name");
        assert_eq!(param(json!({"toolConfig": {"functionCallingConfig": {"mode": "ALL"}}})), "toolConfig.functionCallingConfig.mode");
        assert_eq!(param(json!({"systemInstruction": "brief"})), "systemInstruction");
        assert_eq!(Gemini.name(), "gemini");
    }
}
