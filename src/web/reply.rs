//! Answers over HTTP, and the one place where an error becomes a status.

use serde_json::Value;
use wasm_bindgen::JsValue;
use web_sys::{Headers, ReadableStream, Response, ResponseInit};

use crate::dialects::ToClient;
use crate::models::{ChatError, ErrorKind};
use crate::platform::Fetched;

/// An answer on its way to be a response.
pub struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Body,
    /// What went wrong, by its type.
    failure: Option<&'static str>,
}

enum Body {
    Empty,
    /// A response that holds a socket.
    Socket(Response),
    Bytes(Vec<u8>),
    Stream(ReadableStream),
}

/// What a foreign page may read, and send where it does not say what it wants to.
const EXPOSED: &str = "x-request-id, x-run-id, retry-after, server-timing, x-cache";
const TAKEN: &str = "authorization, content-type, idempotency-key, last-event-id, traceparent, x-api-key, x-cache-ttl, x-provider-key, x-request-id";

impl Reply {
    /// A JSON body.
    pub fn json(status: u16, body: &Value) -> Self {
        Reply::bytes(status, body.to_string().into_bytes())
    }

    /// A JSON body that is written already.
    pub fn bytes(status: u16, body: Vec<u8>) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Reply { status, headers, body: Body::Bytes(body), failure: None }
    }

    /// A text of any kind.
    pub fn text(status: u16, content_type: &str, body: Vec<u8>) -> Self {
        let headers = vec![("content-type", content_type.to_owned())];
        Reply { status, headers, body: Body::Bytes(body), failure: None }
    }

    /// A run.
    pub fn stream(body: ReadableStream, content_type: &str, run_id: &str) -> Self {
        let headers = vec![
            ("content-type", content_type.to_owned()),
            // Proxies in between must not collect what should flow.
            ("x-accel-buffering", "no".to_owned()),
            ("x-run-id", run_id.to_owned()),
        ];
        Reply { status: 200, headers, body: Body::Stream(body), failure: None }
    }

    /// What an object answered, which is an answer for the caller.
    pub fn passed(fetched: Fetched) -> Self {
        let known = ["content-type", "x-run-id", "retry-after", "server-timing", "x-cache"];
        let mut headers: Vec<(&'static str, String)> =
            known.into_iter().filter_map(|name| Some((name, fetched.header(name)?.to_owned()))).collect();
        if fetched.header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream")) {
            headers.push(("x-accel-buffering", "no".to_owned()));
        }
        let body = match fetched.body {
            Some(body) if fetched.status != http::StatusCode::NO_CONTENT => Body::Stream(body),
            _ => Body::Empty,
        };
        Reply { status: fetched.status.as_u16(), headers, body, failure: None }
    }

    /// A socket: nothing is added to the response that holds it.
    pub fn socket(response: Response) -> Self {
        Reply { status: 101, headers: Vec::new(), body: Body::Socket(response), failure: None }
    }

    /// For the log.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// For the log: the type of what went wrong.
    pub fn failure(&self) -> Option<&'static str> {
        self.failure
    }

    /// With a cookie for the browser.
    pub fn with_cookie(mut self, cookie: String) -> Self {
        self.headers.push(("set-cookie", cookie));
        self
    }

    /// The answer to a browser that asks first, for a page that may call: with the headers that it named,
    /// because the vendors' SDKs send many of their own.
    pub fn preflight(asked: Option<String>) -> Self {
        let harmless =
            |names: &String| names.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_, ".contains(&byte));
        let headers = vec![
            ("access-control-allow-methods", "GET, POST, PATCH, DELETE, OPTIONS".to_owned()),
            ("access-control-allow-headers", asked.filter(harmless).unwrap_or_else(|| TAKEN.to_owned())),
            ("access-control-max-age", "7200".to_owned()),
        ];
        Reply { status: 204, headers, body: Body::Empty, failure: None }
    }

    /// With the request's id where a vendor's SDKs look for it, beside its usual place.
    pub fn with_id(mut self, header: Option<&'static str>, request_id: &str) -> Self {
        self.headers.extend(header.map(|name| (name, request_id.to_owned())));
        self
    }

    /// With what the cache had to say.
    pub fn with_cache(mut self, word: Option<&'static str>) -> Self {
        self.headers.extend(word.map(|word| ("x-cache", word.to_owned())));
        self
    }

    /// With the times that it took, where there are any.
    pub fn with_timing(mut self, timing: String) -> Self {
        if !timing.is_empty() {
            self.headers.push(("server-timing", timing));
        }
        self
    }

    /// The response, with what every response has.
    pub fn into_response(self, request_id: &str, origin: Option<String>) -> Result<Response, JsValue> {
        if let Body::Socket(response) = self.body {
            return Ok(response);
        }
        let headers = Headers::new()?;
        headers.set("cache-control", "no-store")?;
        headers.set("x-content-type-options", "nosniff")?;
        headers.set("x-request-id", request_id)?;
        headers.set("vary", "origin")?;
        if let Some(origin) = origin {
            headers.set("access-control-allow-origin", &origin)?;
            headers.set("access-control-expose-headers", EXPOSED)?;
        }
        for (name, value) in &self.headers {
            headers.set(name, value)?;
        }
        let init = ResponseInit::new();
        init.set_status(self.status);
        init.set_headers(&headers);
        match self.body {
            Body::Socket(response) => Ok(response),
            Body::Empty => Response::new_with_opt_str_and_init(None, &init),
            Body::Bytes(bytes) => {
                let bytes = js_sys::Uint8Array::from(bytes.as_slice());
                Response::new_with_opt_js_u8_array_and_init(Some(&bytes), &init)
            }
            Body::Stream(stream) => Response::new_with_opt_readable_stream_and_init(Some(&stream), &init),
        }
    }
}

/// An error that comes instead of an answer, in the client's language.
pub fn error(error: &ChatError, request_id: &str, dialect: &dyn ToClient) -> Reply {
    let written = dialect.write_error(error, request_id);
    let mut headers = vec![("content-type", "application/json".to_owned())];
    headers.extend(written.headers);
    if let Some(ms) = error.retry_after_ms {
        headers.push(("retry-after", ms.div_ceil(1000).to_string()));
    }
    if let (ErrorKind::Conflict, Some(run)) = (error.kind, &error.code) {
        headers.push(("x-run-id", run.clone()));
    }
    if let (ErrorKind::MethodNotAllowed, Some(allowed)) = (error.kind, &error.code) {
        headers.push(("allow", allowed.clone()));
    }
    Reply {
        status: written.status.as_u16(),
        headers,
        body: Body::Bytes(written.body),
        failure: Some(error.kind.as_str()),
    }
}
