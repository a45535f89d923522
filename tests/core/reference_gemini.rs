//! A second reader of Gemini's answers, as plain as can be: the whole body at once, every response a
//! `Value`. It shares nothing with the reader that it checks.

use serde_json::{Value, json};
use tributary::models::{Answer, ChatError, ErrorKind, Finish, ToolCall};

/// The responses of a body: of its events, of its array, or the one that it is. Nothing where it is no
/// body of this dialect.
pub fn responses(body: &str) -> Option<Vec<Value>> {
    let all = match serde_json::from_str(body) {
        Ok(Value::Array(items)) => items,
        Ok(value) => vec![value],
        Err(_) => {
            let events = body.replace("\r\n", "\n");
            let events = events.split("\n\n").map(|event| event.trim_start().trim_start_matches("data:"));
            events.filter_map(|event| serde_json::from_str(event).ok()).collect()
        }
    };
    let is_response = |value: &Value| {
        // The vendor's failures have a status in capital letters.
        let status = value.pointer("/error/status").and_then(Value::as_str).unwrap_or("none");
        let failed = status.chars().all(|char| char.is_ascii_uppercase() || char == '_');
        failed || ["candidates", "promptFeedback", "usageMetadata"].iter().any(|name| value.get(name).is_some())
    };
    all.iter().any(is_response).then_some(all)
}

/// Compares what was decoded with what the responses say; gives the ending.
pub fn check(responses: &[Value], answer: &Answer, errors: &[ChatError], place: &str) -> String {
    let candidates: Vec<&Value> = responses
        .iter()
        .filter_map(|value| value["candidates"].as_array())
        .flatten()
        .filter(|candidate| candidate["index"].as_u64().unwrap_or(0) == 0)
        .collect();
    let parts: Vec<&Value> =
        candidates.iter().filter_map(|candidate| candidate["content"]["parts"].as_array()).flatten().collect();
    let texts = |thought: bool| -> String {
        parts
            .iter()
            .filter(|part| (part["thought"] == json!(true)) == thought)
            .filter_map(|part| part["text"].as_str())
            .collect()
    };
    assert_eq!(answer.content, texts(false), "{place}: text");
    assert_eq!(answer.reasoning, texts(true), "{place}: thinking");
    check_calls(&parts, &answer.tool_calls, place);
    check_signatures(&parts, answer, place);
    check_usage(responses, answer, place);
    check_sources(&candidates, answer, place);
    let failed = responses.iter().any(|value| value.get("error").is_some());
    let reason = candidates.iter().filter_map(|candidate| word(&candidate["finishReason"])).next_back();
    let block = responses.iter().find_map(|value| word(&value["promptFeedback"]["blockReason"]));
    let wanted = match reason.as_deref() {
        _ if failed => Err(None),
        Some("STOP" | "1") if !answer.tool_calls.is_empty() => Ok(Finish::ToolCalls),
        Some("STOP" | "1") => Ok(Finish::Stop),
        Some("MAX_TOKENS") => Ok(Finish::Length),
        Some("SAFETY" | "RECITATION" | "PROHIBITED_CONTENT") => Ok(Finish::ContentFilter),
        Some(other) => panic!("{place}: a reason that this reader does not know: {other}"),
        None if block.is_some() => Ok(Finish::ContentFilter),
        None => Err(Some(ErrorKind::Truncated)),
    };
    match (wanted, &answer.finish, errors) {
        (Ok(wanted), Some((finish, raw)), []) => {
            assert_eq!((*finish, raw), (wanted, &reason.or(block)), "{place}: finish");
            finish.as_str().to_owned()
        }
        (Err(kind), None, [error]) => {
            assert!(kind.is_none_or(|kind| kind == error.kind) && !error.message.is_empty(), "{place}: {error:?}");
            let id = responses.iter().find_map(|value| value["responseId"].as_str());
            assert_eq!(error.provider_request_id.as_deref(), id, "{place}: the response's id");
            format!("error:{}", error.kind.as_str())
        }
        (wanted, finish, errors) => panic!("{place}: wanted {wanted:?}, got {finish:?} {errors:?}"),
    }
}

/// A word, or the number that stands for it.
fn word(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned).or_else(|| value.as_u64().map(|number| number.to_string()))
}

fn check_calls(parts: &[&Value], calls: &[ToolCall], place: &str) {
    // A call with a name begins; one without goes on.
    let mut meant: Vec<(&Value, Value)> = Vec::new();
    for call in parts.iter().filter_map(|part| part.get("functionCall")) {
        if call["name"].is_string() {
            meant.push((call, call.get("args").cloned().unwrap_or_else(|| json!({}))));
        }
        for piece in call["partialArgs"].as_array().into_iter().flatten() {
            let (_, arguments) = meant.last_mut().unwrap();
            set(arguments, piece);
        }
    }
    assert_eq!(calls.len(), meant.len(), "{place}: calls");
    let mut ids: Vec<_> = calls.iter().map(|call| &call.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), calls.len(), "{place}: an id twice");
    for (given, (call, arguments)) in calls.iter().zip(&meant) {
        assert_eq!(call["name"], given.name, "{place}: name");
        assert!(call["id"].is_null() || call["id"] == given.id, "{place}: id");
        assert_eq!(
            serde_json::from_str::<Value>(&given.arguments).ok().as_ref(),
            Some(arguments),
            "{place}: arguments"
        );
    }
}

/// `$.a[0].b`, step by step.
fn set(root: &mut Value, piece: &Value) {
    let path = piece["jsonPath"].as_str().unwrap().replace('[', ".").replace(']', "");
    let mut at = root;
    for step in path.split('.').skip(1) {
        at = match step.parse::<usize>() {
            Ok(index) => {
                let items = if at.is_null() { Vec::new() } else { at.as_array().unwrap().clone() };
                let nulls = vec![Value::Null; (index + 1).saturating_sub(items.len())];
                *at = Value::Array(items.into_iter().chain(nulls).collect());
                &mut at[index]
            }
            Err(_) => &mut at[step],
        };
    }
    *at = match (&*at, piece.get("stringValue").and_then(Value::as_str)) {
        (Value::String(known), Some(more)) => json!(format!("{known}{more}")),
        (_, Some(text)) => json!(text),
        _ => piece.get("numberValue").or(piece.get("boolValue")).cloned().unwrap_or_default(),
    };
}

/// Every signature is there: those of calls at their call, all others on their own.
fn check_signatures(parts: &[&Value], answer: &Answer, place: &str) {
    let (of_calls, alone): (Vec<&&Value>, Vec<&&Value>) = parts
        .iter()
        .filter(|part| part["thoughtSignature"].is_string())
        .partition(|part| part.get("functionCall").is_some());
    let state = |part: &&&Value| json!({"thoughtSignature": part["thoughtSignature"]});
    let given: Vec<Value> = answer.opaque.iter().map(|placed| placed.opaque.data.clone()).collect();
    assert_eq!(given, alone.iter().map(state).collect::<Vec<_>>(), "{place}: signatures");
    let given: Vec<Value> =
        answer.tool_calls.iter().filter_map(|call| Some(call.opaque.as_ref()?.data.clone())).collect();
    assert_eq!(given, of_calls.iter().map(state).collect::<Vec<_>>(), "{place}: signatures of calls");
    for opaque in answer.opaque.iter().map(|placed| &placed.opaque) {
        assert_eq!(opaque.dialect, "gemini", "{place}");
    }
}

/// The last figure under each name counts.
fn check_usage(responses: &[Value], answer: &Answer, place: &str) {
    let last = |name: &str| responses.iter().filter_map(|value| value["usageMetadata"][name].as_u64()).next_back();
    let figure = |name: &str| last(name).unwrap_or(0);
    let usage = answer.usage.unwrap_or_default();
    let input = figure("promptTokenCount") + figure("toolUsePromptTokenCount");
    let output = figure("candidatesTokenCount") + figure("thoughtsTokenCount");
    assert_eq!((usage.input_tokens, usage.output_tokens), (input, output), "{place}: usage");
    assert_eq!(usage.total_tokens, last("totalTokenCount").unwrap_or(input + output), "{place}: all tokens");
    assert_eq!(usage.reasoning_tokens, last("thoughtsTokenCount"), "{place}: thinking tokens");
    assert_eq!(usage.cached_tokens, last("cachedContentTokenCount"), "{place}: cached tokens");
}

fn check_sources(candidates: &[&Value], answer: &Answer, place: &str) {
    let mut meant = Vec::new();
    for candidate in candidates {
        let cited = ["citationSources", "citations"].map(|name| candidate["citationMetadata"][name].clone());
        let grounds = candidate["groundingMetadata"]["groundingChunks"].as_array().cloned().unwrap_or_default();
        let cited = cited.iter().filter_map(Value::as_array).flatten().cloned();
        for source in cited.chain(grounds.into_iter().map(|ground| ground["web"].clone())) {
            let Some(uri) = source["uri"].as_str() else { continue };
            let source = (uri.to_owned(), source["startIndex"].as_u64(), source["endIndex"].as_u64());
            if !meant.contains(&source) {
                meant.push(source);
            }
        }
    }
    let given = answer.citations.iter().map(|cited| (cited.url.clone(), cited.start_index, cited.end_index));
    assert_eq!(given.collect::<Vec<_>>(), meant, "{place}: sources");
}
