//! A project's app: the router assistant, as the streaming chatbot's clients know it.

use http::Method;
use serde_json::{Value, json};
use worker::Context;

use super::{Call, Earlier, Reply, SessionCall, asked, chat, ensure, known, messages, sessions, told};
use crate::callers::digest_hex;
use crate::dialects::ToClient;
use crate::dialects::earlier::{chat_item, write_history};
use crate::models::{ChatError, ChatRequest, Parent, SessionTurn};
use crate::service::{Ask, House, start};
use crate::web::body;

/// Serves what is asked of an app.
pub async fn serve(
    call: Call,
    what: &str,
    (project, app): (&str, &str),
    house: &House,
    context: &Context,
) -> Result<Reply, ChatError> {
    let (call, cookie) = known(call);
    let to = session(&call, project, app, house);
    let reply = match what {
        "create" => {
            ensure(&to, "router", &call).await?;
            Reply::json(200, &json!(app))
        }
        "history" => Reply::json(200, &history(&to, &call).await?),
        _ => respond(call, to, house, context).await?,
    };
    Ok(match cookie {
        Some(cookie) => reply.with_cookie(cookie),
        None => reply,
    })
}

/// The app's session: its id follows from whose it is and what it is called.
fn session(call: &Call, project: &str, app: &str, house: &House) -> SessionCall {
    let name = json!([call.caller.owner(), "chatbot", project, app]).to_string();
    let id: String = digest_hex(name.as_bytes()).chars().take(30).collect();
    sessions::call_to(call, format!("s_{id}"), true, house)
}

async fn history(to: &SessionCall, call: &Call) -> Result<Value, ChatError> {
    let said = messages(asked(to, Method::GET, "/messages", call).await?);
    Ok(said.iter().filter_map(chat_item).collect())
}

/// What was said before, and then the answer's deltas.
async fn respond(call: Call, to: SessionCall, house: &House, context: &Context) -> Result<Reply, ChatError> {
    let mut chat = Earlier::Deltas.read_request(&body::read_json(&call).await?)?;
    ensure(&to, "router", &call).await?;
    let preface = write_history(&history(&to, &call).await?);
    chat.session = Some(SessionTurn { id: to.session_id.clone(), parent: Parent::Latest, queue: true });
    let chat = ChatRequest { stream: true, ..chat };
    let ask = Ask { session: Some(to), preface: preface.clone(), ..chat::ask(&call, &Earlier::Deltas, true) };
    let started = start(chat, ask, house, context).await;
    let reply = started.map(|started| Reply::stream(started.body, Earlier::Deltas.stream_type(), &started.run_id));
    told(reply, Earlier::Deltas, &preface)
}
