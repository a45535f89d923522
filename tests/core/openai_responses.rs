//! OpenAI Responses: streams of semantic events, whole answers, endings and failures.

use crate::both_targets;
use crate::harness::*;

/// An event of a type, with these fields.
fn ev(kind: &str, fields: &str) -> String {
    let comma = if fields.is_empty() { "" } else { "," };
    format!(r#"{{"type":"response.{kind}"{comma}{fields}}}"#)
}

/// Events, each with its name, as the vendor frames them.
fn body(events: &[String]) -> String {
    let named = |event: &String| {
        let name =
            event.strip_prefix(r#"{"type":""#).and_then(|rest| rest.split_once('"')).map_or("x", |(name, _)| name);
        format!("event: {name}\ndata: {event}\n\n")
    };
    events.iter().map(named).collect()
}

/// At every two cuts where the body is short: they take time by the square of its length.
fn check(events: &[String], expect: &[&str]) {
    let body = body(events);
    let check = if body.len() <= 400 { check_as } else { check_long_as };
    check(RESPONSES, body.as_bytes(), expect);
}

fn text(index: u32, text: &str) -> String {
    ev("output_text.delta", &format!(r#""output_index":{index},"content_index":0,"delta":"{text}""#))
}

fn added(index: u32, item: &str) -> String {
    ev("output_item.added", &format!(r#""output_index":{index},"item":{{{item}}}"#))
}

fn done(index: u32, item: &str) -> String {
    ev("output_item.done", &format!(r#""output_index":{index},"item":{{{item}}}"#))
}

fn arguments(index: u32, piece: &str) -> String {
    ev("function_call_arguments.delta", &format!(r#""output_index":{index},"delta":"{piece}""#))
}

fn end() -> String {
    ev("completed", r#""response":{"status":"completed"}"#)
}

fn incomplete(details: &str) -> String {
    ev("incomplete", &format!(r#""response":{{"status":"incomplete","incomplete_details":{details}}}"#))
}

const END: &str = "finish stop completed";
const CALLS: &str = "finish tool_calls completed";
const BROKEN: &str = "error truncated the provider's answer broke off";

both_targets! {
    fn a_whole_stream_in_order() {
        check(
            &[
                ev("created", r#""sequence_number":0,"response":{"id":"r","model":"m-1","status":"in_progress","usage":null}"#),
                ev("in_progress", r#""response":{"model":"m-2"}"#),
                added(0, r#""type":"message","id":"a","content":[]"#),
                text(0, "Hé"),
                text(0, " 🌊"),
                ev("output_text.done", r#""output_index":0,"content_index":0,"text":"Hé 🌊""#),
                done(0, r#""type":"message","content":[{"type":"output_text","text":"Hé 🌊"}]"#),
                ev("completed", r#""response":{"status":"completed","output":[{"type":"message","id":"a","content":[{"text":"Hé 🌊"}]}],"usage":{"input_tokens":9,"input_tokens_details":{"cached_tokens":4},"output_tokens":3,"output_tokens_details":{"reasoning_tokens":1},"total_tokens":12}}"#),
                text(0, "behind the end"),
            ],
            &["start m-1", "text \"Hé\"", "text \" 🌊\"", "usage 9 3 12 cached 4 thought 1", END],
        );
    }

    fn events_are_known_by_the_type_in_their_json_and_nothing_else() {
        let stream = sse(&[&text(0, "a"), &end()]);
        check_as(RESPONSES, stream.as_bytes(), &["text \"a\"", END]);
        let named = format!("event: error\ndata: {}\n\nevent: response.failed\ndata: {}\n\n", text(0, "a"), end());
        check_as(RESPONSES, named.as_bytes(), &["text \"a\"", END]);
    }

    fn items_are_told_apart_by_index_or_else_by_id() {
        let delta = |fields: &str| ev("output_text.delta", fields);
        let whole = |fields: &str| ev("output_text.done", fields);
        // Ids that change, and an index that stays.
        check(
            &[
                delta(r#""output_index":1,"item_id":"x","delta":"a""#),
                delta(r#""output_index":1,"item_id":"y","delta":"b""#),
                whole(r#""output_index":1,"item_id":"z","text":"abc""#),
                end(),
            ],
            &["text \"a\"", "text \"b\"", "text \"c\"", END],
        );
        // No index.
        check(
            &[
                delta(r#""item_id":"x","delta":"a""#),
                delta(r#""item_id":"y","delta":"b""#),
                whole(r#""item_id":"x","text":"ac""#),
                whole(r#""item_id":"y","text":"bd""#),
                end(),
            ],
            &["text \"a\"", "text \"b\"", "text \"c\"", "text \"d\"", END],
        );
        // Neither, or an index only later.
        check(&[delta(r#""delta":"a""#), whole(r#""text":"ab""#), end()], &["text \"a\"", "text \"b\"", END]);
        check(
            &[delta(r#""item_id":"x","delta":"a""#), whole(r#""output_index":0,"item_id":"x","text":"a""#), end()],
            &["text \"a\"", END],
        );
    }

    fn a_whole_text_gives_what_its_pieces_lack_and_never_repeats_them() {
        let whole = |text: &str| ev("output_text.done", &format!(r#""output_index":0,"content_index":0,"text":"{text}""#));
        let item = |text: &str| done(0, &format!(r#""type":"message","content":[{{"type":"output_text","text":"{text}"}}]"#));
        check(&[whole("ab"), item("ab"), end()], &["text \"ab\"", END]);
        check(&[item("ab"), item("ab"), end()], &["text \"ab\"", END]);
        check(&[text(0, "a"), item("ab"), end()], &["text \"a\"", "text \"b\"", END]);
        check(&[text(0, "a"), whole("xyz"), item("A"), end()], &["text \"a\"", END]);
        check(&[done(0, r#""type":"message","content":"plain""#), end()], &["text \"plain\"", END]);
    }

    fn several_parts_of_one_message() {
        let part = |number: u32, text: &str| {
            ev("output_text.delta", &format!(r#""output_index":0,"content_index":{number},"delta":"{text}""#))
        };
        check(
            &[
                part(0, "a"),
                part(1, "a"),
                done(0, r#""type":"message","content":[{"text":"a"},{"text":"ab"},{"refusal":"no"},7]"#),
                end(),
            ],
            &["text \"a\"", "text \"a\"", "text \"b\"", "refusal \"no\"", END],
        );
    }

    fn a_refusal() {
        let piece = |text: &str| ev("refusal.delta", &format!(r#""output_index":0,"content_index":0,"delta":"{text}""#));
        let whole = ev("refusal.done", r#""output_index":0,"content_index":0,"refusal":"I can't.""#);
        check(
            &[piece("I"), piece(" can"), whole.clone(), end()],
            &["refusal \"I\"", "refusal \" can\"", "refusal \"'t.\"", "finish refusal completed"],
        );
        check(&[text(0, "Well."), whole, end()], &["text \"Well.\"", "refusal \"I can't.\"", END]);
    }

    fn a_summary_of_reasoning_is_paragraphs() {
        let piece = |index: u32, part: u32, text: &str| {
            let place = format!(r#""output_index":{index},"summary_index":{part}"#);
            ev("reasoning_summary_text.delta", &format!(r#"{place},"delta":"{text}""#))
        };
        check(
            &[
                piece(0, 0, "a"),
                piece(0, 0, "b"),
                ev("reasoning_summary_text.done", r#""output_index":0,"summary_index":0,"text":"ab""#),
                piece(0, 1, "c"),
                done(0, r#""type":"reasoning","summary":[{"text":"ab"},{"text":"cd"},{"text":"e"}]"#),
                piece(1, 0, "f"),
                end(),
            ],
            &["think \"a\"", "think \"b\"", "think \"\\n\\nc\"", "think \"d\"", "think \"\\n\\ne\"", "think \"\\n\\nf\"", END],
        );
    }

    fn reasoning_in_the_models_own_words() {
        let piece = |text: &str| ev("reasoning_text.delta", &format!(r#""output_index":0,"content_index":0,"delta":"{text}""#));
        check(
            &[
                piece("a"),
                ev("reasoning_text.done", r#""output_index":0,"content_index":0,"text":"ab""#),
                done(0, r#""type":"reasoning","content":[{"type":"reasoning_text","text":"ab"}],"summary":[]"#),
                end(),
            ],
            &["think \"a\"", "think \"b\"", END],
        );
    }

    fn of_reasoning_and_its_summary_the_first_is_given() {
        let thought = ev("reasoning_text.delta", r#""output_index":0,"delta":"own""#);
        let summary = ev("reasoning_summary_text.delta", r#""output_index":0,"delta":"sum""#);
        let item = done(0, r#""type":"reasoning","content":[{"text":"own"}],"summary":[{"text":"sum"}]"#);
        check(&[thought.clone(), summary.clone(), item.clone(), end()], &["think \"own\"", END]);
        check(&[summary, thought, item.clone(), end()], &["think \"sum\"", END]);
        check(&[item, end()], &["think \"own\"", END]);
    }

    fn sealed_reasoning_goes_back_with_these_fields_only() {
        check(
            &[
                added(0, r#""type":"reasoning","id":"rs","encrypted_content":"early","summary":[]"#),
                done(0, r#""type":"reasoning","id":"rs","status":"completed","content":[],"encrypted_content":"c2Vh","summary":[{"type":"summary_text","text":"s"}]"#),
                text(1, "a"),
                done(2, r#""type":"reasoning","encrypted_content":"bGVk""#),
                done(3, r#""type":"reasoning","id":"x","encrypted_content":null"#),
                end(),
            ],
            &[
                "think \"s\"",
                r#"opaque openai-responses {"type":"reasoning","id":"rs","summary":[{"type":"summary_text","text":"s"}],"encrypted_content":"c2Vh"}"#,
                "text \"a\"",
                r#"opaque openai-responses {"type":"reasoning","summary":[],"encrypted_content":"bGVk"}"#,
                END,
            ],
        );
    }

    fn the_phase_of_a_message_goes_behind_its_text() {
        let message = |index: u32, phase: &str, text: &str| {
            done(index, &format!(r#""type":"message","phase":{phase},"content":[{{"text":"{text}"}}]"#))
        };
        check(
            &[
                message(0, "\"commentary\"", "a"),
                message(1, "null", "b"),
                message(2, "\"final_answer\"", ""),
                end(),
            ],
            &["text \"a\"", r#"opaque openai-responses {"type":"message","phase":"commentary"}"#, "text \"b\"", END],
        );
    }

    fn a_call_in_pieces() {
        let item = |arguments: &str| format!(r#""type":"function_call","id":"fc","call_id":"c1","name":"f","arguments":"{arguments}""#);
        check(
            &[
                added(0, &item("")),
                arguments(0, r#"{\"a\":"#),
                arguments(0, "1}"),
                ev("function_call_arguments.done", r#""output_index":0,"arguments":"{\"a\":1}""#),
                done(0, &item(r#"{\"a\":1}"#)),
                end(),
            ],
            &["tool 0 c1 =f", r#"tool 0 c1 {"a":"#, "tool 0 c1 1}", CALLS],
        );
    }

    fn a_call_without_pieces() {
        let item = |arguments: &str| format!(r#""type":"function_call","call_id":"c1","name":"f","arguments":{arguments}"#);
        let whole = ev("function_call_arguments.done", r#""output_index":0,"arguments":"[1]""#);
        check(&[added(0, &item("\"\"")), whole, end()], &["tool 0 c1 =f", "tool 0 c1 [1]", CALLS]);
        check(&[done(0, &item("\"[1]\"")), end()], &["tool 0 c1 =f", "tool 0 c1 [1]", CALLS]);
        check(&[done(0, &item(r#"{"a":1}"#)), end()], &["tool 0 c1 =f", r#"tool 0 c1 {"a":1}"#, CALLS]);
    }

    fn a_call_without_arguments_takes_the_empty_object() {
        let item = r#""type":"function_call","call_id":"c1","name":"f","arguments":"""#;
        check(&[added(0, item), done(0, item), end()], &["tool 0 c1 =f", "tool 0 c1 {}", CALLS]);
        check(&[added(0, item), end()], &["tool 0 c1 =f", "tool 0 c1 {}", CALLS]);
    }

    fn arguments_that_were_cut_off_stay_so() {
        let item = |arguments: &str| {
            format!(r#""type":"function_call","call_id":"c1","name":"f","status":"incomplete","arguments":"{arguments}""#)
        };
        let length = "finish length max_output_tokens";
        let cut = incomplete(r#"{"reason":"max_output_tokens"}"#);
        check(
            &[added(0, &item("")), arguments(0, "[1"), done(0, &item("[1,")), cut.clone()],
            &["tool 0 c1 =f", "tool 0 c1 [1", "tool 0 c1 ,", length],
        );
        check(&[added(0, &item("")), done(0, &item("")), cut.clone()], &["tool 0 c1 =f", length]);
        check(&[added(0, &item("")), cut], &["tool 0 c1 =f", length]);
        check(&[added(0, &item("")), done(0, &item("")), end()], &["tool 0 c1 =f", CALLS]);
        check(&[added(0, &item(""))], &["tool 0 c1 =f", BROKEN]);
    }

    fn parallel_calls_interleaved() {
        let item = |id: &str| format!(r#""type":"function_call","call_id":"{id}","name":"f","arguments":"""#);
        check(
            &[
                added(3, &item("c1")),
                added(5, &item("c2")),
                arguments(5, "[2"),
                arguments(3, "[1]"),
                arguments(5, "]"),
                end(),
            ],
            &["tool 0 c1 =f", "tool 1 c2 =f", "tool 1 c2 [2", "tool 0 c1 [1]", "tool 1 c2 ]", CALLS],
        );
    }

    fn ids_that_are_missing_or_come_twice() {
        let item = |id: &str| format!(r#""type":"function_call"{id},"name":"f","arguments":"[1]""#);
        check(
            &[
                done(0, &item(r#","id":"a","call_id":"c""#)),
                done(1, &item(r#","id":"b","call_id":"c""#)),
                done(2, &item("")),
                end(),
            ],
            &[
                "tool 0 c =f", "tool 0 c [1]", "tool 1 call_r_1_1 =f", "tool 1 call_r_1_1 [1]",
                "tool 2 call_r_1_2 =f", "tool 2 call_r_1_2 [1]", CALLS,
            ],
        );
    }

    fn every_index_0_told_apart_by_call_id() {
        let item = |id: &str, arguments: &str| {
            format!(r#""type":"function_call","call_id":"{id}","name":"f","arguments":"{arguments}""#)
        };
        check(
            &[
                added(0, &item("c1", "")),
                added(0, &item("c1", "")),
                arguments(0, "[1"),
                added(0, &item("c2", "")),
                done(0, &item("c1", "[1]")),
                done(0, &item("c2", "[2]")),
                end(),
            ],
            &["tool 0 c1 =f", "tool 0 c1 [1", "tool 1 c2 =f", "tool 0 c1 ]", "tool 1 c2 [2]", CALLS],
        );
    }

    fn a_name_that_comes_with_the_end_is_in_the_first_piece_all_the_same() {
        let item = r#""type":"function_call","call_id":"c1","name":"f","arguments":"[1]""#;
        check(&[arguments(0, "[1"), done(0, item), end()], &["tool 0 c1 =f", "tool 0 c1 [1", "tool 0 c1 ]", CALLS]);
        check(&[arguments(0, "[1"), end()], &["tool 0 call_r_1_0", "tool 0 call_r_1_0 [1", CALLS]);
    }

    fn a_custom_tool_takes_free_text() {
        let item = |input: &str| format!(r#""type":"custom_tool_call","call_id":"c1","name":"sql","input":"{input}""#);
        let piece = |text: &str| ev("custom_tool_call_input.delta", &format!(r#""output_index":0,"delta":"{text}""#));
        check(
            &[
                added(0, &item("")),
                piece("select "),
                ev("custom_tool_call_input.done", r#""output_index":0,"input":"select 1""#),
                done(0, &item("select 1;")),
                end(),
            ],
            &["custom 0 c1 =sql", "custom 0 c1 select ", "custom 0 c1 1", "custom 0 c1 ;", CALLS],
        );
        check(&[done(0, &item("")), end()], &["custom 0 c1 =sql", CALLS]);
    }

    fn tools_that_the_provider_runs_pass_by() {
        let hosted = ["web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call", "computer_call"];
        let more = ["mcp_call", "mcp_list_tools", "local_shell_call", "shell_call", "apply_patch_call", "tool_search_call"];
        for kind in hosted.into_iter().chain(more).chain(["program", "compaction", "of_tomorrow"]) {
            let item = format!(r#""type":"{kind}","call_id":"c","name":"f","arguments":{{}},"action":[1]"#);
            check(
                &[added(0, &item), ev(&format!("{kind}.searching"), r#""output_index":0"#), done(0, &item), text(1, "a"), end()],
                &["text \"a\"", END],
            );
        }
        check(
            &[
                ev("mcp_call_arguments.delta", r#""output_index":0,"delta":"{}""#),
                ev("code_interpreter_call_code.delta", r#""output_index":0,"delta":"1""#),
                ev("image_generation_call.partial_image", r#""partial_image_b64":"AAAA""#),
                ev("output_item.added", r#""item":7"#),
                ev("content_part.added", r#""part":{"type":"output_text","text":""}"#),
                r#"{"type":"keepalive","sequence_number":3}"#.to_owned(),
                r#"{"nothing":"known"}"#.to_owned(),
                end(),
            ],
            &[END],
        );
    }

    fn sources_each_once() {
        let note = |index: u32, fields: &str| {
            ev("output_text.annotation.added", &format!(r#""output_index":0,"annotation_index":{index},"annotation":{{{fields}}}"#))
        };
        let a = r#""type":"url_citation","url":"https://a","title":"A","start_index":0,"end_index":1"#;
        let b = r#""type":"url_citation","url":"https://b""#;
        let file = r#""type":"file_citation","file_id":"f","url":"x""#;
        let item = format!(r#""type":"message","content":[{{"text":"x","annotations":[{{{a}}},{{{b}}},{{{file}}},{{{b}}}]}}]"#);
        check(
            &[text(0, "x"), note(0, a), note(1, file), done(0, &item), end()],
            &["text \"x\"", "cite https://a \"A\" 0-1", "cite https://b", END],
        );
    }

    fn every_ending() {
        check(&[end()], &[END]);
        check(&[incomplete(r#"{"reason":"max_output_tokens"}"#)], &["finish length max_output_tokens"]);
        check(&[incomplete(r#"{"reason":"max_messages"}"#)], &["finish length max_messages"]);
        check(&[incomplete(r#"{"reason":"content_filter"}"#)], &["finish content_filter content_filter"]);
        check(&[incomplete(r#"{"reason":"steered"}"#)], &["finish pause steered"]);
        let unknown = "warn the provider ended with a reason that is not known: ";
        check(&[incomplete(r#"{"reason":"tired"}"#)], &[&format!("{unknown}tired"), "finish length tired"]);
        check(&[incomplete("null")], &[&format!("{unknown}incomplete"), "finish length incomplete"]);
        check(&[ev("completed", "")], &[END]);
        // One terminal event for all endings.
        let one = ev("completed", r#""response":{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}}"#);
        check(&[text(0, "a"), one], &["text \"a\"", "finish length max_output_tokens"]);
        check(&[ev("cancelled", r#""response":{}"#)], &["error provider_error the provider cancelled the answer"]);
    }

    fn a_failure_is_one_error() {
        let failed = ev("failed", r#""response":{"status":"failed","error":{"code":"server_error","message":"oh"},"usage":{"input_tokens":1,"output_tokens":2}}"#);
        check(&[text(0, "a"), failed.clone()], &["text \"a\"", "usage 1 2 3", "error provider_error oh"]);
        let nested = r#"{"type":"error","error":{"type":"insufficient_quota","code":"insufficient_quota","message":"pay","param":null}}"#;
        check(&[nested.to_owned(), failed.clone()], &["error rate_limited pay"]);
        let flat = r#"{"type":"error","code":"rate_limit_exceeded","message":"slow","param":null,"sequence_number":2}"#;
        check(&[flat.to_owned(), failed], &["error rate_limited slow"]);
        let code = |code: &str| ev("failed", &format!(r#""response":{{"error":{{"code":"{code}","message":"m"}}}}"#));
        check(&[code("invalid_prompt")], &["error invalid_request m"]);
        check(&[code("bio_policy")], &["error content_filter m"]);
        check(&[ev("failed", "")], &["error provider_error the provider reported a failure without a message"]);
        for untyped in [r#"{"error":{"message":"oh"}}"#, r#"{"code":"x","error":"oh"}"#] {
            check_as(RESPONSES, sse(&[untyped]).as_bytes(), &["error provider_error oh"]);
        }
        check_as(RESPONSES, b"event: error\ndata: {\"message\":\"oh\"}\n\n", &["error provider_error oh"]);
    }

    fn without_a_terminal_event_the_answer_has_broken_off() {
        check(&[text(0, "a")], &["text \"a\"", BROKEN]);
        check(&[], &[BROKEN]);
        let item = r#""type":"message","status":"completed","content":[{"text":"a"}]"#;
        check_as(RESPONSES, sse(&[&done(0, item), "[DONE]"]).as_bytes(), &["text \"a\"", BROKEN]);
        let cut = body(&[text(0, "a"), end()]);
        check_as(RESPONSES, &cut.as_bytes()[..cut.len() - 9], &["text \"a\"", BROKEN]);
    }

    fn a_sentinel_says_nothing() {
        let stream = sse(&["[DONE]", &text(0, "[DONE]"), "[DONE] ", &end(), "[DONE]"]);
        check_as(RESPONSES, stream.as_bytes(), &["text \"[DONE]\"", END]);
    }

    fn items_that_only_the_last_event_has() {
        let output = r#"[{"type":"reasoning","id":"r","encrypted_content":"e"},{"type":"message","id":"other","content":[{"text":"ab"}]},{"type":"message","content":[{"text":"c"}]},{"type":"web_search_call"},{"type":"function_call","call_id":"c1","name":"f","arguments":"[1]"}]"#;
        let last = ev("completed", &format!(r#""response":{{"status":"completed","output":{output}}}"#));
        let state = r#"opaque openai-responses {"type":"reasoning","id":"r","summary":[],"encrypted_content":"e"}"#;
        check(
            std::slice::from_ref(&last),
            &[state, "text \"ab\"", "text \"c\"", "tool 0 c1 =f", "tool 0 c1 [1]", CALLS],
        );
        // Other indices and other ids than in the stream.
        check(
            &[done(7, r#""type":"reasoning","id":"x","encrypted_content":"e2""#), text(9, "a"), last],
            &[
                r#"opaque openai-responses {"type":"reasoning","id":"x","summary":[],"encrypted_content":"e2"}"#,
                "text \"a\"", "text \"b\"", "text \"c\"", "tool 0 c1 =f", "tool 0 c1 [1]", CALLS,
            ],
        );
    }

    fn a_response_that_came_whole() {
        let detect = Feed { framing: DETECT.framing, ..RESPONSES };
        let whole = |status: &str| {
            format!(r#"{{"object":"response","model":"m","status":{status},"error":null,"output":[{{"type":"message","content":[{{"text":"a"}}]}}],"text":{{"format":{{}}}},"usage":{{"input_tokens":1,"output_tokens":2}}}}"#)
        };
        check_as(detect, whole("\"completed\"").as_bytes(), &["start m", "text \"a\"", "usage 1 2 3", END]);
        check_as(detect, whole("\"in_progress\"").as_bytes(), &["start m", "text \"a\"", BROKEN]);
        check_as(detect, whole("null").as_bytes(), &["start m", "text \"a\"", BROKEN]);
        let failed = r#"{"object":"response","status":"failed","error":{"code":"server_error","message":"oh"},"output":[]}"#;
        check_as(detect, failed.as_bytes(), &["error provider_error oh"]);
        check_as(detect, br#"{"error":{"message":"oh"}}"#, &["error provider_error oh"]);
    }

    fn frames_that_are_no_json() {
        let words = "warn a frame of the provider's stream could not be read and is left out: ";
        let stream = sse(&["oops", &text(0, "a"), "[1]", &end()]);
        check_as(
            RESPONSES,
            stream.as_bytes(),
            &[&format!("{words}oops"), "text \"a\"", &format!("{words}[1]"), END],
        );
        let page = sse(&["<html>"]);
        check_as(RESPONSES, page.as_bytes(), &["error provider_error the provider's answer is not a stream of chunks"]);
        let many = run(RESPONSES, &[sse(&["x"; 20]).as_bytes()]);
        assert_eq!(many.events.lines().count(), 16, "{}", many.events);
    }

    fn json_that_a_typed_reader_would_refuse() {
        let twice = r#"{"type":"response.output_text.delta","output_index":9,"output_index":0,"delta":"a"}"#.to_owned();
        let half = text(0, r"\ud83c");
        let odd = ev("output_text.delta", r#""output_index":-1,"item_id":[],"content_index":"0","delta":"b","item":[],"response":"x""#);
        check(&[twice, half, odd, end()], &["text \"a\"", "text \"\u{fffd}\"", "text \"b\"", END]);
    }
}
