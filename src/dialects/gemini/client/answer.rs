//! What an answer adds up to, piece by piece, and how it ends.
//!
//! Where the vendor has no word for an ending, what is not the whole answer never looks like it: a pause is
//! `MAX_TOKENS`, a stop by the caller is `OTHER`. A refusal is `SAFETY`, and its words are text: the SDKs
//! drop `finishMessage`, so that a person would see nothing, and with `STOP` a program would take them for
//! the answer. Arguments that are no JSON are `MALFORMED_FUNCTION_CALL`, and no call, as the vendor has it.

use serde_json::{Map, Value, json};

use super::calls::Calls;
use crate::dialects::gemini::{DIALECT, SIGNATURE};
use crate::dialects::{ReplyOptions, sealed};
use crate::framing::write_json_value;
use crate::models::{ChatError, Citation, Event, Finish, Opaque, Usage};

/// A refusal of which the provider gives no words: an empty answer would look like a success.
const REFUSED: &str = "The model declined to answer.";

/// The vendor's own words for what its filters did.
const FILTERS: [&str; 10] = [
    "SAFETY",
    "RECITATION",
    "LANGUAGE",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "MODEL_ARMOR",
    "IMAGE_SAFETY",
    "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_RECITATION",
];

/// Takes the pieces of an answer.
pub type Give<'a> = &'a mut dyn FnMut(Piece<'_>);

/// A piece of an answer.
pub enum Piece<'a> {
    Text { text: &'a str, thought: bool },
    Part(Value),
}

/// What is known of an answer and not told yet.
pub struct State {
    pub reply: ReplyOptions,
    /// Whether the client wants to see thoughts.
    thoughts: bool,
    calls: Calls,
    refused: bool,
    citations: Vec<Citation>,
    pub warnings: Vec<String>,
    usage: Usage,
}

impl State {
    pub fn new(reply: ReplyOptions, thoughts: bool) -> Self {
        State {
            reply,
            thoughts,
            calls: Calls::default(),
            refused: false,
            citations: Vec::new(),
            warnings: Vec::new(),
            usage: Usage::default(),
        }
    }

    /// Takes what is no ending, and gives the pieces that it brings.
    pub fn take(&mut self, event: &Event<'_>, give: Give<'_>) -> Result<(), ChatError> {
        match event {
            Event::Start { model } => (*model).clone_into(&mut self.reply.model),
            Event::Text(text) => self.text(text, false, give),
            Event::Reasoning(text) if self.thoughts => self.text(text, true, give),
            Event::Refusal(text) => {
                self.refused = true;
                self.text(text, false, give);
            }
            Event::Tool(delta) => self.calls.push(delta)?,
            Event::Opaque(delta) => {
                let state = Opaque { dialect: delta.dialect.to_owned(), data: delta.data.clone() };
                let free = match delta.call {
                    Some(call) => self.calls.sign(call, state),
                    None => Some(state),
                };
                if let Some(state) = free {
                    self.give_calls(give);
                    let token = signature(&state, delta.call.map(|call| call.id));
                    give(Piece::Part(json!({"text": "", SIGNATURE: token})));
                }
            }
            Event::Citation(citation) => self.citations.push((*citation).clone()),
            Event::Warning(text) => self.warnings.push((*text).to_owned()),
            Event::Usage(usage) => self.usage = *usage,
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str, thought: bool, give: Give<'_>) {
        self.give_calls(give);
        give(Piece::Text { text, thought });
    }

    fn give_calls(&mut self, give: Give<'_>) {
        for part in self.calls.whole() {
            give(Piece::Part(part));
        }
    }

    /// Gives what was held, and what the last candidate says beside its content.
    pub fn end(&mut self, reason: Finish, raw: Option<&str>, give: Give<'_>) -> Map<String, Value> {
        let (parts, odd) = self.calls.rest();
        for part in parts {
            give(Piece::Part(part));
        }
        let reason = if reason == Finish::Stop && self.refused { Finish::Refusal } else { reason };
        if reason == Finish::Refusal && !self.refused {
            give(Piece::Text { text: REFUSED, thought: false });
        }
        let (word, message) = match (reason, odd) {
            (Finish::Stop | Finish::ToolCalls, Some(words)) => {
                ("MALFORMED_FUNCTION_CALL", Some(format!("Malformed function call: {words}")))
            }
            (Finish::Stop | Finish::ToolCalls, None) => ("STOP", None),
            (reason, odd) => {
                if odd.is_some() {
                    self.warnings.push("a tool call was cut off and is left out".to_owned());
                }
                cut_short(reason, raw)
            }
        };
        let mut fields = Map::new();
        fields.insert("finishReason".to_owned(), json!(word));
        fields.extend(message.map(|message| ("finishMessage".to_owned(), json!(message))));
        fields.insert("index".to_owned(), json!(0));
        if !self.citations.is_empty() {
            fields.insert("citationMetadata".to_owned(), citations(&self.citations));
            fields.insert("groundingMetadata".to_owned(), grounding(&self.citations));
        }
        fields
    }

    /// The last response of an answer: `parts` are what its candidate still has to say.
    pub fn write_last(&mut self, parts: Vec<Value>, said: Map<String, Value>, out: &mut Vec<u8>) {
        if self.usage.estimated {
            self.warnings.push("usageMetadata is an estimate: the provider gave no figures".to_owned());
        }
        let mut candidate = Map::new();
        candidate.insert("content".to_owned(), json!({"parts": parts, "role": "model"}));
        candidate.extend(said);
        let mut body = Map::new();
        body.insert("candidates".to_owned(), json!([candidate]));
        if !self.warnings.is_empty() {
            body.insert("warnings".to_owned(), json!(self.warnings));
        }
        body.insert("usageMetadata".to_owned(), usage(&self.usage));
        body.insert("modelVersion".to_owned(), json!(self.reply.model));
        body.insert("responseId".to_owned(), json!(self.reply.run_id));
        body.insert("provider".to_owned(), json!(self.reply.provider));
        write_json_value(out, &body);
    }
}

/// State as a `thoughtSignature`: the vendor's own as it is, another provider's sealed.
pub fn signature(state: &Opaque, call: Option<&str>) -> String {
    let own = state.of(DIALECT).and_then(|data| data.get(SIGNATURE)).and_then(Value::as_str);
    own.map_or_else(|| sealed::seal(state, call), str::to_owned)
}

/// Why an answer is not whole, in the vendor's word, and in words.
fn cut_short(reason: Finish, raw: Option<&str>) -> (&'static str, Option<String>) {
    match reason {
        Finish::Stop | Finish::ToolCalls => ("STOP", None),
        Finish::Length | Finish::Pause => ("MAX_TOKENS", None),
        Finish::ContentFilter => {
            let own = FILTERS.iter().find(|word| Some(**word) == raw);
            (own.copied().unwrap_or("SAFETY"), None)
        }
        Finish::Refusal => ("SAFETY", Some(REFUSED.to_owned())),
        Finish::Cancelled => ("OTHER", Some("The answer was stopped.".to_owned())),
    }
}

fn usage(usage: &Usage) -> Value {
    let thoughts = usage.reasoning_tokens.unwrap_or(0);
    let mut fields = json!({
        "promptTokenCount": usage.input_tokens,
        "candidatesTokenCount": usage.output_tokens.saturating_sub(thoughts),
        "totalTokenCount": usage.total_tokens,
    });
    let known = [("thoughtsTokenCount", usage.reasoning_tokens), ("cachedContentTokenCount", usage.cached_tokens)];
    for (name, count) in known {
        if let (Some(count), Some(map)) = (count, fields.as_object_mut()) {
            map.insert(name.to_owned(), json!(count));
        }
    }
    fields
}

/// The sources by the places that they apply to.
fn citations(citations: &[Citation]) -> Value {
    let source = |citation: &Citation| {
        let mut source = place(citation);
        source.insert("uri".to_owned(), json!(citation.url));
        source.extend(citation.title.as_ref().map(|title| ("title".to_owned(), json!(title))));
        source
    };
    json!({"citationSources": citations.iter().map(source).collect::<Vec<_>>()})
}

/// The same as a search would give them: where clients look for links to show.
fn grounding(citations: &[Citation]) -> Value {
    let web = |citation: &Citation| json!({"web": {"uri": citation.url, "title": citation.title}});
    let supports = citations.iter().enumerate().filter(|(_, citation)| citation.end_index.is_some());
    let supports = supports.map(|(at, citation)| json!({"segment": place(citation), "groundingChunkIndices": [at]}));
    json!({
        "groundingChunks": citations.iter().map(web).collect::<Vec<_>>(),
        "groundingSupports": supports.collect::<Vec<_>>(),
    })
}

fn place(citation: &Citation) -> Map<String, Value> {
    let indices = [("startIndex", citation.start_index), ("endIndex", citation.end_index)];
    indices.into_iter().filter_map(|(name, index)| Some((name.to_owned(), json!(index?)))).collect()
}
