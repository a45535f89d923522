//! Anthropic Messages: streams, whole answers and error answers.

use http::{HeaderMap, StatusCode};
use tributary::dialects::{Anthropic, ToProvider};
use tributary::framing::Framing;
use tributary::models::ErrorKind;

use crate::both_targets;
use crate::harness::*;

fn check(payloads: &[&str], expect: &[&str]) {
    check_as(ANTHROPIC, sse(payloads).as_bytes(), expect);
}

/// The same behind a start and, with a stop reason, before an end.
fn check_blocks(blocks: &[&str], stop: &str, expect: &[&str]) {
    let end = format!(r#"{{"type":"message_delta","delta":{{"stop_reason":"{stop}"}}}}"#);
    check(&[blocks, &[&end, STOP]].concat(), expect);
}

const START: &str = r#"{"type":"message_start","message":{"id":"m1","model":"c","content":[],"usage":{"input_tokens":9,"output_tokens":1}}}"#;
const STOP: &str = r#"{"type":"message_stop"}"#;
const END: &str = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":3}}"#;

/// Whether an index is given is told by the caller: 0 is what most fixtures need.
fn begin(block: &str) -> String {
    format!(r#"{{"type":"content_block_start","index":0,"content_block":{block}}}"#)
}

fn delta(delta: &str) -> String {
    format!(r#"{{"type":"content_block_delta","index":0,"delta":{delta}}}"#)
}

fn text(text: &str) -> String {
    delta(&format!(r#"{{"type":"text_delta","text":"{text}"}}"#))
}

const OVER: &str = r#"{"type":"content_block_stop","index":0}"#;

both_targets! {
    fn text_with_names_pings_padding_and_crlf() {
        let body = "event: message_start\r\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"c\",\"usage\":{\"input_tokens\":9}}}\r\n\r\n\
            event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}   }\n\n\
            event: ping\ndata: {\"type\": \"ping\"}\n\n\
            event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"H\u{e9}\\ud83c\\udf0a\"}}\n\n\
            data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":3}  }\n\n\
            event: message_stop\ndata: {\"type\":\"message_stop\"}";
        check_as(
            ANTHROPIC,
            body.as_bytes(),
            &["start c", "usage 9 0 9", "text \"Hé🌊\"", "usage 9 3 12", "finish stop end_turn"],
        );
    }

    fn usage_is_of_all_the_input_and_later_figures_count() {
        check(
            &[
                r#"{"type":"message_start","message":{"usage":{"input_tokens":1,"cache_creation_input_tokens":2,"cache_read_input_tokens":4,"output_tokens":1}}}"#,
                r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":8,"output_tokens":5,"output_tokens_details":{"thinking_tokens":3}}}"#,
                r#"{"type":"message_delta","delta":{},"usage":{"cache_read_input_tokens":0,"output_tokens_details":null,"iterations":[{}]}}"#,
                STOP,
            ],
            &[
                "usage 7 0 7 cached 4",
                "usage 14 5 19 cached 4 thought 3",
                "usage 10 5 15 cached 0 thought 3",
                "finish stop end_turn",
            ],
        );
    }

    fn what_is_counted_at_the_start_counts_where_nothing_else_does() {
        check(
            &[START, r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#, STOP],
            &["start c", "usage 9 0 9", "usage 9 1 10", "finish stop end_turn"],
        );
    }

    fn thinking_goes_back_with_its_signature() {
        let thought = delta(r#"{"type":"thinking_delta","thinking":"Hm","estimated_tokens":2}"#);
        let signed = delta(r#"{"type":"signature_delta","signature":"c2ln"}"#);
        check_blocks(
            &[&begin(r#"{"type":"thinking","thinking":"","signature":""}"#), &thought, &thought, &signed, OVER, &text("A")],
            "end_turn",
            &[
                "think \"Hm\"",
                "think \"Hm\"",
                r#"opaque anthropic {"type":"thinking","thinking":"HmHm","signature":"c2ln"}"#,
                "text \"A\"",
                "finish stop end_turn",
            ],
        );
    }

    fn thinking_that_is_not_shown_goes_back_all_the_same() {
        check_blocks(
            &[
                &begin(r#"{"type":"thinking","thinking":""}"#),
                &delta(r#"{"type":"signature_delta","signature":"c2ln"}"#),
                OVER,
                &begin(r#"{"type":"redacted_thinking","data":"eA=="}"#),
                OVER,
            ],
            "end_turn",
            &[
                r#"opaque anthropic {"type":"thinking","thinking":"","signature":"c2ln"}"#,
                r#"opaque anthropic {"type":"redacted_thinking","data":"eA=="}"#,
                "finish stop end_turn",
            ],
        );
    }

    fn thinking_that_was_cut_has_no_signature_and_stays_here() {
        check_blocks(
            &[&begin(r#"{"type":"thinking"}"#), &delta(r#"{"type":"thinking_delta","thinking":"Hm"}"#), OVER],
            "max_tokens",
            &["think \"Hm\"", "finish length max_tokens"],
        );
    }

    fn a_call_in_pieces_the_first_of_them_empty() {
        check_blocks(
            &[
                &begin(r#"{"type":"tool_use","id":"t1","name":"f","input":{}}"#),
                &delta(r#"{"type":"input_json_delta","partial_json":""}"#),
                &delta(r#"{"type":"input_json_delta","partial_json":"{\"a\":"}"#),
                &delta(r#"{"type":"input_json_delta","partial_json":" 1}"}"#),
                OVER,
            ],
            "tool_use",
            &["tool 0 t1 =f", "tool 0 t1 {\"a\":", "tool 0 t1  1}", "finish tool_calls tool_use"],
        );
    }

    fn calls_without_arguments_have_the_empty_object_in_their_turn() {
        let call = |id: &str| begin(&format!(r#"{{"type":"tool_use","id":"{id}","name":"f","input":{{}}}}"#));
        check_blocks(
            &[&call("t"), &delta(r#"{"type":"input_json_delta","partial_json":""}"#), OVER, &call("t")],
            "end_turn",
            &[
                "tool 0 t =f",
                "tool 0 t {}",
                "tool 1 call_r_1_1 =f",
                "tool 1 call_r_1_1 {}",
                "finish tool_calls end_turn",
            ],
        );
    }

    fn a_call_that_was_cut_off_is_not_completed() {
        let call = begin(r#"{"type":"tool_use","id":"t","name":"f","input":{}}"#);
        check_blocks(&[&call], "max_tokens", &["tool 0 t =f", "finish length max_tokens"]);
        check_blocks(&[&call, OVER], "max_tokens", &["tool 0 t =f", "finish length max_tokens"]);
        check(&[&call, OVER], &["tool 0 t =f", "error truncated the provider's answer broke off"]);
        let piece = delta(r#"{"type":"input_json_delta","partial_json":"{\"a"}"#);
        check_blocks(&[&call, &piece], "refusal", &["tool 0 t =f", "tool 0 t {\"a", "finish refusal refusal"]);
    }

    fn arguments_that_come_with_the_start_are_given_once() {
        let call = begin(r#"{"type":"tool_use","id":"t","name":"f","input":{"a":1}}"#);
        check_blocks(&[&call, OVER], "tool_use", &["tool 0 t =f", "tool 0 t {\"a\":1}", "finish tool_calls tool_use"]);
        let piece = delta(r#"{"type":"input_json_delta","partial_json":"{\"a\":1}"}"#);
        check_blocks(&[&call, &piece, OVER], "tool_use", &["tool 0 t =f", "tool 0 t {\"a\":1}", "finish tool_calls tool_use"]);
    }

    fn blocks_are_told_apart_by_their_index() {
        let piece = |index: u32, json: &str| {
            format!(r#"{{"type":"content_block_delta","index":{index},"delta":{{"type":"input_json_delta","partial_json":"{json}"}}}}"#)
        };
        check_blocks(
            &[
                r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"a","name":"f"}}"#,
                r#"{"type":"content_block_start","index":4,"content_block":{"type":"tool_use","id":"b","name":"g"}}"#,
                &piece(1, "[1"),
                &piece(4, "[2]"),
                &piece(1, "]"),
                &piece(7, "lost"),
            ],
            "tool_use",
            &["tool 0 a =f", "tool 1 b =g", "tool 0 a [1", "tool 1 b [2]", "tool 0 a ]", "finish tool_calls tool_use"],
        );
    }

    fn the_providers_own_tools_pass_over() {
        check_blocks(
            &[
                &begin(r#"{"type":"server_tool_use","id":"s","name":"w","input":{}}"#),
                &delta(r#"{"type":"input_json_delta","partial_json":"{}"}"#),
                OVER,
                &begin(r#"{"type":"web_search_tool_result","content":[{"text":"no"}]}"#),
                &text("no"),
            ],
            "pause_turn",
            &["finish pause pause_turn"],
        );
        check_blocks(&[&begin(r#"{"type":"mcp_tool_use","id":"s","name":"w"}"#), OVER], "end_turn", &["finish stop end_turn"]);
    }

    fn what_is_not_known_passes_over() {
        check_blocks(
            &[&begin(r#"{"type":"compaction","content":null}"#), &delta(r#"{"type":"compaction_delta","content":"no"}"#), &text("no"), OVER],
            "end_turn",
            &["finish stop end_turn"],
        );
        check_blocks(
            &[r#"{"type":"new","index":{},"delta":[1]}"#, &delta(r#"{"type":"new_delta","text":"no"}"#), &text("A")],
            "end_turn",
            &["text \"A\"", "finish stop end_turn"],
        );
    }

    fn another_model_that_goes_on_is_named() {
        check_blocks(
            &[&begin(r#"{"type":"fallback","to":{"model":"d"}}"#), OVER, &begin(r#"{"type":"text"}"#), &text("A")],
            "end_turn",
            &["warn the provider went on with another model: d", "text \"A\"", "finish stop end_turn"],
        );
    }

    fn sources_with_an_address() {
        let cite = |fields: &str| delta(&format!(r#"{{"type":"citations_delta","citation":{{{fields}}}}}"#));
        check_blocks(
            &[
                &cite(r#""type":"web_search_result_location","url":"https://a","title":"A","cited_text":"x""#),
                &cite(r#""type":"search_result_location","source":"https://b","title":null,"start_block_index":0"#),
                &cite(r#""type":"char_location","document_title":"C","document_index":0"#),
            ],
            "end_turn",
            &["cite https://a \"A\"", "cite https://b", "finish stop end_turn"],
        );
    }

    fn every_way_to_end() {
        let check = |raw: &str, line: &str| check_blocks(&[], raw, &[line]);
        check("end_turn", "finish stop end_turn");
        check("stop_sequence", "finish stop stop_sequence");
        check("max_tokens", "finish length max_tokens");
        check("model_context_window_exceeded", "finish length model_context_window_exceeded");
        check("tool_use", "finish tool_calls tool_use");
        check("pause_turn", "finish pause pause_turn");
        check("compaction", "finish pause compaction");
        check("refusal", "finish refusal refusal");
        check_blocks(&[], "odd", &["warn the provider ended with a reason that is not known: odd", "finish stop odd"]);
    }

    fn a_refusal_is_given_in_its_words() {
        check(
            &[
                r#"{"type":"message_delta","delta":{"stop_reason":"refusal","stop_details":{"type":"refusal","category":"cyber","explanation":"No."}}}"#,
                STOP,
            ],
            &["refusal \"No.\"", "finish refusal refusal"],
        );
    }

    fn an_answer_without_an_ending_has_broken_off() {
        let off = "error truncated the provider's answer broke off";
        check(&[START, &text("A")], &["start c", "usage 9 0 9", "text \"A\"", off]);
        check(&[], &[off]);
        check(&["[DONE]"], &[off]);
        check(&[START, STOP], &["start c", "usage 9 0 9", "error truncated the provider ended without a stop reason"]);
        check_as(ANTHROPIC, b"data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_tu", &[off]);
    }

    fn the_last_word_counts_without_the_sign_behind_it() {
        check(&[END], &["usage 0 3 3", "finish stop end_turn"]);
        check(&[END, "[DONE]"], &["usage 0 3 3", "finish stop end_turn"]);
        check(&[END, STOP, "[DONE]", &text("A")], &["usage 0 3 3", "finish stop end_turn"]);
    }

    fn an_error_in_the_stream() {
        let error = r#"{"type":"error","error":{"details":null,"type":"overloaded_error","message":"Overloaded"},"request_id":"r"}"#;
        check(&[&text("A"), error, STOP], &["text \"A\"", "error overloaded Overloaded"]);
        check_as(ANTHROPIC, format!("event: error\ndata: {error}\n\n").as_bytes(), &["error overloaded Overloaded"]);
        check(&[r#"{"error":{"type":"rate_limit_error","message":"Slow"}}"#], &["error rate_limited Slow"]);
        check(&[r#"{"detail":"who are you"}"#], &["error provider_error who are you"]);
        check_as(ANTHROPIC, b"event: error\ndata: oops\n\n", &["error provider_error oops"]);
    }

    fn a_message_that_is_announced_twice() {
        check(&[START, START, &text("A"), END, STOP], &[
            "start c", "usage 9 0 9", "usage 9 0 9", "text \"A\"", "usage 9 3 12", "finish stop end_turn",
        ]);
    }

    fn another_message_in_the_place_of_the_first() {
        let other = r#"{"type":"message_start","message":{"id":"m2"}}"#;
        let thinks = [&begin(r#"{"type":"thinking"}"#), &delta(r#"{"type":"thinking_delta","thinking":"Hm"}"#)];
        check(
            &[START, thinks[0], thinks[1], other, &text("A"), END],
            &["start c", "usage 9 0 9", "think \"Hm\"", "text \"A\"", "usage 9 3 12", "finish stop end_turn"],
        );
        check(&[START, &text("A"), END, other, &text("B")], &["start c", "usage 9 0 9", "text \"A\"", "usage 9 3 12", "finish stop end_turn"]);
        let broken = "error truncated the provider's answer broke off, and another one began in its place";
        check(&[START, &text("A"), other, &text("A"), END], &["start c", "usage 9 0 9", "text \"A\"", broken]);
        let call = begin(r#"{"type":"tool_use","id":"t","name":"f","input":{}}"#);
        check(&[START, &call, other, END], &["start c", "usage 9 0 9", "tool 0 t =f", broken]);
    }

    fn an_answer_that_did_not_stream() {
        let body = br#" {"id":"m","type":"message","model":"c","content":[
            {"type":"thinking","thinking":"Hm","signature":"s"},{"type":"text","text":"A","citations":[{"url":"u"}]},
            {"type":"tool_use","id":"t","name":"f","input":{"a":1}},{"type":"tool_use","id":"u","name":"g","input":{}}],
            "stop_reason":"tool_use","usage":{"input_tokens":9,"output_tokens":3}}"#;
        check_as(Feed { framing: Framing::Detect, ..ANTHROPIC }, body, &[
            "start c",
            "usage 9 0 9",
            "think \"Hm\"",
            r#"opaque anthropic {"type":"thinking","thinking":"Hm","signature":"s"}"#,
            "text \"A\"",
            "cite u",
            "tool 0 t =f",
            "tool 0 t {\"a\":1}",
            "tool 1 u =g",
            "tool 1 u {}",
            "usage 9 3 12",
            "finish tool_calls tool_use",
        ]);
    }

    fn a_whole_answer_with_half_a_character() {
        let body = br#"{"type":"message","content":[{"text":"A\ud83c"}],"stop_reason":"end_turn"}"#;
        check_as(Feed { framing: Framing::Detect, ..ANTHROPIC }, body, &["text \"A\u{fffd}\"", "finish stop end_turn"]);
    }

    fn odd_shapes_cost_only_themselves() {
        check(
            &[
                "oops",
                "[1]",
                r#"{"type":"content_block_start","index":"x","content_block":[]}"#,
                r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"A\ud83c"}}"#,
                r#"{"type":"content_block_delta","type":"content_block_delta","delta":{"type":"text_delta","text":"B","text":"C"}}"#,
                r#"{"type":"content_block_stop"}"#,
                r#"{"type":"message_start","message":null}"#,
                r#"{"type":"message_delta","delta":{"stop_reason":null},"usage":[]}"#,
                END,
            ],
            &[
                "warn a frame of the provider's stream could not be read and is left out: oops",
                "warn a frame of the provider's stream could not be read and is left out: [1]",
                "text \"A\u{fffd}\"",
                "text \"C\"",
                "usage 0 3 3",
                "finish stop end_turn",
            ],
        );
        check(&["<html>"], &["error provider_error the provider's answer is not a stream of chunks"]);
    }

    fn thinking_without_end_is_given_but_not_kept() {
        let begin = begin(r#"{"type":"thinking"}"#);
        let long = delta(&format!(r#"{{"type":"thinking_delta","thinking":"{}"}}"#, "x".repeat(600_000)));
        let signed = delta(r#"{"type":"signature_delta","signature":"s"}"#);
        let body = sse(&[&begin, &long, &long, &signed, OVER, &begin, &signed, OVER, END]);
        let events = run(ANTHROPIC, &[body.as_bytes()]).events;
        let lines: Vec<&str> = events.lines().map(|line| &line[..line.len().min(40)]).collect();
        let think = format!("think \"{}", "x".repeat(33));
        let warn = "warn the thinking is too long to go back";
        assert_eq!(lines, [think.as_str(), &think, warn, "usage 0 3 3", "finish stop end_turn"]);
    }

    fn error_answers() {
        let check = |status: u16, body: &str, kind: ErrorKind, retryable: bool| {
            let error = Anthropic.read_error(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), body.as_bytes());
            assert_eq!((error.kind, error.retryable), (kind, retryable), "{status} {body}");
        };
        let body = |kind: &str, message: &str| format!(r#"{{"type":"error","error":{{"type":"{kind}","message":"{message}"}},"request_id":"r"}}"#);
        check(400, &body("invalid_request_error", "m"), ErrorKind::InvalidRequest, false);
        check(401, &body("authentication_error", "invalid x-api-key"), ErrorKind::ProviderAuth, false);
        check(402, &body("billing_error", "m"), ErrorKind::BudgetExceeded, false);
        check(403, &body("permission_error", "m"), ErrorKind::PermissionDenied, false);
        check(404, &body("not_found_error", "model: claude-9"), ErrorKind::ModelNotSupported, false);
        check(404, &body("not_found_error", "Not Found"), ErrorKind::NotFound, false);
        check(409, &body("conflict_error", "m"), ErrorKind::Overloaded, true);
        check(413, &body("request_too_large", "m"), ErrorKind::TooLarge, false);
        check(429, &body("rate_limit_error", "m"), ErrorKind::RateLimited, true);
        check(500, &body("api_error", "m"), ErrorKind::Provider, true);
        check(504, &body("timeout_error", "m"), ErrorKind::Timeout, true);
        check(529, &body("overloaded_error", "m"), ErrorKind::Overloaded, true);
        let spent = r#"{"error":{"type":"rate_limit_error","message":"m","details":{"error_code":"contract_spend_limit_reached"}}}"#;
        check(429, spent, ErrorKind::RateLimited, false);
    }
}
