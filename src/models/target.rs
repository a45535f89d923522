use serde::Deserialize;

use super::Effort;

/// Where a request goes: everything that a dialect needs to address it, and nothing it could match on.
#[derive(Clone)]
pub struct Target {
    /// The provider's name in the catalogue, for messages only.
    pub provider: String,
    /// The API's root, without a trailing slash; may carry a query that every call keeps.
    pub base_url: String,
    /// The model's name in the provider's words.
    pub model: String,
    /// The provider's key.
    pub key: Option<Secret>,
    /// Headers that the operator wants on every call.
    pub headers: Vec<(String, String)>,
    /// How this provider differs from its dialect.
    pub quirks: Quirks,
}

/// A value that must not reach a log, a message or a client: no `Debug`, no `Display`.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Wraps a key.
    pub fn new(value: impl Into<String>) -> Self {
        Secret(value.into())
    }

    /// The key itself, for a request header.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// How a provider differs from its dialect, as data.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quirks {
    /// How the key is sent, where not as the dialect usually does.
    pub auth: Option<Auth>,
    /// The version of the API, for a dialect that names one.
    pub api_version: Option<String>,
    /// Whether streams are asked to report usage (`stream_options.include_usage`).
    pub stream_usage: bool,
    /// The name of the output limit.
    pub max_tokens: MaxTokensField,
    /// The role that carries system messages.
    pub system_role: String,
    /// How thinking is asked for.
    pub effort: EffortField,
    /// What of an earlier answer's reasoning goes back, in Chat Completions.
    pub replay: Replay,
    /// Whether a `<think>` at the very start of the text marks reasoning.
    pub think_tags: bool,
    /// What single models take, first match wins.
    #[serde(skip)]
    pub rules: &'static [ModelRule],
}

impl Default for Quirks {
    fn default() -> Self {
        Quirks {
            auth: None,
            api_version: None,
            stream_usage: true,
            max_tokens: MaxTokensField::MaxTokens,
            system_role: "system".to_owned(),
            effort: EffortField::ReasoningEffort,
            replay: Replay::None,
            think_tags: true,
            rules: &[],
        }
    }
}

impl Quirks {
    /// What a model takes, where something is known of it.
    pub fn rule(&self, model: &str) -> Option<&'static ModelRule> {
        self.rules.iter().find(|rule| model.starts_with(rule.prefix))
    }

    /// Whether a model thinks before it answers when this was asked of it.
    pub fn thinks(&self, model: &str, asked: Option<bool>) -> bool {
        asked.unwrap_or_else(|| self.rule(model).is_some_and(|rule| rule.thinks))
    }
}

/// How a key is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Auth {
    /// `authorization: Bearer KEY`.
    Bearer,
    /// `api-key: KEY`.
    ApiKey,
    /// `x-api-key: KEY`.
    XApiKey,
    /// `x-goog-api-key: KEY`.
    XGoogApiKey,
}

/// The name of the output limit on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaxTokensField {
    /// The older name, which most compatible servers take.
    MaxTokens,
    /// The newer name, which alone reasoning models take.
    MaxCompletionTokens,
}

/// How thinking is asked for on the wire, in Chat Completions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffortField {
    /// `reasoning_effort: "medium"`.
    ReasoningEffort,
    /// `reasoning: {"enabled": true}`, with `reasoning_effort` where an effort was given.
    ReasoningEnabled,
    /// `thinking: {"type": "enabled"}`.
    ThinkingType,
    /// It cannot be asked for.
    None,
}

/// What of an earlier answer's reasoning goes back, in Chat Completions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Replay {
    /// Nothing: most servers reject or pass over what they do not know.
    None,
    /// Its text, as `reasoning_content`, with messages that call tools.
    ReasoningContent,
    /// The server's own objects, as `reasoning_details`.
    ReasoningDetails,
}

/// What the models of one name take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelRule {
    /// The start of the model's name.
    pub prefix: &'static str,
    /// When `temperature` and `top_p` are taken.
    pub sampling: Sampling,
    /// Whether stop sequences are taken.
    pub stop: bool,
    /// Whether it thinks where nothing was said about thinking.
    pub thinks: bool,
    /// How it is asked to think.
    pub thinking: ThinkingForm,
    /// What comes nearest to no thinking at all, in the dialect's own word; none where nothing does.
    pub off: Option<&'static str>,
    /// The words for the effort that it takes, for a dialect that cannot send any word to any model.
    pub efforts: &'static [Effort],
    /// Whether a tool call can be forced.
    pub forced_tools: bool,
    /// The output limit of a request that names none, for a dialect that must send one.
    pub usual_output: u64,
}

impl ModelRule {
    /// A rule for models that take everything.
    pub const fn new(prefix: &'static str) -> Self {
        ModelRule {
            prefix,
            sampling: Sampling::Free,
            stop: true,
            thinks: false,
            thinking: ThinkingForm::Effort,
            off: None,
            efforts: &[],
            forced_tools: true,
            usual_output: 4096,
        }
    }
}

/// How a model is asked to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThinkingForm {
    /// It does not think.
    None,
    /// By a word for the effort.
    Effort,
    /// By a number of tokens.
    Budget,
    /// By a number of tokens, or left to judge for itself.
    BudgetOrAdaptive,
    /// Left to judge for itself, with a word for the effort.
    Adaptive,
}

/// When a model takes `temperature` and `top_p`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    /// Always.
    Free,
    /// Unless thinking was asked for.
    UnlessThinking,
    /// Only when thinking was switched off.
    OnlyWithoutThinking,
    /// Never.
    Never,
}
