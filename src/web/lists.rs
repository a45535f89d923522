//! The models, as each vendor's SDKs list them: `provider/model` for every provider that is ready, and
//! the operator's aliases.

use serde_json::{Value, json};

use super::info::is_configured;
use super::reply::Reply;
use crate::dialects::{Anthropic, Gemini, Ollama, OpenAiChat, ToClient};
use crate::models::{ChatError, ErrorKind};
use crate::service::House;

/// The date of what nobody dates.
const EPOCH: &str = "1970-01-01T00:00:00Z";

/// Whose list it is.
#[derive(Clone, Copy)]
pub enum ListDialect {
    OpenAi,
    Anthropic,
    Gemini,
    Ollama,
}

impl ListDialect {
    /// The language of whoever asks for such a list.
    pub fn language(self) -> &'static dyn ToClient {
        match self {
            ListDialect::OpenAi => &OpenAiChat,
            ListDialect::Anthropic => &Anthropic,
            ListDialect::Gemini => &Gemini,
            ListDialect::Ollama => &Ollama,
        }
    }
}

/// The models that a caller may ask for, and who serves them.
fn models(house: &House, owner: &str) -> Vec<(String, String)> {
    let ready = house.catalogue.providers().iter().filter(|provider| is_configured(house, provider));
    let of_providers = ready.flat_map(|provider| {
        let mut names: Vec<&str> = provider.models.names().iter().map(String::as_str).collect();
        if !provider.default_model.is_empty() && !names.contains(&provider.default_model.as_str()) {
            names.insert(0, &provider.default_model);
        }
        let allowed = names.into_iter().filter(|name| house.keys.may_ask(owner, &provider.name, name));
        allowed.map(|name| (format!("{}/{name}", provider.name), provider.name.clone())).collect::<Vec<_>>()
    });
    let aliases = aliases(house, owner).into_iter().map(|(alias, _)| (alias.to_owned(), "alias".to_owned()));
    aliases.chain(of_providers).collect()
}

/// The aliases that a caller may ask for, and what is left of each.
pub fn aliases<'a>(house: &'a House, owner: &str) -> Vec<(&'a str, Vec<&'a String>)> {
    let may_ask = |model: &&String| {
        model.split_once('/').is_some_and(|(provider, model)| house.keys.may_ask(owner, provider, model))
    };
    let left = house.catalogue.routes().map(|(alias, models)| (alias, models.iter().filter(may_ask).collect()));
    left.filter(|(_, models): &(&str, Vec<&String>)| !models.is_empty()).collect()
}

/// The whole list.
pub fn all(dialect: ListDialect, owner: &str, house: &House) -> Reply {
    let models = models(house, owner);
    let items: Vec<Value> = models.iter().map(|(id, owner)| item(dialect, id, owner)).collect();
    let body = match dialect {
        ListDialect::OpenAi => json!({"object": "list", "data": items}),
        ListDialect::Anthropic => {
            let id = |model: Option<&(String, String)>| model.map(|(id, _)| id.clone());
            json!({"data": items, "has_more": false, "first_id": id(models.first()), "last_id": id(models.last())})
        }
        ListDialect::Gemini | ListDialect::Ollama => json!({ "models": items }),
    };
    Reply::json(200, &body)
}

/// One model of it.
pub fn one(dialect: ListDialect, wanted: &str, owner: &str, house: &House) -> Result<Reply, ChatError> {
    match models(house, owner).into_iter().find(|(id, _)| id == wanted) {
        Some((id, owner)) => Ok(Reply::json(200, &item(dialect, &id, &owner))),
        None => Err(ChatError::new(ErrorKind::NotFound, format!("there is no model {wanted}"))),
    }
}

/// Nobody tells when a model was made: the vendors' own field for it is the epoch here.
fn item(dialect: ListDialect, id: &str, owner: &str) -> Value {
    match dialect {
        ListDialect::OpenAi => json!({"id": id, "object": "model", "created": 0, "owned_by": owner}),
        ListDialect::Anthropic => {
            json!({"type": "model", "id": id, "display_name": id, "created_at": EPOCH})
        }
        ListDialect::Gemini => json!({
            "name": format!("models/{id}"), "displayName": id,
            "supportedGenerationMethods": ["generateContent", "countTokens", "embedContent"],
        }),
        // What a server knows of a model on its disk, with what is not known of others left empty.
        ListDialect::Ollama => json!({
            "name": id, "model": id, "modified_at": EPOCH, "size": 0, "digest": "",
            "details": {
                "parent_model": "", "format": "", "family": "", "families": null,
                "parameter_size": "", "quantization_level": "",
            },
        }),
    }
}
