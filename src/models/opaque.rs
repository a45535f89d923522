use serde_json::Value;

/// State that a provider wants back unchanged with the next turn: a signature, encrypted reasoning.
#[derive(Clone, Debug, PartialEq)]
pub struct Opaque {
    /// The dialect that alone can read it.
    pub dialect: String,
    /// The state, in the dialect's own form.
    pub data: Value,
}

impl Opaque {
    /// The state, for a reader of this dialect.
    pub fn of(&self, dialect: &str) -> Option<&Value> {
        (self.dialect == dialect).then_some(&self.data)
    }
}
