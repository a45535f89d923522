//! An answer whose calls the gateway ran itself: one to its client, several to a provider, each with the results
//! that the next one goes on from.

use crate::dialects::opaque;
use serde_json::Value;

use crate::models::{Message, Part, Place, Placed, PlacedResult, Role, ToolCall, ToolKind};

/// What a model said before it was told results, and those.
#[derive(Debug, Default, PartialEq)]
pub struct Leg {
    /// Text, calls and state in their order.
    pub parts: Vec<Part>,
    /// What came of the calls; none behind the last leg.
    pub results: Vec<PlacedResult>,
}

/// Divides an answer. Places that cannot be are taken for the nearest that can: a client may have cut its text.
pub fn legs(content: Vec<Part>, calls: Vec<ToolCall>, state: Vec<Placed>, results: Vec<PlacedResult>) -> Vec<Leg> {
    if results.is_empty() {
        return vec![Leg { parts: opaque::in_order(content, calls, state), results }];
    }
    let text: String = content
        .iter()
        .filter_map(|part| if let Part::Text(text) = part { Some(text.as_str()) } else { None })
        .collect();
    let (mut calls, mut state) = (calls.into_iter(), state);
    let mut from = Place::default();
    let mut legs = Vec::new();
    for group in groups(results) {
        let place = group.first().map(|first| first.after).unwrap_or_default();
        let to = Place {
            text: text.floor_char_boundary(place.text.max(from.text)),
            calls: place.calls.max(from.calls),
            results: from.results.saturating_add(group.len()),
        };
        let mut own: Vec<ToolCall> = calls.by_ref().take(to.calls.saturating_sub(from.calls)).collect();
        own.iter_mut().for_each(repeatable);
        let words = text.get(from.text..to.text).unwrap_or_default();
        legs.push(Leg { parts: leg(words, own, &mut state, from, to.results), results: group });
        from = to;
    }
    let words = text.get(from.text..).unwrap_or_default();
    let parts = leg(words, calls.collect(), &mut state, from, usize::MAX);
    if !parts.is_empty() {
        legs.push(Leg { parts, results: Vec::new() });
    }
    legs
}

/// The legs as messages: what was said, and a message for each result.
pub fn messages(legs: Vec<Leg>) -> Vec<Message> {
    let mut messages = Vec::new();
    for Leg { parts, results } in legs {
        messages.push(Message { role: Role::Assistant, parts, tool_call_id: None });
        messages.extend(results.into_iter().map(|placed| Message {
            role: Role::Tool,
            parts: vec![Part::Text(placed.result.content)],
            tool_call_id: Some(placed.result.call_id),
        }));
    }
    messages
}

/// Arguments that are no object were complained of, and are repeated to nobody: providers that keep them as one
/// would refuse them.
pub fn repeatable(call: &mut ToolCall) {
    let is_object = serde_json::from_str::<Value>(&call.arguments).is_ok_and(|value| value.is_object());
    if call.kind == ToolKind::Function && !is_object {
        "{}".clone_into(&mut call.arguments);
    }
}

/// Results that were told together.
fn groups(results: Vec<PlacedResult>) -> Vec<Vec<PlacedResult>> {
    let mut groups: Vec<Vec<PlacedResult>> = Vec::new();
    for result in results {
        match groups.last_mut().filter(|group| group.first().is_some_and(|first| first.after == result.after)) {
            Some(group) => group.push(result),
            None => groups.push(vec![result]),
        }
    }
    groups
}

/// One leg's parts: its text, its calls, and the state that came before so many results.
fn leg(text: &str, calls: Vec<ToolCall>, state: &mut Vec<Placed>, from: Place, results: usize) -> Vec<Part> {
    let (own, rest) = std::mem::take(state).into_iter().partition(|placed| placed.after.results < results);
    *state = rest;
    let own: Vec<Placed> = own;
    let moved = own.into_iter().map(|Placed { opaque, after }| {
        let after = Place {
            text: after.text.saturating_sub(from.text),
            calls: after.calls.saturating_sub(from.calls),
            results: 0,
        };
        Placed { opaque, after }
    });
    let words = (!text.is_empty()).then(|| Part::Text(text.to_owned()));
    opaque::in_order(words.into_iter().collect(), calls, moved.collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects)]

    use super::*;
    use crate::dialects::unified::{Unified, kept};
    use crate::dialects::{DecodeOptions, ReplyOptions, ToClient, ToProvider};
    use crate::framing::{Framer, Framing, Limits};
    use crate::models::{Answer, ChatRequest, Event, Finish, Opaque, OpaqueDelta, ToolDelta, ToolResult, Usage};
    use proptest::collection::vec;
    use proptest::prelude::*;
    use serde_json::json;

    fn call(id: &str) -> ToolCall {
        let (id, name) = (id.to_owned(), "f".to_owned());
        ToolCall { id, name, arguments: "{}".to_owned(), kind: ToolKind::Function, opaque: None }
    }

    fn result(id: &str, text: usize, calls: usize) -> PlacedResult {
        let result = ToolResult { call_id: id.to_owned(), content: format!("r{id}"), ..ToolResult::default() };
        PlacedResult { result, after: Place { text, calls, results: 0 } }
    }

    fn state(name: &str, text: usize, calls: usize, results: usize) -> Placed {
        let opaque = Opaque { dialect: "d".to_owned(), data: json!(name) };
        Placed { opaque, after: Place { text, calls, results } }
    }

    fn words(messages: &[Message]) -> Vec<String> {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::ToolCall(call) => format!("({})", call.id),
            Part::Opaque(state) => state.data.as_str().unwrap_or_default().to_owned(),
            _ => String::new(),
        };
        messages.iter().map(|message| message.parts.iter().map(part).collect::<Vec<_>>().join("|")).collect()
    }

    fn divided(text: &str, calls: &[&str], state: Vec<Placed>, results: Vec<PlacedResult>) -> Vec<String> {
        let calls = calls.iter().map(|id| call(id)).collect();
        words(&messages(legs(vec![Part::Text(text.to_owned())], calls, state, results)))
    }

    #[test]
    fn each_leg_has_its_own_words_calls_and_state() {
        let results = vec![result("a", 3, 2), result("b", 3, 2), result("c", 5, 3)];
        let state = vec![state("S1", 0, 0, 0), state("S2", 3, 2, 2), state("E2", 5, 3, 2), state("S3", 5, 3, 3)];
        let told = divided("onetwend", &["a", "b", "c"], state, results);
        assert_eq!(told, ["S1|one|(a)|(b)", "ra", "rb", "S2|tw|(c)|E2", "rc", "S3|end"]);
    }

    #[test]
    fn a_turn_that_ends_with_results_has_no_empty_end() {
        assert_eq!(divided("hm", &["a", "b"], vec![], vec![result("a", 2, 2)]), ["hm|(a)|(b)", "ra"]);
        assert_eq!(divided("hm", &["a"], vec![], vec![]), ["hm|(a)"]);
    }

    /// Text, calls and whether they were the gateway's, of each leg.
    fn told(legs: &[(String, Vec<bool>)]) -> (Vec<u8>, Vec<String>) {
        let reply = ReplyOptions { run_id: "r_1".to_owned(), stream: true, ..ReplyOptions::default() };
        let mut encoder = Unified.encoder(reply, &ChatRequest::default());
        let (mut out, mut expected, mut index) = (Vec::new(), Vec::new(), 0u32);
        for (at, (text, calls)) in legs.iter().enumerate() {
            let state = json!(format!("S{at}"));
            let opaque = OpaqueDelta { dialect: "anthropic", call: None, data: &state };
            encoder.event(Event::Opaque(opaque), &mut out);
            encoder.event(Event::Text(text), &mut out);
            let mut said = vec![format!("S{at}"), text.clone()];
            let mut results = Vec::new();
            for is_ours in calls {
                let id = format!("c{index}");
                let delta = ToolDelta { index, id: &id, name: Some("f"), arguments: "{}", kind: ToolKind::Function };
                encoder.event(Event::Tool(delta), &mut out);
                said.push(format!("({id})"));
                results.extend(is_ours.then(|| id.clone()));
                index += 1;
            }
            expected.push(said.join("|"));
            for id in results {
                let result = ToolResult { call_id: id.clone(), content: format!("r{id}"), ..ToolResult::default() };
                encoder.event(Event::ToolResult(&result), &mut out);
                expected.push(format!("r{id}"));
            }
        }
        encoder.event(Event::Usage(Usage::default()), &mut out);
        encoder.event(Event::Finish { reason: Finish::Stop, raw: None }, &mut out);
        (out, expected)
    }

    /// What a stream's frames add up to.
    fn folded(stream: &[u8]) -> Answer {
        let mut answer = Answer::default();
        let mut decoder = Unified.decoder(DecodeOptions::default());
        let mut framer = Framer::new(Framing::Sse, Limits::default());
        framer.push(stream, &mut |frame| decoder.frame(frame, &mut answer)).unwrap();
        answer
    }

    proptest! {
        /// Through the stream, the answer that it adds up to, and the message that is kept of that: whoever reads it
        /// is told each leg as it was.
        #[test]
        fn legs_come_back_as_they_were(
            legs in vec(("[a-zä水]{1,9}", vec(any::<bool>(), 0..4)), 1..6),
            last in "[a-z]{1,9}",
        ) {
            // Without a result of ours there is no next leg.
            let mut legs: Vec<(String, Vec<bool>)> =
                legs.into_iter().filter(|(_, calls)| calls.contains(&true)).collect();
            legs.push((last, Vec::new()));
            let (stream, expected) = told(&legs);
            let kept = kept::answer("r_1", "p", "m", &folded(&stream), None);
            let mut message = Value::Object(kept);
            message["role"] = json!("assistant");
            prop_assert_eq!(words(&kept::read_messages(&message).unwrap()), expected);
        }
    }

    #[test]
    fn places_that_cannot_be_lose_nothing() {
        let results = vec![result("a", 2, 9), result("b", 1, 0), result("c", 99, 0)];
        assert_eq!(divided("äx", &["a", "b"], vec![], results), ["ä|(a)|(b)", "ra", "", "rb", "x", "rc"]);
    }
}
