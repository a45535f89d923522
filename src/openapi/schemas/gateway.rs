//! What the gateway says of itself.

use std::collections::BTreeMap;

use schemars::JsonSchema;

/// A sign of life.
#[derive(JsonSchema)]
pub struct Health {
    /// That it is well.
    pub status: HealthStatus,
}

/// How it is.
#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum HealthStatus {
    Ok,
}

/// A sign of life, with what may be asked for.
#[derive(JsonSchema)]
pub struct StreamHealth {
    /// That it is well.
    pub status: HealthStatus,
    /// The gateway's version.
    pub version: String,
    /// Each provider by its name.
    pub providers: BTreeMap<String, ProviderHealth>,
}

/// Whether a provider may be asked.
#[derive(JsonSchema)]
pub struct ProviderHealth {
    /// Whether its key or address is set.
    pub configured: bool,
    /// Whether its answers stream.
    pub streams: bool,
}

/// What is configured.
#[derive(JsonSchema)]
pub struct ProviderList {
    /// The provider of a request that names none.
    pub default: String,
    /// All of them.
    pub providers: Vec<Provider>,
    /// The aliases, each with the models that are tried in order.
    pub routes: BTreeMap<String, Vec<String>>,
}

/// A provider.
#[derive(JsonSchema)]
pub struct Provider {
    /// Its name.
    pub name: String,
    /// What it is.
    pub description: String,
    /// The language that it speaks.
    pub dialect: String,
    /// Whether its key or address is set.
    pub configured: bool,
    /// Whether its answers stream.
    pub streams: bool,
    /// The model of a request that names only the provider. Empty where there is none.
    pub default_model: String,
    /// Models that are known by name.
    pub models: Vec<String>,
    /// Whether others may be asked for, too.
    pub any_model: bool,
    /// The variable that must hold its key, if it needs one.
    pub key_variable: Option<String>,
}
