//! A dialect's two sides understand each other: a request that one writes and the other reads means the
//! same, and events that one encodes and the other decodes are the same. Host only: proptest.
//!
//! A new dialect is one more row in [`PAIRS`]; what it cannot say is taken out in its `keeps`.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};
use tributary::dialects::{
    Anthropic, Gemini, GeminiArray, Ollama, OpenAiChat, OpenAiResponses, ReplyOptions, ToClient, Unified,
};
use tributary::framing::{Framer, Framing, Limits};
use tributary::models::{
    Answer, ChatRequest, Effort, Event, Finish, Image, Message, ModelRule, Part, Quirks, ResponseFormat, Role, Sink,
    Target, Thinking, Tool, ToolCall, ToolChoice, ToolDelta, ToolKind, Usage,
};

use crate::harness::Feed;

/// A dialect with both sides.
struct Pair {
    client: &'static dyn ToClient,
    provider: Feed,
    /// The model that the request is written for.
    model: &'static str,
    quirks: fn() -> Quirks,
    /// A request without what the dialect has no word for.
    keeps: fn(ChatRequest) -> ChatRequest,
    /// An answer without what the dialect has no word for.
    tells: fn(Answer) -> Answer,
}

fn pairs() -> Vec<Pair> {
    let openai_chat = Pair {
        client: &OpenAiChat,
        provider: crate::harness::SSE,
        model: "m",
        quirks: Quirks::default,
        keeps: |chat| chat,
        tells: |answer| answer,
    };
    let ollama = Pair {
        client: &Ollama,
        provider: crate::harness::OLLAMA,
        keeps: ollama_keeps,
        // The name that was asked for is the name that comes back, and of tokens there are two counts.
        tells: |mut answer| {
            answer.usage = answer.usage.map(|usage| Usage { cached_tokens: None, reasoning_tokens: None, ..usage });
            Answer { model: None, ..answer }
        },
        ..openai_chat
    };
    let responses =
        Pair { client: &OpenAiResponses, provider: crate::harness::RESPONSES, keeps: responses_keeps, ..openai_chat };
    let gemini_array = gemini(&GeminiArray, Feed { framing: Framing::Whole, ..crate::harness::GEMINI });
    let anthropic = Pair {
        client: &Anthropic,
        provider: crate::harness::ANTHROPIC,
        model: "claude-sonnet-4-6",
        quirks: || {
            tributary::providers::Catalogue::from_vars(&|_| None)
                .unwrap()
                .resolve(Some("anthropic"), None)
                .unwrap()
                .0
                .quirks
                .clone()
        },
        keeps: said_to_anthropic,
        tells: told_by_anthropic,
    };
    let unified = Pair { client: &Unified, provider: crate::harness::UNIFIED, ..openai_chat };
    vec![unified, openai_chat, responses, anthropic, ollama, gemini(&Gemini, crate::harness::GEMINI), gemini_array]
}

/// It has no stop words and no seed, takes no id twice in a conversation, and always says of a tool what it
/// takes and whether it is held to that.
fn responses_keeps(mut chat: ChatRequest) -> ChatRequest {
    let mut turn = 0;
    for message in &mut chat.messages {
        turn += usize::from(message.role == Role::Assistant);
        message.tool_call_id.iter_mut().for_each(|id| *id = format!("{id}_{turn}"));
        for part in &mut message.parts {
            if let Part::ToolCall(call) = part {
                call.id = format!("{}_{turn}", call.id);
            }
        }
    }
    for tool in &mut chat.tools {
        tool.parameters.get_or_insert_with(|| json!({"type": "object", "properties": {}}));
        tool.strict = Some(false);
    }
    ChatRequest { stop: Vec::new(), seed: None, ..chat }
}

/// It has pictures by their bytes alone, no choice among tools, and no more of a format than its schema.
fn ollama_keeps(mut chat: ChatRequest) -> ChatRequest {
    const PNG: &str = "iVBORw0KGgoAAAANSUhEUg==";
    for message in &mut chat.messages {
        message.parts.retain(|part| !matches!(part, Part::Image(Image::Url(_))));
        for part in &mut message.parts {
            if let Part::Image(Image::Base64 { data, .. }) = part {
                PNG.clone_into(data);
            }
        }
    }
    if let Some(ResponseFormat::JsonSchema { strict, .. }) = &mut chat.response_format {
        *strict = None;
    }
    ChatRequest { tool_choice: None, ..chat }
}

/// In events, or as one array.
fn gemini(client: &'static dyn ToClient, provider: Feed) -> Pair {
    // A model that takes words for its effort.
    let quirks = || Quirks { rules: const { &[ModelRule::new("m")] }, ..Quirks::default() };
    Pair { client, provider, model: "m", quirks, keeps: in_turns, tells: |answer| answer }
}

/// Turns alternate there; and every schema is held to, so that there is no word for it.
fn in_turns(mut chat: ChatRequest) -> ChatRequest {
    if let Some(ResponseFormat::JsonSchema { strict, .. }) = &mut chat.response_format {
        *strict = None;
    }
    let mut messages: Vec<Message> = Vec::new();
    for message in chat.messages {
        match messages.last_mut().filter(|last| last.role == Role::User && message.role == Role::User) {
            Some(last) => last.parts.extend(message.parts),
            None => messages.push(message),
        }
    }
    ChatRequest { messages, ..chat }
}

/// A limit is required there, tools have a schema, a form is a schema, sampling is by one of two and
/// without thinking, and a forced call too.
fn said_to_anthropic(mut chat: ChatRequest) -> ChatRequest {
    chat.max_tokens.get_or_insert(4096);
    chat.seed = None;
    for tool in &mut chat.tools {
        tool.parameters.get_or_insert_with(|| json!({"type": "object", "properties": {}}));
    }
    chat.response_format = chat.response_format.filter(|format| matches!(format, ResponseFormat::JsonSchema { .. }));
    if chat.tool_choice == Some(ToolChoice::Required) {
        chat.thinking = None;
    }
    if chat.thinking.is_some() {
        (chat.temperature, chat.top_p) = (None, None);
    }
    chat.top_p = chat.top_p.filter(|_| chat.temperature.is_none());
    // Turns alternate, and each call has an id of its own.
    let mut turns: Vec<Message> = Vec::new();
    let mut answers = 0;
    for mut message in std::mem::take(&mut chat.messages) {
        answers += usize::from(message.role == Role::Assistant);
        message.tool_call_id = message.tool_call_id.map(|id| format!("{id}_in_{answers}"));
        for part in &mut message.parts {
            match part {
                Part::ToolCall(call) => call.id = format!("{}_in_{answers}", call.id),
                // Text of nothing but white space is refused there.
                Part::Text(text) if text.trim().is_empty() && message.role != Role::Tool => "x".clone_into(text),
                _ => {}
            }
        }
        match turns.last_mut().filter(|last| last.role == Role::User && message.role == Role::User) {
            Some(last) => last.parts.extend(message.parts),
            None => turns.push(message),
        }
    }
    chat.messages = turns;
    chat
}

/// What a filter withheld is a refusal there, with words to explain it.
fn told_by_anthropic(mut answer: Answer) -> Answer {
    answer.refusal.clear();
    let refused = |reason| if reason == Finish::ContentFilter { Finish::Refusal } else { reason };
    answer.finish = answer.finish.map(|(reason, raw)| (refused(reason), raw));
    answer
}

// --- requests --------------------------------------------------------------------------------------

fn words() -> impl Strategy<Value = String> {
    "[a-z é🌊\n\"\\\\\u{2028}]{1,6}"
}

fn image() -> impl Strategy<Value = Part> {
    prop_oneof![
        Just(Part::Image(Image::Url("https://host/a.png".to_owned()))),
        Just(Part::Image(Image::Base64 { media_type: "image/png".to_owned(), data: "QUJD".to_owned() })),
    ]
}

/// A turn: what the person says, and perhaps an answer, with calls and their results.
fn turn() -> impl Strategy<Value = Vec<Message>> {
    let user = (words(), option::weighted(0.3, image())).prop_map(|(text, image)| Message {
        role: Role::User,
        parts: [Part::Text(text)].into_iter().chain(image).collect(),
        tool_call_id: None,
    });
    let call = ("[a-c]", prop_oneof![Just("{}"), Just(r#"{"a":1}"#)], words());
    let answer = (option::of(words()), vec(call, 0..3));
    (user, option::of(answer)).prop_map(|(user, answer)| {
        let mut messages = vec![user];
        let Some((text, calls)) = answer else { return messages };
        let mut parts: Vec<Part> = text.map(Part::Text).into_iter().collect();
        let mut results = Vec::new();
        for (at, (name, arguments, result)) in calls.into_iter().enumerate() {
            let id = format!("call_{at}");
            parts.push(Part::ToolCall(ToolCall {
                id: id.clone(),
                name,
                arguments: arguments.to_owned(),
                kind: ToolKind::Function,
                opaque: None,
            }));
            results.push(Message { role: Role::Tool, parts: vec![Part::Text(result)], tool_call_id: Some(id) });
        }
        if !parts.is_empty() {
            messages.push(Message { role: Role::Assistant, parts, tool_call_id: None });
            messages.extend(results);
        }
        messages
    })
}

fn tool() -> impl Strategy<Value = Tool> {
    ("[a-c]", option::of(words()), any::<bool>()).prop_map(|(name, description, takes)| Tool {
        name,
        description,
        parameters: takes
            .then(|| json!({"type": "object", "properties": {"b": {"type": "string"}, "a": {"type": "number"}}})),
        strict: None,
    })
}

fn format() -> impl Strategy<Value = ResponseFormat> {
    prop_oneof![
        Just(ResponseFormat::JsonObject),
        Just(ResponseFormat::JsonSchema {
            name: "answer".to_owned(),
            schema: json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": false}),
            description: None,
            strict: Some(true),
        }),
    ]
}

fn request() -> impl Strategy<Value = ChatRequest> {
    let choice = prop_oneof![Just(ToolChoice::Auto), Just(ToolChoice::None), Just(ToolChoice::Required)];
    let effort = prop_oneof![Just(Effort::Low), Just(Effort::Medium), Just(Effort::High)];
    let limits = (
        option::of(0u8..=4),
        option::of(0u8..=4),
        option::of(1u64..9000),
        vec("[a-z]{1,3}", 0..3),
        option::of(0i64..99),
    );
    let shape = (option::of(format()), option::of(effort), option::of(words()));
    (vec(turn(), 1..3), limits, vec(tool(), 0..3), option::of(choice), shape).prop_map(
        |(turns, (temperature, top_p, max_tokens, stop, seed), tools, choice, (response_format, effort, system))| {
            let system =
                system.map(|text| Message { role: Role::System, parts: vec![Part::Text(text)], tool_call_id: None });
            ChatRequest {
                messages: system.into_iter().chain(turns.concat()).collect(),
                temperature: temperature.map(|quarter| f64::from(quarter) / 4.0),
                top_p: top_p.map(|quarter| f64::from(quarter) / 4.0),
                max_tokens,
                stop,
                seed,
                thinking: effort.map(|effort| Thinking { enabled: true, budget_tokens: None, effort: Some(effort) }),
                tool_choice: choice.filter(|_| !tools.is_empty()),
                tools,
                response_format,
                ..ChatRequest::default()
            }
        },
    )
}

/// A request, with what only says where it came from or goes taken out.
fn meaning(mut chat: ChatRequest) -> ChatRequest {
    for message in &mut chat.messages {
        // Some languages have a list where others have one text.
        let text = message.text();
        let only_text = message.parts.iter().all(|part| matches!(part, Part::Text(_)));
        if only_text && !text.is_empty() {
            message.parts = vec![Part::Text(text)];
        }
    }
    ChatRequest { model: None, native: None, stream: false, keep: false, passing: 0, warnings: Vec::new(), ..chat }
}

fn requests_mean_the_same(pair: &Pair, chat: ChatRequest) {
    let chat = (pair.keeps)(chat);
    let target = Target {
        provider: "p".to_owned(),
        base_url: "https://host".to_owned(),
        model: pair.model.to_owned(),
        key: None,
        headers: Vec::new(),
        quirks: (pair.quirks)(),
    };
    let written = pair.provider.dialect.write_request(&chat, &target).unwrap();
    assert_eq!(written.warnings, Vec::<String>::new());
    let read = pair.client.read_request(written.request.body()).unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(meaning(read), meaning(chat));
}

// --- answers ---------------------------------------------------------------------------------------

/// A step of an answer, owned.
#[derive(Clone, Debug)]
enum Said {
    Text(String),
    Reasoning(String),
    Call(Vec<String>),
}

fn said() -> impl Strategy<Value = Vec<Said>> {
    let calls = vec(vec("[1-9]{1,2}", 0..3), 0..3);
    (vec(words(), 0..3), vec(words(), 0..3), calls).prop_map(|(thoughts, texts, calls)| {
        let thoughts = thoughts.into_iter().map(Said::Reasoning);
        thoughts.chain(texts.into_iter().map(Said::Text)).chain(calls.into_iter().map(Said::Call)).collect()
    })
}

fn play(said: &[Said], reason: Finish, mut give: impl FnMut(Event<'_>)) {
    give(Event::Start { model: "m-1" });
    let mut index = 0;
    for step in said {
        match step {
            Said::Text(text) => give(Event::Text(text)),
            Said::Reasoning(text) => give(Event::Reasoning(text)),
            Said::Call(pieces) => {
                let id = format!("call_{index}");
                let pieces: Vec<String> = pieces.iter().map(|number| format!(",{number}")).collect();
                let piece = |name, arguments| ToolDelta { index, id: &id, name, arguments, kind: ToolKind::Function };
                give(Event::Tool(piece(Some("f"), "")));
                give(Event::Tool(piece(None, "{\"a\":[0")));
                pieces.iter().for_each(|number| give(Event::Tool(piece(None, number))));
                give(Event::Tool(piece(None, "]}")));
                index += 1;
            }
        }
    }
    let usage = Usage {
        input_tokens: 9,
        output_tokens: 5,
        total_tokens: 14,
        cached_tokens: Some(4),
        reasoning_tokens: Some(2),
        estimated: false,
        cost: None,
    };
    give(Event::Usage(usage));
    give(Event::Finish { reason, raw: None });
}

/// Arguments by their value: languages differ in how they space them.
fn told(mut answer: Answer) -> Answer {
    for call in &mut answer.tool_calls {
        let value: Value = serde_json::from_str(&call.arguments).unwrap();
        call.arguments = value.to_string();
    }
    answer.finish = answer.finish.map(|(reason, _)| (reason, None));
    answer
}

fn answers_are_the_same(pair: &Pair, said: &[Said], stream: bool, cut: usize) {
    let calls = said.iter().any(|step| matches!(step, Said::Call(_)));
    for reason in [if calls { Finish::ToolCalls } else { Finish::Stop }, Finish::Length, Finish::ContentFilter] {
        let reply = ReplyOptions {
            run_id: "r_1".to_owned(),
            provider: "p".to_owned(),
            model: "m-0".to_owned(),
            stream,
            ..ReplyOptions::default()
        };
        let chat = pair.client.read_request(asking_for_all().as_bytes()).unwrap_or_default();
        let mut encoder = pair.client.encoder(reply, &chat);
        let (mut bytes, mut meant) = (Vec::new(), Answer::default());
        play(said, reason, |event| {
            meant.event(event.clone());
            encoder.event(event, &mut bytes);
            if stream {
                encoder.heartbeat(&mut bytes);
            }
        });
        let framing = if stream { pair.provider.framing } else { Framing::Whole };
        let mut framer = Framer::new(framing, Limits::default());
        let options = tributary::dialects::DecodeOptions { run_id: "r_2".to_owned(), ..Default::default() };
        let mut decoder = pair.provider.dialect.decoder(options);
        let mut seen = Answer::default();
        let mut errors = Vec::new();
        let mut sink = |event: Event<'_>| {
            if let Event::Error(error) = &event {
                errors.push((*error).clone());
            }
            seen.event(event);
        };
        for piece in bytes.chunks(cut) {
            framer.push(piece, &mut |frame| decoder.frame(frame, &mut sink)).unwrap();
        }
        framer.finish(&mut |frame| decoder.frame(frame, &mut sink));
        decoder.finish(&mut sink);
        let shown = String::from_utf8_lossy(&bytes);
        assert_eq!(errors, [], "{shown}");
        assert_eq!(told((pair.tells)(seen)), told((pair.tells)(meant)), "{shown}");
    }
}

/// In every language at once: each passes over what it does not know.
fn asking_for_all() -> String {
    json!({
        "messages": [{"role": "user", "content": "hi"}], "stream_options": {"include_usage": true},
        "input": "hi", "contents": [{"parts": [{"text": "hi"}]}], "generationConfig": {"thinkingConfig": {"includeThoughts": true}},
    })
    .to_string()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_request_written_and_read_means_the_same(chat in request()) {
        for pair in &pairs() {
            requests_mean_the_same(pair, chat.clone());
        }
    }

    #[test]
    fn an_answer_encoded_and_decoded_is_the_same(said in said(), stream in any::<bool>(), cut in 1usize..60) {
        for pair in &pairs() {
            answers_are_the_same(pair, &said, stream, cut);
        }
    }
}
