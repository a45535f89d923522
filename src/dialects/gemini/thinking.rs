//! How a model is asked to think: older ones by a number of tokens, newer ones by a level. Both at
//! once are an error there.

use serde_json::{Value, json};

use crate::models::{Effort, ModelRule, Thinking, ThinkingForm};

/// `thinkingConfig`, where there is anything to ask for.
pub fn write(thinking: &Thinking, rule: Option<&ModelRule>, warnings: &mut Vec<String>) -> Option<Value> {
    // The older form is what servers of models that nothing is known of understand rather.
    let (form, off) = rule.map_or((ThinkingForm::Budget, Some("0")), |rule| (rule.thinking, rule.off));
    if !thinking.enabled {
        return write_off(form, off, warnings);
    }
    match form {
        ThinkingForm::None => {
            warnings.push("thinking was left out: the model does not think".to_owned());
            None
        }
        ThinkingForm::Budget | ThinkingForm::BudgetOrAdaptive => {
            Some(json!({"includeThoughts": true, "thinkingBudget": budget(thinking, warnings)}))
        }
        ThinkingForm::Effort | ThinkingForm::Adaptive => {
            Some(json!({"includeThoughts": true, "thinkingLevel": level(thinking, off, warnings)}))
        }
    }
}

/// Not to think, or as little as the model can.
fn write_off(form: ThinkingForm, off: Option<&str>, warnings: &mut Vec<String>) -> Option<Value> {
    if form == ThinkingForm::None {
        return None;
    }
    if off != Some("0") {
        let least = off.map(|off| format!(": it is set to {off}")).unwrap_or_default();
        warnings.push(format!("thinking cannot be switched off wholly with this model{least}"));
    }
    match off?.parse::<u64>() {
        Ok(budget) => Some(json!({"thinkingBudget": budget})),
        Err(_) => Some(json!({"thinkingLevel": off})),
    }
}

fn budget(thinking: &Thinking, warnings: &mut Vec<String>) -> u64 {
    if let Some(budget) = thinking.budget_tokens {
        if thinking.effort.is_some() {
            warnings.push("thinking.effort was left out: the model takes a budget, and one was given".to_owned());
        }
        return budget;
    }
    match thinking.effort {
        Some(Effort::Minimal) => 512,
        None | Some(Effort::Low) => 1024,
        Some(Effort::Medium) => 8192,
        Some(Effort::High) => 16_384,
        Some(Effort::XHigh | Effort::Max) => 24_576,
    }
}

fn level(thinking: &Thinking, off: Option<&str>, warnings: &mut Vec<String>) -> &'static str {
    let level = match (thinking.effort, thinking.budget_tokens) {
        (Some(Effort::Minimal), _) if off == Some("MINIMAL") => "MINIMAL",
        (Some(Effort::Minimal | Effort::Low), _) | (None, Some(0..=1024)) => "LOW",
        (Some(Effort::Medium), _) | (None, Some(1025..=8192)) => "MEDIUM",
        (Some(_), _) | (None, _) => "HIGH",
    };
    if thinking.budget_tokens.is_some() {
        let words = "thinking.budget_tokens was left out: the model takes a level, which is";
        warnings.push(format!("{words} {level}"));
    }
    level
}
