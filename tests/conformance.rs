//! What the pure core promises, on the host and in the browser: `cargo test --no-default-features`,
//! and the same for `wasm32-unknown-unknown` (see the README). Fixtures are written for this project.
#![allow(clippy::arithmetic_side_effects, clippy::string_slice, clippy::unwrap_used, clippy::expect_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]

#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);

#[path = "core/harness.rs"]
mod harness;

#[path = "core/anthropic.rs"]
mod anthropic;
#[path = "core/anthropic_client.rs"]
mod anthropic_client;
#[path = "core/anthropic_request.rs"]
mod anthropic_request;
#[path = "core/catalogue.rs"]
mod catalogue;
#[path = "core/client.rs"]
mod client;
#[path = "core/endings.rs"]
mod endings;
#[path = "core/errors.rs"]
mod errors;
#[path = "core/framing.rs"]
mod framing;
#[path = "core/gemini.rs"]
mod gemini;
#[path = "core/gemini_client.rs"]
mod gemini_client;
#[path = "core/gemini_requests.rs"]
mod gemini_requests;
#[cfg(not(target_arch = "wasm32"))]
#[path = "core/invariants.rs"]
mod invariants;
#[path = "core/kept.rs"]
mod kept;
#[path = "core/ollama.rs"]
mod ollama;
#[path = "core/ollama_client.rs"]
mod ollama_client;
#[path = "core/opaque.rs"]
mod opaque;
#[path = "core/openai_client.rs"]
mod openai_client;
#[path = "core/openai_responses.rs"]
mod openai_responses;
#[cfg(not(target_arch = "wasm32"))]
#[path = "core/openai_responses_invariants.rs"]
mod openai_responses_invariants;
#[path = "core/openai_responses_requests.rs"]
mod openai_responses_requests;
#[path = "core/relay.rs"]
mod relay;
#[path = "core/responses_client.rs"]
mod responses_client;
#[path = "core/responses_client_requests.rs"]
mod responses_client_requests;
#[cfg(not(target_arch = "wasm32"))]
#[path = "core/roundtrip.rs"]
mod roundtrip;
#[path = "core/text.rs"]
mod text;
#[path = "core/tools.rs"]
mod tools;
#[path = "core/upstream.rs"]
mod upstream;
#[path = "core/workers_ai.rs"]
mod workers_ai;
