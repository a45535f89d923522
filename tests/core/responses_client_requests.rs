//! Responses towards clients, pinned: requests in, for providers of this language and of others.

use serde_json::{Value, json};
use tributary::dialects::{Anthropic, Ollama, OpenAiResponses, ToClient, write_for};
use tributary::models::{
    ChatError, ChatRequest, Effort, ErrorKind, Parent, Part, Quirks, ResponseFormat, Role, SessionTurn, Target,
    Thinking, ToolChoice,
};

use crate::both_targets;

pub fn read(fields: Value) -> Result<ChatRequest, ChatError> {
    let mut body = json!({"model": "m", "input": "hi"});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    OpenAiResponses.read_request(body.to_string().as_bytes())
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

/// The body that a server of the same language gets.
pub fn native(fields: Value) -> Value {
    let (outgoing, native) = write_for(&OpenAiResponses, &read(fields).unwrap(), &target()).unwrap();
    assert!(native);
    assert_eq!(outgoing.request.uri(), "https://h/responses");
    serde_json::from_slice(outgoing.request.body()).unwrap()
}

/// The parts of the messages, a line each: `assistant: text A`.
pub fn lines(chat: &ChatRequest) -> Vec<String> {
    let line = |part: &Part| match part {
        Part::Text(text) => format!("text {text}"),
        Part::Reasoning(text) => format!("think {text}"),
        Part::Image(image) => format!("image {}", image.as_url()),
        Part::Opaque(opaque) => format!("opaque {} {}", opaque.dialect, opaque.data),
        Part::ToolCall(call) => {
            let opaque = call.opaque.as_ref().map(|opaque| format!(" {} {}", opaque.dialect, opaque.data));
            format!("{:?} {} {} {}{}", call.kind, call.id, call.name, call.arguments, opaque.unwrap_or_default())
        }
    };
    let all = |message: &tributary::models::Message| {
        let call = message.tool_call_id.as_ref().map(|id| format!(" {id}")).unwrap_or_default();
        let head = format!("{:?}{call}: ", message.role).to_lowercase();
        message.parts.iter().map(|part| head.clone() + &line(part)).collect::<Vec<_>>()
    };
    chat.messages.iter().flat_map(all).collect()
}

both_targets! {
    fn every_kind_of_item() {
        let chat = read(json!({
            "instructions": "be brief",
            "input": [
                {"role": "developer", "content": "x"},
                {"type": "message", "role": "user", "content": [
                    {"type": "input_text", "text": "a"}, {"type": "input_image", "image_url": "https://h/i.png", "detail": "auto"},
                ]},
                {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "h"}, {"type": "summary_text", "text": "m"}]},
                {"role": "assistant", "content": [{"type": "output_text", "text": "b", "annotations": []}, {"type": "refusal", "refusal": "c"}]},
                {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}", "id": "fc_1", "status": "completed"},
                {"type": "custom_tool_call", "call_id": "2", "name": "g", "input": "x"},
                {"type": "function_call_output", "call_id": "1", "output": "r"},
                {"type": "custom_tool_call_output", "call_id": "2", "output": [{"type": "input_text", "text": "s"}]},
                {"type": "reasoning", "id": "rs_2", "summary": [{"type": "summary_text", "text": "h"}], "content": [{"type": "reasoning_text", "text": "whole"}]},
                {"role": "user", "content": "d"},
            ],
        })).unwrap();
        assert_eq!(lines(&chat), [
            "system: text be brief", "system: text x", "user: text a", "user: image https://h/i.png",
            "assistant: think h\n\nm", "assistant: text b", "assistant: text c", "assistant: Function 1 f {}", "assistant: Custom 2 g x",
            "tool 1: text r", "tool 2: text s", "assistant: think whole", "user: text d",
        ]);
        assert_eq!(chat.native.unwrap().beyond, []);
    }

    fn every_parameter() {
        let chat = read(json!({
            "temperature": 0.5, "top_p": 0.25, "max_output_tokens": 50, "parallel_tool_calls": false, "stream": true, "metadata": {"a": "b"},
            "reasoning": {"effort": "low", "summary": "auto"}, "tool_choice": {"type": "function", "name": "f"},
            "tools": [{"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}, "strict": true}],
            "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": true}},
            "include": ["reasoning.encrypted_content"], "store": false, "stream_options": {"include_obfuscation": false}, "truncation": "disabled",
        })).unwrap();
        assert_eq!(chat.native.as_ref().unwrap().beyond, []);
        assert_eq!((chat.temperature, chat.top_p, chat.max_tokens, chat.parallel_tool_calls, chat.stream), (Some(0.5), Some(0.25), Some(50), Some(false), true));
        assert_eq!(chat.thinking, Some(Thinking { enabled: true, budget_tokens: None, effort: Some(Effort::Low) }));
        assert_eq!((chat.tools[0].name.as_str(), chat.tools[0].strict, chat.tool_choice), ("f", Some(true), Some(ToolChoice::Tool("f".into()))));
        assert!(matches!(chat.response_format, Some(ResponseFormat::JsonSchema { name, strict: Some(true), .. }) if name == "n"));
        assert_eq!(read(json!({"reasoning": {"effort": "none"}})).unwrap().thinking.map(|thinking| thinking.enabled), Some(false));
        assert_eq!(read(json!({"reasoning": {"summary": "auto"}})).unwrap().thinking, None);
        assert_eq!(read(json!({})).unwrap().messages[0].role, Role::User);
    }

    fn what_only_this_language_has_is_noted() {
        let noted = |path: &str, essential| vec![(path.to_owned(), essential)];
        assert_eq!(beyond(json!({"user": null, "service_tier": "auto", "text": {"verbosity": "medium"}, "top_logprobs": 0})), []);
        for name in ["user", "service_tier", "truncation", "top_logprobs", "max_tool_calls", "prompt_cache_key", "safety_identifier", "unheard_of"] {
            assert_eq!(beyond(json!({name: "x"})), noted(name, false));
        }
        // It is understood: a session keeps what is stored.
        assert_eq!((beyond(json!({})), beyond(json!({"store": true})), beyond(json!({"store": false}))), (vec![], vec![], vec![]));
        assert_eq!(beyond(json!({"include": ["reasoning.encrypted_content", "file_search_call.results"]})), noted("include[1]", false));
        assert_eq!(beyond(json!({"text": {"verbosity": "low"}})), noted("text.verbosity", false));
        assert_eq!(beyond(json!({"reasoning": {"mode": "pro"}})), noted("reasoning.mode", false));
        assert_eq!(beyond(json!({"tools": [{"type": "web_search"}]})), noted("tools[0]", true));
        assert_eq!(beyond(json!({"tools": [{"type": "function", "name": "f", "defer_loading": true}]})), noted("tools[0].defer_loading", false));
        assert_eq!(beyond(json!({"tool_choice": {"type": "allowed_tools"}})), noted("tool_choice", true));
        for name in ["previous_response_id", "conversation", "prompt"] {
            assert_eq!(beyond(json!({name: "resp_0d6d"})), noted(name, true));
        }
        let item = |item: Value| beyond(json!({"input": [{"role": "user", "content": "a"}, item]}));
        assert_eq!(item(json!({"type": "item_reference", "id": "msg_1"})), noted("input[1]", true));
        assert_eq!(item(json!({"id": "msg_1"})), noted("input[1]", true));
        assert_eq!(item(json!({"type": "web_search_call", "id": "ws_1"})), noted("input[1]", true));
        let part = |part: Value| item(json!({"role": "user", "content": [part]}));
        assert_eq!(part(json!({"type": "input_file", "file_id": "f"})), noted("input[1].content[0]", true));
        assert_eq!(part(json!({"type": "input_image", "file_id": "f"})), noted("input[1].content[0]", true));
        assert_eq!(part(json!({"type": "input_image", "image_url": "https://h/i.png", "detail": "low"})), noted("input[1].content[0].detail", false));
    }

    fn other_languages_are_told_what_they_can_be_told() {
        let (outgoing, native) = write_for(&Ollama, &read(json!({"user": "u"})).unwrap(), &target()).unwrap();
        assert!(!native);
        assert_eq!(outgoing.warnings, ["user was left out: the provider has no such field"]);
        let error = write_for(&Anthropic, &read(json!({"previous_response_id": "resp_0d6d"})).unwrap(), &target()).err().unwrap();
        assert_eq!((error.kind, error.param.as_deref()), (ErrorKind::InvalidRequest, Some("previous_response_id")));
    }

    fn a_server_of_the_same_language_gets_the_clients_own_words() {
        let fields = json!({"unheard_of": [1, {"a": null}], "previous_response_id": "resp_0d6d", "provider": "p", "store": true, "tools": [{"type": "web_search"}]});
        assert_eq!(native(fields), json!({
            "model": "theirs", "input": "hi", "unheard_of": [1, {"a": null}], "previous_response_id": "resp_0d6d", "store": true,
            "tools": [{"type": "web_search"}],
        }));
        // What the vendor has stored may be all there is.
        assert_eq!(native(json!({"input": null, "prompt": {"id": "pmpt_1"}}))["prompt"]["id"], "pmpt_1");
    }

    fn a_wrong_field_is_named() {
        let param = |fields| read(fields).unwrap_err().param.unwrap();
        assert_eq!(param(json!({"input": null})), "input");
        assert_eq!(param(json!({"input": []})), "input");
        assert_eq!(param(json!({"input": 1})), "input");
        assert_eq!(param(json!({"input": [1]})), "input[0]");
        assert_eq!(param(json!({"input": [{"role": "user"}]})), "input[0].content");
        assert_eq!(param(json!({"input": [{"role": "tool", "content": "a"}]})), "input[0].role");
        assert_eq!(param(json!({"input": [{"type": "function_call_output", "output": "a"}]})), "input[0].call_id");
        assert_eq!(param(json!({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "x"}]}]})), "input[0].content[0].image_url");
        assert_eq!(param(json!({"temperature": 3})), "temperature");
        assert_eq!(param(json!({"reasoning": {"effort": "most"}})), "reasoning.effort");
        assert_eq!(param(json!({"text": {"format": {"type": "json_schema", "schema": {}}}})), "text.format.name");
        assert_eq!(param(json!({"tools": [{"name": "f"}]})), "tools[0].type");
        assert_eq!(param(json!({"stream": 1})), "stream");
        assert_eq!(param(json!({"background": true})), "background");
        let own = read(json!({"previous_response_id": "resp_r_7f3a"})).unwrap_err();
        assert_eq!(own.param.as_deref(), Some("previous_response_id"));
        assert!(own.message.contains("was not stored"), "{}", own.message);
        assert_eq!(param(json!({"previous_response_id": "resp_r_7f3as0011", "store": false})), "store");
    }

    fn a_stored_response_is_followed_in_its_session() {
        let chat = read(json!({"previous_response_id": "resp_r_7f3as0011", "instructions": "Be brief."})).unwrap();
        let turn = SessionTurn { id: "s_0011".into(), parent: Parent::Run("r_7f3a".into()), queue: true };
        assert_eq!((chat.session, chat.keep, chat.passing, chat.messages.len()), (Some(turn), true, 1, 2));
        assert_eq!(chat.native.unwrap().beyond, []);
        let chat = read(json!({"store": false})).unwrap();
        assert_eq!((chat.session, chat.keep, chat.passing), (None, false, 0));
    }
}
