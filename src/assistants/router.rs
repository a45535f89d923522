use serde_json::{Map, Value, json};

use super::graph::{Action, Assistant, Edge, Effect, Prompt, Scene, When};
use super::terms::hits;
use crate::models::{Finish, Role};

const REFUSAL: &str = "I am afraid I can't help with that. Please ask me something else.";

const MORE: &str = "I am not sure what you would like me to do. I can write code, answer a question or write a poem: \
please tell me a little more.";

const CHOOSE: &str = "You sort what people ask for. Read the last message of the person, in the light of what came \
before it, and answer with exactly one of these words and nothing else:\n\
generate_code: they want a program, a script, a query or a change to code\n\
answer_question: they want to know, understand or discuss something\n\
generate_poem: they want a poem, a song or anything in verse\n\
unknown: none of these, or too little to tell";

const CODE: &str = "You write code. Give working, idiomatic code in one fenced block, with the language named, and \
below it two or three sentences on how it works and how to run it. Ask nothing back: choose what is usual.";

const ANSWER: &str = "You answer questions. Say the answer first, in plain words and as briefly as it can be said \
well; then, where it helps, why it is so. Say when you are not sure.";

const POEM: &str = "You write poems. Answer with the poem alone, in the language of the person, in the form that they \
name or else in the one that suits the subject.";

const MODES: [&str; 3] = ["generate_code", "answer_question", "generate_poem"];

/// A check, then one of several prompts, by what is asked for.
pub static ROUTER: Assistant = Assistant {
    name: "router",
    description: "Checks each prompt, finds out what it asks for, and answers in the mode for that: code, an answer or a poem.",
    entry: "check_prompt",
    // Not sooner: what is searched for goes to whoever embeds it.
    looks_up_before: "choose_mode",
    needs_collection: false,
    refusal: Some(REFUSAL),
    actions: &[
        Action {
            name: "check_prompt",
            about: "Looks for blocked terms, and asks the moderation model where one is configured.",
            reads: &[],
            writes: &["safe"],
            tools: &[],
            act: check,
            next: &[
                Edge { to: "refuse", when: When::Is("safe", false) },
                Edge { to: "choose_mode", when: When::Always },
            ],
        },
        Action {
            name: "refuse",
            about: "Declines, in fixed words.",
            reads: &[],
            writes: &[],
            tools: &[],
            act: |_| Effect::Say(REFUSAL.to_owned(), Finish::Refusal),
            next: &[],
        },
        Action {
            name: "choose_mode",
            about: "Asks the model what the prompt asks for.",
            reads: &[],
            writes: &["mode"],
            tools: &[],
            act: |_| Effect::Decide(Prompt { system: Some(CHOOSE.to_owned()), temperature: Some(0.0) }, mode),
            next: &[
                Edge { to: "generate_code", when: When::Reads("mode", "generate_code") },
                Edge { to: "answer_question", when: When::Reads("mode", "answer_question") },
                Edge { to: "generate_poem", when: When::Reads("mode", "generate_poem") },
                Edge { to: "ask_for_more", when: When::Always },
            ],
        },
        Action {
            name: "generate_code",
            about: "Asks the model for code.",
            reads: &[],
            writes: &[],
            tools: &[],
            act: |_| answer(CODE, 0.2),
            next: &[],
        },
        Action {
            name: "answer_question",
            about: "Asks the model for an answer.",
            reads: &[],
            writes: &[],
            tools: &[],
            act: |_| answer(ANSWER, 0.5),
            next: &[],
        },
        Action {
            name: "generate_poem",
            about: "Asks the model for a poem.",
            reads: &[],
            writes: &[],
            tools: &[],
            act: |_| answer(POEM, 1.0),
            next: &[],
        },
        Action {
            name: "ask_for_more",
            about: "Asks what is wanted.",
            reads: &[],
            writes: &[],
            tools: &[],
            act: |_| Effect::Say(MORE.to_owned(), Finish::Stop),
            next: &[],
        },
    ],
    keeps: &["safe", "mode"],
};

fn check(scene: &Scene<'_>) -> Effect {
    let Scene { chat, settings, .. } = scene;
    // All that the person says, and not the last of it only: the last may be "answer the above".
    let said = chat.messages.iter().skip(chat.known).filter(|message| message.role == Role::User);
    let said: Vec<String> = said.map(|message| message.text()).filter(|text| !text.trim().is_empty()).collect();
    let text = said.join("\n\n");
    match &settings.moderation {
        _ if hits(&text, &settings.blocked) => Effect::Write(safe(false)),
        Some(model) if !text.is_empty() => Effect::Moderate(model.clone(), text, |is_harmful| safe(!is_harmful)),
        _ => Effect::Write(safe(true)),
    }
}

fn safe(is_safe: bool) -> Map<String, Value> {
    Map::from_iter([("safe".to_owned(), json!(is_safe))])
}

/// The one mode that an answer names; a model that names several has not chosen.
fn mode(answer: &str) -> Map<String, Value> {
    let mut named = MODES.into_iter().filter(|mode| answer.contains(mode));
    let mode = match (named.next(), named.next()) {
        (Some(mode), None) => mode,
        _ => "unknown",
    };
    Map::from_iter([("mode".to_owned(), json!(mode))])
}

fn answer(system: &str, temperature: f64) -> Effect {
    Effect::Answer(Prompt { system: Some(system.to_owned()), temperature: Some(temperature) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_named_mode_is_a_choice() {
        let chosen = |answer: &str| mode(answer)["mode"].as_str().unwrap().to_owned();
        assert_eq!(chosen("generate_poem"), "generate_poem");
        assert_eq!(chosen("**generate_code**\n"), "generate_code");
        assert_eq!(chosen("mode: answer_question."), "answer_question");
        for unclear in ["", "unknown", "generate_code or generate_poem", "poem"] {
            assert_eq!(chosen(unclear), "unknown");
        }
    }
}
