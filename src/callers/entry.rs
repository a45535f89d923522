//! What is said of a key, by the operator's secret or by the admin route.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{Digest, Grants, digest, unhex};
use crate::costs::Limits;
use crate::models::MOST_TTL;

/// What marks a digest.
const HASH: &str = "sha256:";

/// What the holder of a key may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Whom it may ask.
    pub grants: Grants,
    /// How much.
    pub limits: Limits,
    /// Answers are kept for it this long, in seconds, and given again to the same request.
    pub cache_ttl_seconds: Option<u64>,
}

impl Terms {
    /// Reads the fields of an entry; what is not known is named: a limit that is not held to is worse than none.
    pub fn read(mut rest: BTreeMap<String, Value>) -> Result<Self, String> {
        let grants = Grants::take(&mut rest)?;
        let limits = Limits::take(&mut rest)?;
        let cache_ttl_seconds = match rest.remove("cache_ttl_seconds").filter(|value| !value.is_null()) {
            None => None,
            Some(value) => match value.as_u64().filter(|ttl| (1..=MOST_TTL).contains(ttl)) {
                Some(ttl) => Some(ttl),
                None => return Err(format!("cache_ttl_seconds that is no whole number from 1 to {MOST_TTL}")),
            },
        };
        match rest.keys().next() {
            Some(unknown) => Err(format!("{unknown}, which is not known")),
            None => Ok(Terms { grants, limits, cache_ttl_seconds }),
        }
    }
}

/// What may stand behind a name in `GATEWAY_KEYS`.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Entry {
    /// A key, or its digest.
    Text(String),
    /// One of them as a field, and what its holder may do.
    Full {
        /// The key.
        key: Option<String>,
        /// Its digest.
        hash: Option<String>,
        /// All else.
        #[serde(flatten)]
        rest: BTreeMap<String, Value>,
    },
}

impl Entry {
    /// The digest of the key, and what its holder may do; or what is wrong, without quoting it.
    pub fn read(self) -> Result<(Digest, Terms), String> {
        let (key, hash, rest) = match self {
            Entry::Text(text) if text.starts_with(HASH) => (None, Some(text), BTreeMap::new()),
            Entry::Text(text) => (Some(text), None, BTreeMap::new()),
            Entry::Full { key, hash, rest } => (key, hash, rest),
        };
        let terms = Terms::read(rest).map_err(|words| format!("has {words}, for"))?;
        let digest = match (key.filter(|key| !key.trim().is_empty()), hash) {
            (Some(key), None) => digest(key.trim()),
            (None, Some(hash)) => unhex(hash.strip_prefix(HASH).unwrap_or(&hash))
                .ok_or("has a hash that is not sha256: and 64 hexadecimal digits, for")?,
            _ => return Err("must have one key or one hash, for".to_owned()),
        };
        Ok((digest, terms))
    }
}

/// Whether a key may have this name: it goes between the worker and its objects in a header, and into addresses.
pub fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
}
