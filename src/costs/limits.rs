use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::models::Cost;

/// How much the holder of a key may ask; as much as it likes where nothing is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// In any 60 seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u32>,
    /// At the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrent_runs: Option<u32>,
    /// In a calendar month (UTC), in US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monthly_budget_usd: Option<Cost>,
}

/// An account keeps a note of each run under way: a thousand of them are 30 KB.
const MOST_RUNS: u64 = 1000;

/// Sixteen thousand a second: more than an object answers.
const MOST_REQUESTS: u64 = 1_000_000;

impl Limits {
    /// Takes what belongs to it out of a key's entry. What makes no sense is named.
    pub fn take(rest: &mut BTreeMap<String, Value>) -> Result<Self, String> {
        let mut count = |name: &str, most: u64| match rest.remove(name).filter(|value| !value.is_null()) {
            None => Ok(None),
            Some(value) => match value.as_u64().filter(|count| (1..=most).contains(count)) {
                Some(count) => Ok(u32::try_from(count).ok()),
                None => Err(format!("{name} that is no whole number from 1 to {most}")),
            },
        };
        let requests_per_minute = count("requests_per_minute", MOST_REQUESTS)?;
        let concurrent_runs = count("concurrent_runs", MOST_RUNS)?;
        let monthly_budget_usd = match rest.remove("monthly_budget_usd").filter(|value| !value.is_null()) {
            None => None,
            Some(value) => match value.as_f64().filter(|dollars| (0.0..=1e9).contains(dollars)) {
                Some(dollars) => Some(Cost::from_dollars(dollars)),
                None => return Err("monthly_budget_usd that is no amount of dollars".to_owned()),
            },
        };
        Ok(Limits { requests_per_minute, concurrent_runs, monthly_budget_usd })
    }

    /// Whether there are none.
    pub fn is_free(&self) -> bool {
        *self == Limits::default()
    }
}
