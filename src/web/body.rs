//! Request bodies, bounded.

use js_sys::Uint8Array;
use serde_json::{Map, Value};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::ReadableStreamDefaultReader;

use super::{Call, header};
use crate::models::{ChatError, ErrorKind, MOST_TTL, take_cache};

/// 4 MB hold a conversation of a million tokens, or a few pictures in base64.
const MOST: usize = 4 << 20;

/// What is read of a caller who may be nobody: enough for a question, and cheap to refuse.
const SHORT: usize = 64 * 1024;

/// Whether a body says that it is short.
pub fn is_short(call: &Call) -> bool {
    header(&call.request, "content-length")
        .and_then(|length| length.parse::<usize>().ok())
        .is_some_and(|length| length <= SHORT)
}

/// Whether there is none.
pub fn is_empty(call: &Call) -> bool {
    call.request.body().is_none() || header(&call.request, "content-length").is_some_and(|length| length == "0")
}

/// Reads a JSON body. Its length counts as it comes, not as its header says.
pub async fn read_json(call: &Call) -> Result<Vec<u8>, ChatError> {
    let bytes = read_whole(call).await?;
    take_ttl(call, bytes)
}

/// What a request says of the cache is the gateway's, in whatever language the rest of it is.
fn take_ttl(call: &Call, bytes: Vec<u8>) -> Result<Vec<u8>, ChatError> {
    if let Some(text) = header(&call.request, "x-cache-ttl") {
        let ttl = text.trim().parse().ok().filter(|ttl| (1..=MOST_TTL).contains(ttl));
        let words = format!("x-cache-ttl must be a whole number from 1 to {MOST_TTL}");
        call.cache_ttl.set(Some(ttl.ok_or_else(|| ChatError::invalid("x-cache-ttl", words))?));
    }
    // Nearly all bodies are left as they are, and unread here.
    if memchr::memmem::find(&bytes, b"\"cache\"").is_none() {
        return Ok(bytes);
    }
    let Ok(mut body) = serde_json::from_slice::<Map<String, Value>>(&bytes) else { return Ok(bytes) };
    match take_cache(&mut body)? {
        None => Ok(bytes),
        Some(ttl) => {
            call.cache_ttl.set(Some(ttl));
            Ok(serde_json::to_vec(&body).unwrap_or(bytes))
        }
    }
}

async fn read_whole(call: &Call) -> Result<Vec<u8>, ChatError> {
    let kind = header(&call.request, "content-type").unwrap_or_default();
    // Other types can be sent by any web page without asking first.
    if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
        let error = ChatError::new(ErrorKind::UnsupportedMediaType, "the content-type must be application/json");
        return Err(ChatError { param: Some("content-type".to_owned()), ..error });
    }
    let announced = header(&call.request, "content-length").and_then(|length| length.parse::<usize>().ok());
    if announced.is_some_and(|length| length > MOST) {
        return Err(too_large());
    }
    if announced.is_some() {
        // The runtime takes no more than was announced.
        let whole = call.request.array_buffer().map_err(broken)?;
        let whole = JsFuture::from(whole).await.map_err(broken)?;
        return Ok(Uint8Array::new(&whole).to_vec());
    }
    read_bounded(call).await
}

/// A body of unknown length.
async fn read_bounded(call: &Call) -> Result<Vec<u8>, ChatError> {
    let mut bytes = Vec::new();
    let Some(body) = call.request.body() else { return Ok(bytes) };
    let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
    loop {
        let read = JsFuture::from(reader.read()).await.map_err(broken)?;
        let value = js_sys::Reflect::get(&read, &"value".into()).unwrap_or_default();
        let Ok(chunk) = value.dyn_into::<Uint8Array>() else { return Ok(bytes) };
        if bytes.len().saturating_add(chunk.length() as usize) > MOST {
            // What is still to come is not read; the sender learns of it by the answer.
            drop(reader.cancel());
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk.to_vec());
    }
}

fn broken(_: JsValue) -> ChatError {
    ChatError::new(ErrorKind::InvalidRequest, "the body broke off")
}

fn too_large() -> ChatError {
    ChatError::new(ErrorKind::TooLarge, format!("the body is larger than {MOST} bytes"))
}
