//! Cloudflare Workers AI, through the worker's own binding: no key, no address.

use super::catalogue::{Models, Provider};
use crate::models::{Effort, ModelRule, Quirks, ThinkingForm};

/// The models that take the inputs of Chat Completions, by the starts of their names; the first match
/// counts.
///
/// Source: the types that the runtime is built with (workerd, 2026-10), where each model has the words
/// for its effort; one without words has a switch in its template. Of Kimi K2.7 nothing can be asked: it always thinks.
pub const RULES: [ModelRule; 10] = [
    ModelRule {
        thinks: true,
        efforts: &[Effort::Low, Effort::Medium, Effort::High],
        ..ModelRule::new("@cf/openai/gpt-oss")
    },
    ModelRule {
        thinks: true,
        efforts: &[Effort::High, Effort::Max],
        off: Some("none"),
        ..ModelRule::new("@cf/zai-org/glm-5.2")
    },
    ModelRule {
        thinks: true,
        efforts: &[Effort::Low, Effort::High, Effort::Max],
        ..ModelRule::new("@cf/zai-org/glm-5")
    },
    ModelRule { thinks: true, ..ModelRule::new("@cf/zai-org/glm-4") },
    ModelRule {
        thinks: true,
        efforts: &[Effort::Low, Effort::High, Effort::Max],
        off: Some("none"),
        ..ModelRule::new("@cf/deepseek-ai/deepseek-v4")
    },
    ModelRule {
        thinks: true,
        efforts: &[Effort::Low, Effort::Medium, Effort::High],
        ..ModelRule::new("@cf/moonshotai/kimi-k2.5")
    },
    ModelRule {
        thinks: true,
        efforts: &[Effort::High],
        off: Some("none"),
        ..ModelRule::new("@cf/moonshotai/kimi-k2.6")
    },
    ModelRule { thinks: true, thinking: ThinkingForm::None, ..ModelRule::new("@cf/moonshotai/kimi-k2.7") },
    ModelRule {
        thinks: true,
        efforts: &[Effort::Low, Effort::Medium, Effort::XHigh],
        ..ModelRule::new("@cf/qwen/qwen3.8")
    },
    ModelRule::new("@cf/google/gemma-4"),
];

const DEFAULT_MODEL: &str = "@cf/meta/llama-4-scout-17b-16e-instruct";

pub fn provider() -> Provider {
    let models = [
        DEFAULT_MODEL,
        "@cf/openai/gpt-oss-120b",
        "@cf/zai-org/glm-5.3",
        "@cf/zai-org/glm-5.3-flash",
        "@cf/deepseek-ai/deepseek-v4-flash-0731",
        "@cf/moonshotai/kimi-k2.6",
        "@cf/qwen/qwen3.8-27b",
        "@cf/google/gemma-4-26b-a4b-it",
    ];
    Provider {
        name: "workers-ai".to_owned(),
        description: "Cloudflare Workers AI, through the binding AI".to_owned(),
        dialect: "workers-ai".to_owned(),
        // Nothing is sent there; by mistake nothing would arrive.
        base_url: "https://workers-ai.binding.invalid".to_owned(),
        binding: Some("AI".to_owned()),
        default_model: DEFAULT_MODEL.to_owned(),
        models: Models::Open(models.map(str::to_owned).to_vec()),
        known_prefixes: &["@cf/", "@hf/"],
        quirks: Quirks { rules: &RULES, ..Quirks::default() },
        ..Provider::default()
    }
}
