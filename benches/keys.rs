//! Whether the time that a key's check takes tells how much of the key is right.
//!
//! Two keys of one length are checked turn about against the same thousand digests: one whose own digest differs
//! from all of them in the last two bytes only, one whose digest shares nothing with them. Welch's t says whether their
//! times differ: 4.5 is what chance does not reach. The same with a comparison that leaves at the first
//! difference shows that a leak would be seen.
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used, clippy::float_arithmetic)]
#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, missing_docs)]

use sha2::{Digest, Sha256};
use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;
use tributary::callers::Keys;

const NEAR: &str = "a key whose digest is nearly the one";
const FAR: &str = "a key whose digest is another at all";
const CHECKS: usize = 40_000;
/// What is slower than this share of the checks was held up by something else.
const KEPT: f64 = 0.9;
const CHANCE: f64 = 4.5;

fn main() -> ExitCode {
    let digests: Vec<[u8; 32]> = (0..1000_u16).map(near).collect();
    let hex = |digest: &[u8; 32]| digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let entries: Vec<String> = digests
        .iter()
        .enumerate()
        .map(|(index, digest)| format!(r#""k{index}":{{"hash":"sha256:{}"}}"#, hex(digest)))
        .collect();
    let keys = Keys::read(&format!("{{{}}}", entries.join(","))).unwrap();
    let ours = compare(|key| keys.name_of(key).is_some());
    let leaving = compare(|key| {
        let asked: [u8; 32] = Sha256::digest(key).into();
        digests.iter().any(|digest| digest.iter().zip(&asked).all(|(one, other)| one == other))
    });
    println!("the check of a key: {}", ours.said());
    println!("one that leaves at the first difference: {}", leaving.said());
    let fine = ours.t.abs() < CHANCE && leaving.t.abs() > CHANCE;
    println!("{}", if fine { "nothing shows in the time of a check" } else { "the times are not as they should be" });
    if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The digest of the near key, but for its last two bytes.
fn near(number: u16) -> [u8; 32] {
    let mut digest: [u8; 32] = Sha256::digest(NEAR).into();
    let [high, low] = (number + 1).to_be_bytes();
    digest[30] ^= high;
    digest[31] ^= low;
    digest
}

struct Compared {
    /// How long the near key takes, as a share of the far one.
    ratio: f64,
    t: f64,
}

impl Compared {
    fn said(&self) -> String {
        format!("nearly right takes {:.4} of the time of wrong, t = {:.1}", self.ratio, self.t)
    }
}

fn compare(check: impl Fn(&str) -> bool) -> Compared {
    let mut times = [Vec::with_capacity(CHECKS), Vec::with_capacity(CHECKS)];
    // Which one is next must not follow the machine's own rhythms.
    let mut chance = 0x2545_F491_4F6C_DD1D_u64;
    for _ in 0..CHECKS {
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        let which = (chance & 1) as usize;
        let began = Instant::now();
        black_box(check(black_box([NEAR, FAR][which])));
        times[which].push(began.elapsed().as_nanos() as f64);
    }
    let mut all: Vec<f64> = times.concat();
    all.sort_by(f64::total_cmp);
    let most = all[(all.len() as f64 * KEPT) as usize];
    let [near, far] = times.map(|times| Sample::of(times.into_iter().filter(|time| *time <= most)));
    Compared {
        ratio: near.mean / far.mean,
        t: (near.mean - far.mean) / (near.variance / near.count + far.variance / far.count).sqrt(),
    }
}

struct Sample {
    count: f64,
    mean: f64,
    variance: f64,
}

impl Sample {
    fn of(times: impl Iterator<Item = f64>) -> Self {
        let times: Vec<f64> = times.collect();
        let count = times.len() as f64;
        let mean = times.iter().sum::<f64>() / count;
        let variance = times.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / (count - 1.0);
        Sample { count, mean, variance }
    }
}
