//! Responses say everything several times: in pieces, in the whole of each, in each item, in the last
//! event. Whichever of these a server leaves out, the answer is the same. Host only: proptest.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};
use tributary::models::{Answer, ChatError, Event, Finish, Sink};

use crate::harness::*;

/// An item of an answer, and how a server tells of it.
#[derive(Clone, Debug)]
struct Told {
    kind: Kind,
    /// Its text in pieces.
    pieces: Vec<String>,
    added: bool,
    deltas: bool,
    whole: bool,
    done: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Text,
    Refusal,
    Thought,
    Summary,
    Function,
    Custom,
    Hosted,
}

/// How a server numbers its items.
#[derive(Clone, Copy, Debug)]
enum Places {
    Indices,
    Ids,
    Both,
    IndicesAndNewIds,
}

fn told() -> impl Strategy<Value = Told> {
    let kind = prop_oneof![
        3 => Just(Kind::Text), 1 => Just(Kind::Refusal), 1 => Just(Kind::Thought), 1 => Just(Kind::Summary),
        2 => Just(Kind::Function), 1 => Just(Kind::Custom), 1 => Just(Kind::Hosted),
    ];
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (kind, vec("[a-cé🌊\"\\\\]{0,3}", 0..4), flags).prop_map(|(kind, pieces, (added, deltas, whole, done))| Told {
        kind,
        pieces,
        added,
        deltas,
        whole,
        done,
    })
}

impl Told {
    fn text(&self) -> String {
        self.pieces.concat()
    }

    fn item(&self, number: usize, text: &str) -> Value {
        let call =
            |kind: &str, field: &str| json!({"type": kind, "call_id": format!("c{number}"), "name": "f", field: text});
        match self.kind {
            Kind::Text => json!({"type": "message", "content": [{"type": "output_text", "text": text}]}),
            Kind::Refusal => json!({"type": "message", "content": [{"type": "refusal", "refusal": text}]}),
            Kind::Thought => {
                json!({"type": "reasoning", "summary": [], "content": [{"text": text}], "encrypted_content": "e"})
            }
            Kind::Summary => json!({"type": "reasoning", "summary": [{"text": text}], "encrypted_content": "e"}),
            Kind::Function => call("function_call", "arguments"),
            Kind::Custom => call("custom_tool_call", "input"),
            Kind::Hosted => call("mcp_call", "arguments"),
        }
    }

    /// Its events, without their places.
    fn events(&self, number: usize) -> Vec<Value> {
        let (name, field) = match self.kind {
            Kind::Text => ("output_text", "text"),
            Kind::Refusal => ("refusal", "refusal"),
            Kind::Thought => ("reasoning_text", "text"),
            Kind::Summary => ("reasoning_summary_text", "text"),
            Kind::Function => ("function_call_arguments", "arguments"),
            Kind::Custom => ("custom_tool_call_input", "input"),
            Kind::Hosted => ("mcp_call_arguments", "arguments"),
        };
        let mut events = Vec::new();
        if self.added {
            events.push(json!({"type": "response.output_item.added", "item": self.item(number, "")}));
        }
        if self.deltas {
            let delta = |piece: &String| json!({"type": format!("response.{name}.delta"), "delta": piece});
            events.extend(self.pieces.iter().map(delta));
        }
        if self.whole {
            events.push(json!({"type": format!("response.{name}.done"), field: self.text()}));
        }
        if self.done {
            events.push(json!({"type": "response.output_item.done", "item": self.item(number, &self.text())}));
        }
        events
    }
}

/// The stream of an answer. What stands in no event of its own comes with the last one, if that has it.
fn stream(items: &[Told], places: Places, last: bool) -> String {
    let mut payloads = Vec::new();
    for (number, told) in items.iter().enumerate() {
        for mut event in told.events(number) {
            let (index, id) = match places {
                Places::Indices => (Some(number), None),
                Places::Ids => (None, Some(format!("i{number}"))),
                Places::Both => (Some(number), Some(format!("i{number}"))),
                Places::IndicesAndNewIds => (Some(number), Some(format!("i{}", payloads.len()))),
            };
            if let Some(index) = index {
                event["output_index"] = json!(index);
            }
            if let Some(id) = id {
                event["item_id"] = json!(id);
                if event.get("item").is_some() {
                    event["item"]["id"] = json!(id);
                }
            }
            payloads.push(event.to_string());
        }
    }
    let whole: Vec<Value> = items.iter().enumerate().map(|(number, told)| told.item(number, &told.text())).collect();
    let output = if last { json!(whole) } else { json!([]) };
    payloads
        .push(json!({"type": "response.completed", "response": {"status": "completed", "output": output}}).to_string());
    sse(&payloads.iter().map(String::as_str).collect::<Vec<_>>())
}

fn fold(body: &str) -> (Answer, Vec<ChatError>) {
    use tributary::dialects::DecodeOptions;
    use tributary::framing::Framer;
    let mut decoder = RESPONSES.dialect.decoder(DecodeOptions {
        run_id: "r_1".to_owned(),
        think_tags: false,
        ..DecodeOptions::default()
    });
    let mut framer = Framer::new(RESPONSES.framing, RESPONSES.limits);
    let (mut answer, mut errors) = (Answer::default(), Vec::new());
    let mut sink = |event: Event<'_>| {
        if let Event::Error(error) = &event {
            errors.push((*error).clone());
        }
        answer.event(event);
    };
    framer.push(body.as_bytes(), &mut |frame| decoder.frame(frame, &mut sink)).unwrap();
    framer.finish(&mut |frame| decoder.frame(frame, &mut sink));
    decoder.finish(&mut sink);
    (answer, errors)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn whatever_is_left_out_the_answer_is_the_same(
        mut items in vec(told(), 0..6),
        places in prop_oneof![Just(Places::Indices), Just(Places::Ids), Just(Places::Both), Just(Places::IndicesAndNewIds)],
        last in any::<bool>(),
    ) {
        // Something has to tell all of it, and in time: the last event is too late for the order. A call's
        // name and id are in its item only, and an item's kind in one of its events.
        for told in &mut items {
            told.done |= !(told.deltas || told.whole) || (matches!(told.kind, Kind::Function | Kind::Custom) && !told.added);
            told.done |= told.text().is_empty() || matches!(told.kind, Kind::Thought | Kind::Summary);
        }
        let (answer, errors) = fold(&stream(&items, places, last));
        let of = |kinds: &[Kind]| items.iter().filter(|told| kinds.contains(&told.kind)).map(Told::text).collect::<Vec<_>>();
        prop_assert_eq!(answer.content, of(&[Kind::Text]).concat());
        prop_assert_eq!(&answer.refusal, &of(&[Kind::Refusal]).concat());
        let thoughts: Vec<_> = of(&[Kind::Thought, Kind::Summary]).into_iter().filter(|text| !text.is_empty()).collect();
        prop_assert_eq!(answer.reasoning, thoughts.join("\n\n"));
        prop_assert_eq!(answer.opaque.len(), of(&[Kind::Thought, Kind::Summary]).len());
        let calls: Vec<_> = items.iter().enumerate().filter_map(|(number, told)| match (told.kind, told.text()) {
            (Kind::Function, text) => Some((format!("c{number}"), if text.is_empty() { "{}".to_owned() } else { text })),
            (Kind::Custom, text) => Some((format!("c{number}"), text)),
            _ => None,
        }).collect();
        let given: Vec<_> = answer.tool_calls.iter().map(|call| (call.id.clone(), call.arguments.clone())).collect();
        prop_assert_eq!(&given, &calls);
        prop_assert!(answer.tool_calls.iter().all(|call| call.name == "f"));
        let reason = match (calls.is_empty(), answer.refusal.is_empty(), of(&[Kind::Text]).concat().is_empty()) {
            (false, ..) => Finish::ToolCalls,
            (true, false, true) => Finish::Refusal,
            _ => Finish::Stop,
        };
        prop_assert_eq!((answer.finish, errors.len()), (Some((reason, Some("completed".to_owned()))), 0));
    }

    #[test]
    fn whatever_comes_the_events_keep_their_rules(
        items in vec((told(), 0usize..3, 0usize..3), 0..8),
        order in vec(any::<prop::sample::Index>(), 0..30),
        ending in prop_oneof![Just("completed"), Just("incomplete"), Just("failed"), Just("")],
    ) {
        let mut all = Vec::new();
        for (told, index, id) in &items {
            for mut event in told.events(*id) {
                event["output_index"] = json!(index);
                all.push(event.to_string());
            }
        }
        let mut payloads: Vec<String> = order.iter().filter(|_| !all.is_empty()).map(|at| at.get(&all).clone()).collect();
        if !ending.is_empty() {
            let output: Vec<Value> = items.iter().map(|(told, _, id)| told.item(*id, &told.text())).collect();
            payloads.push(json!({"type": format!("response.{ending}"), "response": {"output": output}}).to_string());
        }
        let body = sse(&payloads.iter().map(String::as_str).collect::<Vec<_>>());
        let run = run(RESPONSES, &[body.as_bytes()]);
        check_ending(&run.output, run.end.as_ref());
        let calls = run.events.lines().filter(|line| line.starts_with("tool ") || line.starts_with("custom "));
        let mut ids: Vec<String> = Vec::new();
        for line in calls {
            let words: Vec<&str> = line.split(' ').collect();
            let index: usize = words[1].parse().unwrap();
            if index == ids.len() {
                prop_assert!(!ids.iter().any(|id| id == words[2]), "an id twice: {}", run.events);
                ids.push(words[2].to_owned());
            } else {
                prop_assert!(!words.get(3).is_some_and(|word| word.starts_with('=')), "a late name: {}", run.events);
            }
            prop_assert_eq!(ids.get(index).map(String::as_str), Some(words[2]), "{}", run.events);
        }
    }
}
