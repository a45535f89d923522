//! Why an answer ended, and what it cost.

use serde_json::{Value, json};
use tributary::models::Event;

use crate::both_targets;
use crate::harness::*;

const A: &str = r#"{"choices":[{"delta":{"content":"A"}}]}"#;
const BROKE_OFF: &str = "error truncated the provider's answer broke off";
const NO_REASON: &str = "error truncated the provider ended without a finish reason";

/// A chunk that carries only usage.
fn usage(fields: &str) -> String {
    format!(r#"{{"choices":[],"usage":{{{fields}}}}}"#)
}

/// An answer with this usage chunk behind its finish gives this usage.
fn check_usage(fields: &str, expect: &str) {
    check(&sse(&[&finish("stop"), &usage(fields), "[DONE]"]), &[expect, "finish stop stop"]);
}

both_targets! {
    fn every_word_that_means_a_finish() {
        let words = [
            ("stop", "stop"),
            ("eos", "stop"),
            ("eos_token", "stop"),
            ("stop_sequence", "stop"),
            ("end_turn", "stop"),
            ("length", "length"),
            ("model_length", "length"),
            ("max_tokens", "length"),
            ("tool_calls", "tool_calls"),
            ("function_call", "tool_calls"),
            ("tool_use", "tool_calls"),
            ("content_filter", "content_filter"),
            ("refusal", "refusal"),
        ];
        for (raw, unified) in words {
            check(&sse(&[A, &finish(raw), "[DONE]"]), &[r#"text "A""#, &format!("finish {unified} {raw}")]);
        }
    }

    fn words_that_mean_a_failure() {
        let words = |raw: &str, kind: &str| {
            let end = format!("error {kind} the provider ended the answer with \"{raw}\"");
            check(&sse(&[A, &finish(raw), "[DONE]"]), &[r#"text "A""#, &end]);
        };
        words("error", "provider_error");
        words("insufficient_system_resource", "overloaded");
    }

    fn a_word_that_nobody_knows_is_a_stop_with_a_warning() {
        let warning = "warn the provider ended with a reason that is not known: bored";
        check(&sse(&[A, &finish("bored"), "[DONE]"]), &[r#"text "A""#, warning, "finish stop bored"]);
    }

    fn words_that_mean_not_yet() {
        for not_yet in ["null", r#""""#, r#""null""#, "false", "{}"] {
            let chunk = format!(r#"{{"choices":[{{"delta":{{"content":"A"}},"finish_reason":{not_yet}}}]}}"#);
            check(&sse(&[&chunk, "[DONE]"]), &[r#"text "A""#, NO_REASON]);
            check(&sse(&[&chunk, &finish("length")]), &[r#"text "A""#, "finish length length"]);
        }
    }

    fn a_finish_in_every_chunk_ends_nothing_before_the_end() {
        let chunk = r#"{"choices":[{"delta":{"content":"A"},"finish_reason":"stop"}]}"#;
        let last = r#"{"choices":[{"delta":{},"finish_reason":null}]}"#;
        check(&sse(&[chunk, chunk, last, "[DONE]"]), &[r#"text "A""#, r#"text "A""#, "finish stop stop"]);
        check(&sse(&[chunk, &finish("length"), "[DONE]"]), &[r#"text "A""#, "finish length length"]);
    }

    fn a_finish_that_is_repeated_beside_the_usage() {
        let repeated = r#"{"choices":[{"delta":{"content":""},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#;
        check(&sse(&[A, &finish("stop"), repeated, "[DONE]"]), &[r#"text "A""#, "usage 1 2 3", "finish stop stop"]);
    }

    fn no_reason_is_never_a_stop() {
        check(&sse(&[A, "[DONE]"]), &[r#"text "A""#, NO_REASON]);
        check(&sse(&[A]), &[r#"text "A""#, BROKE_OFF]);
        check(&sse(&["[DONE]"]), &[NO_REASON]);
        check("", &[BROKE_OFF]);
        check(": nothing\n\n", &[BROKE_OFF]);
    }

    fn a_body_cut_inside_a_frame_is_broken_off() {
        let body = sse(&[A]) + "data: {\"choices\":[{\"delta\":{\"content\":\"B";
        check(&body, &[r#"text "A""#, BROKE_OFF]);
    }

    fn a_last_frame_without_its_blank_line_counts() {
        check((sse(&[A]) + "data: " + &finish("stop")).as_str(), &[r#"text "A""#, "finish stop stop"]);
        check((sse(&[A, &finish("stop")]) + "data: [DONE]\n").as_str(), &[r#"text "A""#, "finish stop stop"]);
    }

    fn the_end_in_every_spelling() {
        for end in
            ["data: [DONE]\n\n", "data:[DONE]\n\n", "data: [DONE] \n\n", "data: [DONE] bye\n\n", "data: [DONE]", ""]
        {
            check(&(sse(&[A, &finish("stop")]) + end), &[r#"text "A""#, "finish stop stop"]);
        }
        check(&(sse(&[&finish("stop")]) + "event: data\ndata: [DONE]\n\n"), &["finish stop stop"]);
    }

    fn nothing_counts_behind_the_end() {
        let body = sse(&[
            A,
            &finish("stop"),
            "[DONE]",
            A,
            "[DONE]",
            r#"{"error":{"message":"late"}}"#,
            &usage(r#""prompt_tokens":1"#),
        ]);
        check(&body, &[r#"text "A""#, "finish stop stop"]);
    }

    fn only_the_limit_cut_a_silent_answer() {
        check(&answer(&[r#""role":"assistant","content":"""#], "length"), &["finish length length"]);
    }

    fn usage_behind_the_finish() {
        check_usage(r#""prompt_tokens":9,"completion_tokens":3,"total_tokens":12"#, "usage 9 3 12");
    }

    fn usage_before_another_chunk_without_choices() {
        let moderation = r#"{"choices":[],"usage":null,"moderation":{"flagged":false}}"#;
        let body = sse(&[&finish("stop"), &usage(r#""prompt_tokens":9,"completion_tokens":3"#), moderation, "[DONE]"]);
        check(&body, &["usage 9 3 12", "finish stop stop"]);
    }

    fn usage_in_every_chunk_is_a_total_and_never_added() {
        let with = |count: u8| {
            format!(
                r#"{{"choices":[{{"delta":{{"content":"A"}}}}],"usage":{{"prompt_tokens":9,"completion_tokens":{count}}}}}"#
            )
        };
        let body = sse(&[&with(1), &with(2), &finish("stop")]);
        check(&body, &[r#"text "A""#, "usage 9 1 10", r#"text "A""#, "usage 9 2 11", "finish stop stop"]);
        assert_eq!(settled(&body)["usage"], json!({"input_tokens": 9, "output_tokens": 2, "total_tokens": 11}));
    }

    fn usage_in_the_finish_chunk_beside_a_seed_beyond_any_integer() {
        let body = sse(&[
            r#"{"choices":[{"index":0,"text":"A","seed":null,"delta":{"token_id":16,"role":"assistant","content":"A"}}],"usage":null}"#,
            r#"{"choices":[{"index":0,"text":"","seed":12479678939117453000,"finish_reason":"eos","delta":{"content":""}}],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12,"cached_tokens":4}}"#,
            r#"{"choices":[{"seed":1.2479678939117453e30}]}"#,
            "[DONE]",
        ]);
        check(&body, &[r#"text "A""#, "usage 9 3 12 cached 4", "finish stop eos"]);
    }

    fn cached_and_reasoning_tokens_in_all_their_places() {
        let rest = r#""prompt_tokens":9,"completion_tokens":3"#;
        check_usage(
            &format!(r#"{rest},"prompt_tokens_details":{{"cached_tokens":4,"audio_tokens":0}}"#),
            "usage 9 3 12 cached 4",
        );
        check_usage(&format!(r#"{rest},"cached_tokens":4"#), "usage 9 3 12 cached 4");
        check_usage(
            &format!(r#"{rest},"prompt_cache_hit_tokens":4,"prompt_cache_miss_tokens":5"#),
            "usage 9 3 12 cached 4",
        );
        check_usage(
            &format!(r#"{rest},"completion_tokens_details":{{"reasoning_tokens":2}}"#),
            "usage 9 3 12 thought 2",
        );
        check_usage(&format!(r#"{rest},"reasoning_tokens":2"#), "usage 9 3 12 thought 2");
    }

    fn usage_with_null_details_and_figures_that_nobody_knows() {
        check_usage(
            r#""prompt_tokens":9,"completion_tokens":3,"prompt_tokens_details":null,"completion_tokens_details":null,"cost":0.00012,"cost_details":{"x":null}"#,
            "usage 9 3 12",
        );
        check_usage(r#""prompt_tokens":9.0,"completion_tokens":3e0,"total_tokens":-1"#, "usage 9 3 12");
    }

    fn usage_that_says_nothing_is_none() {
        for nothing in ["", r#""prompt_tokens":null"#, r#""prompt_tokens":"9""#, r#""prompt_tokens":-9"#] {
            check(&sse(&[&finish("stop"), &usage(nothing)]), &["finish stop stop"]);
        }
    }

    fn usage_in_several_objects_of_which_each_lacks_something() {
        let body = sse(&[
            &usage(r#""prompt_tokens":9,"prompt_tokens_details":{"cached_tokens":4}"#),
            &usage(r#""completion_tokens":3"#),
            &finish("stop"),
        ]);
        check(&body, &["usage 9 0 9 cached 4", "usage 9 3 12 cached 4", "finish stop stop"]);
    }

    fn usage_in_the_vendors_extra_object() {
        let body = sse(&[
            r#"{"choices":[],"x_groq":{"id":"req","seed":7}}"#,
            r#"{"choices":[{"delta":{},"finish_reason":"stop"}],"x_groq":{"usage":{"queue_time":0.1,"prompt_tokens":9,"completion_tokens":3}}}"#,
        ]);
        check(&body, &["usage 9 3 12", "finish stop stop"]);
    }

    fn usage_that_is_absent_is_estimated_and_says_so() {
        // 40 bytes were asked and 5 answered, at four bytes a token.
        let estimate = json!({"input_tokens": 10, "output_tokens": 2, "total_tokens": 12, "estimated": true});
        for body in [answer(&[r#""content":"12345""#], "stop"), sse(&[&delta(r#""content":"12345""#)])] {
            assert_eq!(settled(&body)["usage"], estimate);
        }
    }

    fn a_filtered_answer_is_an_error_to_the_unified_client() {
        let body = sse(&[A, &finish("content_filter"), &usage(r#""prompt_tokens":9,"completion_tokens":3"#), "[DONE]"]);
        check(&body, &[r#"text "A""#, "usage 9 3 12", "finish content_filter content_filter"]);
        let error = json!({
            "type": "content_filter", "message": "the provider's content filter withheld the answer", "provider": "prov",
            "retryable": false, "code": "content_filter",
        });
        let usage = json!({"input_tokens": 9, "output_tokens": 3, "total_tokens": 12});
        assert_eq!(settled(&body), json!({"error": error, "usage": usage}));
    }

    fn events_are_lines() {
        let mut line = String::new();
        note(&Event::Text("\"\n"), &mut line);
        assert_eq!(line, "text \"\\\"\\n\"\n");
    }
}

/// What the last frame that carries figures says.
fn settled(body: &str) -> Value {
    let mut frames = read_output(&run(SSE, &[body.as_bytes()]).output);
    frames.retain(|frame| frame.event != "done");
    frames.pop().unwrap().json()
}
