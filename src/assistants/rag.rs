use super::graph::{Action, Assistant, Effect, Prompt};

const PROMPT: &str = "You answer questions from the passages that you are given, and from nothing else. \
Put the number of each passage that a statement rests on in square brackets right behind the statement, like [1] or \
[2, 3]. Be brief and exact. If the passages do not contain the answer, say so plainly and do not guess.";

/// Retrieval first, then the answer with numbered citations.
pub static RAG: Assistant = Assistant {
    name: "rag",
    description: "Answers from a collection of documents, with numbered citations.",
    entry: "answer",
    looks_up_before: "answer",
    needs_collection: true,
    refusal: None,
    actions: &[Action {
        name: "answer",
        about: "Asks the model with what was found, and streams its answer.",
        reads: &["passages"],
        writes: &[],
        tools: &[],
        act: |_| Effect::Answer(Prompt { system: Some(PROMPT.to_owned()), temperature: Some(0.2) }),
        next: &[],
    }],
    keeps: &[],
};
