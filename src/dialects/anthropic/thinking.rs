//! How a model is asked to think, and the output limit, of which the thinking is a part.

use serde_json::{Value, json};

use super::messages::Conversation;
use crate::models::{ChatRequest, Effort, ModelRule, Thinking, ThinkingForm};

/// What the request says about thinking.
pub struct Plan {
    /// The field `thinking`.
    pub field: Option<Value>,
    /// The word of `output_config.effort`.
    pub effort: Option<&'static str>,
    /// The output limit, which the vendor requires.
    pub max_tokens: u64,
    /// Whether thinking was switched on: with it, other parameters are refused.
    pub on: bool,
}

/// The output limit where nothing is known of the model, and the room that an answer has beside a
/// budget for thinking.
const USUAL_OUTPUT: u64 = 4096;

/// The vendor takes no smaller budget.
const LEAST_BUDGET: u64 = 1024;

/// The budget of a request that asks for thinking and says no more.
const USUAL_BUDGET: u64 = 8192;

/// Plans the thinking of a request.
pub fn plan(
    chat: &ChatRequest,
    rule: Option<&ModelRule>,
    conversation: &Conversation,
    forced: bool,
    warnings: &mut Vec<String>,
) -> Plan {
    let usual = rule.map_or(USUAL_OUTPUT, |rule| rule.usual_output);
    let silent = Plan { field: None, effort: None, max_tokens: chat.max_tokens.unwrap_or(usual), on: false };
    let Some(asked) = chat.thinking.filter(|asked| asked.enabled) else {
        // A model that thinks unless told otherwise cannot be forced to call a tool while it does.
        let off = chat.thinking.is_some() || (forced && rule.is_some_and(|rule| rule.thinks));
        return Plan { field: rule.filter(|_| off).and_then(|rule| switch_off(rule, warnings)), ..silent };
    };
    if forced {
        warnings.push("thinking was left out: the provider does not think where a tool call is forced".to_owned());
        let off = rule.filter(|rule| rule.thinks).and_then(|rule| switch_off(rule, warnings));
        return Plan { field: off, ..silent };
    }
    match rule.map_or(ThinkingForm::Budget, |rule| rule.thinking) {
        ThinkingForm::None => {
            warnings.push("thinking was left out: the model does not think".to_owned());
            silent
        }
        ThinkingForm::Budget => budget(asked, chat.max_tokens, usual, conversation, silent, warnings),
        // Left to judge for itself, it may begin to think in the middle of a turn.
        ThinkingForm::BudgetOrAdaptive if asked.budget_tokens.is_some() && !conversation.goes_on_without_thinking() => {
            budget(asked, chat.max_tokens, usual, conversation, silent, warnings)
        }
        ThinkingForm::BudgetOrAdaptive | ThinkingForm::Adaptive | ThinkingForm::Effort => {
            // Without `display` the newest models think in silence.
            let field = Some(json!({"type": "adaptive", "display": "summarized"}));
            Plan { field, effort: effort(asked, warnings), on: true, ..silent }
        }
    }
}

/// What comes nearest to no thinking at all.
fn switch_off(rule: &ModelRule, warnings: &mut Vec<String>) -> Option<Value> {
    if rule.thinking == ThinkingForm::None {
        return None;
    }
    if rule.off != Some("disabled") {
        let nearest = rule.off.map(|word| format!("; it is set to {word}")).unwrap_or_default();
        warnings.push(format!("thinking cannot be switched off with this model{nearest}"));
    }
    rule.off.map(|word| json!({"type": word}))
}

/// Thinking by a number of tokens, which must leave room for an answer.
fn budget(
    asked: Thinking,
    max_tokens: Option<u64>,
    usual: u64,
    conversation: &Conversation,
    silent: Plan,
    warnings: &mut Vec<String>,
) -> Plan {
    if conversation.goes_on_without_thinking() {
        let words =
            "thinking was left out: the turn that the tool results belong to began without the model's thinking";
        warnings.push(words.to_owned());
        return silent;
    }
    if asked.budget_tokens.is_some() && asked.effort.is_some() {
        warnings.push("thinking.effort was left out: a budget was given".to_owned());
    }
    let given = asked.budget_tokens.or(asked.effort.map(by_effort));
    let wanted = given.unwrap_or(USUAL_BUDGET).max(LEAST_BUDGET);
    let (budget, max_tokens) = match max_tokens {
        // Not the sum with the usual limit: that is more than some models can put out.
        None => (wanted, usual.max(wanted.saturating_add(USUAL_OUTPUT))),
        Some(max) if wanted < max => (wanted, max),
        Some(max) if max > LEAST_BUDGET => ((max / 2).max(LEAST_BUDGET), max),
        Some(_) => {
            let words = "thinking was left out: it takes at least 1024 tokens, and max_tokens leaves no room for them";
            warnings.push(words.to_owned());
            return silent;
        }
    };
    if given.is_some_and(|given| given != budget) {
        warnings.push(format!("thinking.budget_tokens is {budget}: at least 1024, and less than max_tokens"));
    }
    Plan { field: Some(json!({"type": "enabled", "budget_tokens": budget})), effort: None, max_tokens, on: true }
}

/// The vendor's own guides give about these orders of magnitude.
fn by_effort(effort: Effort) -> u64 {
    match effort {
        Effort::Minimal => 1024,
        Effort::Low => 2048,
        Effort::Medium => 8192,
        Effort::High => 16_384,
        Effort::XHigh | Effort::Max => 32_768,
    }
}

/// Thinking by a word.
fn effort(asked: Thinking, warnings: &mut Vec<String>) -> Option<&'static str> {
    let by_budget = |budget: u64| match budget {
        0..=2048 => Effort::Low,
        2049..=8192 => Effort::Medium,
        _ => Effort::High,
    };
    let word = match asked.effort.or(asked.budget_tokens.map(by_budget))? {
        Effort::Minimal => "low",
        effort => effort.as_str(),
    };
    if asked.budget_tokens.is_some() {
        warnings.push(format!("thinking.budget_tokens is sent as the effort {word}: the model takes no budget"));
    }
    Some(word)
}
