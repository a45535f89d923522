use std::rc::Rc;

use serde::Deserialize;

use super::{Patterns, Rules, Terms};
use crate::models::{ChatError, ChatRequest, ErrorKind, Part};

/// What the operator bans, by `GUARDRAILS`.
#[derive(Debug, Default)]
pub struct Guardrails {
    /// In prompts.
    pub input: Option<Input>,
    /// In answers.
    pub output: Option<Rc<Output>>,
}

/// What prompts must not have.
#[derive(Debug)]
pub struct Input {
    rules: Rules,
    /// The model that judges them.
    pub moderation: Option<String>,
}

/// What answers must not have.
#[derive(Debug)]
pub struct Output {
    /// Terms and patterns.
    pub rules: Rules,
    /// What becomes of an answer that has them.
    pub on_hit: OnHit,
}

/// What becomes of an answer that has what is banned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnHit {
    /// It ends before that, as filtered.
    #[default]
    End,
    /// Stars stand for it, and the answer goes on.
    Mask,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Written {
    input: Option<Side>,
    output: Option<Side>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Side {
    blocked_terms: Vec<String>,
    /// Names of variables with more terms, one a line or between commas: a variable has at most 5 KB.
    terms_from: Vec<String>,
    patterns: Vec<String>,
    whole_words: bool,
    moderation: Option<String>,
    on_hit: Option<OnHit>,
}

impl Guardrails {
    /// Reads `GUARDRAILS`; an error names what makes no sense.
    ///
    /// ```
    /// use tributary::guard::Guardrails;
    /// let read = |text| Guardrails::read(text, &|_| Some("mole, vole".to_owned()));
    /// let guard = read(r#"{"input": {"blocked_terms": ["badger"], "terms_from": ["ANIMALS"], "whole_words": true}}"#).unwrap();
    /// assert!(guard.input.as_ref().is_some_and(|input| input.bans("a VOLE!") && !input.bans("volex")));
    /// assert!(read(r#"{"output": {"patterns": ["a+"]}}"#).unwrap_err().message.contains("more than 512 bytes"));
    /// ```
    pub fn read(text: &str, var: &dyn Fn(&str) -> Option<String>) -> Result<Self, ChatError> {
        let written: Written =
            serde_json::from_str(text).map_err(|error| wrong(&format!("cannot be read: {error}")))?;
        let input = match written.input {
            None => None,
            Some(Side { on_hit: Some(_), .. }) => return Err(wrong("has on_hit for input: a prompt is refused")),
            Some(side) => {
                let moderation = side.moderation.clone().filter(|model| !model.trim().is_empty());
                Some(Input { rules: rules(side, var)?, moderation })
            }
        };
        let output = match written.output {
            None => None,
            Some(Side { moderation: Some(_), .. }) => {
                return Err(wrong("has moderation for output: a model judges prompts only"));
            }
            Some(side) => {
                let on_hit = side.on_hit.unwrap_or_default();
                Some(Output { rules: rules(side, var)?, on_hit })
            }
        };
        let input = input.filter(|input| !input.rules.is_empty() || input.moderation.is_some());
        Ok(Guardrails { input, output: output.filter(|output| !output.rules.is_empty()).map(Rc::new) })
    }
}

fn rules(side: Side, var: &dyn Fn(&str) -> Option<String>) -> Result<Rules, ChatError> {
    let mut listed = Vec::new();
    for name in &side.terms_from {
        listed.push(var(name).ok_or_else(|| wrong(&format!("has terms_from {name}, which is not set")))?);
    }
    let more = listed.iter().flat_map(|text| text.split([',', '\n'])).map(str::trim);
    let terms = side.blocked_terms.iter().map(String::as_str).chain(more);
    let terms = Terms::new(terms, side.whole_words).map_err(|words| wrong(&format!("has {words}")))?;
    let patterns =
        Patterns::new(side.patterns.iter().map(String::as_str)).map_err(|words| wrong(&format!("has {words}")))?;
    Ok(Rules { terms, patterns })
}

fn wrong(what: &str) -> ChatError {
    ChatError::lasting(ErrorKind::Internal, format!("the variable GUARDRAILS {what}"))
}

impl Input {
    /// Whether a text has what is banned.
    pub fn bans(&self, text: &str) -> bool {
        self.rules.hits(text)
    }

    /// Looks at all that is new in a request.
    pub fn check(&self, chat: &ChatRequest) -> Result<(), ChatError> {
        let new = chat.messages.iter().skip(chat.known).flat_map(|message| &message.parts);
        let is_banned = |part: &Part| match part {
            Part::Text(text) | Part::Reasoning(text) => self.bans(text),
            Part::ToolCall(call) => self.bans(&call.arguments),
            Part::Image(_) | Part::Opaque(_) => false,
        };
        if new.into_iter().any(is_banned) { Err(banned("messages")) } else { Ok(()) }
    }
}

/// What whoever asks is told of a prompt that is banned. Not what of it: that would be a lesson.
pub fn banned(param: &str) -> ChatError {
    ChatError {
        param: Some(param.to_owned()),
        code: Some(super::screen::CODE.to_owned()),
        ..ChatError::lasting(ErrorKind::ContentFilter, "the prompt has something that this gateway does not allow")
    }
}
