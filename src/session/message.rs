//! Frames as messages of a WebSocket: the same events, ids and payloads as the stream has.

use serde_json::{Map, Value, json};

use crate::framing::write_json_str;

/// Gives each whole frame as a message.
pub fn messages(frames: &[u8], give: &mut dyn FnMut(&str)) {
    let text = String::from_utf8_lossy(frames);
    for frame in text.split("\n\n").filter(|frame| !frame.is_empty()) {
        let field = |name: &str| frame.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        let (id, event, data) = (field("id: "), field("event: "), field("data: "));
        let mut message = b"{\"id\":".to_vec();
        write_json_str(&mut message, id);
        message.extend_from_slice(b",\"event\":");
        write_json_str(&mut message, event);
        message.extend_from_slice(b",\"data\":");
        // Chunks and errors are JSON already; the last word of a finished run is none.
        match data.starts_with('{') {
            true => message.extend_from_slice(data.as_bytes()),
            false => write_json_str(&mut message, data),
        }
        message.push(b'}');
        give(&String::from_utf8_lossy(&message));
    }
}

/// A message that belongs to no run.
pub fn notice(event: &str, data: &Value) -> String {
    let mut message = Map::new();
    message.insert("id".to_owned(), Value::Null);
    message.insert("event".to_owned(), json!(event));
    message.insert("data".to_owned(), data.clone());
    Value::Object(message).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_a_message_with_the_same_bytes() {
        let frames = b"id: r_1:1\nevent: chunk\ndata: {\"content\":\"a\\u2028\\n\\n\"}\n\nid: r_1:2\nevent: done\ndata: [DONE]\n\n";
        let mut all = Vec::new();
        messages(frames, &mut |message| all.push(message.to_owned()));
        assert_eq!(
            all,
            [
                r#"{"id":"r_1:1","event":"chunk","data":{"content":"a\u2028\n\n"}}"#,
                r#"{"id":"r_1:2","event":"done","data":"[DONE]"}"#,
            ]
        );
        assert_eq!(notice("pong", &Value::Null), r#"{"id":null,"event":"pong","data":null}"#);
    }
}
