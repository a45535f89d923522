//! A second reader of Anthropic's messages, as plain as can be: the whole body at once, every event a
//! `Value`, the blocks put together as the vendor's own clients do it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tributary::models::{Answer, ChatError, ErrorKind, Finish};

/// Whether these frames are of this language.
pub fn is_messages(frames: &[(String, String)]) -> bool {
    frames.iter().any(|(_, data)| {
        let value: Value = serde_json::from_str(data).unwrap_or_default();
        value["type"] == "message_start" || (value["type"] == "message" && value["content"].is_array())
    })
}

/// Compares what was decoded with what the frames say; gives the ending.
pub fn check(frames: &[(String, String)], answer: &Answer, errors: &[ChatError], place: &str) -> String {
    let events: Vec<Value> = frames.iter().filter_map(|(_, data)| serde_json::from_str(data).ok()).collect();
    let message = assemble(&events);
    let kind = |block: &&Value, kind: &str| block["type"] == kind;
    let joined = |name: &str| -> String {
        message.blocks.iter().filter(|block| kind(block, name)).filter_map(|block| block[name].as_str()).collect()
    };
    assert_eq!(answer.content, joined("text"), "{place}: text");
    assert_eq!(answer.reasoning, joined("thinking"), "{place}: thinking");
    assert_eq!(answer.model.as_deref(), message.model.as_deref(), "{place}: model");

    let calls: Vec<&Value> = message.blocks.iter().filter(|block| kind(block, "tool_use")).collect();
    assert_eq!(answer.tool_calls.len(), calls.len(), "{place}: calls");
    for (given, meant) in answer.tool_calls.iter().zip(&calls) {
        assert_eq!((&json!(given.id), &json!(given.name)), (&meant["id"], &meant["name"]), "{place}");
        let json = meant["json"].as_str().unwrap_or_default();
        match serde_json::from_str::<Value>(if json.is_empty() { "{}" } else { json }) {
            Ok(meant) => assert_eq!(serde_json::from_str::<Value>(&given.arguments).unwrap(), meant, "{place}"),
            Err(_) => assert_eq!(given.arguments, json, "{place}: arguments cut"),
        }
    }
    let state = message.blocks.iter().filter(|block| {
        kind(block, "redacted_thinking") || (kind(block, "thinking") && block["signature"].as_str() > Some(""))
    });
    let given: Vec<&Value> = answer.opaque.iter().map(|placed| &placed.opaque.data).collect();
    assert_eq!(given, state.collect::<Vec<_>>(), "{place}: state");
    assert!(answer.opaque.iter().all(|placed| placed.opaque.dialect == "anthropic"), "{place}");
    let sources: Vec<&str> = message.sources.iter().map(String::as_str).collect();
    assert_eq!(answer.citations.iter().map(|cited| cited.url.as_str()).collect::<Vec<_>>(), sources, "{place}");

    let figure = |name: &str| message.usage.get(name).and_then(Value::as_u64);
    let input: u64 = ["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"]
        .iter()
        .filter_map(|name| figure(name))
        .sum();
    // The count at the start is that of an answer which ended, and nothing later counted.
    let at_start = message.at_start.filter(|_| message.stop.is_some());
    let usage = answer.usage.unwrap_or_default();
    let output = figure("output_tokens").or(at_start).unwrap_or(0);
    assert_eq!((usage.input_tokens, usage.output_tokens), (input, output), "{place}: usage");
    assert_eq!(usage.cached_tokens, figure("cache_read_input_tokens"), "{place}: cached");
    let thought = message.usage.get("output_tokens_details").and_then(|details| details["thinking_tokens"].as_u64());
    assert_eq!(usage.reasoning_tokens, thought, "{place}: tokens of thinking");
    check_end(&message, !calls.is_empty(), answer, errors, place)
}

fn check_end(message: &Assembled, calls: bool, answer: &Answer, errors: &[ChatError], place: &str) -> String {
    if message.broken || message.failed || message.stop.is_none() {
        assert_eq!((errors.len(), &answer.finish), (1, &None), "{place}: one error");
        assert!(message.failed || errors[0].kind == ErrorKind::Truncated, "{place}: {errors:?}");
        return format!("error:{}", errors[0].kind.as_str());
    }
    assert_eq!(errors, [], "{place}");
    let raw = message.stop.clone().unwrap();
    let reason = match raw.as_str() {
        "max_tokens" | "model_context_window_exceeded" => Finish::Length,
        "tool_use" => Finish::ToolCalls,
        "refusal" => Finish::Refusal,
        "pause_turn" | "compaction" => Finish::Pause,
        _ if calls => Finish::ToolCalls,
        _ => Finish::Stop,
    };
    assert_eq!(answer.finish, Some((reason, Some(raw))), "{place}: finish");
    assert_eq!(answer.refusal, message.explanation, "{place}: refusal");
    reason.as_str().to_owned()
}

/// A message, put together.
#[derive(Default)]
struct Assembled {
    id: Option<Value>,
    model: Option<String>,
    blocks: Vec<Value>,
    sources: Vec<String>,
    usage: Map<String, Value>,
    at_start: Option<u64>,
    stop: Option<String>,
    explanation: String,
    failed: bool,
    broken: bool,
}

fn assemble(events: &[Value]) -> Assembled {
    let mut all = Assembled::default();
    // Where in the list a block of an index is: a later one may have the index of an earlier.
    let mut places: BTreeMap<u64, usize> = BTreeMap::new();
    for event in events {
        let index = event["index"].as_u64().unwrap_or(0);
        match event["type"].as_str().unwrap_or_default() {
            "message_start" => {
                let message = &event["message"];
                let said =
                    all.blocks.iter().any(|block| block["type"] == "tool_use" || block["text"].as_str() > Some(""));
                if all.id.as_ref().is_some_and(|id| *id != message["id"]) && said {
                    all.broken = true;
                    return all;
                }
                all.id = Some(message["id"].clone());
                all.model = all.model.or(message["model"].as_str().map(str::to_owned));
                all.at_start = message["usage"]["output_tokens"].as_u64();
                let counted = all.usage.get("output_tokens").cloned();
                take_usage(&mut all.usage, &message["usage"]);
                all.usage.insert("output_tokens".to_owned(), counted.unwrap_or_default());
            }
            "content_block_start" => {
                places.insert(index, all.blocks.len());
                let mut block = event["content_block"].clone();
                if let Some(map) = block.as_object_mut().filter(|map| map["type"] == "tool_use") {
                    map.insert("json".to_owned(), json!(""));
                }
                all.blocks.push(block);
            }
            "content_block_delta" => {
                let Some(block) = places.get(&index).map(|at| &mut all.blocks[*at]) else { continue };
                let delta = &event["delta"];
                let mut add = |to: &str, from: &str| {
                    let joined = block[to].as_str().unwrap_or_default().to_owned() + delta[from].as_str().unwrap();
                    block[to] = json!(joined);
                };
                match delta["type"].as_str().unwrap_or_default() {
                    "text_delta" => add("text", "text"),
                    "thinking_delta" => add("thinking", "thinking"),
                    "signature_delta" => block["signature"] = delta["signature"].clone(),
                    "input_json_delta" => add("json", "partial_json"),
                    "citations_delta" => all.sources.extend(delta["citation"]["url"].as_str().map(str::to_owned)),
                    _ => {}
                }
            }
            "message_delta" => {
                take_usage(&mut all.usage, &event["usage"]);
                if let Some(stop) = event["delta"]["stop_reason"].as_str() {
                    all.stop = Some(stop.to_owned());
                    let words = event["delta"]["stop_details"]["explanation"].as_str();
                    all.explanation = words.unwrap_or_default().to_owned();
                }
            }
            "message" => {
                all.model = event["model"].as_str().map(str::to_owned);
                take_usage(&mut all.usage, &event["usage"]);
                all.stop = event["stop_reason"].as_str().map(str::to_owned);
                for block in event["content"].as_array().unwrap() {
                    let mut block = block.clone();
                    if block["type"] == "tool_use" {
                        block["json"] = json!(block["input"].to_string());
                    }
                    all.blocks.push(block);
                }
                return all;
            }
            "message_stop" => return all,
            "error" => {
                all.failed = true;
                return all;
            }
            _ => {}
        }
    }
    all
}

fn take_usage(all: &mut Map<String, Value>, later: &Value) {
    let figures = later.as_object().cloned().unwrap_or_default();
    all.extend(figures.into_iter().filter(|(_, figure)| !figure.is_null()));
}
