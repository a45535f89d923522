//! What vendors ask, as they list it. Each provider has its own list; the operator's `PRICES` count before them.

use crate::models::Price;

/// The day of the lists. Prices change: `PRICES` says what holds.
pub const PRICES_AS_OF: &str = "2026-06-30";

/// A model's name, and US dollars a million tokens for text without a vendor's discounts: input, input from the vendor's
/// cache, output. A name stands for its dated versions, too; one that ends in `*` for all that begin so.
pub type Listed = (&'static str, f64, f64, f64);

/// The price of a model in a list.
pub fn listed(list: &[Listed], model: &str) -> Option<Price> {
    let is_it = |name: &str| match name.strip_suffix('*') {
        Some(beginning) => model.starts_with(beginning),
        // A dated version: a dash and digits.
        None => model.strip_prefix(name).is_some_and(|rest| {
            rest.is_empty()
                || (rest.starts_with("-20") && rest.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit()))
        }),
    };
    let (_, input, cached, output) = list.iter().find(|(name, ..)| is_it(name))?;
    Some(Price { input: *input, output: *output, cached_input: Some(*cached) })
}

#[cfg(test)]
mod tests {
    use crate::providers::Catalogue;

    #[test]
    fn lists_know_dated_versions_and_nothing_else() {
        let catalogue = Catalogue::from_vars(&|_| None).unwrap();
        let input = |provider, model| catalogue.list_price(provider, model).map(|price| price.input);
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
