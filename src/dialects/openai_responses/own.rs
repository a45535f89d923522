//! What this gateway adds to items: their ids, and other dialects' state in the place of encrypted
//! reasoning. The vendor knows neither.

use serde_json::{Value, json};

use super::DIALECT;
use crate::dialects::sealed;
use crate::models::Opaque;

/// What an item of our own making is called by. Ids of runs begin with `r_`; the vendor's own ids are
/// hexadecimal behind their first underscore.
pub fn id(prefix: &str, run: &str, index: usize) -> String {
    format!("{prefix}_{run}_{index}")
}

/// What a response is called by: by its run, and by the session that keeps it, so that it is found again.
pub fn response_id(run: &str, session: Option<&str>) -> String {
    let session = session.and_then(|session| session.strip_prefix("s_"));
    session.map_or_else(|| format!("resp_{run}"), |session| format!("resp_{run}s{session}"))
}

/// The session that keeps a response of ours, and its run.
pub fn kept(id: &str) -> Option<(String, String)> {
    let (run, session) = id.strip_prefix("resp_r_")?.split_once('s')?;
    let hex = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    (hex(run) && hex(session)).then(|| (format!("s_{session}"), format!("r_{run}")))
}

/// Whether an id of an item or a response is of our making.
pub fn is_own(id: &str) -> bool {
    id.split_once('_').is_some_and(|(_, run)| run.starts_with("r_"))
}

/// State on its way through a client, and where it belongs.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// The state.
    pub opaque: Opaque,
    /// The tool call that it belongs to.
    pub call: Option<String>,
    /// Where in the message right before it it stood, in bytes of text; behind it, where nothing is said.
    pub place: Option<usize>,
}

/// The type of what tells a place, in state of this dialect.
const PLACED: &str = "placed";

impl State {
    /// As the encrypted content of a reasoning item.
    pub fn seal(self) -> String {
        let State { opaque, call, place } = self;
        match place {
            None => sealed::seal(&opaque, call.as_deref()),
            Some(place) => {
                let data = json!({"type": PLACED, "after": place, "dialect": opaque.dialect, "data": opaque.data});
                sealed::seal(&Opaque { dialect: DIALECT.to_owned(), data }, call.as_deref())
            }
        }
    }

    /// Nothing where the content is the vendor's.
    pub fn open(content: &str) -> Option<State> {
        let (opaque, call) = sealed::open(content)?;
        let Some(data) = opaque.of(DIALECT).filter(|data| data.get("type").is_some_and(|kind| kind == PLACED)) else {
            return Some(State { opaque, call, place: None });
        };
        let place = data.get("after").and_then(Value::as_u64).and_then(|place| usize::try_from(place).ok());
        let dialect = data.get("dialect")?.as_str()?.to_owned();
        let opaque = Opaque { dialect, data: data.get("data")?.clone() };
        Some(State { opaque, call, place })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_is_opened() {
        let opaque = Opaque { dialect: "gemini".to_owned(), data: json!({"thoughtSignature": "c2ln"}) };
        for (call, place) in [(None, None), (Some("c".to_owned()), None), (None, Some(7))] {
            let state = State { opaque: opaque.clone(), call, place };
            assert_eq!(State::open(&state.clone().seal()), Some(state));
        }
        assert_eq!(State::open("gAAAAABo"), None);
    }

    #[test]
    fn ids_of_our_making_are_known_again() {
        assert!(is_own(&id("fc", "r_7f3a", 2)) && is_own("resp_r_7f3a"));
        let id = response_id("r_7f3a", Some("s_0011"));
        assert_eq!((id.as_str(), is_own(&id)), ("resp_r_7f3as0011", true));
        assert_eq!(kept(&id), Some(("s_0011".to_owned(), "r_7f3a".to_owned())));
        assert_eq!((kept("resp_r_7f3a"), kept("resp_0d6ds"), kept("resp_r_s")), (None, None, None));
        assert!(!is_own("msg_0d6d0acf28b8") && !is_own("rs_") && !is_own("r_1"));
    }
}
