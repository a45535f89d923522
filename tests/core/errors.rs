//! Failures inside a stream, bodies that are no stream, and lines that cannot be read.

use tributary::framing::{Framing, Limits};

use crate::both_targets;
use crate::harness::*;

const A: &str = r#"{"choices":[{"delta":{"content":"A"}}]}"#;

/// A frame behind the first text ends the run with this error.
fn check_error(frame: &str, end: &str) {
    check(&(sse(&[A]) + frame), &[r#"text "A""#, end]);
    check(&(frame.to_owned() + &sse(&[A])), &[end]);
}

both_targets! {
    fn an_error_object() {
        let frame = sse(&[r#"{"error":{"message":"busy","type":"overloaded_error","param":null,"code":null}}"#]);
        check_error(&frame, "error overloaded busy");
        check_error(&(frame + "data: [DONE]\n\n"), "error overloaded busy");
    }

    fn an_error_with_a_numeric_code() {
        check_error(&sse(&[r#"{"error":{"message":"slow","code":429}}"#]), "error rate_limited slow");
        check_error(&sse(&[r#"{"error":{"message":"down","code":503}}"#]), "error overloaded down");
    }

    fn an_error_that_is_a_string_or_flat() {
        check_error(&sse(&[r#"{"error":"boom"}"#]), "error provider_error boom");
        check_error(
            &sse(&[r#"{"code":"invalid_api_key","message":"who?","type":"x"}"#]),
            "error provider_auth_error who?",
        );
        check_error(
            &sse(&[r#"{"object":"error","message":"long","type":"invalid_request_error","code":"3051"}"#]),
            "error invalid_request long",
        );
        check_error(&sse(&[r#"{"detail":"gone"}"#]), "error provider_error gone");
    }

    fn an_error_without_words() {
        check_error(&sse(&[r#"{"error":{"code":502}}"#]), "error provider_error the provider answered with status 502");
        check_error(
            &sse(&[r#"{"error":true}"#]),
            "error provider_error the provider reported a failure without a message",
        );
    }

    fn an_event_named_error() {
        check_error(
            "event: error\ndata: {\"error\":{\"message\":\"no tool\",\"code\":\"tool_use_failed\",\"status_code\":400}}\n\n",
            "error invalid_request no tool",
        );
        check_error("event: error\ndata: plain words\n\n", "error provider_error plain words");
    }

    fn a_field_named_error_and_json_that_stands_bare() {
        check_error(
            "error: {\"error\":{\"code\":500,\"message\":\"oom\",\"type\":\"server_error\"}}\n\n",
            "error provider_error oom",
        );
        check_error("{\"error\":{\"code\":503,\"message\":\"bare\"}}\n\n", "error overloaded bare");
        check_error(
            "{\n  \"error\": {\n    \"code\": 503,\n    \"message\": \"lines\"\n  }\n}\n\n",
            "error overloaded lines",
        );
    }

    fn an_error_beside_choices_costs_no_text() {
        let frame = r#"{"choices":[{"delta":{"content":"B"},"finish_reason":"error"}],"error":{"code":400,"message":"too long"},"usage":{"prompt_tokens":1,"completion_tokens":1}}"#;
        check(
            &sse(&[A, frame, "[DONE]"]),
            &[r#"text "A""#, r#"text "B""#, "usage 1 1 2", "error invalid_request too long"],
        );
    }

    fn an_error_behind_the_finish_is_an_error() {
        check(
            &sse(&[A, &finish("length"), r#"{"error":{"message":"late","code":400}}"#]),
            &[r#"text "A""#, "error invalid_request late"],
        );
    }

    fn an_error_field_that_says_nothing_is_none() {
        for nothing in ["null", "false", r#""""#, "{}"] {
            let chunk = format!(r#"{{"choices":[{{"delta":{{"content":"A"}}}}],"error":{nothing}}}"#);
            check(&sse(&[&chunk, &finish("stop")]), &[r#"text "A""#, "finish stop stop"]);
        }
    }

    fn a_bad_line_costs_only_itself() {
        let warning = r#"warn a frame of the provider's stream could not be read and is left out: {"choices":[{"#;
        check(
            &sse(&[A, r#"{"choices":[{"#, A, &finish("stop"), "[DONE]"]),
            &[r#"text "A""#, warning, r#"text "A""#, "finish stop stop"],
        );
    }

    fn bytes_that_are_no_text_cost_only_themselves() {
        let mut body = sse(&[A]).into_bytes();
        let place = body.iter().position(|byte| *byte == b'A').unwrap();
        body[place] = 0xff;
        body.extend(sse(&[&finish("stop")]).bytes());
        check_as(SSE, &body, &["text \"\u{fffd}\"", "finish stop stop"]);
    }

    fn nothing_but_garbage_is_an_error() {
        let body = sse(&["?"; 20]);
        let warning = "warn a frame of the provider's stream could not be read and is left out: ?";
        let mut expect = vec![warning; 15];
        expect.push("error provider_error the provider's answer is not a stream of chunks");
        check(&body, &expect);
        check("no\nframes: at all\n\n", &["error truncated the provider's answer broke off"]);
    }

    fn a_web_page_is_an_error() {
        let page = "<!doctype html>\n<html>\n<body>Sign in</body>\n</html>\n";
        check(page, &["error truncated the provider's answer broke off"]);
        check_as(DETECT, page.as_bytes(), &["error truncated the provider's answer broke off"]);
        check(&sse(&["<html>"]), &["error provider_error the provider's answer is not a stream of chunks"]);
        assert!(tributary::relay::framing_for(Some("text/html; charset=utf-8"), Framing::Sse).is_err());
    }

    fn a_whole_completion_instead_of_a_stream() {
        let body = r#"
{"id":"c","object":"chat.completion","model":"m","choices":[{"index":0,"finish_reason":"tool_calls","seed":12479678939117453000,
 "message":{"role":"assistant","content":"A","reasoning":"hm","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]}}],
 "usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}}
"#;
        let expect = [
            "start m",
            r#"think "hm""#,
            r#"text "A""#,
            "tool 0 c1 =f",
            "usage 9 3 12",
            "tool 0 c1 {}",
            "finish tool_calls tool_calls",
        ];
        for feed in [WHOLE, DETECT, SSE] {
            check_as(feed, body.as_bytes(), &expect);
        }
    }

    fn a_whole_error_instead_of_a_stream() {
        for feed in [WHOLE, DETECT, SSE] {
            check_as(feed, b"{\"error\":{\"message\":\"busy\",\"code\":503}}", &["error overloaded busy"]);
            check_as(
                feed,
                b"[{\n  \"error\": {\"message\": \"busy\", \"code\": 503}\n}]\n",
                &["error overloaded busy"],
            );
        }
    }

    fn a_label_that_is_wrong_is_seen_through() {
        let body = format!("\n \n{}", answer(&[r#""content":"A""#], "stop"));
        check_as(DETECT, body.as_bytes(), &[r#"text "A""#, "finish stop stop"]);
        check_as(DETECT, format!("\u{feff}{}", body.trim_start()).as_bytes(), &[r#"text "A""#, "finish stop stop"]);
        let mark_behind_white_space = format!("\n\u{feff}{}", body.trim_start());
        check_as(DETECT, mark_behind_white_space.as_bytes(), &[r#"text "A""#, "finish stop stop"]);
        check_as(DETECT, b"", &["error truncated the provider's answer broke off"]);
        check_as(DETECT, b" \n", &["error truncated the provider's answer broke off"]);
    }

    fn a_whole_body_that_was_cut() {
        check_as(
            WHOLE,
            br#"{"choices":[{"message":{"content":"A"#,
            &["error truncated the provider's answer broke off"],
        );
    }

    fn a_frame_over_the_limit_ends_the_run_and_keeps_what_came() {
        let small = Feed { limits: Limits { frame: 64, whole: 64 }, ..SSE };
        let end = "error provider_error a frame of the answer is larger than 64 bytes";
        for body in [sse(&[A]) + "data: " + &"x".repeat(70) + "\n\n", sse(&[A]) + &"data: 12345678\n".repeat(9)] {
            let whole = run(small, &[body.as_bytes()]);
            for size in 1..body.len() {
                let cut = run(small, &body.as_bytes().chunks(size).collect::<Vec<_>>());
                assert_eq!(cut.output, whole.output, "pieces of {size}");
            }
            let last = check_ending(&whole.output, whole.end.as_ref()).pop().unwrap().json();
            assert_eq!(
                format!(
                    "error {} {}",
                    last["error"]["type"].as_str().unwrap(),
                    last["error"]["message"].as_str().unwrap()
                ),
                end
            );
            assert_eq!(last["error"]["retryable"], false);
            assert!(whole.events.starts_with("text \"A\"\n"));
        }
        assert!(
            run(Feed { framing: Framing::Whole, ..small }, &[&[b'x'; 65]])
                .output
                .windows(64)
                .any(|words| words.starts_with(b"provider_error"))
        );
    }
}
