//! Server-sent events, after the WHATWG living standard ("Interpreting an event stream"), with
//! the tolerance that real providers ask for:
//!
//! * a last event without its blank line is given, marked as cut;
//! * spaces before a field name are passed over;
//! * a field `error:` with a payload is an event named `error` (llama-box sends its failures so);
//! * JSON that stands bare between events is a frame of its own (Gemini sends its failures so,
//!   and a whole JSON body may be labelled as a stream).

use memchr::{memchr, memchr2};

use super::{Frame, FrameError, with_text};

#[derive(Debug)]
pub(super) struct Decoder {
    /// The start of a line whose end has not come yet.
    line: Vec<u8>,
    /// The last byte was a CR: an LF right behind it ends nothing.
    skip_lf: bool,
    /// No line has been read yet: a byte order mark may come.
    at_start: bool,
    event: String,
    data: String,
    has_data: bool,
    bare: String,
    limit: usize,
    spent: bool,
}

impl Decoder {
    pub(super) fn new(limit: usize) -> Self {
        Decoder {
            line: Vec::new(),
            skip_lf: false,
            at_start: true,
            event: String::new(),
            data: String::new(),
            has_data: false,
            bare: String::new(),
            limit,
            spent: false,
        }
    }

    pub(super) fn push(&mut self, mut bytes: &[u8], out: &mut impl FnMut(Frame<'_>)) -> Result<(), FrameError> {
        if self.spent {
            return Ok(());
        }
        if self.skip_lf && !bytes.is_empty() {
            self.skip_lf = false;
            bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
        }
        while let Some((line, rest)) = memchr2(b'\n', b'\r', bytes).and_then(|end| bytes.split_at_checked(end)) {
            bytes = match rest {
                [b'\r', b'\n', rest @ ..] | [_, rest @ ..] => rest,
                [] => rest,
            };
            self.skip_lf = rest == b"\r";
            self.bound(line.len())?;
            if !self.line.is_empty() {
                self.line.extend_from_slice(line);
                let line = std::mem::take(&mut self.line);
                self.take_line(&line, false, out);
                self.line = line;
                self.line.clear();
            } else if let Some((value, rest)) = self.lone_data(line, bytes) {
                with_text(value, |data| out(Frame { event: name(&self.event), data, cut: false }));
                self.event.clear();
                bytes = rest;
            } else {
                self.take_line(line, false, out);
            }
        }
        self.bound(bytes.len())?;
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    pub(super) fn finish(&mut self, out: &mut impl FnMut(Frame<'_>)) {
        if self.spent {
            return;
        }
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.take_line(&line, true, out);
        }
        self.dispatch(true, out);
    }

    /// The common case, without a copy: a `data` line that is a whole event, its blank line right
    /// behind it in the same read.
    fn lone_data<'a>(&self, line: &'a [u8], behind: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        let rest = behind.strip_prefix(b"\n")?;
        let value = line.strip_prefix(b"data:")?;
        let plain = !self.has_data && self.bare.is_empty() && !self.at_start;
        plain.then(|| (value.strip_prefix(b" ").unwrap_or(value), rest))
    }

    fn take_line(&mut self, line: &[u8], cut: bool, out: &mut impl FnMut(Frame<'_>)) {
        let mut line = line;
        if std::mem::take(&mut self.at_start) {
            line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        }
        if line.is_empty() {
            return self.dispatch(cut, out);
        }
        let (field, value) = match memchr(b':', line).and_then(|colon| line.split_at_checked(colon)) {
            Some((field, value)) => (field, value.strip_prefix(b": ").or(value.strip_prefix(b":")).unwrap_or(value)),
            None => (line, &b""[..]),
        };
        match field.trim_ascii_start() {
            b"data" => {
                self.give_bare(cut, out);
                if std::mem::replace(&mut self.has_data, true) {
                    self.data.push('\n');
                }
                with_text(value, |text| self.data.push_str(text));
            }
            b"event" => {
                self.event.clear();
                with_text(value, |text| self.event.push_str(text));
            }
            b"error" => {
                self.dispatch(cut, out);
                with_text(value, |data| out(Frame { event: Some("error"), data, cut }));
            }
            // A comment; `id` and `retry`, which are for a client that reconnects by itself.
            b"" | b"id" | b"retry" => {}
            _ => self.take_unknown(line, cut, out),
        }
    }

    /// A line that is no known field: part of a bare JSON value, or nothing.
    fn take_unknown(&mut self, line: &[u8], cut: bool, out: &mut impl FnMut(Frame<'_>)) {
        let text = line.trim_ascii();
        let opens = matches!(text.first(), Some(b'{' | b'['));
        if self.has_data || (self.bare.is_empty() && !opens) {
            return;
        }
        if !self.bare.is_empty() {
            self.bare.push('\n');
        } else if matches!(text, [b'{', .., b'}']) {
            return with_text(text, |data| out(Frame { event: None, data, cut }));
        }
        with_text(line, |text| self.bare.push_str(text));
    }

    fn dispatch(&mut self, cut: bool, out: &mut impl FnMut(Frame<'_>)) {
        self.give_bare(cut, out);
        if std::mem::take(&mut self.has_data) {
            out(Frame { event: name(&self.event), data: &self.data, cut });
            self.data.clear();
        }
        self.event.clear();
    }

    fn give_bare(&mut self, cut: bool, out: &mut impl FnMut(Frame<'_>)) {
        if !self.bare.is_empty() {
            out(Frame { event: None, data: &self.bare, cut });
            self.bare.clear();
        }
    }

    fn bound(&mut self, more: usize) -> Result<(), FrameError> {
        let held = self.line.len().saturating_add(self.data.len()).saturating_add(self.bare.len());
        if held.saturating_add(more) <= self.limit {
            return Ok(());
        }
        *self = Decoder { spent: true, ..Decoder::new(self.limit) };
        Err(FrameError::TooLarge { limit: self.limit })
    }
}

/// An event without a name, or with an empty one, is a plain message.
fn name(event: &str) -> Option<&str> {
    if event.is_empty() { None } else { Some(event) }
}

/// Appends one event. No input can break the frame: line breaks in `data` become several `data`
/// lines, and whatever could end a line is left out of `id` and `event`.
///
/// ```
/// let mut out = Vec::new();
/// tributary::framing::write_sse_event(&mut out, Some("r:1"), Some("completion"), "two\nlines");
/// assert_eq!(out, b"id: r:1\nevent: completion\ndata: two\ndata: lines\n\n");
/// ```
pub fn write_event(out: &mut Vec<u8>, id: Option<&str>, event: Option<&str>, data: &str) {
    for (field, value) in [("id: ", id), ("event: ", event)] {
        if let Some(value) = value {
            out.extend_from_slice(field.as_bytes());
            out.extend(value.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n' | 0)));
            out.push(b'\n');
        }
    }
    let mut rest = Some(data);
    while let Some(text) = rest {
        let (line, tail) = match text.split_once(['\r', '\n']) {
            // A CRLF is one line break.
            Some((line, tail)) => {
                let crlf = text.as_bytes().get(line.len()) == Some(&b'\r');
                (line, Some(if crlf { tail.strip_prefix('\n').unwrap_or(tail) } else { tail }))
            }
            None => (text, None),
        };
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(line.as_bytes());
        out.push(b'\n');
        rest = tail;
    }
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framing::{Framer, Framing, Limits};
    use proptest::prelude::*;

    type Seen = Vec<(Option<String>, String)>;

    fn read(pieces: &[&[u8]]) -> Seen {
        let mut framer = Framer::new(Framing::Sse, Limits::default());
        let mut seen = Seen::new();
        let mut keep = |frame: Frame<'_>| seen.push((frame.event.map(str::to_owned), frame.data.to_owned()));
        for piece in pieces {
            framer.push(piece, &mut keep).unwrap();
        }
        framer.finish(&mut keep);
        seen
    }

    /// Whole, byte by byte, and at every two cuts: always the same frames.
    fn check(body: &[u8], expect: &[(&str, &str)]) {
        let expect: Seen = expect
            .iter()
            .map(|(event, data)| ((!event.is_empty()).then(|| event.to_string()), data.to_string()))
            .collect();
        assert_eq!(read(&[body]), expect, "whole");
        assert_eq!(read(&body.chunks(1).collect::<Vec<_>>()), expect, "byte by byte");
        for first in 0..=body.len() {
            for second in first..=body.len() {
                let pieces = [&body[..first], &body[first..second], &body[second..]];
                assert_eq!(read(&pieces), expect, "cut at {first} and {second}");
            }
        }
    }

    #[test]
    fn line_ends_of_every_kind() {
        check(b"data: a\n\ndata: b\n\n", &[("", "a"), ("", "b")]);
        check(b"data: a\r\n\r\ndata: b\r\n\r\n", &[("", "a"), ("", "b")]);
        check(b"data: a\r\rdata: b\r\r", &[("", "a"), ("", "b")]);
        check(b"data: a\r\n\ndata: b\n\r\ndata: c\r\n\r", &[("", "a"), ("", "b"), ("", "c")]);
    }

    #[test]
    fn several_data_lines_are_joined_with_lf() {
        check(b"data: a\ndata:b\ndata\ndata:  c\n\n", &[("", "a\nb\n\n c")]);
        check(b"data: a\r\ndata: b\r\n\r\n", &[("", "a\nb")]);
    }

    #[test]
    fn names_comments_ids_and_unknown_fields() {
        check(
            b": hello\n\n:\n\nevent: x\nid: 7\nretry: 100\nfoo: bar\ndata: a\n\ndata: b\n\n",
            &[("x", "a"), ("", "b")],
        );
        check(b"event: x\n\ndata: a\n\n", &[("", "a")]);
        check(b"data:\n\n", &[("", "")]);
        check(b": ping\ndata: a\n: pong\n\n", &[("", "a")]);
        check(b"data: [DONE]\n\n", &[("", "[DONE]")]);
    }

    #[test]
    fn a_byte_order_mark_is_stripped_once() {
        check(b"\xef\xbb\xbfdata: a\n\n", &[("", "a")]);
        check(b"\xef\xbb\xbf\ndata: a\n\n", &[("", "a")]);
        check(b"data: a\n\n\xef\xbb\xbfdata: b\n\n", &[("", "a")]);
    }

    #[test]
    fn characters_are_whole_and_invalid_bytes_are_replaced() {
        check("data: é🌟\n\n".as_bytes(), &[("", "é🌟")]);
        check(b"data: a\xffb\n\n", &[("", "a\u{fffd}b")]);
        check(b"data: \xf0\x9f\x8c\n\n", &[("", "\u{fffd}")]);
    }

    #[test]
    fn line_separators_of_unicode_are_text() {
        check("data: a\u{2028}b\u{2029}c\u{85}d\n\n".as_bytes(), &[("", "a\u{2028}b\u{2029}c\u{85}d")]);
    }

    #[test]
    fn spaces_before_a_field_are_passed_over() {
        check(b" data: a\n\n  data:b\n\n", &[("", "a"), ("", "b")]);
    }

    #[test]
    fn the_last_event_needs_no_blank_line() {
        check(b"data: a\n\ndata: b\n", &[("", "a"), ("", "b")]);
        check(b"data: a\n\ndata: b", &[("", "a"), ("", "b")]);
        check(b"event: x\ndata: b\r", &[("x", "b")]);
    }

    #[test]
    fn an_error_field_is_an_event() {
        check(b"data: a\n\nerror: {\"m\":1}\n\n", &[("", "a"), ("error", "{\"m\":1}")]);
        check(b"data: a\nerror: {\"m\":1}", &[("", "a"), ("error", "{\"m\":1}")]);
    }

    #[test]
    fn bare_json_between_events_is_a_frame() {
        check(
            b"data: a\n\n{\n  \"error\": {\n  }\n}\n\ndata: b\n\n",
            &[("", "a"), ("", "{\n  \"error\": {\n  }\n}"), ("", "b")],
        );
        check(b"{\"a\":1}\n{\"b\":2}\n", &[("", "{\"a\":1}"), ("", "{\"b\":2}")]);
        check(b"\n[{\n\"a\":1}]", &[("", "[{\n\"a\":1}]")]);
        check(b"{\n}\ndata: a\n\n", &[("", "{\n}"), ("", "a")]);
        check(b"data: a\n{\"not\":1}\n\n", &[("", "a")]);
    }

    #[test]
    fn a_frame_over_the_limit_is_a_typed_error() {
        let limits = Limits { frame: 16, whole: 16 };
        for body in ["data: 0123456789abcdef", "data: 01234567\ndata: 01234567\n\n", "{\n\"aaaaaaaa\":\n\"bbbbbbbb\""] {
            for size in [1, 3, body.len()] {
                let mut framer = Framer::new(Framing::Sse, limits);
                let error = body.as_bytes().chunks(size).find_map(|piece| framer.push(piece, &mut |_| ()).err());
                assert_eq!(error, Some(FrameError::TooLarge { limit: 16 }), "{body}");
                let mut later = 0;
                framer.push(b"\n\ndata: a\n\n", &mut |_| later += 1).unwrap();
                framer.finish(&mut |_| later += 1);
                assert_eq!(later, 0, "a spent framer gives nothing more");
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_pieces_give_the_same_frames(
            body in proptest::collection::vec(prop_oneof![
                Just(b'\n'), Just(b'\r'), Just(b':'), Just(b' '), Just(b'{'), Just(b'}'), Just(b'"'), any::<u8>(),
            ], 0..80),
            cuts in proptest::collection::vec(0usize..80, 0..6),
        ) {
            check_cuts(&body, cuts);
        }

        #[test]
        fn any_stream_of_known_lines_in_any_pieces_gives_the_same_frames(
            lines in proptest::collection::vec(prop_oneof![
                Just("data: a"), Just("data:"), Just("event: x"), Just(": c"), Just(""), Just("{"), Just("{}"), Just("error: e"),
                Just("\u{feff}data: b"), Just("data: é"),
            ], 0..12),
            ends in proptest::collection::vec(prop_oneof![Just("\n"), Just("\r"), Just("\r\n")], 12),
            cuts in proptest::collection::vec(0usize..80, 0..6),
        ) {
            let body: String = lines.iter().zip(&ends).flat_map(|(line, end)| [*line, *end]).collect();
            check_cuts(body.as_bytes(), cuts);
        }

        #[test]
        fn an_encoded_event_comes_back_as_one_frame(
            data in "[a-z\r\n\u{2028}é:{ ]{0,12}", event in "[a-z]{1,5}", id in "[a-z\r\n]{0,5}",
        ) {
            let mut out = Vec::new();
            write_event(&mut out, Some(&id), Some(&event), &data);
            let normal = data.replace("\r\n", "\n").replace('\r', "\n");
            prop_assert_eq!(read(&[&out]), vec![(Some(event), normal)]);
        }
    }

    fn check_cuts(body: &[u8], mut cuts: Vec<usize>) {
        cuts.retain(|cut| *cut <= body.len());
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut from = 0;
        for cut in cuts {
            pieces.push(&body[from..cut]);
            from = cut;
        }
        pieces.push(&body[from..]);
        assert_eq!(read(&pieces), read(&[body]));
    }
}
