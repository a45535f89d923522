//! Tool calls, held until they are whole: the vendor's come in one piece, with an object as arguments.

use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::dialects::opaque;
use crate::framing::{write_json_str, write_json_value};
use crate::models::{Opaque, Place, Placed, ToolDelta};

/// The most bytes of arguments that are held of one call: a line of this language has no more.
const MOST: usize = 1 << 20;

#[derive(Default)]
pub struct Calls {
    list: Vec<Call>,
    /// How many of them the client has.
    told: usize,
    /// State that belongs to no call, with its place, as long as the client does not have it.
    states: Vec<Placed>,
}

#[derive(Default)]
struct Call {
    id: String,
    name: String,
    arguments: String,
    too_long: bool,
    opaque: Option<Opaque>,
}

impl Calls {
    /// How many have begun.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    pub fn take(&mut self, delta: &ToolDelta<'_>) {
        let at = usize::try_from(delta.index).unwrap_or(usize::MAX);
        if at >= self.list.len() {
            self.list.push(Call { id: delta.id.to_owned(), ..Call::default() });
        }
        let Some(call) = self.list.get_mut(at) else { return };
        if let Some(name) = delta.name {
            name.clone_into(&mut call.name);
        }
        if call.arguments.len().saturating_add(delta.arguments.len()) > MOST {
            call.too_long = true;
        } else {
            call.arguments.push_str(delta.arguments);
        }
    }

    /// State of a call, or of the place between what came and what comes.
    pub fn keep(&mut self, opaque: Opaque, call: Option<u32>, after_text: usize) {
        let at = call.and_then(|index| usize::try_from(index).ok()).filter(|at| *at >= self.told);
        match at.and_then(|at| self.list.get_mut(at)) {
            Some(call) => call.opaque = Some(opaque),
            None => self
                .states
                .push(Placed { opaque, after: Place { text: after_text, calls: self.list.len(), results: 0 } }),
        }
    }

    /// The next call that the client does not have yet, as JSON, if it is whole.
    pub fn next_whole(&mut self) -> Option<Vec<u8>> {
        let call = self.list.get(self.told)?;
        let arguments = object(&call.arguments).filter(|_| !call.too_long && !call.name.is_empty())?;
        Some(self.tell(&arguments))
    }

    /// The next call once the answer is over. One that was cut off is none.
    pub fn next_left(&mut self, cut: bool, warnings: &mut Vec<String>) -> Option<Vec<u8>> {
        loop {
            let Call { name, arguments, too_long, .. } = self.list.get(self.told)?;
            let whole = object(arguments).filter(|_| !too_long && (!cut || !name.is_empty()));
            if let Some(whole) = whole {
                return Some(self.tell(&whole));
            }
            if !cut && !too_long {
                if arguments.trim().is_empty() {
                    return Some(self.tell("{}"));
                }
                let what = "are no JSON object: they stand in raw_arguments";
                warnings.push(format!("the arguments of a call of {name} {what}"));
                let inside = json!({"raw_arguments": arguments}).to_string();
                return Some(self.tell(&inside));
            }
            let why = if *too_long { "its arguments are too long" } else { "it was cut off" };
            warnings.push(format!("a call of {name} was left out: {why}"));
            self.list.remove(self.told);
        }
    }

    /// The state that went with no call.
    pub fn states_left(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.states).iter().map(opaque::placed).collect()
    }

    fn tell(&mut self, arguments: &str) -> Vec<u8> {
        let mut out = Vec::new();
        let at = self.told;
        let Some(call) = self.list.get(at) else { return out };
        out.extend_from_slice(b"{\"id\":");
        write_json_str(&mut out, &call.id);
        out.extend_from_slice(format!(",\"function\":{{\"index\":{at},\"name\":").as_bytes());
        write_json_str(&mut out, &call.name);
        out.extend_from_slice(b",\"arguments\":");
        match serde_json::from_str::<&RawValue>(arguments) {
            Ok(raw) => write_json_value(&mut out, &raw),
            Err(_) => out.extend_from_slice(b"{}"),
        }
        out.push(b'}');
        if let Some(state) = &call.opaque {
            out.extend_from_slice(b",\"opaque\":");
            write_json_value(&mut out, &opaque::write(state));
        }
        let before = self.states.iter().take_while(|state| state.after.calls <= at).count();
        if before > 0 {
            let before: Vec<Value> = self.states.drain(..before).map(|state| opaque::placed(&state)).collect();
            out.extend_from_slice(b",\"opaque_before\":");
            write_json_value(&mut out, &before);
        }
        out.push(b'}');
        if let Some(call) = self.list.get_mut(at) {
            // Said and done.
            *call = Call::default();
        }
        self.told = at.saturating_add(1);
        out
    }
}

/// Arguments as they stand, number for number, on one line; if they are an object.
fn object(arguments: &str) -> Option<String> {
    let text = arguments.trim();
    let whole = text.starts_with('{') && serde_json::from_str::<&RawValue>(text).is_ok();
    // Strings have no raw line breaks: what there is of them is between the values.
    whole.then(|| text.replace(['\n', '\r'], " "))
}
