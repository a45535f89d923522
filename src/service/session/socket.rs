//! Sockets of a session: the same events and cursors as its streams. They sleep when nothing happens, and the
//! object with them.

use std::cell::Cell;
use std::rc::Rc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use worker::WebSocket;

use super::{Hall, Listening, Post};
use crate::dialects::kept;
use crate::models::{ChatError, take_cache};
use crate::platform::{Abort, Outlet, Socket, Stopwatch, random_hex};
use crate::providers::Trace;
use crate::service::House;
use crate::service::remote::new_run_id;
use crate::session::{Cursor, messages, notice};

/// What a client may send to be answered without waking anybody, and the answer.
const PING: &str = r#"{"type":"ping"}"#;

/// One socket.
pub struct Guest {
    socket: Rc<Socket>,
    /// It hears every run of the session, and not only those that it asks for.
    follows: Cell<bool>,
}

/// What a socket remembers while the object sleeps.
#[derive(Default, Serialize, Deserialize)]
struct Attachment {
    follows: bool,
}

/// What came through a socket.
pub struct SocketCall {
    /// The message.
    pub text: String,
    /// Since its arrival.
    pub clock: Stopwatch,
}

impl Guest {
    pub(super) fn outlet(&self) -> Rc<dyn Outlet> {
        self.socket.clone()
    }

    fn tell(&self, event: &str, data: &Value) {
        self.socket.send(&notice(event, data));
    }

    fn refuse(&self, error: &ChatError) {
        self.tell("error", &json!({ "error": kept::error(error) }));
    }
}

impl Hall {
    /// Lets a socket in.
    pub fn admit_socket(&self, socket: &WebSocket) -> Result<(), ChatError> {
        self.home.answer_always(PING, &notice("pong", &Value::Null));
        self.home.accept(socket, &format!("w_{}", random_hex(20)))
    }

    /// A message came.
    pub async fn message(self: &Rc<Self>, socket: &WebSocket, call: SocketCall) {
        let guest = self.guest(socket);
        guest.socket.heard();
        if let Err(error) = self.take_message(socket, &guest, call).await {
            guest.refuse(&error);
        }
    }

    async fn take_message(
        self: &Rc<Self>,
        socket: &WebSocket,
        guest: &Rc<Guest>,
        call: SocketCall,
    ) -> Result<(), ChatError> {
        let mut fields: Map<String, Value> = serde_json::from_str(&call.text)
            .map_err(|_| ChatError::invalid("message", "a message must be a JSON object"))?;
        self.wake()?;
        let kind = fields.shift_remove("type");
        match kind.as_ref().and_then(Value::as_str) {
            Some("chat") => self.chat(guest, fields, call.clock).await,
            Some("resume") => self.resume(socket, guest, &fields),
            Some("stop") => {
                let stopped = self.stop_live();
                guest.tell("stopped", &self.stopped(stopped)?);
                Ok(())
            }
            Some("ping") => {
                guest.tell("pong", &Value::Null);
                Ok(())
            }
            _ => Err(ChatError::invalid("type", "type must be one of chat, resume, stop, ping")),
        }
    }

    async fn chat(
        self: &Rc<Self>,
        guest: &Rc<Guest>,
        mut fields: Map<String, Value>,
        clock: Stopwatch,
    ) -> Result<(), ChatError> {
        let record = self.record()?;
        let house = House::open(self.env.clone()).await?;
        let text = |name: &str, fields: &mut Map<String, Value>| {
            // What is no text stays, and is named as what is not known.
            let text = fields.get(name).and_then(Value::as_str).map(str::to_owned)?;
            fields.shift_remove(name);
            Some(text)
        };
        let (key, provider_key) = (text("idempotency_key", &mut fields), text("provider_key", &mut fields));
        let cache_ttl = take_cache(&mut fields)?;
        fields.insert("session_id".to_owned(), json!(record.id));
        let post = Post {
            run_id: new_run_id(),
            body: Value::Object(fields).to_string().into_bytes(),
            stream: true,
            key,
            last_event_id: None,
            provider_key,
            cache_ttl,
            trace: Trace { request_id: format!("req_{}", random_hex(20)), traceparent: None },
            clock,
            left: Abort::new()?.signal(),
        };
        let entered = self.enter(&record, post, &house)?;
        if let Some(going) = &entered.going {
            self.verdict(going, true, &house).await?;
        }
        let run = entered.run_id;
        if !self.hears(&run, &guest.outlet()) {
            self.send_to(&Listening { run, frame: 0 }, guest.outlet());
        }
        Ok(())
    }

    fn resume(
        self: &Rc<Self>,
        socket: &WebSocket,
        guest: &Rc<Guest>,
        fields: &Map<String, Value>,
    ) -> Result<(), ChatError> {
        let cursor = match fields.get("last_event_id").filter(|value| !value.is_null()) {
            None => None,
            Some(value) => Some(value.as_str().and_then(Cursor::read).ok_or_else(unreadable_cursor)?),
        };
        if let Some(follows) = fields.get("follow").and_then(Value::as_bool) {
            guest.follows.set(follows);
            // What cannot be remembered is asked for again by whoever comes back.
            let _ = socket.serialize_attachment(Attachment { follows });
        }
        self.dismiss(&guest.outlet());
        match self.what_follows(&self.record()?, cursor)? {
            Some(listening) => self.send_to(&listening, guest.outlet()),
            None => guest.tell("idle", &Value::Null),
        }
        Ok(())
    }

    /// A run begins: those who follow the session hear it.
    pub(super) fn follow(self: &Rc<Self>, run: &str) {
        for socket in self.home.sockets() {
            let guest = self.guest(&socket);
            if guest.follows.get() && !self.hears(run, &guest.outlet()) {
                self.send_to(&Listening { run: run.to_owned(), frame: 0 }, guest.outlet());
            }
        }
    }

    /// A socket was closed, by whomever.
    pub fn socket_left(self: &Rc<Self>, socket: &WebSocket, code: u16) {
        let guest = self.sockets.borrow_mut().remove(&self.home.tag(socket));
        if let Some(guest) = guest {
            self.dismiss(&guest.outlet());
            let runs: Vec<String> = self.going.borrow().keys().cloned().collect();
            runs.iter().for_each(|run| self.left(run));
        }
        // The other side of the handshake; one that is over already is over all the same.
        let code = if (1000..=1015).contains(&code) && ![1004, 1005, 1006, 1015].contains(&code) { code } else { 1000 };
        let _ = socket.close(Some(code), Some(""));
    }

    fn guest(&self, socket: &WebSocket) -> Rc<Guest> {
        let tag = self.home.tag(socket);
        if let Some(guest) = self.sockets.borrow().get(&tag) {
            return guest.clone();
        }
        let home = Rc::downgrade(&self.home);
        let answered_at = move |socket: &WebSocket| home.upgrade().and_then(|home| home.answered_at(socket));
        let attachment = socket.deserialize_attachment::<Attachment>().ok().flatten().unwrap_or_default();
        let guest = Rc::new(Guest {
            socket: Rc::new(Socket::new(socket.clone(), messages, answered_at)),
            follows: Cell::new(attachment.follows),
        });
        self.sockets.borrow_mut().insert(tag, guest.clone());
        guest
    }
}

/// An id that we never gave.
pub fn unreadable_cursor() -> ChatError {
    ChatError::invalid("last_event_id", "last_event_id must be the id of an event of this session")
}
