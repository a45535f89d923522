use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A step of an assistant on its way to an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Which step of the run, from 1.
    pub index: u32,
    /// The action's name in the assistant's graph.
    pub action: String,
    /// How it stands.
    #[serde(flatten)]
    pub stage: Stage,
}

/// How an action stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Stage {
    /// It began.
    Started,
    /// It has done its part.
    Done {
        /// What it wrote into the state.
        wrote: Map<String, Value>,
        /// The action that follows; none at the end.
        next: Option<String>,
    },
}

/// What came of a call that the gateway ran itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolResult {
    /// The call's id.
    pub call_id: String,
    /// The tool's name.
    pub name: String,
    /// What the model is told.
    pub content: String,
    /// Whether that is a complaint.
    pub is_error: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_wire_form_is_pinned() {
        let wrote = json!({"safe": true}).as_object().unwrap().clone();
        let done = Stage::Done { wrote, next: None };
        let cases = [
            (Stage::Started, json!({"index": 1, "action": "a", "status": "started"})),
            (done, json!({"index": 1, "action": "a", "status": "done", "wrote": {"safe": true}, "next": null})),
        ];
        for (stage, wire) in cases {
            let step = Step { index: 1, action: "a".to_owned(), stage };
            assert_eq!(serde_json::to_value(&step).unwrap(), wire);
            assert_eq!(serde_json::from_value::<Step>(wire).unwrap(), step);
        }
    }
}
