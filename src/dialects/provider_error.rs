//! Providers' errors in every shape that was seen, made into one. In: bodies, statuses, headers.
//! Out: what to do about it (see `providers::retry`).

use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};

use crate::models::{ChatError, ErrorKind};

/// What a provider said went wrong, whatever form it chose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    /// A sentence for people; empty where there was none.
    pub message: String,
    /// The provider's type of error.
    pub kind: Option<String>,
    /// The provider's code, as text.
    pub code: Option<String>,
    /// The field at fault.
    pub param: Option<String>,
    /// A status that stood in the body.
    pub status: Option<u16>,
    /// How long to wait, in milliseconds, where the body said.
    pub retry_after_ms: Option<u64>,
    /// The provider's id for the request.
    pub request_id: Option<String>,
}

impl Fault {
    /// Reads an error body or an error frame.
    ///
    /// Known shapes: `{"error":{message,type,code,param}}`, `{"error":"text","code"?}`,
    /// `{"code","message","type"}`, `{"object":"error","message"}`, `{"detail":"text"|[..]}`,
    /// `{"success":false,"errors":[..]}`, any of them in an array, and text that is no JSON.
    pub fn read(body: &str) -> Fault {
        match serde_json::from_str::<Value>(body) {
            Ok(value) => Fault::from_value(&value),
            Err(_) => Fault::from_text(body),
        }
    }

    fn from_value(value: &Value) -> Fault {
        match value {
            Value::Array(items) => items.first().map(Fault::from_value).unwrap_or_default(),
            Value::String(text) => Fault::from_text(text),
            Value::Object(map) => Fault::from_map(map),
            _ => Fault::default(),
        }
    }

    fn from_map(map: &Map<String, Value>) -> Fault {
        let outer = Fault::from_flat(map);
        match map.get("error").or_else(|| map.get("errors")).filter(|value| !value.is_null()) {
            Some(Value::Object(inner)) => Fault::from_flat(inner).or(outer),
            Some(Value::Array(items)) => items.first().map(Fault::from_value).unwrap_or_default().or(outer),
            Some(Value::String(text)) => Fault { message: text.clone(), ..Fault::default() }.or(outer),
            _ => outer,
        }
    }

    fn from_flat(map: &Map<String, Value>) -> Fault {
        let text = |name: &str| match map.get(name) {
            Some(Value::String(text)) if !text.is_empty() => Some(text.clone()),
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => None,
        };
        let detail = match map.get("detail") {
            Some(Value::String(text)) => Some(text.clone()),
            // A list of complaints, each with a message.
            Some(Value::Array(items)) => {
                items.first().and_then(|item| item.get("msg")).and_then(Value::as_str).map(str::to_owned)
            }
            _ => None,
        };
        let status = ["status_code", "status", "raw_status_code", "code"].iter().find_map(|name| {
            map.get(*name)
                .and_then(Value::as_u64)
                .and_then(|code| u16::try_from(code).ok())
                .filter(|code| (400..600).contains(code))
        });
        let word =
            |name: &str| map.get(name).and_then(Value::as_str).filter(|word| !word.is_empty()).map(str::to_owned);
        let details = Details::read(map.get("details"));
        Fault {
            message: text("message").or(detail).unwrap_or_default(),
            kind: text("type").filter(|kind| kind != "error"),
            code: details.code.or_else(|| word("code")).or_else(|| word("status")).or_else(|| text("code")),
            param: text("param"),
            status,
            retry_after_ms: details.retry_after_ms,
            request_id: word("request_id"),
        }
    }

    /// Plain text is a message; markup is not worth showing.
    fn from_text(text: &str) -> Fault {
        let text = text.trim();
        let message = if text.starts_with('<') { String::new() } else { text.to_owned() };
        Fault { message, ..Fault::default() }
    }

    fn or(self, other: Fault) -> Fault {
        Fault {
            message: if self.message.is_empty() { other.message } else { self.message },
            kind: self.kind.or(other.kind),
            code: self.code.or(other.code),
            param: self.param.or(other.param),
            status: self.status.or(other.status),
            retry_after_ms: self.retry_after_ms.or(other.retry_after_ms),
            request_id: self.request_id.or(other.request_id),
        }
    }

    /// The unified error, from this and the HTTP status where there is one.
    pub fn into_error(self, status: Option<StatusCode>, raw: &str) -> ChatError {
        let status = status.map(|status| status.as_u16()).or(self.status);
        let kind = self.classify(status);
        let mut error = ChatError::new(kind, self.words(status));
        error.retryable = kind.is_transient() && self.may_be_retried(status);
        error.param = self.param;
        error.code = self.code.or(self.kind);
        error.retry_after_ms = self.retry_after_ms;
        error.provider_request_id = self.request_id;
        error.raw = (!raw.trim().is_empty()).then(|| raw.trim().to_owned());
        error
    }

    fn words(&self, status: Option<u16>) -> String {
        match (self.message.is_empty(), status) {
            (false, _) => self.message.clone(),
            (true, Some(status)) => format!("the provider answered with status {status}"),
            (true, None) => "the provider reported a failure without a message".to_owned(),
        }
    }

    fn says(&self, words: &[&str]) -> bool {
        let code = self.code.as_deref().unwrap_or_default().to_ascii_lowercase();
        let kind = self.kind.as_deref().unwrap_or_default().to_ascii_lowercase();
        words.iter().any(|word| code.contains(word) || kind.contains(word))
    }

    fn classify(&self, status: Option<u16>) -> ErrorKind {
        let message = self.message.to_ascii_lowercase();
        let bad_key =
            ["incorrect api key", "invalid api key", "api key not valid"].iter().any(|words| message.contains(words));
        if bad_key || self.says(&["invalid_api_key", "api_key_invalid", "authentication", "unauthorized"]) {
            return ErrorKind::ProviderAuth;
        }
        if self.says(&["content_filter", "_policy", "responsibleai"]) {
            return ErrorKind::ContentFilter;
        }
        if self.says(&["model_not_found", "model_not_available", "unsupported_model"]) {
            return ErrorKind::ModelNotSupported;
        }
        match status {
            Some(401) => ErrorKind::ProviderAuth,
            Some(402) => ErrorKind::BudgetExceeded,
            Some(403) => ErrorKind::PermissionDenied,
            Some(404) => ErrorKind::NotFound,
            Some(408 | 504) => ErrorKind::Timeout,
            Some(413) => ErrorKind::TooLarge,
            Some(429) => ErrorKind::RateLimited,
            // A lock on the provider's side; the same request succeeds a little later.
            Some(409 | 503 | 529) => ErrorKind::Overloaded,
            Some(400..=499) => ErrorKind::InvalidRequest,
            Some(_) => ErrorKind::Provider,
            None => self.classify_by_words(),
        }
    }

    /// A failure in mid-stream often has no status: its type and code must do.
    fn classify_by_words(&self) -> ErrorKind {
        const WORDS: [(&[&str], ErrorKind); 7] = [
            (&["rate_limit", "ratelimit", "too_many_requests", "insufficient_quota"], ErrorKind::RateLimited),
            (&["overloaded", "capacity", "unavailable", "slow_down"], ErrorKind::Overloaded),
            (&["timeout", "deadline"], ErrorKind::Timeout),
            (&["permission", "forbidden"], ErrorKind::PermissionDenied),
            (&["invalid_request", "invalid_prompt", "bad_request", "bad request"], ErrorKind::InvalidRequest),
            (&["context_length", "invalid_encrypted", "image", "data_residency"], ErrorKind::InvalidRequest),
            (&["billing", "payment"], ErrorKind::BudgetExceeded),
        ];
        WORDS.iter().find(|(words, _)| self.says(words)).map_or(ErrorKind::Provider, |(_, kind)| *kind)
    }

    fn may_be_retried(&self, status: Option<u16>) -> bool {
        // An empty purse is not refilled by asking again.
        let spent = self.says(&["insufficient_quota", "spend_limit", "billing"]);
        !spent && matches!(status, None | Some(408 | 409 | 429 | 500 | 502 | 503 | 504 | 529))
    }
}

/// What some vendors add to an error, beside its message.
#[derive(Default)]
struct Details {
    code: Option<String>,
    retry_after_ms: Option<u64>,
}

impl Details {
    /// Anthropic: `{"error_code": "ramp_limit_exceeded"}`. Google: a list of typed objects, of which one
    /// has a `reason` and one a `retryDelay` such as `"48s"`.
    fn read(details: Option<&Value>) -> Details {
        let word = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        match details {
            Some(Value::Array(items)) => Details {
                code: items.iter().find_map(|item| word(item, "reason")),
                retry_after_ms: items.iter().find_map(|item| duration_ms(&word(item, "retryDelay")?)),
            },
            Some(object) => Details { code: word(object, "error_code"), retry_after_ms: None },
            None => Details::default(),
        }
    }
}

/// Seconds as text: `"48s"`, `"0.5s"`.
fn duration_ms(text: &str) -> Option<u64> {
    let seconds: f64 = text.strip_suffix('s')?.parse().ok()?;
    (seconds >= 0.0).then_some((seconds * 1000.0) as u64)
}

/// Reads an HTTP error: body, status, and what the headers say of a later try.
pub fn read_http(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> ChatError {
    let text = String::from_utf8_lossy(body);
    let mut error = Fault::read(&text).into_error(Some(status), &text);
    match header(headers, "x-should-retry") {
        Some("true") => error.retryable = true,
        Some("false") => error.retryable = false,
        _ => {}
    }
    error.retry_after_ms = retry_after(headers).max(error.retry_after_ms);
    error.provider_request_id = request_id(headers).or(error.provider_request_id);
    error
}

/// The provider's id for a request, under the names that vendors give it.
pub fn request_id(headers: &HeaderMap) -> Option<String> {
    const NAMES: [&str; 4] = ["x-request-id", "request-id", "x-generation-id", "cf-ray"];
    // It goes to clients and logs: what is longer is no id.
    NAMES
        .iter()
        .find_map(|name| header(headers, name))
        .filter(|id| !id.is_empty() && id.len() <= 128)
        .map(str::to_owned)
}

/// `retry-after-ms`, or `retry-after` in seconds or as a date: the larger (Azure was seen to send 0
/// beside 1).
fn retry_after(headers: &HeaderMap) -> Option<u64> {
    let number = |name| header(headers, name)?.trim().parse::<f64>().ok().filter(|number| *number >= 0.0);
    let millis = number("retry-after-ms").map(|millis| millis as u64);
    let seconds = number("retry-after").map(|seconds| (seconds * 1000.0) as u64);
    millis.max(seconds).max(until_date(headers))
}

/// A date is compared with the answer's own: our clock may differ from the provider's.
fn until_date(headers: &HeaderMap) -> Option<u64> {
    let date = |name| httpdate::parse_http_date(header(headers, name)?.trim()).ok();
    let wait = date("retry-after")?.duration_since(date("date")?).unwrap_or_default();
    u64::try_from(wait.as_millis()).ok()
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Takes a key, and whatever else looks like one, out of a provider's words.
///
/// ```
/// use tributary::dialects::provider_error::redact;
/// assert_eq!(redact("bad key tok-123456789", Some("tok-123456789")), "bad key [redacted]");
/// assert_eq!(redact("key sk-abcDEF12345 is no good", None), "key [redacted] is no good");
/// ```
pub fn redact(text: &str, key: Option<&str>) -> String {
    let text = match key {
        // A shorter "key" would blank out ordinary words.
        Some(key) if key.len() >= 8 => text.replace(key, "[redacted]"),
        _ => text.to_owned(),
    };
    let mut clean = String::with_capacity(text.len());
    for piece in text.split_inclusive(|char: char| !is_key_char(char)) {
        let word = piece.trim_end_matches(|char: char| !is_key_char(char));
        if looks_like_key(word) {
            clean.push_str("[redacted]");
            clean.push_str(piece.strip_prefix(word).unwrap_or_default());
        } else {
            clean.push_str(piece);
        }
    }
    clean
}

fn is_key_char(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '*')
}

/// The prefixes that vendors give their keys so that they can be recognised.
fn looks_like_key(word: &str) -> bool {
    const PREFIXES: [&str; 6] = ["sk-", "gsk_", "xai-", "AIza", "r8_", "hf_"];
    word.len() >= 12 && PREFIXES.iter().any(|prefix| word.starts_with(prefix))
}

/// The start of a text, at most so many bytes, never inside a character.
pub fn cut(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, body: &str, kind: ErrorKind, message: &str, retryable: bool) {
        let status = StatusCode::from_u16(status).unwrap();
        let error = read_http(status, &HeaderMap::new(), body.as_bytes());
        assert_eq!((error.kind, error.message.as_str(), error.retryable), (kind, message, retryable), "{body}");
    }

    #[test]
    fn every_shape_of_error_body() {
        use ErrorKind::*;
        check(
            400,
            r#"{"error":{"message":"no","type":"invalid_request_error","param":"x","code":null}}"#,
            InvalidRequest,
            "no",
            false,
        );
        check(
            401,
            r#"{"error":{"message":"Incorrect API key provided","code":"invalid_api_key"}}"#,
            ProviderAuth,
            "Incorrect API key provided",
            false,
        );
        check(
            400,
            r#"{"code":"bad","error":"Incorrect API key provided: x"}"#,
            ProviderAuth,
            "Incorrect API key provided: x",
            false,
        );
        check(404, r#"{"error":"no such model"}"#, NotFound, "no such model", false);
        check(404, r#"{"error":{"message":"m","code":"model_not_found"}}"#, ModelNotSupported, "m", false);
        check(400, r#"{"object":"error","message":"m","code":"3051"}"#, InvalidRequest, "m", false);
        check(401, r#"{"detail":"who are you"}"#, ProviderAuth, "who are you", false);
        check(422, r#"{"detail":[{"msg":"field required","loc":["body"]}]}"#, InvalidRequest, "field required", false);
        check(429, r#"{"success":false,"errors":[{"code":3040,"message":"busy"}]}"#, RateLimited, "busy", true);
        check(
            429,
            r#"[{"error":{"code":429,"message":"slow","status":"RESOURCE_EXHAUSTED"}}]"#,
            RateLimited,
            "slow",
            true,
        );
        check(429, r#"{"error":{"message":"pay","code":"insufficient_quota"}}"#, RateLimited, "pay", false);
        check(
            529,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            Overloaded,
            "Overloaded",
            true,
        );
        check(502, "<html>bad gateway</html>", Provider, "the provider answered with status 502", true);
        check(500, "", Provider, "the provider answered with status 500", true);
        check(501, "plain", Provider, "plain", false);
        check(400, r#"{"error":{"message":"m","code":"content_filter"}}"#, ContentFilter, "m", false);
        check(
            429,
            r#"{"type":"error","error":{"type":"rate_limit_error","message":"m","details":{"error_code":"enforced_spend_limit_reached"}}}"#,
            RateLimited,
            "m",
            false,
        );
        check(
            400,
            r#"{"error":{"code":400,"message":"m","status":"INVALID_ARGUMENT","details":[{"@type":"x/ErrorInfo","reason":"API_KEY_INVALID"}]}}"#,
            ProviderAuth,
            "m",
            false,
        );
    }

    #[test]
    fn the_body_may_say_when_to_come_back_and_which_request_it_was() {
        let body = r#"[{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED","details":[{"links":[]},{"@type":"x/RetryInfo","retryDelay":"48.5s"}]}}]"#;
        let error = Fault::read(body).into_error(None, body);
        assert_eq!(
            (error.kind, error.retry_after_ms, error.code.as_deref()),
            (ErrorKind::RateLimited, Some(48_500), Some("RESOURCE_EXHAUSTED"))
        );
        let body = r#"{"type":"error","error":{"type":"api_error","message":"m"},"request_id":"req_1"}"#;
        let read = |headers: &HeaderMap| {
            read_http(StatusCode::INTERNAL_SERVER_ERROR, headers, body.as_bytes()).provider_request_id
        };
        assert_eq!(read(&HeaderMap::new()).as_deref(), Some("req_1"));
        let header =
            |value: &str| [(http::HeaderName::from_static("request-id"), value.parse().unwrap())].into_iter().collect();
        assert_eq!(read(&header("req_2")).as_deref(), Some("req_2"));
        assert_eq!(read(&header(&"x".repeat(200))).as_deref(), Some("req_1"));
    }

    #[test]
    fn a_failure_without_a_status_is_known_by_its_words() {
        let kind = |body: &str| Fault::read(body).into_error(None, body).kind;
        assert_eq!(kind(r#"{"error":{"code":400,"message":"Token limit reached"}}"#), ErrorKind::InvalidRequest);
        assert_eq!(kind(r#"{"error":{"type":"overloaded_error","message":"m"}}"#), ErrorKind::Overloaded);
        assert_eq!(kind(r#"{"error":{"code":"rate_limit_exceeded","message":"m"}}"#), ErrorKind::RateLimited);
        assert_eq!(kind(r#"{"error":{"message":"m","status_code":400}}"#), ErrorKind::InvalidRequest);
        assert_eq!(kind(r#"{"error":{"message":"m"}}"#), ErrorKind::Provider);
        let code = |code: &str| kind(&format!(r#"{{"code":"{code}","message":"m"}}"#));
        assert_eq!(code("server_error"), ErrorKind::Provider);
        for policy in ["bio_policy", "misalignment_policy_violation", "image_content_policy_violation"] {
            assert_eq!(code(policy), ErrorKind::ContentFilter, "{policy}");
        }
        for fault in ["invalid_prompt", "image_too_large", "data_residency_mismatch", "context_length_exceeded"] {
            assert_eq!(code(fault), ErrorKind::InvalidRequest, "{fault}");
        }
        assert_eq!(code("vector_store_timeout"), ErrorKind::Timeout);
        assert_eq!(code("slow_down"), ErrorKind::Overloaded);
    }

    #[test]
    fn the_headers_speak_of_a_later_try() {
        let with = |pairs: &[(&'static str, &str)]| {
            let headers = pairs
                .iter()
                .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
                .collect();
            read_http(StatusCode::TOO_MANY_REQUESTS, &headers, b"")
        };
        assert_eq!(with(&[("retry-after-ms", "0"), ("retry-after", "1")]).retry_after_ms, Some(1000));
        assert_eq!(with(&[("retry-after", "1.5")]).retry_after_ms, Some(1500));
        let (now, later) = ("Fri, 20 Nov 2026 13:00:00 GMT", "Fri, 20 Nov 2026 13:00:07 GMT");
        assert_eq!(with(&[("retry-after", later), ("date", now)]).retry_after_ms, Some(7000));
        assert_eq!(with(&[("retry-after", now), ("date", later)]).retry_after_ms, Some(0));
        assert_eq!(with(&[("retry-after", later)]).retry_after_ms, None);
        assert_eq!(with(&[("retry-after", "soon")]).retry_after_ms, None);
        assert!(!with(&[("x-should-retry", "false")]).retryable);
    }

    #[test]
    fn long_words_are_cut_between_characters() {
        assert_eq!(cut("aé", 2), "a");
        assert_eq!(cut("aé", 3), "aé");
    }
}
