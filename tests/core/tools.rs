//! Tool calls in every form: rising indices, an id in every piece, the name once, arguments that join.

use crate::both_targets;
use crate::harness::*;

/// An answer of these lists of `tool_calls`, a delta each.
fn calls(lists: &[&str]) -> String {
    let deltas: Vec<String> = lists.iter().map(|list| format!(r#""tool_calls":[{list}]"#)).collect();
    answer(&deltas.iter().map(String::as_str).collect::<Vec<_>>(), "tool_calls")
}

const END: &str = "finish tool_calls tool_calls";

both_targets! {
    fn arguments_in_pieces() {
        let body = calls(&[
            r#"{"index":0,"id":"c1","type":"function","function":{"name":"f","arguments":""}}"#,
            r#"{"index":0,"function":{"arguments":"{\"a\""}}"#,
            r#"{"index":0,"function":{"arguments":":1}"}}"#,
        ]);
        check(&body, &["tool 0 c1 =f", r#"tool 0 c1 {"a""#, "tool 0 c1 :1}", END]);
    }

    fn calls_one_after_another_and_interleaved() {
        let body = calls(&[
            r#"{"index":0,"id":"c1","function":{"name":"f","arguments":""}},{"index":1,"id":"c2","function":{"name":"g","arguments":""}}"#,
            r#"{"index":1,"function":{"arguments":"[2"}}"#,
            r#"{"index":0,"function":{"arguments":"[1"}}"#,
            r#"{"index":1,"function":{"arguments":"]"}},{"index":0,"function":{"arguments":"]"}}"#,
        ]);
        check(
            &body,
            &["tool 0 c1 =f", "tool 1 c2 =g", "tool 1 c2 [2", "tool 0 c1 [1", "tool 1 c2 ]", "tool 0 c1 ]", END],
        );
    }

    fn without_an_index() {
        let body = calls(&[
            r#"{"id":"c1","function":{"name":"f","arguments":"{\"a\":1}"}}"#,
            r#"{"id":"c2","function":{"name":"f","arguments":"{\"a\":"}}"#,
            r#"{"function":{"arguments":"2}"}}"#,
        ]);
        check(
            &body,
            &["tool 0 c1 =f", r#"tool 0 c1 {"a":1}"#, "tool 1 c2 =f", r#"tool 1 c2 {"a":"#, "tool 1 c2 2}", END],
        );
    }

    fn with_neither_index_nor_id() {
        let body =
            calls(&[r#"{"function":{"name":"f","arguments":"[1]"}},{"function":{"name":"g","arguments":"[2]"}}"#]);
        check(
            &body,
            &["tool 0 call_r_1_0 =f", "tool 0 call_r_1_0 [1]", "tool 1 call_r_1_1 =g", "tool 1 call_r_1_1 [2]", END],
        );
    }

    fn every_index_0_told_apart_by_id() {
        let body = calls(&[
            r#"{"index":0,"id":"c1","function":{"name":"f","arguments":"{\"a\":"}}"#,
            r#"{"index":0,"id":"c1","function":{"arguments":"1}"}}"#,
            r#"{"index":0,"id":"c2","function":{"name":"f","arguments":"[2]"}}"#,
        ]);
        check(&body, &["tool 0 c1 =f", r#"tool 0 c1 {"a":"#, "tool 0 c1 1}", "tool 1 c2 =f", "tool 1 c2 [2]", END]);
    }

    fn every_index_0_and_no_id_told_apart_by_name() {
        let body = calls(&[
            r#"{"index":0,"function":{"name":"f","arguments":"[1]"}}"#,
            r#"{"index":0,"function":{"name":"g","arguments":"[2]"}}"#,
        ]);
        check(
            &body,
            &["tool 0 call_r_1_0 =f", "tool 0 call_r_1_0 [1]", "tool 1 call_r_1_1 =g", "tool 1 call_r_1_1 [2]", END],
        );
    }

    fn an_id_that_is_empty_later_or_repeated_and_a_name_that_is_repeated() {
        let body = calls(&[
            r#"{"index":0,"id":"c1","function":{"name":"f","arguments":""}}"#,
            r#"{"index":0,"id":"","function":{"name":null,"arguments":"["}}"#,
            r#"{"index":0,"id":"","function":{"name":"","arguments":"1"}}"#,
            r#"{"index":0,"id":"c1","function":{"name":"f","arguments":"]"}}"#,
        ]);
        check(&body, &["tool 0 c1 =f", "tool 0 c1 [", "tool 0 c1 1", "tool 0 c1 ]", END]);
    }

    fn indices_with_gaps_come_out_without() {
        let body = calls(&[
            r#"{"index":1,"id":"c1","function":{"name":"f","arguments":"[1]"}}"#,
            r#"{"index":7,"id":"c2","function":{"name":"g","arguments":"[2]"}}"#,
        ]);
        check(&body, &["tool 0 c1 =f", "tool 0 c1 [1]", "tool 1 c2 =g", "tool 1 c2 [2]", END]);
    }

    fn an_id_that_was_used_before_is_replaced() {
        let body = calls(&[
            r#"{"index":0,"id":"c","function":{"name":"f","arguments":"[1]"}}"#,
            r#"{"index":1,"id":"c","function":{"name":"f","arguments":"[2]"}}"#,
        ]);
        check(&body, &["tool 0 c =f", "tool 0 c [1]", "tool 1 call_r_1_1 =f", "tool 1 call_r_1_1 [2]", END]);
    }

    fn a_call_without_arguments_takes_the_empty_object() {
        for none in [r#","arguments":"""#, r#","arguments":null"#, "", r#","arguments":"{}""#, r#","arguments":{}"#] {
            let body = calls(&[&format!(r#"{{"index":0,"id":"c1","function":{{"name":"f"{none}}}}}"#)]);
            check(&body, &["tool 0 c1 =f", "tool 0 c1 {}", END]);
        }
    }

    fn arguments_missing_first_and_then_the_empty_object_without_an_id() {
        let body = calls(&[
            r#"{"index":0,"id":"c1","function":{"name":"f"}}"#,
            r#"{"index":0,"function":{"arguments":"{}"}}"#,
        ]);
        check(&body, &["tool 0 c1 =f", "tool 0 c1 {}", END]);
    }

    fn arguments_as_the_object_itself() {
        let body = calls(&[r#"{"index":0,"id":"c1","function":{"name":"f","arguments":{"a":[1,"é"]}}}"#]);
        check(&body, &["tool 0 c1 =f", r#"tool 0 c1 {"a":[1,"é"]}"#, END]);
    }

    fn an_empty_object_as_a_placeholder_gives_way_to_the_real_one() {
        let body = calls(&[
            r#"{"index":0,"id":"c1","function":{"name":"f","arguments":"{}"}}"#,
            r#"{"index":0,"function":{"arguments":""}}"#,
            r#"{"index":0,"function":{"arguments":"{\"a\":1}"}}"#,
        ]);
        check(&body, &["tool 0 c1 =f", r#"tool 0 c1 {"a":1}"#, END]);
    }

    fn several_calls_without_arguments() {
        let body = calls(&[
            r#"{"index":0,"id":"c1","function":{"name":"f","arguments":"{}"}}"#,
            r#"{"index":1,"id":"c2","function":{"name":"g","arguments":""}}"#,
        ]);
        check(&body, &["tool 0 c1 =f", "tool 1 c2 =g", "tool 0 c1 {}", "tool 1 c2 {}", END]);
    }

    fn a_name_that_comes_late_is_in_the_first_piece_all_the_same() {
        let body = calls(&[
            r#"{"index":0,"id":"c1","type":"function","function":{"name":null,"arguments":""}}"#,
            r#"{"index":0,"function":{"name":"f","arguments":"[1]"}}"#,
        ]);
        check(&body, &["tool 0 c1 =f", "tool 0 c1 [1]", END]);
    }

    fn a_call_without_a_name_waits_for_it_but_not_behind_another_call() {
        let body = calls(&[
            r#"{"index":0,"id":"c1","function":{"arguments":"[1"}}"#,
            r#"{"index":0,"function":{"arguments":"]"}}"#,
        ]);
        check(&body, &["tool 0 c1", "tool 0 c1 [1]", END]);
        let body = calls(&[
            r#"{"index":0,"id":"c1","function":{"arguments":"[1"}}"#,
            r#"{"index":1,"id":"c2","function":{"name":"g","arguments":"[2]"}}"#,
            r#"{"index":0,"function":{"name":"f","arguments":"]"}}"#,
        ]);
        check(
            &body,
            &["tool 0 c1", "tool 0 c1 [1", "tool 1 c2 =g", "tool 1 c2 [2]", "tool 0 c1 =f", "tool 0 c1 ]", END],
        );
    }

    fn an_object_of_nulls_is_no_call() {
        let body = calls(&[
            r#"{"index":0,"id":"c1","function":{"name":"f","arguments":"[1]"}}"#,
            r#"{"id":null,"type":null,"function":{"name":null,"arguments":""}}"#,
            "null",
            r#"{"index":0,"function":null}"#,
        ]);
        check(&body, &["tool 0 c1 =f", "tool 0 c1 [1]", END]);
    }

    fn arguments_that_the_limit_cut_stay_cut() {
        let body = answer(
            &[
                r#""tool_calls":[{"index":0,"id":"c1","function":{"name":"f","arguments":"{\"a\":"}},{"index":1,"id":"c2","function":{"name":"g"}}]"#,
            ],
            "length",
        );
        check(&body, &["tool 0 c1 =f", r#"tool 0 c1 {"a":"#, "tool 1 c2 =g", "finish length length"]);
    }

    fn the_form_before_tool_calls() {
        let body = answer(
            &[r#""function_call":{"name":"f","arguments":""}"#, r#""function_call":{"arguments":"[1]"}"#],
            "function_call",
        );
        check(&body, &["tool 0 call_r_1_0 =f", "tool 0 call_r_1_0 [1]", "finish tool_calls function_call"]);
    }

    fn a_custom_tool_takes_free_text() {
        let body = calls(&[
            r#"{"index":0,"id":"c1","type":"custom","custom":{"name":"sql","input":""}}"#,
            r#"{"index":0,"custom":{"input":"select "}}"#,
            r#"{"index":0,"custom":{"input":"{}"}}"#,
        ]);
        check(&body, &["custom 0 c1 =sql", "custom 0 c1 select ", "custom 0 c1 {}", END]);
    }

    fn a_call_makes_stop_a_tool_call_and_text_may_stand_beside_it() {
        let body = answer(
            &[r#""content":"A","tool_calls":[{"index":0,"id":"c1","function":{"name":"f","arguments":"[1]"}}]"#],
            "stop",
        );
        check(&body, &[r#"text "A""#, "tool 0 c1 =f", "tool 0 c1 [1]", "finish tool_calls stop"]);
    }

    fn an_empty_object_that_the_provider_sent_is_complete_whatever_the_ending() {
        let call = r#""tool_calls":[{"index":0,"id":"c1","function":{"name":"f","arguments":"{}"}}]"#;
        check(&answer(&[call], "length"), &["tool 0 c1 =f", "tool 0 c1 {}", "finish length length"]);
        check(&sse(&[&delta(call), "[DONE]"]), &["tool 0 c1 =f", "tool 0 c1 {}", "finish tool_calls -"]);
    }

    fn whole_calls_and_the_end_alone_are_complete() {
        let call = delta(r#""tool_calls":[{"index":0,"id":"c1","function":{"name":"f","arguments":"[1]"}}]"#);
        check(&sse(&[&call, "[DONE]"]), &["tool 0 c1 =f", "tool 0 c1 [1]", "finish tool_calls -"]);
        check(&sse(&[&call]), &["tool 0 c1 =f", "tool 0 c1 [1]", "error truncated the provider's answer broke off"]);
        let half = delta(r#""tool_calls":[{"index":0,"id":"c1","function":{"name":"f","arguments":"[1"}}]"#);
        let end = "error truncated the provider ended without a finish reason";
        check(&sse(&[&half, "[DONE]"]), &["tool 0 c1 =f", "tool 0 c1 [1", end]);
    }

    fn half_a_character_costs_only_itself() {
        let pieces = [
            r#"{"index":0,"id":"c1","function":{"name":"f","arguments":"{\"a\":\"x\ud83c"}}"#,
            r#"{"index":0,"function":{"arguments":"\udf0ay\"}"}}"#,
        ];
        check(&calls(&pieces), &["tool 0 c1 =f", "tool 0 c1 {\"a\":\"x\u{fffd}", "tool 0 c1 \u{fffd}y\"}", END]);
    }
}
