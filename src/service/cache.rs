//! Answers that are given again to the same request of the same caller, where that is asked for.
//!
//! An answer is kept as a session keeps one, and asked for like a provider that speaks that language: so it can be told
//! in any language, and its events are those of the answer that was kept.

use http::{Method, Request};
use serde_json::{Map, Value, json};

use super::plan::{Plan, Via};
use super::remote::within;
use super::run::Run;
use super::{Ask, House};
use crate::callers::digest_hex;
use crate::dialects::{can_be_told, kept, write_for};
use crate::models::{ChatError, ChatRequest, EmbedRequest, ErrorKind, Native, Quirks, Target};
use crate::platform::{Abort, Answer, Env, log};

/// The binding of wrangler.toml.
const CACHE: &str = "CACHE";

/// A cache that does not answer at once is no help.
const PATIENCE_MS: u64 = 2_000;

/// Two hundred thousand tokens; a row has at most twice as much.
pub const MOST_KEPT: usize = 1 << 20;

/// Where an answer stands, or will.
pub struct Slot {
    owner: String,
    digest: String,
    ttl_ms: u64,
}

impl Slot {
    /// The slot of a chat, where one is asked for.
    pub fn of_chat(chat: &ChatRequest, ask: &Ask, house: &House) -> Option<Self> {
        let ttl = wanted(ask, house)?;
        // What cannot be said without its client's own words cannot be told in others either.
        if !can_be_told(kept::READER, chat) {
            return None;
        }
        let model =
            [chat.provider.as_deref().unwrap_or_default(), chat.model.as_deref().unwrap_or_default()].join("\n");
        let target = Target {
            provider: String::new(),
            base_url: "https://cache".to_owned(),
            model: String::new(),
            key: None,
            headers: Vec::new(),
            quirks: Quirks::default(),
        };
        let (outgoing, _) = write_for(kept::READER, chat, &target).ok()?;
        let mut what = vec!["chat".to_owned(), model, String::from_utf8(outgoing.request.into_body()).ok()?];
        what.extend(chat.native.as_ref().filter(|native| !native.beyond.is_empty()).map(own_words));
        Some(Slot::new(what, ttl, ask))
    }

    /// The slot of a request for embeddings.
    pub fn of_embeddings(request: &EmbedRequest, ask: &Ask, house: &House) -> Option<Self> {
        let ttl = wanted(ask, house)?;
        let what = json!([request.provider, request.model, request.input, request.dimensions, request.left_out]);
        Some(Slot::new(vec!["embeddings".to_owned(), what.to_string()], ttl, ask))
    }

    fn new(mut what: Vec<String>, ttl: u64, ask: &Ask) -> Self {
        // What one key of a provider's bought is not another one's.
        what.extend(ask.caller_key.as_deref().map(|key| digest_hex(key.as_bytes())));
        let digest = digest_hex(json!(what).to_string().as_bytes());
        Slot { owner: ask.owner.clone(), digest, ttl_ms: ttl.saturating_mul(1000) }
    }

    /// What is kept there. A cache that fails has nothing.
    pub async fn find(&self, env: &Env) -> Option<Vec<u8>> {
        let answer = self.ask(Method::GET, Vec::new(), env).await.ok()?;
        let is_there = answer.status == http::StatusCode::OK;
        let body = answer.whole_body(MOST_KEPT.saturating_add(1024)).await.ok()?;
        is_there.then_some(body)
    }

    /// Keeps an answer there.
    pub async fn keep(&self, body: Vec<u8>, env: &Env) {
        if body.len() <= MOST_KEPT
            && let Err(error) = self.ask(Method::PUT, body, env).await
        {
            log(&json!({"event": "cache", "error": error.message}));
        }
    }

    async fn ask(&self, method: Method, body: Vec<u8>, env: &Env) -> Answer {
        let unsayable = |_| ChatError::new(ErrorKind::Internal, "the cache cannot be asked");
        let request = Request::builder()
            .method(method)
            .uri(format!("https://cache/{}", self.digest))
            .header("x-ttl-ms", self.ttl_ms)
            .body(body)
            .map_err(unsayable)?;
        // An object holds 64 MB of one caller's: sixteen of them share what it asks.
        let shard = self.digest.get(..1).unwrap_or_default();
        let object = env.object(CACHE, &format!("{}\n{shard}", self.owner))?;
        within(PATIENCE_MS, object.send(request, &Abort::new()?)).await
    }
}

/// For how long, in seconds; a request says it, or its key's terms. Whoever cannot be told from others has no cache.
fn wanted(ask: &Ask, house: &House) -> Option<u64> {
    let has_owner = !matches!(ask.owner.as_str(), "anybody" | "nobody");
    ask.cache_ttl.or_else(|| house.keys.cache_ttl(&ask.owner)).filter(|_| has_owner && ask.session.is_none())
}

/// A request as its client said it, whether it is to stream or not.
fn own_words(native: &Native) -> String {
    let mut body: Map<String, Value> = native.body.clone();
    for name in ["stream", "stream_options"] {
        body.shift_remove(name);
    }
    json!([native.dialect, native.headers, body]).to_string()
}

/// Who gave an answer stands before it, in a line of its own.
pub fn seal((provider, model): (String, String), frames: &[u8]) -> Vec<u8> {
    let mut body = json!([provider, model]).to_string().into_bytes();
    body.push(b'\n');
    body.extend_from_slice(frames);
    body
}

/// The plan that gives a kept answer again.
pub fn plan(sealed: &[u8]) -> Option<Plan> {
    let at = sealed.iter().position(|byte| *byte == b'\n')?;
    let (provider, model): (String, String) = serde_json::from_slice(sealed.get(..at)?).ok()?;
    let frames = sealed.get(at.saturating_add(1)..)?.to_vec();
    let target = Target {
        provider,
        base_url: "https://cache".to_owned(),
        model,
        key: None,
        headers: Vec::new(),
        quirks: Quirks::default(),
    };
    Some(Plan {
        name: "cache".to_owned(),
        target,
        dialect: kept::READER,
        via: Via::Kept(frames),
        refused_key: String::new(),
        callers_key: false,
        // What it cost was paid when it was made.
        price: None,
    })
}

/// Keeps what a run has told, if that is worth it: an answer that failed, was cut or was filtered is not.
pub async fn keep(run: &Run, slot: &Slot, house: &House) {
    if let Some((answerer, frames)) = run.take_record() {
        slot.keep(seal(answerer, &frames), &house.env).await;
    }
}
