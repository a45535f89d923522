//! One attempt at a provider: from the request to the end of its body.

use std::pin::pin;
use std::rc::Rc;

use futures_util::future::{Either, select};

use super::run::Run;
use crate::dialects::{self, DecodeOptions, ReplyOptions, ToProvider};
use crate::models::{ChatError, ErrorKind, Target};
use crate::platform::{Abort, Binding, Ended, Fetched, play, send};
use crate::relay::{Relay, RelayOptions, clean, framing_for};

/// A whole answer is held in memory until it is complete: 8 MB are two million tokens.
const MOST_WHOLE_ANSWER: u64 = 8 << 20;

/// Where an attempt goes.
pub struct Plan {
    pub target: Target,
    pub dialect: &'static dyn ToProvider,
    pub embedded: bool,
    /// What is asked instead of the target's address.
    pub binding: Option<Binding>,
    /// The words for a refused key.
    pub refused_key: String,
}

/// Asks the provider once, and relays what it answers. An error is one that the client has not
/// seen; what it has to see is written in its stream.
pub async fn attempt(run: &Rc<Run>, plan: &Plan) -> Result<(), ChatError> {
    let outgoing = plan.dialect.write_request(&run.chat(), &plan.target)?;
    let abort = Abort::new()?;
    run.begin(relay(run, plan, outgoing.warnings), abort.clone());
    let work = async {
        let fetched = match &plan.binding {
            Some(binding) => binding.run(&plan.target.model, outgoing.request.body(), &abort).await,
            None if plan.embedded => play(outgoing.request, &abort),
            None => send(outgoing.request, &abort).await,
        };
        converse(run, plan, fetched?).await
    };
    let outcome = match select(pin!(work), pin!(run.watch())).await {
        Either::Left((outcome, _)) => outcome,
        Either::Right((silence, _)) => silence.map_or(Ok(Ended::Stopped), Err),
    };
    if !matches!(outcome, Ok(Ended::Whole)) {
        abort.abort();
    }
    run.conclude(match outcome {
        Ok(Ended::Gone) => return Err(ChatError::new(ErrorKind::Cancelled, "the client left")),
        Ok(Ended::Whole | Ended::Stopped) => None,
        Ok(Ended::Broken) => Some(ChatError::new(ErrorKind::Truncated, "the connection to the provider broke")),
        Err(error) => Some(error),
    })
}

fn relay(run: &Run, plan: &Plan, warnings: Vec<String>) -> Relay {
    let chat = run.chat();
    let ask = run.ask();
    let reply = ReplyOptions {
        run_id: run.id().to_owned(),
        provider: plan.target.provider.clone(),
        model: plan.target.model.clone(),
        stream: ask.stream,
    };
    let decode = DecodeOptions { run_id: run.id().to_owned(), think_tags: plan.target.quirks.think_tags };
    let options = RelayOptions {
        framing: plan.dialect.framing(),
        limits: crate::framing::Limits::default(),
        provider: plan.target.provider.clone(),
        key: plan.target.key.as_ref().map(|key| key.reveal().to_owned()),
        input_bytes: chat.text_bytes(),
        filtered_is_error: ask.dialect.filtered_is_error(),
        warnings,
        most_output: (!ask.stream).then_some(MOST_WHOLE_ANSWER),
    };
    Relay::new(options, plan.dialect.decoder(decode), ask.dialect.encoder(reply))
}

/// Reads the provider's answer, whatever it is.
async fn converse(run: &Rc<Run>, plan: &Plan, fetched: Fetched) -> Result<Ended, ChatError> {
    if !fetched.status.is_success() {
        return Err(read_error(plan, fetched).await);
    }
    run.frame_as(framing_for(fetched.header("content-type"), plan.dialect.framing())?);
    let Some(body) = fetched.body else {
        return Ok(Ended::Whole);
    };
    let taker = run.clone();
    run.pipe().pump(&body, move |bytes, out| taker.take(bytes, out)).await
}

async fn read_error(plan: &Plan, fetched: Fetched) -> ChatError {
    let (status, headers) = (fetched.status, fetched.headers.clone());
    if status.is_redirection() {
        let words = "the provider's address answered with a redirect, which is not followed";
        return ChatError::lasting(ErrorKind::Provider, words);
    }
    let body = fetched.error_body().await;
    let mut error = plan.dialect.read_error(status, &headers, &body);
    if error.kind == ErrorKind::ProviderAuth {
        error.message.clone_from(&plan.refused_key);
    }
    clean(error, plan.target.key.as_ref().map(|key| key.reveal())).from_provider(&plan.target.provider)
}

/// The dialect that a provider of the catalogue speaks.
pub fn dialect(name: &str) -> Result<&'static dyn ToProvider, ChatError> {
    dialects::to_provider(name)
        .ok_or_else(|| ChatError::new(ErrorKind::Internal, format!("no dialect is called {name}")))
}
