use std::collections::HashMap;

use serde::Deserialize;

use super::{ALL, terms};
use crate::models::{ChatError, ErrorKind};

/// What nobody is to be helped with, where the operator says nothing else. No list is a guard: a moderation model is.
const BLOCKED: [&str; 12] = [
    "build a bomb",
    "make a bomb",
    "pipe bomb",
    "nerve agent",
    "cook meth",
    "make meth",
    "hire a hitman",
    "kill someone",
    "kill myself",
    "child porn",
    "child pornography",
    "mass shooting",
];

/// What the operator decides about assistants.
#[derive(Debug, Default)]
pub struct Settings {
    /// Blocked terms, as they are compared.
    pub blocked: Vec<String>,
    /// The model that judges prompts.
    pub moderation: Option<String>,
    actions: HashMap<String, HashMap<String, Override>>,
}

/// What the operator changes of an action that asks a model.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Override {
    /// The model.
    pub model: Option<String>,
    /// How freely it answers.
    pub temperature: Option<f64>,
    /// What it is told.
    pub prompt: Option<String>,
}

impl Settings {
    /// Reads the operator's variables; an error names the one that makes no sense.
    pub fn read(var: &dyn Fn(&str) -> Option<String>) -> Result<Self, ChatError> {
        let listed = var("BLOCKED_TERMS");
        let terms: Vec<&str> = match &listed {
            Some(listed) => listed.split([',', '\n']).collect(),
            None => BLOCKED.to_vec(),
        };
        // A term without a letter or a digit would be in every text.
        let blocked = terms.into_iter().map(terms::plain).filter(|term| term != " ").collect();
        let moderation = var("MODERATION").map(|model| model.trim().to_owned()).filter(|model| !model.is_empty());
        let actions = match var("ASSISTANTS") {
            None => HashMap::new(),
            Some(text) => serde_json::from_str(&text).map_err(|error| unreadable(&error.to_string()))?,
        };
        let settings = Settings { blocked, moderation, actions };
        settings.check().map(|()| settings)
    }

    fn check(&self) -> Result<(), ChatError> {
        for (assistant, actions) in &self.actions {
            let known = ALL.into_iter().find(|known| known.name == assistant);
            let known = known.ok_or_else(|| unreadable(&format!("there is no assistant {assistant}")))?;
            for (name, change) in actions {
                if !known.actions.iter().any(|action| action.name == name) {
                    return Err(unreadable(&format!("{assistant} has no action {name}")));
                }
                if change.temperature.is_some_and(|value| !(0.0..=2.0).contains(&value)) {
                    return Err(unreadable(&format!("{assistant}.{name}.temperature must be from 0 to 2")));
                }
            }
        }
        Ok(())
    }

    /// What the operator changes of an action.
    pub fn change(&self, assistant: &str, action: &str) -> Override {
        self.actions.get(assistant).and_then(|actions| actions.get(action)).cloned().unwrap_or_default()
    }
}

fn unreadable(why: &str) -> ChatError {
    ChatError::lasting(ErrorKind::Internal, format!("the variable ASSISTANTS cannot be read: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &'static str, value: &'static str) -> Result<Settings, ChatError> {
        Settings::read(&move |asked| (asked == name).then(|| value.to_owned()))
    }

    #[test]
    fn the_operator_changes_what_there_is() {
        let settings = read("ASSISTANTS", r#"{"router":{"generate_poem":{"model":"a/b","temperature":1.5}}}"#).unwrap();
        let change = settings.change("router", "generate_poem");
        assert_eq!((change.model.as_deref(), change.temperature, change.prompt), (Some("a/b"), Some(1.5), None));
        assert_eq!(settings.change("router", "choose_mode"), Override::default());
        for (value, words) in [
            (r#"{"a":{}}"#, "there is no assistant a"),
            (r#"{"router":{"x":{}}}"#, "router has no action x"),
            (r#"{"rag":{"answer":{"temperature":3}}}"#, "rag.answer.temperature must be from 0 to 2"),
            (r#"{"rag":{"answer":{"modle":"x"}}}"#, "unknown field `modle`"),
        ] {
            let message = read("ASSISTANTS", value).unwrap_err().message;
            assert!(message.starts_with("the variable ASSISTANTS") && message.contains(words), "{message}");
        }
    }

    #[test]
    fn terms_are_the_operators_or_ours() {
        assert_eq!(read("BLOCKED_TERMS", "One two, ,!,three").unwrap().blocked, [" one two ", " three "]);
        assert_eq!(read("BLOCKED_TERMS", "").unwrap().blocked, Vec::<String>::new());
        assert!(read("", "").unwrap().blocked.contains(&" make a bomb ".to_owned()));
    }
}
