//! What models cost, as the operator says it. What vendors ask stands with their providers.

use std::collections::BTreeMap;

use crate::models::{ChatError, ErrorKind, Price};

/// The operator's prices, by `provider/model`.
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
    /// assert_eq!((input("gpt-6-luna"), input("gpt-6-sol")), (Some(1.0), Some(2.0)));
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

    /// The price of a model, where the operator named one. The longer name counts before the shorter one.
    pub fn of(&self, provider: &str, model: &str) -> Option<Price> {
        let full = format!("{provider}/{model}");
        self.0.get(&full).copied().or_else(|| {
            let beginnings = self.0.iter().filter_map(|(name, price)| Some((name.strip_suffix('*')?, price)));
            let fitting = beginnings.filter(|(beginning, _)| full.starts_with(beginning));
            fitting.max_by_key(|(beginning, _)| beginning.len()).map(|(_, price)| *price)
        })
    }
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
}
