//! What runs may cost, and did: accounts of keys that have limits, and the ledger.
//!
//! A key's account is one object, because a limit is one number; only keys with limits have one. The ledger has sixteen,
//! and a run goes to the one that its id falls to: none of them sees every request.

use std::cell::RefCell;
use std::collections::HashMap;
use std::pin::pin;

use futures_util::future::{Either, join_all, select};
use http::{Method, Request};
use serde_json::{Value, json};

use super::House;
use super::batch;
use super::keyring::{RING_MS, has_ring, keys_within};
use super::remote::{PATIENCE_MS, within};
use crate::callers::digest_hex;
use crate::costs::{Charge, Days, LEASE_MS, Limits, Lines, Receipt};
use crate::dialects::kept;
use crate::models::{ChatError, Cost, ErrorKind, Usage};
use crate::platform::{Abort, Answer, Env, escaped, log, now_ms, random_hex, sleep};

/// The bindings of wrangler.toml.
const ACCOUNTS: &str = "ACCOUNTS";
const LEDGER: &str = "LEDGER";
const ANALYTICS: &str = "ANALYTICS";

/// The first hexadecimal digit of a digest.
const SHARDS: u32 = 16;

/// A year of a hundred keys with ten models each, in one shard.
const MOST_LINES: usize = 32 << 20;

/// An account that is far from all limits says so in a header, and that is believed for as long as requests are counted.
/// Whoever asks hears it anew: what others used up meanwhile can deceive an isolate's next burst, and not the one after.
pub const ROOM: &str = "x-room";
const ROOM_MS: u64 = 60_000;

/// One that has no room for all who were asked for together, which says nothing of one of them.
pub const APART: &str = "x-apart";

/// A receipt is told so often, if need be.
const TELLINGS: u32 = 4;

thread_local! {
    /// The keys whose accounts were far from all limits, and when they were.
    static ROOMY: RefCell<HashMap<String, u64>> = RefCell::default();
}

/// Lets a request in, or says why not; a run is let in until [`settle`] is told what became of it.
pub async fn admit(owner: &str, run: Option<&str>, house: &House) -> Result<(), ChatError> {
    if house.keys.is_revoked(owner) {
        return Err(revoked());
    }
    let limits = house.keys.limits(owner);
    if limits.is_free() {
        return Ok(());
    }
    match run {
        // Its provider is on the way: it can wait for those before it.
        Some(run) if has_room(owner) => {
            let ask = async |runs: &[&str]| match runs {
                [run] => enter("/enter", &json!({"run": run, "limits": limits}), owner, house).await,
                runs => enter("/enter-all", &json!({"runs": runs, "limits": limits}), owner, house).await,
            };
            batch::enter(owner, run, ask).await
        }
        run => enter("/enter", &json!({"run": run, "limits": limits}), owner, house).await.map(drop),
    }
}

/// Whether all are let in who are asked for; that one is not, who is asked for alone, is an error.
async fn enter(path: &str, fields: &Value, owner: &str, house: &House) -> Result<bool, ChatError> {
    let answer = ask_account(&house.env, owner, path, fields).await?;
    ROOMY.with_borrow_mut(|roomy| {
        // As many keys as an isolate sees in a moment.
        if roomy.len() > 1_000 {
            roomy.clear();
        }
        match answer.headers.contains_key(ROOM) {
            true => drop(roomy.insert(owner.to_owned(), now_ms())),
            false => drop(roomy.remove(owner)),
        }
    });
    match answer.status.is_success() {
        true => Ok(!answer.headers.contains_key(APART)),
        false => {
            let (status, headers) = (answer.status, answer.headers.clone());
            Err(kept::READER.read_error(status, &headers, &answer.error_body().await))
        }
    }
}

/// Whether a request of this owner will be let in, by all that is known: a moment ago its account was far from all
/// limits. Then its provider can be asked meanwhile. The account is one object, maybe on another continent.
pub fn has_room(owner: &str) -> bool {
    ROOMY.with_borrow(|roomy| roomy.get(owner).is_some_and(|at| now_ms().saturating_sub(*at) < ROOM_MS))
}

/// Watches over a run that was let in: says that it is still under way, and ends when its key was taken back.
pub async fn watch(owner: &str, run: &str, house: &House) -> ChatError {
    let (renews, has_ring) = (house.keys.limits(owner).concurrent_runs.is_some(), has_ring(&house.env));
    if !owner.starts_with("key:") || !(renews || has_ring) {
        return std::future::pending().await;
    }
    let mut next = LEASE_MS / 3;
    for tick in 1u64.. {
        sleep(RING_MS).await;
        // A ring that does not answer just now takes no key back.
        if has_ring && keys_within(&house.env, RING_MS).await.is_ok_and(|keys| keys.is_revoked(owner)) {
            return revoked();
        }
        if renews && tick.saturating_mul(RING_MS) >= next {
            next = next.saturating_add(LEASE_MS / 3);
            // The next one makes up for one that was lost.
            let _ = ask_account(&house.env, owner, "/renew", &json!({"run": run})).await;
        }
    }
    revoked()
}

fn revoked() -> ChatError {
    ChatError::new(ErrorKind::PermissionDenied, "the key was revoked")
}

/// Settles what a request used: with the ledger, and with the account of its key. What cannot be told is in the log.
pub async fn settle(owner: &str, receipt: &Receipt, env: &Env, limits: &Limits) {
    analyse(receipt, env);
    let body = json!(receipt);
    let ledger = told(&body, || ask_ledger(env, &receipt.id, Method::POST, "/", body.to_string().into_bytes()));
    let account = async {
        if !limits.is_free() {
            let left = json!({"run": receipt.id, "cost": receipt.cost()});
            told(&left, || ask_account(env, owner, "/leave", &left)).await;
        }
    };
    // Side by side: neither waits for the other.
    let (mut ledger, mut account) = (pin!(ledger), pin!(account));
    match select(ledger.as_mut(), account.as_mut()).await {
        Either::Left(_) => account.await,
        Either::Right(_) => ledger.await,
    }
}

/// Tells until it is heard. It counts once all the same.
async fn told<A: Future<Output = Answer>>(what: &Value, tell: impl Fn() -> A) {
    for attempt in 0..TELLINGS {
        if tell().await.is_ok_and(|answer| answer.status.is_success()) {
            return;
        }
        sleep(100u64.saturating_mul(1 << attempt)).await;
    }
    log(&json!({"event": "books", "error": "not settled", "receipt": what}));
}

/// A data point for Analytics Engine, where it is bound.
fn analyse(receipt: &Receipt, env: &Env) {
    let Some(dataset) = env.binding(ANALYTICS) else { return };
    let sum = receipt.charges.iter().map(|charge| charge.usage).reduce(Usage::and).unwrap_or_default();
    let outcome = receipt.outcome.clone().unwrap_or_default();
    let point = json!({
        "indexes": [receipt.key],
        "blobs": [receipt.key, outcome.provider, outcome.model, outcome.ended, receipt.id],
        "doubles": [
            outcome.ms, outcome.first_token_ms.unwrap_or(0), sum.input_tokens, sum.output_tokens,
            sum.cached_tokens.unwrap_or(0), receipt.cost().dollars(), u8::from(sum.estimated),
        ],
    });
    if let Err(error) = dataset.tell("writeDataPoint", &point.to_string()) {
        log(&json!({"event": "books", "error": error}));
    }
}

/// Settles what a request used that is no run.
pub async fn settle_exchange(owner: &str, charge: Charge, house: &House) {
    let id = format!("x_{}", random_hex(20));
    let receipt = Receipt { id, at_ms: now_ms(), key: key_name(owner), charges: vec![charge], outcome: None };
    settle(owner, &receipt, &house.env, &house.keys.limits(owner)).await;
}

/// Under which name an owner's usage stands.
pub fn key_name(owner: &str) -> String {
    match owner.split_once(':') {
        Some(("key", name)) => name.to_owned(),
        Some(_) => "(browser)".to_owned(),
        None => format!("({owner})"),
    }
}

/// The ledger's lines, all shards together.
pub async fn lines(days: &Days, key: Option<&str>, env: &Env) -> Result<Lines, ChatError> {
    let key = key.map(|key| format!("&key={}", escaped(key))).unwrap_or_default();
    all_lines(&format!("/?from={}&to={}{key}", days.from, days.to), env).await
}

/// The sums over all days.
pub async fn totals(env: &Env) -> Result<Lines, ChatError> {
    all_lines("/totals", env).await
}

async fn all_lines(path: &str, env: &Env) -> Result<Lines, ChatError> {
    let shard = |shard: u32| async move {
        let answer = ask_shard(env, shard, Method::GET, path, Vec::new()).await?;
        let unreadable = |_| ChatError::new(ErrorKind::Internal, "the ledger cannot be read");
        serde_json::from_slice(&answer.whole_body(MOST_LINES).await?).map_err(unreadable)
    };
    let shards: Vec<Result<Lines, ChatError>> = join_all((0..SHARDS).map(shard)).await;
    Ok(Lines::sum(shards.into_iter().collect::<Result<Vec<_>, _>>()?))
}

/// What a key has spent this month, and how many of its runs are under way.
pub async fn account(owner: &str, env: &Env) -> Result<Value, ChatError> {
    let answer = ask_account(env, owner, "/read", &json!({})).await?;
    let unreadable = |_| ChatError::new(ErrorKind::Internal, "the account cannot be read");
    serde_json::from_slice(&answer.whole_body(MOST_LINES).await?).map_err(unreadable)
}

/// What a key has spent this month by the ledger.
pub async fn spent(owner: &str, env: &Env) -> Result<Cost, ChatError> {
    let days = Days::read(None, None, now_ms())?;
    let lines = lines(&days, Some(&key_name(owner)), env).await?;
    Ok(lines.used.iter().map(|line| line.cost).fold(Cost::ZERO, Cost::and))
}

/// What is told goes in a header, and an answer that says nothing has no body: every first token waits for this one.
async fn ask_account(env: &Env, owner: &str, path: &str, fields: &Value) -> Answer {
    let unsayable = |_| ChatError::new(ErrorKind::Internal, "the key's name cannot be sent on");
    let mut request = request("account", Method::POST, path, Vec::new())?;
    for (name, value) in [("x-owner", owner), ("x-fields", &fields.to_string())] {
        request.headers_mut().insert(name, http::HeaderValue::from_str(value).map_err(unsayable)?);
    }
    within(PATIENCE_MS, env.object(ACCOUNTS, owner)?.send(request, &Abort::new()?)).await
}

async fn ask_ledger(env: &Env, id: &str, method: Method, path: &str, body: Vec<u8>) -> Answer {
    let digit = digest_hex(id.as_bytes()).chars().next().and_then(|digit| digit.to_digit(SHARDS)).unwrap_or(0);
    ask_shard(env, digit, method, path, body).await
}

async fn ask_shard(env: &Env, shard: u32, method: Method, path: &str, body: Vec<u8>) -> Answer {
    let request = request("ledger", method, path, body)?;
    within(PATIENCE_MS, env.object(LEDGER, &format!("shard-{shard}"))?.send(request, &Abort::new()?)).await
}

fn request(host: &str, method: Method, path: &str, body: Vec<u8>) -> Result<Request<Vec<u8>>, ChatError> {
    let unsayable = |_| ChatError::new(ErrorKind::InvalidRequest, "the address cannot be sent on");
    let request = Request::builder().method(method).uri(format!("https://{host}{path}"));
    request.header("content-type", "application/json").body(body).map_err(unsayable)
}
