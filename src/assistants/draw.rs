use serde_json::{Value, json};

use super::Assistant;
use super::play::LOOK_UP;

/// What an assistant is and does, as data.
pub fn describe(assistant: &Assistant) -> Value {
    let look_up = assistant.needs_collection.then(|| {
        json!({
            "name": LOOK_UP, "about": "Searches the collection for the question.", "reads": [], "writes": ["passages"],
            "next": [{"to": assistant.looks_up_before, "when": null}],
        })
    });
    let actions: Vec<Value> = assistant
        .actions
        .iter()
        .map(|action| {
            let next: Vec<Value> =
                action.next.iter().map(|edge| json!({"to": edge.to, "when": edge.when.words()})).collect();
            json!({
                "name": action.name, "about": action.about, "reads": action.reads, "writes": action.writes,
                "next": next,
            })
        })
        .collect();
    let actions: Vec<Value> = look_up.into_iter().chain(actions).collect();
    let tools: Vec<Value> = assistant
        .actions
        .iter()
        .flat_map(|action| action.tools)
        .map(|tool| json!({"name": tool.name, "description": tool.description, "parameters": (tool.parameters)()}))
        .collect();
    json!({
        "name": assistant.name, "description": assistant.description,
        "graph": {"entry": entry(assistant), "retrieves_before": assistant.looks_up_before, "actions": actions}, "tools": tools,
    })
}

/// Its graph as Mermaid draws it.
pub fn mermaid(assistant: &Assistant) -> String {
    let mut text = format!("flowchart TD\n    start([start]) --> {}\n", entry(assistant));
    if assistant.needs_collection {
        text.push_str(&format!("    {LOOK_UP}[{LOOK_UP}]\n    {LOOK_UP} --> {}\n", assistant.looks_up_before));
    }
    for action in assistant.actions {
        text.push_str(&format!("    {}[{}]\n", action.name, action.name));
        for edge in action.next {
            let label = edge.when.words().map(|words| format!("|{words}| ")).unwrap_or_else(|| " ".to_owned());
            text.push_str(&format!("    {} -->{label}{}\n", action.name, edge.to));
        }
        if action.next.is_empty() {
            text.push_str(&format!("    {} --> done([done])\n", action.name));
        }
    }
    text
}

/// What needs a collection begins with a look at it; a request may ask any other for one.
fn entry(assistant: &Assistant) -> &'static str {
    if assistant.needs_collection { LOOK_UP } else { assistant.entry }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assistants::find;

    #[test]
    fn a_graph_is_drawn_with_its_conditions() {
        let router = find("router").unwrap();
        let text = mermaid(router);
        assert!(
            text.starts_with("flowchart TD\n    start([start]) --> check_prompt\n    check_prompt[check_prompt]\n")
        );
        assert!(
            text.contains("    check_prompt -->|safe = false| refuse\n    check_prompt --> choose_mode\n"),
            "{text}"
        );
        assert!(text.contains("    refuse --> done([done])\n"));
        let described = describe(router);
        assert_eq!(described["graph"]["actions"][0]["next"][0], json!({"to": "refuse", "when": "safe = false"}));
        assert_eq!(describe(find("travel").unwrap())["tools"][0]["name"], "update_map_and_markers");
    }
}
