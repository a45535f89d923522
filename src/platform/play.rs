//! Plays the embedded demo's script as an answer that looks like any provider's from here on.

use http::{HeaderMap, HeaderValue, Request, StatusCode};
use js_sys::{Object, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};

use super::{Abort, Answer, Fetched, OnAbort, js, sleep};
use crate::providers::demo::{self, Reply, Script, Step};

/// Answers a request that was written for the demo.
pub fn play(request: Request<Vec<u8>>, abort: &Abort) -> Answer {
    let (status, content_type, stream) = match demo::answer(request.body()) {
        Reply::Error(status, body) => (status, "application/json", started(Player::Bytes(body), abort)),
        Reply::Stream(script) => (200, "text/event-stream", started(Player::Script(script), abort)),
    };
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static(content_type));
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Ok(Fetched { status, headers, body: Some(stream) })
}

enum Player {
    Bytes(Vec<u8>),
    Script(Script),
}

fn started(player: Player, abort: &Abort) -> web_sys::ReadableStream {
    let stream = js::IdentityTransformStream::with_strategy(&Object::new());
    let readable = stream.readable();
    let writable = stream.writable();
    if let Ok(writer) = writable.get_writer() {
        let writer: js::Writer = JsValue::from(writer).unchecked_into();
        let (stop, stopped) = futures_util::future::AbortHandle::new_pair();
        let listener = OnAbort::new(abort.signal(), move || stop.abort());
        spawn_local(async move {
            let playing = futures_util::future::Abortable::new(run(player, &writer), stopped);
            let cut = !matches!(playing.await, Ok(Ended::Whole));
            drop(listener);
            // Either may fail only because the reader is gone, and then there is nothing to do.
            let _ = settle(if cut { writer.abort(&"the demo broke off".into()) } else { writer.close() }).await;
        });
    }
    readable
}

#[derive(PartialEq)]
enum Ended {
    Whole,
    Broken,
}

async fn run(player: Player, writer: &js::Writer) -> Ended {
    let script = match player {
        Player::Bytes(bytes) => return write(&bytes, writer).await,
        Player::Script(script) => script,
    };
    // What needs no pause between goes out together, like tokens that a network packs.
    let mut ready = Vec::new();
    for step in script {
        match step {
            Step::Send(0, bytes) => ready.extend_from_slice(&bytes),
            Step::Send(pause, bytes) => {
                if write(&std::mem::replace(&mut ready, bytes), writer).await == Ended::Broken {
                    return Ended::Broken;
                }
                sleep(u64::from(pause)).await;
            }
            Step::Break => {
                write(&ready, writer).await;
                return Ended::Broken;
            }
            Step::Stall => {
                write(&ready, writer).await;
                std::future::pending::<()>().await;
            }
        }
        if ready.len() > 16 * 1024 && write(&std::mem::take(&mut ready), writer).await == Ended::Broken {
            return Ended::Broken;
        }
    }
    write(&ready, writer).await
}

async fn write(bytes: &[u8], writer: &js::Writer) -> Ended {
    if bytes.is_empty() || settle(writer.write(&Uint8Array::from(bytes))).await.is_ok() {
        Ended::Whole
    } else {
        Ended::Broken
    }
}

async fn settle(promise: Result<js::Then, JsValue>) -> Result<JsValue, JsValue> {
    JsFuture::from(js_sys::Promise::from(JsValue::from(promise?))).await
}
