//! Answers of a model that calls tools of the gateway's: run, told, asked again.
//!
//! **Invariant:** every call of one of our tools gets a result, be it a complaint; none of the caller's does.

use serde_json::{Map, Value};

use super::Tool;
use crate::dialects::kept;
use crate::models::{
    Answer, ChatError, ChatRequest, ErrorKind, Finish, Message, Part, Role, ToolCall, ToolChoice, ToolResult,
};

/// Rounds with a model that calls tools.
pub struct Rounds {
    chat: ChatRequest,
    tools: &'static [&'static Tool],
    made: u32,
}

/// What follows upon an answer.
#[derive(Debug, Default, PartialEq)]
pub struct Round {
    /// What came of the calls.
    pub results: Vec<ToolResult>,
    /// What changed in the state.
    pub changed: Map<String, Value>,
    /// The end, unless the model is to be asked again.
    pub end: Option<Result<(Finish, Option<String>), ChatError>>,
}

impl Rounds {
    /// The most answers that are asked for, each with calls: more is a loop.
    pub const MOST: u32 = 8;

    /// Rounds that begin with this request.
    pub fn new(chat: ChatRequest, tools: &'static [&'static Tool]) -> Self {
        Rounds { chat, tools, made: 0 }
    }

    /// What the model is to be asked next.
    pub fn chat(&self) -> &ChatRequest {
        &self.chat
    }

    /// Takes note of what the model turned out to reject, so that it is not sent again.
    pub fn learn(&mut self, rejected: &[String]) {
        self.chat.rejected = rejected.to_vec();
    }

    /// Takes what the model said, and runs what it called.
    pub fn take(&mut self, answer: &Answer, state: &Map<String, Value>) -> Round {
        self.made = self.made.saturating_add(1);
        let (reason, raw) = answer.finish.clone().unwrap_or((Finish::Stop, None));
        let own: Vec<&ToolCall> = answer.tool_calls.iter().filter(|call| !self.is_callers(call)).collect();
        // A call that a limit cut, or a filter, is not to be run.
        let may_run = matches!(reason, Finish::Stop | Finish::ToolCalls);
        if own.is_empty() || self.tools.is_empty() {
            return Round { end: Some(Ok((reason, raw))), ..Round::default() };
        }
        if !may_run {
            let results = unrun(&own, "the answer was cut off before the call was complete");
            return Round { results, end: Some(Ok((reason, raw))), ..Round::default() };
        }
        if self.made >= Self::MOST {
            let results = unrun(&own, "there were too many calls");
            return Round { results, end: Some(Err(endless())), ..Round::default() };
        }
        let (mut results, mut state) = (Vec::new(), state.clone());
        let mut changed = Map::new();
        for call in &own {
            let result = self.run(call, &state);
            let is_error = result.is_err();
            let content = match result {
                Ok(done) => {
                    state.extend(done.state.clone());
                    changed.extend(done.state);
                    done.content
                }
                Err(complaint) => format!("Error: {complaint}. Correct the arguments and call the tool again."),
            };
            results.push(ToolResult { call_id: call.id.clone(), name: call.name.clone(), content, is_error });
        }
        if own.len() < answer.tool_calls.len() {
            return Round { results, changed, end: Some(Ok((Finish::ToolCalls, raw))) };
        }
        self.go_on(answer, &results);
        Round { results, changed, end: None }
    }

    fn is_callers(&self, call: &ToolCall) -> bool {
        self.chat.tools.iter().any(|tool| tool.name == call.name)
            && self.tools.iter().all(|tool| tool.name != call.name)
    }

    fn run(&self, call: &ToolCall, state: &Map<String, Value>) -> Result<super::Done, String> {
        let Some(tool) = self.tools.iter().find(|tool| tool.name == call.name) else {
            let names: Vec<&str> = self.chat.tools.iter().map(|tool| tool.name.as_str()).collect();
            return Err(format!("there is no tool {}, only {}", call.name, names.join(", ")));
        };
        let arguments = if call.arguments.trim().is_empty() { "{}" } else { &call.arguments };
        if let Err(error) = serde_json::from_str::<Value>(arguments) {
            return Err(format!("the arguments are not valid JSON ({error})"));
        }
        (tool.run)(arguments, state)
    }

    fn go_on(&mut self, answer: &Answer, results: &[ToolResult]) {
        self.chat.messages.push(kept::said(answer));
        self.chat.messages.extend(results.iter().map(|result| Message {
            role: Role::Tool,
            parts: vec![Part::Text(result.content.clone())],
            tool_call_id: Some(result.call_id.clone()),
        }));
        // Who had to call a tool has called one; to insist would never end.
        if let Some(ToolChoice::Required | ToolChoice::Tool(_)) = self.chat.tool_choice {
            self.chat.tool_choice = Some(ToolChoice::Auto);
        }
    }
}

/// Without a result a call would be the caller's to answer.
fn unrun(calls: &[&ToolCall], why: &str) -> Vec<ToolResult> {
    let result = |call: &&ToolCall| ToolResult {
        call_id: call.id.clone(),
        name: call.name.clone(),
        content: format!("Error: not run, because {why}."),
        is_error: true,
    };
    calls.iter().map(result).collect()
}

fn endless() -> ChatError {
    let words = format!("the model called tools in {} rounds without coming to an answer", Rounds::MOST);
    ChatError { code: Some("too_many_rounds".to_owned()), ..ChatError::lasting(ErrorKind::Provider, words) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assistants::find;
    use crate::models::{Tool as CallersTool, ToolKind};
    use serde_json::json;

    const TOKYO: &str = r#"{"longitude":139,"latitude":35,"zoom":9,"longitudes":[],"latitudes":[],"labels":[]}"#;

    fn rounds(callers: &[&str]) -> Rounds {
        let tool =
            |name: &&str| CallersTool { name: (*name).to_owned(), description: None, parameters: None, strict: None };
        let mut tools: Vec<CallersTool> = callers.iter().map(tool).collect();
        tools.push(tool(&"update_map_and_markers"));
        let chat = ChatRequest { tools, tool_choice: Some(ToolChoice::Required), ..ChatRequest::default() };
        Rounds::new(chat, find("travel").unwrap().actions[0].tools)
    }

    fn answer(calls: &[(&str, &str, &str)], finish: Finish) -> Answer {
        let call = |(id, name, arguments): &(&str, &str, &str)| ToolCall {
            id: (*id).to_owned(),
            name: (*name).to_owned(),
            arguments: (*arguments).to_owned(),
            kind: ToolKind::Function,
            opaque: None,
        };
        Answer { tool_calls: calls.iter().map(call).collect(), finish: Some((finish, None)), ..Answer::default() }
    }

    #[test]
    fn calls_are_run_in_order_and_the_model_asked_again() {
        let mut rounds = rounds(&[]);
        let second = TOKYO.replace("139", "1");
        let calls = [("a", "update_map_and_markers", TOKYO), ("b", "update_map_and_markers", second.as_str())];
        let round = rounds.take(&answer(&calls, Finish::ToolCalls), &Map::new());
        assert_eq!((round.results.len(), round.end), (2, None));
        assert_eq!(round.changed["map"]["longitude"], json!(1));
        let roles: Vec<_> = rounds.chat().messages.iter().map(|message| message.role).collect();
        assert_eq!(roles, [Role::Assistant, Role::Tool, Role::Tool]);
        assert_eq!(rounds.chat().tool_choice, Some(ToolChoice::Auto));
    }

    #[test]
    fn complaints_go_back_and_can_be_repeated_to_anybody() {
        let mut rounds = rounds(&["lookup"]);
        let calls =
            [("a", "update_map_and_markers", "{\"longi"), ("b", "fly", "{}"), ("c", "update_map_and_markers", "")];
        let round = rounds.take(&answer(&calls, Finish::Stop), &Map::new());
        let words: Vec<&str> = round.results.iter().map(|result| result.content.as_str()).collect();
        assert!(words[0].starts_with("Error: the arguments are not valid JSON"), "{words:?}");
        assert!(words[1].contains("there is no tool fly, only lookup, update_map_and_markers"), "{words:?}");
        assert!(words[2].contains("missing field `longitude`"), "{words:?}");
        assert!(round.results.iter().all(|result| result.is_error) && round.end.is_none());
        let repeated: Vec<_> = rounds.chat().messages[0].tool_calls().map(|call| call.arguments.as_str()).collect();
        assert_eq!(repeated, ["{}", "{}", "{}"]);
    }

    #[test]
    fn the_callers_tools_end_the_turn() {
        let mut rounds = rounds(&["lookup"]);
        let calls = [("a", "lookup", "{}"), ("b", "update_map_and_markers", TOKYO)];
        let round = rounds.take(&answer(&calls, Finish::ToolCalls), &Map::new());
        assert_eq!(round.results.iter().map(|result| result.call_id.as_str()).collect::<Vec<_>>(), ["b"]);
        assert_eq!(round.end, Some(Ok((Finish::ToolCalls, None))));
        let round = rounds.take(&answer(&[("c", "lookup", "{}")], Finish::ToolCalls), &Map::new());
        assert_eq!((round.results.len(), round.end), (0, Some(Ok((Finish::ToolCalls, None)))));
    }

    #[test]
    fn what_was_cut_is_not_run_and_a_loop_ends() {
        let calls = [("a", "update_map_and_markers", TOKYO)];
        let cut = rounds(&[]).take(&answer(&calls, Finish::Length), &Map::new());
        assert_eq!((cut.results[0].is_error, cut.end), (true, Some(Ok((Finish::Length, None)))));
        assert!(cut.changed.is_empty());
        let mut rounds = rounds(&[]);
        let ends: Vec<bool> = (0..Rounds::MOST)
            .map(|_| rounds.take(&answer(&calls, Finish::ToolCalls), &Map::new()).end.is_some_and(|end| end.is_err()))
            .collect();
        assert_eq!(ends, [false, false, false, false, false, false, false, true]);
    }
}
