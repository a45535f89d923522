//! How a fixture is checked: events as lines of text, at every cut, and through the whole relay.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::rc::Rc;

use serde_json::Value;
use tributary::dialects::{
    Anthropic, Decode, DecodeOptions, Gemini, Ollama, OpenAiChat, OpenAiResponses, ReplyOptions, ToClient, ToProvider,
    Unified, WorkersAi, kept,
};
use tributary::framing::{Frame, Framer, Framing, Limits};
use tributary::models::{ChatRequest, Event, Sink, ToolKind};
use tributary::relay::{End, Folded, Relay, RelayOptions, fold};

/// A test on the host and in the browser.
#[macro_export]
macro_rules! both_targets {
    ($($(#[$note:meta])* fn $name:ident() $body:block)*) => {$(
        $(#[$note])*
        #[cfg_attr(not(target_arch = "wasm32"), test)]
        #[cfg_attr(target_arch = "wasm32", wasm_bindgen_test::wasm_bindgen_test)]
        fn $name() $body
    )*};
}

/// How a fixture is fed.
#[derive(Clone, Copy)]
pub struct Feed {
    pub dialect: &'static dyn ToProvider,
    pub framing: Framing,
    pub think_tags: bool,
    pub limits: Limits,
}

pub const SSE: Feed = Feed {
    dialect: &OpenAiChat,
    framing: Framing::Sse,
    think_tags: false,
    limits: Limits { frame: 1 << 20, whole: 4 << 20 },
};
pub const ANTHROPIC: Feed = Feed { dialect: &Anthropic, ..SSE };
pub const OLLAMA: Feed = Feed { dialect: &Ollama, framing: Framing::NdJson, ..SSE };
pub const GEMINI: Feed = Feed { dialect: &Gemini, ..SSE };
pub const WORKERS_AI: Feed = Feed { dialect: &WorkersAi, ..SSE };
pub const RESPONSES: Feed = Feed { dialect: &OpenAiResponses, ..SSE };
pub const UNIFIED: Feed = Feed { dialect: &Unified, ..SSE };
pub const DETECT: Feed = Feed { framing: Framing::Detect, ..SSE };
pub const WHOLE: Feed = Feed { framing: Framing::Whole, ..SSE };
pub const THINK: Feed = Feed { think_tags: true, ..SSE };

/// Frames of server-sent events, each with one `data` line.
pub fn sse(payloads: &[&str]) -> String {
    payloads.iter().fold(String::new(), |body, payload| body + "data: " + payload + "\n\n")
}

/// A chunk with one delta.
pub fn delta(fields: &str) -> String {
    format!(r#"{{"choices":[{{"delta":{{{fields}}}}}]}}"#)
}

/// A chunk that says why the answer ended.
pub fn finish(reason: &str) -> String {
    format!(r#"{{"choices":[{{"delta":{{}},"finish_reason":"{reason}"}}]}}"#)
}

/// A body of these deltas and this ending.
pub fn answer(deltas: &[&str], reason: &str) -> String {
    let mut payloads: Vec<String> = deltas.iter().map(|fields| delta(fields)).collect();
    payloads.push(finish(reason));
    payloads.push("[DONE]".to_owned());
    sse(&payloads.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The body gives these events, whole, byte by byte and at every two cuts, and the relay's output
/// does not depend on the cuts either.
pub fn check(body: &str, expect: &[&str]) {
    check_as(SSE, body.as_bytes(), expect);
}

/// The same, fed in another way.
pub fn check_as(feed: Feed, body: &[u8], expect: &[&str]) {
    let whole = run(feed, &[body]);
    let seen: Vec<&str> = whole.events.lines().collect();
    assert_eq!(seen, expect, "whole: {}", String::from_utf8_lossy(body));
    check_output(&whole);
    same(feed, &whole, &body.chunks(1).collect::<Vec<_>>());
    // A decoder sees nothing but frames: the same frames are the same events. So the frames are
    // compared at every two cuts, and the whole relay at every cut and some of the second ones.
    // A browser has twenty seconds for the whole suite, and the host did them all.
    let frames = frames(feed, &[body]);
    let (few, step) = if cfg!(target_arch = "wasm32") { (body.len() / 12 + 1, body.len()) } else { (1, 1) };
    for first in 0..=body.len() {
        for second in (first..=body.len()).step_by(few) {
            let pieces = [&body[..first], &body[first..second], &body[second..]];
            assert!(self::frames(feed, &pieces) == frames, "the frames differ when cut at {first} and {second}");
            if second == first || (first + second) % step == 0 {
                same(feed, &whole, &pieces);
            }
        }
    }
}

/// The frames of a body, one after another: name, payload, whether it was cut.
fn frames(feed: Feed, pieces: &[&[u8]]) -> String {
    let mut framer = Framer::new(feed.framing, feed.limits);
    let mut seen = String::new();
    let mut keep = |frame: Frame<'_>| {
        let parts = [frame.event.unwrap_or("-"), "\0", frame.data, if frame.cut { "\0cut\0" } else { "\0\0" }];
        parts.into_iter().for_each(|part| seen.push_str(part));
    };
    for piece in pieces {
        framer.push(piece, &mut keep).unwrap();
    }
    framer.finish(&mut keep);
    seen
}

/// As `check`, for bodies too long for every two cuts: pieces of many sizes instead.
pub fn check_long(body: &[u8], expect: &[&str]) {
    check_long_as(SSE, body, expect);
}

/// The same, fed in another way.
pub fn check_long_as(feed: Feed, body: &[u8], expect: &[&str]) {
    let whole = run(feed, &[body]);
    assert_eq!(whole.events.lines().collect::<Vec<_>>(), expect);
    check_output(&whole);
    for size in [1, 2, 3, 7, 64, 1000, 4096] {
        same(feed, &whole, &body.chunks(size).collect::<Vec<_>>());
    }
}

fn same(feed: Feed, whole: &Run, pieces: &[&[u8]]) {
    let cut = run(feed, pieces);
    let lengths = || pieces.iter().map(|piece| piece.len()).collect::<Vec<_>>();
    assert_eq!(cut.events, whole.events, "pieces of {:?}", lengths());
    assert!(cut.output == whole.output, "the output differs at pieces of {:?}", lengths());
}

/// What came of a body.
pub struct Run {
    /// The decoder's events, a line each.
    pub events: String,
    /// What the client gets.
    pub output: Vec<u8>,
    /// How the relay says that it ended.
    pub end: Option<End>,
}

/// Feeds a body to a relay with the unified encoder, and notes what the decoder says on the way.
pub fn run(feed: Feed, pieces: &[&[u8]]) -> Run {
    let events = Rc::new(RefCell::new(String::new()));
    let mut relay = relay_with(feed, RelayOptions { keep: true, ..options(feed) }, Rc::clone(&events), true);
    let mut output = Vec::new();
    for piece in pieces {
        relay.push(piece, &mut output);
    }
    relay.finish(&mut output);
    let end = relay.end().cloned();
    // What a session keeps is what its log adds up to, whoever reads that.
    let held = relay.take_folded().unwrap_or_default();
    assert_eq!(comparable(fold(kept::READER, [output.clone()])), comparable(held));
    drop(relay);
    Run { events: events.take(), output, end }
}

/// Without what a client is not told: which model answers before it says anything, how long to wait, and how
/// the provider's own error was laid out.
fn comparable(mut folded: Folded) -> Folded {
    folded.answer.model.get_or_insert_with(|| "asked".to_owned());
    if let Some(error) = &mut folded.error {
        folded.answer.model = None;
        let laid_out = |raw: String| serde_json::from_str::<Value>(&raw).map_or(raw, |value| value.to_string());
        error.raw = error.raw.take().map(laid_out);
        error.retry_after_ms = None;
    }
    folded
}

/// A relay to the unified dialect.
pub fn relay(feed: Feed, events: Rc<RefCell<String>>, stream: bool) -> Relay {
    relay_with(feed, options(feed), events, stream)
}

/// What the relay of a fixture knows of its run.
pub fn options(feed: Feed) -> RelayOptions {
    RelayOptions {
        framing: feed.framing,
        limits: feed.limits,
        provider: "prov".to_owned(),
        key: None,
        input_bytes: 40,
        price: None,
        output: None,
        record: None,
        filtered_is_error: Unified.filtered_is_error(),
        warnings: Vec::new(),
        keep: false,
        most_output: None,
        native: false,
    }
}

/// A relay that knows more of its run.
pub fn relay_with(feed: Feed, options: RelayOptions, events: Rc<RefCell<String>>, stream: bool) -> Relay {
    let inner = feed.dialect.decoder(DecodeOptions {
        run_id: "r_1".to_owned(),
        think_tags: feed.think_tags,
        ..DecodeOptions::default()
    });
    let reply = ReplyOptions {
        run_id: "r_1".to_owned(),
        provider: "prov".to_owned(),
        model: "asked".to_owned(),
        stream,
        ..ReplyOptions::default()
    };
    Relay::new(options, Box::new(Spy { inner, events }), Unified.encoder(reply, &ChatRequest::default()))
}

/// Notes every event on its way from a decoder.
struct Spy {
    inner: Box<dyn Decode>,
    events: Rc<RefCell<String>>,
}

impl Decode for Spy {
    fn frame(&mut self, frame: Frame<'_>, out: &mut dyn Sink) {
        let mut events = self.events.borrow_mut();
        self.inner.frame(frame, &mut |event: Event<'_>| {
            note(&event, &mut events);
            out.event(event);
        });
    }

    fn finish(&mut self, out: &mut dyn Sink) {
        let mut events = self.events.borrow_mut();
        self.inner.finish(&mut |event: Event<'_>| {
            note(&event, &mut events);
            out.event(event);
        });
    }
}

/// An event as a line: `text "Hi"`, `tool 0 call_1 =f {}`, `usage 9 3 12`, `finish stop eos`.
pub fn note(event: &Event<'_>, to: &mut String) {
    let line = match event {
        Event::Start { model } => writeln!(to, "start {model}"),
        Event::Text(text) => writeln!(to, "text {}", Value::from(*text)),
        Event::Reasoning(text) => writeln!(to, "think {}", Value::from(*text)),
        Event::Refusal(text) => writeln!(to, "refusal {}", Value::from(*text)),
        Event::Tool(call) => {
            let word = if call.kind == ToolKind::Custom { "custom" } else { "tool" };
            let name = call.name.map(|name| format!(" ={name}")).unwrap_or_default();
            let space = if call.arguments.is_empty() { "" } else { " " };
            writeln!(to, "{word} {} {}{name}{space}{}", call.index, call.id, call.arguments)
        }
        Event::Citation(cited) => {
            let place = cited.start_index.zip(cited.end_index).map(|(from, to)| format!(" {from}-{to}"));
            let title = cited.title.as_deref().map(|title| format!(" {title:?}")).unwrap_or_default();
            writeln!(to, "cite {}{title}{}", cited.url, place.unwrap_or_default())
        }
        Event::Opaque(state) => {
            let call = state.call.map(|call| format!(" call {} {}", call.index, call.id)).unwrap_or_default();
            writeln!(to, "opaque {}{call} {}", state.dialect, state.data)
        }
        Event::Warning(text) => writeln!(to, "warn {text}"),
        Event::Usage(usage) => {
            let cached = usage.cached_tokens.map(|count| format!(" cached {count}")).unwrap_or_default();
            let thought = usage.reasoning_tokens.map(|count| format!(" thought {count}")).unwrap_or_default();
            let (input, output, total) = (usage.input_tokens, usage.output_tokens, usage.total_tokens);
            writeln!(to, "usage {input} {output} {total}{cached}{thought}")
        }
        Event::Finish { reason, raw } => writeln!(to, "finish {} {}", reason.as_str(), raw.unwrap_or("-")),
        Event::Error(error) => writeln!(to, "error {} {}", error.kind.as_str(), error.message),
        _ => writeln!(to, "unknown"),
    };
    line.unwrap();
}

/// What holds for every output of the unified stream.
fn check_output(run: &Run) {
    let frames = check_ending(&run.output, run.end.as_ref());
    check_texts(run, &frames);
}

/// One ending, last, with usage, whatever came before; gives the frames.
pub fn check_ending(output: &[u8], end: Option<&End>) -> Vec<OutFrame> {
    let frames = read_output(output);
    let terminal = |frame: &&OutFrame| frame.event != "chunk";
    assert_eq!(frames.iter().filter(terminal).count(), 1, "one terminal frame");
    let (last, before) = frames.split_last().unwrap();
    match end.unwrap() {
        End::Finished(reason) => {
            assert_eq!((last.event.as_str(), last.data.as_str()), ("done", "[DONE]"));
            let chunk = before.last().unwrap().json();
            assert_eq!(chunk["finish_reason"], reason.as_str());
            assert!(chunk["usage"]["total_tokens"].is_u64(), "a finish without usage: {chunk}");
        }
        End::Failed(error) => {
            let body = last.json();
            assert_eq!((last.event.as_str(), body["error"]["type"].as_str()), ("error", Some(error.kind.as_str())));
            assert!(!body["error"]["message"].as_str().unwrap().is_empty());
            assert_eq!(body["error"]["provider"], "prov");
            assert!(body["usage"]["total_tokens"].is_u64(), "an error without usage: {body}");
        }
    }
    let finishes = frames.iter().filter(|frame| frame.event == "chunk" && !frame.json()["finish_reason"].is_null());
    assert_eq!(finishes.count(), usize::from(last.event == "done"));
    let roles = frames.iter().filter(|frame| frame.event == "chunk" && frame.json().get("role").is_some());
    assert_eq!(roles.count(), usize::from(!before.is_empty()), "the role is in the first chunk only");
    frames
}

/// The client's texts are the decoder's texts.
fn check_texts(run: &Run, frames: &[OutFrame]) {
    let text = |json: &str| serde_json::from_str::<String>(json).unwrap();
    for (word, field) in [("text ", "content"), ("think ", "reasoning"), ("refusal ", "refusal")] {
        let said: String = run.events.lines().filter_map(|line| line.strip_prefix(word)).map(text).collect();
        let chunks = frames.iter().filter(|frame| frame.event == "chunk").map(OutFrame::json);
        let given: String = chunks.filter_map(|chunk| chunk.get(field)?.as_str().map(str::to_owned)).collect();
        assert_eq!(given, said, "{field}");
    }
}

/// A frame of the unified stream.
pub struct OutFrame {
    pub event: String,
    pub data: String,
}

impl OutFrame {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap()
    }
}

/// The frames of a unified stream: `id`, `event` and `data`, in this order, one line each.
pub fn read_output(output: &[u8]) -> Vec<OutFrame> {
    let output = std::str::from_utf8(output).unwrap();
    assert!(!output.contains(['\r', '\u{2028}', '\u{2029}']), "a raw line break");
    assert!(output.ends_with("\n\n"), "an open frame: {output}");
    let frames = output.split_terminator("\n\n").enumerate().map(|(at, frame)| {
        let mut lines = frame.lines();
        let mut field = |name: &str| lines.next().and_then(|line| line.strip_prefix(name)).unwrap().to_owned();
        assert_eq!(field("id: "), format!("r_1:{}", at + 1));
        let frame = OutFrame { event: field("event: "), data: field("data: ") };
        assert_eq!(lines.next(), None, "a line too many");
        if frame.event == "chunk" {
            let chunk = frame.json();
            let always = ["content", "finish_reason", "model", "provider", "usage"];
            assert!(always.iter().all(|name| chunk.get(name).is_some()), "a field is missing: {chunk}");
        }
        frame
    });
    frames.collect()
}
