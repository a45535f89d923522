//! One request to a provider.

use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use js_sys::Uint8Array;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Headers, ReadableStream, RequestInit, RequestRedirect, Response};

use super::{Abort, js};
use crate::models::{ChatError, ErrorKind};

/// A provider's answer, its body not yet read.
pub struct Fetched {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; none where the provider sent nothing.
    pub body: Option<ReadableStream>,
}

/// What a wait for an answer gives.
pub type Answer = Result<Fetched, ChatError>;

/// Sends a request and waits for the answer's headers.
pub async fn send(request: Request<Vec<u8>>, abort: &Abort) -> Answer {
    let refused = |_: JsValue| ChatError::new(ErrorKind::Internal, "the runtime takes no request to this address");
    let request = to_js(request, abort).map_err(refused)?;
    // The runtime's own words name hosts and sometimes more; they stay here.
    let lost = |_: JsValue| ChatError::new(ErrorKind::Provider, "the provider could not be reached");
    let response: Response = JsFuture::from(js::fetch(&request)).await.map_err(lost)?.unchecked_into();
    Ok(Fetched::from(&response))
}

impl From<&Response> for Fetched {
    fn from(response: &Response) -> Self {
        Fetched {
            status: StatusCode::from_u16(response.status()).unwrap_or(StatusCode::BAD_GATEWAY),
            headers: headers(&response.headers()),
            body: response.body(),
        }
    }
}

impl Fetched {
    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The start of an error's body: 64 KB hold any message, and a provider that sends more is not
    /// listened to.
    pub async fn error_body(self) -> Vec<u8> {
        self.start_of_body(64 * 1024).await
    }

    /// A body that is one value; one that is larger is an error.
    pub async fn whole_body(self, most: usize) -> Result<Vec<u8>, ChatError> {
        let bytes = self.start_of_body(most.saturating_add(1)).await;
        if bytes.len() > most {
            let words = format!("the provider's answer is larger than {most} bytes");
            return Err(ChatError::lasting(ErrorKind::Provider, words));
        }
        Ok(bytes)
    }

    async fn start_of_body(self, most: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let Some(body) = self.body else { return bytes };
        let Ok(reader) = body.get_reader().dyn_into::<web_sys::ReadableStreamDefaultReader>() else { return bytes };
        while bytes.len() < most {
            let Ok(read) = JsFuture::from(reader.read()).await else { break };
            let read: js::ReadResult = read.unchecked_into();
            let Some(chunk) = read.value().filter(|_| !read.done()) else { return bytes };
            bytes.extend_from_slice(&chunk.to_vec());
        }
        bytes.truncate(most);
        // Nobody waits for this: the connection is let go.
        let _ = reader.cancel();
        bytes
    }
}

pub fn to_js(request: Request<Vec<u8>>, abort: &Abort) -> Result<web_sys::Request, JsValue> {
    let (parts, body) = request.into_parts();
    let headers = Headers::new()?;
    for (name, value) in &parts.headers {
        headers.set(name.as_str(), value.to_str().unwrap_or_default())?;
    }
    // Compressed streams arrive in lumps.
    headers.set("accept-encoding", "identity")?;
    let init = RequestInit::new();
    init.set_method(parts.method.as_str());
    init.set_headers(&headers);
    if !body.is_empty() {
        init.set_body(&Uint8Array::from(body.as_slice()));
    }
    // A redirect would carry the key to wherever it points.
    init.set_redirect(RequestRedirect::Manual);
    init.set_signal(Some(&abort.signal()));
    web_sys::Request::new_with_str_and_init(&parts.uri.to_string(), &init)
}

fn headers(from: &Headers) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for entry in from.entries().into_iter().flatten() {
        let entry: js_sys::Array = entry.unchecked_into();
        let (name, value) =
            (entry.get(0).as_string().unwrap_or_default(), entry.get(1).as_string().unwrap_or_default());
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.append(name, value);
        }
    }
    headers
}
