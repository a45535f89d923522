//! Names to providers, from the built-in list and the operator's variables.

use serde::Deserialize;

use super::prices::{Listed, listed};
use super::routes::Routes;
use super::{Vars, anthropic, demo, gemini, ollama, openai, openai_responses, together, workers_ai};
use crate::dialects;
use crate::models::{ChatError, ErrorKind, ModelRule, Price, Quirks, Secret, Target, check_address};

/// One provider: a dialect plus data.
#[derive(Clone, Debug, Default)]
pub struct Provider {
    /// Its name in requests.
    pub name: String,
    /// One line for people.
    pub description: String,
    /// The dialect it speaks.
    pub dialect: String,
    /// The API's root.
    pub base_url: String,
    /// The variable that holds its key; none where it needs no key.
    pub key_variable: Option<String>,
    /// Whether it can be asked without that key.
    pub key_optional: bool,
    /// The binding that it is reached through, instead of an address and a key.
    pub binding: Option<String>,
    /// The variable that sets its address, where that is not its own name's.
    pub address_variable: Option<String>,
    /// Whether the operator set anything of it: a key, an address, or all of it.
    pub chosen: bool,
    /// The variable that lists its models.
    pub models_variable: Option<String>,
    /// The model of a request that names none.
    pub default_model: String,
    /// Which models may be asked for.
    pub models: Models,
    /// How the names of its models start, for requests that name only a model.
    pub known_prefixes: &'static [&'static str],
    /// Headers that the operator wants on every call.
    pub headers: Vec<(String, String)>,
    /// Whether the request's id goes with every call.
    pub forwards_trace: bool,
    /// What its vendor asks for its models, as far as that is listed.
    pub prices: &'static [Listed],
    /// Whether it is the script inside the gateway.
    pub embedded: bool,
    /// How it differs from its dialect.
    pub quirks: Quirks,
}

/// Which models may be asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Models {
    /// Any; these are worth naming.
    Open(Vec<String>),
    /// Only these.
    Closed(Vec<String>),
}

impl Default for Models {
    fn default() -> Self {
        Models::Open(Vec::new())
    }
}

impl Models {
    /// The names.
    pub fn names(&self) -> &[String] {
        match self {
            Models::Open(names) | Models::Closed(names) => names,
        }
    }

    /// Whether a model may be asked for.
    pub fn allows(&self, model: &str) -> bool {
        matches!(self, Models::Open(_)) || self.names().iter().any(|name| name == model)
    }
}

/// What identifies a request in other systems' logs.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// Our own id for the request.
    pub request_id: String,
    /// W3C trace context, where the client sent one.
    pub traceparent: Option<String>,
}

/// All providers, and which one a request means.
#[derive(Clone, Debug)]
pub struct Catalogue {
    providers: Vec<Provider>,
    routes: Routes,
    default: String,
}

impl Catalogue {
    /// The built-in providers and the operator's.
    pub fn from_vars(vars: Vars<'_>) -> Result<Self, ChatError> {
        let mut providers = vec![
            openai::provider(),
            openai_responses::provider(),
            anthropic::provider(),
            gemini::provider(),
            together::provider(),
            ollama::provider(),
            workers_ai::provider(),
            demo::provider(),
        ];
        for provider in &mut providers {
            adapt(provider, vars)?;
        }
        for provider in configured(vars)? {
            if providers.iter().any(|known| known.name == provider.name) {
                return Err(misconfigured(format!(
                    "PROVIDERS names {} twice, or like a built-in provider",
                    provider.name
                )));
            }
            providers.push(provider);
        }
        let default = default_provider(&providers, vars)?;
        let catalogue = Catalogue { providers, default, routes: Routes::from_vars(vars)? };
        catalogue.check_routes()?;
        Ok(catalogue)
    }

    /// All providers, in the order of their listing.
    pub fn providers(&self) -> &[Provider] {
        &self.providers
    }

    /// The provider of a request that names neither provider nor model.
    pub fn default_name(&self) -> &str {
        &self.default
    }

    /// The aliases, each with its models.
    pub fn routes(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.routes.iter()
    }

    /// The providers and models that a request means, in the order in which they are to be tried: one,
    /// or those behind an alias.
    pub fn candidates(
        &self,
        provider: Option<&str>,
        model: Option<&str>,
    ) -> Result<Vec<(&Provider, String)>, ChatError> {
        let named = provider.is_some_and(|name| !name.is_empty());
        match model.filter(|_| !named).and_then(|model| self.routes.models(model)) {
            Some(models) => models.iter().map(|model| self.resolve(None, Some(model))).collect(),
            None => Ok(vec![self.resolve(provider, model)?]),
        }
    }

    /// An alias that leads nowhere is the operator's mistake, and nobody else should find it.
    fn check_routes(&self) -> Result<(), ChatError> {
        for (alias, model) in
            self.routes.iter().flat_map(|(alias, models)| models.iter().map(move |model| (alias, model)))
        {
            let provider = model.split_once('/').and_then(|(name, _)| self.find(name));
            let Some(provider) = provider else {
                return Err(misconfigured(format!(
                    "ROUTES: {alias} has {model}, which does not begin with a provider's name"
                )));
            };
            self.resolve(Some(&provider.name), Some(model))
                .map_err(|error| misconfigured(format!("ROUTES: {alias}: {}", error.message)))?;
        }
        Ok(())
    }

    /// The provider and model that a request means.
    ///
    /// `provider/model` counts where the part before the slash is a provider's name; model names
    /// have slashes of their own. A bare model goes to the provider that knows such names.
    pub fn resolve(&self, provider: Option<&str>, model: Option<&str>) -> Result<(&Provider, String), ChatError> {
        let provider = provider.filter(|name| !name.is_empty());
        let model = model.filter(|name| !name.is_empty());
        if let Some(name) = provider {
            let provider = self.named(name)?;
            let prefix = format!("{name}/");
            let own = model.map(|model| model.strip_prefix(&prefix).unwrap_or(model)).filter(|own| !own.is_empty());
            return pick(provider, own);
        }
        let Some(model) = model else { return pick(self.named(&self.default)?, None) };
        if let Some((name, rest)) = model.split_once('/')
            && let Some(provider) = self.find(name)
        {
            return pick(provider, Some(rest).filter(|rest| !rest.is_empty()));
        }
        let knows = |provider: &&Provider| provider.models.names().iter().any(|name| name == model);
        let like = |provider: &&Provider| provider.known_prefixes.iter().any(|prefix| model.starts_with(prefix));
        match self.providers.iter().find(knows).or_else(|| self.providers.iter().find(like)) {
            Some(provider) => pick(provider, Some(model)),
            None => Err(ChatError {
                kind: ErrorKind::ModelNotSupported,
                ..ChatError::invalid(
                    "model",
                    format!("no provider is known for the model {model}; name it as provider/model"),
                )
            }),
        }
    }

    fn named(&self, name: &str) -> Result<&Provider, ChatError> {
        self.find(name).ok_or_else(|| {
            let names: Vec<_> = self.providers.iter().map(|provider| provider.name.as_str()).collect();
            ChatError {
                kind: ErrorKind::UnknownProvider,
                ..ChatError::invalid("provider", format!("provider {name} is not one of {}", names.join(", ")))
            }
        })
    }

    /// What a provider's vendor asks for a model, where that is listed.
    pub fn list_price(&self, provider: &str, model: &str) -> Option<Price> {
        listed(self.find(provider)?.prices, model)
    }

    fn find(&self, name: &str) -> Option<&Provider> {
        self.providers.iter().find(|provider| provider.name == name)
    }
}

impl Provider {
    /// Whether the operator has made it ready: its key is set; or it needs none, and where a key is
    /// optional, at least its address was chosen.
    pub fn is_configured(&self, vars: Vars<'_>) -> bool {
        if let Some(binding) = &self.binding {
            return is_set(vars, binding);
        }
        if self.key_optional {
            return self.chosen;
        }
        self.key_variable.as_ref().is_none_or(|name| is_set(vars, name))
    }

    /// Where a request goes, with the caller's key or the operator's.
    pub fn target(
        &self,
        model: String,
        caller_key: Option<String>,
        trace: &Trace,
        vars: Vars<'_>,
    ) -> Result<Target, ChatError> {
        if let Some(binding) = self.binding.as_deref().filter(|name| !is_set(vars, name)) {
            return Err(self.missing_binding(binding));
        }
        let mut headers = self.headers.clone();
        if self.forwards_trace {
            headers.push(("x-request-id".to_owned(), trace.request_id.clone()));
        }
        // It says nothing but which trace it is.
        headers.extend(trace.traceparent.iter().map(|trace| ("traceparent".to_owned(), trace.clone())));
        Ok(Target {
            provider: self.name.clone(),
            base_url: self.base_url.clone(),
            model,
            key: self.key(caller_key, vars)?,
            headers,
            quirks: self.quirks.clone(),
        })
    }

    fn key(&self, caller_key: Option<String>, vars: Vars<'_>) -> Result<Option<Secret>, ChatError> {
        let Some(variable) = &self.key_variable else { return Ok(caller_key.map(Secret::new)) };
        let key = caller_key.or_else(|| vars(variable)).map(|key| key.trim().to_owned()).filter(|key| !key.is_empty());
        match key {
            Some(key) => Ok(Some(Secret::new(key))),
            None if self.key_optional => Ok(None),
            None => Err(self.missing_key()),
        }
    }

    fn missing_binding(&self, binding: &str) -> ChatError {
        let words =
            format!("{} needs the binding {binding}: add `[ai] binding = \"{binding}\"` to wrangler.toml", self.name);
        ChatError::new(ErrorKind::ProviderAuth, words).from_provider(&self.name)
    }

    fn missing_key(&self) -> ChatError {
        let variable = self.key_variable.as_deref().unwrap_or_default();
        let words = format!("no key for {}: set {variable}, or send one as x-provider-key", self.name);
        ChatError::new(ErrorKind::ProviderAuth, words).from_provider(&self.name)
    }

    /// A refused key in words that say what to do and quote nothing.
    pub fn refused_key(&self, from_caller: bool) -> String {
        match &self.key_variable {
            _ if from_caller => format!("{} refused the key that was sent as x-provider-key", self.name),
            Some(variable) if self.key_optional => {
                format!("{} asks for a key, or refused the one in {variable}", self.name)
            }
            Some(variable) => format!("{} refused the key in {variable}", self.name),
            None => format!("{} asks for a key", self.name),
        }
    }
}

fn pick<'a>(provider: &'a Provider, model: Option<&str>) -> Result<(&'a Provider, String), ChatError> {
    let model = model.unwrap_or(&provider.default_model);
    if model.is_empty() {
        return Err(ChatError::invalid(
            "model",
            format!("model is required: {} has no default model set", provider.name),
        ));
    }
    if !provider.models.allows(model) {
        let words =
            format!("{} does not serve {model}; it serves {}", provider.name, provider.models.names().join(", "));
        let error = ChatError { kind: ErrorKind::ModelNotSupported, ..ChatError::invalid("model", words) };
        return Err(error.from_provider(&provider.name));
    }
    Ok((provider, model.to_owned()))
}

/// The operator's address, models and default model for a built-in provider.
fn adapt(provider: &mut Provider, vars: Vars<'_>) -> Result<(), ChatError> {
    let upper = provider.name.to_ascii_uppercase().replace('-', "_");
    let needs = provider.key_variable.as_ref().or(provider.binding.as_ref());
    provider.chosen = needs.is_some_and(|name| is_set(vars, name));
    let variable = provider.address_variable.clone().unwrap_or_else(|| format!("{upper}_BASE_URL"));
    if let Some(address) = vars(&variable).filter(|_| !provider.embedded && provider.binding.is_none()) {
        provider.base_url = check_address(&variable, &address)?;
        provider.chosen = true;
        // Behind another address may be anything.
        provider.models = Models::Open(provider.models.names().to_vec());
    }
    if let Some(model) = vars(&format!("{upper}_DEFAULT_MODEL")).filter(|_| !provider.embedded) {
        provider.default_model = model.trim().to_owned();
    }
    if let Some(version) = vars(&format!("{upper}_VERSION")).filter(|_| provider.quirks.api_version.is_some()) {
        provider.quirks.api_version = Some(version.trim().to_owned());
    }
    if let Some(list) = provider.models_variable.as_ref().and_then(|name| vars(name)) {
        let names: Vec<_> =
            list.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect();
        if let Some(first) = names.first() {
            provider.default_model.clone_from(first);
            provider.models = Models::Closed(names);
        }
    }
    Ok(())
}

/// One provider of the operator's, as it stands in `PROVIDERS`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Configured {
    name: String,
    #[serde(default = "default_dialect")]
    dialect: String,
    base_url: String,
    /// The name of the variable that holds the key.
    key: Option<String>,
    default_model: Option<String>,
    models: Option<Vec<String>>,
    #[serde(default)]
    headers: std::collections::BTreeMap<String, String>,
    #[serde(default)]
    quirks: Quirks,
}

fn default_dialect() -> String {
    "openai-chat".to_owned()
}

fn configured(vars: Vars<'_>) -> Result<Vec<Provider>, ChatError> {
    let Some(json) = vars("PROVIDERS").filter(|json| !json.trim().is_empty()) else { return Ok(Vec::new()) };
    let list: Vec<Configured> = serde_json::from_str(&json)
        .map_err(|error| misconfigured(format!("PROVIDERS is not as it should be: {error}")))?;
    list.into_iter().map(Configured::into_provider).collect()
}

impl Configured {
    fn into_provider(self) -> Result<Provider, ChatError> {
        let name = self.name;
        if name.is_empty()
            || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        {
            return Err(misconfigured(
                "PROVIDERS: a name is of letters, digits, dots, dashes and underscores".to_owned(),
            ));
        }
        if dialects::to_provider(&self.dialect).is_none() {
            return Err(misconfigured(format!("PROVIDERS: {name} speaks {}, which is no known dialect", self.dialect)));
        }
        let models = self.models.unwrap_or_default();
        let first = models.first().cloned();
        Ok(Provider {
            base_url: check_address(&format!("PROVIDERS: the base_url of {name}"), &self.base_url)?,
            description: format!("{name}, configured"),
            chosen: true,
            key_variable: self.key,
            default_model: self.default_model.or(first).unwrap_or_default(),
            models: if models.is_empty() { Models::Open(models) } else { Models::Closed(models) },
            headers: self.headers.into_iter().collect(),
            quirks: Quirks { rules: rules(&self.dialect), ..self.quirks },
            dialect: self.dialect,
            name,
            ..Provider::default()
        })
    }
}

/// What the models of a dialect's vendor take: another server of that dialect serves them, too. Chat
/// Completions is spoken by too many for that.
fn rules(dialect: &str) -> &'static [ModelRule] {
    match dialect {
        "openai-responses" => &openai::RULES,
        "anthropic" => &anthropic::RULES,
        "gemini" => &gemini::RULES,
        "workers-ai" => &workers_ai::RULES,
        _ => &[],
    }
}

/// The operator's choice, else the first provider with a key, else the demo.
fn default_provider(providers: &[Provider], vars: Vars<'_>) -> Result<String, ChatError> {
    if let Some(name) = vars("DEFAULT_PROVIDER").filter(|name| !name.trim().is_empty()) {
        let name = name.trim();
        return match providers.iter().any(|provider| provider.name == name) {
            true => Ok(name.to_owned()),
            false => Err(misconfigured(format!("DEFAULT_PROVIDER is {name}, which is no provider"))),
        };
    }
    let ready = |provider: &&Provider| provider.chosen && provider.is_configured(vars);
    let demo = |provider: &&Provider| provider.embedded;
    Ok(providers
        .iter()
        .find(ready)
        .or(providers.iter().find(demo))
        .map(|provider| provider.name.clone())
        .unwrap_or_default())
}

fn is_set(vars: Vars<'_>, name: &str) -> bool {
    vars(name).is_some_and(|value| !value.trim().is_empty())
}

/// A fault in the operator's variables.
pub fn misconfigured(message: String) -> ChatError {
    ChatError::new(ErrorKind::Internal, message)
}
