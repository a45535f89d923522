//! Gemini's addresses: model and method stand in the path, the form of a stream in the query. So does the
//! key of some clients (`?key=`): no part of an address is ever told or logged.

use http::Uri;
use worker::Context;

use super::lists::{self, ListDialect};
use super::reply::Reply;
use super::routes::{Route, not_allowed, not_found};
use super::{Call, body, chat, count, embed};
use crate::dialects::embeddings::EmbedDialect;
use crate::dialects::{Gemini, GeminiArray, ToClient};
use crate::models::{ChatError, ChatRequest};
use crate::service::House;

/// The versions of the API that are this vendor's alone.
const VERSIONS: [&str; 2] = ["/v1beta/", "/v1alpha/"];

/// The version that it shares with another vendor: there only a method tells them apart.
const SHARED: &str = "/v1/models/";

const METHODS: [&str; 5] =
    ["generateContent", "streamGenerateContent", "countTokens", "embedContent", "batchEmbedContents"];

/// Whether the path is one of the vendor's.
pub fn is_ours(path: &str) -> bool {
    let shared = path.strip_prefix(SHARED).and_then(|rest| rest.rsplit_once(':'));
    VERSIONS.iter().any(|version| path.starts_with(version))
        || shared.is_some_and(|(_, method)| METHODS.contains(&method))
}

/// What is asked of the vendor's API.
#[derive(Clone)]
pub enum GeminiCall {
    /// `models/{model}:generateContent` and `:streamGenerateContent`.
    Generate { model: String, stream: bool },
    /// `models/{model}:countTokens`.
    Count { model: String },
    /// `models/{model}:embedContent` and `:batchEmbedContents`.
    Embed { model: String, batch: bool },
    /// `models`.
    Models,
    /// `models/{model}`.
    Model { model: String },
}

/// What is at one of the vendor's paths. A model's name may have slashes and colons, encoded or not.
pub fn find(method: &str, path: &str) -> Result<Route, ChatError> {
    let path = String::from(js_sys::decode_uri_component(path).map_err(|_| not_found())?);
    let rest = VERSIONS.iter().find_map(|version| path.strip_prefix(version)).or(path.strip_prefix("/v1/"));
    let rest = rest.and_then(|rest| rest.strip_prefix("models")).ok_or_else(not_found)?;
    let (call, allowed) = match rest.strip_prefix('/').filter(|rest| !rest.is_empty()) {
        None => (GeminiCall::Models, "GET"),
        Some(rest) => match rest.rsplit_once(':').filter(|(_, verb)| METHODS.contains(verb)) {
            None => (GeminiCall::Model { model: rest.to_owned() }, "GET"),
            Some((model, verb)) => (posted(model.to_owned(), verb), "POST"),
        },
    };
    match (&call, method == allowed) {
        (_, true) => Ok(Route::Gemini(call)),
        // A name with a colon that is posted to is a method that is not known.
        (GeminiCall::Model { model }, false) if model.contains(':') => Err(not_found()),
        (_, false) => Err(not_allowed(method, allowed)),
    }
}

fn posted(model: String, verb: &str) -> GeminiCall {
    match verb {
        "countTokens" => GeminiCall::Count { model },
        "embedContent" => GeminiCall::Embed { model, batch: false },
        "batchEmbedContents" => GeminiCall::Embed { model, batch: true },
        verb => GeminiCall::Generate { model, stream: verb == "streamGenerateContent" },
    }
}

/// The form of the language that an address asks for: without `alt=sse` a stream is one array.
pub fn language(uri: &Uri) -> &'static dyn ToClient {
    let events = uri.query().unwrap_or_default().split('&').any(|pair| matches!(pair, "alt=sse" | "$alt=sse"));
    if events || !uri.path().ends_with(":streamGenerateContent") { &Gemini } else { &GeminiArray }
}

/// Serves a call.
pub async fn serve(call: Call, asked: GeminiCall, house: &House, context: &Context) -> Result<Reply, ChatError> {
    match asked {
        GeminiCall::Generate { model, stream } => {
            let dialect = language(&call.uri);
            let chat = dialect.read_request(&body::read_json(&call).await?)?;
            Ok(chat::run(ChatRequest { model: Some(model), stream, ..chat }, dialect, call, house, context).await)
        }
        GeminiCall::Count { model } => count::tokens(call, &Gemini, Some(model), house).await,
        GeminiCall::Embed { model, batch } => {
            let dialect = if batch { EmbedDialect::GeminiBatch } else { EmbedDialect::Gemini };
            embed::embeddings(call, dialect, &Gemini, Some(model), house, context).await
        }
        GeminiCall::Models => Ok(lists::all(ListDialect::Gemini, &call.caller.owner(), house)),
        GeminiCall::Model { model } => lists::one(ListDialect::Gemini, &model, &call.caller.owner(), house),
    }
}
