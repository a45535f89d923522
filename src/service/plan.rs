//! Where a request may go, in the order in which that is tried.

use super::{Ask, House, SessionCall};
use crate::dialects::{self, ToProvider, kept};
use crate::models::{ChatError, ChatRequest, ErrorKind, Price, Quirks, Target};
use crate::platform::Binding;
use crate::providers::Provider;

/// Where an attempt goes.
pub struct Plan {
    /// `provider/model`.
    pub name: String,
    pub target: Target,
    pub dialect: &'static dyn ToProvider,
    pub via: Via,
    /// The words for a refused key.
    pub refused_key: String,
    /// The key is the caller's: what is wrong with it says nothing of the provider.
    pub callers_key: bool,
    /// What the model's tokens cost, where that is known.
    pub price: Option<Price>,
}

/// What is asked.
pub enum Via {
    /// The target's address.
    Address,
    /// The demo inside the gateway.
    Embedded,
    /// A binding of the worker's.
    Binding(Binding),
    /// Frames that were kept.
    Kept(Vec<u8>),
    /// The object of the session that the request belongs to: it asks the provider, and keeps the answer.
    Session(SessionCall),
}

/// The plans of a request: one, or those of an alias. One that cannot be asked (its key is not set) is
/// left out as long as another can.
pub fn plans(chat: &ChatRequest, ask: &Ask, house: &House) -> Result<Vec<Plan>, ChatError> {
    match &ask.session {
        Some(session) => session_plan(chat, session, house).map(|plan| vec![plan]),
        None if chat.operators_model => operators_plans(chat.model.as_deref(), ask, house),
        None => plans_for(chat.provider.as_deref(), chat.model.as_deref(), ask, house),
    }
}

/// A session's object is asked like a provider that speaks the language in which sessions are kept.
fn session_plan(chat: &ChatRequest, session: &SessionCall, house: &House) -> Result<Plan, ChatError> {
    let (provider, model) = (chat.provider.as_deref(), chat.model.as_deref());
    // Who will answer is found out there; this is whom it is said to be meanwhile.
    let provider_name = match session.replay {
        // Who answered is known, whether the catalogue still has it or not.
        Some(_) => provider.unwrap_or_default().to_owned(),
        None => {
            let named = house.catalogue.candidates(provider, model)?.into_iter().next();
            named.map(|(provider, _)| provider.name.clone()).unwrap_or_default()
        }
    };
    let asked = match (provider, model) {
        (Some(provider), Some(model)) if !model.starts_with(&format!("{provider}/")) => format!("{provider}/{model}"),
        (Some(provider), None) => format!("{provider}/"),
        (_, model) => model.unwrap_or_default().to_owned(),
    };
    Ok(Plan {
        name: "session".to_owned(),
        target: Target {
            provider: provider_name,
            base_url: "https://session".to_owned(),
            model: asked,
            key: None,
            headers: Vec::new(),
            quirks: Quirks::default(),
        },
        dialect: kept::READER,
        via: Via::Session(session.clone()),
        refused_key: String::new(),
        callers_key: false,
        // What its object says of the cost is what it is.
        price: None,
    })
}

/// The same, for any kind of request.
pub fn plans_for(
    provider: Option<&str>,
    model: Option<&str>,
    ask: &Ask,
    house: &House,
) -> Result<Vec<Plan>, ChatError> {
    let may_ask = |provider: &str, model: &str| house.keys.may_ask(&ask.owner, provider, model);
    plans_by((&may_ask, true), provider, model, ask, house)
}

/// The same of a model that the operator chose: no caller has to be allowed to ask it.
pub fn operators_plans(model: Option<&str>, ask: &Ask, house: &House) -> Result<Vec<Plan>, ChatError> {
    plans_by((&|_, _| true, false), None, model, ask, house)
}

/// Whether a provider's model may be asked.
type MayAsk<'a> = &'a dyn Fn(&str, &str) -> bool;

fn plans_by(
    (may_ask, is_callers): (MayAsk<'_>, bool),
    provider: Option<&str>,
    model: Option<&str>,
    ask: &Ask,
    house: &House,
) -> Result<Vec<Plan>, ChatError> {
    let candidates = house.catalogue.candidates(provider, model)?;
    if ask.caller_key.is_some()
        && ask.key_is_for.get().is_none()
        && candidates.iter().any(|(provider, _)| Some(&provider.name) != first_name(&candidates))
    {
        // It would be shown to providers that it is not for.
        let words = "x-provider-key cannot be used with an alias of several providers";
        return Err(ChatError::invalid("x-provider-key", words));
    }
    let (mut plans, mut missing) = (Vec::new(), None);
    for (provider, model) in candidates {
        let name = format!("{}/{model}", provider.name);
        let allowed = if may_ask(&provider.name, &model) { Ok(()) } else { Err(not_allowed(&name)) };
        let plan = allowed.and_then(|()| plan(provider, model, ask, house));
        match plan.and_then(|plan| if is_callers { within_budget(plan, ask, house) } else { Ok(plan) }) {
            Ok(plan) => plans.push(plan),
            Err(error) => {
                ask.trail.borrow_mut().failed(&name, &error, 0);
                missing.get_or_insert(error);
            }
        }
    }
    match missing {
        Some(error) if plans.is_empty() => Err(error),
        _ => Ok(plans),
    }
}

/// A budget that does not know what is spent is none. What the operator chose is not the caller's to be refused.
fn within_budget(plan: Plan, ask: &Ask, house: &House) -> Result<Plan, ChatError> {
    if plan.price.is_some() || house.keys.limits(&ask.owner).monthly_budget_usd.is_none() {
        return Ok(plan);
    }
    let name = &plan.name;
    let words =
        format!("the key has a budget, and what {name} costs is not known: the operator has to name it in PRICES");
    Err(ChatError { param: Some("model".to_owned()), ..ChatError::new(ErrorKind::PermissionDenied, words) })
}

fn not_allowed(name: &str) -> ChatError {
    let words = format!("the key that was sent may not ask {name}");
    ChatError { param: Some("model".to_owned()), ..ChatError::new(ErrorKind::PermissionDenied, words) }
}

fn first_name<'a>(candidates: &'a [(&Provider, String)]) -> Option<&'a String> {
    candidates.first().map(|(provider, _)| &provider.name)
}

fn plan(provider: &Provider, model: String, ask: &Ask, house: &House) -> Result<Plan, ChatError> {
    let dialect = dialects::to_provider(&provider.dialect)
        .ok_or_else(|| ChatError::new(ErrorKind::Internal, format!("no dialect is called {}", provider.dialect)))?;
    let name = format!("{}/{model}", provider.name);
    // An assistant may ask others, too: the operator's moderation model, a model for one action.
    let callers_key =
        ask.caller_key.clone().filter(|_| *ask.key_is_for.get_or_init(|| provider.name.clone()) == provider.name);
    let has_callers_key = callers_key.is_some();
    // What a caller's own key buys costs the operator nothing.
    let price = if has_callers_key { Some(Price::default()) } else { house.price(&provider.name, &model) };
    let target = provider.target(model, callers_key, &ask.trace, &|name| house.env.var(name))?;
    Ok(Plan {
        name,
        target,
        dialect,
        via: match provider.binding.as_deref().and_then(|name| house.env.binding(name)) {
            Some(binding) => Via::Binding(binding),
            None if provider.embedded => Via::Embedded,
            None => Via::Address,
        },
        refused_key: provider.refused_key(has_callers_key),
        callers_key: has_callers_key,
        price,
    })
}
