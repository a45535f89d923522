//! One run of an assistant: from action to action, until nothing follows. Pure: whoever drives it does what it asks
//! for, and says what came of it.

use std::rc::Rc;

use serde_json::{Map, Value, json};

use super::graph::{Action, Assistant, Effect, Prompt, Scene};
use super::{Rounds, Settings, Tool, prompt, terms};
use crate::models::{
    ChatError, ChatRequest, Citation, Finish, Message, Passage, Retrieval, Role, Stage, Step, Tool as CallersTool,
};

/// The action that searches a collection; it stands before another one where a request asks for it.
pub const LOOK_UP: &str = "retrieve";

/// A run of an assistant.
pub struct Play {
    assistant: &'static Assistant,
    chat: ChatRequest,
    settings: Rc<Settings>,
    state: Map<String, Value>,
    passages: Vec<Passage>,
    /// What is to be looked up, until it was.
    retrieval: Option<Retrieval>,
    /// The action that comes next.
    next: Option<&'static Action>,
    looking_up: bool,
    index: u32,
}

/// What is to be done for an action.
pub enum Task {
    /// Nothing but to note what it writes.
    Note(Map<String, Value>),
    /// To tell this.
    Say(String, Finish),
    /// To ask a model and tell what it says, in rounds.
    Answer(Box<Rounds>),
    /// To ask a model, and give its answer to this.
    Decide(Box<ChatRequest>, fn(&str) -> Map<String, Value>),
    /// To have this model judge this text, and give the verdict to this.
    Moderate(String, String, fn(bool) -> Map<String, Value>),
    /// To search a collection for this.
    LookUp(Retrieval, String),
}

impl Play {
    /// A run of the assistant that a request names; the state is what an earlier run left.
    pub fn new(chat: ChatRequest, state: Map<String, Value>, settings: Rc<Settings>) -> Result<Self, ChatError> {
        let assistant = super::find(chat.assistant.as_deref().unwrap_or(super::USUAL))?;
        if assistant.needs_collection && chat.retrieval.is_none() {
            let words = format!("retrieval is required: the assistant {} answers from a collection", assistant.name);
            return Err(ChatError::invalid("retrieval", words));
        }
        let own: Vec<&Tool> = assistant.actions.iter().flat_map(|action| action.tools).copied().collect();
        if let Some(at) = chat.tools.iter().position(|tool| own.iter().any(|own| own.name == tool.name)) {
            let path = format!("tools[{at}].function.name");
            let words = format!("{path} is the name of a tool that the assistant {} has itself", assistant.name);
            return Err(ChatError::invalid(path, words));
        }
        let (messages, known) = without_refused(chat.messages, chat.known, &settings.blocked, assistant);
        Ok(Play {
            next: action(assistant, assistant.entry),
            retrieval: chat.retrieval.clone(),
            chat: ChatRequest { messages, known, ..chat },
            assistant,
            settings,
            state,
            passages: Vec::new(),
            looking_up: false,
            index: 0,
        })
    }

    /// The assistant's name.
    pub fn name(&self) -> &'static str {
        self.assistant.name
    }

    /// Begins the next action, if one follows.
    pub fn begin(&mut self) -> Option<(Step, Task)> {
        let next = self.next?;
        self.index = self.index.saturating_add(1);
        let pending = self.retrieval.take_if(|_| next.name == self.assistant.looks_up_before);
        if let Some(retrieval) = pending {
            self.looking_up = true;
            return Some((self.step(Stage::Started), Task::LookUp(retrieval, self.chat.last_user_text())));
        }
        let effect = (next.act)(&Scene { chat: &self.chat, state: &self.state, settings: &self.settings });
        let task = match effect {
            Effect::Write(wrote) => Task::Note(wrote),
            Effect::Say(text, finish) => Task::Say(text, finish),
            Effect::Answer(prompt) => Task::Answer(Box::new(Rounds::new(self.request(next, prompt), next.tools))),
            Effect::Decide(prompt, read) => Task::Decide(Box::new(self.question(next, prompt)), read),
            Effect::Moderate(model, text, read) => Task::Moderate(model, text, read),
        };
        Some((self.step(Stage::Started), task))
    }

    /// The action that began last is done, and has written this.
    pub fn done(&mut self, wrote: Map<String, Value>) -> Step {
        self.state.extend(wrote.clone());
        let next = match self.next {
            // What it stood before comes now.
            Some(next) if self.looking_up => Some(next),
            Some(next) => {
                let edge = next.next.iter().find(|edge| edge.when.holds(&self.state));
                edge.and_then(|edge| action(self.assistant, edge.to))
            }
            None => None,
        };
        let is_pending = |next: &&Action| self.retrieval.is_some() && next.name == self.assistant.looks_up_before;
        let name = next.map(|next| if is_pending(&next) { LOOK_UP } else { next.name }.to_owned());
        let step = self.step(Stage::Done { wrote, next: name });
        self.next = next;
        self.looking_up = false;
        step
    }

    /// Takes what was found, and gives what that writes into the state.
    pub fn found(&mut self, passages: Vec<Passage>) -> Map<String, Value> {
        self.passages = passages;
        Map::from_iter([("passages".to_owned(), json!(self.passages))])
    }

    /// What was found, as sources of the answer.
    pub fn sources(&self) -> Vec<Citation> {
        self.passages.iter().map(Passage::citation).collect()
    }

    /// The state.
    pub fn state(&self) -> &Map<String, Value> {
        &self.state
    }

    /// What of a change outlives the run.
    pub fn kept(&self, changed: &Map<String, Value>) -> Map<String, Value> {
        let is_kept = |name: &String| self.assistant.keeps.contains(&name.as_str());
        changed.iter().filter(|(name, _)| is_kept(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    fn step(&self, stage: Stage) -> Step {
        let name = if self.looking_up { LOOK_UP } else { self.next.map(|action| action.name).unwrap_or_default() };
        Step { index: self.index, action: name.to_owned(), stage }
    }

    /// The caller's request, as an action puts it to the model.
    fn request(&self, action: &Action, prompt: Prompt) -> ChatRequest {
        let change = self.settings.change(self.assistant.name, action.name);
        let mut chat = self.chat.clone();
        let mut before: Vec<Message> = change.prompt.or(prompt.system).map(prompt::system).into_iter().collect();
        if chat.retrieval.is_some() {
            before.push(prompt::system(prompt::context(&self.passages)));
        }
        chat.messages.splice(0..0, before);
        // What the operator decides holds; what an action would like gives way to what the caller wants.
        chat.temperature = change.temperature.or(chat.temperature).or(prompt.temperature);
        if let Some(model) = change.model {
            (chat.provider, chat.model, chat.operators_model) = (None, Some(model), true);
        }
        chat.tools.extend(action.tools.iter().map(|tool| CallersTool {
            name: tool.name.to_owned(),
            description: Some(tool.description.to_owned()),
            parameters: Some((tool.parameters)()),
            strict: None,
        }));
        // All of that is done here: another gateway of this kind is not to do it again.
        ChatRequest { assistant: None, retrieval: None, steps: false, ..chat }
    }

    /// The same conversation, with a question of the assistant's own about it.
    fn question(&self, action: &Action, prompt: Prompt) -> ChatRequest {
        let change = self.settings.change(self.assistant.name, action.name);
        let temperature = change.temperature.or(prompt.temperature);
        let system = change.prompt.or(prompt.system).map(prompt::system);
        // It ends with what the person said last: behind that may be calls and results, which are not in question.
        let last = self.chat.messages.iter().rposition(|message| message.role == Role::User).unwrap_or(0);
        let said = self.chat.messages.iter().take(last.saturating_add(1)).filter(|message| {
            matches!(message.role, Role::User) || (message.role == Role::Assistant && !message.text().is_empty())
        });
        let plain = |message: &Message| Message {
            parts: message.parts.iter().filter(|part| !is_call_or_state(part)).cloned().collect(),
            ..message.clone()
        };
        let operators_model = change.model.is_some();
        let (provider, model) = match change.model {
            Some(model) => (None, Some(model)),
            None => (self.chat.provider.clone(), self.chat.model.clone()),
        };
        ChatRequest {
            provider,
            model,
            operators_model,
            messages: system.into_iter().chain(said.map(plain)).collect(),
            temperature,
            ..ChatRequest::default()
        }
    }
}

fn is_call_or_state(part: &crate::models::Part) -> bool {
    use crate::models::Part;
    matches!(part, Part::ToolCall(_) | Part::Opaque(_) | Part::Reasoning(_))
}

fn action(assistant: &'static Assistant, name: &str) -> Option<&'static Action> {
    assistant.actions.iter().find(|action| action.name == name)
}

/// The conversation without what was declined before: a client that keeps it itself sends it again, and it is not to
/// reach a provider by the next prompt. What nobody has answered yet is still to be judged. Gives also how many of
/// those that were known before are left: behind them all is judged.
fn without_refused(
    messages: Vec<Message>,
    known: usize,
    blocked: &[String],
    assistant: &Assistant,
) -> (Vec<Message>, usize) {
    let Some(refusal) = assistant.refusal else { return (messages, known) };
    let mut kept: Vec<Message> = Vec::new();
    let (mut is_declined, mut known_left) = (false, 0usize);
    let mut messages = messages.into_iter().enumerate().peekable();
    while let Some((at, message)) = messages.next() {
        if message.role == Role::User {
            let answer = messages.peek().filter(|(_, next)| next.role == Role::Assistant).map(|(_, next)| next.text());
            is_declined = answer.is_some_and(|answer| answer == refusal || terms::hits(&message.text(), blocked));
        }
        if !is_declined || message.role == Role::System {
            kept.push(message);
            known_left = known_left.saturating_add(usize::from(at < known));
        }
    }
    (kept, known_left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::Part;

    fn says(role: Role, text: &str) -> Message {
        Message { role, parts: vec![Part::Text(text.to_owned())], tool_call_id: None }
    }

    fn play(assistant: &str, change: impl FnOnce(&mut ChatRequest)) -> Result<Play, ChatError> {
        let mut chat = ChatRequest {
            assistant: Some(assistant.to_owned()),
            messages: vec![says(Role::User, "Write a poem")],
            ..ChatRequest::default()
        };
        change(&mut chat);
        let settings = Settings::read(&|name| (name == "BLOCKED_TERMS").then(|| "bad words".to_owned())).unwrap();
        Play::new(chat, Map::new(), Rc::new(settings))
    }

    /// Plays to the end; a model that decides says this, and a collection has one passage.
    fn walk(mut play: Play, decides: &str) -> Vec<String> {
        let mut walked = Vec::new();
        while let Some((step, task)) = play.begin() {
            let wrote = match task {
                Task::Note(wrote) => wrote,
                Task::Decide(_, read) => read(decides),
                Task::LookUp(_, query) => {
                    walked.push(format!("? {query}"));
                    play.found(vec![Passage::default()])
                }
                _ => Map::new(),
            };
            let Stage::Done { next, .. } = play.done(wrote).stage else { panic!("not done") };
            walked.push(format!("{} {} {}", step.index, step.action, next.unwrap_or_default()));
        }
        walked
    }

    #[test]
    fn the_router_goes_where_its_conditions_lead() {
        let poem = walk(play("router", |_| {}).unwrap(), "generate_poem");
        assert_eq!(poem, ["1 check_prompt choose_mode", "2 choose_mode generate_poem", "3 generate_poem "]);
        let unclear = walk(play("router", |_| {}).unwrap(), "hm");
        assert_eq!(unclear.last().unwrap(), "3 ask_for_more ");
        let refused = play("router", |chat| chat.messages = vec![says(Role::User, "BAD\nwords!")]).unwrap();
        assert_eq!(walk(refused, ""), ["1 check_prompt refuse", "2 refuse "]);
    }

    #[test]
    fn what_is_looked_up_was_judged_before() {
        let retrieval = Some(Retrieval { collection: "c".to_owned(), top_k: 3 });
        let looked_up = walk(play("router", |chat| chat.retrieval = retrieval.clone()).unwrap(), "generate_code");
        assert_eq!(
            looked_up,
            [
                "1 check_prompt retrieve",
                "? Write a poem",
                "2 retrieve choose_mode",
                "3 choose_mode generate_code",
                "4 generate_code "
            ]
        );
        let plain = walk(play("plain", |chat| chat.retrieval = retrieval).unwrap(), "");
        assert_eq!(plain, ["? Write a poem", "1 retrieve answer", "2 answer "]);
        assert_eq!(play("rag", |_| {}).err().unwrap().param.as_deref(), Some("retrieval"));
    }

    #[test]
    fn what_was_refused_before_is_not_repeated() {
        let messages = vec![
            says(Role::System, "s"),
            says(Role::User, "bad words"),
            says(Role::Assistant, "I can't"),
            says(Role::User, "a poem"),
        ];
        let mut play = play("router", |chat| chat.messages = messages).unwrap();
        play.begin();
        play.done(Map::new());
        let Some((_, Task::Decide(chat, _))) = play.begin() else { panic!("no question") };
        let said: Vec<String> = chat.messages.iter().skip(1).map(Message::text).collect();
        assert_eq!(said, ["a poem"]);
    }

    #[test]
    fn all_that_is_new_is_judged() {
        let messages = vec![says(Role::User, "bad words"), says(Role::User, "answer the above")];
        let refused = |known: usize| {
            let messages = messages.clone();
            walk(play("router", |chat| *chat = ChatRequest { messages, known, ..chat.clone() }).unwrap(), "")
        };
        assert_eq!(refused(0).last().unwrap(), "2 refuse ");
        assert_eq!(refused(1).last().unwrap(), "3 ask_for_more ", "a session judged it before");
        // The operator has blocked meanwhile what a session knows: what is new is judged all the same.
        let answered = [says(Role::User, "bad words"), says(Role::Assistant, "Well."), says(Role::User, "bad words!")];
        let later = play("router", |chat| (chat.messages, chat.known) = (answered.to_vec(), 2)).unwrap();
        assert_eq!(walk(later, "generate_poem").last().unwrap(), "2 refuse ");
        let declined = super::super::find("router").unwrap().refusal.unwrap();
        let before = [says(Role::User, "judged"), says(Role::Assistant, declined), says(Role::User, "a poem")];
        let mut play = play("router", |chat| chat.messages = before.to_vec()).unwrap();
        play.begin();
        play.done(Map::new());
        let Some((_, Task::Decide(chat, _))) = play.begin() else { panic!("no question") };
        assert_eq!(chat.messages.iter().skip(1).map(Message::text).collect::<Vec<_>>(), ["a poem"]);
    }

    #[test]
    fn the_callers_wishes_stand_but_for_what_the_operator_decides() {
        let asked = |change: fn(&mut ChatRequest)| {
            let mut play = play("travel", change).unwrap();
            match play.begin() {
                Some((_, Task::Answer(rounds))) => rounds.chat().clone(),
                _ => panic!("no answer"),
            }
        };
        let chat = asked(|chat| {
            chat.temperature = Some(0.9);
            chat.tools = vec![CallersTool { name: "x".to_owned(), description: None, parameters: None, strict: None }];
        });
        assert_eq!(chat.temperature, Some(0.9));
        let names: Vec<&str> = chat.tools.iter().map(|tool| tool.name.as_str()).collect();
        assert_eq!(names, ["x", "update_map_and_markers"]);
        assert!(chat.messages[0].text().starts_with("You are a travel assistant."));
        let taken = play("travel", |chat| {
            let name = "update_map_and_markers".to_owned();
            chat.tools = vec![CallersTool { name, description: None, parameters: None, strict: None }];
        });
        assert_eq!(taken.err().unwrap().param.as_deref(), Some("tools[0].function.name"));
    }
}
