//! What the gateway says of itself.

use serde_json::{Map, Value, json};

use super::lists::aliases;
use super::reply::Reply;
use crate::assistants;
use crate::models::{ChatError, ErrorKind};
use crate::providers::{Models, Provider};
use crate::service::House;

/// `GET /health`.
pub fn health() -> Reply {
    Reply::json(200, &json!({"status": "ok"}))
}

/// `GET /api/v1/chat/stream/health`.
pub fn stream_health(house: &House) -> Reply {
    let entry = |provider: &Provider| {
        (provider.name.clone(), json!({"configured": is_configured(house, provider), "streams": true}))
    };
    let providers: Map<String, Value> = house.catalogue.providers().iter().map(entry).collect();
    Reply::json(200, &json!({"status": "ok", "version": env!("CARGO_PKG_VERSION"), "providers": providers}))
}

/// `GET /api/v1/providers`: those that the caller may ask, with the models that the caller may ask for.
pub fn providers(owner: &str, house: &House) -> Reply {
    let may_ask = |provider: &Provider, model: &str| house.keys.may_ask(owner, &provider.name, model);
    let entry = |provider: &Provider| {
        let models: Vec<&String> = provider.models.names().iter().filter(|model| may_ask(provider, model)).collect();
        let default = Some(&provider.default_model).filter(|model| may_ask(provider, model));
        let any_model = matches!(provider.models, Models::Open(_));
        if models.is_empty() && default.is_none() && !house.keys.may_ask_any(owner, &provider.name) {
            return None;
        }
        Some(json!({
            "name": provider.name,
            "description": provider.description,
            "dialect": provider.dialect,
            "configured": is_configured(house, provider),
            "streams": true,
            "default_model": default.map(String::as_str).unwrap_or_default(),
            "models": models,
            "any_model": any_model,
            // What must be set; an optional key is nothing that is missing.
            "key_variable": provider.key_variable.as_ref().filter(|_| !provider.key_optional),
        }))
    };
    let list: Vec<Value> = house.catalogue.providers().iter().filter_map(entry).collect();
    let routes: Map<String, Value> =
        aliases(house, owner).into_iter().map(|(alias, models)| (alias.to_owned(), json!(models))).collect();
    Reply::json(200, &json!({"default": house.catalogue.default_name(), "providers": list, "routes": routes}))
}

/// `GET /api/v1/assistants`.
pub fn assistants() -> Reply {
    let all: Vec<Value> = assistants::ALL.into_iter().map(assistants::describe).collect();
    Reply::json(200, &json!({"assistants": all}))
}

/// `GET /api/v1/assistants/{name}`: with its graph as Mermaid draws it.
pub fn assistant(name: &str) -> Result<Reply, ChatError> {
    let missing = |_| ChatError::new(ErrorKind::NotFound, "there is no such assistant");
    let assistant = assistants::find(name).map_err(missing)?;
    let mut fields = assistants::describe(assistant);
    if let Some(map) = fields.as_object_mut() {
        map.insert("mermaid".to_owned(), json!(assistants::mermaid(assistant)));
    }
    Ok(Reply::json(200, &fields))
}

/// Whether the operator has made a provider ready.
pub fn is_configured(house: &House, provider: &Provider) -> bool {
    provider.is_configured(&|name| house.env.var(name))
}
