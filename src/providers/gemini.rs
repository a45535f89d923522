//! Google's Gemini API.

use super::catalogue::{Models, Provider};
use super::prices::Listed;
use crate::models::{ModelRule, Quirks, ThinkingForm};

/// What the models take, by the starts of their names; the first match counts.
///
/// Source: the vendor's model pages and its guide to thinking, and 400 answers that others reported up
/// to 2026-09: from 3.7 on the flash models reject the level MINIMAL. Models that are not listed are
/// taken for the newest.
pub const RULES: [ModelRule; 10] = [
    // It always thinks: 128 tokens are the least that it takes.
    ModelRule { thinks: true, thinking: ThinkingForm::Budget, off: Some("128"), ..ModelRule::new("gemini-2.5-pro") },
    ModelRule { thinking: ThinkingForm::Budget, off: Some("0"), ..ModelRule::new("gemini-2.5-flash-lite") },
    ModelRule { thinks: true, thinking: ThinkingForm::Budget, off: Some("0"), ..ModelRule::new("gemini-2.5") },
    ModelRule { thinking: ThinkingForm::None, ..ModelRule::new("gemini-1") },
    ModelRule { thinking: ThinkingForm::None, ..ModelRule::new("gemini-2.0") },
    ModelRule { thinks: true, off: Some("MINIMAL"), ..ModelRule::new("gemini-3-flash") },
    ModelRule { thinks: true, off: Some("MINIMAL"), ..ModelRule::new("gemini-3.1-flash") },
    ModelRule { thinks: true, off: Some("MINIMAL"), ..ModelRule::new("gemini-3.5-flash") },
    ModelRule { thinks: true, off: Some("MINIMAL"), ..ModelRule::new("gemini-3.6-flash") },
    ModelRule { thinks: true, off: Some("LOW"), ..ModelRule::new("gemini-") },
];

/// What the vendor lists.
const PRICES: &[Listed] = &[
    ("gemini-2.5-flash", 0.3, 0.03, 2.5),
    ("gemini-2.5-flash-lite", 0.1, 0.01, 0.4),
    ("gemini-2.5-pro", 1.25, 0.125, 10.0),
];

pub fn provider() -> Provider {
    let models =
        ["gemini-4-argon", "gemini-4-carbon", "gemini-3.8-flash", "gemini-3.5-flash-lite", "gemini-flash-latest"];
    Provider {
        name: "gemini".to_owned(),
        description: "Google Gemini, generateContent".to_owned(),
        dialect: "gemini".to_owned(),
        base_url: "https://generativelanguage.googleapis.com/v1beta".to_owned(),
        key_variable: Some("GEMINI_API_KEY".to_owned()),
        default_model: "gemini-3.5-flash-lite".to_owned(),
        models: Models::Open(models.map(str::to_owned).to_vec()),
        known_prefixes: &["gemini-"],
        quirks: Quirks { rules: &RULES, ..Quirks::default() },
        prices: PRICES,
        ..Provider::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_matches_is_the_most_special() {
        let off = |model: &str| {
            RULES.iter().find(|rule| model.starts_with(rule.prefix)).map(|rule| (rule.thinking, rule.off, rule.thinks))
        };
        assert_eq!(off("gemini-2.5-pro"), Some((ThinkingForm::Budget, Some("128"), true)));
        assert_eq!(off("gemini-2.5-flash-lite"), Some((ThinkingForm::Budget, Some("0"), false)));
        assert_eq!(off("gemini-2.5-flash"), Some((ThinkingForm::Budget, Some("0"), true)));
        assert_eq!(off("gemini-2.0-flash"), Some((ThinkingForm::None, None, false)));
        assert_eq!(off("gemini-3.5-flash-lite"), Some((ThinkingForm::Effort, Some("MINIMAL"), true)));
        for newest in ["gemini-3.1-pro-preview", "gemini-3.8-flash", "gemini-4-argon", "gemini-flash-latest"] {
            assert_eq!(off(newest), Some((ThinkingForm::Effort, Some("LOW"), true)), "{newest}");
        }
        assert_eq!(off("gemma-4"), None);
    }
}
