//! Who calls: the gateway's own keys, and whose a session is. In: names and digests. Out: where a key stands
//! in a request, and what a caller may do.
//!
//! **Invariant:** a key is compared as a whole and against all keys, so that the time it takes tells nothing.

use std::collections::BTreeMap;

use sha2::Digest as _;
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

use crate::costs::Limits;
use crate::models::{ChatError, ErrorKind};

mod entry;
mod grants;
mod ring;

pub use entry::Terms;
pub use grants::Grants;
pub use ring::{MOST_KEYS, Ring, RingKey, read_new, read_overlap, read_terms};

/// What is kept of a key.
pub type Digest = [u8; 32];

/// The keys that the operator has given out, by name.
#[derive(Default)]
pub struct Keys {
    keys: Vec<Key>,
    asked_for: bool,
}

struct Key {
    name: String,
    digests: Vec<Digest>,
    terms: Terms,
    /// Whether it is from the ring.
    added: bool,
}

impl Keys {
    /// Reads `GATEWAY_KEYS`: an object of names, each with a key, or with `sha256:` and the key's digest in
    /// hexadecimal digits; or with an object that has one of them as `key` or `hash`, and what its holder may do.
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
        let entries: BTreeMap<String, entry::Entry> = serde_json::from_str(text)
            .map_err(|_| wrong("must be a JSON object of names, each with a key or the hash of one".to_owned()))?;
        let read = |(name, entry): (String, entry::Entry)| {
            if !entry::is_name(&name) {
                return Err(wrong(
                    "must have names of at most 64 letters, digits and signs, without spaces".to_owned(),
                ));
            }
            let (digest, terms) = entry.read().map_err(|words| wrong(format!("{words} {name}")))?;
            Ok(Key { name, digests: vec![digest], terms, added: false })
        };
        let keys = entries.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
        Ok(Keys { asked_for: !keys.is_empty(), keys })
    }

    /// The same, with those that were added since, and without those that were taken back. Where keys can be added,
    /// they are asked for, even if there are none so far.
    pub fn with_ring(mut self, ring: &Ring, now_ms: u64) -> Self {
        self.keys.retain(|key| !key.digests.iter().any(|digest| ring.revoked.contains_key(&hex(digest))));
        for (name, key) in &ring.keys {
            let known = key.terms.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
            // What was checked when it came; should a later version not understand it, nobody gets more than was meant.
            let Ok(terms) = Terms::read(known) else { continue };
            self.keys.retain(|key| key.name != *name);
            self.keys.push(Key { name: name.clone(), digests: key.digests(now_ms).collect(), terms, added: true });
        }
        Keys { asked_for: true, ..self }
    }

    /// Whether a caller has to have one.
    pub fn are_asked_for(&self) -> bool {
        self.asked_for
    }

    /// The name of a key. Every key is compared, whichever it is.
    pub fn name_of(&self, key: &str) -> Option<&str> {
        let asked = digest(key);
        let mut found = None;
        for key in &self.keys {
            let same = key.digests.iter().fold(Choice::from(0), |same, digest| same | digest.ct_eq(&asked));
            found = if bool::from(same) { Some(key.name.as_str()) } else { found };
        }
        found
    }

    /// The names of those in `GATEWAY_KEYS`, with their digests.
    pub fn given(&self) -> impl Iterator<Item = (&str, String)> {
        let given = self.keys.iter().filter(|key| !key.added);
        given.filter_map(|key| Some((key.name.as_str(), hex(key.digests.first()?))))
    }

    fn of(&self, owner: &str) -> Option<Option<&Key>> {
        let name = owner.strip_prefix("key:")?;
        Some(self.keys.iter().find(|key| key.name == name))
    }

    /// Whether an owner has a key that was taken back.
    pub fn is_revoked(&self, owner: &str) -> bool {
        matches!(self.of(owner), Some(None))
    }

    /// How much an owner may ask.
    pub fn limits(&self, owner: &str) -> Limits {
        self.of(owner).flatten().map(|key| key.terms.limits).unwrap_or_default()
    }

    /// How long answers are kept for an owner who does not say so.
    pub fn cache_ttl(&self, owner: &str) -> Option<u64> {
        self.of(owner).flatten()?.terms.cache_ttl_seconds
    }

    /// Whether an owner may ask some model of a provider's.
    pub fn may_ask_any(&self, owner: &str, provider: &str) -> bool {
        self.of(owner).is_none_or(|key| key.is_some_and(|key| key.terms.grants.allows_any(provider)))
    }

    /// Whether an owner may ask a model. Whoever has no key is held to nothing: where keys are asked for, such a
    /// caller asks nobody. A key that was revoked while its run went on may ask nobody any more.
    ///
    /// ```
    /// use tributary::callers::Keys;
    /// let keys = Keys::read(r#"{"alice": {"key": "k", "models": ["openai/*"]}, "bob": "b"}"#).unwrap();
    /// assert!(keys.may_ask("key:alice", "openai", "gpt-6-luna") && !keys.may_ask("key:alice", "demo", "demo"));
    /// assert!(keys.may_ask("key:bob", "demo", "demo") && keys.may_ask("local", "demo", "demo"));
    /// assert!(!keys.may_ask("key:carol", "demo", "demo"));
    /// ```
    pub fn may_ask(&self, owner: &str, provider: &str, model: &str) -> bool {
        self.of(owner).is_none_or(|key| key.is_some_and(|key| key.terms.grants.allows(provider, model)))
    }
}

/// Whether two secrets are the same; how long it takes tells nothing.
///
/// ```
/// assert!(tributary::callers::same("a", "a") && !tributary::callers::same("a", "b"));
/// ```
pub fn same(one: &str, other: &str) -> bool {
    digest(one).ct_eq(&digest(other)).into()
}

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
    /// The operator, by `ADMIN_KEY`: asks no model.
    Operator,
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
            Caller::Operator => "operator".to_owned(),
        }
    }

    /// Whether there is a list of what this caller made. Where a session's id is all that it takes, a list of
    /// ids would give everybody's away.
    pub fn has_list(&self) -> bool {
        !matches!(self, Caller::Anybody | Caller::Nobody | Caller::Operator)
    }
}

/// The digest of a text, in hexadecimal digits.
pub fn digest_hex(text: &[u8]) -> String {
    hex(&Sha256::digest(text))
}

fn digest(text: &str) -> Digest {
    Sha256::digest(text.as_bytes()).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Digest> {
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
            assert_eq!(refused(text), "GATEWAY_KEYS must have one key or one hash, for alice", "{text}");
        }
        for hash in ["", "00", &"0".repeat(63), &"g".repeat(64), &"+0".repeat(32), &"0".repeat(66)] {
            let words = refused(&format!("{{\"alice\": \"sha256:{hash}\"}}"));
            assert_eq!(
                words, "GATEWAY_KEYS has a hash that is not sha256: and 64 hexadecimal digits, for alice",
                "{hash}"
            );
        }
    }

    #[test]
    fn what_would_not_be_held_to_is_refused() {
        let words = refused(r#"{"alice": {"key": "a", "budget": 5}}"#);
        assert_eq!(words, "GATEWAY_KEYS has budget, which is not known, for alice");
        let words = refused(r#"{"alice": {"key": "a", "models": "openai/x"}}"#);
        assert_eq!(words, "GATEWAY_KEYS has models that are no list of names, for alice");
        for name in ["", "J\u{fc}rgen", "a b", "a\\n"] {
            let words = refused(&format!("{{\"{name}\": \"k\"}}"));
            assert_eq!(
                words, "GATEWAY_KEYS must have names of at most 64 letters, digits and signs, without spaces",
                "{name}"
            );
        }
    }

    #[test]
    fn a_hash_may_be_written_in_capitals() {
        let hash = hex(&digest("k")).to_ascii_uppercase();
        let keys = Keys::read(&format!("{{\"a\": {{\"hash\": \"sha256:{hash}\"}}}}")).unwrap();
        assert_eq!((keys.name_of("k"), keys.name_of(""), keys.are_asked_for()), (Some("a"), None, true));
        assert!(!Keys::read("{}").unwrap().are_asked_for());
    }

    #[test]
    fn the_ring_adds_and_takes_back() {
        let given = || Keys::read(r#"{"alice": "a", "bob": {"key": "b", "requests_per_minute": 5}}"#).unwrap();
        let mut ring = Ring::default();
        let keys = given().with_ring(&ring, 0);
        assert_eq!((keys.name_of("a"), keys.limits("key:bob").requests_per_minute), (Some("alice"), Some(5)));
        let carols = serde_json::json!({"models": ["demo/*"], "cache_ttl_seconds": 9}).as_object().cloned().unwrap();
        ring.keys.insert("carol".to_owned(), RingKey::new("c", carols, 0).rotated("c2", 1, 0));
        ring.revoked.insert(hex(&digest("a")), "alice".to_owned());
        let keys = given().with_ring(&ring, 999);
        assert_eq!(
            ["a", "b", "c", "c2"].map(|key| keys.name_of(key)),
            [None, Some("bob"), Some("carol"), Some("carol")]
        );
        assert_eq!(given().with_ring(&ring, 1000).name_of("c"), None);
        assert!(keys.is_revoked("key:alice") && !keys.is_revoked("key:carol") && !keys.is_revoked("local"));
        assert!(keys.may_ask("key:carol", "demo", "demo") && !keys.may_ask("key:alice", "demo", "demo"));
        assert_eq!((keys.cache_ttl("key:carol"), keys.cache_ttl("key:bob")), (Some(9), None));
        let none = Keys::default().with_ring(&Ring::default(), 0);
        assert!(none.are_asked_for(), "who can give out keys asks for them");
    }
}
