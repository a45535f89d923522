//! Events on the wire: each with its name, its type and the next number.

use serde_json::Value;

use crate::framing::{write_json_str, write_json_value};

/// Numbers the events of one answer.
pub struct Frames {
    next: u64,
    /// Events before this number were given before.
    first: u64,
    silent: bool,
}

/// The frames, with a place to write them to.
pub struct Wire<'a> {
    pub frames: &'a mut Frames,
    pub out: &'a mut Vec<u8>,
}

impl Frames {
    /// Nothing is written for an answer that comes whole.
    pub fn new(streams: bool) -> Self {
        Frames { next: 0, first: 0, silent: !streams }
    }

    /// Leaves out what was given before.
    pub fn behind(self, given: u64) -> Self {
        Frames { first: given, ..self }
    }

    /// Goes on behind somebody else's events.
    pub fn go_on_from(&mut self, next: u64) {
        self.next = next;
    }

    pub fn to<'a>(&'a mut self, out: &'a mut Vec<u8>) -> Wire<'a> {
        Wire { frames: self, out }
    }
}

impl Wire<'_> {
    /// An event with these fields, an object that is not empty.
    pub fn event(&mut self, kind: &str, fields: &Value) {
        self.write(kind, |out| {
            let at = out.len();
            write_json_value(out, fields);
            // The fields go on in the event's own object.
            if let Some(brace) = out.get_mut(at) {
                *brace = b',';
            }
            out.pop();
        });
    }

    /// A piece of a text. Its place was written before: once a text, not once a token.
    pub fn delta(&mut self, kind: &str, place: &[u8], delta: &str, has_logprobs: bool) {
        self.write(kind, |out| {
            out.extend_from_slice(place);
            out.extend_from_slice(b",\"delta\":");
            write_json_str(out, delta);
            if has_logprobs {
                out.extend_from_slice(b",\"logprobs\":[]");
            }
        });
    }

    fn write(&mut self, kind: &str, fields: impl FnOnce(&mut Vec<u8>)) {
        if self.frames.silent {
            return;
        }
        let number = self.frames.next;
        self.frames.next = number.saturating_add(1);
        if number < self.frames.first {
            return;
        }
        let head = format!("event: {kind}\ndata: {{\"type\":\"{kind}\",\"sequence_number\":{number}");
        self.out.extend_from_slice(head.as_bytes());
        fields(self.out);
        self.out.extend_from_slice(b"}\n\n");
    }
}

/// The place of a text's pieces, as they are to begin with it.
pub fn place(item_id: &str, output_index: usize, part: Option<(&str, usize)>) -> Vec<u8> {
    let mut place = b",\"item_id\":".to_vec();
    write_json_str(&mut place, item_id);
    place.extend_from_slice(format!(",\"output_index\":{output_index}").as_bytes());
    if let Some((name, index)) = part {
        place.extend_from_slice(format!(",\"{name}\":{index}").as_bytes());
    }
    place
}
