//! A run for one client, in the isolate that serves it.

use std::pin::pin;
use std::rc::Rc;

use futures_channel::oneshot;
use futures_util::future::{AbortHandle, Abortable, Either, select};
use serde_json::{Map, Value};

use super::job::{Job, close};
use super::remote::new_run_id;
use super::run::{Run, STALLED_CLIENT_MS, Tell, gone};
use super::{Ask, House};
use crate::models::{ChatError, ChatRequest};
use crate::platform::{OnAbort, Outlet, Pipe, sleep};

/// A run whose client can be answered.
pub struct Started {
    /// The run's id.
    pub run_id: String,
    /// What the client reads.
    pub body: web_sys::ReadableStream,
    /// What the cache had to say.
    pub cache: Option<&'static str>,
}

/// Without a session an assistant's state ends with the run.
fn forget(_: &Map<String, Value>) -> Result<(), ChatError> {
    Ok(())
}

/// Runs to its end, into an outlet. An error is one that was not told there.
pub async fn run_into(chat: ChatRequest, ask: Ask, house: &House, outlet: Rc<dyn Outlet>) -> Result<(), ChatError> {
    let job = Job::new(&chat, &ask, Map::new(), house)?;
    let left = ask.left.clone();
    ask.is_logged.set(true);
    // Whoever waits here hears it by the error.
    let tell: Tell = Box::new(drop);
    let run = Run::new(new_run_id(), chat, ask, house, job.plans.len(), (outlet, tell));
    let run = Rc::new(job.fit(run));
    let (stop, stopped) = AbortHandle::new_pair();
    let leaver = Rc::downgrade(&run);
    let _listener = OnAbort::new(left, move || {
        if let Some(run) = leaver.upgrade() {
            run.leave();
        }
        stop.abort();
    });
    let outcome = Abortable::new(job.carry_out(&run, house, &forget), stopped).await.unwrap_or_else(|_| Err(gone()));
    close(&run, &outcome, house).await;
    outcome
}

/// Starts a run, and waits until the client can be answered. The run itself goes on under the
/// context's `wait_until` while the client reads.
pub async fn start(
    chat: ChatRequest,
    ask: Ask,
    house: &House,
    context: &worker::Context,
) -> Result<Started, ChatError> {
    let job = Job::new(&chat, &ask, Map::new(), house)?;
    let (tell, mut told) = oneshot::channel();
    let left = ask.left.clone();
    let run_id = ask.session.as_ref().map_or_else(new_run_id, |session| session.run_id.clone());
    let pipe = Rc::new(Pipe::new()?);
    ask.is_logged.set(ask.session.is_none());
    // Nobody hears the verdict only when the client is gone.
    let tell: Tell = Box::new(move |verdict| drop(tell.send(verdict)));
    let run = Run::new(run_id, chat, ask, house, job.plans.len(), (pipe.clone(), tell));
    let run = Rc::new(job.fit(run));
    let (stop, stopped) = AbortHandle::new_pair();
    let leaver = Rc::downgrade(&run);
    let listener = OnAbort::new(left, move || {
        if let Some(run) = leaver.upgrade() {
            run.leave();
        }
        stop.abort();
    });
    let (driven, written, house) = (run.clone(), pipe.clone(), house.clone());
    context.wait_until(async move {
        let outcome =
            Abortable::new(job.carry_out(&driven, &house, &forget), stopped).await.unwrap_or_else(|_| Err(gone()));
        if outcome.is_err() {
            // An abandoned run leaves neither an upstream request nor an open stream.
            driven.leave();
        }
        if driven.ask().session.is_none() {
            // What runs in a session is settled there.
            close(&driven, &outcome, &house).await;
        }
        // What was written last may still be on its way through a slow client.
        select(pin!(written.flushed()), pin!(sleep(STALLED_CLIENT_MS))).await;
        drop(listener);
    });
    loop {
        // Silence is for clients of streams only: one object has no room for a sign of life.
        let patience = if run.ask().stream { run.settings().heartbeat_ms } else { u64::from(u32::MAX >> 1) };
        match select(&mut told, pin!(sleep(patience))).await {
            Either::Left((verdict, _)) => {
                verdict.unwrap_or_else(|_| Err(gone()))?;
                break;
            }
            Either::Right(_) if run.is_in_flight() => {
                run.commit();
                run.heartbeat();
                break;
            }
            // Between two attempts: the next one may still fail with a status.
            Either::Right(_) => {}
        }
    }
    Ok(Started { run_id: run.id().to_owned(), body: pipe.readable(), cache: run.cache_word() })
}
