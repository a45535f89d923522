//! One request to a model through a binding of the worker's, as an answer like any other's.

use http::{HeaderMap, HeaderValue, StatusCode};
use js_sys::{Array, Function, JSON, Object, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStream, Response};

use super::{Abort, Answer, Fetched, js};
use crate::models::{ChatError, ErrorKind};

const EVENTS: &str = "text/event-stream";
const WHOLE: &str = "application/json";

/// What is bound under a name.
#[derive(Clone)]
pub struct Binding(JsValue);

impl Binding {
    /// Wraps a value of the environment.
    pub fn new(value: JsValue) -> Self {
        Binding(value)
    }

    /// Runs a model; `inputs` is JSON. The binding may give a response, a stream of bytes, or an object
    /// that is the answer.
    ///
    /// `signal` reaches the request behind the binding (workerd 1.20261117). Its maintainers say that
    /// over RPC, where the binding may move, signals do not work yet (cloudflare/workerd#6379): then
    /// an abandoned request would run to its end.
    pub async fn run(&self, model: &str, inputs: &[u8], abort: &Abort) -> Answer {
        let failed = |_: JsValue| ChatError::new(ErrorKind::Truncated, "the binding's answer broke off");
        match self.ask(model, inputs, abort).await {
            Ok(value) => read(value).await.map_err(failed),
            Err(error) => refused(&error).map_err(failed),
        }
    }

    /// Calls a method with arguments of JSON, and gives what it answers as JSON, or the words of what it throws.
    pub async fn call(&self, method: &str, arguments: &[String]) -> Result<String, String> {
        let work = async {
            let function = Reflect::get(&self.0, &method.into())?.dyn_into::<Function>()?;
            let arguments: Array = arguments.iter().map(|text| JSON::parse(text)).collect::<Result<_, _>>()?;
            let value = JsFuture::from(Promise::resolve(&function.apply(&self.0, &arguments)?)).await?;
            Ok(JSON::stringify(&value)?.as_string().unwrap_or_else(|| "null".to_owned()))
        };
        work.await.map_err(|error: JsValue| words(&error))
    }

    /// Calls a method that answers nothing, with an argument of JSON.
    pub fn tell(&self, method: &str, argument: &str) -> Result<(), String> {
        let work = || {
            let function = Reflect::get(&self.0, &method.into())?.dyn_into::<Function>()?;
            function.call1(&self.0, &JSON::parse(argument)?).map(drop)
        };
        work().map_err(|error: JsValue| words(&error))
    }

    /// Whether a rate limit lets one more in under a name.
    pub async fn admits(&self, name: &str) -> Result<bool, String> {
        let argument = format!(r#"{{"key":{}}}"#, serde_json::Value::from(name));
        let answer: serde_json::Value =
            serde_json::from_str(&self.call("limit", &[argument]).await?).map_err(|error| error.to_string())?;
        answer
            .get("success")
            .and_then(serde_json::Value::as_bool)
            .ok_or_else(|| "it says nothing of success".to_owned())
    }

    async fn ask(&self, model: &str, inputs: &[u8], abort: &Abort) -> Result<JsValue, JsValue> {
        let inputs = JSON::parse(&String::from_utf8_lossy(inputs))?;
        let options = Object::new();
        // With it an error keeps its status and headers, instead of being thrown.
        Reflect::set(&options, &"returnRawResponse".into(), &true.into())?;
        Reflect::set(&options, &"signal".into(), &abort.signal())?;
        let models: &js::Models = self.0.unchecked_ref();
        JsFuture::from(Promise::resolve(&models.run(model, &inputs, &options)?)).await
    }
}

/// Frames that were kept, as an answer like any other's.
pub fn frames_of(frames: &[u8]) -> Answer {
    let bytes = js_sys::Uint8Array::from(frames);
    let failed = |_: JsValue| ChatError::new(ErrorKind::Internal, "what was kept cannot be read");
    let body = Response::new_with_opt_js_u8_array(Some(&bytes)).map_err(failed)?.body();
    Ok(answer(StatusCode::OK, EVENTS, body))
}

async fn read(value: JsValue) -> Result<Fetched, JsValue> {
    if let Some(response) = value.dyn_ref::<Response>() {
        let fetched = Fetched::from(response);
        let whole = fetched.header("content-type").is_some_and(|kind| kind.starts_with(WHOLE));
        if !(whole && fetched.status.is_success()) {
            return Ok(fetched);
        }
        let text = JsFuture::from(response.text()?).await?.as_string().unwrap_or_default();
        return Ok(Fetched { body: body(&envelope(&text))?, ..fetched });
    }
    if value.is_instance_of::<ReadableStream>() {
        // Through the platform's own stream: a script's may not fill a buffer of ours.
        let through = js::IdentityTransformStream::with_strategy(&Object::new());
        let stream = value.unchecked_ref::<js::Readable>().pipe_through(&through);
        return Ok(answer(StatusCode::OK, EVENTS, Some(stream)));
    }
    let text = JSON::stringify(&value)?.as_string().unwrap_or_else(|| "null".to_owned());
    Ok(answer(StatusCode::OK, WHOLE, body(&envelope(&text))?))
}

/// What the binding takes off a whole answer is put around it again, so that it says of itself that it
/// is whole: the dialect reads one form.
fn envelope(result: &str) -> String {
    format!(r#"{{"result":{result},"success":true}}"#)
}

/// An error that was thrown: its words are the answer, and the dialect knows what they mean.
fn refused(error: &JsValue) -> Result<Fetched, JsValue> {
    Ok(answer(StatusCode::BAD_GATEWAY, "text/plain", body(&words(error))?))
}

fn words(error: &JsValue) -> String {
    let message = Reflect::get(error, &"message".into()).ok().and_then(|message| message.as_string());
    message.or_else(|| error.as_string()).unwrap_or_default()
}

fn body(text: &str) -> Result<Option<ReadableStream>, JsValue> {
    Ok(Response::new_with_opt_str(Some(text))?.body())
}

fn answer(status: StatusCode, content_type: &'static str, body: Option<ReadableStream>) -> Fetched {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static(content_type));
    Fetched { status, headers, body }
}
