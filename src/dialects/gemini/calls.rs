//! Tool calls: whole ones, and those that come in pieces.

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::chunk::{FunctionCall, is_true};
use super::partial::place;
use super::{DIALECT, SIGNATURE};
use crate::dialects::provider_error::cut;
use crate::models::{CallRef, ChatError, ErrorKind, Event, OpaqueDelta, Sink, ToolDelta, ToolKind};

/// The most bytes of one call in pieces: it is held until it is whole, because its pieces may come in
/// an order in which no JSON text could be written.
const MOST_BYTES: usize = 4 << 20;

/// The calls of an answer.
pub struct Calls {
    run_id: String,
    ids: Vec<String>,
    open: Option<Open>,
}

/// A call whose end has not come yet.
#[derive(Default)]
struct Open {
    id: Option<String>,
    name: String,
    arguments: Value,
    signature: Option<String>,
    bytes: usize,
}

impl Calls {
    pub fn new(run_id: String) -> Self {
        Calls { run_id, ids: Vec::new(), open: None }
    }

    /// Whether no call was given.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Takes a call, or the next piece of one.
    pub fn push(
        &mut self,
        call: &FunctionCall<'_>,
        signature: Option<&str>,
        out: &mut dyn Sink,
    ) -> Result<(), ChatError> {
        let goes_on = is_true(call.will_continue);
        if let Some(name) = call.name.filled().filter(|_| !self.is_same(call)) {
            // The end of the call before may be missing.
            self.finish(out);
            if !goes_on && call.partial_args.0.is_empty() {
                let arguments = call.args.map_or("{}", RawValue::get);
                self.give(call.id.filled(), name, arguments, signature, out);
                return Ok(());
            }
            self.open = Some(Open { name: name.to_owned(), ..Open::default() });
        }
        let Some(open) = &mut self.open else {
            give_stray(call, signature, out);
            return Ok(());
        };
        open.take(call, signature)?;
        if !goes_on {
            self.finish(out);
        }
        Ok(())
    }

    /// Gives a call that is still open, with what there is of it.
    pub fn finish(&mut self, out: &mut dyn Sink) {
        if let Some(open) = self.open.take() {
            let arguments = if open.arguments.is_null() { "{}".to_owned() } else { open.arguments.to_string() };
            self.give(open.id.as_deref(), &open.name, &arguments, open.signature.as_deref(), out);
        }
    }

    /// Drops a call that is still open; whether there was one. Half of its arguments would look like
    /// the whole of them.
    pub fn drop_open(&mut self) -> bool {
        self.open.take().is_some()
    }

    /// Whether this goes on with the open call, though it repeats the name.
    fn is_same(&self, call: &FunctionCall<'_>) -> bool {
        let known = self.open.as_ref().and_then(|open| open.id.as_deref());
        known.is_some() && known == call.id.filled()
    }

    fn give(&mut self, id: Option<&str>, name: &str, arguments: &str, signature: Option<&str>, out: &mut dyn Sink) {
        let at = self.ids.len();
        let id = match id {
            Some(id) if !self.ids.iter().any(|known| known == id) => id.to_owned(),
            _ => format!("call_{}_{at}", self.run_id),
        };
        let index = u32::try_from(at).unwrap_or(u32::MAX);
        out.event(Event::Tool(ToolDelta { index, id: &id, name: Some(name), arguments, kind: ToolKind::Function }));
        if let Some(signature) = signature {
            give_signature(signature, Some(CallRef { index, id: &id }), out);
        }
        self.ids.push(id);
    }
}

impl Open {
    fn take(&mut self, call: &FunctionCall<'_>, signature: Option<&str>) -> Result<(), ChatError> {
        if let Some(id) = call.id.filled() {
            self.id = Some(id.to_owned());
        }
        if let Some(signature) = signature {
            self.signature = Some(signature.to_owned());
        }
        if let Some(Ok(whole @ Value::Object(_))) = call.args.map(|raw| serde_json::from_str(raw.get())) {
            self.arguments = whole;
        }
        for piece in call.partial_args.0.iter().filter_map(|piece| piece.0.as_ref()) {
            let path = piece.json_path.filled().unwrap_or_default();
            let text = piece.string_value.map_or(0, |raw| raw.get().len());
            // A value's own size counts too.
            self.bytes = self.bytes.saturating_add(path.len()).saturating_add(text).saturating_add(64);
            if self.bytes > MOST_BYTES || place(&mut self.arguments, piece).is_none() {
                let words = format!(
                    "the arguments of the call of {} could not be put together, at {}",
                    cut(&self.name, 64),
                    cut(path, 80)
                );
                return Err(ChatError::new(ErrorKind::Provider, words));
            }
        }
        Ok(())
    }
}

/// A piece that belongs to no call: the end of one that is over already, or a call without a name.
fn give_stray(call: &FunctionCall<'_>, signature: Option<&str>, out: &mut dyn Sink) {
    if call.args.is_some() || !call.partial_args.0.is_empty() {
        out.event(Event::Warning("the provider called a tool without its name; the call is left out"));
    }
    if let Some(signature) = signature {
        give_signature(signature, None, out);
    }
}

/// A thought signature, as state.
pub fn give_signature(signature: &str, call: Option<CallRef<'_>>, out: &mut dyn Sink) {
    out.event(Event::Opaque(OpaqueDelta { dialect: DIALECT, call, data: &json!({SIGNATURE: signature}) }));
}
