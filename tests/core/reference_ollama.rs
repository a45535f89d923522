//! A second reader of Ollama's lines, as plain as can be: every line a `Value`.

use serde_json::Value;
use tributary::models::{Answer, ChatError, Finish};

/// Compares what was decoded with what the lines say; gives the ending.
pub fn check(body: &str, answer: &Answer, errors: &[ChatError], place: &str) -> String {
    let lines: Vec<Value> = body.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let joined = |paths: [&str; 2]| -> String {
        let texts = lines.iter().flat_map(|line| paths.map(|path| line.pointer(path).and_then(Value::as_str)));
        texts.flatten().collect()
    };
    assert_eq!(answer.content, joined(["/message/content", "/response"]), "{place}: text");
    assert_eq!(answer.reasoning, joined(["/message/thinking", "/thinking"]), "{place}: thinking");
    let calls: Vec<&Value> =
        lines.iter().filter_map(|line| line.pointer("/message/tool_calls")?.as_array()).flatten().collect();
    assert_eq!(answer.tool_calls.len(), calls.len(), "{place}: calls");
    for (given, meant) in answer.tool_calls.iter().zip(&calls) {
        assert_eq!(meant.pointer("/function/name").and_then(Value::as_str), Some(given.name.as_str()), "{place}");
        assert_eq!(
            meant.pointer("/function/arguments"),
            serde_json::from_str(&given.arguments).ok().as_ref(),
            "{place}"
        );
    }
    let last = lines.last().cloned().unwrap_or_default();
    if last.get("done") != Some(&Value::Bool(true)) {
        assert_eq!((errors.len(), &answer.finish), (1, &None), "{place}: no end, so one error");
        return format!("error:{}", errors[0].kind.as_str());
    }
    let usage = answer.usage.unwrap_or_default();
    let figure = |name: &str| last.get(name).and_then(Value::as_u64).unwrap_or(0);
    assert_eq!(
        (usage.input_tokens, usage.output_tokens),
        (figure("prompt_eval_count"), figure("eval_count")),
        "{place}"
    );
    let raw = last.get("done_reason").and_then(Value::as_str);
    let reason = match raw {
        Some("length") => Finish::Length,
        _ if !calls.is_empty() => Finish::ToolCalls,
        _ => Finish::Stop,
    };
    assert_eq!(answer.finish, Some((reason, raw.map(str::to_owned))), "{place}: finish");
    reason.as_str().to_owned()
}
