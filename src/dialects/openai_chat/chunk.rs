//! The shapes of one frame: a chunk of a stream, or a whole completion.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::dialects::lenient::{Content, Count, List, Maybe, Str};
use crate::models::Usage;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Chunk<'a> {
    #[serde(borrow)]
    pub model: Str<'a>,
    #[serde(borrow)]
    pub object: Str<'a>,
    #[serde(borrow)]
    pub choices: List<Maybe<Choice<'a>>>,
    pub usage: Maybe<WireUsage>,
    pub x_groq: Maybe<XGroq>,
    #[serde(borrow)]
    pub error: Option<&'a RawValue>,
    #[serde(borrow)]
    pub message: Option<&'a RawValue>,
    #[serde(borrow)]
    pub detail: Option<&'a RawValue>,
    #[serde(borrow)]
    pub citations: List<Str<'a>>,
    #[serde(borrow)]
    pub search_results: List<Maybe<Source<'a>>>,
    #[serde(borrow)]
    pub warnings: List<Maybe<Notice<'a>>>,
}

impl Chunk<'_> {
    /// Whether the frame is an error: its own field, or one of the flat shapes.
    pub fn is_error(&self) -> bool {
        let truthy = |raw: &RawValue| !matches!(raw.get(), "false" | "\"\"" | "0" | "{}");
        let flat =
            self.choices.0.is_empty() && self.usage.0.is_none() && (self.message.is_some() || self.detail.is_some());
        self.error.is_some_and(truthy) || self.object.filled() == Some("error") || flat
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Choice<'a> {
    pub index: Count,
    #[serde(borrow)]
    pub delta: Maybe<Delta<'a>>,
    /// Whole completions; beside a delta it repeats what the deltas said before.
    #[serde(borrow)]
    pub message: Maybe<Delta<'a>>,
    /// The form before chat; beside a delta it repeats the delta's content.
    #[serde(borrow)]
    pub text: Str<'a>,
    #[serde(borrow)]
    pub finish_reason: Str<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Delta<'a> {
    #[serde(borrow)]
    pub content: Content<'a, ContentPart<'a>>,
    #[serde(borrow)]
    pub reasoning: Str<'a>,
    #[serde(borrow)]
    pub reasoning_content: Str<'a>,
    #[serde(borrow)]
    pub reasoning_details: List<&'a RawValue>,
    #[serde(borrow)]
    pub refusal: Str<'a>,
    #[serde(borrow)]
    pub tool_calls: List<Maybe<WireCall<'a>>>,
    /// The form before `tool_calls`: one call, without an id.
    #[serde(borrow)]
    pub function_call: Maybe<WireFunction<'a>>,
    #[serde(borrow)]
    pub annotations: List<Maybe<Annotation<'a>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ContentPart<'a> {
    #[serde(borrow, rename = "type")]
    pub kind: Str<'a>,
    #[serde(borrow)]
    pub text: Str<'a>,
    #[serde(borrow)]
    pub refusal: Str<'a>,
    #[serde(borrow)]
    pub thinking: Content<'a, ThinkingPart<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ThinkingPart<'a> {
    #[serde(borrow)]
    pub text: Str<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ReasoningDetail<'a> {
    #[serde(borrow)]
    pub text: Str<'a>,
    #[serde(borrow)]
    pub summary: Str<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct WireCall<'a> {
    pub index: Count,
    #[serde(borrow)]
    pub id: Str<'a>,
    #[serde(borrow)]
    pub function: Maybe<WireFunction<'a>>,
    #[serde(borrow)]
    pub custom: Maybe<WireCustom<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct WireFunction<'a> {
    #[serde(borrow)]
    pub name: Str<'a>,
    /// A string of JSON, or at some servers the object itself.
    #[serde(borrow)]
    pub arguments: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct WireCustom<'a> {
    #[serde(borrow)]
    pub name: Str<'a>,
    #[serde(borrow)]
    pub input: Str<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Annotation<'a> {
    #[serde(borrow)]
    pub url_citation: Maybe<Source<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Source<'a> {
    #[serde(borrow)]
    pub url: Str<'a>,
    #[serde(borrow)]
    pub title: Str<'a>,
    pub start_index: Count,
    pub end_index: Count,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Notice<'a> {
    #[serde(borrow)]
    pub message: Str<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct XGroq {
    pub usage: Maybe<WireUsage>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct WireUsage {
    prompt_tokens: Count,
    completion_tokens: Count,
    total_tokens: Count,
    prompt_tokens_details: Maybe<PromptDetails>,
    completion_tokens_details: Maybe<CompletionDetails>,
    /// Together's place for it.
    cached_tokens: Count,
    /// DeepSeek's place for it.
    prompt_cache_hit_tokens: Count,
    /// Where some servers put it beside the details.
    reasoning_tokens: Count,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PromptDetails {
    cached_tokens: Count,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CompletionDetails {
    reasoning_tokens: Count,
}

impl WireUsage {
    /// Overwrites what this object has and keeps the rest: providers report totals, sometimes in
    /// several objects of which each lacks something. False where it says nothing at all.
    pub fn merge_into(&self, usage: &mut Usage) -> bool {
        let said =
            self.prompt_tokens.0.is_some() || self.completion_tokens.0.is_some() || self.total_tokens.0.is_some();
        if !said {
            return false;
        }
        usage.input_tokens = self.prompt_tokens.0.unwrap_or(usage.input_tokens);
        usage.output_tokens = self.completion_tokens.0.unwrap_or(usage.output_tokens);
        usage.total_tokens = self.total_tokens.0.unwrap_or(usage.input_tokens.saturating_add(usage.output_tokens));
        let details = self.prompt_tokens_details.0.as_ref().and_then(|details| details.cached_tokens.0);
        usage.cached_tokens =
            details.or(self.cached_tokens.0).or(self.prompt_cache_hit_tokens.0).or(usage.cached_tokens);
        let details = self.completion_tokens_details.0.as_ref().and_then(|details| details.reasoning_tokens.0);
        usage.reasoning_tokens = details.or(self.reasoning_tokens.0).or(usage.reasoning_tokens);
        true
    }
}
