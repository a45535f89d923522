//! What is at which address, and in which language to complain there.

use crate::dialects::{Ollama, OllamaGenerate, OpenAiChat, ToClient, Unified};
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
    StreamHealth,
    Providers,
    OllamaTags,
    OllamaVersion,
    Health,
}

/// Method, path, and what is there.
const ROUTES: [(&str, &str, Route); 10] = [
    ("POST", "/api/v1/chat/stream", Route::Chat { stream: true }),
    ("POST", "/api/v1/chat", Route::Chat { stream: false }),
    ("GET", "/api/v1/chat/stream/health", Route::StreamHealth),
    ("GET", "/api/v1/providers", Route::Providers),
    ("POST", "/v1/chat/completions", Route::Surface(&OpenAiChat)),
    ("POST", "/api/chat", Route::Surface(&Ollama)),
    ("POST", "/api/generate", Route::Surface(&OllamaGenerate)),
    ("GET", "/api/tags", Route::OllamaTags),
    ("GET", "/api/version", Route::OllamaVersion),
    ("GET", "/health", Route::Health),
];

/// What a server of Ollama has below `/api` beside its chat: errors there are in its language, too.
const OLLAMA: [&str; 11] =
    ["copy", "create", "delete", "embed", "embeddings", "ps", "pull", "push", "show", "tags", "version"];

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
        Some((_, _, Route::Surface(dialect))) => *dialect,
        _ if path.strip_prefix("/api/").is_some_and(|name| OLLAMA.contains(&name)) => &Ollama,
        _ => &Unified,
    }
}
