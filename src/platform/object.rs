//! A Durable Object, asked like a server.

use http::Request;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::Response;

use super::fetch::to_js;
use super::{Abort, Answer, Fetched, js};
use crate::models::{ChatError, ErrorKind};

/// The object of a name, wherever it lives.
#[derive(Clone)]
pub struct Object(js::Stub);

impl Object {
    /// The object of this name behind a binding.
    pub fn new(namespace: JsValue, name: &str) -> Result<Self, ChatError> {
        let namespace: js::Namespace = namespace.unchecked_into();
        namespace.get_by_name(name).map(Object).map_err(|_| lost())
    }

    /// Sends a request and waits for the answer's headers.
    pub async fn send(&self, request: Request<Vec<u8>>, abort: &Abort) -> Answer {
        let request = to_js(request, abort).map_err(|_| lost())?;
        Ok(Fetched::from(&self.fetch(&request).await?))
    }

    /// Passes a request on that asks for a socket, and gives the response that holds it.
    pub async fn connect(&self, request: Request<Vec<u8>>) -> Result<Response, ChatError> {
        let abort = Abort::new()?;
        let request = to_js(request, &abort).map_err(|_| lost())?;
        self.fetch(&request).await
    }

    async fn fetch(&self, request: &web_sys::Request) -> Result<Response, ChatError> {
        let answer = self.0.ask(request).map_err(|_| lost())?;
        Ok(JsFuture::from(answer).await.map_err(|_| lost())?.unchecked_into())
    }
}

/// An object that was reset in the middle of a request, or is overloaded.
fn lost() -> ChatError {
    ChatError::new(ErrorKind::Interrupted, "the object did not answer: ask again")
}
