//! What a frame holds, as far as it is read. Nothing in it can fail the frame.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::dialects::lenient::{Count, List, Maybe, Str};
use crate::models::Usage;

/// A `GenerateContentResponse`, or a failure.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Chunk<'a> {
    #[serde(borrow)]
    pub candidates: List<Maybe<Candidate<'a>>>,
    #[serde(borrow)]
    pub prompt_feedback: Maybe<PromptFeedback<'a>>,
    pub usage_metadata: Maybe<Counts>,
    #[serde(borrow)]
    pub model_version: Str<'a>,
    #[serde(borrow)]
    pub response_id: Str<'a>,
    #[serde(borrow)]
    pub error: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Candidate<'a> {
    pub index: Count,
    #[serde(borrow)]
    pub content: Maybe<Content<'a>>,
    #[serde(borrow)]
    pub finish_reason: Str<'a>,
    #[serde(borrow)]
    pub finish_message: Str<'a>,
    #[serde(borrow)]
    pub citation_metadata: Maybe<CitationMetadata<'a>>,
    #[serde(borrow)]
    pub grounding_metadata: Maybe<GroundingMetadata<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Content<'a> {
    #[serde(borrow)]
    pub parts: List<Maybe<Part<'a>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Part<'a> {
    #[serde(borrow)]
    pub text: Str<'a>,
    /// Whether the text is thinking.
    #[serde(borrow)]
    pub thought: Option<&'a RawValue>,
    #[serde(borrow)]
    pub thought_signature: Str<'a>,
    #[serde(borrow)]
    pub function_call: Maybe<FunctionCall<'a>>,
    #[serde(borrow)]
    pub inline_data: Option<&'a RawValue>,
}

/// A call; or, from Vertex, the next piece of one.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct FunctionCall<'a> {
    #[serde(borrow)]
    pub id: Str<'a>,
    #[serde(borrow)]
    pub name: Str<'a>,
    #[serde(borrow)]
    pub args: Option<&'a RawValue>,
    #[serde(borrow)]
    pub partial_args: List<Maybe<PartialArg<'a>>>,
    #[serde(borrow)]
    pub will_continue: Option<&'a RawValue>,
}

/// A piece of one argument. A null may be given by name or by no value at all.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PartialArg<'a> {
    #[serde(borrow)]
    pub json_path: Str<'a>,
    #[serde(borrow)]
    pub string_value: Option<&'a RawValue>,
    #[serde(borrow)]
    pub number_value: Option<&'a RawValue>,
    #[serde(borrow)]
    pub bool_value: Option<&'a RawValue>,
    #[serde(borrow)]
    pub will_continue: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PromptFeedback<'a> {
    #[serde(borrow)]
    pub block_reason: Str<'a>,
    #[serde(borrow)]
    pub block_reason_message: Str<'a>,
}

/// The Gemini API calls the list `citationSources`, Vertex `citations`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct CitationMetadata<'a> {
    #[serde(borrow)]
    pub citation_sources: List<Maybe<Source<'a>>>,
    #[serde(borrow)]
    pub citations: List<Maybe<Source<'a>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct GroundingMetadata<'a> {
    #[serde(borrow)]
    pub grounding_chunks: List<Maybe<GroundingChunk<'a>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct GroundingChunk<'a> {
    #[serde(borrow)]
    pub web: Maybe<Source<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Source<'a> {
    #[serde(borrow)]
    pub uri: Str<'a>,
    #[serde(borrow)]
    pub title: Str<'a>,
    pub start_index: Count,
    pub end_index: Count,
}

impl<'a> Candidate<'a> {
    /// The sources that this frame names.
    pub fn sources(&self) -> impl Iterator<Item = &Source<'a>> {
        let cited = self.citation_metadata.0.iter();
        let cited = cited.flat_map(|metadata| metadata.citation_sources.0.iter().chain(&metadata.citations.0));
        let grounds = self.grounding_metadata.0.iter().flat_map(|metadata| &metadata.grounding_chunks.0);
        let webs = grounds.filter_map(|chunk| chunk.0.as_ref()).map(|chunk| &chunk.web);
        cited.chain(webs).filter_map(|source| source.0.as_ref())
    }
}

/// Tokens in the provider's own division.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Counts {
    prompt_token_count: Count,
    tool_use_prompt_token_count: Count,
    cached_content_token_count: Count,
    candidates_token_count: Count,
    thoughts_token_count: Count,
    total_token_count: Count,
}

impl Counts {
    /// Takes over what a later frame says; each is a total, and need not repeat what did not change.
    pub fn merge(&mut self, later: &Counts) {
        let fields = [
            (&mut self.prompt_token_count, later.prompt_token_count),
            (&mut self.tool_use_prompt_token_count, later.tool_use_prompt_token_count),
            (&mut self.cached_content_token_count, later.cached_content_token_count),
            (&mut self.candidates_token_count, later.candidates_token_count),
            (&mut self.thoughts_token_count, later.thoughts_token_count),
            (&mut self.total_token_count, later.total_token_count),
        ];
        for (known, count) in fields {
            if count.0.is_some() {
                *known = count;
            }
        }
    }

    /// The unified figures. What a tool put into the prompt is prompt; thinking is output.
    pub fn usage(&self) -> Usage {
        let sum = |counts: [Count; 2]| counts.iter().filter_map(|count| count.0).fold(0, u64::saturating_add);
        let input_tokens = sum([self.prompt_token_count, self.tool_use_prompt_token_count]);
        let output_tokens = sum([self.candidates_token_count, self.thoughts_token_count]);
        Usage {
            input_tokens,
            output_tokens,
            total_tokens: self.total_token_count.0.unwrap_or(input_tokens.saturating_add(output_tokens)),
            cached_tokens: self.cached_content_token_count.0,
            reasoning_tokens: self.thoughts_token_count.0,
            ..Usage::default()
        }
    }
}

/// Whether a field stands there and is true.
pub fn is_true(field: Option<&RawValue>) -> bool {
    field.is_some_and(|raw| raw.get() == "true")
}
