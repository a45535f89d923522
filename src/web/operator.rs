//! What the operator asks: keys, what was used, metrics.

use http::Method;
use serde_json::{Value, json};

use super::reply::Reply;
use super::{Call, access, body, routes};
use crate::callers::Caller;
use crate::costs::{Days, report};
use crate::models::{ChatError, ErrorKind};
use crate::platform::{now_ms, query};
use crate::providers::prices::PRICES_AS_OF;
use crate::service::{House, account, ask_keyring, has_ring, key_name, lines, totals};

/// What is asked of the key ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeysRoute {
    method: &'static str,
    /// Where the ring's object has it.
    path: String,
}

const KEYS: &str = "/api/v1/admin/keys";

/// What is at a path below the list of keys, and at the list itself; nothing if it is elsewhere.
pub fn find(method: &str, path: &str) -> Option<Result<KeysRoute, &'static str>> {
    let rest = path.strip_prefix(KEYS)?;
    let methods: &[&'static str] = match rest.strip_prefix('/').map(|rest| rest.split_once('/')) {
        None if rest.is_empty() => &["GET", "POST"],
        Some(None) if rest.len() > 1 => &["GET", "PATCH", "DELETE"],
        Some(Some((name, "rotate"))) if !name.is_empty() => &["POST"],
        _ => return None,
    };
    let path = format!("/keys{rest}");
    match methods.iter().find(|known| **known == method) {
        Some(method) => Some(Ok(KeysRoute { method, path })),
        None if methods.len() == 1 => Some(Err("POST")),
        None if methods.contains(&"PATCH") => Some(Err("GET, PATCH, DELETE")),
        None => Some(Err("GET, POST")),
    }
}

/// `/api/v1/admin/keys` and what is below it.
pub async fn keys(call: &Call, route: KeysRoute, house: &House) -> Result<Reply, ChatError> {
    if !has_ring(&house.env) {
        let words = "keys can be added and revoked only where the operator has set ADMIN_KEY";
        return Err(ChatError::new(ErrorKind::PermissionDenied, words));
    }
    if call.caller != Caller::Operator {
        return Err(no_admin_key());
    }
    let body = match route.method {
        "POST" | "PATCH" if !body::is_empty(call) => body::read_json(call).await?,
        "POST" | "PATCH" => b"{}".to_vec(),
        _ => Vec::new(),
    };
    let method = Method::from_bytes(route.method.as_bytes()).map_err(|_| routes::not_found())?;
    Ok(Reply::passed(ask_keyring(&house.env, (method, &route.path), body, &call.trace.request_id).await?))
}

/// `GET /api/v1/usage`: the operator's is everybody's, a key's is its own.
pub async fn usage(call: &Call, house: &House) -> Result<Reply, ChatError> {
    let asked = |name: &str| query(&call.uri, name);
    let days = Days::read(asked("from").as_deref(), asked("to").as_deref(), now_ms())?;
    let format = asked("format").unwrap_or_else(|| "json".to_owned());
    if !matches!(format.as_str(), "json" | "csv") {
        return Err(ChatError::invalid("format", "format must be json or csv"));
    }
    let key = match &call.caller {
        // Not `key`: that is where some clients put the key itself.
        _ if access::is_operator(call, house) => asked("name"),
        Caller::Key(name) => match asked("name").filter(|asked| asked != name) {
            None => Some(name.clone()),
            Some(_) => return Err(ChatError::new(ErrorKind::PermissionDenied, "a key is shown its own usage only")),
        },
        _ => return Err(ChatError::new(ErrorKind::PermissionDenied, "usage is shown to whoever has a key")),
    };
    let lines = lines(&days, key.as_deref(), &house.env).await?;
    if format == "csv" {
        return Ok(Reply::text(200, "text/csv; charset=utf-8", report::to_csv(&lines).into_bytes()));
    }
    let mut shown = report::to_json(&days, &lines, PRICES_AS_OF);
    if let Some((map, key)) = shown.as_object_mut().zip(key) {
        map.insert("account".to_owned(), state(&key, house).await?);
    }
    Ok(Reply::json(200, &shown))
}

/// How a key stands against its limits.
async fn state(key: &str, house: &House) -> Result<Value, ChatError> {
    let owner = Caller::Key(key.to_owned()).owner();
    let limits = house.keys.limits(&owner);
    let mut state = json!({"key": key_name(&owner), "limits": limits});
    if let (Some(map), false) = (state.as_object_mut(), limits.is_free()) {
        let Value::Object(found) = account(&owner, &house.env).await? else { return Ok(state) };
        map.extend(found);
    }
    Ok(state)
}

/// `GET /metrics`, in Prometheus' text format.
pub async fn metrics(call: &Call, house: &House) -> Result<Reply, ChatError> {
    if !access::is_operator(call, house) {
        return Err(no_admin_key());
    }
    let text = report::to_prometheus(&totals(&house.env).await?, env!("CARGO_PKG_VERSION"));
    Ok(Reply::text(200, "text/plain; version=0.0.4; charset=utf-8", text.into_bytes()))
}

fn no_admin_key() -> ChatError {
    ChatError::new(ErrorKind::Unauthenticated, "this address asks for the operator's ADMIN_KEY, as a bearer token")
}
