//! What holds for any bytes, any cuts and any way to end, by property tests. Host only: proptest.

use std::rc::Rc;

use proptest::collection::vec;
use proptest::prelude::*;
use tributary::framing::Framing;
use tributary::models::{ChatError, ErrorKind};

use crate::harness::*;

/// What happens to a relay.
#[derive(Clone, Debug)]
enum Step {
    Push(Vec<u8>),
    Heartbeat,
    Finish,
    Fail,
    Cancel,
}

/// A text as JSON.
fn text() -> impl Strategy<Value = String> {
    "[a-z <>/é\u{2028}\n\"\\\\]{0,4}".prop_map(|text| serde_json::Value::from(text).to_string())
}

/// What else a delta says.
fn beside() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        4 => Just(""),
        1 => Just(r#","refusal":"no""#),
        1 => Just(r#","reasoning":"hm""#),
        1 => Just(r#","annotations":[{"url_citation":{"url":"https://a"}}]"#),
        1 => Just(r#","unknown":"x""#),
    ]
}

/// Payloads of every kind that changes a decoder's state.
fn payload() -> impl Strategy<Value = String> {
    let word =
        prop_oneof![Just("stop"), Just("length"), Just("tool_calls"), Just("content_filter"), Just("error"), Just("")];
    let word = word.boxed();
    let calls = prop_oneof![
        Just(r#"{"index":0,"id":"c1","function":{"name":"f","arguments":""}}"#),
        Just(r#"{"index":0,"function":{"arguments":"{}"}}"#),
        Just(r#"{"index":0,"function":{"name":"g"}}"#),
        Just(r#"{"index":1,"id":"","function":{"name":null,"arguments":"{\"a\":"}}"#),
        Just(r#"{"index":0,"id":"c2","function":{"arguments":{"a":1}}}"#),
        Just(r#"{"id":"c3","custom":{"name":"s","input":"x"}}"#),
        Just(r#"{"function":{"name":"h","arguments":null}}"#),
    ];
    prop_oneof![
        4 => (0u8..3, text()).prop_map(|(index, text)| {
            format!(r#"{{"choices":[{{"index":{index},"delta":{{"content":{text}}}}}]}}"#)
        }),
        4 => (text(), beside()).prop_map(|(text, beside)| delta(&format!(r#""content":{text}{beside}"#))),
        2 => (text(), word.clone()).prop_map(|(text, word)| {
            format!(r#"{{"choices":[{{"delta":{{"content":{text}}},"finish_reason":"{word}"}}]}}"#)
        }),
        2 => "[a-z]{0,3}".prop_map(|text| delta(&format!(r#""content":"","reasoning":"{text}""#))),
        1 => "[a-z]{0,3}".prop_map(|text| delta(&format!(r#""reasoning_content":"{text}""#))),
        1 => Just(delta(r#""content":"\n\"""#)),
        1 => Just(delta(r#""content":"<think>""#)),
        1 => Just(delta(r#""refusal":"no""#)),
        3 => calls.prop_map(|call| delta(&format!(r#""tool_calls":[{call}]"#))),
        2 => word.prop_map(finish),
        1 => (0u32..9).prop_map(|count| {
            format!(r#"{{"choices":[],"usage":{{"prompt_tokens":9,"completion_tokens":{count}}}}}"#)
        }),
        1 => prop_oneof![
            Just("[DONE]"), Just("{}"), Just("[]"), Just("null"), Just("{"), Just(r#"{"error":{"message":"m"}}"#),
            Just(r#"{"model":"m","choices":[]}"#), Just(r#"[{"error":"x"}]"#), Just(r#"{"message":"flat"}"#), Just("<html>"),
        ].prop_map(str::to_owned),
    ]
}

fn body() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        8 => payload().prop_map(|payload| format!("data: {payload}\n\n")),
        1 => prop_oneof![
            Just("\n"), Just(": c\n\n"), Just("event: error\n"), Just("event: error\r\n"), Just("\r\n"), Just("{\n"),
            Just("error: x\n"), Just("data: "), Just("\u{feff}"), Just(" "),
        ].prop_map(str::to_owned),
    ];
    vec(line, 0..10).prop_map(|lines| lines.concat())
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => body().prop_map(|body| Step::Push(body.into_bytes())),
        2 => vec(any::<u8>(), 0..20).prop_map(Step::Push),
        1 => Just(Step::Heartbeat),
        1 => Just(Step::Finish),
        1 => Just(Step::Fail),
        1 => Just(Step::Cancel),
    ]
}

fn framing() -> impl Strategy<Value = Framing> {
    let others = [Framing::Detect, Framing::Whole, Framing::NdJson];
    prop_oneof![1 => Just(Framing::Sse), 1 => proptest::sample::select(others.to_vec())]
}

/// What the client gets, and how the relay says it ended.
fn play(feed: Feed, steps: &[Step], stream: bool) -> (Vec<u8>, Option<tributary::relay::End>) {
    let mut relay = relay(feed, Rc::default(), stream);
    let mut output = Vec::new();
    for step in steps.iter().chain([&Step::Finish]) {
        let (ended, before) = (relay.end().is_some(), output.len());
        match step {
            Step::Push(bytes) => relay.push(bytes, &mut output),
            Step::Heartbeat => relay.heartbeat(&mut output),
            Step::Finish => relay.finish(&mut output),
            Step::Fail => relay.fail(ChatError::new(ErrorKind::Timeout, "silent"), &mut output),
            Step::Cancel => relay.cancel(&mut output),
        }
        assert!(!ended || output.len() == before, "something follows the end");
        let over = !matches!(step, Step::Push(_) | Step::Heartbeat);
        assert!(!over || relay.end().is_some(), "a run that is over has no end");
    }
    (output, relay.end().cloned())
}

/// The body in pieces.
fn pieces(body: &[u8], mut cuts: Vec<usize>) -> Vec<&[u8]> {
    cuts.retain(|cut| *cut <= body.len());
    cuts.sort_unstable();
    let ends = cuts.iter().copied().chain([body.len()]);
    let starts = [0].into_iter().chain(cuts.iter().copied());
    starts.zip(ends).map(|(start, end)| &body[start..end]).collect()
}

proptest! {
    #[test]
    fn exactly_one_ending_always_last_and_with_usage(
        steps in vec(step(), 0..6), framing in framing(), think_tags: bool,
    ) {
        let (output, end) = play(Feed { framing, think_tags, ..SSE }, &steps, true);
        let output = String::from_utf8(output).unwrap().replace(": hb\n\n", "");
        check_ending(output.as_bytes(), end.as_ref());
    }

    #[test]
    fn a_whole_answer_is_one_object_or_nothing(steps in vec(step(), 0..6), framing in framing()) {
        let (output, end) = play(Feed { framing, ..SSE }, &steps, false);
        match end.unwrap() {
            tributary::relay::End::Finished(reason) => {
                let body: serde_json::Value = serde_json::from_slice(&output).unwrap();
                prop_assert_eq!(&body["finish_reason"], reason.as_str());
                prop_assert!(body["usage"]["total_tokens"].is_u64());
            }
            tributary::relay::End::Failed(_) => prop_assert!(output.is_empty()),
        }
    }

    #[test]
    fn no_cut_changes_anything(
        body in body(), cuts in vec(0usize..600, 0..8), framing in framing(), think_tags: bool,
    ) {
        let feed = Feed { framing, think_tags, ..SSE };
        let whole = run(feed, &[body.as_bytes()]);
        let cut = run(feed, &pieces(body.as_bytes(), cuts));
        prop_assert_eq!(&cut.events, &whole.events);
        prop_assert!(cut.output == whole.output);
    }

    #[test]
    fn any_bytes_at_any_cut(bytes in vec(any::<u8>(), 0..60), cuts in vec(0usize..60, 0..4), framing in framing()) {
        let feed = Feed { framing, ..SSE };
        let whole = run(feed, &[&bytes]);
        prop_assert!(run(feed, &pieces(&bytes, cuts)).output == whole.output);
        check_ending(&whole.output, whole.end.as_ref());
    }

    /// White space inside the JSON means nothing, but no two frames look alike any more: whatever a
    /// decoder may have learnt from one frame for the next does not change what it says.
    #[test]
    fn a_frame_is_read_for_itself(payloads in vec(payload(), 0..16), think_tags: bool) {
        let feed = Feed { think_tags, ..SSE };
        let plain: String = payloads.iter().map(|payload| format!("data: {payload}\n\n")).collect();
        let padded: String = payloads.iter().enumerate().map(|(at, payload)| {
            let open = payload.strip_suffix('}').filter(|open| open.contains(':'));
            open.map_or_else(|| format!("data: {payload}\n\n"), |open| format!("data: {open}{}}}\n\n", " ".repeat(at + 1)))
        }).collect();
        let (plain, padded) = (run(feed, &[plain.as_bytes()]), run(feed, &[padded.as_bytes()]));
        if !plain.events.contains("error ") && !plain.events.contains("could not be read") {
            prop_assert_eq!(&plain.events, &padded.events);
        }
    }

    /// Behind the decoder the pieces of calls are in order: see `ToolDelta`.
    #[test]
    fn tool_calls_keep_their_promises(payloads in vec(payload(), 0..16)) {
        let body: String = payloads.iter().map(|payload| format!("data: {payload}\n\n")).collect();
        let events = run(SSE, &[body.as_bytes()]).events;
        let mut ids: Vec<&str> = Vec::new();
        for line in events.lines().filter(|line| line.starts_with("tool ") || line.starts_with("custom ")) {
            let mut words = line.split(' ').skip(1);
            let (index, id) = (words.next().unwrap().parse::<usize>().unwrap(), words.next().unwrap());
            prop_assert!(index <= ids.len(), "a gap: {}", events);
            if index == ids.len() {
                prop_assert!(!ids.contains(&id), "an id twice: {}", events);
                ids.push(id);
            }
            prop_assert_eq!(ids[index], id);
        }
    }
}
