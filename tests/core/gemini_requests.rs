//! Requests to Gemini, pinned.

use serde_json::{Value, json};
use tributary::dialects::{Gemini, ToClient, ToProvider, Unified};
use tributary::models::{Auth, ChatError, ChatRequest, ErrorKind, Target};
use tributary::providers::{Catalogue, Trace};

use crate::both_targets;

/// A target as the catalogue makes it.
fn target(model: &str) -> Target {
    let vars = |name: &str| (name == "GEMINI_API_KEY").then(|| "k".to_owned());
    let catalogue = Catalogue::from_vars(&vars).unwrap();
    let (provider, model) = catalogue.resolve(Some("gemini"), Some(model)).unwrap();
    provider.target(model, None, &Trace::default(), &vars).unwrap()
}

fn read(fields: Value) -> ChatRequest {
    let mut body = json!({"messages": [{"role": "user", "content": "hi"}]});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    Unified.read_request(body.to_string().as_bytes()).unwrap()
}

fn write_chat(model: &str, chat: &ChatRequest) -> Result<(Value, Vec<String>), ChatError> {
    let out = Gemini.write_request(chat, &target(model))?;
    Ok((serde_json::from_slice(out.request.body()).unwrap(), out.warnings))
}

fn write(model: &str, fields: Value) -> (Value, Vec<String>) {
    write_chat(model, &read(fields)).unwrap()
}

fn refused(fields: Value) -> ChatError {
    write_chat("gemini-4-argon", &read(fields)).unwrap_err()
}

/// What a model is sent of a wish to think, and how many warnings come with it.
fn thinking(model: &str, asked: Value) -> (Value, usize) {
    let (body, warnings) = write(model, json!({"thinking": asked}));
    (body["generationConfig"]["thinkingConfig"].clone(), warnings.len())
}

fn contents(messages: Value) -> Value {
    write("gemini-4-argon", json!({"messages": messages})).0["contents"].take()
}

fn assistant(calls: Value) -> Value {
    json!({"role": "assistant", "content": null, "tool_calls": calls})
}

fn call(id: &str, opaque: Value) -> Value {
    json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{\"x\":1}"}, "opaque": opaque})
}

fn result(id: &str, content: Value) -> Value {
    json!({"role": "tool", "tool_call_id": id, "content": content})
}

fn signed(signature: &str) -> Value {
    json!({"dialect": "gemini", "data": {"thoughtSignature": signature}})
}

const NO_SIGNATURE: &str = "skip_thought_signature_validator";

both_targets! {
    fn where_it_goes() {
        let address = |base: &str, model: &str| {
            let target = Target { base_url: base.into(), ..target(model) };
            let out = Gemini.write_request(&read(json!({})), &target).unwrap();
            assert_eq!(out.request.headers().get("x-goog-api-key").unwrap(), "k");
            assert_eq!(out.request.headers().get("authorization"), None);
            out.request.uri().to_string()
        };
        let vendor = target("m").base_url;
        let end = ":streamGenerateContent?alt=sse";
        assert_eq!(address(&vendor, "gemini-x"), format!("https://generativelanguage.googleapis.com/v1beta/models/gemini-x{end}"));
        assert_eq!(address(&vendor, "models/gemini-x"), address(&vendor, "gemini-x"));
        assert_eq!(address("https://h", "m"), format!("https://h/v1beta/models/m{end}"));
        assert_eq!(address("https://h/?a=b", "m"), format!("https://h/v1beta/models/m{end}&a=b"));
        assert_eq!(address("https://h/v1alpha", "m"), format!("https://h/v1alpha/models/m{end}"));
        let vertex = "https://h/v1/projects/p/locations/l/publishers/google";
        assert_eq!(address(vertex, "m"), format!("{vertex}/models/m{end}"));
        let mut bearer = target("m");
        bearer.quirks.auth = Some(Auth::Bearer);
        let out = Gemini.write_request(&read(json!({})), &bearer).unwrap();
        assert_eq!(out.request.headers().get("authorization").unwrap(), "Bearer k");
        let odd = Gemini.write_request(&read(json!({})), &Target { model: "../m".into(), ..target("m") });
        assert_eq!(odd.map(|_| ()).unwrap_err().param.as_deref(), Some("model"));
    }

    fn the_shortest_request() {
        let (body, warnings) = write("gemini-4-argon", json!({}));
        assert_eq!(body, json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}));
        assert_eq!(warnings, Vec::<String>::new());
    }

    fn the_whole_request() {
        let chat = read(json!({
            "messages": [
                {"role": "system", "content": "s"},
                {"role": "user", "content": [{"type": "text", "text": "t"}, {"type": "image", "media_type": "image/png", "data": "AAAA"}]},
                {"role": "user", "content": [{"type": "image", "url": "https://h/I.PNG?x=1"}, {"type": "image", "url": "https://h/i"}]},
            ],
            "temperature": 0, "top_p": 0.5, "max_tokens": 7, "stop": ["x"], "seed": -1, "thinking": true,
            "tools": [
                {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}},
                {"type": "function", "function": {"name": "g"}},
            ],
            "tool_choice": {"type": "function", "function": {"name": "f"}},
            "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": true}},
        }));
        let out = Gemini.write_request(&chat, &target("gemini-4-argon")).unwrap();
        let expect = json!({
            "systemInstruction": {"parts": [{"text": "s"}]},
            "contents": [{"role": "user", "parts": [
                {"text": "t"}, {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
                {"fileData": {"mimeType": "image/png", "fileUri": "https://h/I.PNG?x=1"}},
                {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://h/i"}},
            ]}],
            "tools": [{"functionDeclarations": [
                {"name": "f", "description": "d", "parametersJsonSchema": {"type": "object"}}, {"name": "g"},
            ]}],
            "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
            "generationConfig": {
                "temperature": 0.0, "topP": 0.5, "maxOutputTokens": 7, "stopSequences": ["x"], "seed": -1,
                "responseMimeType": "application/json", "responseJsonSchema": {"type": "object"},
                "thinkingConfig": {"includeThoughts": true, "thinkingLevel": "HIGH"},
            },
        });
        // The order of the keys is pinned, too.
        assert_eq!(std::str::from_utf8(out.request.body()).unwrap(), expect.to_string());
        assert_eq!(out.warnings, Vec::<String>::new());
    }

    fn tools_are_chosen_in_its_words() {
        let tools = json!([{"type": "function", "function": {"name": "f"}}]);
        let mode = |choice: &str| {
            let (mut body, _) = write("gemini-4-argon", json!({"tools": tools, "tool_choice": choice}));
            body["toolConfig"]["functionCallingConfig"].take()
        };
        assert_eq!(mode("auto"), json!({"mode": "AUTO"}));
        assert_eq!(mode("none"), json!({"mode": "NONE"}));
        assert_eq!(mode("required"), json!({"mode": "ANY"}));
    }

    fn what_is_not_sent_is_said() {
        let strict = json!([{"type": "function", "function": {"name": "f", "strict": true}}, {"type": "function", "function": {"name": "g", "strict": true}}]);
        let (body, warnings) = write("gemini-4-argon", json!({
            "tools": strict, "parallel_tool_calls": false, "seed": 1u64 << 31,
            "response_format": {"type": "json_schema", "json_schema": {"schema": {}, "description": "d"}},
        }));
        assert_eq!(body["generationConfig"].get("seed"), None);
        let about = ["parallel_tool_calls was", "strict was", "the description of response_format was", "seed was"];
        assert_eq!(warnings.len(), about.len(), "{warnings:?}");
        assert!(warnings.iter().zip(about).all(|(warning, about)| warning.starts_with(about)), "{warnings:?}");
        let (body, warnings) = write("gemini-4-argon", json!({"tool_choice": "none", "response_format": {"type": "json_object"}}));
        assert_eq!((body.get("toolConfig"), warnings.len()), (None, 1));
        assert_eq!(body["generationConfig"], json!({"responseMimeType": "application/json"}));
    }

    fn models_that_take_a_budget() {
        let on = |budget: u64| json!({"includeThoughts": true, "thinkingBudget": budget});
        let flash = "gemini-2.5-flash";
        assert_eq!(thinking(flash, json!(true)), (on(1024), 0));
        assert_eq!(thinking(flash, json!({"budget_tokens": 77})), (on(77), 0));
        assert_eq!(thinking(flash, json!({"budget_tokens": 77, "effort": "low"})), (on(77), 1));
        for (effort, budget) in [("minimal", 512), ("low", 1024), ("medium", 8192), ("high", 16_384), ("xhigh", 24_576), ("max", 24_576)] {
            assert_eq!(thinking(flash, json!({"effort": effort})), (on(budget), 0), "{effort}");
        }
        assert_eq!(thinking(flash, json!(false)), (json!({"thinkingBudget": 0}), 0));
        assert_eq!(thinking("models/gemini-2.5-flash-lite", json!(false)), (json!({"thinkingBudget": 0}), 0));
        assert_eq!(thinking("gemini-2.5-pro", json!(false)), (json!({"thinkingBudget": 128}), 1));
        assert_eq!(thinking("other", json!(true)), (on(1024), 0));
        assert_eq!(thinking("other", json!(false)), (json!({"thinkingBudget": 0}), 0));
    }

    fn models_that_take_a_level() {
        let on = |level: &str| json!({"includeThoughts": true, "thinkingLevel": level});
        let (flash, pro) = ("gemini-3.5-flash-lite", "gemini-4-argon");
        assert_eq!(thinking(pro, json!(true)), (on("HIGH"), 0));
        for (effort, level) in [("minimal", "LOW"), ("low", "LOW"), ("medium", "MEDIUM"), ("high", "HIGH"), ("xhigh", "HIGH"), ("max", "HIGH")] {
            assert_eq!(thinking(pro, json!({"effort": effort})), (on(level), 0), "{effort}");
        }
        assert_eq!(thinking(flash, json!({"effort": "minimal"})), (on("MINIMAL"), 0));
        for (budget, level) in [(0, "LOW"), (1024, "LOW"), (1025, "MEDIUM"), (8192, "MEDIUM"), (8193, "HIGH")] {
            assert_eq!(thinking(pro, json!({"budget_tokens": budget})), (on(level), 1), "{budget}");
        }
        assert_eq!(thinking(pro, json!({"budget_tokens": 1, "effort": "high"})), (on("HIGH"), 1));
        assert_eq!(thinking(pro, json!(false)), (json!({"thinkingLevel": "LOW"}), 1));
        assert_eq!(thinking("gemini-flash-latest", json!(false)), (json!({"thinkingLevel": "LOW"}), 1));
        assert_eq!(thinking("gemini-3.8-flash", json!(false)), (json!({"thinkingLevel": "LOW"}), 1));
        assert_eq!(thinking(flash, json!(false)), (json!({"thinkingLevel": "MINIMAL"}), 1));
    }

    fn models_that_do_not_think() {
        assert_eq!(thinking("gemini-2.0-flash", json!(true)), (Value::Null, 1));
        assert_eq!(thinking("gemini-1.5-pro", json!(false)), (Value::Null, 0));
    }

    fn turns_are_merged_and_results_stand_first() {
        let picture = json!([{"type": "text", "text": "see"}, {"type": "image", "media_type": "image/png", "data": "AAAA"}]);
        let response = |id: &str, response: Value| json!({"functionResponse": {"id": id, "name": "f", "response": response}});
        let made = |id: &str| json!({"functionCall": {"id": id, "name": "f", "args": {"x": 1}}});
        let mut signed_call = made("a");
        signed_call["thoughtSignature"] = json!("c2");
        assert_eq!(
            contents(json!([
                {"role": "user", "content": ""},
                {"role": "user", "content": "q"},
                {"role": "assistant", "content": "t", "reasoning": "not sent"},
                assistant(json!([call("a", signed("c2")), call("b", Value::Null)])),
                result("a", picture),
                {"role": "user", "content": "and"},
                result("b", json!("{\"ok\":true}")),
                {"role": "user", "content": "so"},
            ])),
            json!([
                {"role": "user", "parts": [{"text": "q"}]},
                {"role": "model", "parts": [{"text": "t"}, signed_call, made("b")]},
                {"role": "user", "parts": [
                    response("a", json!({"output": "see"})), {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
                    response("b", json!({"ok": true})), {"text": "and"}, {"text": "so"},
                ]},
            ])
        );
    }

    fn arguments_are_objects() {
        let with = |arguments: &str| {
            let calls = json!([{"id": "a", "type": "function", "function": {"name": "f", "arguments": arguments}}]);
            let (mut body, warnings) = write("gemini-2.5-flash", json!({"messages": [assistant(calls)]}));
            (body["contents"][0]["parts"][0]["functionCall"]["args"].take(), warnings.len())
        };
        assert_eq!(with(""), (json!({}), 0));
        assert_eq!(with("{\"b\":1,\"a\":[]}"), (json!({"b": 1, "a": []}), 0));
        assert_eq!(with("{\"b\":"), (json!({"input": "{\"b\":"}), 1));
        assert_eq!(with("[1]"), (json!({"input": "[1]"}), 1));
    }

    fn a_conversation_that_it_cannot_take_is_refused() {
        let param = |messages: Value| refused(json!({"messages": messages})).param.unwrap();
        assert_eq!(param(json!([{"role": "system", "content": "s"}])), "messages");
        assert_eq!(param(json!([{"role": "user", "content": ""}])), "messages");
        assert_eq!(param(json!([{"role": "user", "content": "q"}, result("a", json!("r"))])), "messages[1].tool_call_id");
        assert_eq!(param(json!([result("a", json!("r")), assistant(json!([call("a", Value::Null)]))])), "messages[0].tool_call_id");
        let image = json!([{"type": "image", "url": "https://h/i"}]);
        assert_eq!(param(json!([{"role": "system", "content": image}])), "messages[0].content");
    }

    fn system_messages_go_to_the_top() {
        let (body, warnings) = write("gemini-4-argon", json!({"messages": [
            {"role": "system", "content": "a"}, {"role": "user", "content": "q"},
            {"role": "system", "content": "b"}, {"role": "developer", "content": "c"},
        ]}));
        assert_eq!(body["systemInstruction"], json!({"parts": [{"text": "a"}, {"text": "b"}, {"text": "c"}]}));
        assert_eq!(body["contents"], json!([{"role": "user", "parts": [{"text": "q"}]}]));
        assert_eq!(warnings.len(), 1);
    }
}

mod signatures {
    //! The sealed thinking, on its way back.

    use super::*;

    fn parts(model: &str, message: Value) -> (Value, Vec<String>) {
        let (mut body, warnings) = write(model, json!({"messages": [message]}));
        (body["contents"][0]["parts"].take(), warnings)
    }

    fn of_calls(parts: &Value) -> Vec<Option<&str>> {
        let calls = parts.as_array().unwrap().iter().filter(|part| part.get("functionCall").is_some());
        calls.map(|part| part.get("thoughtSignature").and_then(Value::as_str)).collect()
    }

    both_targets! {
        fn come_back_to_their_place() {
            let placed = |signature: &str, after: Value| {
                let mut opaque = signed(signature);
                opaque["after"] = after;
                opaque
            };
            let mut message = assistant(json!([call("a", signed("c4"))]));
            message["content"] = json!("AB");
            message["reasoning"] = json!("hm");
            message["opaque"] = json!([
                signed("c1"), placed("c2", json!({"text": 1})), placed("c3", json!({"text": 2})),
                placed("c5", json!({"text": 2, "tool_calls": 1})),
                {"dialect": "anthropic", "data": {"thoughtSignature": "x"}},
            ]);
            let state = |signature: &str| json!({"text": "", "thoughtSignature": signature});
            let (parts, warnings) = parts("gemini-4-argon", message);
            assert_eq!(parts, json!([
                state("c1"), {"text": "A"}, state("c2"), {"text": "B"}, state("c3"),
                {"functionCall": {"id": "a", "name": "f", "args": {"x": 1}}, "thoughtSignature": "c4"},
                state("c5"),
            ]));
            assert_eq!(warnings, Vec::<String>::new());
        }

        fn that_newer_models_miss_are_made_up_for() {
            let foreign = json!({"dialect": "anthropic", "data": 1});
            let calls = || assistant(json!([call("a", foreign.clone()), call("b", Value::Null)]));
            let (newer, _) = parts("gemini-3.8-flash", calls());
            assert_eq!(of_calls(&newer), [Some(NO_SIGNATURE), None]);
            let (older, _) = parts("gemini-2.5-pro", calls());
            assert_eq!(of_calls(&older), [None, None]);
            let (unknown, _) = parts("other", calls());
            assert_eq!(of_calls(&unknown), [None, None]);
            let (signed_call, _) = parts("gemini-4-argon", assistant(json!([call("a", signed("c2")), call("b", Value::Null)])));
            assert_eq!(of_calls(&signed_call), [Some("c2"), None]);
        }

        fn that_are_none_are_left_out_with_a_warning() {
            for data in [json!(1), json!({"thoughtSignature": 7}), json!({"thoughtSignature": ""}), json!({"x": "y"})] {
                let opaque = json!({"dialect": "gemini", "data": data});
                let mut message = assistant(json!([call("a", opaque.clone())]));
                message["opaque"] = json!([opaque]);
                let (parts, warnings) = parts("gemini-4-argon", message);
                assert_eq!(of_calls(&parts), [Some(NO_SIGNATURE)], "{data}");
                assert_eq!((parts.as_array().unwrap().len(), warnings.len()), (1, 1), "{data}: {warnings:?}");
            }
        }

        fn that_the_provider_rejects_are_left_out_of_the_next_attempt() {
            let mut message = assistant(json!([call("a", signed("bad"))]));
            message["opaque"] = json!([signed("worse")]);
            let mut chat = read(json!({"messages": [message]}));
            for words in ["Corrupted thought signature.", "Function call is missing a thought_signature in functionCall parts."] {
                let mut chat = chat.clone();
                assert!(Gemini.amend(&mut chat, &ChatError::new(ErrorKind::InvalidRequest, words)), "{words}");
            }
            assert!(!Gemini.amend(&mut chat, &ChatError::new(ErrorKind::InvalidRequest, "odd request")));
            assert!(!Gemini.amend(&mut chat, &ChatError::new(ErrorKind::RateLimited, "thought signature")));
            let failed = ChatError::new(ErrorKind::Provider, "ended the answer with MISSING_THOUGHT_SIGNATURE");
            assert!(Gemini.amend(&mut chat, &failed));
            assert!(!Gemini.amend(&mut chat, &failed), "only once");
            for (model, expect) in [("gemini-4-argon", Some(NO_SIGNATURE)), ("gemini-2.5-pro", None), ("other", Some(NO_SIGNATURE))] {
                let (mut body, warnings) = write_chat(model, &chat).unwrap();
                let parts = body["contents"][0]["parts"].take();
                assert_eq!((of_calls(&parts), parts.as_array().unwrap().len()), (vec![expect], 1), "{model}");
                assert_eq!(warnings, ["the thought signatures of earlier answers were left out: the provider rejects them"]);
            }
        }
    }
}

both_targets! {
    fn a_server_of_ones_own_has_the_rules_of_the_vendor() {
        let json = json!([{"name": "v", "dialect": "gemini", "base_url": "https://h/v1", "models": ["gemini-2.5-pro"]}]);
        let vars = move |name: &str| (name == "PROVIDERS").then(|| json.to_string());
        let catalogue = Catalogue::from_vars(&vars).unwrap();
        let quirks = &catalogue.resolve(Some("v"), None).unwrap().0.quirks;
        assert_eq!(quirks.rule("gemini-2.5-pro").and_then(|rule| rule.off), Some("128"));
    }
}
