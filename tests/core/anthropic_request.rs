//! Anthropic Messages: what is sent, pinned, and what is done when it is refused.

use serde_json::{Value, json};
use tributary::dialects::{Anthropic, ToClient, ToProvider, Unified};
use tributary::models::{Auth, ChatError, ChatRequest, ErrorKind, Quirks, Target};
use tributary::providers::{Catalogue, Trace};

use crate::both_targets;

/// The built-in provider, with its rules.
fn target(model: &str) -> Target {
    let catalogue = Catalogue::from_vars(&|_| None).unwrap();
    let provider = catalogue.providers().iter().find(|provider| provider.name == "anthropic").unwrap();
    provider.target(model.into(), Some("k3y".into()), &Trace::default(), &|_| None).unwrap()
}

fn chat(fields: &Value) -> ChatRequest {
    let mut body = json!({"messages": [{"role": "user", "content": "hi"}]});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    Unified.read_request(body.to_string().as_bytes()).unwrap()
}

fn write_to(target: &Target, fields: &Value) -> Result<(Value, Vec<String>), ChatError> {
    let out = Anthropic.write_request(&chat(fields), target)?;
    Ok((serde_json::from_slice(out.request.body()).unwrap(), out.warnings))
}

/// What of the body is beside model, messages and the stream, and the warnings.
fn extra(model: &str, fields: Value) -> (Value, Vec<String>) {
    let (mut body, warnings) = write_to(&target(model), &fields).unwrap();
    for usual in ["model", "messages", "stream"] {
        body.as_object_mut().unwrap().remove(usual).unwrap();
    }
    (body, warnings)
}

/// System text and messages of a conversation.
fn conversation(messages: Value) -> (Value, Value, Vec<String>) {
    let (mut body, warnings) = write_to(&target("claude-haiku-4-5"), &json!({"messages": messages})).unwrap();
    (body["system"].take(), body["messages"].take(), warnings)
}

fn refused(model: &str, fields: Value) -> String {
    let error = write_to(&target(model), &fields).unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidRequest);
    error.param.unwrap()
}

fn tools() -> Value {
    json!([{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": true}}])
}

fn call(id: &str, arguments: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": "f", "arguments": arguments}})
}

fn none() -> Vec<String> {
    Vec::new()
}

both_targets! {
    fn the_least_request() {
        let out = Anthropic.write_request(&chat(&json!({})), &target("claude-haiku-5-5")).unwrap();
        assert_eq!(out.request.uri().to_string(), "https://api.anthropic.com/v1/messages");
        let header = |name: &str| out.request.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!(
            (header("x-api-key"), header("authorization"), header("anthropic-version"), header("content-type")),
            (Some("k3y"), None, Some("2023-06-01"), Some("application/json"))
        );
        assert_eq!(
            String::from_utf8(out.request.into_body()).unwrap(),
            r#"{"model":"claude-haiku-5-5","max_tokens":32000,"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}],"stream":true}"#
        );
        assert_eq!(out.warnings, none());
    }

    fn address_key_and_version_as_the_operator_wants() {
        let write = |base: &str, headers: &[(&str, &str)], quirks: Quirks| {
            let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
            let target = Target { base_url: base.into(), headers, quirks, ..target("m") };
            let request = Anthropic.write_request(&chat(&json!({})), &target).unwrap().request;
            let all = |name: &str| {
                request.headers().get_all(name).iter().map(|value| value.to_str().unwrap()).collect::<Vec<_>>().join("+")
            };
            (request.uri().to_string(), all("anthropic-version"), all("authorization") + &all("x-api-key"))
        };
        let own = |uri: &str, version: &str, key: &str| (uri.to_owned(), version.to_owned(), key.to_owned());
        assert_eq!(write("https://h/v1", &[], Quirks::default()), own("https://h/v1/messages", "2023-06-01", "k3y"));
        let bearer = Quirks { auth: Some(Auth::Bearer), api_version: Some("2026-10-21".into()), ..Quirks::default() };
        assert_eq!(write("https://h/api/?a=b", &[], bearer.clone()), own("https://h/api/v1/messages?a=b", "2026-10-21", "Bearer k3y"));
        let headers = [("Anthropic-Version", "2024-01-01"), ("anthropic-beta", "x")];
        assert_eq!(write("https://h/v1?a=b", &headers, bearer), own("https://h/v1/messages?a=b", "2024-01-01", "Bearer k3y"));
        let empty = Quirks { api_version: Some(" ".into()), ..Quirks::default() };
        assert_eq!(write("https://h", &[], empty).1, "2023-06-01");
    }

    fn the_whole_request() {
        let (body, warnings) = write_to(&target("claude-sonnet-4-6"), &json!({
            "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "hi"}],
            "temperature": 0.5, "max_tokens": 7, "stop": "x", "tools": tools(), "tool_choice": "auto",
            "parallel_tool_calls": false, "metadata": {"user_id": "u", "other": 1},
            "response_format": {"type": "json_schema", "json_schema": {"name": "n", "description": "d", "schema": {"type": "object"}}}
        })).unwrap();
        assert_eq!(
            body.to_string(),
            json!({
                "model": "claude-sonnet-4-6", "max_tokens": 7, "system": "s",
                "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
                "stream": true,
                "output_config": {"format": {"type": "json_schema", "schema": {"type": "object", "description": "d"}}},
                "temperature": 0.5, "stop_sequences": ["x"],
                "tools": [{"name": "f", "description": "d", "input_schema": {"type": "object"}, "strict": true}],
                "tool_choice": {"type": "auto", "disable_parallel_tool_use": true},
                "metadata": {"user_id": "u"}
            }).to_string()
        );
        assert_eq!(warnings, none());
    }

    fn sampling_as_the_model_and_the_version_take_it() {
        let both = json!({"temperature": 1.5, "top_p": 0.5});
        let (body, warnings) = extra("claude-haiku-4-5", both.clone());
        assert_eq!((body.get("temperature"), body.get("top_p")), (Some(&json!(1.0)), None));
        assert_eq!(warnings, [
            "top_p was left out: the provider does not take it together with temperature",
            "temperature is sent as 1: the provider takes no more",
        ]);
        let left = |why: &str| ["temperature", "top_p"].map(|name| format!("{name} was left out: {why}")).to_vec();
        for model in ["claude-haiku-5-5", "claude-opus-4-7", "claude-unheard-of"] {
            let (body, warnings) = extra(model, both.clone());
            assert_eq!((body.get("temperature"), body.get("top_p")), (None, None));
            assert_eq!(warnings, left("the model does not take it"), "{model}");
        }
        let mut newer = target("claude-haiku-4-5");
        newer.quirks.api_version = Some("2026-10-21".into());
        let warnings = write_to(&newer, &both).unwrap().1;
        assert_eq!(warnings, left("this version of the provider's API does not take it"));
        let (_, warnings) = extra("claude-haiku-4-5", json!({"temperature": 1, "top_p": 1, "thinking": true}));
        assert_eq!(warnings, left("the provider does not take it together with thinking"));
        assert_eq!(extra("claude-haiku-4-5", json!({"top_p": 0.5})), (json!({"max_tokens": 32_000, "top_p": 0.5}), none()));
        assert_eq!(extra("other", json!({"temperature": 0})), (json!({"max_tokens": 4096, "temperature": 0.0}), none()));
    }

    fn thinking_by_a_budget() {
        let thinks = |fields: Value| {
            let (body, warnings) = extra("claude-haiku-4-5", fields);
            (body["thinking"]["budget_tokens"].clone(), body["max_tokens"].clone(), warnings.len())
        };
        assert_eq!(thinks(json!({"thinking": true})), (json!(8192), json!(32_000), 0));
        assert_eq!(thinks(json!({"thinking": {"budget_tokens": 40_000}})), (json!(40_000), json!(44_096), 0));
        assert_eq!(thinks(json!({"thinking": {"budget_tokens": 9}})), (json!(1024), json!(32_000), 1));
        assert_eq!(thinks(json!({"thinking": {"budget_tokens": 2000, "effort": "high"}})), (json!(2000), json!(32_000), 1));
        let efforts = [("minimal", 1024), ("low", 2048), ("medium", 8192), ("high", 16_384), ("xhigh", 32_768), ("max", 32_768)];
        for (effort, budget) in efforts {
            assert_eq!(thinks(json!({"thinking": {"effort": effort}})), (json!(budget), json!(32_000.max(budget + 4096)), 0));
        }
        assert_eq!(thinks(json!({"thinking": true, "max_tokens": 10_000})), (json!(8192), json!(10_000), 0));
        assert_eq!(thinks(json!({"thinking": true, "max_tokens": 8192})), (json!(4096), json!(8192), 0));
        assert_eq!(thinks(json!({"thinking": {"effort": "high"}, "max_tokens": 1025})), (json!(1024), json!(1025), 1));
        assert_eq!(thinks(json!({"thinking": true, "max_tokens": 1024})), (Value::Null, json!(1024), 1));
        assert_eq!(extra("other", json!({"thinking": true})).0, json!({"max_tokens": 12_288, "thinking": {"type": "enabled", "budget_tokens": 8192}}));
    }

    fn thinking_as_the_model_likes() {
        let thinks = |model: &str, thinking: Value| {
            let (body, warnings) = extra(model, json!({"thinking": thinking}));
            (body["thinking"].clone(), body["output_config"]["effort"].clone(), warnings.len())
        };
        let adaptive = || json!({"type": "adaptive", "display": "summarized"});
        for model in ["claude-opus-4-7", "claude-sonnet-4-6", "claude-haiku-5-5", "claude-unheard-of"] {
            assert_eq!(thinks(model, json!(true)), (adaptive(), Value::Null, 0), "{model}");
            assert_eq!(thinks(model, json!({"effort": "minimal"})), (adaptive(), json!("low"), 0));
            assert_eq!(thinks(model, json!({"effort": "max"})), (adaptive(), json!("max"), 0));
        }
        assert_eq!(thinks("claude-opus-5-5", json!({"budget_tokens": 3000})), (adaptive(), json!("medium"), 1));
        assert_eq!(thinks("claude-opus-4-6", json!({"budget_tokens": 3000})).0, json!({"type": "enabled", "budget_tokens": 3000}));
        assert_eq!(thinks("claude-3-haiku-20240307", json!(true)), (Value::Null, Value::Null, 1));
    }

    fn no_thinking_as_near_as_the_model_comes_to_it() {
        let off = |model: &str| {
            let (body, warnings) = extra(model, json!({"thinking": false}));
            (body.get("thinking").map(|field| field["type"].as_str().unwrap().to_owned()), warnings)
        };
        for model in ["claude-haiku-5-5", "claude-opus-5", "claude-opus-4-7", "claude-haiku-4-5"] {
            assert_eq!(off(model), (Some("disabled".into()), none()), "{model}");
        }
        assert_eq!(off("claude-3-haiku-20240307"), (None, none()));
        assert_eq!(off("other"), (None, none()));
        assert_eq!(off("claude-opus-5-5"), (None, vec!["thinking cannot be switched off with this model".into()]));
        let between = "thinking cannot be switched off with this model; it is set to between_tools";
        assert_eq!(off("claude-sonnet-5-5"), (Some("between_tools".into()), vec![between.into()]));
    }

    fn a_forced_call_and_thinking_exclude_each_other() {
        let forced = json!({"tools": tools(), "tool_choice": "required", "thinking": true});
        let (body, warnings) = extra("claude-haiku-4-5", forced.clone());
        assert_eq!((body.get("thinking"), &body["tool_choice"], warnings.len()), (None, &json!({"type": "any"}), 1));
        let (body, warnings) = extra("claude-haiku-5-5", forced);
        assert_eq!((&body["thinking"], warnings.len()), (&json!({"type": "disabled"}), 1));
        let named = json!({"tools": tools(), "tool_choice": {"type": "function", "function": {"name": "f"}}, "parallel_tool_calls": false});
        let (body, warnings) = extra("claude-haiku-5-5", named.clone());
        assert_eq!(body["tool_choice"], json!({"type": "tool", "name": "f", "disable_parallel_tool_use": true}));
        assert_eq!((&body["thinking"], warnings), (&json!({"type": "disabled"}), none()));
        assert_eq!(extra("claude-haiku-4-5", named.clone()).0.get("thinking"), None);
        for model in ["claude-fable-5-2", "claude-mythos-5-2", "claude-opus-5-5", "claude-sonnet-5-5"] {
            assert_eq!(refused(model, named.clone()), "tool_choice", "{model}");
        }
    }

    fn tools_and_what_there_is_to_say_of_them() {
        let (body, _) = extra("claude-haiku-4-5", json!({"tools": [
            {"type": "function", "function": {"name": "a"}}, {"type": "function", "function": {"name": "b", "parameters": {}}}
        ], "tool_choice": "none", "parallel_tool_calls": false}));
        assert_eq!(body["tools"], json!([
            {"name": "a", "input_schema": {"type": "object", "properties": {}}}, {"name": "b", "input_schema": {"type": "object"}}
        ]));
        assert_eq!(body["tool_choice"], json!({"type": "none"}));
        assert_eq!(extra("claude-haiku-4-5", json!({"tools": tools(), "parallel_tool_calls": true})).0.get("tool_choice"), None);
        let (body, warnings) = extra("claude-haiku-4-5", json!({"tool_choice": "required", "thinking": true}));
        assert_eq!((body.get("tool_choice"), warnings.len()), (None, 1));
        assert_eq!(body["thinking"]["type"], "enabled");
    }

    fn what_it_cannot_do_is_said() {
        let (body, warnings) = extra("claude-haiku-4-5", json!({"seed": 1, "stop": ["\n", "x"], "response_format": {"type": "json_object"}}));
        assert_eq!(body, json!({"max_tokens": 32_000, "system": "Answer with one JSON object and nothing else.", "stop_sequences": ["x"]}));
        assert_eq!(warnings, [
            "response_format json_object is asked for in words only: the provider has no such form",
            "stop was left out where it is only white space: the provider does not take it",
            "seed was left out: the provider has no such parameter",
        ]);
    }

    fn system_messages_go_to_the_top() {
        let (system, messages, warnings) = conversation(json!([
            {"role": "system", "content": "a"}, {"role": "developer", "content": [{"type": "text", "text": " "}, {"type": "text", "text": "b"}]},
            {"role": "user", "content": "x"}, {"role": "system", "content": ""}, {"role": "system", "content": "c"}, {"role": "user", "content": "y"}
        ]));
        let text = |text: &str| json!({"type": "text", "text": text});
        assert_eq!(system, json!([text("a"), text("b"), text("c")]));
        assert_eq!(messages, json!([{"role": "user", "content": [text("x"), text("y")]}]));
        assert_eq!(warnings, ["system messages that came later in the conversation were put at its start"]);
    }

    fn what_is_left_of_a_conversation_must_be_one() {
        assert_eq!(refused("claude-haiku-4-5", json!({"messages": [{"role": "system", "content": "a"}]})), "messages");
        assert_eq!(refused("claude-haiku-4-5", json!({"messages": [{"role": "user", "content": " \n"}]})), "messages");
        let picture = json!([{"type": "image", "url": "https://h/i.png"}]);
        for role in ["system", "assistant"] {
            let messages = json!([{"role": "user", "content": "x"}, {"role": role, "content": picture}]);
            assert_eq!(refused("claude-haiku-4-5", json!({"messages": messages})), "messages[1].content");
        }
    }

    fn turns_alternate_and_results_come_first() {
        let (_, messages, warnings) = conversation(json!([
            {"role": "user", "content": [{"type": "text", "text": "look"}, {"type": "image", "media_type": "image/png", "data": "AAAA"}]},
            {"role": "assistant", "content": "", "reasoning": "Hm", "tool_calls": [call("a", "{\"x\":1}"), call("f.g:0", " ")]},
            {"role": "user", "content": "and"},
            {"role": "tool", "tool_call_id": "a", "content": "1"},
            {"role": "tool", "tool_call_id": "f.g:0", "content": [{"type": "text", "text": "2"}, {"type": "image", "url": "https://h/i.png"}]},
            {"role": "user", "content": "so?"},
            {"role": "assistant", "content": "A"},
            {"role": "assistant", "content": "B", "tool_calls": [call("a", "oops"), {"id": "c", "type": "custom", "custom": {"name": "g", "input": "free"}}]},
            {"role": "tool", "tool_call_id": "a", "content": ""}
        ]));
        let text = |text: &str| json!({"type": "text", "text": text});
        assert_eq!(messages, json!([
            {"role": "user", "content": [text("look"), {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}]},
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}}, {"type": "tool_use", "id": "f_g_0", "name": "f", "input": {}}
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "a", "content": "1"},
                {"type": "tool_result", "tool_use_id": "f_g_0", "content": [text("2"), {"type": "image", "source": {"type": "url", "url": "https://h/i.png"}}]},
                text("and"), text("so?")
            ]},
            {"role": "assistant", "content": [
                text("A"), text("B"), {"type": "tool_use", "id": "a_2", "name": "f", "input": {"raw_arguments": "oops"}},
                {"type": "tool_use", "id": "c", "name": "g", "input": {"input": "free"}}
            ]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a_2"}]}
        ]));
        assert_eq!(warnings, ["arguments of a tool call that are no JSON object were sent as raw_arguments"]);
    }

    fn thinking_goes_back_as_it_came() {
        let thinking = json!({"type": "thinking", "thinking": "Hm\u{2028}", "signature": "s="});
        let redacted = json!({"type": "redacted_thinking", "data": "x"});
        let state = |data: &Value, after: Value| json!({"dialect": "anthropic", "data": data, "after": after});
        let mut forged = thinking.clone();
        forged["cache_control"] = json!({"type": "ephemeral"});
        let (_, messages, warnings) = conversation(json!([
            {"role": "user", "content": "x"},
            {"role": "assistant", "content": "AB", "tool_calls": [call("a", "{}")], "opaque": [
                state(&forged, json!({})), state(&redacted, json!({"text": 1})), state(&thinking, json!({"text": 2})),
                {"dialect": "gemini", "data": {"thoughtSignature": "y"}},
            ]},
            {"role": "tool", "tool_call_id": "a", "content": "1"}
        ]));
        let text = |text: &str| json!({"type": "text", "text": text});
        assert_eq!(messages[1]["content"], json!([
            thinking, text("A"), redacted, text("B"), thinking, {"type": "tool_use", "id": "a", "name": "f", "input": {}}
        ]));
        assert_eq!(warnings, none());
    }

    fn state_that_is_not_as_it_was_given_is_left_out() {
        let state = |data: Value| json!({"dialect": "anthropic", "data": data});
        let (_, messages, warnings) = conversation(json!([
            {"role": "user", "content": "x"},
            {"role": "assistant", "content": "A", "opaque": [
                state(json!({"type": "thinking", "thinking": "Hm"})), state(json!({"type": "thinking", "thinking": 1, "signature": "s"})),
                state(json!({"type": "redacted_thinking"})), state(json!({"type": "text", "text": "forged"})), state(json!("x")),
            ]},
            {"role": "user", "content": "y"},
            {"role": "assistant", "content": "", "opaque": [state(json!({"type": "redacted_thinking", "data": "x"}))]},
            {"role": "user", "content": "z"}
        ]));
        assert_eq!(messages[1]["content"], json!([{"type": "text", "text": "A"}]));
        assert_eq!(messages[2]["content"].as_array().unwrap().len(), 2, "{messages}");
        assert_eq!(warnings, [
            "state of the provider (opaque) was left out: it is not as the provider gave it",
            "thinking that led to no answer was left out",
        ]);
    }

    fn a_turn_that_began_without_thinking_goes_on_without_it() {
        let ask = |opaque: Value, last: Value| {
            let messages = json!([
                {"role": "user", "content": "x"}, {"role": "assistant", "content": "", "tool_calls": [call("a", "{}")], "opaque": opaque},
                {"role": "tool", "tool_call_id": "a", "content": "1"}, last
            ]);
            let (body, warnings) = extra("claude-haiku-4-5", json!({"messages": messages, "thinking": true}));
            (body.get("thinking").is_some(), warnings.len())
        };
        let signed = json!([{"dialect": "anthropic", "data": {"type": "thinking", "thinking": "Hm", "signature": "s"}}]);
        assert_eq!(ask(json!([]), json!({"role": "user", "content": "go on"})), (false, 1));
        assert_eq!(ask(signed, json!({"role": "user", "content": "go on"})), (true, 0));
        assert_eq!(ask(json!([]), json!({"role": "assistant", "content": "done"})), (true, 0));
    }

    fn a_turn_of_several_calls_began_with_the_first() {
        let signed = json!([{"dialect": "anthropic", "data": {"type": "thinking", "thinking": "Hm", "signature": "s"}}]);
        let foreign = json!([{"dialect": "gemini", "data": {"thoughtSignature": "y"}}]);
        let ask = |model: &str, thinking: Value, first: &Value, second: &Value| {
            let step = |id: &str, opaque: &Value| [
                json!({"role": "assistant", "content": "", "tool_calls": [call(id, "{}")], "opaque": opaque}),
                json!({"role": "tool", "tool_call_id": id, "content": "1"}),
            ];
            let user = json!({"role": "user", "content": "x"});
            let answered = [json!({"role": "assistant", "content": "y"}), user.clone()];
            let messages = [&[user][..], &step("a", &foreign), &answered, &step("b", first), &step("c", second)].concat();
            let (body, warnings) = extra(model, json!({"messages": messages, "thinking": thinking}));
            (body["thinking"]["type"].clone(), warnings.len())
        };
        let budget = json!({"budget_tokens": 2048});
        // Without thinking in between, the vendor's older models call again without more of it.
        assert_eq!(ask("claude-haiku-4-5", budget.clone(), &signed, &json!([])), (json!("enabled"), 0));
        // The turn began with another provider, or with a client that lost the state.
        assert_eq!(ask("claude-haiku-4-5", budget.clone(), &foreign, &signed), (Value::Null, 1));
        assert_eq!(ask("claude-haiku-4-5", budget.clone(), &json!([]), &json!([])), (Value::Null, 1));
        // A model that judges for itself may begin to think at any time.
        assert_eq!(ask("claude-sonnet-4-6", budget.clone(), &foreign, &foreign), (json!("adaptive"), 1));
        assert_eq!(ask("claude-sonnet-4-6", budget, &signed, &foreign), (json!("enabled"), 0));
        assert_eq!(ask("claude-haiku-5-5", json!(true), &foreign, &json!([])), (json!("adaptive"), 0));
        assert_eq!(ask("claude-opus-5-5", json!(true), &json!([]), &foreign), (json!("adaptive"), 0));
        // Should one refuse it all the same, the next attempt does without.
        let refused = "messages.3.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`. When `thinking` is enabled, a final `assistant` message must start with a thinking block";
        let mut asked = chat(&json!({"thinking": true}));
        assert!(Anthropic.amend(&mut asked, &ChatError::new(ErrorKind::InvalidRequest, refused)));
        assert_eq!(asked.thinking, None);
    }

    fn what_the_model_refuses_is_left_out_of_the_next_attempt() {
        let amended = |fields: Value, message: &str| {
            let mut chat = chat(&fields);
            let again = Anthropic.amend(&mut chat, &ChatError::new(ErrorKind::InvalidRequest, message));
            (again, chat)
        };
        let (again, chat) = amended(json!({"temperature": 0, "top_p": 1}), "`temperature` is deprecated for this model.");
        assert_eq!((again, chat.temperature, chat.top_p), (true, None, Some(1.0)));
        assert_eq!(chat.warnings, ["temperature was left out: the model does not take it"]);
        let (again, chat) = amended(json!({"thinking": true}), "\"thinking.type.enabled\" is not supported for this model.");
        assert_eq!((again, chat.thinking, chat.warnings.len()), (true, None, 1));
        assert!(!amended(json!({"thinking": true}), "messages: too odd").0);
        assert!(!amended(json!({}), "temperature: too hot").0);
        let mut other = super::anthropic_request::chat(&json!({"temperature": 0}));
        assert!(!Anthropic.amend(&mut other, &ChatError::new(ErrorKind::Overloaded, "temperature")));
    }

    fn a_signature_that_is_refused_costs_the_thinking_and_not_the_turn() {
        let mut chat = chat(&json!({"thinking": true, "messages": [
            {"role": "user", "content": "x"},
            {"role": "assistant", "content": "", "tool_calls": [call("a", "{}")],
             "opaque": [{"dialect": "anthropic", "data": {"type": "thinking", "thinking": "Hm", "signature": "s"}}]},
            {"role": "tool", "tool_call_id": "a", "content": "1"}
        ]}));
        let error = ChatError::new(ErrorKind::InvalidRequest, "messages.1.content.0: Invalid `signature` in `thinking` block");
        assert!(Anthropic.amend(&mut chat, &error));
        let out = Anthropic.write_request(&chat, &target("claude-haiku-4-5")).unwrap();
        let body: Value = serde_json::from_slice(out.request.body()).unwrap();
        assert_eq!(body["messages"][1]["content"], json!([{"type": "tool_use", "id": "a", "name": "f", "input": {}}]));
        assert_eq!((body.get("thinking"), out.warnings.len()), (None, 2));
        assert!(out.warnings[0].starts_with("the model's earlier thinking was left out"), "{:?}", out.warnings);
        let mut twice = chat.clone();
        twice.thinking = None;
        assert!(!Anthropic.amend(&mut twice, &error), "once");
    }

    fn another_server_of_the_dialect_has_the_same_models() {
        let providers = r#"[{"name":"mine","dialect":"anthropic","base_url":"https://h","default_model":"claude-opus-4-7"}]"#;
        let catalogue = Catalogue::from_vars(&|name| match name {
            "PROVIDERS" => Some(providers.to_owned()),
            "ANTHROPIC_VERSION" => Some("2026-10-21".to_owned()),
            _ => None,
        }).unwrap();
        let (mine, model) = catalogue.resolve(Some("mine"), None).unwrap();
        let target = mine.target(model, None, &Trace::default(), &|_| None).unwrap();
        assert_eq!(write_to(&target, &json!({"thinking": true})).unwrap().0["thinking"]["type"], "adaptive");
        let (own, model) = catalogue.resolve(None, Some("claude-new")).unwrap();
        assert_eq!((own.name.as_str(), model.as_str(), own.quirks.api_version.as_deref()), ("anthropic", "claude-new", Some("2026-10-21")));
    }
}
