//! `/openai-streaming`: the travel assistant as bare text, its map, and its messages, saved and unsaved.

use http::Method;
use serde_json::{Value, json};
use worker::Context;

use super::{Call, Earlier, Reply, SessionCall, access, asked, chat, ensure, header, messages, sessions};
use crate::assistants;
use crate::callers::Caller;
use crate::dialects::ToClient;
use crate::dialects::earlier::text_of;
use crate::models::{ChatError, ChatRequest, OnDisconnect, Parent, SessionTurn};
use crate::platform::{query, random_hex};
use crate::service::House;

/// What is asked of it.
#[derive(Clone, Copy)]
pub enum TravelRoute {
    /// The answer to a question.
    Ask,
    /// The map.
    Map,
    /// To save what was said.
    Save,
    /// What was said when it was saved last.
    Saved,
    /// All that was said.
    Working,
    /// To forget all of it.
    Delete,
}

const COOKIE: &str = "tributary_travel";

/// Serves it. The conversation is the cookie's, and is made at the first call.
pub async fn serve(call: Call, route: TravelRoute, house: &House, context: &Context) -> Result<Reply, ChatError> {
    let question = match route {
        TravelRoute::Ask => Some(
            query(&call.uri, "query")
                .filter(|text| !text.trim().is_empty())
                .ok_or_else(|| ChatError::invalid("query", "query is required: it belongs into the address"))?,
        ),
        _ => None,
    };
    let (call, to, cookie) = session(call, house).await?;
    let reply = match (route, question) {
        (TravelRoute::Ask, Some(question)) => ask(question, call, to, house, context).await?,
        (TravelRoute::Map, _) => map(asked(&to, Method::GET, "/state", &call).await?),
        (TravelRoute::Save, _) => {
            asked(&to, Method::POST, "/saved", &call).await?;
            Reply::json(200, &json!("Chat Saved Command Executed"))
        }
        (TravelRoute::Saved, _) => Reply::json(200, &json!(spoken(asked(&to, Method::GET, "/saved", &call).await?))),
        (TravelRoute::Working, _) => {
            let mut all = spoken(asked(&to, Method::GET, "/messages", &call).await?);
            // Its clients leave the first one out: it is what the model is told before all else.
            all.insert(0, json!({"role": "system", "content": assistants::find("travel")?.description}));
            Reply::json(200, &json!(all))
        }
        _ => {
            asked(&to, Method::DELETE, "/", &call).await?;
            Reply::json(200, &json!("Chat History Deleted"))
        }
    };
    Ok(match cookie {
        Some(cookie) => reply.with_cookie(cookie),
        None => reply,
    })
}

/// The session of the cookie, or a new one and its cookie.
async fn session(call: Call, house: &House) -> Result<(Call, SessionCall, Option<String>), ChatError> {
    let given = access::cookie(&header(&call.request, "cookie").unwrap_or_default(), COOKIE);
    // Without a key the cookie alone says whose it is.
    let has_key = matches!(call.caller, Caller::Key(_));
    let with = |call: Call, id: &str| match has_key {
        true => call,
        false => Call { caller: Caller::browser(id), ..call },
    };
    let mut call = call;
    if let Some(id) = given {
        call = with(call, &id);
        let to = sessions::call_to(&call, format!("s_{id}"), true, house);
        if asked(&to, Method::GET, "/", &call).await?.is_some() {
            return Ok((call, to, None));
        }
    }
    let id = random_hex(30);
    let call = with(call, &id);
    let to = sessions::call_to(&call, format!("s_{id}"), true, house);
    ensure(&to, "travel", &call).await?;
    let cookie = access::write_cookie(&call, COOKIE, &id);
    Ok((call, to, Some(cookie)))
}

async fn ask(
    question: String,
    call: Call,
    to: SessionCall,
    house: &House,
    context: &Context,
) -> Result<Reply, ChatError> {
    let body = json!({"prompt": question}).to_string();
    let chat = Earlier::Text.read_request(body.as_bytes())?;
    let session = SessionTurn { id: to.session_id.clone(), parent: Parent::Latest, queue: true };
    let chat = ChatRequest {
        session: Some(session),
        // Nobody comes back to it by a cursor: who leaves the answer has left it.
        on_disconnect: Some(OnDisconnect::Cancel),
        stream: true,
        ..chat
    };
    Ok(chat::run_in(Some(to), chat, &Earlier::Text, call, house, context).await)
}

/// The map as its clients draw it; all of the world, as long as there is none.
fn map(answer: Option<Value>) -> Reply {
    let map = answer.and_then(|answer| answer.pointer("/state/map").cloned()).unwrap_or_else(
        || json!({"longitude": 0, "latitude": 20, "zoom": 1, "longitudes": [], "latitudes": [], "labels": []}),
    );
    let part = |name: &str| map.get(name).cloned().unwrap_or_default();
    Reply::json(
        200,
        &json!({
            "map_state": {"latitude": part("latitude"), "longitude": part("longitude"), "zoom": part("zoom")},
            "markers_state": {
                "latitudes": part("latitudes"), "longitudes": part("longitudes"), "labels": part("labels"),
            },
        }),
    )
}

/// Who said what.
fn spoken(answer: Option<Value>) -> Vec<Value> {
    let said = messages(answer);
    let spoken =
        said.iter().filter(|message| matches!(message.get("role").and_then(Value::as_str), Some("user" | "assistant")));
    spoken.map(|message| json!({"role": message.get("role"), "content": text_of(message)})).collect()
}
