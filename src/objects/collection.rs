//! One collection.

use std::rc::Rc;

use worker::{DurableObject, Env, Request, Response, Result, State, durable_object};

use super::plain::no_sockets;
use super::reply::{self, Asked};
use crate::models::ChatError;
use crate::platform::{self, Home, Stopwatch, decoded};
use crate::providers::Trace;
use crate::service::{Asking, Collection, no_collection};

/// A collection's object.
#[durable_object]
pub struct CollectionObject {
    collection: Rc<Collection>,
}

impl DurableObject for CollectionObject {
    fn new(state: State, env: Env) -> Self {
        CollectionObject { collection: Collection::new(Home::new(state), platform::Env::new(&env)) }
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        let asked = Asked(Clone::clone(request.inner()));
        reply::told(self.answer(&asked).await, &asked)
    }

    async fn alarm(&self) -> Result<Response> {
        match self.collection.alarm().await {
            Ok(()) => Response::empty(),
            // The runtime tries again.
            Err(error) => Err(worker::Error::RustError(error.message)),
        }
    }

    no_sockets!();
}

impl CollectionObject {
    async fn answer(&self, asked: &Asked) -> std::result::Result<worker::Result<web_sys::Response>, ChatError> {
        let collection = &self.collection;
        let name = asked.header("x-collection").unwrap_or_default();
        let asking = Asking {
            digest: asked.header("x-digest").unwrap_or_default(),
            owner: asked.header("x-owner").unwrap_or_default(),
            trace: Trace { request_id: asked.header("x-request-id").unwrap_or_default(), ..Trace::default() },
            clock: Stopwatch::start(),
            left: asked.0.signal(),
        };
        let (method, path) = (asked.0.method(), asked.path());
        let document = path.strip_prefix("/documents/").map(decoded);
        Ok(match (method.as_str(), path.as_str(), document) {
            ("GET", _, Some(id)) => reply::json(200, &collection.read(&id)?),
            ("DELETE", _, Some(id)) => {
                collection.delete(&id, &asking).await?;
                reply::nothing()
            }
            ("GET", "/", _) => reply::json(200, &collection.describe(&name)?),
            ("DELETE", "/" | "/documents", _) => {
                collection.clear(&asking).await?;
                reply::nothing()
            }
            ("GET", "/documents", _) => {
                let (limit, after) = (asked.query("limit"), asked.query("after"));
                reply::json(200, &collection.list(limit.as_deref(), after.as_deref())?)
            }
            ("POST", "/documents", _) => reply::json(201, &collection.add(&asked.body().await?, &asking).await?),
            ("POST", "/search", _) => reply::json(200, &collection.search(&asked.body().await?, &asking).await?),
            _ => return Err(no_collection()),
        })
    }
}
