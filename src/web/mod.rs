//! Routes, access, CORS. The only room that knows HTTP towards clients and maps errors to it.

mod access;
mod body;
mod chat;
mod collections;
mod count;
mod earlier;
mod embed;
mod gemini;
mod info;
mod lists;
mod ollama;
mod operator;
mod reply;
mod responses;
mod routes;
mod sessions;
mod socket;

use std::cell::Cell;
use std::rc::Rc;

use http::Uri;
use serde_json::json;
use wasm_bindgen::JsValue;
use web_sys::{Request, Response};
use worker::{Context, Env, event};

use crate::callers::Caller;
use crate::dialects::{ToClient, Unified};
use crate::models::{ChatError, ErrorKind};
use crate::platform::{self, Stopwatch, log, random_hex};
use crate::providers::Trace;
use crate::service::{House, key_name};
use lists::ListDialect;
use reply::Reply;
use routes::Route;

/// One request, and what was found out about it.
struct Call {
    request: Request,
    method: String,
    uri: Uri,
    trace: Trace,
    clock: Stopwatch,
    caller: Caller,
    /// The cookie by which a browser would be known that has none yet.
    new_cookie: Option<String>,
    /// For how many seconds its answer may be kept and given again, once its body was read.
    cache_ttl: Cell<Option<u64>>,
    /// Where it came in, for the log.
    route: &'static str,
    /// Whether a run tells the log of it.
    is_logged: Rc<Cell<bool>>,
}

#[event(start)]
fn start() {
    console_error_panic_hook::set_once();
}

#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> worker::Result<Response> {
    let clock = Stopwatch::start();
    let trace = Trace {
        request_id: request_id(&request),
        traceparent: header(&request, "traceparent").filter(|trace| trace.len() <= 128),
    };
    let request_id = trace.request_id.clone();
    let method = request.method();
    let (reply, cors) = match read_call(request, trace, clock) {
        Ok(call) => {
            let (route, is_logged) = (call.route, call.is_logged.clone());
            let (reply, cors, key) = answer(call, env, &context).await;
            if !is_logged.get() {
                log(&json!({
                    "event": "request", "request_id": request_id, "method": method, "route": route, "key": key,
                    "status": reply.status(), "error": reply.failure(), "ms": clock.elapsed_ms(),
                }));
            }
            (reply, cors)
        }
        Err(error) => (reply::error(&error, &request_id, &Unified), None),
    };
    reply.into_response(&request_id, cors).map_err(|error: JsValue| worker::Error::from(error))
}

/// The answer, the foreign origin that may read it, and who asked.
async fn answer(call: Call, env: Env, context: &Context) -> (Reply, Option<String>, String) {
    let (request_id, language) = (call.trace.request_id.clone(), language(&call));
    let failed = |error: ChatError| reply::error(&error, &request_id, language);
    let named = |reply: Reply| reply.with_id(language.request_id_header(), &request_id);
    let nobody = || key_name(&Caller::Nobody.owner());
    let house = match House::open(platform::Env::new(&env)).await {
        Ok(house) => house,
        Err(error) => return (named(failed(error)), None, nobody()),
    };
    if let Some(chores) = house.chores() {
        context.wait_until(chores);
    }
    let origin = match access::check_origin(&call, &house.settings, &house.keys) {
        Ok(origin) => origin,
        Err(error) => return (named(failed(error)), None, nobody()),
    };
    if call.method == "OPTIONS" {
        let asked = header(&call.request, "access-control-request-headers");
        return (Reply::preflight(asked), origin, nobody());
    }
    let (caller, new_cookie) = access::identify(&call, &house);
    let key = key_name(&caller.owner());
    let call = Call { caller, new_cookie, ..call };
    let reply = match access::check_flood(&call, &house).await {
        Ok(()) => serve(call, &house, context, origin.as_deref()).await,
        Err(error) => Err(error),
    };
    let reply = reply.unwrap_or_else(failed);
    (named(reply), origin, key)
}

async fn serve(call: Call, house: &House, context: &Context, origin: Option<&str>) -> Result<Reply, ChatError> {
    let route = match routes::find(&call.method, call.uri.path()) {
        Ok(Route::Health) => return Ok(info::health()),
        // Whoever has no key is not told what there is.
        found => {
            sessions::admit(&call, found.as_ref().ok())?;
            found?
        }
    };
    match route {
        Route::Socket => socket::open(call, house, context),
        Route::Session(route) => sessions::serve(call, route, house).await,
        Route::Chat { stream } => chat::unified(call, stream, house, context).await,
        Route::Surface(dialect) => chat::surface(call, dialect, house, context).await,
        Route::Response { id, delete } => responses::serve(call, &id, delete, house, context).await,
        Route::Count(dialect) => count::tokens(call, dialect, None, house).await,
        Route::Embeddings(dialect, language) => embed::embeddings(call, dialect, language, None, house, context).await,
        Route::Models => Ok(lists::all(list_dialect(&call), &call.caller.owner(), house)),
        Route::Model => {
            let name = routes::one_model(call.uri.path()).unwrap_or_default();
            lists::one(list_dialect(&call), &name, &call.caller.owner(), house)
        }
        Route::Gemini(asked) => gemini::serve(call, asked, house, context).await,
        Route::Earlier(route) => earlier::serve(call, route, house, context, origin.is_some()).await,
        Route::Collections => collections::list(&call, house).await,
        Route::Collection(route) => collections::serve(call, route, house).await,
        Route::Keys(route) => operator::keys(&call, route, house).await,
        Route::Usage => operator::usage(&call, house).await,
        Route::Metrics => operator::metrics(&call, house).await,
        Route::Assistants => Ok(info::assistants()),
        Route::Assistant(name) => info::assistant(&name),
        Route::StreamHealth => Ok(info::stream_health(house)),
        Route::Providers => Ok(info::providers(&call.caller.owner(), house)),
        Route::OllamaTags => Ok(lists::all(ListDialect::Ollama, &call.caller.owner(), house)),
        Route::OllamaVersion => Ok(ollama::version()),
        Route::Health => Ok(info::health()),
    }
}

/// The language in which a caller is told what went wrong.
fn language(call: &Call) -> &'static dyn ToClient {
    match routes::is_models(call.uri.path()) {
        true => list_dialect(call).language(),
        false => routes::language(&call.uri),
    }
}

/// Three vendors have their lists at one address; two of them are known by what their SDKs send.
fn list_dialect(call: &Call) -> ListDialect {
    let sends = |name: &str| header(&call.request, name).is_some();
    if sends("anthropic-version") {
        ListDialect::Anthropic
    } else if sends("x-goog-api-key") || sends("x-goog-api-client") {
        ListDialect::Gemini
    } else {
        ListDialect::OpenAi
    }
}

fn read_call(request: Request, trace: Trace, clock: Stopwatch) -> Result<Call, ChatError> {
    let unreadable = |_| ChatError::new(ErrorKind::InvalidRequest, "the address cannot be read");
    let uri = Uri::try_from(request.url()).map_err(unreadable)?;
    // Who it is remains to be found out.
    let (method, route) = (request.method(), routes::label(uri.path()));
    let caller = Caller::Nobody;
    Ok(Call {
        method,
        uri,
        request,
        trace,
        clock,
        caller,
        new_cookie: None,
        cache_ttl: Cell::new(None),
        route,
        is_logged: Rc::default(),
    })
}

fn header(request: &Request, name: &str) -> Option<String> {
    request.headers().get(name).ok().flatten().filter(|value| !value.is_empty())
}

/// The caller's id for the request where it is harmless, else one of ours.
fn request_id(request: &Request) -> String {
    let harmless = |id: &String| id.len() <= 128 && id.bytes().all(|byte| byte.is_ascii_graphic());
    header(request, "x-request-id").filter(harmless).unwrap_or_else(|| format!("req_{}", random_hex(20)))
}
