//! Collections over HTTP: thin, because a collection's own object knows the answers.

use http::Method;
use serde_json::json;

use super::reply::Reply;
use super::{Call, access, body};
use crate::models::ChatError;
use crate::platform::{escaped, query};
use crate::retrieval::check_name;
use crate::service::{CollectionCall, House, ask_collection, list_collections};

/// What is asked of one collection.
#[derive(Clone)]
pub struct CollectionRoute {
    name: String,
    method: &'static str,
    path: String,
}

const COLLECTIONS: &str = "/api/v1/collections/";

/// What is at a path below the collections; nothing if it is elsewhere.
pub fn find(method: &str, path: &str) -> Option<Result<CollectionRoute, &'static str>> {
    let rest = path.strip_prefix(COLLECTIONS).filter(|rest| !rest.is_empty() && !rest.ends_with('/'))?;
    let (name, tail) = rest.split_once('/').unwrap_or((rest, ""));
    let (methods, allowed): (&[&'static str], _) = match tail {
        "" => (&["GET", "DELETE"], "GET, DELETE"),
        "documents" => (&["GET", "POST", "DELETE"], "GET, POST, DELETE"),
        "search" => (&["POST"], "POST"),
        _ if tail.strip_prefix("documents/").is_some_and(|id| !id.is_empty() && !id.contains('/')) => {
            (&["GET", "DELETE"], "GET, DELETE")
        }
        _ => return None,
    };
    let method = methods.iter().find(|known| **known == method).ok_or(allowed);
    Some(method.map(|method| CollectionRoute { name: name.to_owned(), method, path: format!("/{tail}") }))
}

/// The caller's collections, the one that was used last first.
pub async fn list(call: &Call, house: &House) -> Result<Reply, ChatError> {
    if !call.caller.has_list() || call.new_cookie.is_some() {
        return Ok(Reply::json(200, &json!({"collections": [], "next": null})));
    }
    let (owner, request_id) = (call.caller.owner(), &call.trace.request_id);
    Ok(Reply::passed(list_collections(&owner, &page(call, "before"), request_id, house).await?))
}

/// Which part of a list is asked for: the objects are told that, and no key that stands beside it.
fn page(call: &Call, place: &str) -> String {
    let fields = ["limit", place].into_iter().filter_map(|name| Some((name, query(&call.uri, name)?)));
    fields.map(|(name, value)| format!("{name}={}", escaped(&value))).collect::<Vec<_>>().join("&")
}

/// Serves what is asked of a collection.
pub async fn serve(call: Call, route: CollectionRoute, house: &House) -> Result<Reply, ChatError> {
    check_name(&route.name, "collection")?;
    let body = if route.method == "POST" { body::read_json(&call).await? } else { Vec::new() };
    let path = match route.path.as_str() {
        path @ "/documents" if route.method == "GET" => format!("{path}?{}", page(&call, "after")),
        path => path.to_owned(),
    };
    let to = CollectionCall {
        owner: call.caller.owner(),
        name: route.name,
        trace: call.trace.clone(),
        env: house.env.clone(),
    };
    let method = Method::from_bytes(route.method.as_bytes()).unwrap_or_default();
    let reply = Reply::passed(ask_collection(&to, method, &path, body, call.request.signal()).await?);
    Ok(match &call.new_cookie {
        // Who made it is to find it again.
        Some(cookie) if route.method == "POST" => reply.with_cookie(access::set_cookie(&call, cookie)),
        _ => reply,
    })
}
