//! Responses that are kept: each in a session, whose id is a part of the response's.

use std::rc::Rc;

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};
use worker::Context;

use super::reply::Reply;
use super::{Call, chat, sessions};
use crate::dialects::{OpenAiResponses, ReplyOptions, ToClient, can_be_told, kept, kept_response, write_kept_response};
use crate::models::{ChatError, ChatRequest, ErrorKind, OnDisconnect, Parent, SessionTurn};
use crate::platform::query;
use crate::service::{Ask, House, SessionCall, ask_session, create_session, new_session_id};

/// The session that is to keep the answer: the one in which a response is followed, or a new one. None where
/// nothing is to be kept, or the provider keeps it itself: then it has its own ids for it.
pub async fn keeper(chat: &mut ChatRequest, call: &Call, house: &House) -> Result<Option<SessionCall>, ChatError> {
    let turn = match chat.session.take() {
        Some(turn) => turn,
        // What cannot be told to anybody else is refused where the request is written.
        None if chat.keep && can_be_told(kept::READER, chat) && !keeps_itself(chat, house)? => {
            let to = sessions::call_to(call, new_session_id(), chat.stream, house);
            let made = create_session(&to, json!({"assistant": "plain"}), false).await?;
            if made.status != StatusCode::CREATED {
                return Err(ChatError::new(ErrorKind::Internal, "the session for the response could not be made"));
            }
            SessionTurn { id: to.session_id, parent: Parent::Latest, queue: false }
        }
        None => return Ok(None),
    };
    let to = sessions::call_to(call, turn.id.clone(), true, house);
    chat.session = Some(turn);
    // Nobody comes back to it by the cursor of a session: who leaves a response has left it.
    chat.on_disconnect = Some(OnDisconnect::Cancel);
    Ok(Some(to))
}

/// Whether all who may be asked speak the client's own language.
fn keeps_itself(chat: &ChatRequest, house: &House) -> Result<bool, ChatError> {
    let language = chat.native.as_ref().map(|native| native.dialect);
    let candidates = house.catalogue.candidates(chat.provider.as_deref(), chat.model.as_deref())?;
    Ok(candidates.iter().all(|(provider, _)| Some(provider.dialect.as_str()) == language))
}

/// `GET` and `DELETE /v1/responses/{id}`.
pub async fn serve(call: Call, id: &str, delete: bool, house: &House, context: &Context) -> Result<Reply, ChatError> {
    let missing = || {
        let words = format!("there is no response {id}: it was not stored here, or it is not yours");
        ChatError { param: Some("response_id".to_owned()), ..ChatError::new(ErrorKind::NotFound, words) }
    };
    let (session, run) = kept_response(id).ok_or_else(missing)?;
    let to = sessions::call_to(&call, session, true, house);
    if delete {
        let path = format!("/answer?run={run}");
        let gone = ask_session(&to, Method::DELETE, &path, Vec::new(), call.request.signal()).await?;
        return match gone.status.is_success() {
            true => Ok(Reply::json(200, &json!({"id": id, "object": "response", "deleted": true}))),
            false => Err(missing()),
        };
    }
    let fetched =
        ask_session(&to, Method::GET, &format!("/answer?run={run}"), Vec::new(), call.request.signal()).await?;
    if !fetched.status.is_success() {
        return Err(missing());
    }
    let found: Value = serde_json::from_slice(&fetched.whole_body(MOST_KEPT).await?).unwrap_or_default();
    let part = |name: &str| found.get(name).cloned().unwrap_or_default();
    let text =
        |name: &str| found.pointer(&format!("/answer/{name}")).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (answer, asked) = (part("answer"), part("asked").as_object().cloned().unwrap_or_default());
    if query(&call.uri, "stream").is_some_and(|stream| stream == "true") {
        let created = part("created").as_u64().unwrap_or_default();
        return replay(call, to, (run, created), (text("provider"), asked), house, context).await;
    }
    let reply = ReplyOptions {
        run_id: run,
        provider: text("provider"),
        model: text("model"),
        created: part("created").as_u64().unwrap_or_default(),
        session: Some(to.session_id),
        ..ReplyOptions::default()
    };
    Ok(Reply::bytes(200, write_kept_response(&answer, reply, asked)))
}

/// An answer of 8 MB, with its escapes and what it repeats.
const MOST_KEPT: usize = 24 << 20;

/// The events of a response once more, behind a number.
async fn replay(
    call: Call,
    to: SessionCall,
    (run, created): (String, u64),
    (provider, asked): (String, Map<String, Value>),
    house: &House,
    context: &Context,
) -> Result<Reply, ChatError> {
    let given = match query(&call.uri, "starting_after") {
        None => 0,
        Some(number) => {
            let wrong = |_| ChatError::invalid("starting_after", "starting_after must be a whole number");
            number.parse::<u64>().map_err(wrong)?.saturating_add(1)
        }
    };
    let session = SessionCall { run_id: run.clone(), replay: Some(run), ..to };
    let language: &'static dyn ToClient = &OpenAiResponses;
    let chat = ChatRequest { stream: true, provider: Some(provider), ..language.repeats(asked) };
    let ask = Ask {
        session: Some(session),
        given,
        arrived_ms: created.saturating_mul(1000),
        trail: Rc::default(),
        ..chat::ask(&call, language, true)
    };
    Ok(chat::answer(chat, ask, call, house, context).await)
}
