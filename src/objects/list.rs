//! The lists of one caller: sessions, and collections.

use serde_json::{Value, json};
use worker::{DurableObject, Env, Request, Response, Result, State, durable_object};

use super::plain::{no_alarm, no_sockets};
use super::reply::{self, Asked};
use crate::data::{Entry, IndexStore};
use crate::models::ChatError;
use crate::platform::Home;

/// How many are told at once, unless somebody asks for fewer.
const PAGE: u64 = 100;

/// A caller's object.
#[durable_object]
pub struct CallerObject {
    sessions: IndexStore,
    collections: IndexStore,
}

impl DurableObject for CallerObject {
    fn new(state: State, _: Env) -> Self {
        let sql = Home::new(state).sql();
        CallerObject { sessions: IndexStore::sessions(sql.clone()), collections: IndexStore::collections(sql) }
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        let asked = Asked(Clone::clone(request.inner()));
        reply::told(self.answer(&asked).await.map(|value| reply::json(200, &value)), &asked)
    }

    no_alarm!();
    no_sockets!();
}

impl CallerObject {
    async fn answer(&self, asked: &Asked) -> std::result::Result<Value, ChatError> {
        let (store, name) = match asked.path().as_str() {
            "/collections" => (&self.collections, "collections"),
            _ => (&self.sessions, "sessions"),
        };
        match asked.0.method().as_str() {
            "POST" => {
                let fields = asked.fields().await?;
                let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
                let time = |name: &str| fields.get(name).and_then(Value::as_u64).unwrap_or(0);
                store.note(&Entry {
                    id: text("id").unwrap_or_default(),
                    title: text("title"),
                    created_at: time("created_at"),
                    updated_at: time("updated_at"),
                })?;
                Ok(json!({}))
            }
            "DELETE" => {
                store.forget(&asked.query("id").unwrap_or_default())?;
                Ok(json!({}))
            }
            _ => page(store, name, asked),
        }
    }
}

fn page(store: &IndexStore, name: &str, asked: &Asked) -> std::result::Result<Value, ChatError> {
    let wrong = |name: &str, what: &str| ChatError::invalid(name, format!("{name} must be {what}"));
    let most = match asked.query("limit") {
        None => PAGE,
        Some(text) => text
            .parse()
            .ok()
            .filter(|limit| (1..=PAGE).contains(limit))
            .ok_or_else(|| wrong("limit", "a whole number from 1 to 100"))?,
    };
    let before = asked.query("before");
    let behind = match &before {
        None => None,
        Some(text) => {
            let place = text.split_once(':').and_then(|(at, id)| Some((at.parse().ok()?, id)));
            Some(place.ok_or_else(|| wrong("before", "what the page before gave as next"))?)
        }
    };
    let mut entries = store.page(behind, most.saturating_add(1))?;
    let more = entries.len() as u64 > most;
    entries.truncate(usize::try_from(most).unwrap_or(usize::MAX));
    let next = entries.last().filter(|_| more).map(|last| format!("{}:{}", last.updated_at, last.id));
    let is_session = name == "sessions";
    let entry = |entry: &Entry| {
        let (id, title) = (&entry.id, &entry.title);
        let times = (entry.created_at, entry.updated_at);
        match is_session {
            true => json!({"id": id, "title": title, "created_at": times.0, "updated_at": times.1}),
            false => json!({"name": id, "updated_at": times.1}),
        }
    };
    Ok(json!({name: entries.iter().map(entry).collect::<Vec<_>>(), "next": next}))
}
