//! What runs tell the ledger, and what it adds up to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::day_of;
use crate::models::{Cost, Usage};

/// What a run used, told once it is over.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// The run's id, or another name that no other receipt has: told twice, it counts once.
    pub id: String,
    /// When it was over, in milliseconds since 1970.
    pub at_ms: u64,
    /// The name of the key, or what kind of caller had none.
    pub key: String,
    /// What each provider's answer used: several, where one failed in mid-answer and another was asked, or where an
    /// assistant asked more than once.
    #[serde(default)]
    pub charges: Vec<Charge>,
    /// What became of it.
    #[serde(default)]
    pub outcome: Option<Outcome>,
}

/// What one answer of a provider used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Charge {
    /// The provider's name.
    pub provider: String,
    /// The model that was asked.
    pub model: String,
    /// Its tokens, and what they cost where that is known.
    pub usage: Usage,
}

impl Receipt {
    /// What all of it costs, as far as that is known.
    pub fn cost(&self) -> Cost {
        self.charges.iter().filter_map(|charge| charge.usage.cost).fold(Cost::ZERO, Cost::and)
    }
}

/// What became of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Who answered; nobody where none did.
    pub provider: String,
    /// With which model. Of an answer that never came the name is only the caller's word, and not kept.
    pub model: String,
    /// The finish reason, or the error's type.
    pub ended: String,
    /// How long it took.
    pub ms: u64,
    /// Until its first token.
    pub first_token_ms: Option<u64>,
}

/// A line of the ledger; days, keys, providers, models and estimates each have their own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Used {
    /// The day (UTC); nothing for the sum of all.
    pub day: String,
    /// The key's name, or what kind of caller had none.
    pub key: String,
    /// The provider.
    pub provider: String,
    /// The model.
    pub model: String,
    /// Whether these tokens are an estimate: of answers whose provider gave no figures, or not all.
    pub estimated: bool,
    /// How many answers.
    pub answers: u64,
    /// How many of them had no known price.
    pub unpriced: u64,
    /// Prompt tokens.
    pub input: u64,
    /// Generated tokens.
    pub output: u64,
    /// Prompt tokens from the provider's cache.
    pub cached: u64,
    /// Generated tokens of reasoning.
    pub reasoning: u64,
    /// What the provider calls the total.
    pub total: u64,
    /// What those with a price cost.
    pub cost: Cost,
}

impl Used {
    /// The line of one answer.
    pub fn of(receipt: &Receipt, charge: &Charge) -> Self {
        let Usage { input_tokens, output_tokens, total_tokens, cached_tokens, reasoning_tokens, estimated, cost } =
            charge.usage;
        Used {
            day: day_of(receipt.at_ms),
            key: receipt.key.clone(),
            provider: charge.provider.clone(),
            model: charge.model.clone(),
            estimated,
            answers: 1,
            unpriced: u64::from(cost.is_none()),
            input: input_tokens,
            output: output_tokens,
            cached: cached_tokens.unwrap_or(0),
            reasoning: reasoning_tokens.unwrap_or(0),
            total: total_tokens,
            cost: cost.unwrap_or_default(),
        }
    }

    /// Adds what another line of the same name has.
    pub fn add(&mut self, other: &Self) {
        let sums = [
            (&mut self.answers, other.answers),
            (&mut self.unpriced, other.unpriced),
            (&mut self.input, other.input),
            (&mut self.output, other.output),
            (&mut self.cached, other.cached),
            (&mut self.reasoning, other.reasoning),
            (&mut self.total, other.total),
        ];
        for (sum, more) in sums {
            *sum = sum.saturating_add(more);
        }
        self.cost = self.cost.and(other.cost);
    }
}

/// How many runs ended so.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    /// The day (UTC); nothing for the sum of all.
    pub day: String,
    /// The key's name, or what kind of caller had none.
    pub key: String,
    /// Who answered.
    pub provider: String,
    /// With which model.
    pub model: String,
    /// The finish reason, or the error's type.
    pub ended: String,
    /// How many.
    pub runs: u64,
    /// How long they took together.
    pub ms: u64,
    /// How many of them had a first token,
    pub firsts: u64,
    /// and how long those took to it, together.
    pub first_ms: u64,
}

impl Ended {
    /// The line of one run.
    pub fn of(receipt: &Receipt, outcome: &Outcome) -> Self {
        let Outcome { provider, model, ended, ms, first_token_ms } = outcome.clone();
        Ended {
            day: day_of(receipt.at_ms),
            key: receipt.key.clone(),
            provider,
            model,
            ended,
            runs: 1,
            ms,
            firsts: u64::from(first_token_ms.is_some()),
            first_ms: first_token_ms.unwrap_or(0),
        }
    }

    /// Adds what another line of the same name has.
    pub fn add(&mut self, other: &Self) {
        let sums = [
            (&mut self.runs, other.runs),
            (&mut self.ms, other.ms),
            (&mut self.firsts, other.firsts),
            (&mut self.first_ms, other.first_ms),
        ];
        for (sum, more) in sums {
            *sum = sum.saturating_add(more);
        }
    }
}

/// Lines of the ledger, of one shard or of all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lines {
    /// What answers used.
    pub used: Vec<Used>,
    /// How runs ended.
    pub ended: Vec<Ended>,
}

impl Lines {
    /// The lines of several shards as one, in order.
    pub fn sum(all: impl IntoIterator<Item = Lines>) -> Lines {
        let (mut used, mut ended) = (BTreeMap::<_, Used>::new(), BTreeMap::<_, Ended>::new());
        for lines in all {
            for line in lines.used {
                let Used { day, key, provider, model, estimated, .. } = line.clone();
                used.entry((day, key, provider, model, estimated)).and_modify(|sum| sum.add(&line)).or_insert(line);
            }
            for line in lines.ended {
                let Ended { day, key, provider, model, ended: how, .. } = line.clone();
                ended.entry((day, key, provider, model, how)).and_modify(|sum| sum.add(&line)).or_insert(line);
            }
        }
        Lines { used: used.into_values().collect(), ended: ended.into_values().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_add_up_and_estimates_stay_apart() {
        let charge = |tokens: u64, estimated: bool, cost: Option<f64>| Charge {
            provider: "p".to_owned(),
            model: "m".to_owned(),
            usage: Usage {
                input_tokens: tokens,
                output_tokens: 1,
                total_tokens: tokens + 1,
                estimated,
                cost: cost.map(Cost::from_dollars),
                ..Usage::default()
            },
        };
        let receipt = Receipt {
            id: "r_1".to_owned(),
            at_ms: 1_795_737_600_000,
            key: "alice".to_owned(),
            charges: vec![charge(10, false, Some(0.5)), charge(20, false, None), charge(40, true, Some(0.25))],
            outcome: None,
        };
        assert_eq!(receipt.cost(), Cost::from_dollars(0.75));
        let shard = |range: std::ops::Range<usize>| Lines {
            used: receipt.charges[range].iter().map(|charge| Used::of(&receipt, charge)).collect(),
            ended: vec![Ended { ended: "stop".to_owned(), runs: 1, ms: 5, ..Ended::default() }],
        };
        let sum = Lines::sum([shard(0..2), shard(2..3), Lines::default()]);
        let told: Vec<_> = sum
            .used
            .iter()
            .map(|line| (line.estimated, line.answers, line.unpriced, line.input, line.cost.dollars()))
            .collect();
        assert_eq!(told, [(false, 2, 1, 30, 0.5), (true, 1, 0, 40, 0.25)]);
        assert_eq!((sum.ended.len(), sum.ended[0].runs, sum.ended[0].ms), (1, 2, 10));
        assert_eq!(sum.used[0].day, "2026-11-27");
    }
}
