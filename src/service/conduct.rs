//! An assistant's run: its actions, one after another, told as one answer.

use std::pin::pin;
use std::rc::Rc;

use futures_util::future::{Either, select};
use serde_json::{Map, Value};

use super::House;
use super::collection::look_up;
use super::drive::drive;
use super::exchange::moderate;
use super::plan::plans;
use super::run::Run;
use crate::assistants::{OURSELVES, Play, Round, Rounds, Task};
use crate::models::{ChatError, ChatRequest, ErrorKind, Event, Finish, Message, Part, Role, Step};
use crate::platform::sleep;
use crate::relay::Folded;

/// Keeps what changed in an assistant's state; it is told only then.
pub type Keep<'a> = &'a dyn Fn(&Map<String, Value>) -> Result<(), ChatError>;

/// How an answer ended: why, and in whose word.
type Ending = (Finish, Option<String>);

/// Plays to the end. An error is what the client is told instead of an answer.
pub async fn conduct(run: &Rc<Run>, mut play: Play, house: &House, keep: Keep<'_>) -> Result<(), ChatError> {
    let outcome = perform(run, &mut play, house, keep).await;
    match outcome {
        Ok(ending) => run.end(Ok(ending)),
        Err(error) if run.is_lost() => return Err(error),
        Err(error) if run.is_committed() => run.end(Err(&error)),
        Err(error) => {
            run.tell(Err(error.clone()));
            return Err(error);
        }
    }
    Ok(())
}

async fn perform(run: &Rc<Run>, play: &mut Play, house: &House, keep: Keep<'_>) -> Result<Ending, ChatError> {
    let tells_steps = run.chat().steps;
    let report = |step: Step| {
        if tells_steps {
            run.step(step);
        }
    };
    let mut ending = (Finish::Stop, None);
    while let Some((step, task)) = play.begin() {
        report(step);
        let mut is_told = false;
        let wrote = match task {
            Task::Note(wrote) => wrote,
            Task::Say(text, finish) => {
                run.answerer(OURSELVES, play.name());
                text.split_inclusive(' ').for_each(|word| run.say(Event::Text(word)));
                ending = (finish, None);
                Map::new()
            }
            Task::Decide(chat, read) => read(&leg(run, *chat, true, house).await?.answer.content),
            Task::Moderate(model, text, read) => read(is_harmful(run, &model, text, house).await?),
            Task::LookUp(retrieval, query) => {
                let passages = alive(run, look_up(&retrieval, &query, run.ask(), house)).await?;
                let wrote = play.found(passages);
                run.cite(play.sources());
                wrote
            }
            Task::Answer(rounds) => {
                let (last, wrote) = answer(run, *rounds, play, house, keep).await?;
                ending = last;
                is_told = true;
                wrote
            }
        };
        if !is_told {
            // A session keeps it with the answer: a run that is undone leaves nothing.
            run.note_state(play.kept(&wrote));
        }
        report(play.done(wrote));
    }
    Ok(ending)
}

/// A model's answer, and those to what it calls.
async fn answer(
    run: &Rc<Run>,
    mut rounds: Rounds,
    play: &Play,
    house: &House,
    keep: Keep<'_>,
) -> Result<(Ending, Map<String, Value>), ChatError> {
    let (mut state, mut wrote) = (play.state().clone(), Map::new());
    loop {
        let leg = leg(run, rounds.chat().clone(), false, house).await?;
        if !run.has_choice() {
            rounds.learn(&run.chat().rejected);
        }
        let Round { results, changed, end } = rounds.take(&leg.answer, &state);
        if !changed.is_empty() {
            keep(&play.kept(&changed))?;
            run.say(Event::State(&changed));
        }
        results.iter().for_each(|result| run.say(Event::ToolResult(result)));
        state.extend(changed.clone());
        wrote.extend(changed);
        if let Some(end) = end {
            return Ok((end?, wrote));
        }
    }
}

/// One answer of a model, whole. What it costs is counted, whatever becomes of it.
async fn leg(run: &Rc<Run>, chat: ChatRequest, silent: bool, house: &House) -> Result<Folded, ChatError> {
    let plans = plans(&chat, run.ask(), house)?;
    run.begin_leg(chat, plans.len(), silent);
    let outcome = drive(run, &plans).await;
    let leg = run.take_leg();
    outcome?;
    match leg.error {
        Some(error) => Err(error),
        None => Ok(leg),
    }
}

/// What a moderation model makes of a text. One that chats says `safe` or `unsafe` first.
async fn is_harmful(run: &Rc<Run>, model: &str, text: String, house: &House) -> Result<bool, ChatError> {
    if let Some(verdict) = alive(run, moderate(model, &text, run.ask(), house)).await? {
        return Ok(verdict);
    }
    let message = Message { role: Role::User, parts: vec![Part::Text(text)], tool_call_id: None };
    let chat = ChatRequest {
        model: Some(model.to_owned()),
        operators_model: true,
        messages: vec![message],
        ..ChatRequest::default()
    };
    let said = leg(run, chat, true, house).await?.answer.content.to_ascii_lowercase();
    match said.split(|char: char| !char.is_alphanumeric()).find(|word| !word.is_empty()) {
        Some("unsafe") => Ok(true),
        Some("safe") => Ok(false),
        // What could not be judged is not let through.
        _ => Err(ChatError::new(ErrorKind::Provider, "the moderation model said neither safe nor unsafe")),
    }
}

/// Waits for what is no answer, with signs of life for the client.
async fn alive<T>(run: &Rc<Run>, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    run.waits(true);
    loop {
        match select(work.as_mut(), pin!(sleep(run.settings().heartbeat_ms))).await {
            Either::Left((done, _)) => {
                run.waits(false);
                return done;
            }
            Either::Right(_) if run.is_committed() => run.heartbeat(),
            Either::Right(_) => {}
        }
    }
}
