//! OpenAI's own service, over Chat Completions.

use super::catalogue::{Models, Provider};
use super::prices::Listed;
use crate::models::{MaxTokensField, ModelRule, Quirks, Sampling};

/// What the models take, by the starts of their names; the first match counts.
///
/// Source: the vendor's model pages, and 400 answers that others recorded up to 2026-07. Models
/// that are not listed are sent what was asked for, once more without what they then reject.
pub const RULES: [ModelRule; 10] = [
    ModelRule { sampling: Sampling::Never, stop: false, thinks: true, ..ModelRule::new("o1") },
    ModelRule { sampling: Sampling::Never, stop: false, thinks: true, off: Some("low"), ..ModelRule::new("o3") },
    ModelRule { sampling: Sampling::Never, stop: false, thinks: true, off: Some("low"), ..ModelRule::new("o4") },
    ModelRule { sampling: Sampling::UnlessThinking, off: Some("none"), ..ModelRule::new("gpt-5.1") },
    ModelRule { sampling: Sampling::UnlessThinking, off: Some("none"), ..ModelRule::new("gpt-5.2") },
    ModelRule { sampling: Sampling::UnlessThinking, off: Some("none"), ..ModelRule::new("gpt-5.3") },
    ModelRule { sampling: Sampling::UnlessThinking, off: Some("none"), ..ModelRule::new("gpt-5.4") },
    ModelRule { sampling: Sampling::OnlyWithoutThinking, thinks: true, off: Some("none"), ..ModelRule::new("gpt-5.") },
    ModelRule { sampling: Sampling::Never, stop: false, thinks: true, off: Some("minimal"), ..ModelRule::new("gpt-5") },
    ModelRule { off: Some("none"), ..ModelRule::new("gpt-6") },
];

/// What the vendor lists.
pub const PRICES: &[Listed] = &[
    ("gpt-4o", 2.5, 1.25, 10.0),
    ("gpt-4o-mini", 0.15, 0.075, 0.6),
    ("gpt-4.1", 2.0, 0.5, 8.0),
    ("gpt-4.1-mini", 0.4, 0.1, 1.6),
    ("gpt-4.1-nano", 0.1, 0.025, 0.4),
    ("gpt-5", 1.25, 0.125, 10.0),
    ("gpt-5-mini", 0.25, 0.025, 2.0),
    ("gpt-5-nano", 0.05, 0.005, 0.4),
    ("o3", 2.0, 0.5, 8.0),
    ("o4-mini", 1.1, 0.275, 4.4),
    ("text-embedding-3-small", 0.02, 0.02, 0.0),
    ("text-embedding-3-large", 0.13, 0.13, 0.0),
];

pub fn provider() -> Provider {
    Provider {
        name: "openai".to_owned(),
        description: "OpenAI, Chat Completions".to_owned(),
        dialect: "openai-chat".to_owned(),
        base_url: "https://api.openai.com/v1".to_owned(),
        key_variable: Some("OPENAI_API_KEY".to_owned()),
        default_model: "gpt-6-luna".to_owned(),
        models: Models::Open(["gpt-6-luna", "gpt-6-sol", "gpt-6-astra", "gpt-5.4-mini"].map(str::to_owned).to_vec()),
        known_prefixes: &["gpt-", "chatgpt-", "o1", "o3", "o4"],
        quirks: Quirks {
            max_tokens: MaxTokensField::MaxCompletionTokens,
            system_role: "developer".to_owned(),
            // Its models never put their thinking into the text.
            think_tags: false,
            rules: &RULES,
            ..Quirks::default()
        },
        prices: PRICES,
        ..Provider::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_matches_is_the_most_special() {
        let sampling = |model: &str| RULES.iter().find(|rule| model.starts_with(rule.prefix)).map(|rule| rule.sampling);
        assert_eq!(sampling("gpt-5-mini"), Some(Sampling::Never));
        assert_eq!(sampling("gpt-5.4-nano"), Some(Sampling::UnlessThinking));
        assert_eq!(sampling("gpt-5.6-luna"), Some(Sampling::OnlyWithoutThinking));
        assert_eq!(sampling("gpt-6-luna"), Some(Sampling::Free));
        assert_eq!(sampling("gpt-4o"), None);
    }
}
