//! A caller's sessions, newest first.

use super::{int, maybe_text, number, text};
use crate::models::ChatError;
use crate::platform::{Sql, SqlValue};

/// The list of one caller.
pub struct IndexStore(Sql);

/// What a list says of a session.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The session's id.
    pub id: String,
    /// What it is called.
    pub title: Option<String>,
    /// Milliseconds since 1970.
    pub created_at: u64,
    /// The last time that it was used.
    pub updated_at: u64,
}

impl IndexStore {
    /// What an object's database has of a list.
    pub fn new(sql: Sql) -> Self {
        IndexStore(sql)
    }

    /// Notes a session, or what became of it.
    pub fn note(&self, entry: &Entry) -> Result<(), ChatError> {
        self.open()?;
        let values =
            vec![entry.id.clone().into(), entry.title.clone().into(), int(entry.created_at), int(entry.updated_at)];
        self.0
            .run("INSERT OR REPLACE INTO sessions (id, title, created_at, updated_at) VALUES (?, ?, ?, ?)", values)?;
        Ok(())
    }

    /// Forgets a session.
    pub fn forget(&self, id: &str) -> Result<(), ChatError> {
        self.open()?;
        self.0.run("DELETE FROM sessions WHERE id = ?", vec![id.into()])?;
        Ok(())
    }

    /// So many sessions that come behind one in the list, or the first ones.
    pub fn page(&self, behind: Option<(u64, &str)>, most: u64) -> Result<Vec<Entry>, ChatError> {
        self.open()?;
        let (updated_at, id) = behind.map_or((i64::MAX as u64, ""), |(at, id)| (at, id));
        let rows = self.0.run(
            "SELECT id, title, created_at, updated_at FROM sessions
             WHERE updated_at < ?1 OR (updated_at = ?1 AND id > ?2)
             ORDER BY updated_at DESC, id LIMIT ?3",
            vec![SqlValue::Float(updated_at as f64), id.into(), int(most)],
        )?;
        let entry = |row: &Vec<SqlValue>| Entry {
            id: text(row.first()),
            title: maybe_text(row.get(1)),
            created_at: number(row.get(2)),
            updated_at: number(row.get(3)),
        };
        Ok(rows.iter().map(entry).collect())
    }

    fn open(&self) -> Result<(), ChatError> {
        self.0.run(
            "CREATE TABLE IF NOT EXISTS sessions (id TEXT PRIMARY KEY, title TEXT, created_at INTEGER NOT NULL,
                updated_at INTEGER NOT NULL)",
            Vec::new(),
        )?;
        self.0.run("CREATE INDEX IF NOT EXISTS newest ON sessions (updated_at DESC, id)", Vec::new())?;
        Ok(())
    }
}
