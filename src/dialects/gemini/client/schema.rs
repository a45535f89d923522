//! The vendor's own schemas (OpenAPI, types in capital letters) as JSON Schema.

use serde_json::{Map, Value, json};

/// The same schema in the form that every provider reads.
pub fn to_json(schema: &Value) -> Value {
    let Value::Object(fields) = schema else { return schema.clone() };
    let mut written = Map::new();
    for (name, value) in fields {
        if let Some((name, value)) = field(name, value) {
            written.insert(name.to_owned(), value);
        }
    }
    let either = |camel: &str, snake: &str| fields.get(camel).or_else(|| fields.get(snake));
    if let Some(order) = either("propertyOrdering", "property_ordering").and_then(Value::as_array) {
        reorder(&mut written, order);
    }
    if fields.get("nullable") == Some(&Value::Bool(true)) {
        allow_null(&mut written);
    }
    Value::Object(written)
}

fn field<'a>(name: &'a str, value: &Value) -> Option<(&'a str, Value)> {
    let each = |value: &Value| match value {
        Value::Array(items) => items.iter().map(to_json).collect(),
        Value::Object(map) => Value::Object(map.iter().map(|(name, value)| (name.clone(), to_json(value))).collect()),
        value => value.clone(),
    };
    Some(match name {
        "type" => ("type", lower(value)?),
        // Said in other ways there, or not at all.
        "nullable" | "propertyOrdering" | "property_ordering" => return None,
        "format" if value == "enum" => return None,
        "example" => ("examples", json!([value])),
        "items" | "additionalProperties" => (name, to_json(value)),
        "anyOf" | "any_of" => ("anyOf", each(value)),
        "properties" | "$defs" => (name, each(value)),
        "minItems" | "min_items" => ("minItems", number(value)),
        "maxItems" | "max_items" => ("maxItems", number(value)),
        "minLength" | "min_length" => ("minLength", number(value)),
        "maxLength" | "max_length" => ("maxLength", number(value)),
        "minProperties" | "min_properties" => ("minProperties", number(value)),
        "maxProperties" | "max_properties" => ("maxProperties", number(value)),
        name => (name, value.clone()),
    })
}

fn lower(kind: &Value) -> Option<Value> {
    match kind {
        Value::String(word) if word == "TYPE_UNSPECIFIED" => None,
        Value::String(word) => Some(json!(word.to_ascii_lowercase())),
        Value::Array(words) => Some(words.iter().filter_map(lower).collect()),
        kind => Some(kind.clone()),
    }
}

/// The vendor's JSON has whole numbers of 64 bits as text.
fn number(value: &Value) -> Value {
    value.as_str().and_then(|text| text.parse::<u64>().ok()).map_or_else(|| value.clone(), Value::from)
}

/// Models write the properties in the order in which they stand.
fn reorder(schema: &mut Map<String, Value>, order: &[Value]) {
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
    let mut rest = std::mem::take(properties);
    for name in order.iter().filter_map(Value::as_str) {
        properties.extend(rest.shift_remove_entry(name));
    }
    properties.extend(rest);
}

fn allow_null(schema: &mut Map<String, Value>) {
    match schema.get_mut("type") {
        Some(Value::Array(kinds)) => kinds.push(json!("null")),
        Some(kind) => *kind = json!([kind.take(), "null"]),
        None => {
            if let Some(kinds) = schema.get_mut("anyOf").and_then(Value::as_array_mut) {
                kinds.push(json!({"type": "null"}));
            }
        }
    }
    if let Some(values) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        values.push(Value::Null);
    }
}
