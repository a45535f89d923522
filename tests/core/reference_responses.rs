//! A second reader of OpenAI Responses, as plain as can be: every event a `Value`, no delta looked at. What
//! an item says is what its last event says.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tributary::models::{Answer, ChatError, Finish, ToolKind};

/// Whether these frames are a stream of Responses, or one response whole.
pub fn is_responses(frames: &[(String, String)]) -> bool {
    let value = |(_, data): &(String, String)| serde_json::from_str::<Value>(data).unwrap_or_default();
    frames
        .iter()
        .map(value)
        .any(|value| text(&value, "type").starts_with("response.") || text(&value, "object") == "response")
}

/// What the items of an answer say.
#[derive(Default)]
struct Said {
    text: String,
    refusal: String,
    reasoning: Vec<String>,
    calls: Vec<Value>,
    sealed: Vec<Value>,
    phases: Vec<Value>,
    sources: Vec<(String, Option<u64>)>,
}

/// Compares what was decoded with what the events say; gives the ending.
pub fn check(frames: &[(String, String)], answer: &Answer, errors: &[ChatError], place: &str) -> String {
    let all: Vec<Value> = frames.iter().filter_map(|(_, data)| serde_json::from_str(data).ok()).collect();
    let ends = |event: &Value| {
        let end =
            ["response.completed", "response.incomplete", "response.failed", "error"].contains(&text(event, "type"));
        end || text(event, "object") == "response"
    };
    // Some recordings are two answers, one behind the other.
    let events = &all[..all.iter().position(ends).map_or(all.len(), |at| at + 1)];
    let said = read(events);
    assert_eq!(answer.content, said.text, "{place}: text");
    assert_eq!(answer.refusal, said.refusal, "{place}: refusal");
    assert_eq!(answer.reasoning, said.reasoning.join("\n\n"), "{place}: reasoning");
    check_calls(answer, &said.calls, place);
    let state: Vec<Value> = answer.opaque.iter().map(|placed| placed.opaque.data.clone()).collect();
    let of = |kind: &str| state.iter().filter(|data| data["type"] == kind).cloned().collect::<Vec<_>>();
    assert_eq!((of("reasoning"), of("message")), (said.sealed, said.phases), "{place}: state");
    let sources: Vec<_> = answer.citations.iter().map(|source| (source.url.clone(), source.start_index)).collect();
    assert_eq!(sources, said.sources, "{place}: sources");
    check_end(events.last().unwrap(), &said.text, answer, errors, place)
}

/// The items in the order in which they began.
fn read(events: &[Value]) -> Said {
    let mut order: Vec<u64> = Vec::new();
    let mut items: BTreeMap<u64, Vec<&Value>> = BTreeMap::new();
    let output = events.iter().filter(|event| text(event, "object") == "response");
    let output: Vec<Value> =
        output.flat_map(|response| list(response, "output")).map(|item| json!({"item": item})).collect();
    let indexed = events.iter().filter_map(|event| Some((event.get("output_index")?.as_u64()?, event)));
    for (index, event) in indexed.chain((1000..).zip(&output)) {
        if !order.contains(&index) {
            order.push(index);
        }
        items.entry(index).or_default().push(event);
    }
    let mut said = Said::default();
    for index in order {
        let events = &items[&index];
        let item = events.iter().rev().find_map(|event| event.get("item")).cloned().unwrap_or_default();
        let whole = events.iter().filter_map(|event| all_of(event)).collect::<Vec<_>>();
        match text(&item, "type") {
            "message" => {
                for part in list(&item, "content") {
                    said.text += text(part, "text");
                    said.refusal += text(part, "refusal");
                    let urls = list(part, "annotations").filter(|note| text(note, "type") == "url_citation");
                    said.sources.extend(urls.map(|note| (text(note, "url").to_owned(), note["start_index"].as_u64())));
                }
                if item.get("phase").is_some_and(Value::is_string) && !text_of(&item).is_empty() {
                    said.phases.push(json!({"type": "message", "phase": item["phase"]}));
                }
            }
            "reasoning" => {
                let own = list(&item, "content").map(|part| text(part, "text")).filter(|text| !text.is_empty());
                let own: Vec<String> = own.map(str::to_owned).collect();
                let summary = list(&item, "summary").map(|part| text(part, "text").to_owned());
                said.reasoning.extend(if own.is_empty() { summary.collect() } else { own });
                if !text(&item, "encrypted_content").is_empty() {
                    said.sealed.push(json!({
                        "type": "reasoning", "id": item["id"], "summary": item["summary"],
                        "encrypted_content": item["encrypted_content"],
                    }));
                }
            }
            "function_call" | "custom_tool_call" => said.calls.push(item.clone()),
            _ => {}
        }
        // Each text that was told whole is the one that the item has.
        let item = item.to_string();
        assert!(whole.iter().all(|text| item.contains(&json!(text).to_string())), "{item} is not what its events say");
    }
    said
}

fn all_of(event: &Value) -> Option<&str> {
    let name = match text(event, "type") {
        "response.output_text.done" | "response.reasoning_text.done" | "response.reasoning_summary_text.done" => "text",
        "response.refusal.done" => "refusal",
        "response.function_call_arguments.done" => "arguments",
        "response.custom_tool_call_input.done" => "input",
        _ => return None,
    };
    event.get(name)?.as_str()
}

fn check_calls(answer: &Answer, calls: &[Value], place: &str) {
    assert_eq!(answer.tool_calls.len(), calls.len(), "{place}: calls");
    for (given, meant) in answer.tool_calls.iter().zip(calls) {
        let custom = text(meant, "type") == "custom_tool_call";
        assert_eq!(given.kind == ToolKind::Custom, custom, "{place}");
        assert_eq!((given.id.as_str(), given.name.as_str()), (text(meant, "call_id"), text(meant, "name")), "{place}");
        let arguments = text(meant, if custom { "input" } else { "arguments" });
        let cut = text(meant, "status") == "incomplete";
        let arguments = if arguments.is_empty() && !custom && !cut { "{}" } else { arguments };
        assert_eq!(given.arguments, arguments, "{place}: arguments");
        assert!(custom || cut || serde_json::from_str::<Value>(&given.arguments).is_ok(), "{place}: {arguments}");
    }
}

fn check_end(last: &Value, said: &str, answer: &Answer, errors: &[ChatError], place: &str) -> String {
    let response = last.get("response").unwrap_or(last);
    let usage = answer.usage.unwrap_or_default();
    let figure = |path: &str| response.pointer(path).and_then(Value::as_u64);
    let figures = (figure("/usage/input_tokens"), figure("/usage/output_tokens"), figure("/usage/total_tokens"));
    let zero = |figure: Option<u64>| figure.unwrap_or(0);
    assert_eq!((usage.input_tokens, usage.output_tokens), (zero(figures.0), zero(figures.1)), "{place}: usage");
    assert_eq!(usage.total_tokens, zero(figures.2), "{place}: all tokens");
    assert_eq!(usage.cached_tokens, figure("/usage/input_tokens_details/cached_tokens"), "{place}: cached tokens");
    assert_eq!(usage.reasoning_tokens, figure("/usage/output_tokens_details/reasoning_tokens"), "{place}");
    let reason = response.pointer("/incomplete_details/reason").and_then(Value::as_str);
    let finish = match (text(response, "status"), reason) {
        ("completed", _) if !answer.tool_calls.is_empty() => Finish::ToolCalls,
        ("completed", _) if !answer.refusal.is_empty() && said.is_empty() => Finish::Refusal,
        ("completed", _) => Finish::Stop,
        ("incomplete", Some("content_filter")) => Finish::ContentFilter,
        ("incomplete", Some(_)) => Finish::Length,
        _ => {
            assert_eq!((errors.len(), &answer.finish), (1, &None), "{place}: one error");
            let words = last.pointer("/error/message").or(response.pointer("/error/message")).and_then(Value::as_str);
            assert!(words.is_none_or(|words| words == errors[0].message), "{place}: {:?}", errors[0]);
            return format!("error:{}", errors[0].kind.as_str());
        }
    };
    let raw = reason.unwrap_or("completed").to_owned();
    assert_eq!((errors.len(), &answer.finish), (0, &Some((finish, Some(raw)))), "{place}: finish");
    finish.as_str().to_owned()
}

fn text_of(item: &Value) -> String {
    list(item, "content").map(|part| text(part, "text")).collect()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}
