//! What sessions keep: a log in the unified language, read again; answers and messages in the same form.

use serde_json::{Value, json};
use tributary::dialects::{DecodeOptions, ReplyOptions, ToClient, ToProvider, Unified, kept};
use tributary::framing::Frame;
use tributary::models::{
    Answer, CallRef, ChatError, ChatRequest, Citation, ErrorKind, Event, Finish, OnDisconnect, OpaqueDelta, Parent,
    Part, Sink, ToolDelta, ToolKind, Usage,
};
use tributary::relay::fold;

use crate::both_targets;

fn reply() -> ReplyOptions {
    let (run_id, provider, model) = ("r_1".into(), "p".into(), "m".into());
    ReplyOptions { run_id, provider, model, stream: true, ..ReplyOptions::default() }
}

fn written(reply: ReplyOptions, events: &[Event<'_>]) -> Vec<u8> {
    let mut encoder = Unified.encoder(reply, &ChatRequest::default());
    let mut out = Vec::new();
    events.iter().for_each(|event| encoder.event(event.clone(), &mut out));
    out
}

/// Everything that an answer can have.
fn all(state: &Value, citation: &Citation, give: &mut dyn FnMut(Event<'_>)) {
    let delta = |index, id, name, arguments, kind| Event::Tool(ToolDelta { index, id, name, arguments, kind });
    let opaque = |dialect, call| Event::Opaque(OpaqueDelta { dialect, call, data: state });
    give(Event::Start { model: "m-1" });
    give(Event::Warning("careful"));
    give(Event::Reasoning("let me see\u{2028}"));
    give(opaque("anthropic", None));
    give(Event::Text("Hé"));
    give(opaque("gemini", None));
    give(Event::Text("llo\n\n\"\u{1f30a}"));
    give(delta(0, "c1", Some("f"), "{\"a\":", ToolKind::Function));
    give(delta(0, "c1", None, "1}", ToolKind::Function));
    give(opaque("openai-responses", Some(CallRef { index: 0, id: "c1" })));
    give(delta(1, "c2", Some("g"), "free text", ToolKind::Custom));
    give(opaque("gemini", None));
    give(Event::Refusal("no"));
    give(Event::Citation(citation));
    give(Event::Usage(Usage { input_tokens: 9, output_tokens: 3, total_tokens: 12, ..Usage::default() }));
    give(Event::Finish { reason: Finish::ToolCalls, raw: Some("tool_use") });
}

fn answer() -> (Answer, Vec<u8>) {
    let (state, citation) = (json!({"signature": "c2ln"}), Citation { url: "https://a".into(), ..Citation::default() });
    let (mut answer, mut log) = (Answer::default(), Vec::new());
    let mut encoder = Unified.encoder(reply(), &ChatRequest::default());
    all(&state, &citation, &mut |event| {
        encoder.event(event.clone(), &mut log);
        answer.event(event);
    });
    (answer, log)
}

/// The answer that a frame adds up to.
fn decoded(frames: &[&str]) -> (Answer, Option<ChatError>) {
    let (mut decoder, mut answer, mut failure) = (Unified.decoder(DecodeOptions::default()), Answer::default(), None);
    let mut sink = |event: Event<'_>| {
        if let Event::Error(error) = &event {
            failure = Some((*error).clone());
        }
        answer.event(event);
    };
    frames.iter().for_each(|data| decoder.frame(Frame { event: None, data, cut: false }, &mut sink));
    decoder.finish(&mut sink);
    (answer, failure)
}

both_targets! {
    fn a_log_adds_up_to_its_answer_wherever_it_is_cut() {
        let (answer, log) = answer();
        let expected = tributary::relay::Folded { answer, error: None };
        assert_eq!(fold(kept::READER, [log.clone()]), expected);
        assert_eq!(fold(kept::READER, log.iter().map(|byte| vec![*byte])), expected);
        for cut in 0..=log.len() {
            let (one, other) = log.split_at(cut);
            assert_eq!(fold(kept::READER, [one.to_vec(), other.to_vec()]), expected, "cut at {cut}");
        }
    }

    fn a_log_without_an_end_is_truncated_and_keeps_what_it_had() {
        let log = written(reply(), &[Event::Text("Hel"), Event::Text("lo")]);
        let folded = fold(kept::READER, [log]);
        assert_eq!((folded.answer.content.as_str(), folded.error.map(|error| error.kind)), ("Hello", Some(ErrorKind::Truncated)));
        // A finish without its last frame is none: what came behind it may be missing.
        let chunk = r#"{"content":"","finish_reason":"stop","model":"m","provider":"p","usage":null}"#;
        assert_eq!(decoded(&[chunk]).1.map(|error| error.kind), Some(ErrorKind::Truncated));
        assert_eq!(decoded(&[chunk, "[DONE]"]).0.finish, Some((Finish::Stop, None)));
    }

    fn a_failure_is_the_same_failure() {
        let down = ChatError {
            param: Some("model".into()),
            code: Some("x".into()),
            provider_request_id: Some("req_1".into()),
            raw: Some("{\"a\":1}".into()),
            ..ChatError::new(ErrorKind::Overloaded, "down").from_provider("p")
        };
        let usage = Usage::estimate(4, 0);
        let folded = fold(kept::READER, [written(reply(), &[Event::Text("a"), Event::Usage(usage), Event::Error(&down)])]);
        assert_eq!((folded.error, folded.answer.usage), (Some(down.clone()), Some(usage)));
        assert_eq!(kept::read_error(&kept::error(&down)), down);
    }

    fn what_nobody_can_read_costs_a_warning_and_not_the_answer() {
        let text = r#"{"content":"a"}"#;
        let (answer, failure) = decoded(&["nonsense", text, "[1]", r#"{"finish_reason":"later"}"#, "[DONE]", text]);
        assert_eq!((answer.content.as_str(), answer.warnings.len(), failure), ("a", 1, None));
        // A reason of a later version is an end, with its own word.
        assert_eq!(answer.finish, Some((Finish::Stop, Some("later".to_owned()))));
    }

    fn a_whole_answer_is_kept_and_read_with_everything_in_its_place() {
        let (answer, _) = answer();
        let finish = answer.finish.as_ref().map(|(reason, raw)| (*reason, raw.as_deref()));
        let kept = Value::Object(kept::answer("r_1", "p", "m", &answer, finish));
        let (read, failure) = decoded(&[&kept.to_string()]);
        assert_eq!((read, failure), (answer, None));
    }

    fn a_kept_answer_is_the_assistants_message() {
        let (answer, _) = answer();
        let mut value = Value::Object(kept::answer("r_1", "p", "m", &answer, None));
        value["role"] = json!("assistant");
        let [message] = kept::read_messages(&value).unwrap().try_into().unwrap();
        let kinds: Vec<&str> = message.parts.iter().map(|part| match part {
            Part::Text(_) => "text",
            Part::Reasoning(_) => "reasoning",
            Part::ToolCall(_) => "call",
            Part::Opaque(opaque) => opaque.dialect.as_str(),
            Part::Image(_) => "image",
        }).collect();
        assert_eq!(kinds, ["reasoning", "anthropic", "text", "gemini", "text", "call", "call", "gemini"]);
        assert_eq!(kept::read_messages(&kept::message(&message)).unwrap(), [message]);
        let refused = kept::read_messages(&json!({"role": "assistant", "content": "", "refusal": "no"})).unwrap();
        assert_eq!(refused[0].text(), "no");
    }

    fn what_is_written_on_goes_on_counting() {
        let log = written(ReplyOptions { given: 7, ..reply() }, &[Event::Text("a")]);
        assert!(log.starts_with(b"id: r_1:8\n"), "{}", String::from_utf8_lossy(&log));
    }

    fn a_place_in_a_session_is_said_and_read() {
        let read = |fields: Value| {
            let mut body = json!({"messages": [{"role": "user", "content": "hi"}], "session_id": "s_1"});
            body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            Unified.read_request(body.to_string().as_bytes()).unwrap()
        };
        let target = |chat: &ChatRequest| {
            let target = tributary::models::Target {
                provider: "p".into(), base_url: "https://h".into(), model: String::new(), key: None, headers: vec![], quirks: Default::default(),
            };
            let body = Unified.write_request(chat, &target).unwrap().request.into_body();
            Unified.read_request(&body).unwrap()
        };
        for fields in [
            json!({}),
            json!({"parent": null, "on_busy": "queue"}),
            json!({"parent": "r_1", "on_disconnect": "cancel", "instructions": "Be brief."}),
        ] {
            let chat = read(fields);
            assert_eq!(target(&chat), chat);
        }
        assert_eq!(read(json!({"parent": null})).session.unwrap().parent, Parent::Start);
        let chat = read(json!({"on_disconnect": "detach", "instructions": "Be brief."}));
        assert_eq!((chat.on_disconnect, chat.passing, chat.messages.len()), (Some(OnDisconnect::Detach), 1, 2));
    }

    fn an_errors_answer_is_read_with_its_type() {
        let error = ChatError { retry_after_ms: None, ..ChatError::invalid("messages[0].role", "role must be user") };
        let written = Unified.write_error(&error, "req_1");
        assert_eq!(Unified.read_error(written.status, &http::HeaderMap::new(), &written.body), error);
        let busy = ChatError { code: Some("r_1".into()), ..ChatError::new(ErrorKind::Conflict, "busy") };
        let written = Unified.write_error(&busy, "req_1");
        assert!(String::from_utf8_lossy(&written.body).contains("\"run_id\":\"r_1\""));
        assert_eq!(Unified.read_error(written.status, &http::HeaderMap::new(), &written.body), busy);
        let html = Unified.read_error(http::StatusCode::BAD_GATEWAY, &http::HeaderMap::new(), b"<html>");
        assert_eq!(html.kind, ErrorKind::Provider);
    }
}
