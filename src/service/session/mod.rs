//! One session, in its own object: its runs, whoever listens to them, and what is kept.
//!
//! The hall knows who is there; `session` (the pure room) knows what is to be done, and `data` keeps it. A run
//! is driven here like any other, only that its frames go into the log, and from there to whoever listens.

mod ask;
mod begin;
mod listen;
mod log;
mod over;
mod post;
mod socket;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use futures_util::future::AbortHandle;
use serde_json::{Map, Value};

use super::remote::no_session;
use super::run::Run;
use crate::callers::Caller;
use crate::data::SessionStore;
use crate::models::{ChatError, OnDisconnect};
use crate::platform::{Bell, Env, Home};
use crate::session::{Desk, Log, SessionRecord};

pub use ask::CreateSession;
pub use listen::Listening;
pub use post::{Post, Served};
pub use socket::{SocketCall, unreadable_cursor};

/// A session's object. Nothing in it is borrowed across an await.
pub struct Hall {
    home: Rc<Home>,
    env: Env,
    store: SessionStore,
    desk: RefCell<Desk>,
    /// The runs that are under way or wait, by their ids.
    going: RefCell<HashMap<String, Rc<Going>>>,
    listeners: RefCell<Vec<Rc<listen::Listener>>>,
    /// The sockets of this object that have said something since it woke, by their tags.
    sockets: RefCell<HashMap<String, Rc<socket::Guest>>>,
    /// What was live when the object was stopped has been seen to.
    is_awake: Cell<bool>,
    /// It has been deleted: what is still on its way must not bring it back into a list.
    is_deleted: Cell<bool>,
}

/// A run under way.
pub struct Going {
    id: String,
    on_disconnect: OnDisconnect,
    /// The key under which it was asked for, and the digest of what was asked.
    key: Option<(String, String)>,
    /// It is its turn.
    turn: Bell<()>,
    /// Whether it is answered by a stream, or failed before that.
    verdict: Bell<Result<(), ChatError>>,
    /// It has ended, and all of it is kept.
    over: Bell<()>,
    run: RefCell<Option<(Rc<Run>, AbortHandle)>>,
    log: RefCell<Log>,
    /// A timer for the open frames is set.
    is_timed: Cell<bool>,
}

impl Hall {
    /// The object, just constructed or just woken.
    pub fn new(home: Home, env: Env) -> Rc<Self> {
        let store = SessionStore::new(home.sql());
        Rc::new(Hall {
            home: Rc::new(home),
            env,
            store,
            desk: RefCell::default(),
            going: RefCell::default(),
            listeners: RefCell::default(),
            sockets: RefCell::default(),
            is_awake: Cell::new(false),
            is_deleted: Cell::new(false),
        })
    }

    /// The session, if it is this caller's. What was interrupted while nobody looked is seen to first.
    pub fn open(self: &Rc<Self>, owner: &str) -> Result<SessionRecord, ChatError> {
        let record = self.store.session()?.filter(|record| is_owner(&record.owner, owner)).ok_or_else(no_session)?;
        self.wake()?;
        // An interrupted run may have changed it.
        Ok(self.store.session()?.unwrap_or(record))
    }

    /// The session, for the object itself.
    fn record(&self) -> Result<SessionRecord, ChatError> {
        self.store.session()?.ok_or_else(no_session)
    }

    fn going(&self, run: &str) -> Option<Rc<Going>> {
        self.going.borrow().get(run).cloned()
    }

    fn live(&self) -> Option<Rc<Going>> {
        let live = self.desk.borrow().live().map(str::to_owned);
        live.and_then(|run| self.going(&run))
    }
}

/// A session that was made by anybody belongs to whoever knows its id; but not to one who should have a key.
fn is_owner(owner: &str, caller: &str) -> bool {
    owner == caller || (owner == Caller::Anybody.owner() && caller != Caller::Nobody.owner())
}

/// A request's fields, over what the session has for all its requests.
fn with_defaults(defaults: &Map<String, Value>, request: &Map<String, Value>) -> Map<String, Value> {
    let mut all = defaults.clone();
    // A provider and a model belong together: who names one of them does not mean the other one's.
    if ["provider", "model"].iter().any(|name| request.contains_key(*name)) {
        all.shift_remove("provider");
        all.shift_remove("model");
    }
    all.extend(request.iter().map(|(name, value)| (name.clone(), value.clone())));
    all
}
