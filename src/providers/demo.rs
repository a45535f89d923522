//! The embedded provider: a script that speaks Chat Completions inside the gateway, so that every
//! state of a client can be seen without a key. It is honest about being no model.
//!
//! In: the answer's bytes and the pauses between them. Out: playing them (see `platform`).

use serde_json::{Value, json};

use super::catalogue::{Models, Provider};
use super::demo_acts as acts;
use super::prices::Listed;
use crate::models::Quirks;

/// It costs nobody anything by the token.
const PRICES: &[Listed] = &[("demo", 0.0, 0.0, 0.0)];

/// The provider's entry in the catalogue.
pub fn provider() -> Provider {
    Provider {
        name: "demo".to_owned(),
        description: "a script inside the gateway, no model: to try things without a key".to_owned(),
        dialect: "openai-chat".to_owned(),
        base_url: "http://localhost/demo".to_owned(),
        default_model: MODEL.to_owned(),
        models: Models::Closed(vec![MODEL.to_owned()]),
        embedded: true,
        quirks: Quirks { think_tags: false, ..Quirks::default() },
        prices: PRICES,
        ..Provider::default()
    }
}

const MODEL: &str = "demo";

/// What the demo answers with.
#[derive(Debug)]
pub enum Reply {
    /// A status and a body at once.
    Error(u16, Vec<u8>),
    /// A stream.
    Stream(Script),
}

/// A stream to be played.
#[derive(Debug)]
pub struct Script {
    steps: std::vec::IntoIter<Line>,
    pause_ms: u32,
}

/// One step of a stream.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Wait, then send.
    Send(u32, Vec<u8>),
    /// Break off, as a lost connection would.
    Break,
    /// Say nothing more, and stay connected.
    Stall,
}

/// A step before it is put into words on the wire: short, so that a long script stays small.
#[derive(Debug)]
enum Line {
    Delta(Value),
    Word(String),
    Thought(String),
    Finish(&'static str),
    Usage(usize, usize),
    Done,
    Break,
    Stall,
}

impl Iterator for Script {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        let delta = |delta: Value| chunk(&json!({"index": 0, "delta": delta, "finish_reason": null}), None);
        let (pause, bytes) = match self.steps.next()? {
            Line::Delta(fields) => (self.pause_ms, delta(fields)),
            Line::Word(word) => (self.pause_ms, delta(json!({"content": word}))),
            Line::Thought(word) => (self.pause_ms, delta(json!({"reasoning_content": word}))),
            Line::Finish(reason) => (0, chunk(&json!({"index": 0, "delta": {}, "finish_reason": reason}), None)),
            Line::Usage(input, output) => {
                let usage = json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input.saturating_add(output)});
                (0, chunk(&Value::Null, Some(usage)))
            }
            Line::Done => (0, b"data: [DONE]\n\n".to_vec()),
            Line::Break => return Some(Step::Break),
            Line::Stall => return Some(Step::Stall),
        };
        Some(Step::Send(pause, bytes))
    }
}

fn chunk(choice: &Value, usage: Option<Value>) -> Vec<u8> {
    let choices = if choice.is_null() { json!([]) } else { json!([choice]) };
    let body = json!({
        "id": "chatcmpl-demo", "object": "chat.completion.chunk", "created": 0, "model": MODEL, "choices": choices, "usage": usage,
    });
    format!("data: {body}\n\n").into_bytes()
}

/// Answers a request that was written for it like for any other provider.
pub fn answer(body: &[u8]) -> Reply {
    let request: Value = serde_json::from_slice(body).unwrap_or_default();
    let prompt = last_user_text(&request);
    let says = |command: &str| prompt.split_whitespace().any(|word| word == command);
    if says("/error") {
        return Reply::Error(
            500,
            br#"{"error":{"message":"the demo was asked to fail","type":"server_error"}}"#.to_vec(),
        );
    }
    if let Some(word) = acts::choice(&request, &prompt) {
        return stream(
            vec![vec![Line::Word(word.to_owned()), Line::Finish("stop"), usage(&prompt, 1), Line::Done]],
            &prompt,
        );
    }
    let mut lines = vec![Line::Delta(json!({"role": "assistant", "content": ""}))];
    if says("/think") || request.get("reasoning_effort").is_some_and(|effort| effort != "none") {
        lines.extend(words(THOUGHTS).map(Line::Thought));
    }
    let ending = if says("/fail") {
        lines.extend(words(BEFORE_FAILURE).map(Line::Word));
        return stream(vec![lines, vec![Line::Break]], &prompt);
    } else if says("/stall") {
        lines.extend(words(BEFORE_STALL).map(Line::Word));
        return stream(vec![lines, vec![Line::Stall]], &prompt);
    } else if says("/refuse") {
        lines.extend(words(REFUSAL).map(|word| Line::Delta(json!({"refusal": word}))));
        "stop"
    } else if says("/filter") {
        lines.extend(words(BEFORE_FILTER).map(Line::Word));
        "content_filter"
    } else if let Some(words_of) = acts::answer(&request, &prompt) {
        lines.extend(words(&words_of).map(Line::Word));
        "stop"
    } else if let Some(arguments) = acts::map(&request, &prompt) {
        lines.extend(words("Let me look at the map. ").map(Line::Word));
        lines.extend(call(acts::MAP, &arguments));
        "tool_calls"
    } else if let Some(result) = tool_result(&request) {
        lines.extend(
            words(&format!("The tool answered: {result}\n\nA model would now go on from there.")).map(Line::Word),
        );
        "stop"
    } else if says("/tool") {
        lines.extend(words("Let me look that up. ").map(Line::Word));
        lines.extend(tool_call(&request));
        "tool_calls"
    } else if says("/long") {
        lines.extend(long(&prompt).map(Line::Word));
        "stop"
    } else {
        lines.extend(words(if says("/code") { CODE } else { GREETING }).map(Line::Word));
        "stop"
    };
    let usage = usage(&prompt, lines.len());
    stream(vec![lines, vec![Line::Finish(ending), usage, Line::Done]], &prompt)
}

fn usage(prompt: &str, output: usize) -> Line {
    Line::Usage(prompt.len().div_ceil(4), output)
}

fn stream(parts: Vec<Vec<Line>>, prompt: &str) -> Reply {
    let pause_ms = if prompt.split_whitespace().any(|word| word == "/fast") { 0 } else { 24 };
    let steps: Vec<Line> = parts.into_iter().flatten().collect();
    Reply::Stream(Script { steps: steps.into_iter(), pause_ms })
}

fn last_user_text(request: &Value) -> String {
    let messages = request.get("messages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let last = messages.iter().rev().find(|message| message.get("role").is_some_and(|role| role == "user"));
    match last.and_then(|message| message.get("content")) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            let texts = parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str));
            texts.collect::<Vec<_>>().join(" ")
        }
        _ => String::new(),
    }
}

/// The content of the last message, if that is a tool's result.
pub fn tool_result(request: &Value) -> Option<String> {
    let last = request.get("messages")?.as_array()?.last()?;
    (last.get("role")? == "tool").then(|| last.get("content").and_then(Value::as_str).unwrap_or_default().to_owned())
}

/// A call of the first tool offered, its arguments in pieces.
fn tool_call(request: &Value) -> Vec<Line> {
    let function = request.pointer("/tools/0/function");
    let name = function.and_then(|function| function.get("name")).and_then(Value::as_str).unwrap_or("get_weather");
    let arguments =
        match function.and_then(|function| function.pointer("/parameters/properties")).and_then(Value::as_object) {
            Some(properties) => {
                Value::Object(properties.iter().map(|(name, schema)| (name.clone(), sample(schema))).collect())
            }
            None => json!({"city": "Oslo", "unit": "celsius"}),
        };
    call(name, &arguments)
}

fn call(name: &str, arguments: &Value) -> Vec<Line> {
    let arguments = arguments.to_string();
    let head = json!({"index": 0, "id": "call_demo", "type": "function", "function": {"name": name, "arguments": ""}});
    let mut lines = vec![Line::Delta(json!({"tool_calls": [head]}))];
    let chars: Vec<char> = arguments.chars().collect();
    lines.extend(chars.chunks(6).map(|piece| {
        let piece: String = piece.iter().collect();
        Line::Delta(json!({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}))
    }));
    lines
}

/// A value that a schema would take.
fn sample(schema: &Value) -> Value {
    if let Some(first) = schema.get("enum").and_then(Value::as_array).and_then(|values| values.first()) {
        return first.clone();
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("number" | "integer") => json!(1),
        Some("boolean") => json!(true),
        Some("array") => json!([]),
        Some("object") => json!({}),
        _ => json!("demo"),
    }
}

/// `/long` or `/long 20000`: so many words.
fn long(prompt: &str) -> impl Iterator<Item = String> {
    let asked =
        prompt.split_whitespace().skip_while(|word| *word != "/long").nth(1).and_then(|count| count.parse().ok());
    // 100,000 words are more than any model says at once, and still only a few megabytes here.
    let count = asked.unwrap_or(2_000usize).min(100_000);
    let words: Vec<&str> = PARAGRAPH.split_inclusive(' ').collect();
    let paragraph = words.len().max(1);
    words.into_iter().map(str::to_owned).collect::<Vec<_>>().into_iter().cycle().take(count).enumerate().map(
        move |(at, word)| {
            let ends = at.checked_rem(paragraph) == Some(paragraph.saturating_sub(1));
            if ends { format!("{}\n\n", word.trim_end()) } else { word }
        },
    )
}

/// Words, each with the space behind it.
fn words(text: &str) -> std::vec::IntoIter<String> {
    text.split_inclusive([' ', '\n']).map(str::to_owned).collect::<Vec<_>>().into_iter()
}

const GREETING: &str = "Hello! I am the **demo**: a script inside the gateway, not a model. \
I stream like any provider does, so you can try things without a key — every state of a client, on command.\n\n\
Put one of these into a message:\n\n\
- `/think` shows reasoning before the answer\n\
- `/tool` calls a tool\n\
- `/code` answers in Markdown with code\n\
- `/long` writes a long answer\n\
- `/refuse` declines, `/filter` is withheld\n\
- `/fail` breaks off in mid-answer, `/stall` goes silent, `/error` fails at once\n\
- `/fast` beside any of them leaves the pauses out\n\n\
To talk to a real model, name a key in `.dev.vars` and start again.";

const THOUGHTS: &str = "The person wants to see how reasoning looks. I am a script and cannot reason, \
so I will say just that, in a few words, and then answer as usual. ";

const REFUSAL: &str = "I can't help with that: I was asked to refuse.";

const BEFORE_FAILURE: &str = "This answer will break off in the middle of a sen";

const BEFORE_STALL: &str = "From here on I will be silent, until the gateway loses patience.";

const BEFORE_FILTER: &str = "The rest of this answer is withheld by a filter: ";

const CODE: &str = "# A small example\n\n\
Markdown with **bold**, *italic* and `code`:\n\n\
```rust\nfn main() {\n    let streams = [\"openai\", \"together\", \"demo\"];\n    for name in streams {\n        println!(\"Hello, {name}!\");\n    }\n}\n```\n\n\
| frame | means |\n|---|---|\n| `chunk` | a piece of the answer |\n| `done` | it is complete |\n| `error` | it failed |\n\n\
1. First, bytes become frames.\n2. Then frames become events.\n3. Then events become frames again.\n";

const PARAGRAPH: &str = "A tributary is a stream that flows into a larger one, and keeps nothing back. \
Its water comes in drops, in gushes, or not at all for a while; what arrives below is the same water in the same order. \
Where it meets a stone it goes around; where its bed ends it says so, and does not pretend to be the sea.";

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(prompt: &str, more: Value) -> Vec<Step> {
        let mut request = json!({"messages": [{"role": "user", "content": prompt}]});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        match answer(request.to_string().as_bytes()) {
            Reply::Stream(script) => script.collect(),
            Reply::Error(..) => panic!("an error"),
        }
    }

    #[test]
    fn it_streams_words_with_pauses_and_ends_properly() {
        let steps = steps("hi", json!({}));
        assert!(
            matches!(&steps[1], Step::Send(24, bytes) if std::str::from_utf8(bytes).unwrap().contains("\"content\":\"Hello! \""))
        );
        assert_eq!(steps.last(), Some(&Step::Send(0, b"data: [DONE]\n\n".to_vec())));
    }

    #[test]
    fn commands_are_whole_words_and_fast_leaves_the_pauses_out() {
        assert!(matches!(steps("please /fail now", json!({})).last(), Some(Step::Break)));
        assert!(matches!(steps("/stall /fast", json!({}))[1], Step::Send(0, _)));
        assert!(!matches!(steps("a/fail", json!({})).last(), Some(Step::Break)));
        assert!(matches!(answer(br#"{"messages":[{"role":"user","content":"/error"}]}"#), Reply::Error(500, _)));
    }

    #[test]
    fn a_long_answer_has_as_many_words_as_asked_for() {
        let role_finish_usage_done = 4;
        assert_eq!(steps("/long 300 /fast", json!({})).len(), 300 + role_finish_usage_done);
        assert_eq!(steps("/long", json!({})).len(), 2_000 + role_finish_usage_done);
    }

    #[test]
    fn it_calls_the_tool_that_is_offered() {
        let tool = json!({"tools": [{"type": "function", "function": {"name": "move", "parameters": {"type": "object", "properties": {"x": {"type": "number"}}}}}]});
        let all: Vec<u8> = steps("/tool", tool)
            .into_iter()
            .flat_map(|step| if let Step::Send(_, bytes) = step { bytes } else { vec![] })
            .collect();
        let all = String::from_utf8(all).unwrap();
        assert!(all.contains("\"name\":\"move\"") && all.contains("{\\\"x\\\":"), "{all}");
    }
}
