//! Requests to providers: address, key, headers, and what several dialects write alike.

use http::{Method, Request};
use serde_json::{Map, Value, json};

use super::Outgoing;
use crate::models::{Auth, ChatError, ErrorKind, Target, Tool};

/// A POST of JSON to a path below the provider's address; `auth` is how the dialect usually sends a key.
pub fn post(
    target: &Target,
    auth: Auth,
    path: &str,
    body: &Value,
    warnings: Vec<String>,
) -> Result<Outgoing, ChatError> {
    // Plain data serialises always.
    let body = serde_json::to_vec(body).map_err(|error| ChatError::new(ErrorKind::Internal, error.to_string()))?;
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(address(&target.base_url, path))
        .header("content-type", "application/json")
        .header("accept", "text/event-stream, application/x-ndjson, application/json");
    if let Some(key) = &target.key {
        request = match target.quirks.auth.unwrap_or(auth) {
            Auth::Bearer => request.header("authorization", format!("Bearer {}", key.reveal())),
            Auth::ApiKey => request.header("api-key", key.reveal()),
            Auth::XApiKey => request.header("x-api-key", key.reveal()),
            Auth::XGoogApiKey => request.header("x-goog-api-key", key.reveal()),
        };
    }
    for (name, value) in &target.headers {
        request = request.header(name, value);
    }
    let request = request.body(body).map_err(|_| {
        // Not the cause: it may quote a header, and so the key.
        ChatError::new(ErrorKind::Internal, "the provider's address, key or headers cannot be sent over HTTP")
            .from_provider(&target.provider)
    })?;
    Ok(Outgoing { request, warnings })
}

/// A tool in the form that most vendors took over from OpenAI.
pub fn function_tool(tool: &Tool) -> Value {
    let mut function = Map::new();
    function.insert("name".to_owned(), json!(tool.name));
    let optional = [
        ("description", tool.description.as_ref().map(|text| json!(text))),
        ("parameters", tool.parameters.clone()),
        ("strict", tool.strict.map(|strict| json!(strict))),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            function.insert(name.to_owned(), value);
        }
    }
    json!({"type": "function", "function": function})
}

/// A model's name as a part of a path: it may have slashes, and nothing that leads elsewhere.
pub fn model_path(model: &str) -> Result<String, ChatError> {
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'@' | b':' | b'/');
    if !model.bytes().all(plain) || model.split('/').any(|piece| matches!(piece, "" | "." | "..")) {
        return Err(ChatError::invalid("model", "model must be a name of letters, digits, dots, dashes and slashes"));
    }
    Ok(model.to_owned())
}

/// The call's address; a query in the base stays at the end.
fn address(base_url: &str, path: &str) -> String {
    let (root, query) = base_url.split_once('?').unwrap_or((base_url, ""));
    let mark = match (query.is_empty(), path.contains('?')) {
        (true, _) => "",
        (false, false) => "?",
        (false, true) => "&",
    };
    format!("{}{path}{mark}{query}", root.trim_end_matches('/'))
}
