//! Cloudflare Workers AI: both shapes of its streams, whole answers, errors by their codes, and
//! requests pinned.

use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tributary::dialects::{ToClient, ToProvider, Unified, WorkersAi};
use tributary::models::{ChatError, ErrorKind, Quirks, Secret, Target};
use tributary::providers::{Catalogue, Trace};

use crate::both_targets;
use crate::harness::*;

const SCOUT: &str = "@cf/meta/llama-4-scout-17b-16e-instruct";
const GLM: &str = "@cf/zai-org/glm-5.3";
const GEMMA: &str = "@cf/google/gemma-4-26b-a4b-it";

/// The frames of a stream.
fn streams(payloads: &[&str], expect: &[&str]) {
    check_as(WORKERS_AI, sse(payloads).as_bytes(), expect);
}

/// A whole body.
fn whole(body: &str, expect: &[&str]) {
    check_as(Feed { framing: DETECT.framing, ..WORKERS_AI }, body.as_bytes(), expect);
}

/// The built-in provider's quirks: its rules for models.
fn quirks() -> Quirks {
    let catalogue = Catalogue::from_vars(&|_| None).unwrap();
    catalogue.resolve(Some("workers-ai"), None).unwrap().0.quirks.clone()
}

fn ask(fields: Value) -> Vec<u8> {
    let mut body = json!({"messages": [{"role": "user", "content": "hi"}]});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    body.to_string().into_bytes()
}

fn target(model: &str) -> Target {
    Target {
        provider: "p".into(),
        base_url: "https://api.example/accounts/a1/ai/run".into(),
        model: model.into(),
        key: Some(Secret::new("tok-123")),
        headers: Vec::new(),
        quirks: quirks(),
    }
}

/// The inputs for a model without their messages and `stream`, and the warnings.
fn write(model: &str, fields: Value) -> Result<(Value, Vec<String>), ChatError> {
    let out = WorkersAi.write_request(&Unified.read_request(&ask(fields)).unwrap(), &target(model))?;
    assert_eq!(out.request.uri().to_string(), format!("https://api.example/accounts/a1/ai/run/{model}"));
    assert_eq!(out.request.headers()["authorization"], "Bearer tok-123");
    let mut body: Value = serde_json::from_slice(out.request.body()).unwrap();
    let fields = body.as_object_mut().unwrap();
    assert_eq!(fields.remove("stream"), Some(json!(true)));
    fields.remove("messages").unwrap();
    Ok((body, out.warnings))
}

/// What an error body comes to: kind, message, code, whether it may be retried.
fn error(status: u16, body: &str) -> (ErrorKind, String, Option<String>, bool) {
    let error = WorkersAi.read_error(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), body.as_bytes());
    (error.kind, error.message, error.code, error.retryable)
}

both_targets! {
    fn the_older_shape_ends_with_done_and_says_no_reason() {
        streams(
            &[
                r#"{"response":"Hé","p":"abcdef"}"#,
                r#"{"response":" \"🌊\"","p":"ab"}"#,
                r#"{"response":"","p":"a","usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}}"#,
                "[DONE]",
            ],
            &["text \"Hé\"", "text \" \\\"🌊\\\"\"", "usage 9 3 12", "finish stop -"],
        );
        streams(&[r#"{"tool_calls":[],"p":"abc"}"#, r#"{"response":"a"}"#, "[DONE]"], &["text \"a\"", "finish stop -"]);
    }

    fn a_reason_in_the_older_shape_counts() {
        streams(
            &[r#"{"response":"a","finish_reason":null}"#, r#"{"response":"b","finish_reason":"length"}"#, "[DONE]"],
            &["text \"a\"", "text \"b\"", "finish length length"],
        );
        streams(&[r#"{"response":"a"}"#, r#"{"finish_reason":"stop"}"#], &["text \"a\"", "finish stop stop"]);
        streams(
            &[r#"{"response":"a"}"#, r#"{"finish_reason":"error"}"#, "[DONE]"],
            &["text \"a\"", "error provider_error the provider ended the answer with \"error\""],
        );
    }

    fn text_that_is_no_string_is_given_as_it_stands() {
        streams(
            &[r#"{"response":1}"#, r#"{"response":2.50}"#, r#"{"response":true}"#, r#"{"response":{"a":[1.0]}}"#, r#"{"response":null}"#, "[DONE]"],
            &["text \"1\"", "text \"2.50\"", "text \"true\"", "text \"{\\\"a\\\":[1.0]}\"", "finish stop -"],
        );
        streams(&["{\"response\":\"a\\ud83c\"}", "[DONE]"], &["text \"a\u{fffd}\"", "finish stop -"]);
    }

    fn thinking_between_tags() {
        let feed = Feed { think_tags: true, ..WORKERS_AI };
        let body = sse(&[r#"{"response":"<thi"}"#, r#"{"response":"nk>Hm</think>"}"#, r#"{"response":"A"}"#, "[DONE]"]);
        check_as(feed, body.as_bytes(), &["think \"Hm\"", "text \"A\"", "finish stop -"]);
    }

    fn an_answer_without_done_and_without_a_reason_has_broken_off() {
        let broken = "error truncated the provider's answer broke off";
        streams(&[r#"{"response":"partial"}"#], &["text \"partial\"", broken]);
        check_as(WORKERS_AI, b"data: {\"response\":\"a\",\"usage\":{\"prompt_tokens\":1}}", &["text \"a\"", "usage 1 0 1", broken]);
        check_as(WORKERS_AI, b"data: {\"response\":\"a\"}\n\ndata: {\"respo", &["text \"a\"", broken]);
        check_as(WORKERS_AI, b"", &[broken]);
        // In the other shape the rule is that shape's.
        streams(
            &[&delta(r#""content":"a""#), "[DONE]"],
            &["text \"a\"", "error truncated the provider ended without a finish reason"],
        );
        streams(&["[DONE]"], &["error truncated the provider ended without a finish reason"]);
    }

    fn calls_of_the_older_shape_come_flat_and_whole() {
        streams(
            &[
                r#"{"response":"","tool_calls":[{"name":"f","arguments":{"x":1}},{"name":"g","arguments":{}},{"name":"f","arguments":"{\"y\":2}"}]}"#,
                r#"{"tool_calls":[{"name":"h"},null,{"id":null,"name":null}],"p":"ab"}"#,
                "[DONE]",
            ],
            &[
                "tool 0 call_r_1_0 =f",
                r#"tool 0 call_r_1_0 {"x":1}"#,
                "tool 1 call_r_1_1 =g",
                "tool 2 call_r_1_2 =f",
                r#"tool 2 call_r_1_2 {"y":2}"#,
                "tool 3 call_r_1_3 =h",
                "tool 1 call_r_1_1 {}",
                "tool 3 call_r_1_3 {}",
                "finish tool_calls -",
            ],
        );
    }

    fn calls_of_the_older_shape_come_as_deltas_too() {
        let sentinel = r#"{"tool_calls":[{"id":null,"type":null,"function":{"name":null,"arguments":""}}]}"#;
        streams(
            &[
                r#"{"tool_calls":[{"id":"a","type":"function","index":0,"function":{"name":"f","arguments":"{\"x\""}}]}"#,
                r#"{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]}"#,
                sentinel,
                r#"{"tool_calls":[{"id":"b","type":"function","index":1,"function":{"name":"f","arguments":"{}"}}]}"#,
                sentinel,
                r#"{"finish_reason":"tool_calls"}"#,
                "[DONE]",
            ],
            &["tool 0 a =f", r#"tool 0 a {"x""#, "tool 0 a :1}", "tool 1 b =f", "tool 1 b {}", "finish tool_calls tool_calls"],
        );
        streams(
            &[r#"{"tool_calls":[{"id":"a","index":0,"function":{"name":"f","arguments":"{\"x\""}}]}"#, "[DONE]"],
            &["tool 0 a =f", r#"tool 0 a {"x""#, "error truncated the provider ended without a finish reason"],
        );
    }

    fn the_other_shape_is_chat_completions() {
        streams(
            &[
                r#"{"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""}}],"usage":{"prompt_tokens":3,"completion_tokens":0,"total_tokens":3}}"#,
                r#"{"model":"m","choices":[{"index":0,"delta":{"reasoning_content":"Hm"}}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}"#,
                &delta(r#""reasoning":".""#),
                &delta(r#""content":"A""#),
                &finish("model_length"),
                r#"{"choices":[]}"#,
                "[DONE]",
            ],
            &["start m", "usage 3 0 3", "think \"Hm\"", "usage 3 1 4", "think \".\"", "text \"A\"", "finish length model_length"],
        );
        streams(
            &[
                r#"{"choices":[{"delta":{"tool_calls":[{"id":"t","type":"function","index":0,"function":{"name":"f","arguments":"{}"}}]},"finish_reason":null}]}"#,
                &finish("tool_calls"),
                "[DONE]",
            ],
            &["tool 0 t =f", "tool 0 t {}", "finish tool_calls tool_calls"],
        );
    }

    fn a_call_that_leaked_as_text_stays_text() {
        streams(
            &[&delta(r#""content":"{\"name\":\"f\",""#), &delta(r#""content":"\"x\":1}""#), &finish("stop"), "[DONE]"],
            &[r#"text "{\"name\":\"f\",""#, r#"text "\"x\":1}""#, "finish stop stop"],
        );
    }

    fn whole_answers_say_that_they_are_whole() {
        whole(
            r#"{"result":{"response":"A","tool_calls":[],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}},"success":true,"errors":[],"messages":[]}"#,
            &["text \"A\"", "usage 9 3 12", "finish stop -"],
        );
        whole(
            r#"{"result":{"response":null,"tool_calls":[{"name":"f","arguments":{"choices":[1]}}]},"success":true}"#,
            &["tool 0 call_r_1_0 =f", r#"tool 0 call_r_1_0 {"choices":[1]}"#, "finish tool_calls -"],
        );
        whole(r#"{"result":{"response":{"a":1}},"success":true}"#, &["text \"{\\\"a\\\":1}\"", "finish stop -"]);
        whole(
            r#"{"result":{"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"A","tool_calls":[]},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}},"success":true}"#,
            &["start m", "text \"A\"", "usage 1 1 2", "finish stop stop"],
        );
        whole(r#"{"result":{"response":"A"},"succ"#, &["error truncated the provider's answer broke off"]);
        // Without the envelope nothing says that it is whole.
        whole(r#"{"response":"A"}"#, &["text \"A\"", "error truncated the provider's answer broke off"]);
    }

    fn an_empty_answer_is_asked_for_again_without_a_stream() {
        let empty = "error provider_error the provider's answer is empty";
        for result in ["{}", "null", r#"{"response":null,"tool_calls":[]}"#] {
            whole(&format!(r#"{{"result":{result},"success":true,"errors":[]}}"#), &[empty]);
        }
        let mut chat = Unified.read_request(&ask(json!({}))).unwrap();
        let error = ChatError { code: Some("empty_answer".into()), ..ChatError::new(ErrorKind::Provider, "empty") };
        assert!(!WorkersAi.amend(&mut chat, &ChatError::new(ErrorKind::Provider, "other")));
        assert!(WorkersAi.amend(&mut chat, &error));
        assert!(!WorkersAi.amend(&mut chat, &error), "once");
        let out = WorkersAi.write_request(&chat, &target(GLM)).unwrap();
        let body: Value = serde_json::from_slice(out.request.body()).unwrap();
        assert_eq!(body, json!({"messages": [{"role": "user", "content": "hi"}]}));
        assert_eq!(out.warnings, ["the answer was asked for whole: the model does not stream it"]);
    }

    fn failures_in_an_answer_that_began_well() {
        let busy = r#"{"success":false,"errors":[{"code":3040,"message":"no room"}],"messages":[],"result":null}"#;
        whole(busy, &["error overloaded no room"]);
        streams(&[busy], &["error overloaded no room"]);
        streams(
            &[r#"{"response":"a"}"#, r#"{"response":"b","error":"3036: daily free allocation used up"}"#, "[DONE]"],
            &["text \"a\"", "text \"b\"", "error rate_limited daily free allocation used up"],
        );
        streams(&[r#"{"internalCode":3007,"description":"too slow","name":"X"}"#], &["error timeout too slow"]);
        check_as(WORKERS_AI, b"event: error\ndata: oops\n\n", &["error provider_error oops"]);
        streams(&[&delta(r#""content":"a""#), r#"{"error":{"message":"boom","code":3008}}"#], &["text \"a\"", "error timeout boom"]);
    }

    fn a_bad_frame_costs_only_itself() {
        streams(
            &["oops", "[1]", r#"{"response":"a","response":"b"}"#, "[DONE]"],
            &[
                "warn a frame of the provider's stream could not be read and is left out: oops",
                "warn a frame of the provider's stream could not be read and is left out: [1]",
                "text \"b\"",
                "finish stop -",
            ],
        );
    }

    fn errors_by_their_codes() {
        use ErrorKind::*;
        let check = |status: u16, code: u64, kind, retryable| {
            let rest = format!(r#"{{"success":false,"errors":[{{"code":{code},"message":"w"}}],"messages":[],"result":null}}"#);
            let raw = format!(r#"{{"internalCode":{code},"message":"AiError","name":"X","description":"w"}}"#);
            let expect = (kind, "w".to_owned(), Some(code.to_string()), retryable);
            assert_eq!(error(status, &rest), expect, "REST {code}");
            assert_eq!(error(status, &raw), expect, "binding {code}");
            for thrown in [format!("{code}: w"), format!("InferenceUpstreamError: {code}: w")] {
                assert_eq!(error(502, &thrown), expect, "thrown {code}");
            }
        };
        for code in [5007, 3042] {
            check(400, code, ModelNotSupported, false);
        }
        for code in [5004, 3003, 3039] {
            check(400, code, InvalidRequest, false);
        }
        for code in [5016, 5018, 3023, 3041] {
            check(403, code, PermissionDenied, false);
        }
        for code in [5005, 5019] {
            check(405, code, InvalidRequest, false);
        }
        for code in [3007, 3008] {
            check(408, code, Timeout, true);
        }
        check(413, 3006, TooLarge, false);
        check(429, 3036, RateLimited, false);
        check(429, 4006, RateLimited, false);
        check(429, 3040, Overloaded, true);
        check(403, 10000, ProviderAuth, false);
    }

    fn errors_without_a_known_code_by_their_status() {
        use ErrorKind::*;
        assert_eq!(error(502, "the binding broke"), (Provider, "the binding broke".into(), None, true));
        assert_eq!(error(502, ""), (Provider, "the provider answered with status 502".into(), None, true));
        assert_eq!(error(400, "8006: reason: more"), (InvalidRequest, "reason: more".into(), Some("8006".into()), false));
        assert_eq!(error(502, "note: 3040 things"), (Provider, "note: 3040 things".into(), None, true));
        assert_eq!(error(401, r#"{"errors":[{"message":"no"}]}"#).0, ProviderAuth);
    }

    fn the_whole_request_of_a_model_of_the_older_kind() {
        let chat = Unified.read_request(json!({
            "messages": [
                {"role": "system", "content": "s"},
                {"role": "user", "content": [{"type": "text", "text": "t"}, {"type": "image", "media_type": "image/png", "data": "AAAA"}]},
                {"role": "assistant", "content": null, "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}]},
                {"role": "tool", "tool_call_id": "c", "content": "r"}
            ],
            "temperature": 0, "top_p": 0.5, "max_tokens": 7, "seed": 1, "tool_choice": {"type": "function", "function": {"name": "f"}},
            "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
            "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}
        }).to_string().as_bytes()).unwrap();
        let out = WorkersAi.write_request(&chat, &target(SCOUT)).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(out.request.body()).unwrap(), json!({
            "messages": [
                {"role": "system", "content": "s"},
                {"role": "user", "content": [{"type": "text", "text": "t"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]},
                {"role": "assistant", "content": "", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
                {"role": "tool", "content": "r", "tool_call_id": "c"}
            ],
            "stream": true, "max_tokens": 7, "temperature": 0.0, "top_p": 0.5, "seed": 1,
            "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
            "tool_choice": {"type": "function", "function": {"name": "f"}},
            "response_format": {"type": "json_schema", "json_schema": {"type": "object"}}
        }));
        assert_eq!(out.warnings, Vec::<String>::new());
    }

    fn what_a_model_of_the_older_kind_lacks_is_said_or_refused() {
        let (body, warnings) = write(SCOUT, json!({"stop": "x", "thinking": true, "parallel_tool_calls": false, "tools": [{"type": "function", "function": {"name": "f"}}]})).unwrap();
        assert_eq!(body, json!({"max_tokens": 2048, "tools": [{"type": "function", "function": {"name": "f"}}]}));
        assert_eq!(warnings, [
            "stop was left out: the model has no such parameter",
            "thinking was left out: the model has no such parameter",
            "parallel_tool_calls was left out: the model has no such parameter",
        ]);
        assert_eq!(write(SCOUT, json!({"thinking": false, "response_format": {"type": "text"}})).unwrap(), (json!({"max_tokens": 2048}), vec![]));
        let image = json!({"messages": [{"role": "user", "content": [{"type": "image", "url": "https://h/i.png"}]}]});
        assert_eq!(write(SCOUT, image.clone()).unwrap_err().param.as_deref(), Some("messages[0].content"));
        assert!(write(GLM, image).is_ok());
        let refused = WorkersAi.write_request(&Unified.read_request(&ask(json!({}))).unwrap(), &target("@cf/../../x"));
        assert_eq!(refused.err().unwrap().param.as_deref(), Some("model"));
    }

    fn a_model_of_the_newer_kind_takes_the_inputs_of_chat_completions() {
        let (body, warnings) = write(GLM, json!({
            "stop": ["x"], "parallel_tool_calls": false, "tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "auto",
            "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}, "strict": true}}
        })).unwrap();
        assert_eq!(body, json!({
            "stop": ["x"], "tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "auto", "parallel_tool_calls": false,
            "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}, "strict": true}}
        }));
        assert_eq!(warnings, Vec::<String>::new());
        assert_eq!(write(GLM, json!({"response_format": {"type": "json_object"}})).unwrap().0, json!({"response_format": {"type": "json_object"}}));
    }

    fn a_tool_can_be_forced_only_by_its_name() {
        let tools = |names: &[&str]| -> Value { names.iter().map(|name| json!({"type": "function", "function": {"name": name}})).collect() };
        let (body, warnings) = write(GLM, json!({"tools": tools(&["f"]), "tool_choice": "required"})).unwrap();
        assert_eq!((&body["tool_choice"], warnings.len()), (&json!({"type": "function", "function": {"name": "f"}}), 0));
        let (body, warnings) = write(GLM, json!({"tools": tools(&["f", "g"]), "tool_choice": "required"})).unwrap();
        assert_eq!(body["tool_choice"], "required");
        assert_eq!(warnings, ["tool_choice required is advice to this provider: it may answer without a call"]);
        assert_eq!(write(GLM, json!({"tool_choice": "auto"})).unwrap().1.len(), 1);
    }

    fn thinking_in_the_words_of_each_model() {
        let sent = |model: &str, thinking: Value| {
            let (body, warnings) = write(model, json!({"thinking": thinking})).unwrap();
            (body, warnings.len())
        };
        assert_eq!(sent(GLM, json!(true)), (json!({}), 0));
        assert_eq!(sent(GLM, json!({"effort": "max"})), (json!({"reasoning_effort": "max"}), 0));
        assert_eq!(sent(GLM, json!({"effort": "medium"})), (json!({"reasoning_effort": "high"}), 1));
        assert_eq!(sent(GLM, json!(false)), (json!({}), 1));
        assert_eq!(sent("@cf/moonshotai/kimi-k2.6", json!(false)), (json!({"reasoning_effort": "none"}), 0));
        assert_eq!(sent("@cf/openai/gpt-oss-120b", json!({"effort": "minimal"})), (json!({"reasoning_effort": "low"}), 1));
        assert_eq!(sent(GEMMA, json!(true)), (json!({"chat_template_kwargs": {"enable_thinking": true}}), 0));
        assert_eq!(sent(GEMMA, json!({"effort": "high"})), (json!({"chat_template_kwargs": {"enable_thinking": true}}), 1));
        assert_eq!(sent(GEMMA, json!(false)), (json!({"chat_template_kwargs": {"enable_thinking": false}}), 0));
        assert_eq!(sent(GLM, json!({"budget_tokens": 9})), (json!({}), 1));
        assert_eq!(sent("@cf/moonshotai/kimi-k2.7-code", json!(true)), (json!({}), 0));
        assert_eq!(sent("@cf/moonshotai/kimi-k2.7-code", json!(false)), (json!({}), 1));
    }

    fn the_built_in_one_is_there_when_its_binding_is() {
        let bound = |name: &str| (name == "AI").then(|| "{}".to_owned());
        let catalogue = Catalogue::from_vars(&bound).unwrap();
        assert_eq!(catalogue.default_name(), "workers-ai");
        let (provider, model) = catalogue.resolve(None, Some("@cf/any/model")).unwrap();
        assert_eq!((provider.name.as_str(), model.as_str(), provider.is_configured(&bound)), ("workers-ai", "@cf/any/model", true));
        assert!(provider.target(model.clone(), None, &Trace::default(), &bound).is_ok());
        assert!(!provider.is_configured(&|_| None));
        let missing = provider.target(model, Some("key".into()), &Trace::default(), &|_| None).err().unwrap();
        assert_eq!(missing.kind, ErrorKind::ProviderAuth);
        assert_eq!(missing.message, "workers-ai needs the binding AI: add `[ai] binding = \"AI\"` to wrangler.toml");
        assert_eq!(catalogue.resolve(None, Some("workers-ai/@hf/a/b")).unwrap().1, "@hf/a/b");
    }

    fn the_operators_own_over_rest_knows_the_same_models() {
        let vars = |name: &str| (name == "PROVIDERS").then(|| r#"[{"name":"cf","dialect":"workers-ai","base_url":"https://h/ai/run","key":"CF"}]"#.to_owned());
        let catalogue = Catalogue::from_vars(&vars).unwrap();
        let (provider, _) = catalogue.resolve(Some("cf"), Some(GLM)).unwrap();
        assert!(provider.quirks.rule(GLM).is_some() && provider.binding.is_none());
    }
}
