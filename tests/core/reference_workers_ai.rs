//! A second reader of Workers AI's older shape, as plain as can be: every frame a `Value`.

use serde_json::Value;
use tributary::models::{Answer, ChatError, ErrorKind, Finish};

/// Whether these frames are of the older shape.
pub fn is_native(frames: &[(String, String)]) -> bool {
    let mut values = frames.iter().filter_map(|(_, data)| serde_json::from_str::<Value>(data).ok());
    values.any(|value| {
        // Others name a whole answer or a piece of one so.
        let other = ["choices", "type", "done"].iter().any(|name| value.get(*name).is_some());
        !other && (value["response"].is_string() || value["tool_calls"].is_array())
    })
}

/// Compares what was decoded with what the frames say; gives the ending.
pub fn check(frames: &[(String, String)], answer: &Answer, errors: &[ChatError], place: &str) -> String {
    let values: Vec<Value> = frames.iter().filter_map(|(_, data)| serde_json::from_str(data).ok()).collect();
    let text: String = values.iter().filter_map(|value| value.get("response")?.as_str()).collect();
    assert_eq!(answer.content, text, "{place}: text");
    assert_eq!(answer.reasoning, "", "{place}: reasoning");
    // In the recordings each call is whole, and nulls are no call.
    let calls: Vec<&Value> = values.iter().filter_map(|value| value.get("tool_calls")?.as_array()).flatten().collect();
    let calls: Vec<&Value> = calls.into_iter().filter(|call| call["id"].is_string()).collect();
    assert_eq!(answer.tool_calls.len(), calls.len(), "{place}: calls");
    for (given, meant) in answer.tool_calls.iter().zip(&calls) {
        let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        assert_eq!(Some(given.id.as_str()), meant["id"].as_str(), "{place}");
        assert_eq!(Some(given.name.as_str()), meant["function"]["name"].as_str(), "{place}");
        assert_eq!(json(&given.arguments), json(meant["function"]["arguments"].as_str().unwrap()), "{place}");
    }
    assert!(values.iter().all(|value| value.get("usage").is_none()) && answer.usage.is_none(), "{place}: usage");
    let said = values.iter().rev().find_map(|value| value.get("finish_reason")?.as_str());
    let done = frames.iter().any(|(_, data)| data == "[DONE]");
    if said.is_none() && !done {
        assert_eq!((errors.len(), errors[0].kind, &answer.finish), (1, ErrorKind::Truncated, &None), "{place}");
        return "error:truncated".to_owned();
    }
    let reason = if calls.is_empty() { Finish::Stop } else { Finish::ToolCalls };
    assert_eq!(answer.finish, Some((reason, said.map(str::to_owned))), "{place}: finish");
    reason.as_str().to_owned()
}
