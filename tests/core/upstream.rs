//! What is sent to a provider, pinned; and what is done about its error answers.

use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tributary::dialects::{OpenAiChat, ToClient, ToProvider, Unified};
use tributary::models::{
    Auth, ChatRequest, EffortField, ErrorKind, MaxTokensField, ModelRule, Quirks, Sampling, Secret, Target,
};

use crate::both_targets;

static RULES: [ModelRule; 5] = [
    ModelRule { sampling: Sampling::Never, stop: false, ..ModelRule::new("never") },
    ModelRule { sampling: Sampling::UnlessThinking, off: Some("none"), ..ModelRule::new("unless") },
    ModelRule { sampling: Sampling::OnlyWithoutThinking, off: Some("none"), ..ModelRule::new("only") },
    ModelRule { off: Some("low"), ..ModelRule::new("low") },
    ModelRule::new("free"),
];

fn target(model: &str, quirks: Quirks) -> Target {
    Target {
        provider: "p".into(),
        base_url: "https://host/v1".into(),
        model: model.into(),
        key: Some(Secret::new("k3y")),
        headers: Vec::new(),
        quirks: Quirks { rules: &RULES, ..quirks },
    }
}

fn chat(fields: &Value) -> ChatRequest {
    let mut body = json!({"messages": [{"role": "user", "content": "hi"}]});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    Unified.read_request(body.to_string().as_bytes()).unwrap()
}

/// The body that goes out, and the warnings.
fn write(fields: &Value, target: &Target) -> (Value, Vec<String>) {
    let out = OpenAiChat.write_request(&chat(fields), target).unwrap();
    (serde_json::from_slice(out.request.body()).unwrap(), out.warnings)
}

/// What of the body is beside model, messages and the stream, and the warnings.
fn extra(fields: Value, model: &str, quirks: Quirks) -> (Value, Vec<String>) {
    let (mut body, warnings) = write(&fields, &target(model, quirks));
    let map = body.as_object_mut().unwrap();
    for usual in ["model", "messages", "stream", "stream_options"] {
        map.remove(usual).unwrap();
    }
    (body, warnings)
}

fn none() -> Vec<String> {
    Vec::new()
}

both_targets! {
    fn the_least_request() {
        let out = OpenAiChat.write_request(&chat(&json!({})), &target("m", Quirks::default())).unwrap();
        assert_eq!(
            (out.request.method().as_str(), out.request.uri().to_string().as_str()),
            ("POST", "https://host/v1/chat/completions")
        );
        let header = |name: &str| out.request.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!(header("content-type"), Some("application/json"));
        assert_eq!(header("accept"), Some("text/event-stream, application/x-ndjson, application/json"));
        assert_eq!((header("authorization"), header("api-key")), (Some("Bearer k3y"), None));
        assert_eq!(
            serde_json::from_slice::<Value>(out.request.body()).unwrap(),
            json!({"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": true, "stream_options": {"include_usage": true}})
        );
        assert_eq!(out.warnings, none());
    }

    fn the_address_keeps_a_query_and_the_key_goes_where_the_provider_wants_it() {
        let mut target = target("m", Quirks { auth: Some(Auth::ApiKey), ..Quirks::default() });
        target.base_url = "https://host/openai/deployments/d/?api-version=1".into();
        target.headers = vec![("x-title".into(), "t".into())];
        let out = OpenAiChat.write_request(&chat(&json!({})), &target).unwrap();
        assert_eq!(out.request.uri().to_string(), "https://host/openai/deployments/d/chat/completions?api-version=1");
        assert_eq!(
            (out.request.headers()["api-key"].to_str().unwrap(), out.request.headers().get("authorization")),
            ("k3y", None)
        );
        assert_eq!(out.request.headers()["x-title"], "t");
        target.key = None;
        assert!(
            OpenAiChat.write_request(&chat(&json!({})), &target).unwrap().request.headers().get("api-key").is_none()
        );
    }

    fn a_key_that_cannot_be_sent_is_not_quoted() {
        let mut target = target("m", Quirks::default());
        target.key = Some(Secret::new("se\ncret"));
        let error = OpenAiChat.write_request(&chat(&json!({})), &target).err().unwrap();
        assert_eq!((error.kind, error.message.contains("cret")), (ErrorKind::Internal, false));
    }

    fn every_kind_of_message() {
        let messages = json!({"messages": [
            {"role": "system", "content": "brief"},
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
            {"role": "user", "content": [{"type": "text", "text": "look"}, {"type": "image", "url": "https://a/b.png"}, {"type": "image", "media_type": "image/png", "data": "QUJD"}]},
            {"role": "assistant", "content": null, "tool_calls": [{"id": "c1", "function": {"name": "f", "arguments": ""}}, {"id": "c2", "type": "custom", "custom": {"name": "g", "input": ""}}]},
            {"role": "assistant", "content": "so", "tool_calls": [{"id": "c3", "function": {"name": "f", "arguments": "{\"a\":1}"}}]},
            {"role": "tool", "tool_call_id": "c1", "content": "1"},
            {"role": "assistant", "content": ""},
        ]});
        let quirks = Quirks { system_role: "developer".into(), stream_usage: false, ..Quirks::default() };
        assert_eq!(
            write(&messages, &target("m", quirks)).0,
            json!({"model": "m", "stream": true, "messages": [
                {"role": "developer", "content": "brief"},
                {"role": "user", "content": "ab"},
                {"role": "user", "content": [
                    {"type": "text", "text": "look"},
                    {"type": "image_url", "image_url": {"url": "https://a/b.png"}},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}},
                ]},
                {"role": "assistant", "content": null, "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                    {"id": "c2", "type": "custom", "custom": {"name": "g", "input": ""}},
                ]},
                {"role": "assistant", "content": "so", "tool_calls": [{"id": "c3", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}}]},
                {"role": "tool", "content": "1", "tool_call_id": "c1"},
                {"role": "assistant", "content": ""},
            ]})
        );
    }

    fn limits_and_sampling() {
        let asked = json!({"temperature": 0.5, "top_p": 1, "max_tokens": 5, "stop": ["a", "b"], "seed": -1});
        let sent = json!({"temperature": 0.5, "top_p": 1.0, "max_tokens": 5, "stop": ["a", "b"], "seed": -1});
        assert_eq!(extra(asked, "m", Quirks::default()), (sent, none()));
        let newer = Quirks { max_tokens: MaxTokensField::MaxCompletionTokens, ..Quirks::default() };
        assert_eq!(extra(json!({"max_tokens": 5}), "m", newer).0, json!({"max_completion_tokens": 5}));
    }

    fn tools_and_their_choice() {
        let tools = json!([{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": true}}, {"type": "function", "function": {"name": "g"}}]);
        let named = json!({"type": "function", "function": {"name": "f"}});
        for choice in [json!("auto"), json!("none"), json!("required"), named] {
            let fields = json!({"tools": tools, "tool_choice": choice, "parallel_tool_calls": false});
            assert_eq!(extra(fields.clone(), "m", Quirks::default()), (fields, none()));
        }
        assert_eq!(
            extra(json!({"tool_choice": "auto", "parallel_tool_calls": true}), "m", Quirks::default()).0,
            json!({})
        );
    }

    fn response_formats() {
        let schema = json!({"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}, "description": "d", "strict": true}});
        for format in [json!({"type": "text"}), json!({"type": "json_object"}), schema] {
            assert_eq!(
                extra(json!({"response_format": format}), "m", Quirks::default()).0,
                json!({"response_format": format})
            );
        }
        let unnamed = json!({"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}});
        assert_eq!(extra(unnamed, "m", Quirks::default()).0["response_format"]["json_schema"]["name"], "answer");
    }

    fn thinking_in_every_field() {
        let check = |effort: EffortField, thinking: Value, sent: Value| {
            let quirks = Quirks { effort, ..Quirks::default() };
            assert_eq!(extra(json!({"thinking": thinking}), "m", quirks), (sent, none()), "{effort:?} {thinking}");
        };
        use EffortField::*;
        check(ReasoningEffort, json!(true), json!({"reasoning_effort": "medium"}));
        check(ReasoningEffort, json!({"effort": "xhigh"}), json!({"reasoning_effort": "xhigh"}));
        check(ReasoningEffort, json!({"effort": "low", "budget_tokens": 9000}), json!({"reasoning_effort": "low"}));
        check(ReasoningEffort, json!(false), json!({}));
        check(ReasoningEnabled, json!(true), json!({"reasoning": {"enabled": true}}));
        check(
            ReasoningEnabled,
            json!({"effort": "high"}),
            json!({"reasoning": {"enabled": true}, "reasoning_effort": "high"}),
        );
        check(ReasoningEnabled, json!({"enabled": false, "effort": "high"}), json!({"reasoning": {"enabled": false}}));
        check(ThinkingType, json!(true), json!({"thinking": {"type": "enabled"}}));
        check(ThinkingType, json!(false), json!({"thinking": {"type": "disabled"}}));
        check(None, json!(false), json!({}));
        let nowhere = Quirks { effort: None, ..Quirks::default() };
        let warning = vec!["thinking was left out: the provider has no such parameter".to_owned()];
        assert_eq!(extra(json!({"thinking": true}), "m", nowhere), (json!({}), warning));
    }

    fn a_thinking_budget_becomes_an_effort_and_says_so() {
        for (budget, effort) in [(0, "low"), (2048, "low"), (2049, "medium"), (8192, "medium"), (8193, "high")] {
            let warning =
                format!("thinking.budget_tokens is sent as the effort {effort}: the provider takes no budget");
            let sent = extra(json!({"thinking": {"budget_tokens": budget}}), "m", Quirks::default());
            assert_eq!(sent, (json!({"reasoning_effort": effort}), vec![warning]));
        }
    }

    fn thinking_that_cannot_be_switched_off_says_so() {
        let off = |model: &str| extra(json!({"thinking": false}), model, Quirks::default());
        assert_eq!(off("unless"), (json!({"reasoning_effort": "none"}), none()));
        assert_eq!(
            off("low"),
            (
                json!({"reasoning_effort": "low"}),
                vec!["thinking cannot be switched off with this model: the effort is low".to_owned()]
            )
        );
        assert_eq!(off("free"), (json!({}), vec!["thinking cannot be switched off with this model".to_owned()]));
    }

    fn sampling_that_a_model_does_not_take_is_left_out_and_said() {
        let left_out =
            || ["temperature", "top_p"].map(|name| format!("{name} was left out: the model does not take it")).to_vec();
        let taken = |model: &str, thinking: Value| {
            let (body, warnings) =
                extra(json!({"temperature": 1, "top_p": 0.5, "thinking": thinking}), model, Quirks::default());
            let sent = (body.get("temperature").is_some(), body.get("top_p").is_some());
            assert!(
                sent == (true, true) && warnings == none() || sent == (false, false) && warnings == left_out(),
                "{model}: {body} {warnings:?}"
            );
            sent.0
        };
        let all =
            |model: &str| [Value::Null, json!(true), json!({"enabled": false})].map(|thinking| taken(model, thinking));
        assert_eq!(all("unknown"), [true, true, true]);
        assert_eq!(all("unless"), [true, false, true]);
        assert_eq!(all("only"), [false, false, true]);
        assert!(!taken("never", Value::Null) && !taken("never", json!(true)));
    }

    fn stop_sequences_that_a_model_does_not_take() {
        let warning = vec!["stop was left out: the model does not take it".to_owned()];
        assert_eq!(extra(json!({"stop": "a"}), "never", Quirks::default()), (json!({}), warning));
    }

    fn the_readers_warnings_go_along() {
        assert_eq!(
            extra(json!({"colour": 1}), "m", Quirks::default()).1,
            ["the field colour is not known and was left out"]
        );
    }

    fn a_parameter_that_the_model_rejects_is_taken_out_once() {
        let error = |param: &str, code: &str| {
            let body =
                json!({"error": {"message": "no", "type": "invalid_request_error", "param": param, "code": code}});
            OpenAiChat.read_error(StatusCode::BAD_REQUEST, &HeaderMap::new(), body.to_string().as_bytes())
        };
        let mut asked = chat(&json!({"temperature": 1, "top_p": 1, "seed": 1}));
        for (param, code) in [
            ("temperature", "unsupported_value"),
            ("top_p", "unsupported_parameter"),
            ("seed", "unsupported_parameter"),
        ] {
            assert!(OpenAiChat.amend(&mut asked, &error(param, code)));
            assert!(!OpenAiChat.amend(&mut asked, &error(param, code)), "{param} twice");
        }
        assert_eq!((asked.temperature, asked.top_p, asked.seed, asked.warnings.len()), (None, None, None, 3));
        assert!(!OpenAiChat.amend(&mut asked, &error("model", "unsupported_value")));
        assert!(!OpenAiChat.amend(&mut chat(&json!({"seed": 1})), &error("seed", "other")));
    }
}
