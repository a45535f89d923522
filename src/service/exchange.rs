//! What is asked and answered in one piece: embeddings, how many tokens a prompt has, whether it is harmful.

use std::pin::pin;

use futures_util::future::{Either, select};
use http::StatusCode;

use super::attempt::read_error;
use super::plan::{Plan, Via, operators_plans, plans_for};
use super::{Ask, House};
use crate::costs::Charge;
use crate::dialects::{Outgoing, can_be_told};
use crate::models::{ChatError, ChatRequest, EmbedRequest, Embeddings, ErrorKind, Usage};
use crate::platform::{Abort, Fetched, OnAbort, Stopwatch, random, send, sleep};
use crate::providers::retry::spent;
use crate::relay::clean;

/// A thousand vectors of fifteen hundred numbers as text; read and written again they take a few times
/// as much of the 128 MB that an isolate has.
const MOST_BODY: usize = 16 << 20;

/// Vectors, and who was asked for them.
pub struct Embedded {
    /// The vectors.
    pub embeddings: Embeddings,
    /// What they used.
    pub charge: Charge,
}

/// Asks for vectors.
pub async fn embed(request: &EmbedRequest, ask: &Ask, house: &House) -> Result<Embedded, ChatError> {
    let plans = plans_for(request.provider.as_deref(), request.model.as_deref(), ask, house)?;
    let mut first = None;
    for plan in &plans {
        match embed_with(request, plan, ask, house).await {
            Ok(embeddings) => {
                let charge = charge(request, &embeddings, plan);
                return Ok(Embedded { embeddings, charge });
            }
            Err(error) => first.get_or_insert(error),
        };
    }
    Err(first.unwrap_or_else(|| ChatError::new(ErrorKind::Internal, "there is no provider to ask")))
}

fn charge(request: &EmbedRequest, answer: &Embeddings, plan: &Plan) -> Charge {
    let counted = |tokens| Usage { input_tokens: tokens, total_tokens: tokens, ..Usage::default() };
    let usage = answer.input_tokens.map_or_else(|| Usage::estimate(request.text_bytes(), 0), counted);
    let cost = plan.price.map(|price| price.of(&usage));
    Charge { provider: plan.target.provider.clone(), model: plan.target.model.clone(), usage: Usage { cost, ..usage } }
}

async fn embed_with(request: &EmbedRequest, plan: &Plan, ask: &Ask, house: &House) -> Result<Embeddings, ChatError> {
    let body = exchange(&|| plan.dialect.write_embed(request, &plan.target), plan, ask, house).await?;
    let embeddings = plan.dialect.read_embeddings(&body).map_err(|error| named(error, plan))?;
    if embeddings.vectors.len() != request.input.len() {
        // A vector that belongs to another text is worse than none.
        let words = format!("the provider gave {} vectors for {} texts", embeddings.vectors.len(), request.input.len());
        return Err(named(ChatError::new(ErrorKind::Provider, words), plan));
    }
    Ok(embeddings)
}

/// The tokens of a prompt, and whether that is a guess by its length.
pub async fn count_tokens(chat: &ChatRequest, ask: &Ask, house: &House) -> Result<(u64, bool), ChatError> {
    let plans = plans_for(chat.provider.as_deref(), chat.model.as_deref(), ask, house)?;
    let guess = (Usage::estimate(chat.text_bytes(), 0).input_tokens, true);
    let Some(plan) = plans.first() else { return Ok(guess) };
    // What a provider cannot be told of it cannot count.
    if !can_be_told(plan.dialect, chat) || plan.dialect.write_count(chat, &plan.target).is_none() {
        return Ok(guess);
    }
    let write = || plan.dialect.write_count(chat, &plan.target).unwrap_or_else(|| Err(uncounted()));
    let body = match exchange(&write, plan, ask, house).await {
        Ok(body) => body,
        // Not every server that copies an API has all of it.
        Err(error) if error.kind == ErrorKind::NotFound => return Ok(guess),
        Err(error) => return Err(error),
    };
    plan.dialect.read_count(&body).map(|count| (count, false)).ok_or_else(|| named(uncounted(), plan))
}

/// Whether a text is harmful, where the model is one that does nothing but judge.
pub async fn moderate(model: &str, text: &str, ask: &Ask, house: &House) -> Result<Option<bool>, ChatError> {
    let plans = operators_plans(Some(model), ask, house)?;
    let Some(plan) = plans.first() else { return Ok(None) };
    if plan.dialect.write_moderation(text, &plan.target).is_none() {
        return Ok(None);
    }
    let write = || plan.dialect.write_moderation(text, &plan.target).unwrap_or_else(|| Err(unjudged()));
    let body = exchange(&write, plan, ask, house).await?;
    plan.dialect.read_moderation(&body).map(Some).ok_or_else(|| named(unjudged(), plan))
}

fn unjudged() -> ChatError {
    ChatError::new(ErrorKind::Provider, "the moderation model did not say what it makes of the prompt")
}

fn uncounted() -> ChatError {
    ChatError::new(ErrorKind::Provider, "the provider did not say how many tokens the prompt has")
}

/// Asks until an answer comes or the retry policy has had enough. A client that leaves ends it.
async fn exchange(
    write: &dyn Fn() -> Result<Outgoing, ChatError>,
    plan: &Plan,
    ask: &Ask,
    house: &House,
) -> Result<Vec<u8>, ChatError> {
    let policy = house.settings.retry;
    let (mut made, clock) = (0u32, Stopwatch::start());
    loop {
        made = made.saturating_add(1);
        let outgoing = write().map_err(|error| named(error, plan))?;
        let error = match once(outgoing, plan, ask, house).await {
            Ok(body) => return Ok(body),
            Err(error) => error,
        };
        match policy.delay(made, &error, random(), clock.elapsed_ms()) {
            Some(delay) if !ask.left.aborted() => sleep(delay).await,
            _ => return Err(named(spent(error), plan)),
        }
    }
}

async fn once(outgoing: Outgoing, plan: &Plan, ask: &Ask, house: &House) -> Result<Vec<u8>, ChatError> {
    let abort = Abort::new()?;
    let stop = abort.clone();
    let _listener = OnAbort::new(ask.left.clone(), move || stop.abort());
    // Who stops waiting has no use for the answer.
    let _guard = abort.guard();
    let work = async {
        let fetched = match &plan.via {
            Via::Address => send(outgoing.request, &abort).await?,
            Via::Binding(binding) => binding.run(&plan.target.model, outgoing.request.body(), &abort).await?,
            Via::Embedded | Via::Session(_) | Via::Kept(_) => return Err(demo_has_none()),
        };
        answer(fetched, plan).await
    };
    match select(pin!(work), pin!(sleep(house.settings.idle_ms))).await {
        Either::Left((outcome, _)) => outcome,
        Either::Right(_) => {
            abort.abort();
            Err(ChatError::new(ErrorKind::Timeout, "the provider was silent for too long"))
        }
    }
}

async fn answer(fetched: Fetched, plan: &Plan) -> Result<Vec<u8>, ChatError> {
    match fetched.status {
        StatusCode::OK => fetched.whole_body(MOST_BODY).await,
        _ => Err(read_error(plan, fetched).await),
    }
}

fn demo_has_none() -> ChatError {
    ChatError::lasting(ErrorKind::ModelNotSupported, "the demo has no embeddings: name a provider that has")
}

fn named(error: ChatError, plan: &Plan) -> ChatError {
    clean(error, plan.target.key.as_ref().map(|key| key.reveal())).from_provider(&plan.target.provider)
}
