//! What is asked of a session beside its runs: to be made, read, named, deleted.

use std::rc::Rc;

use serde_json::{Value, json};

use super::Hall;
use crate::models::{ChatError, ErrorKind};
use crate::platform::{log, now_ms};
use crate::service::remote::{forget_session, note_session};
use crate::session::SessionRecord;

/// A session to be made; its fields have been checked.
pub struct CreateSession {
    /// Its record, but for the times.
    pub record: SessionRecord,
    /// Whether its owner has a list.
    pub listed: bool,
}

impl Hall {
    /// Makes the session.
    pub async fn create(self: &Rc<Self>, create: CreateSession) -> Result<Value, ChatError> {
        if self.store.session()?.is_some() {
            return Err(ChatError::new(ErrorKind::Internal, "a session of this id exists already"));
        }
        self.is_deleted.set(false);
        let now = now_ms();
        let record = SessionRecord { created_at: now, updated_at: now, ..create.record };
        self.store.create(&record)?;
        self.is_awake.set(true);
        if create.listed {
            self.note(&record).await?;
        }
        Ok(self.view(&record))
    }

    /// The session as its caller sees it.
    pub fn view(&self, record: &SessionRecord) -> Value {
        json!({
            "id": record.id,
            "title": record.title,
            "assistant": record.assistant,
            "system": record.system,
            "defaults": record.defaults,
            "created_at": record.created_at,
            "updated_at": record.updated_at,
            "head": record.head,
            "live": self.live().map(|going| going.id.clone()),
        })
    }

    /// Gives it a title that stays.
    pub async fn rename(self: &Rc<Self>, mut record: SessionRecord, title: String) -> Result<Value, ChatError> {
        record.title = Some(title);
        record.titled = true;
        self.store.save(&record)?;
        self.note(&record).await?;
        Ok(self.view(&record))
    }

    /// Forgets all of it. A run that is under way is stopped.
    pub async fn delete(self: &Rc<Self>, record: &SessionRecord) -> Result<(), ChatError> {
        self.is_deleted.set(true);
        let waiting: Vec<String> = self.desk.borrow().waiting().map(str::to_owned).collect();
        for run in waiting {
            self.give_up(&run);
        }
        self.stop_live();
        for guest in self.sockets.take().into_values() {
            guest.outlet().abort();
        }
        for socket in self.home.sockets() {
            // One that is closed already is closed all the same.
            let _ = socket.close(Some(1000), Some("the session was deleted"));
        }
        if has_list(record) {
            forget_session(&record.owner, &record.id, &self.env).await?;
        }
        self.home.clear().await?;
        self.is_awake.set(false);
        Ok(())
    }

    /// What the assistant's tools have made.
    pub fn state(&self, record: &SessionRecord) -> Value {
        json!({ "state": record.state })
    }

    /// The conversation, as far as it leads to the latest run.
    pub fn messages(&self, record: &SessionRecord) -> Result<Value, ChatError> {
        self.messages_to(record.head.as_deref())
    }

    /// The conversation as it was when it was saved.
    pub fn saved(&self, record: &SessionRecord) -> Result<Value, ChatError> {
        self.messages_to(record.saved.as_deref())
    }

    /// Saves the conversation as it is now.
    pub fn save(&self, record: SessionRecord) -> Result<Value, ChatError> {
        let saved = record.head.clone();
        self.store.save(&SessionRecord { saved, ..record })?;
        Ok(json!({}))
    }

    fn messages_to(&self, head: Option<&str>) -> Result<Value, ChatError> {
        let live = self.live().filter(|going| going.verdict.rung() == Some(Ok(()))).map(|going| going.id.clone());
        let parents = self.store.parents()?;
        let mut messages = Vec::new();
        let mut runs = Vec::new();
        for id in crate::session::chain(head, &parents) {
            let Some(run) = self.store.run(&id)? else { continue };
            let mut own = self.store.messages(&id)?;
            if live.as_ref() == Some(&id) {
                own.push(Value::Object(self.answer_so_far(&run)?));
            }
            for message in &mut own {
                set(message, "run_id", json!(id));
                if message.get("role").and_then(Value::as_str) == Some("assistant") && message.get("id").is_some() {
                    set(message, "status", json!(run.status.as_str()));
                }
            }
            messages.append(&mut own);
            runs.push(json!({
                "id": run.id, "parent": run.parent, "status": run.status.as_str(), "started_at": run.started_at,
                "ended_at": run.ended_at,
            }));
        }
        Ok(json!({"messages": messages, "runs": runs}))
    }

    /// Tells the owner's list what became of the session.
    pub(super) async fn note(&self, record: &SessionRecord) -> Result<(), ChatError> {
        if !has_list(record) || self.is_deleted.get() {
            return Ok(());
        }
        let entry = json!({
            "id": record.id, "title": record.title, "created_at": record.created_at, "updated_at": record.updated_at,
        });
        note_session(&self.env, &record.owner, entry).await.map(|_| ())
    }

    /// The same, without anybody who waits for it.
    pub(super) fn note_later(self: &Rc<Self>, record: SessionRecord) {
        let hall = self.clone();
        self.home.wait_until(async move {
            if let Err(error) = hall.note(&record).await {
                // The list is late by one change, and the next one mends it.
                log(&json!({"event": "list", "error": error.kind.as_str()}));
            }
        });
    }
}

/// Where an id is all that it takes, nobody has a list.
fn has_list(record: &SessionRecord) -> bool {
    record.owner != crate::callers::Caller::Anybody.owner()
}

fn set(message: &mut Value, name: &str, value: Value) {
    if let Some(map) = message.as_object_mut() {
        map.insert(name.to_owned(), value);
    }
}

/// What a session is called until somebody names it: the start of its first question.
pub fn title_of(messages: &[Value]) -> Option<String> {
    let first = messages.iter().find(|message| message.get("role").and_then(Value::as_str) == Some("user"))?;
    let text = match first.get("content")? {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str)).collect::<Vec<_>>().join(" ")
        }
        _ => return None,
    };
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    // A line of a narrow list.
    let cut: String = words.chars().take(60).collect();
    let title = match cut.len() < words.len() {
        true => format!("{}…", cut.rsplit_once(' ').map_or(cut.as_str(), |(whole, _)| whole)),
        false => cut,
    };
    Some(title).filter(|title| !title.is_empty())
}
