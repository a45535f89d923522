//! OpenAI's own service, over Responses.

use super::catalogue::Provider;
use super::openai;
use crate::models::Quirks;

/// It shares key, address and models with the same service's other API. A model's bare name means that
/// one.
pub fn provider() -> Provider {
    Provider {
        name: "openai-responses".to_owned(),
        description: "OpenAI, Responses".to_owned(),
        dialect: "openai-responses".to_owned(),
        address_variable: Some("OPENAI_BASE_URL".to_owned()),
        known_prefixes: &[],
        quirks: Quirks { think_tags: false, rules: &openai::RULES, ..Quirks::default() },
        ..openai::provider()
    }
}
