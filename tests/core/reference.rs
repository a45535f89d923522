//! A second reader of Chat Completions, as plain as can be: the whole body at once, every frame a
//! `Value`, every field looked up by name. It shares nothing with the reader that it checks.

use serde_json::{Map, Value};

/// What a body says.
#[derive(Debug, Default)]
pub struct Reference {
    pub text: String,
    pub reasoning: String,
    pub refusal: String,
    pub calls: Vec<Call>,
    pub usage: Map<String, Value>,
    pub finish: Option<String>,
    pub failed: bool,
    pub done: bool,
}

/// A tool call.
#[derive(Debug, Default)]
pub struct Call {
    pub name: String,
    pub arguments: String,
    id: String,
    index: Option<u64>,
}

impl Call {
    /// The arguments as JSON, unless they are cut.
    pub fn json(&self) -> Option<Value> {
        json(&self.arguments)
    }
}

/// Arguments as JSON: nothing is the empty object, and an empty object before another is a placeholder.
pub fn json(arguments: &str) -> Option<Value> {
    let text = arguments.trim();
    if text.is_empty() {
        return Some(Value::Object(Map::new()));
    }
    let rest = text.strip_prefix("{}").filter(|rest| !rest.is_empty());
    serde_json::from_str(rest.unwrap_or(text)).ok()
}

/// A frame: its name and its payload.
type Frame = (String, String);

/// The frames of server-sent events, with the two ways in which errors come outside of `data`.
pub fn frames(body: &str) -> Vec<Frame> {
    let body = body.trim_start_matches('\u{feff}').replace("\r\n", "\n").replace('\r', "\n");
    let mut frames = Vec::new();
    for block in body.split("\n\n") {
        let (mut name, mut data, mut bare) = (String::new(), Vec::new(), String::new());
        for line in block.lines().map(str::trim_start) {
            if let Some(rest) = line.strip_prefix("data:") {
                data.push(rest.trim());
            } else if let Some(rest) = line.strip_prefix("event:") {
                name = rest.trim().to_owned();
            } else if let Some(rest) = line.strip_prefix("error:") {
                frames.push(("error".to_owned(), rest.trim().to_owned()));
            } else if line.starts_with('{') || !bare.is_empty() {
                bare.push_str(line);
            }
        }
        if !data.is_empty() {
            frames.push((name, data.join("\n")));
        } else if !bare.is_empty() {
            frames.push((name, bare));
        }
    }
    frames
}

/// Whether these frames are Chat Completions: chunks with choices that have a delta or a message.
pub fn is_chat(frames: &[Frame]) -> bool {
    let chat = |(_, data): &Frame| {
        let value: Value = serde_json::from_str(data).unwrap_or_default();
        let choices = value.get("choices").and_then(Value::as_array).cloned().unwrap_or_default();
        let speaks = |choice: &Value| ["delta", "message", "text"].iter().any(|name| choice.get(*name).is_some());
        choices.iter().any(speaks)
    };
    frames.iter().any(chat)
}

/// Reads all frames of a body.
pub fn read(frames: &[Frame]) -> Reference {
    let values: Vec<Value> = frames.iter().map(|(_, data)| serde_json::from_str(data).unwrap_or_default()).collect();
    let one_answer = index_grows(&values);
    let mut answer = Reference::default();
    for ((name, data), value) in frames.iter().zip(&values) {
        if data.starts_with("[DONE]") {
            answer.done = true;
            break;
        }
        for choice in list(value, "choices") {
            let index = choice.get("index").and_then(Value::as_u64).unwrap_or(0);
            if one_answer || index == 0 {
                answer.choice(choice);
            }
        }
        for usage in [value.pointer("/x_groq/usage"), value.get("usage")].into_iter().flatten() {
            let figures = usage.as_object().cloned().unwrap_or_default();
            answer.usage.extend(figures.into_iter().filter(|(_, figure)| !figure.is_null()));
        }
        if name == "error" || is_error(value) {
            answer.failed = true;
            break;
        }
    }
    answer
}

impl Reference {
    fn choice(&mut self, choice: &Value) {
        let finish = choice.get("finish_reason").and_then(Value::as_str);
        if let Some(reason) = finish.filter(|reason| !reason.is_empty() && *reason != "null") {
            self.finish = Some(reason.to_owned());
        }
        let Some(delta) = choice.get("delta").or(choice.get("message")) else {
            self.text += &text(choice, "text");
            return;
        };
        let plain =
            [text(delta, "reasoning"), text(delta, "reasoning_content")].into_iter().find(|text| !text.is_empty());
        let details = list(delta, "reasoning_details").map(|detail| text(detail, "text") + &text(detail, "summary"));
        self.reasoning += &plain.unwrap_or_else(|| details.collect());
        self.text += &text(delta, "content");
        for part in list(delta, "content") {
            self.text += &text(part, "text");
            self.refusal += &text(part, "refusal");
            self.reasoning += &text(part, "thinking");
            self.reasoning.extend(list(part, "thinking").map(|thought| text(thought, "text")));
        }
        self.refusal += &text(delta, "refusal");
        list(delta, "tool_calls").for_each(|call| self.call(call));
        if let Some(function) = delta.get("function_call").filter(|function| function.is_object()) {
            self.call(&serde_json::json!({"index": 0, "function": function}));
        }
    }

    fn call(&mut self, call: &Value) {
        let (inner, field) = match (call.get("function"), call.get("custom")) {
            (_, Some(custom)) if custom.is_object() => (custom, "input"),
            (Some(function), _) if function.is_object() => (function, "arguments"),
            _ => return,
        };
        let (id, name, index) = (text(call, "id"), text(inner, "name"), call.get("index").and_then(Value::as_u64));
        let arguments = match inner.get(field) {
            Some(Value::String(text)) => text.clone(),
            None | Some(Value::Null) => String::new(),
            Some(object) => object.to_string(),
        };
        if id.is_empty() && name.is_empty() && arguments.is_empty() {
            return;
        }
        let same_place = |known: &&mut Call| index.is_none() || known.index == index;
        let goes_on = self.calls.iter_mut().rev().find(same_place).filter(|known| {
            let same_id = id.is_empty() || known.id.is_empty() || known.id == id;
            let new_name = id.is_empty() && !name.is_empty() && !known.arguments.is_empty() && known.json().is_some();
            same_id && !new_name
        });
        match goes_on {
            Some(known) => {
                known.arguments += &arguments;
                if known.name.is_empty() {
                    known.name = name;
                }
            }
            None => self.calls.push(Call { name, arguments, id, index }),
        }
    }
}

/// An object of its own, a word that says so, or the flat shape without choices.
fn is_error(value: &Value) -> bool {
    let nothing = ["null", "false", "\"\"", "{}", "0"];
    let own = value.get("error").is_some_and(|error| !nothing.contains(&error.to_string().as_str()));
    let flat = ["message", "detail"].iter().any(|name| value.get(*name).is_some_and(|text| !text.is_null()));
    let answers = list(value, "choices").next().is_some() || value.get("usage").is_some_and(Value::is_object);
    own || text(value, "object") == "error" || (flat && !answers)
}

/// Whether a server counts its index up with every token instead of with every answer.
fn index_grows(values: &[Value]) -> bool {
    if values.iter().any(|value| list(value, "choices").count() > 1) {
        return false;
    }
    let choices = values.iter().flat_map(|value| list(value, "choices"));
    let indices: Vec<u64> = choices.filter_map(|choice| choice.get("index")?.as_u64()).collect();
    indices.len() > 2 && indices.windows(2).all(|pair| pair[0] + 1 == pair[1])
}

fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}
