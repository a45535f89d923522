//! Bodies that others recorded from live services, against a second and plainer reader. The folder is
//! not part of the project: `RECORDINGS` names it, or it lies beside the checkout; else this skips.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::arithmetic_side_effects, clippy::string_slice, clippy::unwrap_used, clippy::expect_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]

#[path = "core/harness.rs"]
#[allow(dead_code)]
mod harness;
#[path = "core/reference.rs"]
mod reference;
#[path = "core/reference_anthropic.rs"]
mod reference_anthropic;
#[path = "core/reference_gemini.rs"]
mod reference_gemini;
#[path = "core/reference_ollama.rs"]
mod reference_ollama;
#[path = "core/reference_responses.rs"]
mod reference_responses;
#[path = "core/reference_workers_ai.rs"]
mod reference_workers_ai;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use http::{HeaderMap, HeaderName, StatusCode};
use serde_json::Value;
use tributary::dialects::{Anthropic, DecodeOptions, Gemini, OpenAiChat, ToProvider};
use tributary::framing::{Framer, Framing, Limits};
use tributary::models::{Answer, ChatError, ErrorKind, Event, Finish, Sink};

use harness::{ANTHROPIC, DETECT, Feed, GEMINI, OLLAMA, RESPONSES, SSE, WORKERS_AI, check_ending, run};
use reference::Reference;

/// A body with what is known of it.
struct Recording {
    folder: String,
    name: String,
    body: Vec<u8>,
    status: u16,
    headers: HeaderMap,
}

/// What came of the bodies of one folder.
#[derive(Default)]
struct Row {
    bodies: usize,
    events: usize,
    endings: BTreeMap<String, usize>,
}

#[test]
fn recorded_bodies_are_read_as_the_plain_reader_reads_them() {
    let folder = folder();
    let Some(recordings) = read_folder(&folder) else {
        return println!("skipped: there are no recordings at {}", folder.display());
    };
    let mut table: BTreeMap<String, Row> = BTreeMap::new();
    for recording in recordings {
        let Some((ending, events)) = check(&recording) else {
            println!("of no dialect here: {}/{}", recording.folder, recording.name);
            continue;
        };
        let row = table.entry(recording.folder).or_default();
        row.bodies += 1;
        row.events += events;
        *row.endings.entry(ending).or_default() += 1;
    }
    println!("{:28} {:>6} {:>7}  endings", "folder", "bodies", "events");
    for (folder, row) in &table {
        let endings: Vec<_> = row.endings.iter().map(|(ending, count)| format!("{ending} {count}")).collect();
        println!("{folder:28} {:>6} {:>7}  {}", row.bodies, row.events, endings.join(", "));
    }
    println!("{} bodies were read", table.values().map(|row| row.bodies).sum::<usize>());
    assert!(!table.is_empty(), "the folder {} has no body of this dialect", folder.display());
}

fn folder() -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/recordings");
    std::env::var_os("RECORDINGS").map_or_else(beside, PathBuf::from)
}

fn read_folder(folder: &Path) -> Option<Vec<Recording>> {
    let inside = |path: &Path| -> Vec<PathBuf> {
        let mut paths: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    };
    fs::read_dir(folder).ok()?;
    let folders = inside(folder).into_iter().filter(|path| path.is_dir());
    Some(folders.flat_map(|folder| inside(&folder)).filter_map(|path| read_recording(&path)).collect())
}

fn read_recording(path: &Path) -> Option<Recording> {
    let name = path.file_name()?.to_str()?.to_owned();
    let folder = path.parent()?.file_name()?.to_str()?.to_owned();
    let body = match name.as_str() {
        name if name.ends_with(".meta.json") => return None,
        name if name.ends_with(".sse") || name.ends_with(".json") || name.ends_with(".ndjson") => {
            fs::read(path).unwrap()
        }
        name if name.ends_with(".chunks.txt") => {
            let lines = fs::read_to_string(path).unwrap();
            framed(&folder, lines.lines().filter(|line| !line.trim().is_empty())).into_bytes()
        }
        _ => return None,
    };
    let meta = fs::read(format!("{}.meta.json", path.display())).unwrap_or_default();
    let meta: Value = serde_json::from_slice(&meta).unwrap_or_default();
    let status = meta.get("status").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok());
    let headers = meta.get("headers").and_then(Value::as_object).into_iter().flatten();
    let headers = headers
        .filter_map(|(name, value)| Some((HeaderName::try_from(name.as_str()).ok()?, value.as_str()?.parse().ok()?)));
    Some(Recording { folder, name, body, status: status.unwrap_or(200), headers: headers.collect() })
}

/// Payloads that were kept without their frames, in the frames of their vendor: those that name their
/// type are frames with that name, without a sentinel at the end.
fn framed<'a>(folder: &str, payloads: impl Iterator<Item = &'a str>) -> String {
    let (mut body, mut named) = (String::new(), false);
    for line in payloads {
        let payload: Value = serde_json::from_str(line).unwrap();
        if let Some(kind) = payload["type"].as_str() {
            named = true;
            body += &format!("event: {kind}\ndata: {line}\n\n");
        } else {
            body += &format!("data: {line}{}", if folder == "gemini" { "\r\n\r\n" } else { "\n\n" });
        }
    }
    if named || folder == "gemini" { body } else { body + "data: [DONE]\n\n" }
}

/// Checks a body; gives its ending and how many events it had, or nothing if it is not of this dialect.
fn check(recording: &Recording) -> Option<(String, usize)> {
    let place = format!("{}/{}", recording.folder, recording.name);
    if recording.status >= 400 {
        return Some((check_refusal(recording, &place), 1));
    }
    let text = String::from_utf8_lossy(&recording.body);
    if recording.name.ends_with(".ndjson") {
        let (answer, errors) = fold(OLLAMA, &recording.body);
        let ending = reference_ollama::check(&text, &answer, &errors, &place);
        return Some((ending, check_cuts(OLLAMA, &recording.body, &place)));
    }
    let whole = serde_json::from_str::<Value>(&text).is_ok();
    if let Some(responses) = reference_gemini::responses(&text) {
        let feed = if whole { Feed { framing: Framing::Detect, ..GEMINI } } else { GEMINI };
        let (answer, errors) = fold(feed, &recording.body);
        let ending = reference_gemini::check(&responses, &answer, &errors, &place);
        return Some((ending, check_cuts(feed, &recording.body, &place)));
    }
    let frames = if whole { vec![(String::new(), text.into_owned())] } else { reference::frames(&text) };
    if reference_workers_ai::is_native(&frames) {
        let (answer, errors) = fold(WORKERS_AI, &recording.body);
        let ending = reference_workers_ai::check(&frames, &answer, &errors, &place);
        return Some((ending, check_cuts(WORKERS_AI, &recording.body, &place)));
    }
    if reference_responses::is_responses(&frames) {
        let feed = if whole { Feed { framing: DETECT.framing, ..RESPONSES } } else { RESPONSES };
        let (answer, errors) = fold(feed, &recording.body);
        let ending = reference_responses::check(&frames, &answer, &errors, &place);
        return Some((ending, check_cuts(feed, &recording.body, &place)));
    }
    let feed = match (whole, recording.folder.as_str()) {
        (true, _) => DETECT,
        (false, "cloudflare-workers-ai") => WORKERS_AI,
        (false, _) => SSE,
    };
    if reference_anthropic::is_messages(&frames) {
        let feed = Feed { dialect: ANTHROPIC.dialect, ..feed };
        let (answer, errors) = fold(feed, &recording.body);
        let ending = reference_anthropic::check(&frames, &answer, &errors, &place);
        return Some((ending, check_cuts(feed, &recording.body, &place)));
    }
    if !reference::is_chat(&frames) {
        return None;
    }
    let expect = reference::read(&frames);
    let (answer, errors) = fold(feed, &recording.body);
    check_answer(&expect, &answer, &place);
    let ending = check_end(&expect, &answer, &errors, &place);
    check_think_tags(&expect, &recording.body, feed, &place);
    Some((ending, check_cuts(feed, &recording.body, &place)))
}

/// An answer that is an error: every vendor's shapes are read, not only this dialect's.
fn check_refusal(recording: &Recording, place: &str) -> String {
    use ErrorKind::*;
    let status = StatusCode::from_u16(recording.status).unwrap();
    let dialect: &dyn ToProvider = match recording.folder.as_str() {
        "anthropic" => &Anthropic,
        folder if folder.starts_with("gemini") => &Gemini,
        _ => &OpenAiChat,
    };
    let error = dialect.read_error(status, &recording.headers, &recording.body);
    let kinds: &[ErrorKind] = match recording.status {
        401 => &[ProviderAuth],
        402 => &[BudgetExceeded, RateLimited],
        403 => &[PermissionDenied, ProviderAuth, ContentFilter],
        404 => &[NotFound, ModelNotSupported],
        408 | 504 => &[Timeout],
        409 => &[Overloaded],
        413 => &[TooLarge],
        429 => &[RateLimited, BudgetExceeded],
        400..=499 => &[InvalidRequest, ProviderAuth, ContentFilter, ModelNotSupported, PermissionDenied],
        _ => &[Provider, Overloaded, Timeout],
    };
    assert!(kinds.contains(&error.kind), "{place}: {error:?}");
    let body = String::from_utf8_lossy(&recording.body);
    let worded = serde_json::from_str::<Value>(&body).is_ok_and(|body| body.to_string().len() > 2);
    let generic = error.message.starts_with("the provider answered with status");
    assert!(!error.message.is_empty(), "{place}");
    assert!(!worded || !generic, "{place}: its own words were not found: {error:?}");
    assert!(!error.retryable || matches!(recording.status, 408 | 409 | 429 | 500..), "{place}: {error:?}");
    error.kind.as_str().to_owned()
}

/// The whole body's events, added up.
fn fold(feed: Feed, body: &[u8]) -> (Answer, Vec<ChatError>) {
    let mut decoder = feed.dialect.decoder(DecodeOptions {
        run_id: "r_1".to_owned(),
        think_tags: feed.think_tags,
        ..DecodeOptions::default()
    });
    let mut framer = Framer::new(feed.framing, Limits::default());
    let (mut answer, mut errors, mut over) = (Answer::default(), Vec::new(), false);
    let mut sink = |event: Event<'_>| {
        assert!(!over, "an event behind the end: {event:?}");
        over = event.is_terminal();
        if let Event::Error(error) = &event {
            errors.push((*error).clone());
        }
        answer.event(event);
    };
    framer.push(body, &mut |frame| decoder.frame(frame, &mut sink)).unwrap();
    framer.finish(&mut |frame| decoder.frame(frame, &mut sink));
    decoder.finish(&mut sink);
    assert!(over, "no end");
    (answer, errors)
}

fn check_answer(expect: &Reference, answer: &Answer, place: &str) {
    assert_eq!(answer.content, expect.text, "{place}: text");
    assert_eq!(answer.reasoning, expect.reasoning, "{place}: reasoning");
    assert_eq!(answer.refusal, expect.refusal, "{place}: refusal");
    let names = |calls: &mut dyn Iterator<Item = &str>| calls.map(str::to_owned).collect::<Vec<_>>();
    let expect_names = names(&mut expect.calls.iter().map(|call| call.name.as_str()));
    assert_eq!(names(&mut answer.tool_calls.iter().map(|call| call.name.as_str())), expect_names, "{place}");
    let mut ids: Vec<_> = answer.tool_calls.iter().map(|call| &call.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), answer.tool_calls.len(), "{place}: an id twice");
    let may_be_cut = !matches!(answer.finish, Some((Finish::Stop | Finish::ToolCalls, _)));
    for (call, expect) in answer.tool_calls.iter().zip(&expect.calls) {
        match (serde_json::from_str::<Value>(&call.arguments).ok(), expect.json()) {
            (Some(given), Some(meant)) => assert_eq!(given, meant, "{place}: arguments"),
            (None, _) if may_be_cut => assert_eq!(call.arguments, expect.arguments, "{place}: arguments cut"),
            (given, meant) => panic!("{place}: arguments {:?}: {given:?}, {meant:?}", call.arguments),
        }
    }
    let figure = |name: &str| expect.usage.get(name).and_then(Value::as_f64).map(|figure| figure as u64);
    let usage = answer.usage.unwrap_or_default();
    assert_eq!(usage.input_tokens, figure("prompt_tokens").unwrap_or(0), "{place}: input tokens");
    assert_eq!(usage.output_tokens, figure("completion_tokens").unwrap_or(0), "{place}: output tokens");
    if let Some(total) = figure("total_tokens") {
        assert_eq!(usage.total_tokens, total, "{place}: all tokens");
    }
}

/// One ending, and the right one.
fn check_end(expect: &Reference, answer: &Answer, errors: &[ChatError], place: &str) -> String {
    let complete = !expect.calls.is_empty() && expect.calls.iter().all(|call| call.json().is_some());
    let calls = !expect.calls.is_empty();
    let wanted = match expect.finish.as_deref() {
        _ if expect.failed => Err(None),
        Some("error" | "insufficient_system_resource") => Err(None),
        Some("length" | "model_length" | "max_tokens") => Ok(Finish::Length),
        Some("content_filter") => Ok(Finish::ContentFilter),
        Some("refusal") => Ok(Finish::Refusal),
        Some("tool_calls" | "function_call" | "tool_use") => Ok(Finish::ToolCalls),
        Some(_) if calls => Ok(Finish::ToolCalls),
        Some(_) if !expect.refusal.is_empty() => Ok(Finish::Refusal),
        Some(_) => Ok(Finish::Stop),
        None if complete && expect.done => Ok(Finish::ToolCalls),
        None => Err(Some(ErrorKind::Truncated)),
    };
    match (wanted, answer.finish.as_ref(), errors) {
        (Ok(reason), Some((given, raw)), []) => {
            assert_eq!((*given, raw.as_deref()), (reason, expect.finish.as_deref()), "{place}");
            given.as_str().to_owned()
        }
        (Err(kind), None, [error]) => {
            assert!(kind.is_none_or(|kind| kind == error.kind) && !error.message.is_empty(), "{place}: {error:?}");
            format!("error:{}", error.kind.as_str())
        }
        (wanted, finish, errors) => panic!("{place}: wanted {wanted:?}, got {finish:?} {errors:?}"),
    }
}

/// With think tags switched on: the same text, without what stands between tags at its start.
fn check_think_tags(expect: &Reference, body: &[u8], feed: Feed, place: &str) {
    let (answer, _) = fold(Feed { think_tags: true, ..feed }, body);
    let tagged = expect.text.trim_start().strip_prefix("<think>");
    let (thought, said) = match tagged {
        Some(inside) => inside.split_once("</think>").unwrap_or((inside, "")),
        None => ("", expect.text.as_str()),
    };
    assert_eq!(answer.content, said, "{place}: text without thinking");
    assert_eq!(answer.reasoning, expect.reasoning.clone() + thought, "{place}: thinking");
}

/// Whole, byte by byte, and in pieces at random: the same events and the same output.
fn check_cuts(feed: Feed, body: &[u8], place: &str) -> usize {
    let whole = run(feed, &[body]);
    check_ending(&whole.output, whole.end.as_ref());
    let same = |pieces: &[&[u8]]| {
        let cut = run(feed, pieces);
        assert!(cut.events == whole.events && cut.output == whole.output, "{place}: {} pieces differ", pieces.len());
    };
    same(&body.chunks(1).collect::<Vec<_>>());
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    // Long bodies have fewer tries, so that all take about the same time.
    for _ in 0..(1_000_000 / body.len().max(1)).clamp(3, 100) {
        let (mut rest, mut pieces) = (body, Vec::new());
        while !rest.is_empty() {
            // Xorshift: the same pieces in every run of the test.
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            let most = [4, 64, 1024, 16_384][(seed >> 60) as usize % 4];
            let (piece, tail) = rest.split_at(rest.len().min(1 + (seed >> 16) as usize % most));
            pieces.push(piece);
            rest = tail;
        }
        same(&pieces);
    }
    whole.events.lines().count()
}
