use js_sys::{Array, JSON, Object as Plain, Reflect};
use wasm_bindgen::JsValue;

use super::{Binding, Object};
use crate::models::{ChatError, ErrorKind};
use crate::providers::retry::RetryPolicy;

/// The worker's variables and secrets.
#[derive(Clone)]
pub struct Env(JsValue);

impl Env {
    /// The environment of a request.
    pub fn new(env: &worker::Env) -> Self {
        Env(JsValue::from(env.clone()))
    }

    /// A variable as text: an object, as wrangler allows, as its JSON, and a binding as `{}`, for of it
    /// there is only to say that it is there.
    pub fn var(&self, name: &str) -> Option<String> {
        let value = self.value(name)?;
        match value.as_string() {
            Some(text) => Some(text).filter(|text| !text.is_empty()),
            None if is_data(&value) => JSON::stringify(&value).ok().map(String::from),
            None => Some("{}".to_owned()),
        }
    }

    /// The Durable Object of a name behind a binding.
    pub fn object(&self, binding: &str, name: &str) -> Result<Object, ChatError> {
        let missing = || {
            let words = format!("the binding {binding} is missing: wrangler.toml has to name the Durable Object");
            ChatError::new(ErrorKind::Internal, words)
        };
        Object::new(self.value(binding).ok_or_else(missing)?, name)
    }

    /// What is bound under a name.
    pub fn binding(&self, name: &str) -> Option<Binding> {
        self.value(name).map(Binding::new)
    }

    fn value(&self, name: &str) -> Option<JsValue> {
        let value = Reflect::get(&self.0, &JsValue::from_str(name)).ok()?;
        Some(value).filter(|value| !value.is_undefined() && !value.is_null())
    }

    fn is_true(&self, name: &str) -> bool {
        self.var(name).is_some_and(|text| text.trim().eq_ignore_ascii_case("true"))
    }

    fn seconds(&self, name: &str, default_ms: u64) -> Result<u64, ChatError> {
        let Some(text) = self.var(name) else { return Ok(default_ms) };
        match text.trim().parse::<f64>() {
            // A day: longer than any run, and far from what a timer can hold.
            Ok(seconds) if seconds > 0.0 && seconds <= 86_400.0 => Ok((seconds * 1000.0).ceil() as u64),
            _ => Err(ChatError::new(ErrorKind::Internal, format!("{name} must be a number of seconds above 0"))),
        }
    }

    fn count(&self, name: &str, default: u64) -> Result<u64, ChatError> {
        let Some(text) = self.var(name) else { return Ok(default) };
        let wrong = || ChatError::new(ErrorKind::Internal, format!("{name} must be a whole number"));
        text.trim().parse().map_err(|_| wrong())
    }

    fn millis(&self, name: &str, default_ms: u64) -> Result<u64, ChatError> {
        let Some(text) = self.var(name) else { return Ok(default_ms) };
        let wrong = || ChatError::new(ErrorKind::Internal, format!("{name} must be a whole number of milliseconds"));
        text.trim().parse().map_err(|_| wrong())
    }
}

/// Whether a value is plain. A stub is not even to be asked for its JSON: to it that is a call.
fn is_data(value: &JsValue) -> bool {
    let plain = || Plain::get_prototype_of(value) == Plain::get_prototype_of(&Plain::new());
    !(value.is_object() || value.is_function()) || Array::is_array(value) || plain()
}

/// The operator's settings for runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// A silent client hears of its run this often.
    pub heartbeat_ms: u64,
    /// A provider may be silent this long.
    pub idle_ms: u64,
    /// A provider that thinks may be silent this long.
    pub thinking_ms: u64,
    /// Retries.
    pub retry: RetryPolicy,
    /// Whether requests to other than loopback host names are served without a key.
    pub allow_anonymous: bool,
    /// The web pages, beside our own, that may call.
    pub allowed_origins: Vec<String>,
    /// The frames of a run that is over are kept this long.
    pub log_ms: u64,
    /// Frames of a run that follow quickly upon each other are kept together: a write to the store this often.
    pub pack_ms: u64,
    /// How much of a session's conversation goes to a provider, in tokens.
    pub history_tokens: u64,
}

impl Settings {
    /// The same, for a request whose object tries again by itself.
    pub fn without_retries(&self) -> Self {
        let retry = RetryPolicy { attempts: 1, ..self.retry };
        // What is silent for longer than its object allows is lost.
        let longer = |ms: u64| ms.saturating_add(30_000);
        Settings { retry, idle_ms: longer(self.idle_ms), thinking_ms: longer(self.thinking_ms), ..self.clone() }
    }

    /// Reads them; a value that makes no sense is an error that names its variable.
    pub fn read(env: &Env) -> Result<Self, ChatError> {
        let usual = RetryPolicy::default();
        let origins = env.var("ALLOWED_ORIGINS").unwrap_or_default();
        Ok(Settings {
            heartbeat_ms: env.seconds("HEARTBEAT_SECONDS", 15_000)?,
            idle_ms: env.seconds("IDLE_TIMEOUT_SECONDS", 60_000)?,
            thinking_ms: env.seconds("THINKING_TIMEOUT_SECONDS", 300_000)?,
            retry: RetryPolicy {
                base_ms: env.millis("RETRY_BASE_MS", usual.base_ms)?,
                cap_ms: env.millis("RETRY_CAP_MS", usual.cap_ms)?,
                deadline_ms: env.seconds("RETRY_DEADLINE_SECONDS", usual.deadline_ms)?,
                ..usual
            },
            allow_anonymous: env.is_true("ALLOW_ANONYMOUS"),
            log_ms: env.seconds("RUN_LOG_SECONDS", 3_600_000)?,
            pack_ms: env.millis("SESSION_PACK_MS", 50)?,
            history_tokens: env.count("HISTORY_TOKENS", 100_000)?,
            allowed_origins: origins.split(',').map(|origin| origin.trim().trim_end_matches('/').to_owned()).collect(),
        })
    }
}
