//! Tool call ids in the form that a vendor takes: a conversation may have begun elsewhere.

use std::collections::{HashMap, HashSet};

use crate::models::Message;

/// The ids of a conversation's calls, one after another, and which of them a result means.
///
/// **Invariant:** what is legal already and not taken stays as it is; no id is given twice, though
/// some models count theirs from the start in every turn.
pub struct Ids {
    most: usize,
    taken: HashSet<String>,
    now: HashMap<String, String>,
}

impl Ids {
    /// Ids of letters, digits, dashes and underscores, at most so many.
    pub fn new(most: usize) -> Self {
        Ids { most, taken: HashSet::new(), now: HashMap::new() }
    }

    /// The calls of a message, before its parts are written.
    pub fn enter(&mut self, message: &Message) {
        for call in message.tool_calls() {
            let legal = self.legal(&call.id);
            self.taken.insert(legal.clone());
            self.now.insert(call.id.clone(), legal);
        }
    }

    /// The id of a call that was entered last under this name, or that of a call nobody made.
    pub fn of(&self, id: &str) -> String {
        self.now.get(id).cloned().unwrap_or_else(|| plain(id, self.most))
    }

    fn legal(&self, id: &str) -> String {
        let plain = plain(id, self.most);
        if !self.taken.contains(&plain) {
            return plain;
        }
        // As many numbers as ids are taken, and one more: one of them is free.
        let numbered = (2..=self.taken.len().saturating_add(2)).map(|number| {
            let tail = format!("_{number}");
            let kept = plain.get(..self.most.saturating_sub(tail.len()).min(plain.len())).unwrap_or_default();
            format!("{kept}{tail}")
        });
        numbered.into_iter().find(|id| !self.taken.contains(id)).unwrap_or(plain.clone())
    }
}

/// Only characters that every vendor takes; never empty.
fn plain(id: &str, most: usize) -> String {
    let legal = |char: char| if char.is_ascii_alphanumeric() || matches!(char, '-' | '_') { char } else { '_' };
    let plain: String = id.chars().map(legal).take(most).collect();
    if plain.is_empty() { "call".to_owned() } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{Part, Role, ToolCall, ToolKind};

    fn calls(ids: &[&str]) -> Message {
        let call = |id: &&str| {
            Part::ToolCall(ToolCall {
                id: (*id).to_owned(),
                name: "f".to_owned(),
                arguments: String::new(),
                kind: ToolKind::Function,
                opaque: None,
            })
        };
        Message { role: Role::Assistant, parts: ids.iter().map(call).collect(), tool_call_id: None }
    }

    #[test]
    fn what_is_legal_stays_and_nothing_is_given_twice() {
        let mut ids = Ids::new(8);
        ids.enter(&calls(&["call_1", "f.g:0"]));
        assert_eq!((ids.of("call_1").as_str(), ids.of("f.g:0").as_str()), ("call_1", "f_g_0"));
        ids.enter(&calls(&["f.g:0", "f_g:0"]));
        assert_eq!((ids.of("f.g:0").as_str(), ids.of("f_g:0").as_str()), ("f_g_0_2", "f_g_0_3"));
        assert_eq!((ids.of("somebody-else").as_str(), ids.of("").as_str()), ("somebody", "call"));
        ids.enter(&calls(&["abcdefgh", "abcdefghi"]));
        assert_eq!((ids.of("abcdefgh").as_str(), ids.of("abcdefghi").as_str()), ("abcdefgh", "abcdef_2"));
    }
}
