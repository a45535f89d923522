//! Use cases, over the pure core and the platform: one chat run, from the request to its last byte; a session
//! and whoever listens to it. In: attempts, commit point, time limits. Out: routes and HTTP, wire formats.

mod account;
mod attempt;
mod batch;
mod books;
mod cache;
mod collection;
mod conduct;
mod drive;
mod exchange;
mod job;
mod keyring;
mod parsed;
mod plan;
mod remote;
mod run;
mod session;
mod start;

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

use crate::assistants;
use crate::callers::Keys;
use crate::costs::Prices;
use crate::dialects::ToClient;
use crate::guard::Guardrails;
use crate::models::{ChatError, Price};
use crate::platform::{Env, Settings, Stopwatch};
use crate::providers::trail::Trail;
use crate::providers::{Catalogue, Trace};
use parsed::parsed;

pub use account::Teller;
pub use books::{APART, ROOM, account, admit, key_name, lines, settle_exchange, totals};
pub use cache::Slot;
pub use collection::{Asking, Collection, CollectionCall, ask_collection, look_up, no_collection};
pub use exchange::{Embedded, count_tokens, embed};
pub use keyring::{Keyring, ask_keyring, has_ring};
pub use remote::{
    SessionCall, ask_session, connect_session, create_session, list_collections, list_sessions, new_run_id,
    new_session_id, no_session,
};
pub use session::{CreateSession, Hall, Post, Served, SocketCall, unreadable_cursor};
pub use start::{run_into, start};

/// All that a run needs to know of where its request came from.
pub struct Ask {
    /// The client's language.
    pub dialect: &'static dyn ToClient,
    /// Whether the answer streams, or comes whole.
    pub stream: bool,
    /// The caller's own key for the provider.
    pub caller_key: Option<String>,
    /// The provider that it is for, once that is known: the first one that is asked.
    pub key_is_for: OnceCell<String>,
    /// Ids for other systems' logs.
    pub trace: Trace,
    /// Since the request's arrival.
    pub clock: Stopwatch,
    /// The moment of that, in milliseconds since 1970.
    pub arrived_ms: u64,
    /// What was tried for it.
    pub trail: Rc<RefCell<Trail>>,
    /// Fires when the client leaves.
    pub left: web_sys::AbortSignal,
    /// Who asks: whose collections may be searched, whose limits hold.
    pub owner: String,
    /// Where it came in, for the log.
    pub route: &'static str,
    /// For how many seconds the answer may be kept and given again, where the request says so.
    pub cache_ttl: Option<u64>,
    /// Whether a run tells the log of this request.
    pub is_logged: Rc<Cell<bool>>,
    /// What the client is told before the answer.
    pub preface: Vec<u8>,
    /// Whether the answer is kept: then it is bounded.
    pub kept: bool,
    /// How many frames of the answer the client had before.
    pub given: u64,
    /// The session's object that is to answer, where the request belongs to a session.
    pub session: Option<SessionCall>,
}

/// What a request is served with.
#[derive(Clone)]
pub struct House {
    /// Variables and secrets.
    pub env: Env,
    /// The operator's settings.
    pub settings: Settings,
    /// The providers.
    pub catalogue: Rc<Catalogue>,
    /// The keys that the operator has given out.
    pub keys: Rc<Keys>,
    /// What models cost.
    pub prices: Rc<Prices>,
    /// What prompts and answers must not have.
    pub guard: Rc<Guardrails>,
}

impl House {
    /// Reads the operator's variables; one that makes no sense is an error that names it.
    pub async fn open(env: Env) -> Result<Self, ChatError> {
        let settings = Settings::read(&env)?;
        let catalogue = Rc::new(Catalogue::from_vars(&|name| env.var(name))?);
        let prices = parsed(&env, "PRICES", Prices::read)?;
        let guard = parsed(&env, "GUARDRAILS", |text| Guardrails::read(text, &|name| env.var(name)))?;
        let keys = keyring::keys(&env).await?;
        Ok(House { env, settings, catalogue, keys, prices, guard })
    }

    /// What is to be done behind the request that this house was opened for.
    pub fn chores(&self) -> Option<impl Future<Output = ()> + 'static> {
        keyring::renewal(&self.env)
    }

    /// What a model's tokens cost, where that is known: the operator's word counts before the vendor's list.
    pub fn price(&self, provider: &str, model: &str) -> Option<Price> {
        self.prices.of(provider, model).or_else(|| self.catalogue.list_price(provider, model))
    }

    /// What the operator decides about assistants.
    pub fn assistants(&self) -> Result<Rc<assistants::Settings>, ChatError> {
        assistants::Settings::read(&|name| self.env.var(name)).map(Rc::new)
    }
}
