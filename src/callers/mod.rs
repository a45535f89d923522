//! Who calls: the gateway's own keys, and whose a session is. In: names and digests. Out: where a key stands
//! in a request, and what a caller may do.
//!
//! **Invariant:** a key is compared as a whole and against all keys, so that the time it takes tells nothing.

use std::collections::BTreeMap;

use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::models::{ChatError, ErrorKind};

mod grants;

pub use grants::Grants;

/// The keys that the operator has given out, by name.
#[derive(Default)]
pub struct Keys(Vec<Key>);

struct Key {
    name: String,
    digest: [u8; 32],
    grants: Grants,
}

/// What may stand behind a name in `GATEWAY_KEYS`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Text(String),
    Full {
        key: Option<String>,
        hash: Option<String>,
        #[serde(flatten)]
        rest: BTreeMap<String, serde_json::Value>,
    },
}

impl Keys {
    /// Reads `GATEWAY_KEYS`: an object of names, each with a key, or with `sha256:` and the key's digest in
    /// hexadecimal digits; or with an object that has one of them as `key` or `hash`.
    ///
    /// ```
    /// use tributary::callers::Keys;
    /// let keys = Keys::read(r#"{"alice": "correct horse", "bob": {"hash": "sha256:1ec1c26b50d5d3c58d9583181af8076655fe00756bf7285940ba3670f99fcba0"}}"#).unwrap();
    /// assert_eq!(keys.name_of("correct horse"), Some("alice"));
    /// assert_eq!(keys.name_of("s3cret"), Some("bob"));
    /// assert_eq!(keys.name_of("Correct horse"), None);
    /// ```
    pub fn read(text: &str) -> Result<Self, ChatError> {
        let wrong = |what: String| ChatError::new(ErrorKind::Internal, format!("GATEWAY_KEYS {what}"));
        // Not the parser's words: they quote what they cannot read.
        let entries: BTreeMap<String, Entry> = serde_json::from_str(text)
            .map_err(|_| wrong("must be a JSON object of names, each with a key or the hash of one".to_owned()))?;
        let read = |(name, entry): (String, Entry)| {
            // A name goes between the worker and its objects in a header.
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(wrong("must have names of letters, digits and signs, without spaces".to_owned()));
            }
            let (key, hash, grants) = match entry {
                Entry::Text(text) if text.starts_with(HASH) => (None, Some(text), Grants::default()),
                Entry::Text(text) => (Some(text), None, Grants::default()),
                Entry::Full { key, hash, mut rest } => {
                    let grants = Grants::take(&mut rest).map_err(|words| wrong(format!("has {words} for {name}")))?;
                    // A limit that is not held to is worse than none.
                    if let Some(limit) = rest.keys().next() {
                        return Err(wrong(format!("has {limit} for {name}, which this version does not know")));
                    }
                    (key, hash, grants)
                }
            };
            let digest = match (key.filter(|key| !key.trim().is_empty()), hash) {
                (Some(key), None) => digest(key.trim()),
                (None, Some(hash)) => unhex(hash.strip_prefix(HASH).unwrap_or(&hash)).ok_or_else(|| {
                    wrong(format!("has a hash for {name} that is not sha256: and 64 hexadecimal digits"))
                })?,
                _ => return Err(wrong(format!("must have one key or one hash for {name}"))),
            };
            Ok(Key { name, digest, grants })
        };
        entries.into_iter().map(read).collect::<Result<_, _>>().map(Keys)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The name of a key. Every key is compared, whichever it is.
    pub fn name_of(&self, key: &str) -> Option<&str> {
        let asked = digest(key);
        let mut found = None;
        for key in &self.0 {
            let same: Choice = key.digest.ct_eq(&asked);
            found = if bool::from(same) { Some(key.name.as_str()) } else { found };
        }
        found
    }
}

impl Keys {
    /// Whether an owner may ask some model of a provider's.
    pub fn may_ask_any(&self, owner: &str, provider: &str) -> bool {
        let Some(name) = owner.strip_prefix("key:") else { return true };
        self.0.iter().find(|key| key.name == name).is_some_and(|key| key.grants.allows_any(provider))
    }

    /// Whether an owner may ask a model. Whoever has no key is held to nothing: where keys are asked for, such a
    /// caller asks nobody.
    ///
    /// ```
    /// use tributary::callers::Keys;
    /// let keys = Keys::read(r#"{"alice": {"key": "k", "models": ["openai/*"]}, "bob": "b"}"#).unwrap();
    /// assert!(keys.may_ask("key:alice", "openai", "gpt-6-luna") && !keys.may_ask("key:alice", "demo", "demo"));
    /// assert!(keys.may_ask("key:bob", "demo", "demo") && keys.may_ask("local", "demo", "demo"));
    /// ```
    pub fn may_ask(&self, owner: &str, provider: &str, model: &str) -> bool {
        let Some(name) = owner.strip_prefix("key:") else { return true };
        // A key that was revoked while its run went on may ask nobody any more.
        self.0.iter().find(|key| key.name == name).is_some_and(|key| key.grants.allows(provider, model))
    }
}

/// What marks a digest.
const HASH: &str = "sha256:";

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// The holder of a key, by its name.
    Key(String),
    /// A browser, by the digest of its cookie.
    Browser(String),
    /// A program on this machine, where nobody else is served.
    Local,
    /// Anybody: of a session's secrets such a caller has only its id.
    Anybody,
    /// Somebody who has to have a key and has none.
    Nobody,
}

impl Caller {
    /// The browser with this cookie.
    pub fn browser(cookie: &str) -> Self {
        Caller::Browser(hex(&digest(cookie)))
    }

    /// Whose a session is that this caller makes. It is kept with the session, and compared.
    ///
    /// ```
    /// use tributary::callers::Caller;
    /// assert_eq!(Caller::Key("alice".to_owned()).owner(), "key:alice");
    /// assert_ne!(Caller::Nobody.owner(), Caller::Anybody.owner());
    /// ```
    pub fn owner(&self) -> String {
        match self {
            Caller::Key(name) => format!("key:{name}"),
            Caller::Browser(digest) => format!("cookie:{digest}"),
            Caller::Local => "local".to_owned(),
            Caller::Anybody => "anybody".to_owned(),
            Caller::Nobody => "nobody".to_owned(),
        }
    }

    /// Whether there is a list of what this caller made. Where a session's id is all that it takes, a list of
    /// ids would give everybody's away.
    pub fn has_list(&self) -> bool {
        !matches!(self, Caller::Anybody | Caller::Nobody)
    }
}

/// The digest of a text, in hexadecimal digits.
pub fn digest_hex(text: &[u8]) -> String {
    hex(&Sha256::digest(text))
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let pairs = text.as_bytes().chunks(2).map(|pair| {
        let digits =
            std::str::from_utf8(pair).ok().filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        u8::from_str_radix(digits, 16).ok()
    });
    pairs.collect::<Option<Vec<u8>>>()?.try_into().ok().filter(|_| text.len() == 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        Keys::read(text).err().map(|error| error.message).unwrap_or_default()
    }

    #[test]
    fn what_makes_no_sense_is_named_and_not_quoted() {
        for text in ["", "[]", "{\"alice\": 3}", "{\"alice\": \"sk-1\""] {
            let words = refused(text);
            assert_eq!(
                words, "GATEWAY_KEYS must be a JSON object of names, each with a key or the hash of one",
                "{text}"
            );
        }
        for text in ["{\"alice\": \"\"}", "{\"alice\": {}}", "{\"alice\": {\"key\": \"a\", \"hash\": \"b\"}}"] {
            assert_eq!(refused(text), "GATEWAY_KEYS must have one key or one hash for alice", "{text}");
        }
        for hash in ["", "00", &"0".repeat(63), &"g".repeat(64), &"+0".repeat(32), &"0".repeat(66)] {
            let words = refused(&format!("{{\"alice\": \"sha256:{hash}\"}}"));
            assert_eq!(
                words, "GATEWAY_KEYS has a hash for alice that is not sha256: and 64 hexadecimal digits",
                "{hash}"
            );
        }
    }

    #[test]
    fn what_would_not_be_held_to_is_refused() {
        let words = refused(r#"{"alice": {"key": "a", "budget": 5}}"#);
        assert_eq!(words, "GATEWAY_KEYS has budget for alice, which this version does not know");
        let words = refused(r#"{"alice": {"key": "a", "models": "openai/x"}}"#);
        assert_eq!(words, "GATEWAY_KEYS has models that are no list of names for alice");
        for name in ["", "J\u{fc}rgen", "a b", "a\\n"] {
            let words = refused(&format!("{{\"{name}\": \"k\"}}"));
            assert_eq!(words, "GATEWAY_KEYS must have names of letters, digits and signs, without spaces", "{name}");
        }
    }

    #[test]
    fn a_hash_may_be_written_in_capitals() {
        let hash = hex(&digest("k")).to_ascii_uppercase();
        let keys = Keys::read(&format!("{{\"a\": {{\"hash\": \"sha256:{hash}\"}}}}")).unwrap();
        assert_eq!((keys.name_of("k"), keys.name_of(""), keys.is_empty()), (Some("a"), None, false));
        assert!(Keys::read("{}").unwrap().is_empty());
    }
}
