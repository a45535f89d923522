use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// A tool that the gateway runs itself.
pub struct Tool {
    /// Its name.
    pub name: &'static str,
    /// What it does, for the model.
    pub description: &'static str,
    /// The JSON schema of its arguments.
    pub parameters: fn() -> Value,
    /// Runs it: what the model is told, and what becomes of the state; or what is wrong with the arguments, which
    /// goes back to the model. The arguments are JSON.
    pub run: fn(&str, &Map<String, Value>) -> Result<Done, String>,
}

/// What a tool did.
#[derive(Debug, PartialEq)]
pub struct Done {
    /// What the model is told.
    pub content: String,
    /// What changed.
    pub state: Map<String, Value>,
}

/// Arguments by their type; an error names the place.
pub fn read<T: DeserializeOwned>(arguments: &str) -> Result<T, String> {
    if !arguments.trim_start().starts_with('{') {
        return Err("the arguments must be an object".to_owned());
    }
    let mut json = serde_json::Deserializer::from_str(arguments);
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let place = error.path().to_string();
        let words = error.into_inner().to_string();
        // The column of a text that the model does not see says nothing to it.
        let words = words.split(" at line ").next().unwrap_or_default().to_owned();
        if place == "." { words } else { format!("{place}: {words}") }
    })
}
