//! Assistants: named ways of producing an answer, each a small graph of actions. In: the graphs, their prompts, the
//! tools that the gateway runs itself, what follows what. Out: asking anybody anything (see `service`).
//!
//! Adding one is a file like `travel.rs` and its line in [`ALL`].

mod draw;
mod graph;
mod plain;
mod play;
mod prompt;
mod rag;
mod rounds;
mod router;
mod settings;
mod terms;
mod tool;
mod travel;

use crate::models::ChatError;

pub use draw::{describe, mermaid};
pub use graph::{Action, Assistant, Edge, Effect, Prompt, Scene, When};
pub use play::{Play, Task};
pub use prompt::context;
pub use rounds::{Round, Rounds};
pub use settings::{Override, Settings};
pub use tool::{Done, Tool};

/// What a run has when nobody asks for anything else.
pub const USUAL: &str = "plain";

/// Who says what no model says.
pub const OURSELVES: &str = "tributary";

/// All of them.
pub const ALL: [&Assistant; 4] = [&plain::PLAIN, &travel::TRAVEL, &router::ROUTER, &rag::RAG];

/// The assistant of a name.
pub fn find(name: &str) -> Result<&'static Assistant, ChatError> {
    ALL.into_iter().find(|assistant| assistant.name == name).ok_or_else(|| {
        let names: Vec<&str> = ALL.iter().map(|assistant| assistant.name).collect();
        ChatError::invalid("assistant", format!("assistant must be one of {}", names.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a graph says of itself holds: every edge leads somewhere, and every action can be reached.
    #[test]
    fn graphs_are_whole() {
        for assistant in ALL {
            let names: Vec<&str> = assistant.actions.iter().map(|action| action.name).collect();
            assert!(
                names.contains(&assistant.entry) && names.contains(&assistant.looks_up_before),
                "{}",
                assistant.name
            );
            let edges: Vec<&Edge> = assistant.actions.iter().flat_map(|action| action.next).collect();
            for edge in &edges {
                assert!(names.contains(&edge.to), "{}: {}", assistant.name, edge.to);
                let key = edge.when.key();
                let is_written = |key| assistant.actions.iter().any(|action| action.writes.contains(&key));
                assert!(key.is_none_or(is_written), "{}: nobody writes {key:?}", assistant.name);
            }
            for name in &names {
                let is_led_to = edges.iter().any(|edge| edge.to == *name);
                assert!(is_led_to || *name == assistant.entry, "{}: nothing leads to {name}", assistant.name);
            }
            assert!(find(assistant.name).is_ok());
        }
        assert_eq!(find("nobody").err().unwrap().message, "assistant must be one of plain, travel, router, rag");
    }
}
