//! What the API looks like to machines: an OpenAPI 3.1 document, made from Rust types. Compiled natively only: the
//! worker serves the document as a file, and carries nothing of this.
//!
//! In: wire types with their words, and a list of operations. Out: the routes themselves (see `web`). The one
//! invariant: `public/openapi.json` is what [`document`] gives, and has every route (`tests/openapi.rs`).

// Its types are described and never built: what they would weigh is nothing.
#![allow(clippy::large_enum_variant)]

pub mod answer;
pub mod errors;
pub mod operation;
pub mod registry;
pub mod routes;
pub mod schemas;

use serde_json::{Map, Value, json};

use registry::Registry;

/// The document.
pub fn document() -> Value {
    let mut registry = Registry::default();
    let mut paths = Map::new();
    for operation in routes::all() {
        let written = operation.write(&mut registry);
        let path = paths.entry(operation.path).or_insert_with(|| Value::Object(Map::new()));
        if let Some(path) = path.as_object_mut() {
            path.extend(operation.servers().map(|servers| ("servers".to_owned(), servers)));
            path.insert(operation.method.to_owned(), written);
        }
    }
    let responses = errors::responses(&mut registry);
    json!({
        "openapi": "3.1.1",
        "info": info(),
        "servers": [{"url": "/", "description": "This gateway."}],
        "security": [{}, {"bearer": []}, {"x-api-key": []}, {"x-goog-api-key": []}, {"key": []}],
        "tags": tags(),
        "paths": paths,
        "components": {
            "schemas": registry.into_schemas(),
            "responses": responses,
            "headers": headers(),
            "securitySchemes": security(),
        },
    })
}

fn info() -> Value {
    json!({
        "title": "Tributary API",
        "version": env!("CARGO_PKG_VERSION"),
        "summary": "A streaming chat gateway at the edge: every language-model provider, one unified stream.",
        "description": ABOUT,
        "license": {"name": "MIT", "identifier": "MIT"},
    })
}

const ABOUT: &str = "\
**To begin:** everything under *Chat* works without any key, on the embedded demo: a script that says so, and that \
shows every state of a client on command (`/think`, `/tool`, `/code`, `/long`, `/refuse`, `/filter`, `/fail`, \
`/stall`, `/error`; `/fast` beside any of them leaves the pauses out).

**One ending.** A stream ends in `event: done` or in `event: error`, always in exactly one of them, and nothing \
follows it. An answer that breaks off is an error of type `truncated`, never a `stop` that nobody said.

**Errors** that come before the first byte are an HTTP status with an `ErrorBody`; those that come later are an \
`ErrorEvent`. `type` says what to do about it, `param` names the field at fault. The vendors' own routes word \
errors as their vendors do.

**Keys.** On your own machine none is asked for. Where the operator has set `GATEWAY_KEYS` or `ADMIN_KEY`, send yours \
where your SDK puts it: `authorization: Bearer`, `x-api-key`, `x-goog-api-key` or `?key=`. A key for the provider \
itself goes into `x-provider-key`. `ADMIN_KEY` is the operator's own, for what stands under *Operator* and nothing else.

**Cache.** Off unless you ask for it, by `cache` in a body or by the header `x-cache-ttl`, or your key has it: then an \
answer is kept for you, and the same request gets it again. The answer's header `x-cache` says `hit` or `miss`.

**Bounds.** A body has at most 4 MB and is `application/json`.

Every answer has an `x-request-id`; whoever runs the gateway finds the request by it.";

fn tags() -> Value {
    let tags = routes::TAGS.iter().map(|(name, about)| json!({"name": name, "description": about}));
    Value::Array(tags.collect())
}

fn headers() -> Value {
    json!({
        "x-request-id": {
            "description": "The request's id: the caller's own, or one of the gateway's.",
            "schema": {"type": "string"},
        },
        "x-run-id": {"description": "The id of the run that answers.", "schema": {"type": "string"}},
        "server-timing": {
            "description": "How long it took to begin, and which models were tried.",
            "schema": {"type": "string"},
        },
        "x-cache": {
            "description": "Whether the answer is one that was kept: `hit` or `miss`. Only where that was asked for.",
            "schema": {"type": "string", "enum": ["hit", "miss"]},
        },
        "retry-after": {"description": "Seconds after which it may be tried again.", "schema": {"type": "string"}},
    })
}

fn security() -> Value {
    let about = "A key of the gateway's. Not asked for where neither `GATEWAY_KEYS` nor `ADMIN_KEY` is set.";
    let key = |place: &str, name: &str| json!({"type": "apiKey", "in": place, "name": name, "description": about});
    json!({
        "bearer": {"type": "http", "scheme": "bearer", "description": about},
        "admin": {"type": "http", "scheme": "bearer", "description": "The operator's `ADMIN_KEY`."},
        "x-api-key": key("header", "x-api-key"),
        "x-goog-api-key": key("header", "x-goog-api-key"),
        "key": key("query", "key"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_a_name_of_its_own_and_a_known_tag() {
        let document = document();
        let mut ids = Vec::new();
        for path in document["paths"].as_object().unwrap().values() {
            for (_, operation) in path.as_object().unwrap().iter().filter(|(name, _)| *name != "servers") {
                ids.push(operation["operationId"].as_str().unwrap());
                let tag = operation["tags"][0].as_str().unwrap();
                assert!(routes::TAGS.iter().any(|(known, _)| *known == tag), "{tag}");
            }
        }
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count);
    }

    #[test]
    fn the_document_is_the_same_every_time() {
        assert_eq!(document().to_string(), document().to_string());
    }
}
