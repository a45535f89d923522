use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What is kept of a session itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SessionRecord {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub owner: String,
    /// What it is called; its first question, until somebody names it.
    pub title: Option<String>,
    /// Whether a person chose the title.
    pub titled: bool,
    /// What answers.
    pub assistant: String,
    /// Said to the model before all else.
    pub system: Option<String>,
    /// What its requests have where they say nothing else.
    pub defaults: Map<String, Value>,
    /// What the assistant's tools have made.
    pub state: Map<String, Value>,
    /// Milliseconds since 1970.
    pub created_at: u64,
    /// The last time that a run began or ended.
    pub updated_at: u64,
    /// The latest run, which the next one follows.
    pub head: Option<String>,
    /// The one that was the latest when the conversation was saved by its caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saved: Option<String>,
}

/// How a run stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename = "RunStatus"))]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It is being answered.
    #[default]
    Live,
    /// It ended with a finish.
    Finished,
    /// It ended with an error.
    Failed,
    /// The caller stopped it.
    Cancelled,
    /// Its object was stopped while it was being answered.
    Interrupted,
}

impl Status {
    /// The word on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Live => "live",
            Status::Finished => "finished",
            Status::Failed => "failed",
            Status::Cancelled => "cancelled",
            Status::Interrupted => "interrupted",
        }
    }

    /// Reads the word.
    pub fn read(word: &str) -> Self {
        let all = [Status::Finished, Status::Failed, Status::Cancelled, Status::Interrupted];
        all.into_iter().find(|status| status.as_str() == word).unwrap_or_default()
    }
}

/// What is kept of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunRecord {
    /// Its id.
    pub id: String,
    /// The run that it follows.
    pub parent: Option<String>,
    /// How it stands.
    pub status: Status,
    /// The key under which it was asked for.
    pub key: Option<String>,
    /// The digest of what was asked.
    pub digest: String,
    /// Milliseconds since 1970.
    pub started_at: u64,
    /// The same, once it is over.
    pub ended_at: Option<u64>,
    /// The number of its last frame that is kept.
    pub last: u64,
    /// Whether its frames are gone: only the messages are kept for good.
    pub reaped: bool,
    /// Bytes of its prompt, for an estimate where nobody counted.
    pub input_bytes: u64,
    /// The provider and model that were asked.
    pub provider: String,
    /// The model.
    pub model: String,
    /// What an answer in its client's language repeats of its request, as JSON.
    pub asked: Option<String>,
    /// Whether it was forgotten, though another one follows it.
    pub hidden: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// What is stored today must be readable by every version to come.
    #[test]
    fn the_stored_form_is_pinned() {
        let stored = json!({
            "id": "s_1", "owner": "key:alice", "title": "A", "titled": true, "assistant": "plain", "system": "Be brief.",
            "defaults": {"model": "demo"}, "state": {"map": [1]}, "created_at": 1, "updated_at": 2, "head": "r_1",
        });
        let record: SessionRecord = serde_json::from_value(stored.clone()).unwrap();
        assert_eq!(serde_json::to_value(&record).unwrap(), stored);
        assert_eq!(serde_json::from_value::<SessionRecord>(json!({"id": "s_1"})).unwrap().id, "s_1");
        for status in [Status::Live, Status::Finished, Status::Failed, Status::Cancelled, Status::Interrupted] {
            assert_eq!(Status::read(status.as_str()), status);
        }
    }
}
