//! The shapes of one frame: an event of a stream, or a whole message.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::dialects::lenient::{Count, List, Maybe, Str};
use crate::models::Usage;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Line<'a> {
    #[serde(borrow, rename = "type")]
    pub kind: Str<'a>,
    pub index: Count,
    #[serde(borrow)]
    pub message: Maybe<Message<'a>>,
    #[serde(borrow)]
    pub content_block: Maybe<Block<'a>>,
    #[serde(borrow)]
    pub delta: Maybe<Delta<'a>>,
    pub usage: Maybe<WireUsage>,
    #[serde(borrow)]
    pub error: Option<&'a RawValue>,
}

/// A message: at its start without content, or whole.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Message<'a> {
    #[serde(borrow)]
    pub id: Str<'a>,
    #[serde(borrow)]
    pub model: Str<'a>,
    #[serde(borrow)]
    pub content: List<Maybe<Block<'a>>>,
    #[serde(borrow)]
    pub stop_reason: Str<'a>,
    #[serde(borrow)]
    pub stop_details: Maybe<StopDetails<'a>>,
    pub usage: Maybe<WireUsage>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Block<'a> {
    #[serde(borrow, rename = "type")]
    pub kind: Str<'a>,
    #[serde(borrow)]
    pub text: Str<'a>,
    #[serde(borrow)]
    pub citations: List<Maybe<Source<'a>>>,
    #[serde(borrow)]
    pub thinking: Str<'a>,
    #[serde(borrow)]
    pub signature: Str<'a>,
    #[serde(borrow)]
    pub data: Str<'a>,
    #[serde(borrow)]
    pub id: Str<'a>,
    #[serde(borrow)]
    pub name: Str<'a>,
    #[serde(borrow)]
    pub input: Option<&'a RawValue>,
    /// In a `fallback` block: which model goes on.
    #[serde(borrow)]
    pub to: Maybe<Named<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Named<'a> {
    #[serde(borrow)]
    pub model: Str<'a>,
}

/// A piece of a block; or, at the end, what there is to say of the message.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Delta<'a> {
    #[serde(borrow, rename = "type")]
    pub kind: Str<'a>,
    #[serde(borrow)]
    pub text: Str<'a>,
    #[serde(borrow)]
    pub thinking: Str<'a>,
    #[serde(borrow)]
    pub signature: Str<'a>,
    #[serde(borrow)]
    pub partial_json: Str<'a>,
    #[serde(borrow)]
    pub citation: Maybe<Source<'a>>,
    #[serde(borrow)]
    pub stop_reason: Str<'a>,
    #[serde(borrow)]
    pub stop_details: Maybe<StopDetails<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct StopDetails<'a> {
    #[serde(borrow)]
    pub explanation: Str<'a>,
}

/// A citation. Results of a web search have an address; results that the caller brought have what
/// the caller calls their source; places in documents have neither.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Source<'a> {
    #[serde(borrow)]
    pub url: Str<'a>,
    #[serde(borrow)]
    pub source: Str<'a>,
    #[serde(borrow)]
    pub title: Str<'a>,
    #[serde(borrow)]
    pub document_title: Str<'a>,
}

/// Totals so far; the input's three parts add up.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct WireUsage {
    input_tokens: Count,
    cache_creation_input_tokens: Count,
    cache_read_input_tokens: Count,
    output_tokens: Count,
    #[serde(deserialize_with = "lenient")]
    output_tokens_details: OutputDetails,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct OutputDetails {
    thinking_tokens: Count,
}

fn lenient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OutputDetails, D::Error> {
    Maybe::deserialize(deserializer).map(|details| details.0.unwrap_or_default())
}

/// The totals of one answer, from all objects that spoke of them.
#[derive(Debug, Default)]
pub struct Totals {
    input: Count,
    cache_creation: Count,
    cache_read: Count,
    output: Count,
    /// What the first object counts is where the answer began, and no total of one that breaks off.
    output_at_start: Count,
    thinking: Count,
}

impl Totals {
    /// Takes what stood at the answer's start.
    pub fn begin(&mut self, first: &WireUsage) -> Option<Usage> {
        self.output_at_start = first.output_tokens;
        self.merge(&WireUsage { output_tokens: Count(None), ..*first })
    }

    /// Overwrites what the later object has and keeps the rest; gives the totals in unified form, where
    /// there are any.
    pub fn merge(&mut self, later: &WireUsage) -> Option<Usage> {
        let take = |known: &mut Count, later: Count| known.0 = later.0.or(known.0);
        take(&mut self.input, later.input_tokens);
        take(&mut self.cache_creation, later.cache_creation_input_tokens);
        take(&mut self.cache_read, later.cache_read_input_tokens);
        take(&mut self.output, later.output_tokens);
        take(&mut self.thinking, later.output_tokens_details.thinking_tokens);
        self.unified()
    }

    /// The answer is complete: where no later object counted its output, the first one did.
    pub fn end(&mut self) -> Option<Usage> {
        if self.output.0.is_some() || self.output_at_start.0.is_none() {
            return None;
        }
        self.output = self.output_at_start;
        self.unified()
    }

    fn unified(&self) -> Option<Usage> {
        let input = [self.input, self.cache_creation, self.cache_read];
        if self.output.0.is_none() && input.iter().all(|count| count.0.is_none()) {
            return None;
        }
        let input_tokens = input.iter().fold(0u64, |sum, count| sum.saturating_add(count.0.unwrap_or(0)));
        let output_tokens = self.output.0.unwrap_or(0);
        Some(Usage {
            input_tokens,
            output_tokens,
            total_tokens: input_tokens.saturating_add(output_tokens),
            cached_tokens: self.cache_read.0,
            reasoning_tokens: self.thinking.0,
            ..Usage::default()
        })
    }
}
