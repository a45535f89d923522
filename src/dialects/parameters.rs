//! Parameters that several dialects write by the same rules.

use serde_json::{Value, json};

use crate::models::{ChatError, ChatRequest, Effort, ModelRule, Sampling, Thinking};

/// `temperature` and `top_p`, as far as the model takes them.
pub fn sampling(
    chat: &ChatRequest,
    rule: Option<&ModelRule>,
    warnings: &mut Vec<String>,
) -> Vec<(&'static str, Value)> {
    let thinks = chat.thinking.map(|thinking| thinking.enabled);
    let taken = match rule.map_or(Sampling::Free, |rule| rule.sampling) {
        Sampling::Free => true,
        Sampling::UnlessThinking => thinks != Some(true),
        Sampling::OnlyWithoutThinking => thinks == Some(false),
        Sampling::Never => false,
    };
    let asked = [("temperature", chat.temperature), ("top_p", chat.top_p)];
    let asked = asked.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let mut sent = Vec::new();
    for (name, value) in asked {
        if taken {
            sent.push((name, json!(value)));
        } else {
            warnings.push(format!("{name} was left out: the model does not take it"));
        }
    }
    sent
}

/// Takes out a parameter that the model turned out not to know, once.
pub fn take_out(chat: &mut ChatRequest, error: &ChatError) -> bool {
    let unsupported = matches!(error.code.as_deref(), Some("unsupported_parameter" | "unsupported_value"));
    let Some(param) = error.param.clone().filter(|_| unsupported) else { return false };
    let dropped = match param.as_str() {
        "temperature" => chat.temperature.take().is_some(),
        "top_p" => chat.top_p.take().is_some(),
        "seed" => chat.seed.take().is_some(),
        _ => false,
    };
    if dropped {
        chat.warnings.push(format!("{param} was left out: the model does not take it"));
    }
    dropped
}

/// How hard to think, in a word. A budget in tokens is taken for an effort: the vendors' own guides give
/// about these orders of magnitude.
pub fn effort(thinking: &Thinking) -> Effort {
    thinking.effort.unwrap_or(match thinking.budget_tokens {
        Some(0..=2048) => Effort::Low,
        None | Some(2049..=8192) => Effort::Medium,
        Some(_) => Effort::High,
    })
}

/// Says what became of a budget where only an effort can be sent.
pub fn warn_of_budget(thinking: &Thinking, warnings: &mut Vec<String>) {
    if thinking.budget_tokens.is_some() && thinking.effort.is_none() {
        let effort = effort(thinking).as_str();
        warnings.push(format!("thinking.budget_tokens is sent as the effort {effort}: the provider takes no budget"));
    }
}

/// The effort that comes nearest to no thinking at all, where the model must be told.
pub fn effort_off(rule: Option<&ModelRule>, warnings: &mut Vec<String>) -> Option<&'static str> {
    // A model without a rule: not to think is what it does without being asked.
    let off = rule?.off;
    match off {
        Some("none") => {}
        Some(off) => warnings.push(format!("thinking cannot be switched off with this model: the effort is {off}")),
        None => warnings.push("thinking cannot be switched off with this model".to_owned()),
    }
    off
}
