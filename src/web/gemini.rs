//! Gemini's addresses: model and method stand in the path, the form of a stream in the query. So does the
//! key of some clients (`?key=`): no part of an address is ever told or logged.

use http::Uri;
use worker::Context;

use super::reply::Reply;
use super::routes::{Route, not_allowed, not_found};
use super::{Call, body, chat};
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

/// What is at one of the vendor's paths. A model's name may have slashes and colons, encoded or not.
pub fn find(method: &str, path: &str) -> Result<Route, ChatError> {
    let decoded = js_sys::decode_uri_component(path).map_err(|_| not_found())?;
    let path = String::from(decoded);
    let rest = VERSIONS.iter().find_map(|version| path.strip_prefix(version)?.strip_prefix("models/"));
    let rest = rest.or_else(|| path.strip_prefix(SHARED));
    let (model, verb) = rest.and_then(|rest| rest.rsplit_once(':')).ok_or_else(not_found)?;
    let stream = match verb {
        "generateContent" => false,
        "streamGenerateContent" => true,
        _ => return Err(not_found()),
    };
    if method != "POST" {
        return Err(not_allowed(method, "POST"));
    }
    Ok(Route::Gemini { model: model.to_owned(), stream })
}

/// The form of the language that an address asks for: without `alt=sse` a stream is one array.
pub fn language(uri: &Uri) -> &'static dyn ToClient {
    let events = uri.query().unwrap_or_default().split('&').any(|pair| matches!(pair, "alt=sse" | "$alt=sse"));
    if events || !uri.path().ends_with(":streamGenerateContent") { &Gemini } else { &GeminiArray }
}

/// `POST /v1beta/models/{model}:generateContent` and `:streamGenerateContent`.
pub async fn chat(
    call: Call,
    model: String,
    stream: bool,
    house: &House,
    context: &Context,
) -> Result<Reply, ChatError> {
    let dialect = language(&call.uri);
    let chat = dialect.read_request(&body::read_json(&call).await?)?;
    Ok(chat::run(ChatRequest { model: Some(model), stream, ..chat }, dialect, call, house, context).await)
}
