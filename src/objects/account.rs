//! The account of one key.

use std::rc::Rc;

use serde_json::Map;
use worker::{DurableObject, Env, Request, Response, Result, State, durable_object};

use super::plain::{no_alarm, no_sockets};
use super::reply::{self, Asked};
use crate::models::{ChatError, ErrorKind};
use crate::platform::{self, Home};
use crate::service::{APART, ROOM, Teller};

/// A key's object.
#[durable_object]
pub struct AccountObject {
    teller: std::result::Result<Rc<Teller>, ChatError>,
}

impl DurableObject for AccountObject {
    fn new(state: State, env: Env) -> Self {
        AccountObject { teller: Teller::new(Home::new(state), platform::Env::new(&env)) }
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        let asked = Asked(Clone::clone(request.inner()));
        reply::told(self.answer(&asked).await, &asked)
    }

    no_alarm!();
    no_sockets!();
}

impl AccountObject {
    async fn answer(&self, asked: &Asked) -> std::result::Result<worker::Result<web_sys::Response>, ChatError> {
        let teller = self.teller.as_ref().map_err(Clone::clone)?;
        let unreadable = |_| ChatError::new(ErrorKind::Internal, "the account cannot read what it is told");
        let fields = asked.header("x-fields").map_or(Ok(Map::new()), |fields| serde_json::from_str(&fields));
        let (fields, owner) = (fields.map_err(unreadable)?, asked.header("x-owner").unwrap_or_default());
        match asked.path().as_str() {
            "/enter" => {
                let has_room = teller.enter(&owner, &fields).await?;
                return Ok(entered(has_room));
            }
            "/enter-all" => {
                let has_room = teller.enter_all(&owner, &fields).await?;
                return Ok(has_room.map_or_else(|| reply::nothing_but(&[(APART, "1")]), entered));
            }
            "/renew" => teller.renew(&fields),
            "/leave" => teller.leave(&fields).await?,
            "/read" => return Ok(reply::json(200, &teller.read(&owner).await?)),
            _ => return Err(ChatError::new(ErrorKind::NotFound, "there is no such route")),
        }
        Ok(reply::nothing())
    }
}

fn entered(has_room: bool) -> worker::Result<web_sys::Response> {
    reply::nothing_but(if has_room { &[(ROOM, "1")] } else { &[] })
}
