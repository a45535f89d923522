//! Requests of the worker's, and answers to it.

use http::Uri;
use js_sys::Uint8Array;
use serde_json::{Map, Value};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Headers, ReadableStream, Request, Response, ResponseInit};

use crate::dialects::kept;
use crate::models::{ChatError, ErrorKind};
use crate::platform::query;

/// A request of the worker's.
pub struct Asked(pub Request);

impl Asked {
    pub fn header(&self, name: &str) -> Option<String> {
        self.0.headers().get(name).ok().flatten().filter(|value| !value.is_empty())
    }

    pub fn path(&self) -> String {
        self.uri().map(|uri| uri.path().to_owned()).unwrap_or_default()
    }

    /// A field of the query, decoded.
    pub fn query(&self, name: &str) -> Option<String> {
        query(&self.uri()?, name)
    }

    fn uri(&self) -> Option<Uri> {
        Uri::try_from(self.0.url()).ok()
    }

    pub async fn body(&self) -> Result<Vec<u8>, ChatError> {
        let broken = |_: JsValue| ChatError::new(ErrorKind::InvalidRequest, "the body broke off");
        let whole = JsFuture::from(self.0.array_buffer().map_err(broken)?).await.map_err(broken)?;
        Ok(Uint8Array::new(&whole).to_vec())
    }

    pub async fn fields(&self) -> Result<Map<String, Value>, ChatError> {
        let unreadable = |_| ChatError::new(ErrorKind::InvalidRequest, "the body must be a JSON object");
        serde_json::from_slice(&self.body().await?).map_err(unreadable)
    }
}

/// What an object answers to a request; an error where there is one.
pub fn told(answer: Result<worker::Result<Response>, ChatError>, asked: &Asked) -> worker::Result<worker::Response> {
    let answer = answer.unwrap_or_else(|failed| error(&failed, &asked.header("x-request-id").unwrap_or_default()));
    answer.map(worker::Response::from)
}

/// An object of JSON.
pub fn json(status: u16, body: &Value) -> worker::Result<Response> {
    bytes(status, body.to_string().as_bytes(), &[])
}

/// A run as a stream, and what was tried until it began.
pub fn stream(
    body: &ReadableStream,
    run_id: &str,
    timing: &str,
    cache: Option<&'static str>,
) -> worker::Result<Response> {
    let mut headers = vec![("content-type", "text/event-stream; charset=utf-8"), ("x-run-id", run_id)];
    headers.extend((!timing.is_empty()).then_some(("server-timing", timing)));
    headers.extend(cache.map(|word| ("x-cache", word)));
    let init = init(200, &headers)?;
    Response::new_with_opt_readable_stream_and_init(Some(body), &init).map_err(worker::Error::from)
}

/// Nothing, and that is the answer.
pub fn nothing() -> worker::Result<Response> {
    nothing_but(&[])
}

/// Nothing but headers.
pub fn nothing_but(headers: &[(&str, &str)]) -> worker::Result<Response> {
    Response::new_with_opt_str_and_init(None, &init(204, headers)?).map_err(worker::Error::from)
}

/// An error, as the worker passes it on.
pub fn error(error: &ChatError, request_id: &str) -> worker::Result<Response> {
    let written = kept::LANGUAGE.write_error(error, request_id);
    let retry_after = error.retry_after_ms.map(|ms| ms.div_ceil(1000).to_string());
    let mut headers = Vec::new();
    headers.extend(retry_after.as_deref().map(|seconds| ("retry-after", seconds)));
    if error.kind == ErrorKind::Conflict {
        headers.extend(error.code.as_deref().map(|run| ("x-run-id", run)));
    }
    bytes(written.status.as_u16(), &written.body, &headers)
}

/// JSON that is written already.
pub fn bytes(status: u16, body: &[u8], headers: &[(&str, &str)]) -> worker::Result<Response> {
    let mut all = vec![("content-type", "application/json")];
    all.extend_from_slice(headers);
    let body = Uint8Array::from(body);
    Response::new_with_opt_js_u8_array_and_init(Some(&body), &init(status, &all)?).map_err(worker::Error::from)
}

fn init(status: u16, headers: &[(&str, &str)]) -> worker::Result<ResponseInit> {
    let all = Headers::new()?;
    for (name, value) in headers {
        all.set(name, value)?;
    }
    let init = ResponseInit::new();
    init.set_status(status);
    init.set_headers(&all.unchecked_into());
    Ok(init)
}
