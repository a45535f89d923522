//! The schemas of all that the document names. What goes in and what comes out are told apart, because a field
//! that may be left out of a request may still be in every answer.

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value};

/// A type, as something that can be asked for its schema.
pub type Shape = fn(&mut SchemaGenerator) -> Value;

/// The schema of a type, or the place where it stands.
pub fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    generator.subschema_for::<T>().to_value()
}

/// The fields of a type, one by one.
pub fn fields_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    T::json_schema(generator).to_value()
}

/// What was named so far.
pub struct Registry {
    /// Of requests.
    pub inputs: SchemaGenerator,
    /// Of answers.
    pub outputs: SchemaGenerator,
}

impl Default for Registry {
    fn default() -> Self {
        let settings = || SchemaSettings::draft2020_12().with(|settings| settings.definitions_path = PLACE.into());
        Registry {
            inputs: settings().for_deserialize().into_generator(),
            outputs: settings().for_serialize().into_generator(),
        }
    }
}

/// Where the document keeps schemas.
const PLACE: &str = "/components/schemas";

impl Registry {
    /// All of them, by name.
    pub fn into_schemas(mut self) -> Map<String, Value> {
        let mut schemas: BTreeMap<String, Value> = self.inputs.take_definitions(false).into_iter().collect();
        // Those that are both are the same: see the test.
        schemas.extend(self.outputs.take_definitions(false));
        schemas.into_iter().map(|(name, schema)| (name, tidied(schema))).collect()
    }
}

/// A schema whose words have no traces of the source's lines.
pub fn tidied(mut schema: Value) -> Value {
    tidy(&mut schema);
    schema
}

fn tidy(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (name, value) in map.iter_mut() {
                match value {
                    Value::String(text) if name == "description" => *text = joined(text),
                    value => tidy(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

/// A paragraph is one line.
fn joined(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines.join(" ").replace("  ", "\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openapi::routes;

    #[test]
    fn what_goes_in_and_out_has_one_schema() {
        let mut registry = Registry::default();
        for operation in routes::all() {
            operation.write(&mut registry);
        }
        let outputs = registry.outputs.take_definitions(false);
        for (name, schema) in registry.inputs.take_definitions(false) {
            assert_eq!(outputs.get(&name).unwrap_or(&schema), &schema, "{name} is two different things");
        }
    }

    #[test]
    fn paragraphs_stay_and_lines_go() {
        assert_eq!(joined("One\n sentence.\n\n Another."), "One sentence.\n\nAnother.");
    }
}
