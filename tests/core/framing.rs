//! Frames: line ends, marks, comments, fields, spaces. Each fixture says "A" and stops.

use crate::both_targets;
use crate::harness::*;

const A: &str = r#"{"choices":[{"delta":{"content":"A"}}]}"#;
const STOP: &str = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;

fn check_same(body: &str) {
    check(body, &[r#"text "A""#, "finish stop stop"]);
}

both_targets! {
    fn line_ends_of_every_kind() {
        for end in ["\n", "\r\n", "\r"] {
            check_same(&format!("data: {A}{end}{end}data: {STOP}{end}{end}data: [DONE]{end}{end}"));
        }
        check_same(&format!("data: {A}\r\n\ndata: {STOP}\n\r\ndata: [DONE]\r\r\n"));
    }

    fn a_byte_order_mark_at_the_start() {
        check_same(&format!("\u{feff}data: {A}\n\ndata: {STOP}\n\n"));
        check_same(&format!("\u{feff}: hi\n\ndata: {A}\n\ndata: {STOP}\n\n"));
    }

    fn comments_and_pings() {
        check_same(&format!(
            ": PROCESSING\n\n: keep-alive\n\n:\n\ndata: {A}\n\n: \n\n: in a row\n: of two\ndata: {STOP}\n\n"
        ));
        check_same(&format!(
            "event: ping\ndata: {{}}\n\ndata: {A}\n\nevent: ping\ndata: {{\"type\": \"ping\"}}\n\ndata: {STOP}\n\n"
        ));
        check_same(&format!("data: {A}\n\ndata: \n\ndata:\n\ndata\n\ndata: {STOP}\n\n"));
    }

    fn blank_lines_before_between_and_behind() {
        check_same(&format!("\n\n\ndata: {A}\n\n\n\ndata: {STOP}\n\n\n\n"));
    }

    fn spaces_before_and_none_behind_the_field() {
        check_same(&format!("data:{A}\n\n data: {STOP}\n\n"));
        check_same(&format!("data:   {A}  \n\ndata:{STOP}\n\ndata:[DONE]\n\n"));
    }

    fn other_fields_and_names() {
        check_same(&format!(
            "id: 1\nevent: message\nretry: 10\ndata: {A}\n\nid: 2\nevent: completion\nwhat: else\ndata: {STOP}\n\n"
        ));
    }

    fn several_data_lines_are_one_payload() {
        check_same(
            "data: {\"choices\":\ndata: [{\"delta\":{\"content\":\n: between\ndata: \"A\"},\"finish_reason\":\"stop\"}]}\n\n",
        );
    }

    fn a_line_end_of_two_bytes_ends_one_line_inside_an_event_too() {
        check_same(&format!("id: 1\r\nevent: message\r\ndata: {A}\r\n\r\ndata: {STOP}\r\n\r\n"));
        check_same(
            "data: {\"choices\":[{\"delta\":\r\ndata: {\"content\":\"A\"},\r\ndata: \"finish_reason\":\"stop\"}]}\r\n\r\n",
        );
        check("event: error\r\ndata: {\"message\":\"no\"}\r\n\r\n", &["error provider_error no"]);
    }

    fn json_padded_with_spaces() {
        check_same(&format!("data: {}     }}\n\ndata: {STOP}\n\n", A.strip_suffix('}').unwrap()));
    }
}
