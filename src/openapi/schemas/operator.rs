//! What the operator is told and says: keys, and what was used.

use schemars::JsonSchema;

use crate::models::Cost;

/// A key to be made.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    /// The name of its holder: letters, digits and signs, without spaces and without any of `/`, `?`, `#`, `%`.
    #[schemars(length(min = 1, max = 64))]
    pub name: String,
    /// What its holder may do.
    #[serde(flatten)]
    pub terms: KeyTerms,
}

/// What the holder of a key may do; where nothing is said, everything. To take a word back, send null.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyTerms {
    /// The only providers that it may ask. A name may end in `*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub providers: Option<Vec<String>>,
    /// The only models that it may ask, as `provider/model`. A name may end in `*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub models: Option<Vec<String>>,
    /// How many requests, at most, in any 60 seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub requests_per_minute: Option<u64>,
    /// How many runs, at most, at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub concurrent_runs: Option<u64>,
    /// What it may spend in a calendar month (UTC), in US dollars. It may ask only models whose price is known then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub monthly_budget_usd: Option<f64>,
    /// How long answers are kept for it and given again to the same request, in seconds, where the request does not
    /// say so itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 2_678_400))]
    pub cache_ttl_seconds: Option<u64>,
}

/// How a key is replaced.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyRotation {
    /// How long the key before is good, too, in seconds; not at all where it is left out.
    #[schemars(range(min = 0, max = 2_678_400))]
    pub overlap_seconds: Option<u64>,
}

/// All keys.
#[derive(JsonSchema)]
pub struct KeyList {
    /// Those of `GATEWAY_KEYS` first.
    pub keys: Vec<GatewayKey>,
}

/// A key, without the key itself. Of one of `GATEWAY_KEYS` what its holder may do is not shown.
#[derive(JsonSchema)]
pub struct GatewayKey {
    /// The name of its holder.
    pub name: String,
    /// Where it is from.
    pub source: KeySource,
    /// Whether it was revoked; of a key of `GATEWAY_KEYS` only. Any other is gone then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked: Option<bool>,
    /// Milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<u64>,
    /// What its holder may do.
    #[serde(flatten)]
    pub terms: KeyTerms,
    /// Until when the key before is good, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_key_until: Option<u64>,
}

/// Where a key is from.
#[derive(JsonSchema)]
pub enum KeySource {
    /// It was made here.
    #[serde(rename = "admin")]
    Admin,
    /// It is in the operator's secret.
    #[serde(rename = "GATEWAY_KEYS")]
    GatewayKeys,
}

/// A key that was just made.
#[derive(JsonSchema)]
pub struct IssuedKey {
    /// What a list says of it.
    #[serde(flatten)]
    pub entry: GatewayKey,
    /// The key. It is shown this once.
    pub key: String,
}

/// Whose usage, and of which days.
#[derive(JsonSchema)]
pub struct UsageQuery {
    /// The first day (UTC); that of this month where it is left out.
    #[schemars(extend("format" = "date"))]
    pub from: Option<String>,
    /// The last day (UTC); today where it is left out.
    #[schemars(extend("format" = "date"))]
    pub to: Option<String>,
    /// The name of a key, for the usage of that key only. A key need not say its own, and may say no other.
    pub name: Option<String>,
    /// The form of the answer; `json` where it is left out.
    #[schemars(extend("enum" = ["json", "csv"]))]
    pub format: Option<String>,
}

/// What was used. A run counts once, on the day on which it ended.
#[derive(JsonSchema)]
pub struct UsageReport {
    /// The first day (UTC).
    pub from: String,
    /// The last day (UTC).
    pub to: String,
    /// All lines together.
    pub total: UsageTotal,
    /// What answers used: a line for each day, key, provider and model. What is an estimate has lines of its own.
    pub usage: Vec<UsageLine>,
    /// How runs ended.
    pub runs: Vec<RunsLine>,
    /// The day of the built-in list prices.
    pub list_prices_as_of: String,
    /// How the key stands, where it is one key's usage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<KeyAccount>,
}

/// What was used, in all.
#[derive(JsonSchema)]
pub struct UsageTotal {
    /// So much.
    #[serde(flatten)]
    pub amounts: UsageAmounts,
    /// The part of the cost that is an estimate.
    pub estimated_cost_usd: Cost,
}

/// What answers of a model used, for one key on one day.
#[derive(JsonSchema)]
pub struct UsageLine {
    /// The day (UTC).
    pub day: String,
    /// The name of the key, or in brackets what kind of caller had none: `(browser)`.
    pub key: String,
    /// The provider.
    pub provider: String,
    /// The model.
    pub model: String,
    /// Whether these tokens are an estimate: of answers whose provider gave no figures, or not all.
    pub estimated: bool,
    /// So much.
    #[serde(flatten)]
    pub amounts: UsageAmounts,
}

/// How much was used.
#[derive(JsonSchema)]
pub struct UsageAmounts {
    /// How many answers of providers: a run may take several.
    pub answers: u64,
    /// Prompt tokens, cached ones included.
    pub input_tokens: u64,
    /// Generated tokens, reasoning included.
    pub output_tokens: u64,
    /// What the providers call the total.
    pub total_tokens: u64,
    /// The part of the input that came from a provider's cache.
    pub cached_tokens: u64,
    /// The part of the output that was reasoning.
    pub reasoning_tokens: u64,
    /// What those answers cost whose price is known, in US dollars.
    pub cost_usd: Cost,
    /// How many answers had no known price.
    pub unpriced_answers: u64,
}

/// How runs of a model ended, for one key on one day.
#[derive(JsonSchema)]
pub struct RunsLine {
    /// The day (UTC).
    pub day: String,
    /// The name of the key, or in brackets what kind of caller had none.
    pub key: String,
    /// The provider that answered; empty where none did.
    pub provider: String,
    /// The model that answered; empty where none did.
    pub model: String,
    /// The finish reason, or the type of the error.
    pub ended: String,
    /// How many runs.
    pub runs: u64,
    /// How long they took together, in milliseconds.
    pub total_ms: u64,
    /// How many of them had a first token.
    pub with_first_token: u64,
    /// How long it took until then, together, in milliseconds.
    pub total_first_token_ms: u64,
}

/// How a key stands against its limits.
#[derive(JsonSchema)]
pub struct KeyAccount {
    /// The name of the key.
    pub key: String,
    /// What it may ask.
    pub limits: KeyLimits,
    /// What it has spent this month (UTC), in US dollars; of a key that has limits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spent_usd: Option<Cost>,
    /// How many of its runs are under way; of a key that has limits. Counted where they are limited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrent_runs: Option<u64>,
}

/// How much a key may ask; where nothing is said, as much as it likes.
#[derive(JsonSchema)]
pub struct KeyLimits {
    /// Requests in any 60 seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u64>,
    /// Runs at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrent_runs: Option<u64>,
    /// US dollars in a calendar month (UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monthly_budget_usd: Option<Cost>,
}
