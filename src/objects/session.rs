//! One session.

use std::rc::Rc;

use serde_json::{Map, Value};
use worker::{
    DurableObject, Env, Request, Response, Result, Socket, State, WebSocket, WebSocketIncomingMessage, WebSocketPair,
    durable_object,
};

use super::reply::{self, Asked};
use crate::models::{ChatError, ErrorKind};
use crate::platform::{self, Home, Stopwatch};
use crate::providers::Trace;
use crate::service::{CreateSession, Hall, Post, Served, SocketCall, no_session, unreadable_cursor};
use crate::session::{Cursor, SessionRecord};

/// A session's object.
#[durable_object]
pub struct SessionObject {
    hall: Rc<Hall>,
}

impl DurableObject for SessionObject {
    fn new(state: State, env: Env) -> Self {
        SessionObject { hall: Hall::new(Home::new(state), platform::Env::new(&env)) }
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        let clock = Stopwatch::start();
        let asked = Asked(Clone::clone(request.inner()));
        let request_id = asked.header("x-request-id").unwrap_or_default();
        match self.answer(&asked, &request_id, clock).await {
            Ok(answer) => answer,
            Err(error) => reply::error(&error, &request_id).map(Response::from),
        }
    }

    async fn connect(&self, _: Socket) -> Result<()> {
        Ok(())
    }

    async fn alarm(&self) -> Result<Response> {
        match self.hall.alarm().await {
            Ok(()) => Response::empty(),
            // The runtime tries again.
            Err(error) => Err(worker::Error::RustError(error.message)),
        }
    }

    async fn websocket_message(&self, socket: WebSocket, message: WebSocketIncomingMessage) -> Result<()> {
        let clock = Stopwatch::start();
        let text = match message {
            WebSocketIncomingMessage::String(text) => text,
            WebSocketIncomingMessage::Binary(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        };
        self.hall.message(&socket, SocketCall { text, clock }).await;
        Ok(())
    }

    async fn websocket_close(&self, socket: WebSocket, code: usize, _: String, _: bool) -> Result<()> {
        self.hall.socket_left(&socket, u16::try_from(code).unwrap_or(1000));
        Ok(())
    }

    async fn websocket_error(&self, socket: WebSocket, _: worker::Error) -> Result<()> {
        self.hall.socket_left(&socket, 1011);
        Ok(())
    }
}

impl SessionObject {
    async fn answer(
        &self,
        asked: &Asked,
        request_id: &str,
        clock: Stopwatch,
    ) -> std::result::Result<Result<Response>, ChatError> {
        let hall = &self.hall;
        let (method, path) = (asked.0.method(), asked.path());
        if (method.as_str(), path.as_str()) == ("POST", "/") {
            let created = hall.create(create(asked).await?).await?;
            return Ok(reply::json(201, &created).map(Response::from));
        }
        let record = hall.open(&asked.header("x-owner").unwrap_or_default())?;
        let reply = match (method.as_str(), path.as_str()) {
            ("GET", "/") => reply::json(200, &hall.view(&record)),
            ("PATCH", "/") => {
                let title = title(&asked.fields().await?)?;
                reply::json(200, &hall.rename(record, title).await?)
            }
            ("DELETE", "/") => {
                hall.delete(&record).await?;
                reply::nothing()
            }
            ("GET", "/messages") => reply::json(200, &hall.messages(&record)?),
            ("GET", "/saved") => reply::json(200, &hall.saved(&record)?),
            ("POST", "/saved") => reply::json(200, &hall.save(record)?),
            ("GET", "/state") => reply::json(200, &hall.state(&record)),
            ("POST", "/runs") => self.run(asked, &record, request_id, clock).await?,
            ("GET", "/stream") => self.stream(asked, &record)?,
            ("DELETE", "/stream") => {
                let stopped = hall.stop_live();
                reply::json(200, &hall.stopped(stopped)?)
            }
            ("GET", "/answer") => {
                let run = asked.query("run").unwrap_or_default();
                reply::json(200, &hall.kept_answer(&run)?)
            }
            ("DELETE", "/answer") => {
                hall.forget_answer(&record, &asked.query("run").unwrap_or_default()).await?;
                reply::nothing()
            }
            ("GET", "/socket") => return self.socket(),
            _ => return Err(no_session()),
        };
        Ok(reply.map(Response::from))
    }

    async fn run(
        &self,
        asked: &Asked,
        record: &SessionRecord,
        request_id: &str,
        clock: Stopwatch,
    ) -> std::result::Result<worker::Result<web_sys::Response>, ChatError> {
        let post = Post {
            run_id: asked.header("x-run-id").unwrap_or_default(),
            body: asked.body().await?,
            stream: asked.header("x-stream").is_none_or(|stream| stream == "true"),
            key: asked.header("idempotency-key"),
            last_event_id: asked.header("last-event-id"),
            provider_key: asked.header("x-provider-key"),
            cache_ttl: asked.header("x-cache-ttl").and_then(|ttl| ttl.parse().ok()),
            trace: Trace { request_id: request_id.to_owned(), traceparent: asked.header("traceparent") },
            clock,
            left: asked.0.signal(),
        };
        Ok(match self.hall.post(record, post).await? {
            Served::Stream { run_id, body, timing, cache } => reply::stream(&body, &run_id, &timing, cache),
            Served::Whole { run_id, answer } => {
                reply::bytes(200, answer.to_string().as_bytes(), &[("x-run-id", &run_id)])
            }
        })
    }

    fn stream(
        &self,
        asked: &Asked,
        record: &SessionRecord,
    ) -> std::result::Result<worker::Result<web_sys::Response>, ChatError> {
        let last = asked.query("last_event_id").or_else(|| asked.header("last-event-id"));
        let cursor = last.as_deref().map(|id| Cursor::read(id).ok_or_else(unreadable_cursor)).transpose()?;
        Ok(match self.hall.what_follows(record, cursor)? {
            Some(listening) => {
                reply::stream(&self.hall.stream(&listening, asked.0.signal())?, &listening.run, "", None)
            }
            None => reply::nothing(),
        })
    }

    fn socket(&self) -> std::result::Result<Result<Response>, ChatError> {
        let failed = |_| ChatError::new(ErrorKind::Internal, "the runtime gives no socket");
        let pair = WebSocketPair::new().map_err(failed)?;
        self.hall.admit_socket(&pair.server)?;
        Ok(Response::from_websocket(pair.client))
    }
}

async fn create(asked: &Asked) -> std::result::Result<CreateSession, ChatError> {
    let mut fields = asked.fields().await?;
    let listed = fields.get("listed").and_then(Value::as_bool).unwrap_or(false);
    fields.insert("id".to_owned(), Value::from(asked.header("x-session")));
    let unreadable = |_| ChatError::new(ErrorKind::Internal, "the session's fields cannot be read");
    let record: SessionRecord = serde_json::from_value(Value::Object(fields)).map_err(unreadable)?;
    Ok(CreateSession { record: SessionRecord { titled: record.title.is_some(), ..record }, listed })
}

fn title(fields: &Map<String, Value>) -> std::result::Result<String, ChatError> {
    if let Some(unknown) = fields.keys().find(|name| *name != "title") {
        return Err(ChatError::invalid(unknown.as_str(), format!("{unknown} cannot be changed: only title can")));
    }
    let title = fields.get("title").and_then(Value::as_str).map(str::trim).filter(|title| !title.is_empty());
    match title {
        // A title is a line of a list.
        Some(title) if title.chars().count() <= 200 => Ok(title.to_owned()),
        Some(_) => Err(ChatError::invalid("title", "title must have at most 200 characters")),
        None => Err(ChatError::invalid("title", "title must be a text that is not empty")),
    }
}
