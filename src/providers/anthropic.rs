//! Anthropic's own service, over Messages.

use super::catalogue::{Models, Provider};
use super::prices::Listed;
use crate::models::{ModelRule, Quirks, Sampling, ThinkingForm};

/// What the models take, by the starts of their names; the first match counts.
///
/// Source: the vendor's migration guides up to 2026-10 (5.5: thinking by default, in three ways of
/// switching it off; no forced calls with the two larger ones), its model pages for the output limits.
/// A name that is not known is taken for a newer model, which takes less.
pub const RULES: [ModelRule; 18] = [
    ModelRule { forced_tools: false, ..thinker("claude-fable-", None) },
    ModelRule { forced_tools: false, ..thinker("claude-mythos-", None) },
    ModelRule { forced_tools: false, ..thinker("claude-opus-5-5", None) },
    ModelRule { forced_tools: false, ..thinker("claude-sonnet-5-5", Some("between_tools")) },
    thinker("claude-opus-5", Some("disabled")),
    thinker("claude-sonnet-5", Some("disabled")),
    thinker("claude-haiku-5", Some("disabled")),
    ModelRule { thinks: false, ..thinker("claude-opus-4-8", Some("disabled")) },
    ModelRule { thinks: false, ..thinker("claude-opus-4-7", Some("disabled")) },
    ModelRule { thinking: ThinkingForm::BudgetOrAdaptive, ..older("claude-opus-4-6") },
    ModelRule { thinking: ThinkingForm::BudgetOrAdaptive, ..older("claude-sonnet-4-6") },
    older("claude-opus-4"),
    older("claude-sonnet-4"),
    older("claude-haiku-4"),
    older("claude-3-7"),
    ModelRule { usual_output: 8192, ..oldest("claude-3-5") },
    oldest("claude-3"),
    ModelRule { usual_output: 4096, ..thinker("claude-", None) },
];

/// What the vendor lists.
const PRICES: &[Listed] = &[
    ("claude-haiku-4-5", 1.0, 0.1, 5.0),
    ("claude-sonnet-4-5", 3.0, 0.3, 15.0),
    ("claude-sonnet-4-6", 3.0, 0.3, 15.0),
    ("claude-opus-4-5", 5.0, 0.5, 25.0),
    ("claude-opus-4-6", 5.0, 0.5, 25.0),
];

pub fn provider() -> Provider {
    let models = ["claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5", "claude-sonnet-4-6", "claude-haiku-4-5"];
    Provider {
        name: "anthropic".to_owned(),
        description: "Anthropic, Messages".to_owned(),
        dialect: "anthropic".to_owned(),
        base_url: "https://api.anthropic.com".to_owned(),
        key_variable: Some("ANTHROPIC_API_KEY".to_owned()),
        default_model: "claude-haiku-5-5".to_owned(),
        models: Models::Open(models.map(str::to_owned).to_vec()),
        known_prefixes: &["claude-"],
        quirks: Quirks { api_version: Some("2023-06-01".to_owned()), rules: &RULES, ..Quirks::default() },
        prices: PRICES,
        ..Provider::default()
    }
}

/// Models that think unless they are told not to, and how they are told.
const fn thinker(prefix: &'static str, off: Option<&'static str>) -> ModelRule {
    ModelRule {
        sampling: Sampling::Never,
        thinks: true,
        thinking: ThinkingForm::Adaptive,
        off,
        usual_output: 32_000,
        ..ModelRule::new(prefix)
    }
}

/// Models that think for a number of tokens.
const fn older(prefix: &'static str) -> ModelRule {
    ModelRule { thinking: ThinkingForm::Budget, off: Some("disabled"), usual_output: 32_000, ..ModelRule::new(prefix) }
}

/// Models that do not think.
const fn oldest(prefix: &'static str) -> ModelRule {
    ModelRule { thinking: ThinkingForm::None, ..ModelRule::new(prefix) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_matches_is_the_most_special() {
        let quirks = provider().quirks;
        let check =
            |model: &str, thinking: ThinkingForm, sampling: Sampling, usual: u64, thinks: bool, off: Option<&str>| {
                let rule = quirks.rule(model).unwrap();
                assert_eq!(
                    (rule.thinking, rule.sampling, rule.usual_output, rule.thinks, rule.off),
                    (thinking, sampling, usual, thinks, off),
                    "{model}"
                );
            };
        use Sampling::{Free, Never};
        use ThinkingForm::{Adaptive, Budget, BudgetOrAdaptive, None as No};
        check("claude-fable-5-2", Adaptive, Never, 32_000, true, None);
        check("claude-opus-5-5", Adaptive, Never, 32_000, true, None);
        check("claude-opus-5", Adaptive, Never, 32_000, true, Some("disabled"));
        check("claude-sonnet-5-5", Adaptive, Never, 32_000, true, Some("between_tools"));
        check("claude-haiku-5-5", Adaptive, Never, 32_000, true, Some("disabled"));
        check("claude-opus-4-7", Adaptive, Never, 32_000, false, Some("disabled"));
        check("claude-opus-4-6", BudgetOrAdaptive, Free, 32_000, false, Some("disabled"));
        check("claude-opus-4-5-20251101", Budget, Free, 32_000, false, Some("disabled"));
        check("claude-sonnet-4-20250514", Budget, Free, 32_000, false, Some("disabled"));
        check("claude-3-7-sonnet-latest", Budget, Free, 32_000, false, Some("disabled"));
        check("claude-3-5-haiku-20241022", No, Free, 8192, false, None);
        check("claude-3-haiku-20240307", No, Free, 4096, false, None);
        check("claude-lyra-7", Adaptive, Never, 4096, true, None);
        assert_eq!(quirks.rule("glm-5"), None);
        let forced = |model: &str| quirks.rule(model).unwrap().forced_tools;
        let models = ["claude-mythos-5-2", "claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5", "claude-opus-5"];
        assert_eq!(models.map(forced), [false, false, false, true, true]);
    }
}
