//! What is at which address, and in which language to complain there.

use crate::dialects::embeddings::EmbedDialect;
use crate::dialects::{Anthropic, OpenAiChat, ToClient, Unified};
use crate::models::{ChatError, ErrorKind};

/// What a request is for.
#[derive(Clone, Copy)]
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
    /// The list of models.
    Models,
    StreamHealth,
    Providers,
    Health,
}

/// Method, path, and what is there.
const ROUTES: [(&str, &str, Route); 10] = [
    ("POST", "/api/v1/chat/stream", Route::Chat { stream: true }),
    ("POST", "/api/v1/chat", Route::Chat { stream: false }),
    ("GET", "/api/v1/chat/stream/health", Route::StreamHealth),
    ("GET", "/api/v1/providers", Route::Providers),
    ("POST", "/v1/chat/completions", Route::Surface(&OpenAiChat)),
    ("POST", "/v1/messages", Route::Surface(&Anthropic)),
    ("POST", "/v1/messages/count_tokens", Route::Count(&Anthropic)),
    ("POST", "/v1/embeddings", Route::Embeddings(EmbedDialect::OpenAi, &OpenAiChat)),
    ("GET", "/v1/models", Route::Models),
    ("GET", "/health", Route::Health),
];

/// The route, or an answer that says what would have been right.
pub fn find(method: &str, path: &str) -> Result<Route, ChatError> {
    let here = || ROUTES.iter().filter(|(_, known, _)| *known == path);
    if let Some((_, _, route)) = here().find(|(known, _, _)| *known == method) {
        return Ok(*route);
    }
    let allowed: Vec<&str> = here().map(|(method, _, _)| *method).collect();
    if allowed.is_empty() {
        return Err(ChatError::new(ErrorKind::NotFound, "there is no such route"));
    }
    let allowed = allowed.join(", ");
    let words = format!("{method} is not for this route: use {allowed}");
    Err(ChatError { code: Some(allowed), ..ChatError::new(ErrorKind::MethodNotAllowed, words) })
}

/// The language of the clients that call this address: errors are told in it.
pub fn language(path: &str) -> &'static dyn ToClient {
    match ROUTES.iter().find(|(_, known, _)| *known == path) {
        Some((_, _, Route::Surface(dialect) | Route::Count(dialect) | Route::Embeddings(_, dialect))) => *dialect,
        // What the vendor has there and this gateway has not.
        None if path.starts_with("/v1/messages/") => &Anthropic,
        _ => &Unified,
    }
}
