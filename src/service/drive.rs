//! Attempts, up to the commit point: again at one target, or at the next of an alias.

use std::cell::RefCell;
use std::rc::Rc;

use super::attempt::attempt;
use super::plan::Plan;
use super::run::Run;
use crate::models::{ChatError, ErrorKind};
use crate::platform::{now_ms, random, sleep};
use crate::providers::health::Health;
use crate::providers::retry::spent;

thread_local! {
    /// What this isolate knows of the targets of aliases.
    static HEALTH: RefCell<Health> = RefCell::default();
}

/// Drives a run to its end. An error is what the client is told instead of an answer.
///
/// Behind a target that fails the next one of the alias is asked at once; only the last one is worth
/// waiting for, and is asked again as the retry policy says.
pub async fn drive(run: &Rc<Run>, plans: &[Plan]) -> Result<(), ChatError> {
    let order = order(run, plans);
    let mut failures = Vec::new();
    for (at, plan) in order.iter().enumerate() {
        let last = at.saturating_add(1) == order.len();
        let Err(error) = ask(run, plan, last).await else { return Ok(()) };
        let over = last || run.began() || !may_go_on(&error) || run.is_past_deadline();
        failures.push(error);
        if over {
            break;
        }
        run.restore();
    }
    let error = match failures.pop() {
        // What broke off in mid-answer is told as what it is: the provider is not down.
        Some(error) if run.began() => error,
        last => worth_telling(failures.into_iter().chain(last).collect()),
    };
    run.tell(Err(error.clone()));
    Err(error)
}

/// The plans without those that keep failing; all of them, if all do.
fn order<'a>(run: &Run, plans: &'a [Plan]) -> Vec<&'a Plan> {
    let now = now_ms();
    let is_skipped = |plan: &&Plan| HEALTH.with_borrow(|health| health.is_skipped(&plan.name, now));
    let (skipped, sound): (Vec<_>, Vec<_>) = plans.iter().partition(is_skipped);
    if plans.len() < 2 || sound.is_empty() {
        return plans.iter().collect();
    }
    let mut trail = run.ask().trail.borrow_mut();
    skipped.iter().for_each(|plan| trail.skipped(&plan.name));
    sound
}

/// Asks one target, again where that is allowed.
async fn ask(run: &Rc<Run>, plan: &Plan, last: bool) -> Result<(), ChatError> {
    let (mut made, mut amended) = (0u32, false);
    loop {
        made = made.saturating_add(1);
        let started = run.elapsed_ms();
        let outcome = attempt(run, plan).await;
        run.note(plan, &outcome, started);
        remember(run, plan, &outcome);
        let Err(error) = outcome else { return Ok(()) };
        if !amended && run.amend(plan, &error) {
            amended = true;
            continue;
        }
        let delay = run.settings().retry.delay(made, &error, random(), run.asking_ms());
        match delay.filter(|_| last && !run.began()) {
            Some(delay) => sleep(delay).await,
            None => return Err(error),
        }
    }
}

/// Only for targets that have others beside them: nothing is passed over that has no stand-in.
fn remember(run: &Run, plan: &Plan, outcome: &Result<(), ChatError>) {
    if !run.has_choice() {
        return;
    }
    match outcome.as_ref().err().cloned().or_else(|| run.failure()) {
        Some(error) if plan.callers_key && error.kind == ErrorKind::ProviderAuth => {}
        Some(error) => HEALTH.with_borrow_mut(|health| health.failed(&plan.name, &error, now_ms())),
        None => HEALTH.with_borrow_mut(|health| health.worked(&plan.name)),
    }
}

/// Another model may well do what this one cannot. But not what a filter withheld: an alias is no way
/// around it.
fn may_go_on(error: &ChatError) -> bool {
    !matches!(error.kind, ErrorKind::ContentFilter | ErrorKind::Cancelled | ErrorKind::Interrupted)
}

/// Of several failures the last one that may pass, for then the client may come back; else the first,
/// which is that of the model that the operator put first.
fn worth_telling(mut failures: Vec<ChatError>) -> ChatError {
    let at = failures.iter().rposition(|error| error.retryable).unwrap_or(0);
    match at < failures.len() {
        true => spent(failures.swap_remove(at)),
        false => ChatError::new(ErrorKind::Internal, "there is no provider to ask"),
    }
}
