//! What the relay adds to a decoder: one ending, warnings, bounds, redaction, signs of life.

use std::rc::Rc;

use serde_json::{Value, json};
use tributary::dialects::{DecodeOptions, OpenAiChat, ReplyOptions, ToClient, ToProvider};
use tributary::framing::Framing;
use tributary::models::{ChatError, ChatRequest, ErrorKind, Finish};
use tributary::relay::{End, Pace, Relay, RelayOptions, framing_for};

use crate::both_targets;
use crate::harness::*;

const A: &str = r#"{"choices":[{"delta":{"content":"A"}}]}"#;

fn new(options: RelayOptions) -> Relay {
    relay_with(SSE, options, Rc::default(), true)
}

/// The frames that come of a body, each as name and payload.
fn frames(mut relay: Relay, body: &str) -> Vec<(String, Value)> {
    let mut output = Vec::new();
    relay.push(body.as_bytes(), &mut output);
    relay.finish(&mut output);
    let frames = check_ending(&output, relay.end()).into_iter();
    frames.map(|frame| (frame.event, serde_json::from_str(&frame.data).unwrap_or_default())).collect()
}

both_targets! {
    fn the_requests_warnings_come_before_all_that_the_client_sees() {
        let options = || RelayOptions { warnings: vec!["one".into(), "two".into()], ..options(SSE) };
        let body = sse(&[r#"{"model":"m","choices":[]}"#, A, &finish("stop")]);
        let seen = frames(new(options()), &body);
        assert_eq!((&seen[0].1["warnings"], &seen[1].1["warnings"]), (&json!(["one"]), &json!(["two"])));
        assert_eq!((seen[0].1["model"].as_str(), seen[2].1["content"].as_str(), seen.len()), (Some("m"), Some("A"), 5));
        // Nothing is written before a failure that can still be retried.
        assert_eq!(frames(new(options()), &sse(&[r#"{"error":"boom"}"#])).len(), 1);
        let mut silent = new(options());
        let mut output = Vec::new();
        silent.push(sse(&[r#"{"model":"m","choices":[],"usage":{"prompt_tokens":1}}"#]).as_bytes(), &mut output);
        assert_eq!((output.len(), silent.began(), silent.frames()), (0, false, 1));
    }

    fn a_finish_that_came_survives_a_broken_transport_and_else_the_transport_names_the_cause() {
        let end = |body: &str| {
            let mut relay = new(options(SSE));
            let mut output = Vec::new();
            relay.push(body.as_bytes(), &mut output);
            relay.fail(ChatError::new(ErrorKind::Timeout, "silent"), &mut output);
            check_ending(&output, relay.end());
            relay.end().cloned().unwrap()
        };
        assert_eq!(end(&sse(&[A, &finish("stop")])), End::Finished(Finish::Stop));
        assert_eq!(end(&sse(&[A])), End::Failed(ChatError::new(ErrorKind::Timeout, "silent").from_provider("prov")));
        assert!(matches!(end(&sse(&[A, &finish("error")])), End::Failed(error) if error.kind == ErrorKind::Provider));
    }

    fn a_run_that_the_caller_stopped() {
        let mut relay = new(options(SSE));
        let mut output = Vec::new();
        relay.push(sse(&[A]).as_bytes(), &mut output);
        relay.cancel(&mut output);
        let length = output.len();
        relay.push(sse(&[A, &finish("stop"), "[DONE]"]).as_bytes(), &mut output);
        relay.heartbeat(&mut output);
        relay.fail(ChatError::new(ErrorKind::Timeout, "late"), &mut output);
        relay.cancel(&mut output);
        assert_eq!((output.len(), relay.end()), (length, Some(&End::Finished(Finish::Cancelled))));
        let frames = check_ending(&output, relay.end());
        assert_eq!(frames[1].json()["usage"]["estimated"], true);
    }

    fn signs_of_life_stand_between_frames() {
        let mut relay = new(options(SSE));
        let mut output = Vec::new();
        let body = sse(&[A, &finish("stop"), "[DONE]"]);
        for byte in body.as_bytes().chunks(1) {
            relay.push(byte, &mut output);
            relay.heartbeat(&mut output);
        }
        relay.finish(&mut output);
        let output = String::from_utf8(output).unwrap();
        let (beats, rest): (Vec<_>, Vec<_>) = output.split_inclusive("\n\n").partition(|frame| *frame == ": hb\n\n");
        assert!(beats.len() > 50);
        assert_eq!(rest.concat().as_bytes(), run(SSE, &[body.as_bytes()]).output);
    }

    fn an_answer_that_must_be_held_is_bounded() {
        let seen =
            frames(new(RelayOptions { most_output: Some(2), ..options(SSE) }), &sse(&[A, A, A, A, &finish("stop")]));
        let words = "the answer is larger than 2 bytes, the most that can be told whole";
        let error = json!({"type": "provider_error", "message": words, "provider": "prov", "retryable": false});
        assert_eq!(seen.last().unwrap().1["error"], error);
    }

    fn a_key_never_leaves_with_the_providers_words() {
        let key = "tok-0123456789";
        let error = |code: &str| {
            let frame = format!(r#"{{"error":{{"message":"bad {key} and sk-abcdefghijkl","code":"{code}"}}}}"#);
            let options = RelayOptions { key: Some(key.into()), ..options(SSE) };
            frames(new(options), &sse(&[&frame])).pop().unwrap().1["error"].clone()
        };
        let other = error("x");
        assert_eq!(other["message"], "bad [redacted] and [redacted]");
        assert_eq!(other["raw"]["error"]["message"], "bad [redacted] and [redacted]");
        assert_eq!(error("invalid_api_key").get("raw"), None);
    }

    fn long_words_of_a_provider_are_cut() {
        let frame = format!(r#"{{"error":{{"message":"{}"}}}}"#, "é".repeat(5000));
        let error = frames(new(options(SSE)), &sse(&[&frame])).pop().unwrap().1["error"].clone();
        assert_eq!(error["message"].as_str().unwrap().len(), ChatError::MAX_MESSAGE);
        assert!(error["raw"].as_str().unwrap().len() <= ChatError::MAX_RAW);
    }

    fn thinking_and_answering_have_their_own_pace() {
        let mut relay = new(options(SSE));
        let mut pace = |frame: &str| {
            relay.push(sse(&[frame]).as_bytes(), &mut Vec::new());
            relay.pace()
        };
        assert_eq!(pace(&delta(r#""role":"assistant""#)), Pace::Answering);
        assert_eq!(pace(&delta(r#""reasoning":"hm""#)), Pace::Thinking);
        assert_eq!(pace("?"), Pace::Thinking);
        assert_eq!(pace(A), Pace::Answering);
    }

    fn labels_of_bodies() {
        let framing = |label: Option<&str>| framing_for(label, Framing::Sse);
        for label in [
            None,
            Some(""),
            Some("text/event-stream; charset=utf-8"),
            Some("text/plain"),
            Some("application/octet-stream"),
        ] {
            assert_eq!(framing(label), Ok(Framing::Sse), "{label:?}");
        }
        assert_eq!(framing(Some("Application/JSON ; charset=utf-8")), Ok(Framing::Detect));
        assert_eq!(framing(Some("application/x-ndjson")), Ok(Framing::NdJson));
        assert!(!framing(Some("text/html; charset=utf-8")).unwrap_err().retryable);
        let mut relay = new(options(SSE));
        relay.frame_as(Framing::Detect);
        let whole = r#"{"choices":[{"message":{"content":"A"},"finish_reason":"stop"}]}"#;
        assert_eq!(frames(relay, whole)[0].1["content"], "A");
    }

    fn frames_of_the_clients_own_language_go_on_as_they_are() {
        let native = |frames: &[&str], end: bool| {
            let mut relay = native_relay();
            let (mut out, mut steps) = (Vec::new(), Vec::new());
            for data in frames {
                relay.push(format!("data: {data}\n\n").as_bytes(), &mut out);
                steps.push(out.len());
            }
            if end {
                relay.finish(&mut out);
            }
            (String::from_utf8(out).unwrap(), steps)
        };
        let role = r#"{"choices":[{"delta":{"role":"assistant"}}],"x": 1}"#;
        let text = r#"{"choices":[{"delta":{"content":"A"},"logprobs":{"y":[]}}]}"#;
        let stop = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;
        let (out, steps) = native(&[role, text, stop, "[DONE]"], true);
        assert_eq!(out, sse(&[role, text, stop, "[DONE]"]));
        // A promise alone does not commit: another attempt may still be made.
        assert_eq!(steps[0], 0);
        assert_eq!(native(&[role], false).0, "");
        // What the provider leaves out at the end is added, and a failure is told in our words.
        assert_eq!(native(&[text, stop], true).0, sse(&[text, stop, "[DONE]"]));
        let (out, _) = native(&[text, r#"{"error":{"message":"secret-key-123 broke","code":"x"}}"#], true);
        assert!(out.starts_with(&sse(&[text])) && out.contains("[redacted] broke") && !out.contains("[DONE]"), "{out}");
        let (out, _) = native(&[role, text], true);
        assert!(out.contains("truncated") && !out.contains("[DONE]"), "{out}");
    }
}

/// A relay between two sides of one language.
fn native_relay() -> Relay {
    let options = RelayOptions { native: true, key: Some("secret-key-123".to_owned()), ..options(SSE) };
    let reply = ReplyOptions { stream: true, ..ReplyOptions::default() };
    let encoder = OpenAiChat.encoder(reply, &ChatRequest::default());
    Relay::new(options, OpenAiChat.decoder(DecodeOptions::default()), encoder)
}
