//! How a run is produced: by a model that is asked once, or by an assistant.

use std::pin::pin;
use std::rc::Rc;

use futures_util::FutureExt;
use futures_util::future::{Either, FusedFuture, select};
use serde_json::{Map, Value};

use super::books::{admit, has_room, settle, watch};
use super::cache::{self, Slot};
use super::conduct::{Keep, conduct};
use super::drive::drive;
use super::exchange::moderate;
use super::plan::{Plan, plans};
use super::run::{Cached, Run};
use super::{Ask, House};
use crate::assistants::{Play, USUAL};
use crate::guard::banned;
use crate::models::{ChatError, ChatRequest, ErrorKind, Message, Role};
use crate::platform::log;

/// What is to be done for a request.
pub struct Job {
    /// Whom it asks, as far as that is known before.
    pub plans: Vec<Plan>,
    /// The assistant that asks, and maybe others; none where nothing but the answer is wanted.
    play: Option<Play>,
}

impl Job {
    /// The job of a request; the state is what earlier runs of its session left. What is wrong with it is told here,
    /// before anybody is asked.
    pub fn new(chat: &ChatRequest, ask: &Ask, state: Map<String, Value>, house: &House) -> Result<Self, ChatError> {
        let is_plain = chat.assistant.as_deref().is_none_or(|name| name == USUAL);
        let asks_once = is_plain && chat.retrieval.is_none() && !chat.steps;
        // What belongs to a session is produced there.
        let play = match asks_once || ask.session.is_some() {
            true => None,
            false => Some(Play::new(chat.clone(), state, house.assistants()?)?),
        };
        Ok(Job { plans: plans(chat, ask, house)?, play })
    }

    /// The run, made for this job.
    pub fn fit(&self, run: Run) -> Run {
        match &self.play {
            Some(play) => run.joined(play.name()),
            None => run,
        }
    }

    /// Does it, if the caller's limits allow it. An error is what the client is told instead of an answer.
    pub async fn carry_out(self, run: &Rc<Run>, house: &House, keep: Keep<'_>) -> Result<(), ChatError> {
        if run.ask().session.is_some() {
            // Whoever is asked there finds out for itself.
            return drive(run, &self.plans).await;
        }
        let owner = run.ask().owner.clone();
        let mut admission = pin!(admit(&owner, Some(run.id()), house).fuse());
        if self.play.is_none() && !house.keys.is_revoked(&owner) && has_room(&owner) {
            // The provider is asked meanwhile, and nothing that it says is passed on before.
            run.hold();
        } else if let Err(error) = admission.as_mut().await {
            run.tell(Err(error.clone()));
            return Err(error);
        }
        let work = async {
            if let Err(error) = judge(run, house).await {
                run.tell(Err(error.clone()));
                return Err(error);
            }
            match self.play {
                Some(play) => {
                    // Its answer rests on more than the request.
                    if run.ask().cache_ttl.is_some() {
                        run.cache(Cached::Bypass);
                    }
                    conduct(run, play, house, keep).await
                }
                None => answer(run, &self.plans, house).await,
            }
        };
        let guard = async {
            if !admission.is_terminated()
                && let Err(error) = admission.as_mut().await
            {
                return error;
            }
            run.let_in();
            watch(&owner, run.id(), house).await
        };
        // The work first: its provider is on the way while the account is asked.
        let outcome = match select(pin!(work), pin!(guard)).await {
            Either::Left((done, _)) => done,
            Either::Right((error, _)) => return run.break_off(error),
        };
        // A provider that failed before that was known was asked all the same.
        if !admission.is_terminated() {
            drop(admission.await);
        }
        outcome
    }
}

/// A model's answer, or the one that was kept of it.
async fn answer(run: &Rc<Run>, plans: &[Plan], house: &House) -> Result<(), ChatError> {
    let slot = Slot::of_chat(&run.chat(), run.ask(), house);
    let Some(slot) = slot else {
        if run.ask().cache_ttl.is_some() {
            run.cache(Cached::Bypass);
        }
        return drive(run, plans).await;
    };
    if let Some(plan) = slot.find(&house.env).await.and_then(|kept| cache::plan(&kept)) {
        run.cache(Cached::Hit);
        return drive(run, &[plan]).await;
    }
    run.cache(Cached::Miss);
    let outcome = drive(run, plans).await;
    if outcome.is_ok() {
        cache::keep(run, &slot, house).await;
    }
    outcome
}

/// Looks at what is new in the request, before anybody is asked.
async fn judge(run: &Run, house: &House) -> Result<(), ChatError> {
    let Some(input) = &house.guard.input else { return Ok(()) };
    let (checked, text) = {
        let chat = run.chat();
        let new = chat.messages.iter().skip(chat.known).filter(|message| message.role != Role::Assistant);
        (input.check(&chat), new.map(Message::text).collect::<Vec<_>>().join("\n\n"))
    };
    checked?;
    let Some(model) = input.moderation.as_deref().filter(|_| !text.trim().is_empty()) else { return Ok(()) };
    match moderate(model, &text, run.ask(), house).await? {
        Some(true) => Err(banned("messages")),
        Some(false) => Ok(()),
        // What could not be judged is not let through.
        None => {
            let words = format!("GUARDRAILS has moderation {model}, which is no model that only judges");
            Err(ChatError::lasting(ErrorKind::Internal, words))
        }
    }
}

/// A run is over: says so in the log, and settles what it used.
pub async fn close(run: &Run, outcome: &Result<(), ChatError>, house: &House) {
    let (receipt, line) = run.account(outcome);
    log(&line);
    settle(&run.ask().owner, &receipt, &house.env, &house.keys.limits(&run.ask().owner)).await;
}
