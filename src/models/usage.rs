use serde::{Deserialize, Serialize};

use super::Cost;

/// Tokens of one run. Totals, never increments: every provider reports it so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Usage {
    /// Prompt tokens, cached ones included.
    pub input_tokens: u64,
    /// Generated tokens, reasoning included.
    pub output_tokens: u64,
    /// What the provider calls the total, else the sum of both.
    pub total_tokens: u64,
    /// The part of the input that came from a cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_tokens: Option<u64>,
    /// The part of the output that was reasoning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning_tokens: Option<u64>,
    /// True where the provider gave no figures and ours are a guess by length.
    #[serde(default, skip_serializing_if = "is_false")]
    pub estimated: bool,
    /// What it costs, in US dollars, where the model's price is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
}

impl Usage {
    /// Both together, where one answer took several.
    pub fn and(self, other: Self) -> Self {
        let sum = |a: Option<u64>, b: Option<u64>| match (a, b) {
            (None, None) => None,
            (a, b) => Some(a.unwrap_or(0).saturating_add(b.unwrap_or(0))),
        };
        Usage {
            input_tokens: self.input_tokens.saturating_add(other.input_tokens),
            output_tokens: self.output_tokens.saturating_add(other.output_tokens),
            total_tokens: self.total_tokens.saturating_add(other.total_tokens),
            cached_tokens: sum(self.cached_tokens, other.cached_tokens),
            reasoning_tokens: sum(self.reasoning_tokens, other.reasoning_tokens),
            estimated: self.estimated || other.estimated,
            // A sum with an unknown part is not known.
            cost: self.cost.zip(other.cost).map(|(one, other)| one.and(other)),
        }
    }

    /// A guess by length, for a run whose provider gave no figures.
    ///
    /// About four bytes of English a token; other scripts take more bytes and more tokens alike.
    pub fn estimate(input_bytes: u64, output_bytes: u64) -> Self {
        let input_tokens = input_bytes.div_ceil(4);
        let output_tokens = output_bytes.div_ceil(4);
        Usage {
            input_tokens,
            output_tokens,
            total_tokens: input_tokens.saturating_add(output_tokens),
            estimated: true,
            ..Usage::default()
        }
    }
}

fn is_false(flag: &bool) -> bool {
    !*flag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_form_is_pinned() {
        let full = Usage {
            input_tokens: 9,
            output_tokens: 3,
            total_tokens: 12,
            cached_tokens: Some(4),
            reasoning_tokens: Some(1),
            estimated: true,
            cost: Some(Cost::from_dollars(0.0123)),
        };
        let wire = r#"{"input_tokens":9,"output_tokens":3,"total_tokens":12,"cached_tokens":4,"reasoning_tokens":1,"estimated":true,"cost":0.0123}"#;
        assert_eq!(serde_json::to_string(&full).unwrap(), wire);
        assert_eq!(serde_json::from_str::<Usage>(wire).unwrap(), full);
        let plain = Usage { cached_tokens: None, reasoning_tokens: None, estimated: false, cost: None, ..full };
        assert_eq!(serde_json::to_string(&plain).unwrap(), r#"{"input_tokens":9,"output_tokens":3,"total_tokens":12}"#);
    }

    #[test]
    fn an_estimate_says_so_and_rounds_up() {
        let usage = Usage::estimate(5, 0);
        assert_eq!((usage.input_tokens, usage.output_tokens, usage.total_tokens, usage.estimated), (2, 0, 2, true));
    }
}
