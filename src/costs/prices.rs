//! What models cost: the operator's prices, and beside them the vendors' list prices of a day.

use std::collections::BTreeMap;

use crate::models::{ChatError, ErrorKind, Price};

/// The day of the list prices below. Prices change: `PRICES` says what holds.
pub const PRICES_AS_OF: &str = "2026-06-30";

/// List prices in US dollars a million tokens, for text without a vendor's discounts: input, input from the vendor's
/// cache, output. A name stands for its dated versions, too.
const LIST: [(&str, f64, f64, f64); 24] = [
    ("openai/gpt-4o", 2.5, 1.25, 10.0),
    ("openai/gpt-4o-mini", 0.15, 0.075, 0.6),
    ("openai/gpt-4.1", 2.0, 0.5, 8.0),
    ("openai/gpt-4.1-mini", 0.4, 0.1, 1.6),
    ("openai/gpt-4.1-nano", 0.1, 0.025, 0.4),
    ("openai/gpt-5", 1.25, 0.125, 10.0),
    ("openai/gpt-5-mini", 0.25, 0.025, 2.0),
    ("openai/gpt-5-nano", 0.05, 0.005, 0.4),
    ("openai/o3", 2.0, 0.5, 8.0),
    ("openai/o4-mini", 1.1, 0.275, 4.4),
    ("openai/text-embedding-3-small", 0.02, 0.02, 0.0),
    ("openai/text-embedding-3-large", 0.13, 0.13, 0.0),
    ("anthropic/claude-haiku-4-5", 1.0, 0.1, 5.0),
    ("anthropic/claude-sonnet-4-5", 3.0, 0.3, 15.0),
    ("anthropic/claude-sonnet-4-6", 3.0, 0.3, 15.0),
    ("anthropic/claude-opus-4-5", 5.0, 0.5, 25.0),
    ("anthropic/claude-opus-4-6", 5.0, 0.5, 25.0),
    ("gemini/gemini-2.5-flash", 0.3, 0.03, 2.5),
    ("gemini/gemini-2.5-flash-lite", 0.1, 0.01, 0.4),
    ("gemini/gemini-2.5-pro", 1.25, 0.125, 10.0),
    ("together/meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8", 0.27, 0.27, 0.85),
    ("together/meta-llama/Llama-4-Scout-17B-16E-Instruct", 0.18, 0.18, 0.59),
    // What runs inside the gateway, and on the operator's own machine.
    ("demo/demo", 0.0, 0.0, 0.0),
    ("ollama/*", 0.0, 0.0, 0.0),
];

/// The same vendor's models behind another of its languages.
const SAME: [(&str, &str); 1] = [("openai-responses/", "openai/")];

/// Prices by `provider/model`.
#[derive(Clone, Debug, Default)]
pub struct Prices(BTreeMap<String, Price>);

impl Prices {
    /// Reads `PRICES`: an object of names, each `provider/model` or the beginning of one with a `*`, with the prices
    /// `input`, `output` and `cached_input` in US dollars a million tokens.
    ///
    /// ```
    /// use tributary::costs::Prices;
    /// let prices = Prices::read(r#"{"openai/gpt-6*": {"input": 2, "output": 8}, "openai/gpt-6-luna": {"input": 1, "output": 4}}"#).unwrap();
    /// let input = |name| prices.of("openai", name).map(|price| price.input);
    /// assert_eq!((input("gpt-6-luna"), input("gpt-6-sol"), input("gpt-4o-2024-08-06")), (Some(1.0), Some(2.0), Some(2.5)));
    /// assert_eq!(input("gpt-7"), None);
    /// ```
    pub fn read(text: &str) -> Result<Self, ChatError> {
        let wrong = |what: &str| ChatError::lasting(ErrorKind::Internal, format!("the variable PRICES {what}"));
        let prices: BTreeMap<String, Price> =
            serde_json::from_str(text).map_err(|error| wrong(&format!("cannot be read: {error}")))?;
        for (name, price) in &prices {
            if !name.contains('/') {
                return Err(wrong(&format!("has {name}, which is no provider/model")));
            }
            let amounts = [price.input, price.output, price.cached_input.unwrap_or_default()];
            if !amounts.iter().all(|amount| (0.0..=1e6).contains(amount)) {
                return Err(wrong(&format!("has an amount for {name} that is none")));
            }
        }
        Ok(Prices(prices))
    }

    /// The price of a model, where it is known. The operator's word counts before the list, and the longer name before
    /// the shorter one.
    pub fn of(&self, provider: &str, model: &str) -> Option<Price> {
        let full = format!("{provider}/{model}");
        let operators = self.0.get(&full).copied().or_else(|| {
            let beginnings = self.0.iter().filter_map(|(name, price)| Some((name.strip_suffix('*')?, price)));
            let fitting = beginnings.filter(|(beginning, _)| full.starts_with(beginning));
            fitting.max_by_key(|(beginning, _)| beginning.len()).map(|(_, price)| *price)
        });
        operators.or_else(|| listed(&full))
    }
}

fn listed(full: &str) -> Option<Price> {
    let same = SAME.iter().find_map(|(other, own)| Some(format!("{own}{}", full.strip_prefix(other)?)));
    let full = same.as_deref().unwrap_or(full);
    let is_it = |name: &str| match name.strip_suffix('*') {
        Some(beginning) => full.starts_with(beginning),
        // A dated version: a dash and digits.
        None => full.strip_prefix(name).is_some_and(|rest| {
            rest.is_empty()
                || (rest.starts_with("-20") && rest.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit()))
        }),
    };
    let (_, input, cached, output) = LIST.iter().find(|(name, ..)| is_it(name))?;
    Some(Price { input: *input, output: *output, cached_input: Some(*cached) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_named() {
        for (text, words) in [
            ("[]", "cannot be read"),
            (r#"{"gpt-6": {"input": 1, "output": 1}}"#, "has gpt-6, which is no provider/model"),
            (r#"{"a/b": {"input": -1, "output": 1}}"#, "has an amount for a/b that is none"),
            (r#"{"a/b": {"output": 1}}"#, "missing field `input`"),
            (r#"{"a/b": {"input": 1, "outptu": 1}}"#, "unknown field `outptu`"),
        ] {
            let message = Prices::read(text).unwrap_err().message;
            assert!(message.contains(words), "{message}");
        }
    }

    #[test]
    fn the_list_knows_dated_versions_and_nothing_else() {
        let input = |provider, model| Prices::default().of(provider, model).map(|price| price.input);
        assert_eq!(input("openai", "gpt-4o-2024-08-06"), Some(2.5));
        assert_eq!(input("openai-responses", "gpt-5-mini"), Some(0.25));
        assert_eq!(input("anthropic", "claude-haiku-4-5-20251001"), Some(1.0));
        for (provider, model) in
            [("openai", "gpt-4o-audio"), ("openai", "gpt-5.5"), ("x", "gpt-4o"), ("openai", "o3-pro")]
        {
            assert_eq!(input(provider, model), None, "{model}");
        }
        assert_eq!((input("demo", "demo"), input("ollama", "llama4:8b")), (Some(0.0), Some(0.0)));
    }
}
