//! Names of fields: the vendor's parser takes `systemInstruction` and `system_instruction` alike.

use serde_json::{Map, Value};

use crate::models::ChatError;

/// The names that are read, in their other form.
const SNAKES: [&str; 28] = [
    "allowed_function_names",
    "cached_content",
    "candidate_count",
    "continuation_token",
    "file_data",
    "file_uri",
    "function_call",
    "function_calling_config",
    "function_declarations",
    "function_response",
    "generation_config",
    "include_thoughts",
    "inline_data",
    "max_output_tokens",
    "mime_type",
    "parameters_json_schema",
    "response_json_schema",
    "response_mime_type",
    "response_modalities",
    "response_schema",
    "stop_sequences",
    "system_instruction",
    "thinking_budget",
    "thinking_config",
    "thinking_level",
    "thought_signature",
    "tool_config",
    "top_p",
];

/// What a caller's own names stand in: arguments, results, schemas.
const FOREIGN: [&str; 6] =
    ["args", "parameters", "parametersJsonSchema", "response", "responseJsonSchema", "responseSchema"];

/// The request with one form of every name that is read.
pub fn names(map: Map<String, Value>) -> Result<Map<String, Value>, ChatError> {
    let mut named = Map::with_capacity(map.len());
    for (name, value) in map {
        let name = camel(name);
        let value = if FOREIGN.contains(&name.as_str()) { value } else { inside(value)? };
        if named.contains_key(&name) {
            return Err(ChatError::invalid(name.as_str(), format!("{name} is given twice, in both its forms")));
        }
        named.insert(name, value);
    }
    Ok(named)
}

fn inside(value: Value) -> Result<Value, ChatError> {
    match value {
        Value::Object(map) => names(map).map(Value::Object),
        Value::Array(items) => items.into_iter().map(inside).collect(),
        value => Ok(value),
    }
}

fn camel(name: String) -> String {
    if !SNAKES.contains(&name.as_str()) {
        return name;
    }
    let mut upper = false;
    name.chars().fold(String::new(), |mut camel, char| {
        match std::mem::replace(&mut upper, char == '_') {
            _ if upper => {}
            true => camel.push(char.to_ascii_uppercase()),
            false => camel.push(char),
        }
        camel
    })
}
