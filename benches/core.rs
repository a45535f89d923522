//! The pure core on this machine, in bytes a second: the framer alone, and a whole relay.
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used, missing_docs)]

use std::rc::Rc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tributary::dialects::{DecodeOptions, OpenAiChat, ReplyOptions, ToClient, ToProvider, Unified};
use tributary::framing::{Framer, Framing, Limits};
use tributary::guard::{Guardrails, Output};
use tributary::models::ChatRequest;
use tributary::relay::{Relay, RelayOptions};

/// A thousand tokens, each in a frame of about 280 bytes.
fn body() -> Vec<u8> {
    let word = |index: usize| ["Hello", " there", " brave", "\\n", "é", ",", " \\\"new\\\""][index % 7];
    let frame = |index| {
        format!(
            "data: {{\"id\":\"chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG\",\"object\":\"chat.completion.chunk\",\"created\":1741570283,\
             \"model\":\"gpt-6-luna-2026-08-06\",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_50cad350e4\",\
             \"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{}\"}},\"logprobs\":null,\"finish_reason\":null}}],\"usage\":null}}\n\n",
            word(index)
        )
    };
    (0..1000).map(frame).collect::<String>().into_bytes()
}

/// The same words, 125 in each of eight frames: what is done for a frame is little beside what is done for a word.
fn dense() -> Vec<u8> {
    let words = |from: usize| {
        (from..from + 125).map(|index| ["hello", " there", " brave", "\\n", " new", ",", " world"][index % 7])
    };
    let frame = |index: usize| {
        let text = words(index * 125).collect::<String>();
        format!(
            "data: {{\"id\":\"c\",\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}},\"finish_reason\":null}}]}}\n\n"
        )
    };
    (0..8).map(frame).collect::<String>().into_bytes()
}

/// A thousand terms that begin like many words, and a pattern.
fn guardrails() -> Option<Rc<Output>> {
    let part = |index: usize| ["ba", "ko", "ri", "the", "so", "wo", "he", "lu", "ne", "mi"][index % 10];
    let term = |index: usize| format!("{}{}{}x", part(index), part(index / 10), part(index / 100));
    let terms = (0..1000).map(term).collect::<Vec<_>>().join(",");
    let rules = r#"{"output": {"terms_from": ["TERMS"], "patterns": ["\\bsk-[a-z0-9]{8,16}\\b"]}}"#;
    Guardrails::read(rules, &|_| Some(terms.clone())).unwrap().output
}

fn relay(output: Option<Rc<Output>>) -> Relay {
    let reply = ReplyOptions {
        run_id: "r_bench".into(),
        provider: "openai".into(),
        model: "m".into(),
        stream: true,
        ..ReplyOptions::default()
    };
    let options = RelayOptions {
        framing: Framing::Sse,
        limits: Limits::default(),
        provider: "openai".into(),
        key: None,
        input_bytes: 0,
        price: None,
        output,
        record: None,
        filtered_is_error: true,
        warnings: Vec::new(),
        keep: false,
        most_output: None,
        native: false,
    };
    Relay::new(options, OpenAiChat.decoder(DecodeOptions::default()), Unified.encoder(reply, &ChatRequest::default()))
}

fn core(criterion: &mut Criterion) {
    let body = body();
    let mut group = criterion.benchmark_group("core");
    group.throughput(Throughput::Bytes(body.len() as u64));
    for (name, size) in [("whole", body.len()), ("in pieces of 300 bytes", 300), ("byte by byte", 1)] {
        group.bench_function(format!("framer, {name}"), |bencher| {
            bencher.iter(|| {
                let mut framer = Framer::new(Framing::Sse, Limits::default());
                let mut frames = 0;
                for piece in body.chunks(size) {
                    framer.push(piece, &mut |_| frames += 1).unwrap();
                }
                assert_eq!(frames, 1000);
            });
        });
        group.bench_function(format!("relay, {name}"), |bencher| {
            let mut out = Vec::new();
            bencher.iter(|| {
                let mut relay = relay(None);
                for piece in body.chunks(size) {
                    out.clear();
                    relay.push(piece, &mut out);
                }
            });
        });
    }
    group.finish();

    let dense = dense();
    let mut group = criterion.benchmark_group("guardrails");
    group.throughput(Throughput::Bytes(dense.len() as u64));
    for (name, output) in [("without", None), ("a thousand terms and a pattern", guardrails())] {
        group.bench_function(name, |bencher| {
            let mut out = Vec::new();
            bencher.iter(|| {
                out.clear();
                relay(output.clone()).push(&dense, &mut out);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, core);
criterion_main!(benches);
