//! A short cut past the JSON parser for frames that differ from the one before only in one string.
//!
//! Nearly every frame of a stream is such a frame: the same id, model and fields around another
//! piece of text. Parsing it anew costs most of a relay's time (see `bench`).
//!
//! **Invariant:** the short cut gives what the parser would. A frame with the same bytes before and
//! behind the string, and between them nothing that ends a string, is the same JSON with another
//! string in it. Padding, which some vendors add at random against eavesdroppers, is a second string
//! that may differ; nobody reads it.

use std::borrow::Cow;

use memchr::{memchr2, memmem};

use super::chunk::{Choice, Chunk, Delta};
use crate::dialects::lenient::Content;

/// After so many misses in a row a stream is of another kind, and the short cut is given up.
const MOST_MISSES: u32 = 8;

/// How padding begins: OpenAI's, and Mistral's and Workers AI's.
const PADDING: [&str; 2] = ["\"obfuscation\":\"", "\"p\":\""];

/// What the last parsed frame looked like around its one string.
#[derive(Debug, Default)]
pub struct Template {
    before: String,
    behind: String,
    /// What stands behind the padding, where there is one; `behind` ends with its opening quote then.
    last: Option<String>,
    slot: Slot,
    misses: u32,
}

/// What the one string of a frame is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Slot {
    /// Nothing was learnt yet.
    #[default]
    None,
    /// `delta.content` of the choice with this index.
    Text(u64),
    /// `delta.reasoning` or `delta.reasoning_content` of it.
    Reasoning(u64),
}

impl Template {
    /// The string of a frame that matches, and what it is.
    pub fn read<'a>(&mut self, data: &'a str) -> Option<(Slot, Cow<'a, str>)> {
        if self.slot == Slot::None {
            return None;
        }
        let rest = data.strip_prefix(self.before.as_str())?;
        let end = end_of_string(rest)?;
        let (raw, rest) = rest.split_at_checked(end).filter(|(raw, _)| !raw.is_empty())?;
        let behind = rest.strip_prefix(self.behind.as_str())?;
        if !self.is_rest(behind) {
            return None;
        }
        let text = match is_plain(raw) {
            true => Cow::Borrowed(raw),
            // With its quotes it is a JSON string, or the frame is no JSON.
            false => serde_json::from_str(quoted(data, raw)?).ok()?,
        };
        self.misses = 0;
        Some((self.slot, text))
    }

    /// Whether this is what stands behind the string, or behind the padding's opening quote.
    fn is_rest(&self, text: &str) -> bool {
        let Some(last) = &self.last else { return text.is_empty() };
        let padding = end_of_string(text).and_then(|end| text.split_at_checked(end));
        padding.is_some_and(|(padding, rest)| is_plain(padding) && rest == last)
    }

    /// Learns from a frame that had to be parsed.
    pub fn learn(&mut self, chunk: &Chunk<'_>, data: &str) {
        if self.misses >= MOST_MISSES {
            self.slot = Slot::None;
            return;
        }
        let Some((slot, text)) = only_string(chunk) else { return };
        let Some((before, behind)) = around(data, text) else { return };
        self.misses = self.misses.saturating_add(1);
        self.slot = slot;
        self.before.clear();
        self.before.push_str(before);
        let (behind, last) = around_padding(behind);
        self.behind.clear();
        self.behind.push_str(behind);
        self.last = last.map(str::to_owned);
    }
}

/// The one string of a chunk that says nothing else.
fn only_string<'a>(chunk: &'a Chunk<'a>) -> Option<(Slot, &'a str)> {
    let [choice] = chunk.choices.0.as_slice() else { return None };
    // Without a delta there is nothing here; beside one, `text` is its echo.
    let Choice { index, delta, message, text: _, finish_reason } = choice.0.as_ref()?;
    let delta = delta.0.as_ref()?;
    let silent = chunk.usage.0.is_none()
        && chunk.x_groq.0.is_none()
        && !chunk.is_error()
        && chunk.citations.0.is_empty()
        && chunk.search_results.0.is_empty()
        && chunk.warnings.0.is_empty()
        && message.0.is_none()
        && finish_reason.filled().is_none();
    if !silent || says_more(delta) {
        return None;
    }
    let index = index.0.unwrap_or(0);
    let reasoning = delta.reasoning.filled().or(delta.reasoning_content.filled());
    match (&delta.content, reasoning) {
        (Content::Text(Cow::Borrowed(text)), None) => Some((Slot::Text(index), text)),
        (Content::Absent, Some(text)) => Some((Slot::Reasoning(index), text)),
        (Content::Text(empty), Some(text)) if empty.is_empty() => Some((Slot::Reasoning(index), text)),
        _ => None,
    }
}

fn says_more(delta: &Delta<'_>) -> bool {
    let twice = delta.reasoning.filled().is_some() && delta.reasoning_content.filled().is_some();
    twice
        || delta.refusal.filled().is_some()
        || !delta.reasoning_details.0.is_empty()
        || !delta.tool_calls.0.is_empty()
        || delta.function_call.0.is_some()
        || !delta.annotations.0.is_empty()
}

/// Up to the padding's opening quote, and from its closing quote on.
fn around_padding(behind: &str) -> (&str, Option<&str>) {
    let begins = |key: &str| memmem::find(behind.as_bytes(), key.as_bytes()).map(|at| at.saturating_add(key.len()));
    let found = PADDING.iter().find_map(|key| begins(key)).and_then(|at| behind.split_at_checked(at));
    match found.and_then(|(start, rest)| Some((start, rest.get(end_of_string(rest)?..)?))) {
        Some((start, last)) => (start, Some(last)),
        None => (behind, None),
    }
}

/// Whether a string's text needs no unescaping.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte >= 0x20 && byte != b'\\')
}

/// Where a string ends that has begun before: at the first quote without a backslash.
fn end_of_string(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut from = 0usize;
    loop {
        let at = memchr2(b'"', b'\\', bytes.get(from..)?)?.saturating_add(from);
        if bytes.get(at) == Some(&b'"') {
            return Some(at);
        }
        from = at.saturating_add(2);
    }
}

/// A part of a text with the byte before and the byte behind it.
fn quoted<'a>(data: &'a str, part: &str) -> Option<&'a str> {
    let (before, behind) = around(data, part)?;
    data.get(before.len().checked_sub(1)?..data.len().checked_sub(behind.len().checked_sub(1)?)?)
}

/// What stands before and behind a part of a text. None where it is no part of it: a string with
/// escapes was copied on reading.
fn around<'a>(data: &'a str, part: &str) -> Option<(&'a str, &'a str)> {
    let start = (part.as_ptr() as usize).checked_sub(data.as_ptr() as usize)?;
    let end = start.checked_add(part.len())?;
    Some((data.get(..start)?, data.get(end..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learnt(data: &str) -> Template {
        let mut template = Template::default();
        template.learn(&serde_json::from_str(data).unwrap(), data);
        template
    }

    #[test]
    fn a_frame_with_another_string_is_read_without_the_parser() {
        let mut template =
            learnt(r#"{"model":"m","choices":[{"index":0,"delta":{"content":"Hel"},"finish_reason":null}]}"#);
        let next = r#"{"model":"m","choices":[{"index":0,"delta":{"content":"lo é"},"finish_reason":null}]}"#;
        assert_eq!(template.read(next), Some((Slot::Text(0), "lo é".into())));
        let next = r#"{"model":"m","choices":[{"index":0,"delta":{"content":"\"\n\u00e9\ud83c\udf1f"},"finish_reason":null}]}"#;
        assert_eq!(template.read(next), Some((Slot::Text(0), "\"\né🌟".into())));
        let mut template = learnt(r#"{"choices":[{"delta":{"content":"","reasoning":"Hm"}}]}"#);
        assert_eq!(
            template.read(r#"{"choices":[{"delta":{"content":"","reasoning":"a"}}]}"#),
            Some((Slot::Reasoning(0), "a".into()))
        );
    }

    #[test]
    fn padding_may_differ_and_nothing_else() {
        let mut template = learnt(r#"{"choices":[{"delta":{"content":"a"}}],"usage":null,"obfuscation":"x1"}"#);
        let read = |template: &mut Template, data| template.read(data).map(|(_, text)| text.into_owned());
        let next = r#"{"choices":[{"delta":{"content":"b\""}}],"usage":null,"obfuscation":"longer"}"#;
        assert_eq!(read(&mut template, next), Some("b\"".to_owned()));
        for other in [
            r#"{"choices":[{"delta":{"content":"b"}}],"usage":null,"obfuscation":"x","error":1}"#,
            r#"{"choices":[{"delta":{"content":"b"}}],"usage":null,"obfuscation":"x"#,
            r#"{"choices":[{"delta":{"content":"b"}}],"usage":null,"obfuscation":"x"}}"#,
            r#"{"choices":[{"delta":{"content":"b"}}],"usage":null,"obfuscation":1}"#,
        ] {
            assert_eq!(read(&mut template, other), None, "{other}");
        }
    }

    #[test]
    fn what_the_parser_alone_can_tell_is_left_to_it() {
        let mut template = learnt(r#"{"choices":[{"delta":{"content":"a"}}]}"#);
        for other in [
            r#"{"choices":[{"delta":{"content":"a\"}}]}"#,
            r#"{"choices":[{"delta":{"content":"a\x"}}]}"#,
            r#"{"choices":[{"delta":{"content":"a","refusal":"b"}}]}"#,
            r#"{"choices":[{"delta":{"content":""}}]}"#,
            r#"{"choices":[{"delta":{"content":null}}]}"#,
            r#"{"choices":[{"delta":{"content":"}}]}"#,
            r#"{"choices":[{"delta":{"content":"a"}}],"error":{}}"#,
            "{\"choices\":[{\"delta\":{\"content\":\"a\tb\"}}]}",
        ] {
            assert_eq!(template.read(other), None, "{other}");
        }
    }

    #[test]
    fn nothing_is_learnt_from_frames_that_say_more() {
        for data in [
            r#"{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}"#,
            r#"{"choices":[{"delta":{"content":"a"}}],"usage":{"total_tokens":1}}"#,
            r#"{"choices":[{"delta":{"content":"a","reasoning":"b"}}]}"#,
            r#"{"choices":[{"delta":{"content":"a\n"}}]}"#,
            r#"{"choices":[{"delta":{"content":"a"}}],"error":{"message":"x"}}"#,
            r#"{"choices":[]}"#,
        ] {
            assert_eq!(learnt(data).slot, Slot::None, "{data}");
        }
    }

    #[test]
    fn a_stream_without_likeness_is_given_up() {
        let mut template = Template::default();
        for padding in 0..20 {
            let data = format!(r#"{{"choices":[{{"delta":{{"content":"a"}}}}],"pad":{padding}}}"#);
            assert_eq!(template.read(&data), None);
            template.learn(&serde_json::from_str(&data).unwrap(), &data);
        }
        assert_eq!(template.slot, Slot::None);
    }
}
