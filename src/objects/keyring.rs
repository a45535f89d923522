//! The key ring.

use worker::{DurableObject, Env, Request, Response, Result, State, durable_object};

use super::plain::{no_alarm, no_sockets};
use super::reply::{self, Asked};
use crate::data::RingStore;
use crate::models::{ChatError, ErrorKind};
use crate::platform::{self, Home, decoded};
use crate::service::Keyring;

/// The one object of its kind.
#[durable_object]
pub struct KeyringObject {
    keyring: std::result::Result<Keyring, ChatError>,
}

impl DurableObject for KeyringObject {
    fn new(state: State, env: Env) -> Self {
        let store = RingStore::open(Home::new(state).sql());
        KeyringObject { keyring: store.map(|store| Keyring::new(store, platform::Env::new(&env))) }
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        let asked = Asked(Clone::clone(request.inner()));
        reply::told(self.answer(&asked).await, &asked)
    }

    no_alarm!();
    no_sockets!();
}

impl KeyringObject {
    async fn answer(&self, asked: &Asked) -> std::result::Result<worker::Result<web_sys::Response>, ChatError> {
        let keyring = self.keyring.as_ref().map_err(Clone::clone)?;
        let (method, path) = (asked.0.method(), asked.path());
        let (name, rest) = match path.strip_prefix("/keys/") {
            Some(rest) => rest.split_once('/').map_or((rest, ""), |(name, rest)| (name, rest)),
            None => ("", path.as_str()),
        };
        let name = decoded(name);
        Ok(match (method.as_str(), name.as_str(), rest) {
            ("GET", "", "/ring") => {
                let version = asked.query("version").and_then(|version| version.parse().ok()).unwrap_or(0);
                match keyring.ring(version)? {
                    Some(ring) => reply::json(200, &ring),
                    None => reply::nothing(),
                }
            }
            ("GET", "", "/keys") => reply::json(200, &keyring.list()?),
            ("POST", "", "/keys") => reply::json(201, &keyring.add(asked.fields().await?)?),
            ("GET", _, "") => reply::json(200, &keyring.read(&name)?),
            ("PATCH", _, "") => reply::json(200, &keyring.change(&name, asked.fields().await?)?),
            ("DELETE", _, "") => {
                keyring.revoke(&name)?;
                reply::nothing()
            }
            ("POST", _, "rotate") => reply::json(200, &keyring.rotate(&name, &asked.fields().await?)?),
            _ => return Err(ChatError::new(ErrorKind::NotFound, "there is no such route")),
        })
    }
}
