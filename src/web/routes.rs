//! What is at which address, and in which language to complain there.

use http::Uri;

use super::collections::{self, CollectionRoute};
use super::earlier::{self, EarlierRoute, TravelRoute};
use super::gemini::{self, GeminiCall};
use super::operator::{self, KeysRoute};
use super::sessions::{self, SessionRoute};
use crate::dialects::embeddings::EmbedDialect;
use crate::dialects::{
    Anthropic, Earlier, Lanarky, Ollama, OllamaGenerate, OpenAiChat, OpenAiResponses, ToClient, Unified,
};
use crate::models::{ChatError, ErrorKind};

/// What a request is for.
#[derive(Clone)]
pub enum Route {
    /// Chat in the unified language.
    Chat {
        stream: bool,
    },
    /// Chat in a vendor's language.
    Surface(&'static dyn ToClient),
    /// The number of a chat's tokens, in a vendor's language.
    Count(&'static dyn ToClient),
    /// Embeddings, and the language of the errors there.
    Embeddings(EmbedDialect, &'static dyn ToClient),
    /// The list of models, and one of it.
    Models,
    Model,
    /// Chat in Gemini's language, whose address says what others have in their bodies.
    Gemini(GeminiCall),
    StreamHealth,
    Providers,
    OllamaTags,
    OllamaVersion,
    Health,
    /// Sessions, and the runs in them.
    Session(SessionRoute),
    /// What earlier services had.
    Earlier(EarlierRoute),
    /// The caller's collections, or one of them.
    Collections,
    Collection(CollectionRoute),
    /// The assistants, or one of them.
    Assistants,
    Assistant(String),
    /// The keys that are given out while the gateway runs.
    Keys(KeysRoute),
    /// What was used, and the same as metrics.
    Usage,
    Metrics,
    /// Chat over a WebSocket, without a session.
    Socket,
    /// A response that is kept, and how it is asked for.
    Response {
        id: String,
        delete: bool,
    },
}

/// Method, path, and what is there.
const ROUTES: &[(&str, &str, Route)] = &[
    ("POST", "/api/v1/chat/stream", Route::Chat { stream: true }),
    ("POST", "/api/v1/chat", Route::Chat { stream: false }),
    ("GET", "/api/v1/chat/stream", Route::Session(SessionRoute::Attach)),
    ("DELETE", "/api/v1/chat/stream", Route::Session(SessionRoute::Stop)),
    ("GET", "/api/v1/chat/ws", Route::Session(SessionRoute::Socket)),
    ("POST", "/api/v1/sessions", Route::Session(SessionRoute::Create)),
    ("GET", "/api/v1/sessions", Route::Session(SessionRoute::List)),
    ("GET", "/api/v1/chat/stream/health", Route::StreamHealth),
    ("GET", "/api/v1/providers", Route::Providers),
    ("GET", "/api/v1/assistants", Route::Assistants),
    ("GET", "/api/v1/collections", Route::Collections),
    ("GET", "/api/v1/usage", Route::Usage),
    ("GET", "/metrics", Route::Metrics),
    ("POST", "/v1/chat/completions", Route::Surface(&OpenAiChat)),
    ("POST", "/v1/responses", Route::Surface(&OpenAiResponses)),
    ("POST", "/v1/messages", Route::Surface(&Anthropic)),
    ("POST", "/v1/messages/count_tokens", Route::Count(&Anthropic)),
    ("POST", "/v1/embeddings", Route::Embeddings(EmbedDialect::OpenAi, &OpenAiChat)),
    ("GET", "/v1/models", Route::Models),
    ("GET", ONE_MODEL, Route::Model),
    ("POST", "/api/chat", Route::Surface(&Ollama)),
    ("POST", "/api/generate", Route::Surface(&OllamaGenerate)),
    ("POST", "/api/embed", Route::Embeddings(EmbedDialect::Ollama, &Ollama)),
    ("POST", "/api/embeddings", Route::Embeddings(EmbedDialect::OllamaOne, &Ollama)),
    ("GET", "/api/tags", Route::OllamaTags),
    ("GET", "/api/version", Route::OllamaVersion),
    ("GET", "/ws", Route::Socket),
    ("GET", "/health", Route::Health),
    ("POST", "/chat", Route::Earlier(EarlierRoute::Chat)),
    ("POST", "/stream", Route::Earlier(EarlierRoute::Stream)),
    ("POST", "/rag", Route::Earlier(EarlierRoute::Rag)),
    ("POST", "/local-chat", Route::Earlier(EarlierRoute::Local { stream: false })),
    ("POST", "/local-stream", Route::Earlier(EarlierRoute::Local { stream: true })),
    ("POST", "/safe", Route::Earlier(EarlierRoute::Safe)),
    ("GET", "/openai-streaming/", Route::Earlier(EarlierRoute::Travel(TravelRoute::Ask))),
    ("GET", "/openai-streaming/map-coordinates", Route::Earlier(EarlierRoute::Travel(TravelRoute::Map))),
    ("GET", "/openai-streaming/save-db-chat", Route::Earlier(EarlierRoute::Travel(TravelRoute::Save))),
    ("GET", "/openai-streaming/get-db-chat", Route::Earlier(EarlierRoute::Travel(TravelRoute::Saved))),
    (
        "GET",
        "/openai-streaming/get-all-messages-before-saved",
        Route::Earlier(EarlierRoute::Travel(TravelRoute::Working)),
    ),
    ("DELETE", "/openai-streaming/delete-db-state-chat", Route::Earlier(EarlierRoute::Travel(TravelRoute::Delete))),
];

/// Where a list's single models are, below the list.
const ONE_MODEL: &str = "/v1/models/";

/// Where single responses are.
const RESPONSES: &str = "/v1/responses/";

/// Where single assistants are.
const ASSISTANTS: &str = "/api/v1/assistants/";

/// What a server of Ollama has below `/api` beside its chat: errors there are in its language, too.
const OLLAMA: [&str; 11] =
    ["copy", "create", "delete", "embed", "embeddings", "ps", "pull", "push", "show", "tags", "version"];

/// Whether an address is that of the models, which three vendors share.
pub fn is_models(path: &str) -> bool {
    !gemini::is_ours(path) && (path == "/v1/models" || path.starts_with(ONE_MODEL))
}

/// The name of a single model in an address; its slashes may be escaped.
pub fn one_model(path: &str) -> Option<String> {
    let name = path.strip_prefix(ONE_MODEL).filter(|name| !name.is_empty())?;
    Some(name.replace("%2F", "/").replace("%2f", "/").replace("%40", "@"))
}

/// What an address is called in the log: what stands in it may be a secret, and is anybody's word.
pub fn label(path: &str) -> &'static str {
    const BELOW: [(&str, &str); 9] = [
        (ONE_MODEL, "/v1/models/{model}"),
        (RESPONSES, "/v1/responses/{id}"),
        (ASSISTANTS, "/api/v1/assistants/{name}"),
        ("/api/v1/sessions/", "/api/v1/sessions/{id}"),
        ("/api/v1/collections/", "/api/v1/collections/{name}"),
        ("/api/v1/admin/keys", "/api/v1/admin/keys"),
        ("/v1beta/", "/v1beta/{call}"),
        ("/v1alpha/", "/v1alpha/{call}"),
        ("/v1/", "/v1/{call}"),
    ];
    let known = ROUTES.iter().find(|(_, known, _)| *known == path).map(|(_, known, _)| *known);
    let below = || BELOW.iter().find(|(start, _)| path.starts_with(start)).map(|(_, label)| *label);
    known.or_else(below).unwrap_or(if earlier::is_ours(path) { "(earlier)" } else { "(none)" })
}

/// The route, or an answer that says what would have been right.
pub fn find(method: &str, path: &str) -> Result<Route, ChatError> {
    if gemini::is_ours(path) {
        return gemini::find(method, path);
    }
    if let Some(found) = sessions::find(method, path) {
        return found.map(Route::Session).map_err(|allowed| not_allowed(method, allowed));
    }
    if let Some(found) = operator::find(method, path) {
        return found.map(Route::Keys).map_err(|allowed| not_allowed(method, allowed));
    }
    if let Some(found) = earlier::find(method, path) {
        return found.map(Route::Earlier).map_err(|allowed| not_allowed(method, allowed));
    }
    if let Some(found) = collections::find(method, path) {
        return found.map(Route::Collection).map_err(|allowed| not_allowed(method, allowed));
    }
    if let Some(name) = path.strip_prefix(ASSISTANTS).filter(|name| !name.is_empty() && !name.contains('/')) {
        return match method {
            "GET" => Ok(Route::Assistant(name.to_owned())),
            _ => Err(not_allowed(method, "GET")),
        };
    }
    if let Some(id) = path.strip_prefix(RESPONSES).filter(|id| !id.is_empty() && !id.contains('/')) {
        return match method {
            "GET" | "DELETE" => Ok(Route::Response { id: id.to_owned(), delete: method == "DELETE" }),
            _ => Err(not_allowed(method, "GET, DELETE")),
        };
    }
    let path = if one_model(path).is_some() { ONE_MODEL } else { path };
    let here = || ROUTES.iter().filter(|(_, known, _)| *known == path);
    if let Some((_, _, route)) = here().find(|(known, _, _)| *known == method) {
        return Ok(route.clone());
    }
    let allowed: Vec<&str> = here().map(|(method, _, _)| *method).collect();
    match allowed.as_slice() {
        [] => Err(not_found()),
        allowed => Err(not_allowed(method, &allowed.join(", "))),
    }
}

pub fn not_found() -> ChatError {
    ChatError::new(ErrorKind::NotFound, "there is no such route")
}

pub fn not_allowed(method: &str, allowed: &str) -> ChatError {
    let words = format!("{method} is not for this route: use {allowed}");
    ChatError { code: Some(allowed.to_owned()), ..ChatError::new(ErrorKind::MethodNotAllowed, words) }
}

/// The language of the clients that call this address: errors are told in it.
pub fn language(uri: &Uri) -> &'static dyn ToClient {
    let path = uri.path();
    match ROUTES.iter().find(|(_, known, _)| *known == path) {
        Some((_, _, Route::Surface(dialect) | Route::Count(dialect) | Route::Embeddings(_, dialect))) => *dialect,
        Some((_, _, Route::Socket)) => &Lanarky,
        Some((_, _, Route::Earlier(route))) => earlier::language(route),
        _ if earlier::is_ours(path) => &Earlier::Deltas,
        _ if path.strip_prefix("/api/").is_some_and(|name| OLLAMA.contains(&name)) => &Ollama,
        _ if gemini::is_ours(path) => gemini::language(uri),
        // What the vendors have there and this gateway has not.
        _ if path.starts_with("/v1/messages/") => &Anthropic,
        _ if path.starts_with(RESPONSES) => &OpenAiResponses,
        _ if path.starts_with("/v1/") => &OpenAiChat,
        _ => &Unified,
    }
}
