//! How runs end: by themselves, by their caller, or because their object was stopped.

use std::rc::Rc;

use serde_json::{Map, Value, json};

use super::{Going, Hall};
use crate::costs::{Charge, Outcome, Receipt};
use crate::dialects::{ReplyOptions, kept};
use crate::models::{ChatError, ChatRequest, ErrorKind, Event, Finish, Usage};
use crate::platform::{Settings, log, now_ms};
use crate::relay::{Folded, fold};
use crate::service::House;
use crate::service::books::{key_name, settle};
use crate::session::{Row, RunRecord, Status};

/// How often an object that answers is woken: it is not forgotten while it does.
const ALARM_MS: u64 = 30_000;

/// What is read of a log at once: enough rows to be worth a query.
const PAGE: usize = 1 << 20;

impl Hall {
    /// A run has said its last word: all of it is kept, and the next one begins.
    pub(super) fn over(self: &Rc<Self>, going: &Rc<Going>) {
        if going.over.rung().is_some() {
            return;
        }
        self.flush(going);
        let run = going.run.borrow().as_ref().map(|(run, _)| run.clone());
        if let Some((provider, model)) = run.as_ref().and_then(|run| run.last_answerer())
            && let Err(error) = self.store.answers(&going.id, &provider, &model)
        {
            log(&json!({"event": "session", "run_id": going.id, "error": error.message}));
        }
        // What was told is known; only what nobody was left to know is read from the log.
        let folded = run.and_then(|run| run.take_folded()).filter(|folded| folded.is_whole());
        let settled = self.settle(&going.id, folded);
        if let Err(error) = &settled {
            log(&json!({"event": "session", "run_id": going.id, "error": error.message}));
        }
        self.close(going);
        self.home_alarm();
    }

    /// It cannot be kept any further: its listeners are told, and what is kept of it stays.
    pub(super) fn lose(self: &Rc<Self>, going: &Rc<Going>, error: &ChatError) {
        if going.over.rung().is_some() {
            return;
        }
        log(&json!({"event": "session", "run_id": going.id, "error": error.message}));
        going.verdict.ring(Err(error.clone()));
        self.disappoint(&going.id, &last_words(&going.id, going.log.borrow().last(), error, Usage::default()));
        let _ = self.store.end(&going.id, Status::Failed, now_ms());
        self.close(going);
        if let Some((_, drive)) = going.run.borrow().as_ref() {
            drive.abort();
        }
    }

    /// It failed before anybody was given anything: as if it had not been.
    pub(super) fn fail(self: &Rc<Self>, going: &Rc<Going>, error: ChatError) {
        if going.over.rung().is_some() {
            return;
        }
        self.disappoint(&going.id, &last_words(&going.id, 0, &error, Usage::default()));
        if let Err(error) = self.store.undo(&going.id) {
            log(&json!({"event": "session", "run_id": going.id, "error": error.message}));
        }
        going.verdict.ring(Err(error));
        self.close(going);
    }

    /// One that waits does so no more.
    pub(super) fn give_up(self: &Rc<Self>, run: &str) {
        let Some(going) = self.going(run) else { return };
        if self.desk.borrow_mut().leave(run) {
            self.fail(&going, crate::service::run::gone());
        }
    }

    fn close(self: &Rc<Self>, going: &Rc<Going>) {
        going.verdict.ring(Ok(()));
        going.over.ring(());
        self.going.borrow_mut().remove(&going.id);
        self.release(&going.id);
        let next = self.desk.borrow_mut().over(&going.id).and_then(|next| self.going(&next));
        if let Some(next) = next {
            next.turn.ring(());
        }
    }

    /// Stops the run that is being answered. Gives it, if there was one.
    pub fn stop_live(self: &Rc<Self>) -> Option<String> {
        let going = self.live()?;
        self.stop(&going);
        Some(going.id.clone())
    }

    /// How the latest run stands, for who has stopped it or wanted to.
    pub fn stopped(&self, stopped: Option<String>) -> Result<Value, ChatError> {
        let run = match &stopped {
            Some(run) => Some(run.clone()),
            None => self.record()?.head,
        };
        let known = run.as_deref().map(|run| self.store.run(run)).transpose()?.flatten();
        let answer = match &known {
            Some(known) => self.store.messages(&known.id)?.pop().unwrap_or_default(),
            None => Value::Null,
        };
        Ok(json!({
            "stopped": stopped.is_some(),
            "run_id": run,
            "status": known.map(|known| known.status.as_str()),
            "finish_reason": answer.get("finish_reason"),
            "usage": answer.get("usage"),
        }))
    }

    /// Keeps what a run has said as a message.
    fn settle(self: &Rc<Self>, id: &str, folded: Option<Folded>) -> Result<(), ChatError> {
        let Some(run) = self.store.run(id)? else { return Ok(()) };
        let folded = folded.map_or_else(|| self.folded(id), Ok)?;
        let status = match (&folded.error, &folded.answer.finish) {
            (Some(error), _) if error.kind == ErrorKind::Interrupted && error.provider.is_none() => Status::Interrupted,
            (Some(_), _) => Status::Failed,
            (None, Some((Finish::Cancelled, _))) => Status::Cancelled,
            (None, _) => Status::Finished,
        };
        let mut answer = answer(&run, &folded);
        if let Some(error) = &folded.error {
            answer.insert("error".to_owned(), kept::error(error));
        }
        self.store.add_message(id, &Value::Object(answer))?;
        let now = now_ms();
        self.store.end(id, status, now)?;
        let mut record = self.record()?;
        record.updated_at = now;
        // What its assistant wrote into the state; what a tool changed is there already.
        record.state.extend(folded.answer.state);
        self.store.save(&record)?;
        self.note_later(record);
        Ok(())
    }

    /// What a run has said so far, as the message that it will be.
    pub(super) fn answer_so_far(&self, run: &RunRecord) -> Result<Map<String, Value>, ChatError> {
        let folded = self.folded(&run.id)?;
        Ok(answer(run, &Folded { error: None, ..folded }))
    }

    /// What a run's log adds up to. A page is read at a time: what is held is the answer, not its frames.
    fn folded(&self, run: &str) -> Result<Folded, ChatError> {
        let (mut frame, mut page, mut failure) = (0u64, Vec::new().into_iter(), None);
        let pieces = std::iter::from_fn(|| {
            loop {
                if let Some(Row { last, bytes, .. }) = page.next() {
                    frame = last;
                    return Some(bytes);
                }
                match self.store.rows(run, frame, PAGE) {
                    Ok(rows) if rows.is_empty() => return None,
                    Ok(rows) => page = rows.into_iter(),
                    Err(error) => {
                        failure = Some(error);
                        return None;
                    }
                }
            }
        });
        let folded = fold(kept::READER, pieces);
        failure.map_or(Ok(folded), Err)
    }

    /// Sees to what was being answered when the object was stopped: once, before anything else.
    pub(super) fn wake(self: &Rc<Self>) -> Result<(), ChatError> {
        if self.is_awake.replace(true) {
            return Ok(());
        }
        let head = self.record()?.head;
        for run in self.store.unfinished()? {
            if self.store.last_frame(&run.id)? == 0 && head.as_ref() != Some(&run.id) {
                // Nobody was given anything of it; but its provider may have been asked.
                self.store.undo(&run.id)?;
                self.charge(&run, 0)?;
            } else {
                self.interrupt(&run)?;
            }
        }
        self.home_alarm();
        Ok(())
    }

    fn interrupt(self: &Rc<Self>, run: &RunRecord) -> Result<(), ChatError> {
        let said = self.folded(&run.id)?.answer.size() as u64;
        let error = ChatError::new(ErrorKind::Interrupted, "the gateway was stopped in the middle of this answer");
        let last = self.store.last_frame(&run.id)?;
        let bytes = last_words(&run.id, last, &error, Usage::estimate(run.input_bytes, said));
        let number = last.saturating_add(1);
        self.store.keep(&run.id, &Row { first: number, last: number, bytes })?;
        self.settle(&run.id, None)?;
        self.charge(run, said)
    }

    /// Settles what an interrupted run used, as far as it is known: its driver has no more than told the log.
    fn charge(self: &Rc<Self>, run: &RunRecord, said: u64) -> Result<(), ChatError> {
        log(&json!({
            "event": "run", "run_id": run.id, "provider": run.provider, "model": run.model, "end": "interrupted",
        }));
        let (provider, model, ended) = (run.provider.clone(), run.model.clone(), "interrupted".to_owned());
        let ms = now_ms().saturating_sub(run.started_at);
        let (owner, mut usage) = (self.record()?.owner, Usage::estimate(run.input_bytes, said));
        let outcome = Outcome { provider: provider.clone(), model: model.clone(), ended, ms, first_token_ms: None };
        let (env, id) = (self.env.clone(), run.id.clone());
        self.home.wait_until(async move {
            let Ok(house) = House::open(env).await else { return };
            usage.cost = house.price(&provider, &model).map(|price| price.of(&usage));
            let charges = vec![Charge { provider, model, usage }];
            let receipt = Receipt { id, at_ms: now_ms(), key: key_name(&owner), charges, outcome: Some(outcome) };
            settle(&owner, &receipt, &house.env, &house.keys.limits(&owner)).await;
        });
        Ok(())
    }

    /// The alarm: an object that answers is kept awake; one that does not forgets old frames.
    pub async fn alarm(self: &Rc<Self>) -> Result<(), ChatError> {
        if self.store.session()?.is_none() {
            return Ok(());
        }
        self.wake()?;
        if self.live().is_some() {
            self.home.set_alarm(ALARM_MS).await;
            return Ok(());
        }
        let log_ms = Settings::read(&self.env)?.log_ms;
        if let Some(next) = self.store.reap(now_ms().saturating_sub(log_ms))? {
            self.home.set_alarm(next.saturating_add(log_ms).saturating_sub(now_ms()).max(1_000)).await;
        }
        Ok(())
    }

    /// Sees to it that the object is woken: soon while it answers, else when there is something to forget.
    pub(super) fn home_alarm(self: &Rc<Self>) {
        let hall = self.clone();
        self.home.wait_until(async move {
            let log_ms = Settings::read(&hall.env).map_or(ALARM_MS, |settings| settings.log_ms);
            let ms = if hall.live().is_some() { ALARM_MS } else { log_ms.saturating_add(1_000) };
            if !hall.is_deleted.get() {
                hall.home.set_alarm(ms).await;
            }
        });
    }
}

/// The frame that ends a run of ours when nothing else can.
fn last_words(run: &str, given: u64, error: &ChatError, usage: Usage) -> Vec<u8> {
    let reply = ReplyOptions { run_id: run.to_owned(), stream: true, given, ..ReplyOptions::default() };
    let mut encoder = kept::LANGUAGE.encoder(reply, &ChatRequest::default());
    let mut out = Vec::new();
    if usage != Usage::default() {
        encoder.event(Event::Usage(usage), &mut out);
    }
    encoder.event(Event::Error(error), &mut out);
    out
}

fn answer(run: &RunRecord, folded: &Folded) -> Map<String, Value> {
    let finish = folded.answer.finish.as_ref().map(|(reason, raw)| (*reason, raw.as_deref()));
    let answer = kept::answer(&run.id, &run.provider, &run.model, &folded.answer, finish);
    std::iter::once(("role".to_owned(), json!("assistant"))).chain(answer).collect()
}
