//! The keys of the gateway: those of `GATEWAY_KEYS`, and those of the key ring, which are given out and taken back
//! while it runs.
//!
//! The ring is one object for all. Each isolate asks it every five seconds while there are requests, so that it
//! hears far fewer questions than the gateway, and a key that was taken back opens nothing after ten. It asks behind
//! a request that is being answered, so that hardly any request waits for it.

use std::cell::RefCell;
use std::rc::Rc;

use http::{Method, Request, StatusCode};
use serde_json::{Map, Value, json};

use super::remote::{PATIENCE_MS, within};
use crate::callers::{Keys, MOST_KEYS, Ring, RingKey, read_new, read_overlap, read_terms};
use crate::data::RingStore;
use crate::models::{ChatError, ErrorKind};
use crate::platform::{Abort, Answer, Env, now_ms, random_hex};

/// The binding of wrangler.toml, and the ring's name behind it.
const KEYRING: &str = "KEYRING";
const RING: &str = "ring";

/// What is known of the ring is asked for again after so long.
pub const RING_MS: u64 = 5_000;

/// And is good for so long while that is under way.
const GOOD_MS: u64 = 8_000;

/// Five thousand keys.
const MOST_RING: usize = 8 << 20;

/// What an isolate knows.
#[derive(Clone)]
struct Known {
    given: String,
    ring: Rc<Ring>,
    keys: Rc<Keys>,
    at_ms: u64,
    /// When the ring was last asked behind a request.
    asked_ms: u64,
}

impl Known {
    fn age(&self) -> u64 {
        now_ms().saturating_sub(self.at_ms)
    }
}

thread_local! {
    static KNOWN: RefCell<Option<Known>> = const { RefCell::new(None) };
}

/// Whether keys can be given out and taken back.
pub fn has_ring(env: &Env) -> bool {
    env.var("ADMIN_KEY").is_some()
}

/// The keys as they are now, or were a few seconds ago.
pub async fn keys(env: &Env) -> Result<Rc<Keys>, ChatError> {
    keys_within(env, GOOD_MS).await
}

/// The keys as they were at most so many milliseconds ago.
pub async fn keys_within(env: &Env, age_ms: u64) -> Result<Rc<Keys>, ChatError> {
    let given = env.var("GATEWAY_KEYS").unwrap_or_default();
    let known = KNOWN.with_borrow(Clone::clone).filter(|known| known.given == given);
    let has_ring = has_ring(env);
    if let Some(known) = known.as_ref().filter(|known| !has_ring || known.age() < age_ms) {
        return Ok(known.keys.clone());
    }
    // What has no ring is read again only when its text changes.
    let ring = match has_ring {
        false => Rc::default(),
        true => ask_ring(env, known.map(|known| known.ring)).await?,
    };
    let keys = if given.is_empty() { Keys::default() } else { Keys::read(&given)? };
    let at_ms = now_ms();
    // Keys that are good for a while only are judged by the time as well: hence each time anew.
    let keys = Rc::new(if has_ring { keys.with_ring(&ring, at_ms) } else { keys });
    KNOWN.set(Some(Known { given, ring, keys: keys.clone(), at_ms, asked_ms: at_ms }));
    Ok(keys)
}

/// Asks the ring again where that is due: to be done behind a request that is being answered.
pub fn renewal(env: &Env) -> Option<impl Future<Output = ()> + 'static> {
    let is_due = KNOWN.with_borrow_mut(|known| {
        let Some(known) = known.as_mut().filter(|known| known.age() >= RING_MS) else { return false };
        // One request at a time; but one whose answer is lost asks no more.
        let is_due = now_ms().saturating_sub(known.asked_ms) >= 1_000;
        known.asked_ms = if is_due { now_ms() } else { known.asked_ms };
        is_due
    });
    let env = env.clone();
    // Whoever finds what is known too old asks for itself, and is told what is wrong.
    (is_due && has_ring(&env)).then_some(async move { drop(keys_within(&env, RING_MS).await) })
}

/// The ring; the one that is known where nothing changed. Without it nobody is let in: a key that was taken back
/// could not be told from a good one.
async fn ask_ring(env: &Env, before: Option<Rc<Ring>>) -> Result<Rc<Ring>, ChatError> {
    let lost = |_| ChatError::new(ErrorKind::Overloaded, "the gateway's keys cannot be read just now");
    let version = before.as_ref().map_or(0, |ring| ring.version);
    let path = format!("/ring?version={version}");
    let answer = ask_keyring(env, (Method::GET, &path), Vec::new(), "").await.map_err(lost)?;
    match (answer.status, before) {
        (StatusCode::NO_CONTENT, before) => Ok(before.unwrap_or_default()),
        (StatusCode::OK, _) => {
            let body = answer.whole_body(MOST_RING).await.map_err(lost)?;
            let ring = serde_json::from_slice(&body).map_err(|_| ());
            ring.map(Rc::new).map_err(|()| lost(ChatError::new(ErrorKind::Internal, "")))
        }
        _ => Err(lost(ChatError::new(ErrorKind::Internal, ""))),
    }
}

/// Asks the key ring's object; its answer is one for the operator, too.
pub async fn ask_keyring(env: &Env, (method, path): (Method, &str), body: Vec<u8>, request_id: &str) -> Answer {
    let unsayable = |_| ChatError::new(ErrorKind::InvalidRequest, "the address cannot be sent on");
    let request = Request::builder()
        .method(method)
        .uri(format!("https://keyring{path}"))
        .header("content-type", "application/json")
        .header("x-request-id", request_id)
        .body(body)
        .map_err(unsayable)?;
    within(PATIENCE_MS, env.object(KEYRING, RING)?.send(request, &Abort::new()?)).await
}

/// The key ring, in its own object.
pub struct Keyring {
    store: RingStore,
    env: Env,
}

impl Keyring {
    /// The object, just constructed or just woken.
    pub fn new(store: RingStore, env: Env) -> Self {
        Keyring { store, env }
    }

    /// The ring, unless it is still of this version.
    pub fn ring(&self, version: u64) -> Result<Option<Value>, ChatError> {
        // One that was never used has no version, and nothing in it.
        match self.store.version()? == version {
            true => Ok(None),
            false => Ok(Some(json!(self.store.ring()?))),
        }
    }

    /// All keys as the operator is shown them, those of `GATEWAY_KEYS` among them.
    pub fn list(&self) -> Result<Value, ChatError> {
        let ring = self.store.ring()?;
        let given = self.given()?;
        let given = given.given().map(|(name, digest)| {
            json!({"name": name, "source": "GATEWAY_KEYS", "revoked": ring.revoked.contains_key(&digest)})
        });
        let added = ring.keys.iter().map(|(name, key)| key.view(name));
        Ok(json!({"keys": given.chain(added).collect::<Vec<_>>()}))
    }

    /// One key.
    pub fn read(&self, name: &str) -> Result<Value, ChatError> {
        let list = self.list()?;
        let keys = list.get("keys").and_then(Value::as_array).into_iter().flatten();
        // Of two of one name the one that was added counts.
        let mut named = keys.filter(|key| key.get("name").and_then(Value::as_str) == Some(name));
        named.next_back().cloned().ok_or_else(no_key)
    }

    /// A new key. It is told once, here.
    pub fn add(&self, fields: Map<String, Value>) -> Result<Value, ChatError> {
        let (name, terms) = read_new(fields)?;
        let ring = self.store.ring()?;
        let given = self.given()?;
        let mut others = given.given().filter(|(_, digest)| !ring.revoked.contains_key(digest)).map(|(name, _)| name);
        if ring.keys.contains_key(&name) || others.any(|other| other == name) {
            let error = ChatError::new(ErrorKind::Conflict, format!("there is a key {name} already"));
            return Err(ChatError { param: Some("name".to_owned()), ..error });
        }
        if ring.keys.len() >= MOST_KEYS {
            return Err(ChatError::invalid("name", format!("there are {MOST_KEYS} keys, the most that can be")));
        }
        let key = new_key();
        self.keep(&name, &RingKey::new(&key, terms, now_ms()), Some(&key))
    }

    /// Changes what its holder may do; what is null is not said any more.
    pub fn change(&self, name: &str, fields: Map<String, Value>) -> Result<Value, ChatError> {
        let mut key = self.added(name)?;
        let mut terms = key.terms;
        terms.extend(fields);
        key.terms = read_terms(terms)?;
        self.keep(name, &key, None)
    }

    /// Gives its holder another key. The one before is good for a while, if that is said.
    pub fn rotate(&self, name: &str, fields: &Map<String, Value>) -> Result<Value, ChatError> {
        let (overlap, new) = (read_overlap(fields)?, new_key());
        let key = self.added(name)?.rotated(&new, overlap, now_ms());
        self.keep(name, &key, Some(&new))
    }

    /// Takes a key back, wherever it is from.
    pub fn revoke(&self, name: &str) -> Result<(), ChatError> {
        let ring = self.store.ring()?;
        if ring.keys.contains_key(name) {
            return self.store.remove(name);
        }
        let given = self.given()?;
        let digest = given.given().find(|(known, digest)| *known == name && !ring.revoked.contains_key(digest));
        let (_, digest) = digest.ok_or_else(no_key)?;
        self.store.revoke(&digest, name)
    }

    fn keep(&self, name: &str, key: &RingKey, shown: Option<&str>) -> Result<Value, ChatError> {
        self.store.put(name, key)?;
        let mut view = key.view(name);
        if let Some((shown, map)) = shown.zip(view.as_object_mut()) {
            map.insert("key".to_owned(), json!(shown));
        }
        Ok(view)
    }

    fn added(&self, name: &str) -> Result<RingKey, ChatError> {
        if let Some(key) = self.store.ring()?.keys.remove(name) {
            return Ok(key);
        }
        match self.given()?.given().any(|(known, _)| known == name) {
            true => {
                let words =
                    format!("the key {name} is from GATEWAY_KEYS: change it there, or revoke it here and add another");
                Err(ChatError::new(ErrorKind::Conflict, words))
            }
            false => Err(no_key()),
        }
    }

    fn given(&self) -> Result<Keys, ChatError> {
        self.env.var("GATEWAY_KEYS").map_or_else(|| Ok(Keys::default()), |text| Keys::read(&text))
    }
}

/// 120 random bits.
fn new_key() -> String {
    format!("tk_{}", random_hex(30))
}

fn no_key() -> ChatError {
    ChatError { param: Some("name".to_owned()), ..ChatError::new(ErrorKind::NotFound, "there is no such key") }
}
