//! Ollama's own chat: streams by the line, and requests pinned.

use serde_json::{Value, json};
use tributary::dialects::{Ollama, ToClient, ToProvider, Unified};
use tributary::models::{ChatError, ErrorKind, Quirks, Target};

use crate::both_targets;
use crate::harness::*;

fn check(lines: &[&str], expect: &[&str]) {
    check_as(OLLAMA, lines.iter().map(|line| format!("{line}\n")).collect::<String>().as_bytes(), expect);
}

fn write(fields: Value) -> Result<(Value, Vec<String>), ChatError> {
    let mut body = json!({"messages": [{"role": "user", "content": "hi"}]});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let target = Target {
        provider: "p".into(),
        base_url: "http://localhost:11434".into(),
        model: "m".into(),
        key: None,
        headers: Vec::new(),
        quirks: Quirks::default(),
    };
    let out = Ollama.write_request(&Unified.read_request(body.to_string().as_bytes()).unwrap(), &target)?;
    assert_eq!(out.request.uri().to_string(), "http://localhost:11434/api/chat");
    assert_eq!(out.request.headers().get("authorization"), None);
    let mut body: Value = serde_json::from_slice(out.request.body()).unwrap();
    assert_eq!(body.as_object_mut().unwrap().remove("model"), Some(json!("m")));
    assert_eq!(body.as_object_mut().unwrap().remove("stream"), Some(json!(true)));
    Ok((body, out.warnings))
}

const DONE: &str = r#"{"message":{"content":""},"done":true,"done_reason":"stop","prompt_eval_count":9,"eval_count":3,"total_duration":1}"#;

both_targets! {
    fn text_and_thinking() {
        check(
            &[
                r#"{"model":"m:1","message":{"role":"assistant","content":"","thinking":"Hm"},"done":false}"#,
                r#"{"model":"m:1","message":{"role":"assistant","content":"Hé"},"done":false}"#,
                "",
                r#"{"model":"m:1","message":{"role":"assistant","content":" 🌊"},"done":false}"#,
                DONE,
            ],
            &["start m:1", "think \"Hm\"", "text \"Hé\"", "text \" 🌊\"", "usage 9 3 12", "finish stop stop"],
        );
    }

    fn streams_of_generate() {
        check(
            &[
                r#"{"response":"A","thinking":"Hm","done":false}"#,
                r#"{"response":"","done":true,"done_reason":"length","context":[1,2],"eval_count":1,"prompt_eval_count":2}"#,
            ],
            &["think \"Hm\"", "text \"A\"", "usage 2 1 3", "finish length length"],
        );
    }

    fn calls_come_whole_and_are_what_the_answer_ended_with() {
        check(
            &[
                r#"{"message":{"content":"","tool_calls":[{"id":"a","function":{"index":0,"name":"f","arguments":{"x":1}}}]},"done":false}"#,
                r#"{"message":{"tool_calls":[{"function":{"name":"f","arguments":{}}},{"id":"a","function":{"name":"g","arguments":"{\"y\":2}"}}]}}"#,
                r#"{"message":{"tool_calls":[{"function":{"name":"h"}},null,{"id":"z"}]}}"#,
                DONE,
            ],
            &[
                r#"tool 0 a =f {"x":1}"#,
                "tool 1 call_r_1_1 =f {}",
                r#"tool 2 call_r_1_2 =g {"y":2}"#,
                "tool 3 call_r_1_3 =h {}",
                "usage 9 3 12",
                "finish tool_calls stop",
            ],
        );
    }

    fn an_answer_without_its_last_line_has_broken_off() {
        check(&[r#"{"message":{"content":"a"},"done":false}"#], &["text \"a\"", "error truncated the provider's answer broke off"]);
        check_as(OLLAMA, br#"{"message":{"content":"a"},"done":fal"#, &["error truncated the provider's answer broke off"]);
        check(&[], &["error truncated the provider's answer broke off"]);
    }

    fn a_failure_in_mid_answer() {
        check(
            &[r#"{"message":{"content":"a"}}"#, r#"{"error":"the model runner has stopped"}"#, DONE],
            &["text \"a\"", "error provider_error the model runner has stopped"],
        );
    }

    fn endings_of_other_kinds() {
        check(&[r#"{"message":{"content":""},"done":true,"done_reason":"load"}"#], &["finish stop load"]);
        check(&[r#"{"message":{"content":"a"},"done":true}"#, "{\"message\":{\"content\":\"b\"}}"], &["text \"a\"", "finish stop -"]);
    }

    fn a_bad_line_costs_only_itself() {
        check(
            &["oops", r#"{"message":{"content":"a"}}"#, DONE],
            &[
                "warn a line of the provider's stream could not be read and is left out: oops",
                "text \"a\"",
                "usage 9 3 12",
                "finish stop stop",
            ],
        );
    }

    fn the_whole_request() {
        let (body, warnings) = write(json!({
            "messages": [
                {"role": "system", "content": "s"},
                {"role": "user", "content": [{"type": "text", "text": "t"}, {"type": "image", "media_type": "image/png", "data": "AAAA"}]},
                {"role": "assistant", "content": null, "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{\"x\":1}"}}]},
                {"role": "tool", "tool_call_id": "c", "content": "r"}
            ],
            "temperature": 0, "top_p": 0.5, "max_tokens": 7, "stop": "x", "seed": 1, "thinking": false,
            "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
            "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}
        })).unwrap();
        assert_eq!(body, json!({
            "messages": [
                {"role": "system", "content": "s"},
                {"role": "user", "content": "t", "images": ["AAAA"]},
                {"role": "assistant", "content": "", "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": {"x": 1}}}]},
                {"role": "tool", "content": "r", "tool_call_id": "c", "tool_name": "f"}
            ],
            "think": false,
            "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
            "format": {"type": "object"},
            "options": {"temperature": 0.0, "top_p": 0.5, "num_predict": 7, "seed": 1, "stop": ["x"]}
        }));
        assert_eq!(warnings, Vec::<String>::new());
    }

    fn what_it_cannot_do_is_said_or_refused() {
        let tools = json!([{"type": "function", "function": {"name": "f"}}]);
        let refused = |fields| write(fields).unwrap_err();
        let error = refused(json!({"tools": tools, "tool_choice": "required"}));
        assert_eq!((error.kind, error.param.as_deref()), (ErrorKind::InvalidRequest, Some("tool_choice")));
        let image = json!([{"role": "user", "content": [{"type": "image", "url": "https://h/i.png"}]}]);
        assert_eq!(refused(json!({"messages": image})).param.as_deref(), Some("messages[0].content"));
        let (body, warnings) = write(json!({"thinking": {"budget_tokens": 9, "effort": "xhigh"}, "tools": tools, "tool_choice": "none"})).unwrap();
        assert_eq!((body.get("think"), body.get("tools"), warnings.len()), (Some(&json!("max")), None, 1));
        assert_eq!(write(json!({"response_format": {"type": "json_object"}})).unwrap().0["format"], "json");
    }
}
