//! Text, reasoning, refusals, sources; one answer out of several.

use crate::both_targets;
use crate::harness::*;

both_targets! {
    fn text_in_deltas() {
        let body = sse(&[
            r#"{"model":"m-1","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null}}],"usage":null}"#,
            r#"{"model":"m-1","choices":[{"index":0,"delta":{"content":"Hé"},"finish_reason":null}],"obfuscation":"xy"}"#,
            r#"{"model":"m-2","choices":[{"index":0,"delta":{"content":"llo 🌊"}}]}"#,
            &finish("stop"),
            "[DONE]",
        ]);
        check(&body, &["start m-1", "text \"Hé\"", "text \"llo 🌊\"", "finish stop stop"]);
    }

    fn white_space_is_text_and_is_kept() {
        let body =
            answer(&[r#""content":"a""#, r#""content":" ""#, r#""content":"\n\n""#, r#""content":" b ""#], "stop");
        check(&body, &[r#"text "a""#, r#"text " ""#, r#"text "\n\n""#, r#"text " b ""#, "finish stop stop"]);
    }

    fn line_breaks_of_every_alphabet_stay_inside_the_text() {
        let body = answer(&["\"content\":\"a\u{2028}b\u{85}c\"", r#""content":"\u2029\r\n\u0000""#], "stop");
        check(&body, &["text \"a\u{2028}b\u{85}c\"", "text \"\u{2029}\\r\\n\\u0000\"", "finish stop stop"]);
    }

    fn half_a_character_in_an_escape_costs_only_itself() {
        let body = answer(&[r#""content":"a\ud83c""#, r#""content":"\udf1fb""#, r#""content":"c""#], "stop");
        check(&body, &["text \"a\u{fffd}\"", "text \"\u{fffd}b\"", "text \"c\"", "finish stop stop"]);
    }

    fn a_thousand_equal_chunks_are_no_loop() {
        let chunk = delta(r#""content":"ha""#);
        let body = sse(&vec![chunk.as_str(); 1000]) + &sse(&[&finish("stop"), "[DONE]"]);
        let mut expect = vec![r#"text "ha""#; 1000];
        expect.push("finish stop stop");
        check_long(body.as_bytes(), &expect);
    }

    fn the_word_of_the_end_inside_an_answer_is_text() {
        let body = answer(&[r#""content":"[DONE]""#, r#""content":"data: [DONE]\n\n""#], "stop");
        check(&body, &[r#"text "[DONE]""#, r#"text "data: [DONE]\n\n""#, "finish stop stop"]);
    }

    fn reasoning_in_both_spellings() {
        check(
            &answer(&[r#""reasoning":"hm""#, r#""content":"A""#], "stop"),
            &[r#"think "hm""#, r#"text "A""#, "finish stop stop"],
        );
        check(
            &answer(
                &[r#""content":null,"reasoning_content":"hm""#, r#""content":"A","reasoning_content":null"#],
                "stop",
            ),
            &[r#"think "hm""#, r#"text "A""#, "finish stop stop"],
        );
    }

    fn reasoning_in_both_spellings_at_once_is_given_once() {
        let body = answer(
            &[
                r#""reasoning":"hm","reasoning_content":"hm","reasoning_details":[{"type":"reasoning.text","text":"hm"}]"#,
            ],
            "stop",
        );
        check(&body, &[r#"think "hm""#, "finish stop stop"]);
    }

    fn reasoning_details_alone() {
        let body = answer(
            &[
                r#""reasoning":null,"reasoning_details":[{"type":"reasoning.text","text":"a","signature":"c2ln"}]"#,
                r#""reasoning_details":[{"type":"reasoning.summary","summary":"b"},{"type":"reasoning.encrypted","data":"x"},7]"#,
                r#""content":"A","reasoning_details":[]"#,
            ],
            "stop",
        );
        let opaque = r#"opaque openai-chat {"reasoning_details":[{"type":"reasoning.text","text":"a","signature":"c2ln"},{"type":"reasoning.summary","summary":"b"},{"type":"reasoning.encrypted","data":"x"}]}"#;
        check(&body, &[r#"think "a""#, r#"think "b""#, r#"text "A""#, opaque, "finish stop stop"]);
    }

    fn a_refusal_is_the_reason_though_the_provider_says_stop() {
        let body = answer(&[r#""refusal":"I ""#, r#""refusal":"won't""#], "stop");
        check(&body, &[r#"refusal "I ""#, r#"refusal "won't""#, "finish refusal stop"]);
    }

    fn content_as_an_array_of_parts() {
        let body = answer(
            &[
                r#""content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}],"closed":true}]"#,
                r#""content":[{"type":"thinking","thinking":"so"},{"type":"text","text":"A"},null,{"type":"reference","reference_ids":[1]}]"#,
                r#""content":[{"type":"refusal","refusal":"no"}]"#,
            ],
            "stop",
        );
        check(&body, &[r#"think "hm""#, r#"think "so""#, r#"text "A""#, r#"refusal "no""#, "finish refusal stop"]);
    }

    fn think_tags_where_the_provider_leaves_them_in_the_text() {
        let body = answer(&[r#""content":"<th""#, r#""content":"ink>hm</""#, r#""content":"think>\nA""#], "stop");
        check_as(THINK, body.as_bytes(), &[r#"think "hm""#, r#"text "\nA""#, "finish stop stop"]);
        check(&body, &[r#"text "<th""#, r#"text "ink>hm</""#, r#"text "think>\nA""#, "finish stop stop"]);
    }

    fn think_tags_that_never_close_or_come_late() {
        let open = answer(&[r#""content":"<think>hm </th""#], "length");
        check_as(THINK, open.as_bytes(), &[r#"think "hm ""#, r#"think "</th""#, "finish length length"]);
        let late = answer(&[r#""content":"A <think>b</think>""#], "stop");
        check_as(THINK, late.as_bytes(), &[r#"text "A <think>b</think>""#, "finish stop stop"]);
        let start = answer(&[r#""content":"<""#], "stop");
        check_as(THINK, start.as_bytes(), &[r#"text "<""#, "finish stop stop"]);
    }

    fn fields_that_are_null_missing_or_of_another_shape() {
        let body = sse(&[
            r#"{"choices":[{"index":null,"delta":{"role":null,"content":null,"tool_calls":null,"function_call":null}}]}"#,
            r#"{"choices":[{"delta":null}]}"#,
            r#"{"choices":[null,{}]}"#,
            r#"{"choices":null}"#,
            r#"{"id":"x"}"#,
            "{}",
            r#"{"choices":[{"delta":{"content":{"odd":1},"tool_calls":"odd","refusal":[],"annotations":7}}],"usage":"odd"}"#,
            &delta(r#""content":"A""#),
            &finish("stop"),
        ]);
        check(&body, &[r#"text "A""#, "finish stop stop"]);
    }

    fn choices_empty_at_first() {
        let body = sse(&[
            r#"{"id":"","object":"","model":"","choices":[],"prompt_filter_results":[{"prompt_index":0}]}"#,
            r#"{"model":"m","choices":[{"delta":{"content":"A"},"content_filter_results":{},"finish_reason":null}]}"#,
            &finish("stop"),
            "[DONE]",
        ]);
        check(&body, &["start m", r#"text "A""#, "finish stop stop"]);
    }

    fn a_key_that_stands_twice() {
        let body = sse(&[
            r#"{"model":"a","model":"b","choices":[{"delta":{"content":"x","content":"A"}}]}"#,
            &finish("stop"),
            "[DONE]",
        ]);
        check(&body, &["start b", r#"text "A""#, "finish stop stop"]);
    }

    fn of_several_answers_only_the_first_is_given_with_one_warning() {
        let said =
            |index: u8, text: &str| format!(r#"{{"choices":[{{"index":{index},"delta":{{"content":"{text}"}}}}]}}"#);
        let ended = |index: u8| format!(r#"{{"choices":[{{"index":{index},"delta":{{}},"finish_reason":"stop"}}]}}"#);
        let body = sse(&[
            &said(0, ""),
            &said(1, ""),
            &said(0, "A"),
            &said(1, "X"),
            &said(1, "Y"),
            &said(0, "B"),
            &ended(1),
            &ended(0),
        ]);
        let warning = "warn the provider sent more than one answer; only the first is given";
        check(&body, &[r#"text "A""#, warning, r#"text "B""#, "finish stop stop"]);
    }

    fn several_answers_in_one_chunk() {
        let body = sse(&[
            r#"{"choices":[{"index":0,"delta":{"content":"A"}},{"index":1,"delta":{"content":"X"}}]}"#,
            r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"},{"index":1,"delta":{},"finish_reason":"length"}]}"#,
        ]);
        let warning = "warn the provider sent more than one answer; only the first is given";
        check(&body, &[r#"text "A""#, warning, "finish stop stop"]);
    }

    fn an_index_that_grows_with_every_token_is_one_answer() {
        let body = sse(&[
            r#"{"choices":[{"index":1,"delta":{"content":"A"}}]}"#,
            r#"{"choices":[{"index":2,"delta":{"content":"B"}}]}"#,
            r#"{"choices":[{"index":3,"delta":{"content":"C"},"finish_reason":"eos_token"}]}"#,
        ]);
        check(&body, &[r#"text "A""#, r#"text "B""#, r#"text "C""#, "finish stop eos_token"]);
    }

    fn cumulative_text_beside_the_deltas_is_not_text() {
        let body = sse(&[
            r#"{"choices":[{"delta":{"content":"A"},"message":{"role":"assistant","content":"A"}}]}"#,
            r#"{"choices":[{"delta":{"content":"B"},"message":{"role":"assistant","content":"AB"},"text":"B"}]}"#,
            r#"{"object":"chat.completion.done","choices":[{"delta":{"content":""},"message":{"content":"AB"},"finish_reason":"stop"}]}"#,
        ]);
        check(&body, &[r#"text "A""#, r#"text "B""#, "finish stop stop"]);
    }

    fn lists_of_sources_that_grow_give_each_source_once() {
        let body = sse(&[
            r#"{"citations":["https://a"],"choices":[{"delta":{"content":"A"}}]}"#,
            r#"{"citations":["https://a","https://b"],"search_results":[{"url":"https://a","title":"A"},{"url":"https://b","title":"B"}],"choices":[]}"#,
            r#"{"search_results":[{"url":"https://a"},{"url":"https://b"},{"url":"https://c","title":"C"}],"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
        ]);
        check(
            &body,
            &["cite https://a", r#"text "A""#, r#"cite https://b "B""#, r#"cite https://c "C""#, "finish stop stop"],
        );
    }

    fn a_source_without_an_address_is_none() {
        let body =
            answer(&[r#""content":"A","annotations":[{"url_citation":{"title":"T"}},{"url_citation":null}]"#], "stop");
        check(&body, &[r#"text "A""#, "finish stop stop"]);
    }

    fn frames_that_look_alike_are_read_each_for_itself() {
        let chunk = |content: &str, more: &str| {
            format!(r#"{{"choices":[{{"delta":{{"content":"{content}"{more}}},"finish_reason":null}}]}}"#)
        };
        let stop = |content: &str| chunk(content, "").replace("null", r#""stop""#);
        let body =
            sse(&[&chunk("A", ""), &chunk("B", ""), &chunk(r"\n", ""), &chunk("", ""), &chunk(r#"C","x":"D"#, "")])
                + &sse(&[&chunk("E", r#","refusal":"no""#), &chunk("F", r#","refusal":"no""#), &chunk("G", "")])
                + &sse(&[&stop("H"), &finish("length"), &stop("I")]);
        let expect = [
            r#"text "A""#,
            r#"text "B""#,
            r#"text "\n""#,
            r#"text "C""#,
            r#"text "E""#,
            r#"refusal "no""#,
            r#"text "F""#,
            r#"refusal "no""#,
            r#"text "G""#,
            r#"text "H""#,
            r#"text "I""#,
            "finish refusal stop",
        ];
        check(&body, &expect);
    }

    fn annotations_are_sources_with_their_places() {
        let body = answer(
            &[
                r#""content":"A","annotations":[{"type":"url_citation","url_citation":{"url":"https://a","title":"T","start_index":0,"end_index":4}},{"type":"file"}]"#,
            ],
            "stop",
        );
        check(&body, &[r#"text "A""#, r#"cite https://a "T" 0-4"#, "finish stop stop"]);
    }

    fn warnings_of_the_provider() {
        let body = sse(&[
            r#"{"choices":[{"delta":{"content":"A"},"finish_reason":"stop"}],"warnings":[{"message":"soon gone"},"x",{}]}"#,
            "[DONE]",
        ]);
        check(&body, &["warn soon gone", r#"text "A""#, "finish stop stop"]);
    }

    fn the_form_before_chat() {
        let chunks = [r#"{"choices":[{"text":"A","index":0,"finish_reason":null}]}"#, r#"{"choices":[{"text":"","finish_reason":"stop"}]}"#, "[DONE]"];
        check(&sse(&chunks), &[r#"text "A""#, "finish stop stop"]);
        // Beside a delta it is the delta's echo.
        let echo = r#"{"choices":[{"text":"A","delta":{"content":"A"},"finish_reason":"stop"}]}"#;
        check(&sse(&[echo, "[DONE]"]), &[r#"text "A""#, "finish stop stop"]);
    }
}
