//! What a caller has: sessions, and collections; newest first.

use super::{int, maybe_text, number, text};
use crate::models::ChatError;
use crate::platform::{Sql, SqlValue};

/// A list of one caller's.
pub struct IndexStore {
    sql: Sql,
    table: &'static str,
}

/// What a list says of one thing.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub title: Option<String>,
    /// Milliseconds since 1970.
    pub created_at: u64,
    /// The last time that it was used.
    pub updated_at: u64,
}

impl IndexStore {
    /// What an object's database has of the caller's sessions.
    pub fn sessions(sql: Sql) -> Self {
        IndexStore { sql, table: "sessions" }
    }

    /// The same, of collections; their names are their ids.
    pub fn collections(sql: Sql) -> Self {
        IndexStore { sql, table: "collections" }
    }

    /// Notes one, or what became of it.
    pub fn note(&self, entry: &Entry) -> Result<(), ChatError> {
        self.open()?;
        let values =
            vec![entry.id.clone().into(), entry.title.clone().into(), int(entry.created_at), int(entry.updated_at)];
        self.sql.run(
            &format!("INSERT OR REPLACE INTO {} (id, title, created_at, updated_at) VALUES (?, ?, ?, ?)", self.table),
            values,
        )?;
        Ok(())
    }

    /// Forgets one.
    pub fn forget(&self, id: &str) -> Result<(), ChatError> {
        self.open()?;
        self.sql.run(&format!("DELETE FROM {} WHERE id = ?", self.table), vec![id.into()])?;
        Ok(())
    }

    /// So many that come behind one in the list, or the first ones.
    pub fn page(&self, behind: Option<(u64, &str)>, most: u64) -> Result<Vec<Entry>, ChatError> {
        self.open()?;
        let (updated_at, id) = behind.map_or((i64::MAX as u64, ""), |(at, id)| (at, id));
        let rows = self.sql.run(
            &format!(
                "SELECT id, title, created_at, updated_at FROM {}
             WHERE updated_at < ?1 OR (updated_at = ?1 AND id > ?2)
             ORDER BY updated_at DESC, id LIMIT ?3",
                self.table
            ),
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
        self.sql.run(
            &format!(
                "CREATE TABLE IF NOT EXISTS {} (id TEXT PRIMARY KEY, title TEXT, created_at INTEGER NOT NULL,
                updated_at INTEGER NOT NULL)",
                self.table
            ),
            Vec::new(),
        )?;
        // The older of the two has its name since before there were two.
        let name = if self.table == "sessions" { "newest" } else { "newest_collections" };
        let index = format!("CREATE INDEX IF NOT EXISTS {name} ON {} (updated_at DESC, id)", self.table);
        self.sql.run(&index, Vec::new())?;
        Ok(())
    }
}
