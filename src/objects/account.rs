//! The account of one key.

use std::rc::Rc;

use serde_json::Value;
use worker::{DurableObject, Env, Request, Response, Result, State, durable_object};

use super::plain::{no_alarm, no_sockets};
use super::reply::{self, Asked};
use crate::models::{ChatError, ErrorKind};
use crate::platform::{self, Home};
use crate::service::Teller;

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
        reply::told(self.answer(&asked).await.map(|value| reply::json(200, &value)), &asked)
    }

    no_alarm!();
    no_sockets!();
}

impl AccountObject {
    async fn answer(&self, asked: &Asked) -> std::result::Result<Value, ChatError> {
        let teller = self.teller.as_ref().map_err(Clone::clone)?;
        let (fields, owner) = (asked.fields().await?, asked.header("x-owner").unwrap_or_default());
        match asked.path().as_str() {
            "/enter" => teller.enter(&owner, &fields).await,
            "/renew" => Ok(teller.renew(&fields)),
            "/leave" => teller.leave(&fields).await,
            "/read" => teller.read(&owner).await,
            _ => Err(ChatError::new(ErrorKind::NotFound, "there is no such route")),
        }
    }
}
