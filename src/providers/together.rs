//! Together, over its own Chat Completions.

use super::catalogue::{Models, Provider};
use super::prices::Listed;
use crate::models::{EffortField, Quirks};

/// Serverless models come and go at short notice: which ones may be asked for is configuration.
const DEFAULT_MODEL: &str = "meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8";

/// What the vendor lists.
const PRICES: &[Listed] = &[
    ("meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8", 0.27, 0.27, 0.85),
    ("meta-llama/Llama-4-Scout-17B-16E-Instruct", 0.18, 0.18, 0.59),
];

pub fn provider() -> Provider {
    Provider {
        name: "together".to_owned(),
        description: "Together AI, Chat Completions".to_owned(),
        dialect: "openai-chat".to_owned(),
        base_url: "https://api.together.xyz/v1".to_owned(),
        key_variable: Some("TOGETHER_API_KEY".to_owned()),
        default_model: DEFAULT_MODEL.to_owned(),
        models: Models::Closed(vec![DEFAULT_MODEL.to_owned()]),
        models_variable: Some("TOGETHER_MODELS".to_owned()),
        forwards_trace: true,
        quirks: Quirks { effort: EffortField::ReasoningEnabled, ..Quirks::default() },
        prices: PRICES,
        ..Provider::default()
    }
}
