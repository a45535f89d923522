//! Gemini's answers: streams by the frame, and arrays.

use tributary::dialects::{Gemini, ToProvider};
use tributary::framing::Framing;
use tributary::models::{Event, Sink};

use crate::both_targets;
use crate::harness::*;

/// Frames as the vendor sends them.
fn frames(payloads: &[&str]) -> String {
    payloads.iter().map(|payload| format!("data: {payload}\r\n\r\n")).collect()
}

fn check(payloads: &[&str], expect: &[&str]) {
    check_as(GEMINI, frames(payloads).as_bytes(), expect);
}

/// A response with these parts.
fn parts(parts: &str) -> String {
    format!(r#"{{"candidates":[{{"content":{{"parts":[{parts}]}}}}]}}"#)
}

/// A response that ends, for this reason.
fn ends(reason: &str) -> String {
    format!(r#"{{"candidates":[{{"finishReason":"{reason}"}}]}}"#)
}

/// These parts, a response each, and then a STOP.
fn check_parts(all: &[&str], expect: &[&str]) {
    let mut payloads: Vec<String> = all.iter().map(|one| parts(one)).collect();
    payloads.push(ends("STOP"));
    check(&payloads.iter().map(String::as_str).collect::<Vec<_>>(), expect);
}

/// A body that is an array.
fn check_array(body: &str, expect: &[&str]) {
    check_as(GEMINI_WHOLE, body.as_bytes(), expect);
}

const GEMINI_WHOLE: Feed = Feed { framing: Framing::Detect, ..GEMINI };
const BROKE_OFF: &str = "error truncated the provider's answer broke off";

/// What a failure says of the request that it belongs to.
fn request_id_of_failure(payloads: &[&str]) -> Option<String> {
    let mut decoder = Gemini.decoder(tributary::dialects::DecodeOptions::default());
    let mut id = None;
    let mut sink = |event: Event<'_>| {
        if let Event::Error(error) = event {
            id = error.provider_request_id.clone();
        }
    };
    let sink: &mut dyn Sink = &mut sink;
    for data in payloads {
        decoder.frame(tributary::framing::Frame { event: None, data, cut: false }, sink);
    }
    decoder.finish(sink);
    id
}

both_targets! {
    fn thinking_text_and_usage() {
        check(
            &[
                r#"{"candidates":[{"content":{"parts":[{"text":"Hm","thought":true}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":9,"totalTokenCount":19,"thoughtsTokenCount":10},"modelVersion":"m:1"}"#,
                r#"{"candidates":[{"content":{"parts":[{"text":"Hé"},{"text":" 🌊"}]},"finishReason":"STOP"}],"usageMetadata":{"candidatesTokenCount":3,"totalTokenCount":22}}"#,
            ],
            &[
                "start m:1", "think \"Hm\"", "usage 9 10 19 thought 10",
                "text \"Hé\"", "text \" 🌊\"", "usage 9 13 22 thought 10", "finish stop STOP",
            ],
        );
    }

    fn usage_overwrites_and_keeps_what_a_later_frame_lacks() {
        let usage = |fields: &str| format!(r#"{{"usageMetadata":{{{fields}}}}}"#);
        check(
            &[
                &usage(r#""promptTokenCount":8,"candidatesTokenCount":20,"cachedContentTokenCount":4"#),
                &usage(r#""trafficType":"ON_DEMAND""#),
                &usage(r#""candidatesTokenCount":16,"toolUsePromptTokenCount":5,"totalTokenCount":29"#),
                &ends("STOP"),
            ],
            &["usage 8 20 28 cached 4", "usage 13 16 29 cached 4", "finish stop STOP"],
        );
    }

    fn whole_calls_rise_from_zero() {
        check_parts(
            &[
                r#"{"functionCall":{"id":"a","name":"f","args":{"x":1}}},{"functionCall":{"name":"f"}}"#,
                r#"{"functionCall":{"id":"a","name":"f","args":{}}},{"functionCall":null}"#,
            ],
            &[
                r#"tool 0 a =f {"x":1}"#, "tool 1 call_r_1_1 =f {}", "tool 2 call_r_1_2 =f {}",
                "finish tool_calls STOP",
            ],
        );
    }

    fn signatures_are_state_at_their_place_and_never_text() {
        check_parts(
            &[
                r#"{"text":"Hm","thought":true,"thoughtSignature":"c2"},{"text":"A","thoughtSignature":"c3"}"#,
                r#"{"functionCall":{"id":"a","name":"f"},"thoughtSignature":"c4"}"#,
                r#"{"text":"","thoughtSignature":"c5"},{"thoughtSignature":"c6"}"#,
            ],
            &[
                "think \"Hm\"", r#"opaque gemini {"thoughtSignature":"c2"}"#,
                "text \"A\"", r#"opaque gemini {"thoughtSignature":"c3"}"#,
                "tool 0 a =f {}", r#"opaque gemini call 0 a {"thoughtSignature":"c4"}"#,
                r#"opaque gemini {"thoughtSignature":"c5"}"#, r#"opaque gemini {"thoughtSignature":"c6"}"#,
                "finish tool_calls STOP",
            ],
        );
    }

    fn only_the_end_of_the_body_ends_the_answer() {
        check(&[&parts(r#"{"text":"a"}"#), &ends("STOP"), &parts(r#"{"text":"b"}"#), &ends("MAX_TOKENS")],
            &["text \"a\"", "text \"b\"", "finish length MAX_TOKENS"]);
        check(&[&parts(r#"{"text":"a"}"#)], &["text \"a\"", BROKE_OFF]);
        check(&[&ends(""), &ends("null"), &ends("FINISH_REASON_UNSPECIFIED")], &[BROKE_OFF]);
        check(&[], &[BROKE_OFF]);
        check(&["[DONE]"], &[BROKE_OFF]);
        check(&[&ends("STOP"), "[DONE]", &parts(r#"{"text":"b"}"#)], &["finish stop STOP"]);
    }

    fn every_reason_has_its_ending() {
        let of = |reason: &str, line: &str| check(&[&ends(reason)], &[line]);
        for (reason, word) in [("STOP", "stop"), ("MAX_TOKENS", "length"), ("CONTINUATION", "pause")] {
            of(reason, &format!("finish {word} {reason}"));
        }
        for reason in [
            "SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR", "IMAGE_SAFETY",
            "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION",
        ] {
            of(reason, &format!("finish content_filter {reason}"));
        }
        for reason in [
            "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MALFORMED_RESPONSE",
            "MISSING_THOUGHT_SIGNATURE", "NO_IMAGE", "IMAGE_OTHER", "OTHER",
        ] {
            of(reason, &format!("error provider_error the provider ended the answer with {reason}"));
        }
        check(
            &[r#"{"candidates":[{"finishReason":"MALFORMED_FUNCTION_CALL","finishMessage":"print(f("}]}"#],
            &["error provider_error the provider ended the answer with MALFORMED_FUNCTION_CALL: print(f("],
        );
        check(&[&ends("NEW")], &["warn the provider ended with a reason that is not known: NEW", "finish stop NEW"]);
        check(&[r#"{"candidates":[{"finishReason":2}]}"#], &["finish length 2"]);
        check(
            &[&parts(r#"{"functionCall":{"name":"f"}}"#), &ends("SAFETY")],
            &["tool 0 call_r_1_0 =f {}", "finish content_filter SAFETY"],
        );
    }

    fn a_blocked_prompt_is_no_empty_success() {
        check(
            &[r#"{"promptFeedback":{"blockReason":"JAILBREAK"},"usageMetadata":{"promptTokenCount":4}}"#],
            &["usage 4 0 4", "finish content_filter JAILBREAK"],
        );
        check(
            &[r#"{"promptFeedback":{"blockReason":"SAFETY","blockReasonMessage":"Reasons","safetyRatings":[]}}"#],
            &["warn the provider blocked the prompt: Reasons", "finish content_filter SAFETY"],
        );
        check(&[r#"{"promptFeedback":{"safetyRatings":[]}}"#], &[BROKE_OFF]);
    }

    fn contents_of_every_shape() {
        let candidate = |fields: &str| format!(r#"{{"candidates":[{{{fields}}}]}}"#);
        check(
            &[
                &candidate(r#""content":{}"#),
                &candidate(r#""content":null,"finishReason":null"#),
                &candidate(r#""content":{"parts":"","role":"model"}"#),
                &candidate(r#""content":{"parts":[7,null,{}]},"index":"x""#),
                r#"{"candidates":null,"news":[1]}"#,
                &ends("STOP"),
            ],
            &["finish stop STOP"],
        );
    }

    fn what_cannot_be_given_is_said_once() {
        check_parts(
            &[
                r#"{"inlineData":{"mimeType":"image/png","data":"AAAA"}},{"inlineData":{}}"#,
                r#"{"executableCode":{"code":"1"}},{"codeExecutionResult":{"output":"1"}},{"toolCall":{"id":"t"}}"#,
            ],
            &["warn an image in the answer was left out", "finish stop STOP"],
        );
        check(
            &[
                r#"{"candidates":[{"content":{"parts":[{"text":"a"}]}},{"index":1,"content":{"parts":[{"text":"b"}]}}]}"#,
                r#"{"candidates":[{"index":1,"finishReason":"SAFETY"},{"index":0,"finishReason":"STOP"}]}"#,
            ],
            &["text \"a\"", "warn the provider sent more than one answer; only the first is given", "finish stop STOP"],
        );
    }

    fn each_source_is_given_once() {
        check(
            &[
                r#"{"candidates":[{"citationMetadata":{"citationSources":[{"startIndex":1,"endIndex":5,"uri":"https://a","title":"A"},{"endIndex":5}]}}]}"#,
                r#"{"candidates":[{"citationMetadata":{"citations":[{"startIndex":1,"endIndex":5,"uri":"https://a"},{"startIndex":7,"endIndex":9,"uri":"https://a"}]}}]}"#,
            ],
            &[r#"cite https://a "A" 1-5"#, "cite https://a 7-9", BROKE_OFF],
        );
        let grounds = r#"{"candidates":[{"groundingMetadata":{"groundingChunks":[{"web":{"uri":"https://g","title":"G"}},{"retrievedContext":{}}]}}]}"#;
        check(&[grounds, grounds], &[r#"cite https://g "G""#, BROKE_OFF]);
    }

    fn failures_in_mid_stream() {
        let error = r#"{"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}"#;
        let line = "error overloaded The model is overloaded.";
        let text = parts(r#"{"text":"a"}"#);
        check(&[&text, error, &text], &["text \"a\"", line]);
        check(&[&text, &format!("[{error}]")], &["text \"a\"", line]);
        let bare = "{\r\n \"error\": {\r\n  \"code\": 503,\r\n  \"message\": \"The model is overloaded.\"\r\n }\r\n}\r\n";
        check_as(GEMINI, (frames(&[&text]) + bare).as_bytes(), &["text \"a\"", line]);
        check_as(GEMINI, format!("event: error\r\ndata: {error}\r\n\r\n").as_bytes(), &[line]);
        check(
            &[r#"{"candidates":[{"content":{"parts":[{"text":"a"}]}}],"error":{"code":429,"message":"slow","status":"RESOURCE_EXHAUSTED"}}"#],
            &["text \"a\"", "error rate_limited slow"],
        );
    }

    fn a_failure_names_the_response_where_no_header_does() {
        let begin = r#"{"responseId":"r-1"}"#;
        assert_eq!(request_id_of_failure(&[begin, r#"{"error":{"code":500}}"#]).as_deref(), Some("r-1"));
        assert_eq!(request_id_of_failure(&[begin]).as_deref(), Some("r-1"));
        assert_eq!(request_id_of_failure(&[begin, &ends("OTHER")]).as_deref(), Some("r-1"));
        assert_eq!(request_id_of_failure(&[]), None);
    }

    fn a_bad_frame_costs_only_itself() {
        let text = parts(r#"{"text":"a"}"#);
        let left_out = "warn a frame of the provider's stream could not be read and is left out:";
        check(&["oops", &text, "7", &ends("STOP")], &[&format!("{left_out} oops"), "text \"a\"", &format!("{left_out} 7"), "finish stop STOP"]);
        check(&["[[1]]"], &[&format!("{left_out} [1]"), BROKE_OFF]);
        check_as(GEMINI, (frames(&[&text]) + r#"data: {"candidates":[{"con"#).as_bytes(), &["text \"a\"", BROKE_OFF]);
        check(&["<p>"], &["error provider_error the provider's answer is not a stream of chunks"]);
        let mut expect = vec![format!("{left_out} x"); 15];
        expect.push("error provider_error the provider's answer is not a stream of chunks".to_owned());
        check(&["x"; 20], &expect.iter().map(String::as_str).collect::<Vec<_>>());
        check(
            &[r#"{"modelVersion":"m","modelVersion":"n"}"#, &parts(r#"{"text":"\ud83c"}"#), &ends("STOP")],
            &["start n", "text \"\u{fffd}\"", "finish stop STOP"],
        );
    }

    fn an_array_instead_of_a_stream() {
        let text = parts(r#"{"text":"a"}"#);
        check_array(&format!("[{text}\n,\r\n{}\n]\n", ends("STOP")), &["text \"a\"", "finish stop STOP"]);
        check_array(&format!("[{text},\n{{\"candidates\":[{{\"fin"), &["text \"a\"", BROKE_OFF]);
        check_array(&ends("STOP"), &["finish stop STOP"]);
        check_array("[]", &[BROKE_OFF]);
        let failed = "[{\n \"error\": {\"code\": 429, \"message\": \"slow\"}\n}\n]";
        check_array(failed, &["error rate_limited slow"]);
        check_array(&format!("[{text},{}", &failed[1..]), &["text \"a\"", "error rate_limited slow"]);
    }
}

mod pieces {
    //! Calls whose arguments come in pieces.

    use super::*;

    fn piece(fields: &str) -> String {
        parts(&format!(r#"{{"functionCall":{{{fields}}}}}"#))
    }

    fn check_pieces(pieces: &[&str], last: &str, expect: &[&str]) {
        let mut payloads: Vec<String> = pieces.iter().map(|fields| piece(fields)).collect();
        payloads.extend((!last.is_empty()).then(|| ends(last)));
        check_long_as(&payloads, expect);
    }

    /// Too long for every two cuts: whole, and byte by byte.
    fn check_long_as(payloads: &[String], expect: &[&str]) {
        let body = frames(&payloads.iter().map(String::as_str).collect::<Vec<_>>());
        let whole = run(GEMINI, &[body.as_bytes()]);
        assert_eq!(whole.events.lines().collect::<Vec<_>>(), expect);
        let bytes = run(GEMINI, &body.as_bytes().chunks(1).collect::<Vec<_>>());
        assert!(bytes.events == whole.events && bytes.output == whole.output);
    }

    both_targets! {
        fn are_put_together_and_given_whole() {
            check_pieces(
                &[
                    r#""name":"f","willContinue":true"#,
                    r#""partialArgs":[{"jsonPath":"$.a.b[0].c","stringValue":"Li","willContinue":true}],"willContinue":true"#,
                    r#""partialArgs":[{"jsonPath":"$.a.b[0].c","stringValue":"ma\"","willContinue":true},{"jsonPath":"$.a.b[0].c","stringValue":""}],"willContinue":true"#,
                    r#""willContinue":true"#,
                    r#""partialArgs":[{"jsonPath":"$.a.b[1]","numberValue":0.5},{"jsonPath":"$['x.y']","boolValue":true},{"jsonPath":"$[\"z\\\"\"]","nullValue":"NULL_VALUE"}],"willContinue":true"#,
                    r#""partialArgs":[{"jsonPath":"$.e","willContinue":true},{"jsonPath":"$.n","nullValue":null}],"willContinue":true"#,
                    "",
                ],
                "STOP",
                &[
                    r#"tool 0 call_r_1_0 =f {"a":{"b":[{"c":"Lima\""},0.5]},"x.y":true,"z\"":null,"e":"","n":null}"#,
                    "finish tool_calls STOP",
                ],
            );
        }

        fn one_after_another_with_their_signatures() {
            let signed = parts(r#"{"functionCall":{"name":"f","id":"a","willContinue":true},"thoughtSignature":"c2"}"#);
            check_long_as(
                &[
                    signed,
                    piece(r#""id":"a","name":"f","partialArgs":[{"jsonPath":"$.x","stringValue":"1"}],"willContinue":true"#),
                    piece(r#""name":"f","willContinue":true"#),
                    piece(""),
                    piece(""),
                    piece(r#""name":"g","args":{"y":2}"#),
                    piece(r#""name":"h","partialArgs":[{"jsonPath":"$.z","boolValue":false}]"#),
                    ends("STOP"),
                ],
                &[
                    r#"tool 0 a =f {"x":"1"}"#, r#"opaque gemini call 0 a {"thoughtSignature":"c2"}"#,
                    "tool 1 call_r_1_1 =f {}", r#"tool 2 call_r_1_2 =g {"y":2}"#, r#"tool 3 call_r_1_3 =h {"z":false}"#,
                    "finish tool_calls STOP",
                ],
            );
        }

        fn without_their_last_piece_are_given_only_where_the_answer_ended_well() {
            let open = [r#""name":"f","willContinue":true"#, r#""partialArgs":[{"jsonPath":"$.x","numberValue":1}],"willContinue":true"#];
            check_pieces(&open, "STOP", &[r#"tool 0 call_r_1_0 =f {"x":1}"#, "finish tool_calls STOP"]);
            check_pieces(&open, "MAX_TOKENS", &["warn a tool call was cut off and is left out", "finish length MAX_TOKENS"]);
            check_pieces(&open, "", &[BROKE_OFF]);
        }

        fn that_lead_nowhere_are_a_failure_and_no_half_call() {
            let deep = format!("${}", ".a".repeat(70));
            for path in ["", "x", "$", "$..a", "$.a[1]", "$[99999999999]", "$.a[*]", "$['a", "$.s.t", &deep] {
                let bad = format!(r#""partialArgs":[{{"jsonPath":"$.s","stringValue":"t"}},{{"jsonPath":"{path}","numberValue":1}}]"#);
                let path = if path == deep { &deep[..80] } else { path };
                check_pieces(
                    &[r#""name":"f","willContinue":true"#, &bad], "STOP",
                    &[&format!("error provider_error the arguments of the call of f could not be put together, at {path}")],
                );
            }
        }

        fn of_a_nameless_call_are_left_out() {
            check_pieces(&[r#""args":{"x":1}"#], "STOP",
                &["warn the provider called a tool without its name; the call is left out", "finish stop STOP"]);
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod any_order {
    //! Frames of every kind that changes the decoder's state, in any order. Host only: proptest.

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn payload() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            Just(r#"{"text":"a"}"#),
            Just(r#"{"text":"b","thought":true,"thoughtSignature":"s"}"#),
            Just(r#"{"text":"","thoughtSignature":"t"}"#),
            Just(r#"{"functionCall":{"id":"i","name":"f","args":{"x":1}},"thoughtSignature":"u"}"#),
            Just(r#"{"functionCall":{"name":"f","willContinue":true}}"#),
            Just(r#"{"functionCall":{"id":"i","name":"g","willContinue":true},"thoughtSignature":"v"}"#),
            Just(r#"{"functionCall":{"partialArgs":[{"jsonPath":"$.a","stringValue":"x"}],"willContinue":true}}"#),
            Just(r#"{"functionCall":{"partialArgs":[{"jsonPath":"$.a[0]","numberValue":1}],"willContinue":true}}"#),
            Just(r#"{"functionCall":{}}"#),
            Just(r#"{"inlineData":{}}"#),
        ];
        let reason = proptest::sample::select(vec!["STOP", "MAX_TOKENS", "SAFETY", "OTHER", "CONTINUATION", "NEW", ""]);
        let other = proptest::sample::select(vec![
            "[DONE]",
            "{}",
            "[]",
            "[{},{\"candidates\":[]}]",
            "null",
            "{",
            "<p>",
            r#"{"usageMetadata":{"promptTokenCount":3}}"#,
            r#"{"promptFeedback":{"blockReason":"OTHER"}}"#,
            r#"{"error":{"message":"m"}}"#,
            r#"[{"error":{}}]"#,
        ]);
        prop_oneof![
            8 => vec(part, 0..3).prop_map(|all| parts(&all.join(","))),
            2 => reason.prop_map(ends),
            1 => other.prop_map(str::to_owned),
        ]
    }

    proptest! {
        #[test]
        fn has_one_ending_and_calls_without_gaps(payloads in vec(payload(), 0..12), cut in 0usize..400) {
            let body = frames(&payloads.iter().map(String::as_str).collect::<Vec<_>>());
            let whole = run(GEMINI, &[body.as_bytes()]);
            check_ending(&whole.output, whole.end.as_ref());
            let (head, tail) = body.as_bytes().split_at(cut.min(body.len()));
            prop_assert_eq!(&run(GEMINI, &[head, tail]).events, &whole.events);
            let mut ids: Vec<&str> = Vec::new();
            for line in whole.events.lines() {
                let words: Vec<&str> = line.splitn(5, ' ').collect();
                match words[..] {
                    ["tool", index, id, _, arguments] => {
                        prop_assert_eq!(index, ids.len().to_string());
                        prop_assert!(!ids.contains(&id), "{} twice", id);
                        prop_assert!(serde_json::from_str::<serde_json::Value>(arguments).unwrap().is_object());
                        ids.push(id);
                    }
                    ["opaque", _, "call", index, rest] => {
                        prop_assert_eq!(index, (ids.len() - 1).to_string());
                        prop_assert!(rest.starts_with(ids.last().unwrap()));
                    }
                    _ => prop_assert!(!line.starts_with("finish tool_calls") || !ids.is_empty()),
                }
            }
        }
    }
}
