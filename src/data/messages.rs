//! The messages of a session's runs, in order: what was asked, and last what was answered.

use serde_json::Value;

use super::{SessionStore, int, json, number, text};
use crate::models::ChatError;

/// A row holds 2 MB; this leaves room for its other columns. Cut between characters.
const PIECE: usize = 1 << 20;

impl SessionStore {
    /// Keeps a message of a run, behind those before it.
    pub fn add_message(&self, run: &str, message: &Value) -> Result<(), ChatError> {
        let rows = self.sql.run("SELECT COUNT(DISTINCT at) FROM messages WHERE run = ?", vec![run.into()])?;
        let at = rows.first().map(|row| number(row.first())).unwrap_or(0);
        let body = message.to_string();
        let mut rest = body.as_str();
        let mut piece = 0u64;
        while !rest.is_empty() {
            let (head, tail) = rest.split_at_checked(rest.floor_char_boundary(PIECE)).unwrap_or((rest, ""));
            let values = vec![run.into(), int(at), int(piece), head.into()];
            self.sql.run("INSERT INTO messages (run, at, piece, body) VALUES (?, ?, ?, ?)", values)?;
            piece = piece.saturating_add(1);
            rest = tail;
        }
        Ok(())
    }

    /// The messages of a run.
    pub fn messages(&self, run: &str) -> Result<Vec<Value>, ChatError> {
        let rows = self.sql.run("SELECT at, body FROM messages WHERE run = ? ORDER BY at, piece", vec![run.into()])?;
        let mut bodies: Vec<(u64, String)> = Vec::new();
        for row in rows {
            let (at, piece) = (number(row.first()), text(row.get(1)));
            match bodies.last_mut().filter(|(last, _)| *last == at) {
                Some((_, body)) => body.push_str(&piece),
                None => bodies.push((at, piece)),
            }
        }
        bodies.iter().map(|(_, body)| json(body)).collect()
    }
}
