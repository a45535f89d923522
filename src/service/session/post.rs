//! A request for a run, from the verdict on it to the first frame for whoever asked.

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;

use futures_util::future::{Either, select};
use serde_json::{Map, Value, json};

use super::begin::Asked;
use super::{Going, Hall, Listening, with_defaults};
use crate::callers::digest_hex;
use crate::dialects::kept;
use crate::models::{ChatError, ErrorKind, OnDisconnect, SessionTurn};
use crate::platform::{Bell, OnAbort, Stopwatch, sleep};
use crate::providers::Trace;
use crate::service::House;
use crate::session::{Cursor, Log, SessionRecord, Verdict};

/// A request for a run.
pub struct Post {
    /// The id that the run is to have.
    pub run_id: String,
    /// The request, in the language of sessions.
    pub body: Vec<u8>,
    /// Whether the answer is to be a stream.
    pub stream: bool,
    /// The name under which it is made once only.
    pub key: Option<String>,
    /// The last frame that the caller saw, of a request that was made before.
    pub last_event_id: Option<String>,
    /// The caller's own key for the provider.
    pub provider_key: Option<String>,
    /// For how many seconds the answer may be kept and given again.
    pub cache_ttl: Option<u64>,
    /// Ids for logs.
    pub trace: Trace,
    /// Since its arrival.
    pub clock: Stopwatch,
    /// Fires when the caller leaves.
    pub left: web_sys::AbortSignal,
}

/// What a caller gets.
pub enum Served {
    /// The frames of a run.
    Stream {
        /// The run.
        run_id: String,
        /// What the client reads.
        body: web_sys::ReadableStream,
        /// What was tried until it began.
        timing: String,
        /// What the cache had to say.
        cache: Option<&'static str>,
    },
    /// The whole answer.
    Whole {
        /// The run.
        run_id: String,
        /// The answer.
        answer: Value,
    },
}

/// The run that answers a request; under way, unless it was over before.
pub(super) struct Entered {
    pub run_id: String,
    pub going: Option<Rc<Going>>,
    /// Whether this very request made it.
    pub is_new: bool,
}

impl Hall {
    /// Answers a request for a run.
    pub async fn post(self: &Rc<Self>, record: &SessionRecord, post: Post) -> Result<Served, ChatError> {
        let (stream, left, from) = (post.stream, post.left.clone(), post.last_event_id.clone());
        let house = House::open(self.env.clone()).await?;
        let entered = self.enter(record, post, &house)?;
        let run_id = entered.run_id;
        let (hall, leaving) = (Rc::downgrade(self), run_id.clone());
        let on_leave = OnAbort::new(left.clone(), move || {
            // Who only asked again leaves the run to whoever asked first.
            if let Some(hall) = hall.upgrade().filter(|_| entered.is_new) {
                hall.give_up(&leaving);
                hall.left(&leaving);
            }
        });
        match &entered.going {
            Some(going) => self.verdict(going, stream, &house).await?,
            // It was made before and is over: its frames may be gone.
            None if stream => self.whole_log(&run_id)?,
            None => {}
        }
        if !stream {
            if let Some(going) = &entered.going {
                going.over.heard().await;
            }
            return Ok(Served::Whole { answer: self.answer(&run_id)?, run_id });
        }
        drop(on_leave);
        let cursor = from.as_deref().and_then(Cursor::read).filter(|cursor| cursor.run == run_id);
        let asked_for = cursor.map_or(0, |cursor| cursor.frame);
        // What is beyond the end was never given to anybody.
        let frame = entered.going.as_ref().map_or(asked_for, |going| asked_for.min(going.log.borrow().last()));
        let body = self.stream(&Listening { run: run_id.clone(), frame }, left)?;
        let run = entered.going.and_then(|going| going.run.borrow().as_ref().map(|(run, _)| run.clone()));
        let timing = run.as_ref().map(|run| run.ask().trail.borrow().server_timing()).unwrap_or_default();
        Ok(Served::Stream { run_id, body, timing, cache: run.and_then(|run| run.cache_word()) })
    }

    /// Decides on a request, and begins what it asks for if that is allowed.
    pub(super) fn enter(
        self: &Rc<Self>,
        record: &SessionRecord,
        post: Post,
        house: &House,
    ) -> Result<Entered, ChatError> {
        let asked: Map<String, Value> = serde_json::from_slice(&post.body).unwrap_or_default();
        let mut merged = with_defaults(&record.defaults, &asked);
        if !record.assistant.is_empty() && !merged.contains_key("assistant") {
            merged.insert("assistant".to_owned(), json!(record.assistant));
        }
        let body = serde_json::to_vec(&merged).unwrap_or_default();
        let mut chat = kept::LANGUAGE.read_request(&body)?;
        let turn = chat.session.take();
        let queue = turn.as_ref().is_some_and(|turn| turn.queue);
        let keyed = post.key.as_deref().map(|key| self.keyed(key)).transpose()?.flatten();
        let digest = digest_hex(&post.body);
        let verdict = self.desk.borrow_mut().post(&post.run_id, &digest, keyed, queue);
        match verdict {
            Verdict::Attach(run_id) => return Ok(Entered { going: self.going(&run_id), run_id, is_new: false }),
            Verdict::Busy(run) => return Err(busy(run)),
            Verdict::KeyTaken => {
                let words = "the idempotency-key was used for another request in this session";
                return Err(ChatError::invalid("idempotency-key", words));
            }
            Verdict::Begin | Verdict::Wait => {}
        }
        let going = Rc::new(Going {
            id: post.run_id.clone(),
            on_disconnect: chat.on_disconnect.unwrap_or(OnDisconnect::Detach),
            key: post.key.clone().map(|key| (key, digest.clone())),
            turn: Bell::default(),
            verdict: Bell::default(),
            over: Bell::default(),
            run: RefCell::new(None),
            log: RefCell::new(Log::new(house.settings.pack_ms)),
            is_timed: Cell::new(false),
        });
        self.going.borrow_mut().insert(going.id.clone(), going.clone());
        let messages = merged.get("messages").and_then(Value::as_array).cloned().unwrap_or_default();
        let parent = turn.map(|SessionTurn { parent, .. }| parent).unwrap_or_default();
        let repeats = merged.get("asked").map(Value::to_string);
        let asked = Asked { chat, messages, asked: repeats, parent, digest, post, house: house.clone() };
        match verdict {
            Verdict::Wait => self.wait_for_turn(going.clone(), asked),
            _ => self.begin(&going, asked),
        }
        Ok(Entered { run_id: going.id.clone(), going: Some(going), is_new: true })
    }

    /// A request under the same key: one that is under way, or one that is kept.
    fn keyed(&self, key: &str) -> Result<Option<crate::session::Keyed>, ChatError> {
        let going = self.going.borrow();
        let waiting = going.values().find_map(|going| {
            let (own, digest) = going.key.as_ref()?;
            (own == key).then(|| crate::session::Keyed { run: going.id.clone(), digest: digest.clone() })
        });
        match waiting {
            Some(keyed) => Ok(Some(keyed)),
            None => self.store.keyed(key),
        }
    }

    fn wait_for_turn(self: &Rc<Self>, going: Rc<Going>, asked: Asked) {
        let hall = self.clone();
        let heartbeat_ms = asked.house.settings.heartbeat_ms;
        self.home.wait_until(async move {
            loop {
                match select(pin!(going.turn.heard()), pin!(sleep(heartbeat_ms))).await {
                    Either::Left(_) => break,
                    Either::Right(_) if going.over.rung().is_some() => return,
                    Either::Right(_) => hall.beat(&going.id, b": hb\n\n"),
                }
            }
            if going.over.rung().is_none() {
                hall.begin(&going, asked);
            }
        });
    }

    /// Waits until it is known whether a run answers. In a long silence a stream begins before that.
    pub(super) async fn verdict(&self, going: &Rc<Going>, stream: bool, house: &House) -> Result<(), ChatError> {
        if !stream {
            return going.verdict.heard().await.unwrap_or(Ok(()));
        }
        loop {
            let patience = house.settings.heartbeat_ms;
            match select(pin!(going.verdict.heard()), pin!(sleep(patience))).await {
                Either::Left((verdict, _)) => return verdict.unwrap_or(Ok(())),
                Either::Right(_) => {}
            }
            let run = going.run.borrow().as_ref().map(|(run, _)| run.clone());
            match run {
                Some(run) if run.is_in_flight() => {
                    run.commit();
                    run.heartbeat();
                    return Ok(());
                }
                // Between two attempts: the next one may still fail with a status.
                Some(_) => {}
                // It waits for its turn: a client that waits, too, should see that it does.
                None => return Ok(()),
            }
        }
    }

    /// The answer of a run as it is kept, whether it failed or is still being given; when it began, and what it
    /// repeats of its request.
    pub fn kept_answer(&self, run: &str) -> Result<Value, ChatError> {
        let missing = crate::service::no_session;
        let known = self.store.run(run)?.filter(|known| !known.hidden).ok_or_else(missing)?;
        let answer = match self.going(run) {
            Some(_) => Value::Object(self.answer_so_far(&known)?),
            None => self.store.messages(run)?.pop().filter(|answer| answer.get("id").is_some()).ok_or_else(missing)?,
        };
        let asked: Value = known.asked.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        Ok(json!({"answer": answer, "asked": asked, "created": known.started_at / 1000}))
    }

    /// Forgets one answer: it cannot be asked for any more, nor followed. What follows it already stays as it is.
    pub async fn forget_answer(self: &Rc<Self>, record: &SessionRecord, run: &str) -> Result<(), ChatError> {
        let known = self.store.run(run)?.filter(|known| !known.hidden).ok_or_else(crate::service::no_session)?;
        if let Some(going) = self.going(run) {
            self.stop(&going);
        }
        let parents = self.store.parents()?;
        if parents.len() < 2 {
            return self.delete(record).await;
        }
        if parents.values().any(|parent| parent.as_deref() == Some(run)) {
            return self.store.hide(run);
        }
        self.store.undo(run)?;
        if record.head.as_deref() == Some(run) {
            self.store.save(&SessionRecord { head: known.parent, ..self.record()? })?;
        }
        Ok(())
    }

    /// The answer of a run that is over; one that failed is its error.
    pub fn answer(&self, run: &str) -> Result<Value, ChatError> {
        let answer = self.store.messages(run)?.pop().filter(|answer| answer.get("id").is_some());
        let Some(answer) = answer else {
            return Err(ChatError::new(ErrorKind::Interrupted, "the run ended without an answer"));
        };
        match answer.get("error") {
            Some(error) => Err(kept::read_error(error)),
            None => Ok(answer),
        }
    }
}

fn busy(run: String) -> ChatError {
    let words = format!("the session is busy with the run {run}: stop it, wait for it, or ask with on_busy queue");
    ChatError { param: Some("session_id".to_owned()), code: Some(run), ..ChatError::new(ErrorKind::Conflict, words) }
}
