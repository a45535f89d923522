//! How much of a conversation goes to a provider, and in which state.

use std::collections::{HashMap, HashSet};

use crate::models::{Message, Part, Role, Usage};

/// The runs that lead to one, from the oldest on: each follows its parent.
pub fn chain(head: Option<&str>, parents: &HashMap<String, Option<String>>) -> Vec<String> {
    let mut chain = Vec::new();
    let mut next = head.map(str::to_owned);
    // A run follows an older one, so this ends; a store that says otherwise must not hold us for ever.
    while let Some(run) = next.filter(|run| parents.contains_key(run) && chain.len() <= parents.len()) {
        next = parents.get(&run).cloned().flatten();
        chain.push(run);
    }
    chain.reverse();
    chain
}

/// The conversation as a provider takes it: without calls that nobody answered (a run that broke off, a
/// person who went on otherwise), results that belong to none, and answers that say nothing.
pub fn settle(messages: Vec<Message>) -> Vec<Message> {
    let answered = answered(&messages);
    let mut made = HashSet::new();
    let mut settled: Vec<Message> = Vec::new();
    for (at, mut message) in messages.into_iter().enumerate() {
        match message.role {
            Role::Assistant => {
                let had_calls = message.tool_calls().next().is_some();
                message.parts.retain(|part| match part {
                    Part::ToolCall(call) => answered.contains(&(at, call.id.clone())),
                    Part::Text(text) => !text.is_empty(),
                    _ => true,
                });
                made = message.tool_calls().map(|call| call.id.clone()).collect();
                // State stands for something that was said or called; alone it is refused.
                let says = message.parts.iter().any(|part| matches!(part, Part::Text(_) | Part::ToolCall(_)));
                if !says && (had_calls || message.parts.iter().all(|part| !matches!(part, Part::Image(_)))) {
                    continue;
                }
            }
            Role::Tool if message.tool_call_id.as_ref().is_none_or(|id| !made.contains(id)) => continue,
            _ => {}
        }
        settled.push(message);
    }
    settled
}

/// The calls that have a result before anybody else speaks: where they stand, and their ids.
fn answered(messages: &[Message]) -> HashSet<(usize, String)> {
    let mut answered = HashSet::new();
    let mut last: Option<(usize, HashSet<String>)> = None;
    for (at, message) in messages.iter().enumerate() {
        match message.role {
            Role::Assistant => last = Some((at, message.tool_calls().map(|call| call.id.clone()).collect())),
            Role::Tool => {
                if let (Some((at, calls)), Some(id)) = (&last, &message.tool_call_id)
                    && calls.contains(id)
                {
                    answered.insert((*at, id.clone()));
                }
            }
            Role::User => last = None,
            Role::System => {}
        }
    }
    answered
}

/// The conversation within a number of tokens (by length), and how many messages were left out for it: whole
/// turns, from the oldest on, so that a call and its result stay together. What a person asked last, and what
/// the system says, always stay.
pub fn fit(messages: Vec<Message>, tokens: u64) -> (Vec<Message>, usize) {
    let total: u64 = messages.iter().map(weight).fold(0, u64::saturating_add);
    let mut over = total.saturating_sub(tokens);
    let last_turn = messages.iter().rposition(|message| message.role == Role::User).unwrap_or(0);
    let (mut kept, mut left_out, mut leaving) = (Vec::new(), 0usize, over > 0);
    for (at, message) in messages.into_iter().enumerate() {
        if message.role == Role::User {
            leaving = over > 0 && at < last_turn;
        }
        if at >= last_turn || message.role == Role::System || !leaving {
            kept.push(message);
        } else {
            over = over.saturating_sub(weight(&message));
            left_out = left_out.saturating_add(1);
        }
    }
    (kept, left_out)
}

/// About how many tokens a message has.
fn weight(message: &Message) -> u64 {
    // Roles and separators cost a few tokens; a picture about a thousand, whatever its size.
    let parts = message.parts.iter().map(|part| match part {
        Part::Text(text) | Part::Reasoning(text) => tokens(text.len()),
        Part::ToolCall(call) => tokens(call.name.len().saturating_add(call.arguments.len())),
        Part::Image(_) => 1000,
        Part::Opaque(_) => 0,
    });
    parts.fold(4, u64::saturating_add)
}

fn tokens(bytes: usize) -> u64 {
    Usage::estimate(bytes as u64, 0).input_tokens
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{ToolCall, ToolKind};

    fn says(role: Role, text: &str) -> Message {
        Message { role, parts: vec![Part::Text(text.to_owned())], tool_call_id: None }
    }

    fn calls(ids: &[&str]) -> Message {
        let call = |id: &&str| {
            let (id, name) = ((*id).to_owned(), "f".to_owned());
            Part::ToolCall(ToolCall { id, name, arguments: "{}".to_owned(), kind: ToolKind::Function, opaque: None })
        };
        Message { role: Role::Assistant, parts: ids.iter().map(call).collect(), tool_call_id: None }
    }

    fn result(id: &str) -> Message {
        Message { tool_call_id: Some(id.to_owned()), ..says(Role::Tool, "1") }
    }

    fn words(messages: &[Message]) -> Vec<String> {
        let word = |message: &Message| match message.tool_calls().map(|call| call.id.as_str()).collect::<Vec<_>>() {
            calls if calls.is_empty() => message.tool_call_id.clone().unwrap_or_else(|| message.text()),
            calls => calls.join("+"),
        };
        messages.iter().map(word).collect()
    }

    #[test]
    fn what_nobody_answered_is_no_call() {
        let messages = vec![
            says(Role::User, "q1"),
            calls(&["a", "b"]),
            result("b"),
            result("c"),
            says(Role::User, "q2"),
            calls(&["d"]),
            says(Role::User, "q3"),
            result("d"),
            says(Role::Assistant, ""),
        ];
        assert_eq!(words(&settle(messages)), ["q1", "b", "b", "q2", "q3"]);
    }

    #[test]
    fn whole_turns_leave_from_the_oldest_on() {
        let long = "x".repeat(4000);
        let messages = vec![
            says(Role::System, "s"),
            says(Role::User, &long),
            calls(&["a"]),
            result("a"),
            says(Role::Assistant, "done"),
            says(Role::User, "q2"),
            says(Role::Assistant, "a2"),
            says(Role::User, "q3"),
        ];
        let (kept, left_out) = fit(messages.clone(), 100);
        assert_eq!((words(&kept), left_out), (["s", "q2", "a2", "q3"].map(str::to_owned).to_vec(), 4));
        assert_eq!(fit(messages.clone(), 10_000), (messages.clone(), 0));
        let (kept, _) = fit(messages, 0);
        assert_eq!(words(&kept), ["s", "q3"], "what was asked last always stays");
    }

    #[test]
    fn results_alone_continue_the_last_turn() {
        let messages = vec![
            says(Role::User, "q1"),
            says(Role::Assistant, "a1"),
            says(Role::User, "q2"),
            calls(&["a"]),
            result("a"),
        ];
        let (kept, left_out) = fit(messages, 1);
        assert_eq!((words(&kept), left_out), (["q2", "a", "a"].map(str::to_owned).to_vec(), 2));
    }

    #[test]
    fn a_chain_follows_its_parents_and_ends() {
        let parents = HashMap::from([
            ("r_1".to_owned(), None),
            ("r_2".to_owned(), Some("r_1".to_owned())),
            ("r_3".to_owned(), Some("r_1".to_owned())),
            ("r_4".to_owned(), Some("r_4".to_owned())),
            ("r_5".to_owned(), Some("r_9".to_owned())),
        ]);
        assert_eq!(chain(Some("r_3"), &parents), ["r_1", "r_3"]);
        assert_eq!(chain(Some("r_5"), &parents), ["r_5"]);
        assert!(chain(None, &parents).is_empty());
        assert!(chain(Some("r_4"), &parents).len() < 10);
    }
}
