use super::graph::{Action, Assistant, Effect, Prompt};

/// The model as it is.
pub static PLAIN: Assistant = Assistant {
    name: "plain",
    description: "The model itself, with the session's history and the caller's tools.",
    entry: "answer",
    looks_up_before: "answer",
    needs_collection: false,
    refusal: None,
    actions: &[Action {
        name: "answer",
        about: "Asks the model and streams its answer.",
        reads: &[],
        writes: &[],
        tools: &[],
        act: |_| Effect::Answer(Prompt::default()),
        next: &[],
    }],
    keeps: &[],
};
