use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{CallRef, Event, Finish, Opaque, Sink, Step, ToolKind, ToolResult, Usage};

/// A run, folded: what all its events add up to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The visible text.
    pub content: String,
    /// The thinking that was shown.
    pub reasoning: String,
    /// The words of refusal.
    pub refusal: String,
    /// The calls, in order.
    pub tool_calls: Vec<ToolCall>,
    /// The results of the calls that the gateway ran itself, in order.
    pub tool_results: Vec<PlacedResult>,
    /// The provider's own state, in order.
    pub opaque: Vec<Placed>,
    /// The sources, in order.
    pub citations: Vec<Citation>,
    /// What the caller should know.
    pub warnings: Vec<String>,
    /// What became of the assistant's state.
    pub state: Map<String, Value>,
    /// The steps that an assistant took, where the caller asked for them.
    pub steps: Vec<Step>,
    /// The model that answered, where the provider said.
    pub model: Option<String>,
    /// Token totals.
    pub usage: Option<Usage>,
    /// How it ended, unless it failed.
    pub finish: Option<(Finish, Option<String>)>,
}

impl Answer {
    /// Where what comes next will stand.
    pub fn place(&self) -> Place {
        Place { text: self.content.len(), calls: self.tool_calls.len(), results: self.tool_results.len() }
    }

    /// Bytes held, for a bound on memory.
    pub fn size(&self) -> usize {
        let calls: usize =
            self.tool_calls.iter().map(|call| call.name.len().saturating_add(call.arguments.len())).sum();
        let results: usize = self.tool_results.iter().map(|placed| placed.result.content.len()).sum();
        let texts = [self.content.len(), self.reasoning.len(), self.refusal.len(), calls, results];
        texts.into_iter().fold(0, usize::saturating_add)
    }
}

impl Sink for Answer {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start { model } => self.model = Some(model.to_owned()),
            Event::Text(text) => self.content.push_str(text),
            Event::Reasoning(text) => self.reasoning.push_str(text),
            Event::Refusal(text) => self.refusal.push_str(text),
            Event::Tool(delta) => {
                let index = delta.index as usize;
                if index >= self.tool_calls.len() {
                    self.tool_calls.push(ToolCall {
                        id: delta.id.to_owned(),
                        name: String::new(),
                        arguments: String::new(),
                        kind: delta.kind,
                        opaque: None,
                    });
                }
                if let Some(call) = self.tool_calls.get_mut(index) {
                    // Behind a later call a name may come late.
                    if let Some(name) = delta.name {
                        name.clone_into(&mut call.name);
                    }
                    call.arguments.push_str(delta.arguments);
                }
            }
            Event::Opaque(delta) => {
                let opaque = Opaque { dialect: delta.dialect.to_owned(), data: delta.data.clone() };
                match delta.call {
                    Some(CallRef { index, .. }) => {
                        if let Some(call) = self.tool_calls.get_mut(index as usize) {
                            call.opaque = Some(opaque);
                        }
                    }
                    None => {
                        self.opaque.push(Placed { opaque, after: self.place() });
                    }
                }
            }
            Event::ToolResult(result) => {
                let after = Place { results: 0, ..self.place() };
                self.tool_results.push(PlacedResult { result: result.clone(), after });
            }
            Event::State(changed) => {
                self.state.extend(changed.iter().map(|(name, value)| (name.clone(), value.clone())));
            }
            Event::Step(step) => self.steps.push(step.clone()),
            Event::Citation(citation) => self.citations.push(citation.clone()),
            Event::Warning(text) => self.warnings.push(text.to_owned()),
            Event::Usage(usage) => self.usage = Some(usage),
            Event::Finish { reason, raw } => self.finish = Some((reason, raw.map(str::to_owned))),
            Event::Error(_) => {}
        }
    }
}

/// A place in an answer, by what came before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Bytes of visible text.
    pub text: usize,
    /// Tool calls.
    pub calls: usize,
    /// Results of calls that the gateway ran itself.
    pub results: usize,
}

/// A provider's own state, and its place in an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    /// The state.
    pub opaque: Opaque,
    /// What came before it.
    pub after: Place,
}

/// The result of a call that the gateway ran itself, and its place in an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedResult {
    /// The result.
    pub result: ToolResult,
    /// The text and the calls that came before it.
    pub after: Place,
}

/// A whole tool call.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolCall {
    /// The call's id, unique in its conversation.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// JSON text for functions, free text for custom tools.
    pub arguments: String,
    /// Which of the two.
    pub kind: ToolKind,
    /// What the provider wants back with this call.
    pub opaque: Option<Opaque>,
}

/// A source that an answer rests on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Citation {
    /// Its address.
    pub url: String,
    /// Its title, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Where in the text it applies, in the provider's units, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_index: Option<u64>,
    /// The end of that place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_index: Option<u64>,
    /// The number by which the text names it, where it was retrieved for this answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// The document of the collection that it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
}
