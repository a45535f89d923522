//! A conversation to `contents`: turns of `user` and `model`, one after the other.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{DIALECT, SIGNATURE};
use crate::models::{ChatError, ChatRequest, Image, Message, ModelRule, Opaque, Part, Role, ThinkingForm, ToolCall};

/// What the vendor documents for a call that came from elsewhere, or whose signature was lost: newer
/// models reject a history whose calls have none.
pub const NO_SIGNATURE: &str = "skip_thought_signature_validator";

/// A conversation in the provider's form.
pub struct Conversation {
    /// The parts of `systemInstruction`.
    pub system: Vec<Value>,
    /// The turns.
    pub contents: Vec<Value>,
}

/// Writes the messages of a request.
pub fn write(
    chat: &ChatRequest,
    rule: Option<&ModelRule>,
    warnings: &mut Vec<String>,
) -> Result<Conversation, ChatError> {
    let rejected = chat.rejects(SIGNATURE);
    let mut writer = Writer { names: HashMap::new(), system: Vec::new(), turns: Vec::new(), rejected, warnings };
    for (at, message) in chat.messages.iter().enumerate() {
        writer.message(at, message)?;
    }
    let Writer { system, turns, .. } = writer;
    if turns.is_empty() {
        return Err(ChatError::invalid("messages", "messages must have a message with content beside the system's"));
    }
    // A model that nothing is known of gets it only once it has asked for signatures.
    let needs_signatures = rule.map_or(rejected, wants_signatures);
    let contents = turns.into_iter().map(|turn| turn.into_value(needs_signatures)).collect();
    Ok(Conversation { system, contents })
}

/// Whether a model rejects calls without a signature.
pub fn wants_signatures(rule: &ModelRule) -> bool {
    rule.thinking == ThinkingForm::Effort
}

struct Writer<'a> {
    /// The names of the calls so far, by their ids: a result is told by the name there.
    names: HashMap<&'a str, &'a str>,
    system: Vec<Value>,
    turns: Vec<Turn>,
    /// The provider rejected the client's signatures.
    rejected: bool,
    warnings: &'a mut Vec<String>,
}

/// Neighbouring messages of one role.
struct Turn {
    role: &'static str,
    parts: Vec<Value>,
    /// How many parts at the start are results of calls.
    results: usize,
    first_call: Option<usize>,
    signed: bool,
}

impl Turn {
    fn into_value(mut self, needs_signatures: bool) -> Value {
        let bare = self.first_call.filter(|_| needs_signatures && !self.signed);
        if let Some(call) = bare.and_then(|at| self.parts.get_mut(at)).and_then(Value::as_object_mut) {
            call.insert(SIGNATURE.to_owned(), json!(NO_SIGNATURE));
        }
        json!({"role": self.role, "parts": self.parts})
    }
}

impl<'a> Writer<'a> {
    fn message(&mut self, at: usize, message: &'a Message) -> Result<(), ChatError> {
        match message.role {
            Role::System => self.system(at, message),
            Role::User => {
                let parts = message.parts.iter().filter_map(write_plain).collect();
                self.add("user", parts);
                Ok(())
            }
            Role::Assistant => {
                self.assistant(at, message);
                Ok(())
            }
            Role::Tool => self.result(at, message),
        }
    }

    fn system(&mut self, at: usize, message: &Message) -> Result<(), ChatError> {
        if message.parts.iter().any(|part| matches!(part, Part::Image(_))) {
            let path = format!("messages[{at}].content");
            let words = format!("{path} has an image: the provider takes system messages of text only");
            return Err(ChatError::invalid(path, words));
        }
        if !self.turns.is_empty() {
            self.warn_once("system messages behind the first other message are sent before all of them");
        }
        self.system.extend(message.parts.iter().filter_map(write_plain));
        Ok(())
    }

    fn assistant(&mut self, at: usize, message: &'a Message) {
        for part in &message.parts {
            match part {
                Part::Text(_) | Part::Image(_) => self.add("model", write_plain(part).into_iter().collect()),
                // The thinking that was shown is a summary: what goes back is the sealed one.
                Part::Reasoning(_) => {}
                Part::ToolCall(call) => self.call(at, call),
                Part::Opaque(opaque) => {
                    if let Some(signature) = self.signature(at, opaque) {
                        self.turn("model", |turn| {
                            turn.signed = true;
                            turn.parts.push(json!({"text": "", SIGNATURE: signature}));
                        });
                    }
                }
            }
        }
    }

    fn call(&mut self, at: usize, call: &'a ToolCall) {
        self.names.insert(&call.id, &call.name);
        let arguments = self.arguments(at, call);
        let mut part = json!({"functionCall": {"id": call.id, "name": call.name, "args": arguments}});
        let signature = call.opaque.as_ref().and_then(|opaque| self.signature(at, opaque));
        if let (Some(signature), Some(part)) = (signature, part.as_object_mut()) {
            part.insert(SIGNATURE.to_owned(), json!(signature));
        }
        self.turn("model", |turn| {
            turn.signed |= signature.is_some();
            turn.first_call.get_or_insert(turn.parts.len());
            turn.parts.push(part);
        });
    }

    /// An object. What is none (a custom tool's input, a model's slip) goes inside of one.
    fn arguments(&mut self, at: usize, call: &ToolCall) -> Value {
        if call.arguments.trim().is_empty() {
            return json!({});
        }
        match serde_json::from_str(&call.arguments) {
            Ok(arguments @ Value::Object(_)) => arguments,
            _ => {
                let words = "has a call whose arguments are no JSON object: they are sent as its field input";
                self.warn_once(&format!("messages[{at}] {words}"));
                json!({"input": call.arguments})
            }
        }
    }

    /// The results of a turn's calls stand together, before whatever else the user says.
    fn result(&mut self, at: usize, message: &Message) -> Result<(), ChatError> {
        let path = || format!("messages[{at}].tool_call_id");
        let id = message.tool_call_id.as_deref().unwrap_or_default();
        let Some(name) = self.names.get(id).copied() else {
            return Err(ChatError::invalid(path(), format!("{} is the id of no earlier call", path())));
        };
        let response = response(&message.text());
        let mut parts = vec![json!({"functionResponse": {"id": id, "name": name, "response": response}})];
        parts.extend(message.parts.iter().filter(|part| matches!(part, Part::Image(_))).filter_map(write_plain));
        self.turn("user", |turn| {
            let behind = turn.parts.split_off(turn.results.min(turn.parts.len()));
            turn.parts.extend(parts);
            turn.results = turn.parts.len();
            turn.parts.extend(behind);
        });
        Ok(())
    }

    /// The client's state, where it is this dialect's, well-formed, and wanted.
    fn signature<'s>(&mut self, at: usize, opaque: &'s Opaque) -> Option<&'s str> {
        let data = opaque.of(DIALECT)?;
        if self.rejected {
            self.warn_once("the thought signatures of earlier answers were left out: the provider rejects them");
            return None;
        }
        let signature = data.get(SIGNATURE).and_then(Value::as_str).filter(|signature| !signature.is_empty());
        if signature.is_none() {
            self.warn_once(&format!("messages[{at}] has a thought signature that is none, which was left out"));
        }
        signature
    }

    fn add(&mut self, role: &'static str, parts: Vec<Value>) {
        if !parts.is_empty() {
            self.turn(role, |turn| turn.parts.extend(parts));
        }
    }

    /// Adds to the last turn, if it is this role's, or to a new one.
    fn turn(&mut self, role: &'static str, add: impl FnOnce(&mut Turn)) {
        let last = self.turns.pop_if(|turn| turn.role == role);
        let mut turn = last.unwrap_or(Turn { role, parts: Vec::new(), results: 0, first_call: None, signed: false });
        add(&mut turn);
        self.turns.push(turn);
    }

    fn warn_once(&mut self, words: &str) {
        if !self.warnings.iter().any(|warning| warning == words) {
            self.warnings.push(words.to_owned());
        }
    }
}

/// Text or a picture. A part of no text at all is rejected there.
fn write_plain(part: &Part) -> Option<Value> {
    match part {
        Part::Text(text) => (!text.is_empty()).then(|| json!({"text": text})),
        Part::Image(Image::Base64 { media_type, data }) => {
            Some(json!({"inlineData": {"mimeType": media_type, "data": data}}))
        }
        Part::Image(Image::Url(url)) => Some(json!({"fileData": {"mimeType": media_type(url), "fileUri": url}})),
        Part::Reasoning(_) | Part::ToolCall(_) | Part::Opaque(_) => None,
    }
}

/// By the address's ending: the provider asks for a type, the client has given none.
fn media_type(url: &str) -> &'static str {
    let path = url.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    let types = [
        (".png", "image/png"),
        (".webp", "image/webp"),
        (".gif", "image/gif"),
        (".heic", "image/heic"),
        (".heif", "image/heif"),
    ];
    types.iter().find(|(ending, _)| path.ends_with(ending)).map_or("image/jpeg", |(_, name)| name)
}

/// A result is an object there.
fn response(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(object @ Value::Object(_)) => object,
        _ => json!({"output": text}),
    }
}
