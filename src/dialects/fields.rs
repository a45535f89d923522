//! Reads request bodies field by field, so that every error names its field.

use serde_json::{Map, Value};

use crate::models::{ChatError, ErrorKind};

/// A conversation of this many messages fills the context of any model; more is a mistake or a trick.
pub const MOST_MESSAGES: usize = 4096;

/// The body of a request: a JSON object.
pub fn read_body(body: &[u8]) -> Result<Map<String, Value>, ChatError> {
    serde_json::from_slice(body).map_err(|error| {
        // The place, not the words around it: they may be anybody's secret.
        let place = format!("line {} column {}", error.line(), error.column());
        let what = if error.is_data() { "must be a JSON object" } else { "is not valid JSON" };
        ChatError::new(ErrorKind::InvalidRequest, format!("the body {what} ({place})"))
    })
}

/// An object of a request, and the path to it.
pub struct Fields<'a> {
    map: &'a Map<String, Value>,
    path: String,
}

impl<'a> Fields<'a> {
    /// The body of a request.
    pub fn root(map: &'a Map<String, Value>) -> Self {
        Fields { map, path: String::new() }
    }

    /// An object at a path.
    pub fn at(value: &'a Value, path: String) -> Result<Self, ChatError> {
        match value {
            Value::Object(map) => Ok(Fields { map, path }),
            _ => Err(ChatError::invalid(path, "must be an object")),
        }
    }

    /// The path to the object.
    pub fn own_path(&self) -> &str {
        &self.path
    }

    /// The path of a field.
    pub fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// An error about a field.
    pub fn wrong<T>(&self, name: &str, message: impl AsRef<str>) -> Result<T, ChatError> {
        let path = self.path(name);
        Err(ChatError::invalid(path.clone(), format!("{path} {}", message.as_ref())))
    }

    /// A field, unless it is absent or null.
    pub fn get(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    /// The names that are not among the known ones.
    pub fn unknown(&self, known: &[&str]) -> Vec<String> {
        self.map.keys().filter(|name| !known.contains(&name.as_str())).cloned().collect()
    }

    /// A string.
    pub fn str(&self, name: &str) -> Result<Option<&'a str>, ChatError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => self.wrong(name, "must be a string"),
        }
    }

    /// A string that must be there and must not be empty.
    pub fn need_str(&self, name: &str) -> Result<&'a str, ChatError> {
        match self.str(name)? {
            Some(text) if !text.is_empty() => Ok(text),
            Some(_) => self.wrong(name, "must not be empty"),
            None => self.wrong(name, "is required"),
        }
    }

    /// True or false.
    pub fn bool(&self, name: &str) -> Result<Option<bool>, ChatError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => self.wrong(name, "must be true or false"),
        }
    }

    /// A number within bounds, both included.
    pub fn number(&self, name: &str, low: f64, high: f64) -> Result<Option<f64>, ChatError> {
        match self.get(name).map(Value::as_f64) {
            None => Ok(None),
            Some(Some(number)) if (low..=high).contains(&number) => Ok(Some(number)),
            Some(_) => self.wrong(name, format!("must be a number from {low} to {high}")),
        }
    }

    /// A whole number of at least `low`.
    pub fn count(&self, name: &str, low: u64) -> Result<Option<u64>, ChatError> {
        match self.get(name).map(Value::as_u64) {
            None => Ok(None),
            Some(Some(number)) if number >= low => Ok(Some(number)),
            Some(_) => self.wrong(name, format!("must be a whole number of at least {low}")),
        }
    }

    /// A whole number.
    pub fn integer(&self, name: &str) -> Result<Option<i64>, ChatError> {
        match self.get(name).map(Value::as_i64) {
            None => Ok(None),
            Some(Some(number)) => Ok(Some(number)),
            Some(None) => self.wrong(name, "must be a whole number"),
        }
    }

    /// An array; absent counts as empty.
    pub fn array(&self, name: &str) -> Result<&'a [Value], ChatError> {
        match self.get(name) {
            None => Ok(&[]),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => self.wrong(name, "must be an array"),
        }
    }

    /// An object.
    pub fn object(&self, name: &str) -> Result<Option<Fields<'a>>, ChatError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(Fields { map, path: self.path(name) })),
            Some(_) => self.wrong(name, "must be an object"),
        }
    }

    /// An object that must be there.
    pub fn need_object(&self, name: &str) -> Result<Fields<'a>, ChatError> {
        match self.object(name)? {
            Some(fields) => Ok(fields),
            None => self.wrong(name, "is required"),
        }
    }

    /// The object itself.
    pub fn map(&self) -> &'a Map<String, Value> {
        self.map
    }
}
