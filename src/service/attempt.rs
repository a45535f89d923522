//! One attempt at a provider: from the request to the end of its body.

use std::pin::pin;
use std::rc::Rc;

use futures_util::future::{Either, select};

use super::cache::MOST_KEPT;
use super::plan::{Plan, Via};
use super::run::Run;
use crate::dialects::provider_error::request_id;
use crate::dialects::{DecodeOptions, ReplyOptions, kept, write_for};
use crate::framing::Framing;
use crate::models::{ChatError, ErrorKind, Usage};
use crate::platform::{Abort, Ended, Fetched, frames_of, play, pump, send};
use crate::relay::{Relay, RelayOptions, clean, framing_for};

/// An answer that is told whole, be it behind its stream or by a session that kept it, is held in memory: 8 MB
/// are two million tokens.
const MOST_WHOLE_ANSWER: u64 = 8 << 20;

/// Asks the provider once, and relays what it answers. An error is one that the client has not
/// seen; what it has to see is written in its stream.
pub async fn attempt(run: &Rc<Run>, plan: &Plan) -> Result<(), ChatError> {
    let written = write_for(plan.dialect, &run.chat(), &plan.target);
    let (outgoing, native) = written.map_err(|error| error.from_provider(&plan.target.provider))?;
    let abort = Abort::new()?;
    run.begin(plan, relay(run, plan, outgoing.warnings, native), abort.clone(), native);
    let work = async {
        let fetched = match &plan.via {
            Via::Address => send(outgoing.request, &abort).await,
            Via::Embedded => play(outgoing.request, &abort),
            Via::Binding(binding) => binding.run(&plan.target.model, outgoing.request.body(), &abort).await,
            Via::Kept(frames) => {
                run.decline();
                frames_of(frames)
            }
            Via::Session(session) => session.post(outgoing.request.into_body(), &abort).await,
        };
        converse(run, plan, native, fetched.inspect_err(|_| run.decline())?).await
    };
    let outcome = match select(pin!(work), pin!(run.watch())).await {
        Either::Left((outcome, _)) => outcome,
        Either::Right((silence, _)) => silence.map_or(Ok(Ended::Stopped), Err),
    };
    if !matches!(outcome, Ok(Ended::Whole)) {
        abort.abort();
    }
    let told = run.conclude(match outcome {
        Ok(Ended::Gone) => {
            run.lose();
            run.charge();
            return Err(ChatError::new(ErrorKind::Cancelled, "the client left"));
        }
        Ok(Ended::Whole | Ended::Stopped) => None,
        Ok(Ended::Broken) => Some(ChatError::new(ErrorKind::Truncated, "the connection to the provider broke")),
        Err(error) => Some(error),
    });
    run.charge();
    told
}

fn relay(run: &Run, plan: &Plan, warnings: Vec<String>, native: bool) -> Relay {
    let chat = run.chat();
    let ask = run.ask();
    let reply = ReplyOptions {
        run_id: run.id().to_owned(),
        provider: plan.target.provider.clone(),
        model: plan.target.model.clone(),
        stream: ask.stream,
        created: ask.arrived_ms / 1000,
        input_tokens: Usage::estimate(chat.text_bytes(), 0).input_tokens,
        given: ask.given,
        session: ask.session.as_ref().map(|session| session.session_id.clone()),
    };
    let decode = DecodeOptions {
        run_id: run.leg_id(),
        think_tags: plan.target.quirks.think_tags,
        filtered_is_finish: !ask.dialect.filtered_is_error(),
    };
    let is_held = ask.kept || run.is_joint() || !ask.stream || ask.dialect.streams_end_whole();
    let options = RelayOptions {
        framing: expected(run, plan, native),
        limits: crate::framing::Limits::default(),
        provider: plan.target.provider.clone(),
        key: plan.target.key.as_ref().map(|key| key.reveal().to_owned()),
        input_bytes: chat.text_bytes(),
        price: plan.price,
        record: run.records().then(|| (kept::LANGUAGE.encoder(reply.clone(), &chat), MOST_KEPT)),
        // What a session's object tells was looked at there.
        output: run.output().filter(|_| ask.session.is_none()),
        filtered_is_error: ask.dialect.filtered_is_error(),
        warnings,
        // Of several answers each is kept by what joins them.
        keep: ask.kept && !run.is_joint(),
        most_output: is_held.then(|| MOST_WHOLE_ANSWER.saturating_sub(run.said_bytes())),
        native,
    };
    Relay::new(options, plan.dialect.decoder(decode), run.encoder(reply))
}

/// How the provider's body is divided if all goes as asked. Only who asks in the client's own words asks
/// for a whole answer.
fn expected(run: &Run, plan: &Plan, native: bool) -> Framing {
    if native && !run.ask().stream { Framing::Whole } else { plan.dialect.framing() }
}

/// Reads the provider's answer, whatever it is.
async fn converse(run: &Rc<Run>, plan: &Plan, native: bool, fetched: Fetched) -> Result<Ended, ChatError> {
    run.answered(request_id(&fetched.headers));
    if matches!(plan.via, Via::Session(_)) {
        run.cached(fetched.header("x-cache"));
    }
    if !fetched.status.is_success() {
        run.decline();
        return Err(read_error(plan, fetched).await);
    }
    run.frame_as(framing_for(fetched.header("content-type"), expected(run, plan, native))?);
    run.is_let_in().await;
    let Some(body) = fetched.body else {
        return Ok(Ended::Whole);
    };
    let taker = run.clone();
    Ok(pump(&body, run.outlet().clone(), move |bytes, out| taker.take(bytes, out)).await)
}

/// An answer that is an error.
pub async fn read_error(plan: &Plan, fetched: Fetched) -> ChatError {
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
