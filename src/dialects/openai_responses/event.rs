//! What stands in an event, as far as anything is done with it.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::dialects::lenient::{Content, Count, List, Maybe, Str};
use crate::models::Usage;

/// An event of the stream, or a response that came without one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Incoming<'a> {
    #[serde(rename = "type", borrow)]
    pub kind: Str<'a>,
    #[serde(borrow)]
    pub object: Str<'a>,
    /// Which item of the answer. Its id may be another one in every event.
    pub output_index: Count,
    #[serde(borrow)]
    pub item_id: Str<'a>,
    pub content_index: Count,
    pub summary_index: Count,
    #[serde(borrow)]
    pub delta: Str<'a>,
    /// The whole values, in events that end in `.done`.
    #[serde(borrow)]
    pub text: Str<'a>,
    #[serde(borrow)]
    pub refusal: Str<'a>,
    #[serde(borrow)]
    pub arguments: Str<'a>,
    #[serde(borrow)]
    pub input: Str<'a>,
    #[serde(borrow)]
    pub item: Maybe<Item<'a>>,
    #[serde(borrow)]
    pub annotation: Maybe<Annotation<'a>>,
    #[serde(borrow)]
    pub response: Maybe<Response<'a>>,
    #[serde(borrow)]
    pub error: Option<&'a RawValue>,
}

/// One item of an answer's output.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Item<'a> {
    #[serde(rename = "type", borrow)]
    pub kind: Str<'a>,
    #[serde(borrow)]
    pub id: Str<'a>,
    #[serde(borrow)]
    pub status: Str<'a>,
    #[serde(borrow)]
    pub phase: Str<'a>,
    #[serde(borrow)]
    pub content: Content<'a, Part<'a>>,
    pub summary: Value,
    #[serde(borrow)]
    pub encrypted_content: Str<'a>,
    #[serde(borrow)]
    pub call_id: Str<'a>,
    #[serde(borrow)]
    pub name: Str<'a>,
    pub arguments: Value,
    pub input: Value,
}

/// A piece of an item's content.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Part<'a> {
    #[serde(borrow)]
    pub text: Str<'a>,
    #[serde(borrow)]
    pub refusal: Str<'a>,
    #[serde(borrow)]
    pub annotations: List<Maybe<Annotation<'a>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Annotation<'a> {
    #[serde(rename = "type", borrow)]
    pub kind: Str<'a>,
    #[serde(borrow)]
    pub url: Str<'a>,
    #[serde(borrow)]
    pub title: Str<'a>,
    pub start_index: Count,
    pub end_index: Count,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Response<'a> {
    #[serde(borrow)]
    pub model: Str<'a>,
    #[serde(borrow)]
    pub status: Str<'a>,
    #[serde(borrow)]
    pub output: List<Maybe<Item<'a>>>,
    pub usage: Maybe<WireUsage>,
    pub error: Value,
    #[serde(borrow)]
    pub incomplete_details: Maybe<Incomplete<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Incomplete<'a> {
    #[serde(borrow)]
    pub reason: Str<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct WireUsage {
    input_tokens: Count,
    output_tokens: Count,
    total_tokens: Count,
    input_tokens_details: Maybe<InputDetails>,
    output_tokens_details: Maybe<OutputDetails>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct InputDetails {
    cached_tokens: Count,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OutputDetails {
    reasoning_tokens: Count,
}

impl WireUsage {
    /// The figures; none where there are none.
    pub fn read(&self) -> Option<Usage> {
        let (input, output, total) = (self.input_tokens.0, self.output_tokens.0, self.total_tokens.0);
        input.or(output).or(total)?;
        let (input_tokens, output_tokens) = (input.unwrap_or(0), output.unwrap_or(0));
        Some(Usage {
            input_tokens,
            output_tokens,
            total_tokens: total.unwrap_or(input_tokens.saturating_add(output_tokens)),
            cached_tokens: self.input_tokens_details.0.as_ref().and_then(|details| details.cached_tokens.0),
            reasoning_tokens: self.output_tokens_details.0.as_ref().and_then(|details| details.reasoning_tokens.0),
            ..Usage::default()
        })
    }
}
