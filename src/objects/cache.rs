//! Answers that are kept for one key.

use worker::{DurableObject, Env, Request, Response, Result, State, durable_object};

use super::plain::no_sockets;
use super::reply::{self, Asked};
use crate::data::CacheStore;
use crate::models::{ChatError, ErrorKind};
use crate::platform::{Home, now_ms};

/// A cache's object.
#[durable_object]
pub struct CacheObject {
    home: Home,
    store: std::result::Result<CacheStore, ChatError>,
}

impl DurableObject for CacheObject {
    fn new(state: State, _: Env) -> Self {
        let home = Home::new(state);
        CacheObject { store: CacheStore::open(home.sql()), home }
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        let asked = Asked(Clone::clone(request.inner()));
        reply::told(self.answer(&asked).await, &asked)
    }

    async fn alarm(&self) -> Result<Response> {
        if let Ok(Some(next)) = self.store.as_ref().map_err(Clone::clone).and_then(|store| store.forget(now_ms())) {
            self.home.set_alarm(next.saturating_sub(now_ms()).max(1_000)).await;
        }
        Response::empty()
    }

    no_sockets!();
}

impl CacheObject {
    async fn answer(&self, asked: &Asked) -> std::result::Result<worker::Result<web_sys::Response>, ChatError> {
        let store = self.store.as_ref().map_err(Clone::clone)?;
        let digest = asked.path().trim_start_matches('/').to_owned();
        match asked.0.method().as_str() {
            "GET" => Ok(match store.find(&digest, now_ms())? {
                Some(body) => reply::bytes(200, &body, &[]),
                None => reply::nothing(),
            }),
            "PUT" => {
                let ttl = asked.header("x-ttl-ms").and_then(|ttl| ttl.parse().ok()).unwrap_or(0);
                store.keep(&digest, &asked.body().await?, ttl, now_ms())?;
                self.home.set_alarm(ttl.saturating_add(1_000)).await;
                Ok(reply::nothing())
            }
            _ => Err(ChatError::new(ErrorKind::NotFound, "there is no such route")),
        }
    }
}
