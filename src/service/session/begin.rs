//! The beginning of a run in a session: its history, its plans, its driver.

use std::cell::OnceCell;
use std::rc::Rc;

use futures_util::future::{AbortHandle, Abortable};
use serde_json::{Map, Value};

use super::ask::title_of;
use super::log::LogOutlet;
use super::{Going, Hall, Post};
use crate::assistants::{self, OURSELVES, USUAL};
use crate::dialects::kept;
use crate::models::{ChatError, ChatRequest, Finish, Message, Parent, Part, Role};
use crate::platform::{Abort, now_ms};
use crate::service::job::{Job, close};
use crate::service::run::{Run, Tell, gone};
use crate::service::{Ask, House};
use crate::session::{RunRecord, SessionRecord, Status, chain, fit, settle};

/// A request whose turn it is, or will be.
pub struct Asked {
    /// The request; its messages are only the new ones.
    pub chat: ChatRequest,
    /// Those messages as they came.
    pub messages: Vec<Value>,
    /// What an answer in the client's language repeats of its request.
    pub asked: Option<String>,
    /// What it follows.
    pub parent: Parent,
    /// The digest of what was asked.
    pub digest: String,
    /// How it came.
    pub post: Post,
    /// What it is served with.
    pub house: House,
}

impl Hall {
    /// Begins a run. What is wrong with it is its verdict.
    pub(super) fn begin(self: &Rc<Self>, going: &Rc<Going>, asked: Asked) {
        if let Err(error) = self.try_begin(going, asked) {
            self.fail(going, error);
        }
    }

    fn try_begin(self: &Rc<Self>, going: &Rc<Going>, asked: Asked) -> Result<(), ChatError> {
        let record = self.record()?;
        let parent = self.parent(&record, &asked.parent)?;
        let mut chat = self.with_history(&record, parent.as_deref(), asked.chat, &asked.house)?;
        let ask = ask(&record, &asked.post)?;
        let job = Job::new(&chat, &ask, record.state, &asked.house)?;
        let (provider, model) =
            job.plans.first().map(|plan| (plan.target.provider.clone(), plan.target.model.clone())).unwrap_or_default();
        self.store.begin(&RunRecord {
            id: going.id.clone(),
            parent,
            status: Status::Live,
            key: asked.post.key.clone(),
            digest: asked.digest,
            started_at: now_ms(),
            input_bytes: chat.text_bytes(),
            provider,
            model,
            asked: asked.asked,
            ..RunRecord::default()
        })?;
        for message in &asked.messages {
            self.store.add_message(&going.id, message)?;
        }
        chat.stream = true;
        let outlet = Rc::new(LogOutlet { hall: Rc::downgrade(self), going: Rc::downgrade(going) });
        let run = Run::new(going.id.clone(), chat, ask, &asked.house, job.plans.len(), (outlet, self.tell(going)));
        let run = Rc::new(job.fit(run));
        let (drive_handle, stopped) = AbortHandle::new_pair();
        going.run.replace(Some((run.clone(), drive_handle)));
        let (hall, going, house) = (self.clone(), going.clone(), asked.house);
        self.home.wait_until(async move {
            let keep = |changed: &Map<String, Value>| hall.keep_state(changed);
            let outcome =
                Abortable::new(job.carry_out(&run, &house, &keep), stopped).await.unwrap_or_else(|_| Err(gone()));
            if let Err(error) = &outcome {
                hall.fail(&going, error.clone());
            }
            // It knows its outlet, which knows the hall: a circle that nobody needs any more.
            going.run.replace(None);
            close(&run, &outcome, &house).await;
        });
        self.home_alarm();
        Ok(())
    }

    /// Hears that a run answers: from now on it is the latest.
    fn tell(self: &Rc<Self>, going: &Rc<Going>) -> Tell {
        let (hall, going) = (Rc::downgrade(self), Rc::downgrade(going));
        Box::new(move |verdict| {
            let Some((hall, going)) = hall.upgrade().zip(going.upgrade()) else { return };
            // A failure is told once it is undone.
            if verdict.is_ok() {
                going.verdict.ring(hall.becomes_latest(&going));
            }
        })
    }

    fn becomes_latest(self: &Rc<Self>, going: &Going) -> Result<(), ChatError> {
        let mut record = self.record()?;
        record.head = Some(going.id.clone());
        record.updated_at = now_ms();
        if record.title.is_none() {
            record.title = title_of(&self.store.messages(&going.id)?);
        }
        self.store.save(&record)?;
        self.note_later(record);
        let asked = going.run.borrow().as_ref().map(|(run, _)| run.asked());
        if let Some((provider, model)) = asked.filter(|(provider, _)| !provider.is_empty()) {
            self.store.answers(&going.id, &provider, &model)?;
        }
        self.follow(&going.id);
        Ok(())
    }

    /// Keeps what changed in the assistant's state.
    fn keep_state(&self, changed: &Map<String, Value>) -> Result<(), ChatError> {
        if changed.is_empty() {
            return Ok(());
        }
        let mut record = self.record()?;
        record.state.extend(changed.iter().map(|(name, value)| (name.clone(), value.clone())));
        self.store.save(&record)
    }

    fn parent(&self, record: &SessionRecord, parent: &Parent) -> Result<Option<String>, ChatError> {
        match parent {
            Parent::Latest => Ok(record.head.clone()),
            Parent::Start => Ok(None),
            Parent::Run(run) => match self.store.run(run)?.filter(|run| !run.hidden) {
                Some(run) => Ok(Some(run.id)),
                None => Err(ChatError::invalid("parent", "parent names a run that this session does not have")),
            },
        }
    }

    /// The request with all that was said before it, as far as that fits.
    fn with_history(
        &self,
        record: &SessionRecord,
        parent: Option<&str>,
        chat: ChatRequest,
        house: &House,
    ) -> Result<ChatRequest, ChatError> {
        let judges = assistants::find(chat.assistant.as_deref().unwrap_or(USUAL))?.refusal.is_some();
        let mut messages = Vec::new();
        if let Some(system) = &record.system {
            messages.push(Message { role: Role::System, parts: vec![Part::Text(system.clone())], tool_call_id: None });
        }
        for run in chain(parent, &self.store.parents()?) {
            let said = self.store.messages(&run)?;
            // What was refused here is told to no provider, not with the next question either; and by who judges
            // prompts nothing that was never judged.
            let answer = said.last().unwrap_or(&Value::Null);
            if is_our_refusal(answer) || (judges && !is_safe(answer)) {
                continue;
            }
            for message in said {
                messages.extend(kept::read_messages(&message)?);
            }
        }
        // What is said for this answer only comes right behind what the session says.
        let mut new = chat.messages;
        let behind = new.split_off(chat.passing.min(new.len()));
        let at = usize::from(record.system.is_some()).min(messages.len());
        messages.splice(at..at, new);
        let new = behind.len();
        messages.extend(behind);
        let (messages, left_out) = fit(settle(messages), house.settings.history_tokens);
        let mut warnings = chat.warnings;
        if left_out > 0 {
            warnings.push(format!(
                "the oldest {left_out} messages of the session were left out: it is longer than {} tokens",
                house.settings.history_tokens
            ));
        }
        let known = messages.len().saturating_sub(new);
        Ok(ChatRequest { messages, warnings, known, ..chat })
    }
}

fn is_safe(answer: &Value) -> bool {
    answer.pointer("/state/safe").and_then(Value::as_bool) == Some(true)
}

fn is_our_refusal(answer: &Value) -> bool {
    let is = |name: &str, word: &str| answer.get(name).and_then(Value::as_str) == Some(word);
    is("provider", OURSELVES) && is("finish_reason", Finish::Refusal.as_str())
}

fn ask(record: &SessionRecord, post: &Post) -> Result<Ask, ChatError> {
    Ok(Ask {
        dialect: kept::LANGUAGE,
        stream: true,
        caller_key: post.provider_key.clone(),
        key_is_for: OnceCell::new(),
        trace: post.trace.clone(),
        clock: post.clock,
        arrived_ms: now_ms(),
        trail: Rc::default(),
        // Nobody's leaving ends a session's run: whoever listens to it may leave and come back.
        left: Abort::new()?.signal(),
        owner: record.owner.clone(),
        route: "session",
        cache_ttl: post.cache_ttl,
        is_logged: Rc::default(),
        preface: Vec::new(),
        kept: true,
        given: 0,
        session: None,
    })
}
