//! Tool calls: blocks in, pieces out, in order.

use crate::models::{Event, Sink, ToolDelta, ToolKind};

/// The calls of one answer.
#[derive(Debug)]
pub struct Calls {
    run_id: String,
    ids: Vec<String>,
    /// The arguments of a call whose block is over and had no pieces. They wait for what comes next:
    /// the block may have been cut off before its first piece.
    owed: Option<(usize, Input)>,
}

/// What a call's block began with in the place of its arguments: nothing, nearly always; some servers
/// put all of them there and send no pieces.
#[derive(Debug, Default)]
pub struct Input(Option<String>);

/// The argument object that means "none".
const EMPTY: &str = "{}";

impl Input {
    pub fn new(raw: Option<&str>) -> Self {
        let object = raw.filter(|raw| raw.starts_with('{') && raw.bytes().any(|byte| byte == b'"'));
        Input(object.map(str::to_owned))
    }
}

impl Calls {
    pub fn new(run_id: String) -> Self {
        Calls { run_id, ids: Vec::new(), owed: None }
    }

    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Begins a call; gives its number.
    pub fn open(&mut self, id: Option<&str>, name: Option<&str>, out: &mut dyn Sink) -> usize {
        let at = self.ids.len();
        let id = match id {
            Some(id) if !self.ids.iter().any(|known| known == id) => id.to_owned(),
            _ => format!("call_{}_{at}", self.run_id),
        };
        self.ids.push(id);
        self.give(at, name, "", out);
        at
    }

    /// The next piece of a call's arguments.
    pub fn extend(&self, at: usize, piece: &str, out: &mut dyn Sink) {
        self.give(at, None, piece, out);
    }

    /// A call without any piece is over.
    pub fn close_bare(&mut self, at: usize, input: Input, out: &mut dyn Sink) {
        self.settle(false, out);
        self.owed = Some((at, input));
    }

    /// Gives what is owed: something follows, so that call was not cut off; or the answer is over, and
    /// then it may have been.
    pub fn settle(&mut self, cut_off: bool, out: &mut dyn Sink) {
        let Some((at, input)) = self.owed.take() else { return };
        if let Some(arguments) = input.0.as_deref().or((!cut_off).then_some(EMPTY)) {
            self.give(at, None, arguments, out);
        }
    }

    fn give(&self, at: usize, name: Option<&str>, arguments: &str, out: &mut dyn Sink) {
        let (index, id) = (u32::try_from(at).unwrap_or(u32::MAX), self.ids.get(at).map_or("", String::as_str));
        out.event(Event::Tool(ToolDelta { index, id, name, arguments, kind: ToolKind::Function }));
    }
}
