use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Usage;

/// Money: billionths of a US dollar, so that a single token of the cheapest model is a whole number, and sums are
/// exact. On the wire it is a number of dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cost(u64);

const NANOS: f64 = 1e9;

impl Cost {
    /// Nothing.
    pub const ZERO: Cost = Cost(0);

    /// So many dollars; less than nothing is nothing.
    pub fn from_dollars(dollars: f64) -> Self {
        Cost((dollars * NANOS).round() as u64)
    }

    /// In dollars.
    pub fn dollars(self) -> f64 {
        self.0 as f64 / NANOS
    }

    /// So many billionths.
    pub fn from_nanos(nanos: u64) -> Self {
        Cost(nanos)
    }

    /// In billionths.
    pub fn nanos(self) -> u64 {
        self.0
    }

    /// Both together.
    pub fn and(self, other: Self) -> Self {
        Cost(self.0.saturating_add(other.0))
    }
}

impl Serialize for Cost {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.dollars())
    }
}

impl<'de> Deserialize<'de> for Cost {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        f64::deserialize(deserializer).map(Cost::from_dollars)
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl schemars::JsonSchema for Cost {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Cost".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "number", "minimum": 0})
    }
}

/// What a model's tokens cost, in US dollars a million.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Prompt tokens.
    pub input: f64,
    /// Generated tokens.
    #[serde(default)]
    pub output: f64,
    /// Prompt tokens that came from the provider's cache; like other prompt tokens where nothing is said.
    #[serde(default)]
    pub cached_input: Option<f64>,
}

impl Price {
    /// What so many tokens cost.
    ///
    /// ```
    /// use tributary::models::{Price, Usage};
    /// let price = Price { input: 1.25, output: 10.0, cached_input: Some(0.125) };
    /// let usage = Usage { input_tokens: 1000, output_tokens: 100, cached_tokens: Some(400), ..Usage::default() };
    /// assert_eq!(price.of(&usage).dollars(), 0.0018);
    /// ```
    pub fn of(&self, usage: &Usage) -> Cost {
        let cached = usage.cached_tokens.unwrap_or(0).min(usage.input_tokens);
        let fresh = usage.input_tokens.saturating_sub(cached);
        let tokens = [
            (fresh, self.input),
            (cached, self.cached_input.unwrap_or(self.input)),
            (usage.output_tokens, self.output),
        ];
        Cost::from_dollars(tokens.into_iter().map(|(count, price)| count as f64 * price).sum::<f64>() / 1e6)
    }
}
