//! Who may call, and who it is. Closed to all but this machine until the operator opens it.

use serde_json::json;

use super::{Call, header};
use crate::callers::{Caller, Keys, same};
use crate::models::{ChatError, ErrorKind};
use crate::platform::{Settings, log, query, random_hex};
use crate::service::House;

/// The cookie by which a browser is known.
const COOKIE: &str = "tributary";

/// The foreign origin that may read the answer, where there is one. Keys come later: a browser that asks first
/// sends none.
pub fn check_origin(call: &Call, settings: &Settings, keys: &Keys) -> Result<Option<String>, ChatError> {
    if !keys.are_asked_for() && !settings.allow_anonymous && !is_local(call) {
        let words = "this gateway is closed: its operator has set neither GATEWAY_KEYS nor ADMIN_KEY nor ALLOW_ANONYMOUS, and only requests to localhost are served";
        return Err(ChatError::new(ErrorKind::PermissionDenied, words));
    }
    let Some(origin) = header(&call.request, "origin") else { return Ok(None) };
    let own = call.uri.scheme_str().zip(call.uri.authority()).map(|(scheme, host)| format!("{scheme}://{host}"));
    if own.as_ref() == Some(&origin) {
        return Ok(None);
    }
    // A page from anywhere could otherwise spend a developer's keys through localhost.
    if settings.allowed_origins.contains(&origin) {
        return Ok(Some(origin));
    }
    let words = "the page that sends this is from another origin, which ALLOWED_ORIGINS does not name";
    Err(ChatError { param: Some("origin".to_owned()), ..ChatError::new(ErrorKind::PermissionDenied, words) })
}

/// Who calls. Where keys are asked for, a caller without a known one is nobody.
pub fn identify(call: &Call, house: &House) -> (Caller, Option<String>) {
    let (settings, keys) = (&house.settings, &house.keys);
    // Each of the keys is looked up, though one were enough: how long it takes tells nothing.
    let sent = keys_in(call);
    let known: Vec<&str> = sent.iter().filter_map(|key| keys.name_of(key)).collect();
    let admin = house.env.var("ADMIN_KEY");
    let is_operator = admin.is_some_and(|admin| sent.iter().filter(|key| same(key, admin.trim())).count() > 0);
    if let Some(name) = known.first() {
        return (Caller::Key((*name).to_owned()), None);
    }
    if is_operator {
        return (Caller::Operator, None);
    }
    if keys.are_asked_for() && !settings.allow_anonymous {
        return (Caller::Nobody, None);
    }
    match own_cookie(call) {
        Some(cookie) => (Caller::browser(&cookie), None),
        None if is_own_page(call) => {
            let cookie = random_hex(30);
            (Caller::browser(&cookie), Some(cookie))
        }
        None if is_local(call) => (Caller::Local, None),
        None => (Caller::Anybody, None),
    }
}

/// The binding that counts, for each address, how often it asks without a key.
const FLOODS: &str = "FLOODS";

/// The longer one of the two periods that the platform counts in.
const PERIOD_MS: u64 = 60_000;

/// Holds off an address that floods the gateway without a key: before anything is read, asked or kept for it.
pub async fn check_flood(call: &Call, house: &House) -> Result<(), ChatError> {
    if matches!(call.caller, Caller::Key(_) | Caller::Operator) || is_local(call) {
        return Ok(());
    }
    // The platform's own word, which no client can change.
    let address = header(&call.request, "cf-connecting-ip");
    let Some((floods, address)) = house.env.binding(FLOODS).zip(address) else { return Ok(()) };
    match floods.admits(&address).await {
        Ok(true) => Ok(()),
        Ok(false) => {
            let words = "this address asks too often without a key";
            Err(ChatError { retry_after_ms: Some(PERIOD_MS), ..ChatError::new(ErrorKind::RateLimited, words) })
        }
        // A shield that is broken must not close the gateway to those whom it is to protect.
        Err(words) => {
            log(&json!({"event": "floods", "error": words}));
            Ok(())
        }
    }
}

/// Whether the operator asks; or the developer, who is alone on this machine.
pub fn is_operator(call: &Call, house: &House) -> bool {
    call.caller == Caller::Operator || (!house.keys.are_asked_for() && is_local(call))
}

/// What the operator is told who asks for more than that.
pub fn not_for_operator() -> ChatError {
    let words = "ADMIN_KEY is for keys, usage and metrics: make a key for all else";
    ChatError::new(ErrorKind::PermissionDenied, words)
}

/// What a caller without a key is told.
pub fn no_key() -> ChatError {
    let words = "this gateway asks for a key: send it as a bearer token, as x-api-key, as x-goog-api-key or as ?key=";
    ChatError::new(ErrorKind::Unauthenticated, words)
}

/// Keeps a browser's new identity for a year. No script can read it, and no other site makes the browser send it.
pub fn set_cookie(call: &Call, value: &str) -> String {
    write_cookie(call, COOKIE, value)
}

/// A cookie of any name, kept likewise.
pub fn write_cookie(call: &Call, name: &str, value: &str) -> String {
    let secure = if call.uri.scheme_str() == Some("https") { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000{secure}")
}

/// Where each vendor's SDK puts its key.
fn keys_in(call: &Call) -> Vec<String> {
    let bearer = header(&call.request, "authorization").and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
    });
    let others = ["x-api-key", "x-goog-api-key"].into_iter().filter_map(|name| header(&call.request, name));
    bearer.into_iter().chain(others).chain(query(&call.uri, "key")).collect()
}

fn own_cookie(call: &Call) -> Option<String> {
    cookie(&header(&call.request, "cookie")?, COOKIE)
}

/// A cookie of ours among all that a browser sends.
pub fn cookie(all: &str, name: &str) -> Option<String> {
    let value = all.split(';').filter_map(|pair| pair.trim().split_once('=')).find(|(key, _)| *key == name)?.1;
    // One that we did not make says nothing.
    (value.len() == 30 && value.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| value.to_owned())
}

/// Whether a browser asks for a page of ours, and so keeps a cookie.
fn is_own_page(call: &Call) -> bool {
    matches!(header(&call.request, "sec-fetch-site").as_deref(), Some("same-origin" | "same-site" | "none"))
}

fn is_local(call: &Call) -> bool {
    let host = call.uri.host().unwrap_or_default();
    let ip4 = host.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback());
    ip4 || host == "localhost" || host.ends_with(".localhost") || host == "[::1]"
}
