//! What is asked of OpenAI Responses, pinned; and what is taken out after a refusal.

use serde_json::{Value, json};
use tributary::dialects::{OpenAiResponses, ToClient, ToProvider, Unified};
use tributary::models::{
    ChatError, ChatRequest, ErrorKind, Message, ModelRule, Part, Quirks, Role, Sampling, Secret, Target, ToolCall,
    ToolKind,
};

use crate::both_targets;

static RULES: [ModelRule; 3] = [
    ModelRule { sampling: Sampling::Never, stop: false, thinks: true, off: Some("minimal"), ..ModelRule::new("never") },
    ModelRule { sampling: Sampling::UnlessThinking, off: Some("none"), ..ModelRule::new("unless") },
    ModelRule::new("always"),
];

fn target(model: &str) -> Target {
    Target {
        provider: "p".into(),
        base_url: "https://host/v1".into(),
        model: model.into(),
        key: Some(Secret::new("k3y")),
        headers: Vec::new(),
        quirks: Quirks { rules: &RULES, ..Quirks::default() },
    }
}

fn chat(fields: Value) -> ChatRequest {
    let mut body = json!({"messages": [{"role": "user", "content": "hi"}]});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    Unified.read_request(body.to_string().as_bytes()).unwrap()
}

/// The body that goes out, without what every one has, and the warnings.
fn written(chat: &ChatRequest, model: &str) -> (Value, Vec<String>) {
    let out = OpenAiResponses.write_request(chat, &target(model)).unwrap();
    let mut body: Value = serde_json::from_slice(out.request.body()).unwrap();
    for (name, usual) in [("model", json!(model)), ("stream", json!(true)), ("store", json!(false))] {
        assert_eq!(body.as_object_mut().unwrap().remove(name), Some(usual));
    }
    (body, out.warnings)
}

/// What is beside the input.
fn extra(fields: Value, model: &str) -> (Value, Vec<String>) {
    let (mut body, warnings) = written(&chat(fields), model);
    body.as_object_mut().unwrap().remove("input").unwrap();
    (body, warnings)
}

/// The input of a conversation, and the warnings.
fn input(messages: Value) -> (Value, Vec<String>) {
    let (mut body, warnings) = written(&chat(json!({"messages": messages})), "m");
    (body["input"].take(), warnings)
}

fn user(text: &str) -> Value {
    json!({"role": "user", "content": [{"type": "input_text", "text": text}]})
}

fn said(text: &str) -> Value {
    json!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]})
}

fn own(data: Value) -> Value {
    json!({"dialect": "openai-responses", "data": data})
}

fn refusal(code: Option<&str>, param: Option<&str>, message: &str) -> ChatError {
    ChatError {
        code: code.map(str::to_owned),
        param: param.map(str::to_owned),
        ..ChatError::new(ErrorKind::InvalidRequest, message)
    }
}

fn none() -> Vec<String> {
    Vec::new()
}

const UNSUPPORTED: Option<&str> = Some("unsupported_value");

both_targets! {
    fn the_least_request() {
        let out = OpenAiResponses.write_request(&chat(json!({})), &target("m")).unwrap();
        assert_eq!(out.request.uri().to_string(), "https://host/v1/responses");
        assert_eq!(out.request.headers()["authorization"], "Bearer k3y");
        let body = r#"{"model":"m","input":[{"role":"user","content":[{"type":"input_text","text":"hi"}]}],"stream":true,"store":false}"#;
        assert_eq!((std::str::from_utf8(out.request.body()).unwrap(), out.warnings), (body, none()));
    }

    fn system_messages_at_the_start_are_the_instructions() {
        let messages = json!([
            {"role": "system", "content": "Be kind."},
            {"role": "developer", "content": [{"type": "text", "text": "Be "}, {"type": "text", "text": "brief."}]},
            {"role": "user", "content": "hi"},
            {"role": "system", "content": "Be quick."},
        ]);
        let (body, warnings) = written(&chat(json!({"messages": messages})), "m");
        let developer = json!({"role": "developer", "content": [{"type": "input_text", "text": "Be quick."}]});
        assert_eq!(body, json!({"instructions": "Be kind.\n\nBe brief.", "input": [user("hi"), developer]}));
        assert_eq!(warnings, none());
    }

    fn system_messages_that_cannot_be_instructions_stay_where_they_are() {
        let developer = |content: Value| json!([{"role": "developer", "content": content}]);
        assert_eq!(
            input(json!([{"role": "system", "content": "alone"}])),
            (developer(json!([{"type": "input_text", "text": "alone"}])), none())
        );
        let picture = json!([{"role": "system", "content": [{"type": "image", "url": "https://h/i"}]}]);
        assert_eq!(input(picture).0, developer(json!([{"type": "input_image", "image_url": "https://h/i"}])));
    }

    fn a_conversation_keeps_its_order() {
        let call = |id: &str, arguments: &str| {
            json!({"id": id, "type": "function", "function": {"name": "f", "arguments": arguments}})
        };
        let (items, warnings) = input(json!([
            {"role": "user", "content": [
                {"type": "text", "text": "what?"},
                {"type": "image", "url": "https://h/i.png"},
                {"type": "image", "media_type": "image/png", "data": "AAAA"},
            ]},
            {"role": "assistant", "content": "I look.", "reasoning": "hm", "tool_calls": [call("c.1", "{\"a\":1}"), call("c2", " ")]},
            {"role": "tool", "tool_call_id": "c.1", "content": "rain"},
            {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "t"}, {"type": "image", "url": "https://h/j"}]},
            {"role": "assistant", "content": ""},
            {"role": "assistant", "content": [{"type": "text", "text": "It "}, {"type": "text", "text": "rains."}]},
        ]));
        let expect = json!([
            {"role": "user", "content": [
                {"type": "input_text", "text": "what?"},
                {"type": "input_image", "image_url": "https://h/i.png"},
                {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
            ]},
            said("I look."),
            {"type": "function_call", "call_id": "c_1", "name": "f", "arguments": "{\"a\":1}"},
            {"type": "function_call", "call_id": "c2", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c_1", "output": "rain"},
            {"type": "function_call_output", "call_id": "c2", "output": [
                {"type": "input_text", "text": "t"}, {"type": "input_image", "image_url": "https://h/j"},
            ]},
            {"type": "message", "role": "assistant", "content": [
                {"type": "output_text", "text": "It "}, {"type": "output_text", "text": "rains."},
            ]},
        ]);
        assert_eq!((items, warnings), (expect, none()));
    }

    fn parts_go_out_in_the_order_in_which_they_came() {
        let call = |id: &str| {
            Part::ToolCall(ToolCall {
                id: id.to_owned(), name: "f".to_owned(), arguments: "{}".to_owned(), kind: ToolKind::Function, opaque: None,
            })
        };
        let parts = vec![call("a"), Part::Text("t".to_owned()), call("b")];
        let message = Message { role: Role::Assistant, parts, tool_call_id: None };
        let items = written(&ChatRequest { messages: vec![message], ..ChatRequest::default() }, "m").0["input"].take();
        let call = |id: &str| json!({"type": "function_call", "call_id": id, "name": "f", "arguments": "{}"});
        assert_eq!(items, json!([call("a"), said("t"), call("b")]));
    }

    fn custom_tools_have_items_of_their_own() {
        let call = json!({"id": "c", "type": "custom", "custom": {"name": "sql", "input": ""}});
        let (items, _) = input(json!([
            {"role": "assistant", "content": null, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c", "content": "1"},
        ]));
        assert_eq!(items, json!([
            {"type": "custom_tool_call", "call_id": "c", "name": "sql", "input": ""},
            {"type": "custom_tool_call_output", "call_id": "c", "output": "1"},
        ]));
    }

    fn ids_are_cut_and_never_given_twice() {
        let long = "x".repeat(70);
        let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}});
        let turn = |id: &str| [
            json!({"role": "assistant", "content": null, "tool_calls": [call(id)]}),
            json!({"role": "tool", "tool_call_id": id, "content": "r"}),
        ];
        let (items, _) = input(Value::Array([turn(&long), turn("c"), turn("c")].concat()));
        let ids: Vec<_> = items.as_array().unwrap().iter().map(|item| item["call_id"].as_str().unwrap()).collect();
        assert_eq!(ids, [&long[..64], &long[..64], "c", "c", "c_2", "c_2"]);
    }

    fn a_picture_that_the_model_is_said_to_have_sent_is_refused() {
        let messages = json!([{"role": "user", "content": "a"}, {"role": "assistant", "content": [{"type": "image", "url": "https://h/i"}]}]);
        let error = OpenAiResponses.write_request(&chat(json!({"messages": messages})), &target("m")).map(|_| ()).unwrap_err();
        assert_eq!((error.kind, error.param.as_deref()), (ErrorKind::InvalidRequest, Some("messages[1].content")));
    }

    fn tools_are_flat_and_loose_unless_they_say_strict() {
        let parameters = json!({"type": "object", "properties": {"z": {}, "a": {}}});
        let tools = json!([
            {"type": "function", "function": {"name": "f"}},
            {"type": "function", "function": {"name": "g", "description": "d", "parameters": parameters, "strict": true}},
        ]);
        let flat = json!([
            {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}, "strict": false},
            {"type": "function", "name": "g", "description": "d", "parameters": parameters, "strict": true},
        ]);
        let (body, warnings) = extra(json!({"tools": tools, "parallel_tool_calls": false}), "m");
        assert_eq!((body, warnings), (json!({"tools": flat, "parallel_tool_calls": false}), none()));
        let choice = |choice: Value| extra(json!({"tools": tools, "tool_choice": choice}), "m").0["tool_choice"].take();
        for word in ["auto", "none", "required"] {
            assert_eq!(choice(json!(word)), word);
        }
        assert_eq!(
            choice(json!({"type": "function", "function": {"name": "f"}})),
            json!({"type": "function", "name": "f"})
        );
        let words = "tool_choice and parallel_tool_calls were left out: there are no tools";
        assert_eq!(extra(json!({"tool_choice": "none"}), "m"), (json!({}), vec![words.to_owned()]));
    }

    fn limits_sampling_and_what_there_is_no_parameter_for() {
        let all = json!({"max_tokens": 77, "temperature": 0.5, "top_p": 0.25, "stop": ["x"], "seed": 7});
        let without = |name: &str| format!("{name} was left out: the provider has no such parameter");
        let refused = |name: &str| format!("{name} was left out: the model does not take it");
        let sent = json!({"temperature": 0.5, "top_p": 0.25, "max_output_tokens": 77});
        assert_eq!(extra(all.clone(), "m"), (sent, vec![without("stop"), without("seed")]));
        let (body, warnings) = extra(all, "never");
        assert_eq!(body, json!({"include": ["reasoning.encrypted_content"], "max_output_tokens": 77}));
        assert_eq!(warnings, [refused("temperature"), refused("top_p"), without("stop"), without("seed")]);
    }

    fn the_form_of_the_answer() {
        let format = |format: Value| extra(json!({"response_format": format}), "m").0;
        let schema = json!({"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": true, "description": "d"}});
        assert_eq!(
            format(schema),
            json!({"text": {"format": {"type": "json_schema", "name": "n", "description": "d", "schema": {"type": "object"}, "strict": true}}})
        );
        let plain = json!({"type": "json_schema", "json_schema": {"name": "n", "schema": {}}});
        assert_eq!(format(plain), json!({"text": {"format": {"type": "json_schema", "name": "n", "schema": {}}}}));
        for kind in ["text", "json_object"] {
            assert_eq!(format(json!({"type": kind})), json!({"text": {"format": {"type": kind}}}));
        }
    }

    fn thinking_and_what_is_asked_for_with_it() {
        let include = json!(["reasoning.encrypted_content"]);
        let thinking = |thinking: Value, model: &str| extra(json!({"thinking": thinking}), model);
        let effort = |effort: &str| json!({"reasoning": {"effort": effort, "summary": "auto"}, "include": include});
        assert_eq!(thinking(json!(true), "m"), (effort("medium"), none()));
        assert_eq!(thinking(json!({"effort": "xhigh", "budget_tokens": 9}), "never"), (effort("xhigh"), none()));
        let budget = |word: &str| vec![format!("thinking.budget_tokens is sent as the effort {word}: the provider takes no budget")];
        assert_eq!(thinking(json!({"budget_tokens": 1024}), "m"), (effort("low"), budget("low")));
        assert_eq!(thinking(json!({"budget_tokens": 20_000}), "m"), (effort("high"), budget("high")));
        // Switched off.
        let off = |effort: &str| json!({"reasoning": {"effort": effort}, "include": include});
        assert_eq!(thinking(json!(false), "m"), (json!({}), none()));
        assert_eq!(thinking(json!(false), "unless"), (off("none"), none()));
        let words = "thinking cannot be switched off with this model";
        assert_eq!(thinking(json!(false), "never"), (off("minimal"), vec![format!("{words}: the effort is minimal")]));
        assert_eq!(thinking(json!(false), "always"), (json!({"include": include}), vec![words.to_owned()]));
        // Nothing said.
        assert_eq!(extra(json!({}), "m"), (json!({}), none()));
        assert_eq!(extra(json!({}), "never"), (json!({"include": include}), none()));
    }

    fn its_own_state_goes_back_to_its_place_and_other_state_is_left() {
        let reasoning = |id: &str| json!({"type": "reasoning", "id": id, "summary": [{"type": "summary_text", "text": "s"}], "encrypted_content": "e"});
        let call = json!({"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}});
        let (items, warnings) = input(json!([
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": "I look.", "reasoning": "s", "tool_calls": [call], "opaque": [
                own(reasoning("r1")),
                {"dialect": "openai-responses", "data": {"type": "message", "phase": "commentary"}, "after": {"text": 7}},
                {"dialect": "anthropic", "data": {"type": "redacted_thinking"}, "after": {"text": 7}},
                {"dialect": "openai-responses", "data": reasoning("r2"), "after": {"text": 7}},
            ]},
            {"role": "tool", "tool_call_id": "c", "content": "r"},
        ]));
        let mut commentary = said("I look.");
        commentary["phase"] = json!("commentary");
        let expect = json!([
            user("hi"),
            reasoning("r1"),
            commentary,
            reasoning("r2"),
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "r"},
        ]);
        assert_eq!((items, warnings), (expect, none()));
    }

    fn only_the_fields_of_its_state_are_sent() {
        let data = json!({"type": "reasoning", "encrypted_content": "e", "role": "system", "summary": []});
        let (items, _) = input(json!([{"role": "assistant", "content": "a", "opaque": [own(data)]}]));
        assert_eq!(items, json!([{"type": "reasoning", "summary": [], "encrypted_content": "e"}, said("a")]));
    }

    fn state_in_a_wrong_form_is_left_out() {
        let wrong = [
            json!(1),
            json!({}),
            json!({"type": "message"}),
            json!({"type": "message", "phase": 1}),
            json!({"type": "reasoning", "summary": []}),
            json!({"type": "reasoning", "summary": [], "encrypted_content": ""}),
            json!({"type": "reasoning", "encrypted_content": "e"}),
            json!({"type": "reasoning", "summary": [1], "encrypted_content": "e"}),
            json!({"type": "reasoning", "summary": [], "encrypted_content": "e", "id": 1}),
            json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}),
        ];
        for data in wrong {
            let (items, warnings) = input(json!([{"role": "assistant", "content": "a", "opaque": [own(data.clone())]}]));
            let words = "state in messages[0].opaque was left out: it is malformed";
            assert_eq!((items, warnings), (json!([said("a")]), vec![words.to_owned()]), "{data}");
        }
        let phase = own(json!({"type": "message", "phase": "final_answer"}));
        let (items, warnings) = input(json!([{"role": "assistant", "content": "a", "opaque": [phase]}]));
        assert_eq!((items, warnings.len()), (json!([said("a")]), 1));
    }

    fn reasoning_that_led_to_nothing_is_left_out() {
        let reasoning = json!({"type": "reasoning", "summary": [], "encrypted_content": "e"});
        let words = "reasoning in messages[1].opaque was left out: nothing follows it".to_owned();
        let (items, warnings) = input(json!([
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": "", "opaque": [own(reasoning.clone()), own(reasoning)]},
            {"role": "user", "content": "b"},
        ]));
        assert_eq!((items, warnings), (json!([user("a"), user("b")]), vec![words]));
    }

    fn state_that_the_provider_cannot_open_is_left_out_once() {
        let reasoning = json!({"type": "reasoning", "summary": [], "encrypted_content": "e"});
        let messages = json!([{"role": "assistant", "content": "a", "opaque": [own(reasoning)]}, {"role": "user", "content": "b"}]);
        let errors = [
            refusal(Some("invalid_encrypted_content"), None, "no"),
            refusal(None, None, "The encrypted content for item rs_1 could not be verified."),
            refusal(None, Some("input"), "Item 'rs_1' of type 'reasoning' was provided without its required following item."),
        ];
        for error in errors {
            let mut chat = chat(json!({"messages": messages}));
            assert!(OpenAiResponses.amend(&mut chat, &error));
            let words = "the reasoning of earlier answers was left out: the provider could not use it";
            let (body, warnings) = written(&chat, "m");
            assert_eq!((body, warnings), (json!({"input": [said("a"), user("b")]}), vec![words.to_owned()]));
            assert!(!OpenAiResponses.amend(&mut chat, &error), "only once");
        }
        let error = refusal(Some("invalid_encrypted_content"), None, "no");
        assert!(!OpenAiResponses.amend(&mut chat(json!({})), &error), "there is nothing to leave out");
    }

    fn what_the_account_or_the_model_does_not_get_is_not_asked_for_again() {
        let mut chat = chat(json!({"thinking": true, "temperature": 1}));
        let summary = refusal(UNSUPPORTED, Some("reasoning.summary"), "Your organization must be verified");
        let include = refusal(None, Some("include"), "Encrypted content is not supported with this model.");
        for error in [summary, include, refusal(UNSUPPORTED, Some("temperature"), "m")] {
            assert!(OpenAiResponses.amend(&mut chat, &error), "{error:?}");
            assert!(!OpenAiResponses.amend(&mut chat, &error), "only once: {error:?}");
        }
        let (body, warnings) = written(&chat, "m");
        assert_eq!(body, json!({"input": [user("hi")], "reasoning": {"effort": "medium"}}));
        assert_eq!(warnings, [
            "temperature was left out: the model does not take it",
            "reasoning.summary was left out: the provider refused it, so no thinking is shown",
            "reasoning.encrypted_content was left out: the provider refused to include it",
        ]);
        assert!(!OpenAiResponses.amend(&mut chat, &refusal(None, Some("input"), "odd")));
    }

    fn a_limit_below_the_least_is_raised_where_the_provider_insists() {
        let error = refusal(Some("integer_below_min_value"), Some("max_output_tokens"), "Expected a value >= 16");
        let mut low = chat(json!({"max_tokens": 5}));
        assert!(OpenAiResponses.amend(&mut low, &error) && !OpenAiResponses.amend(&mut low, &error));
        let words = "max_tokens is sent as 16: the provider takes no less";
        assert_eq!(written(&low, "m").1, [words]);
        assert_eq!(written(&low, "m").0["max_output_tokens"], 16);
        assert!(!OpenAiResponses.amend(&mut chat(json!({"max_tokens": 99})), &error));
    }
}
