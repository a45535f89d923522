//! Answers that are kept for one key, to be given again.

use super::{int, maybe_number, number};
use crate::models::ChatError;
use crate::platform::{Sql, SqlValue};

/// The table of a cache's object.
pub struct CacheStore {
    sql: Sql,
}

/// All that is kept in one object: sixteen such objects are a gigabyte for a key.
const MOST: u64 = 64 << 20;

impl CacheStore {
    /// What the object's database has.
    pub fn open(sql: Sql) -> Result<Self, ChatError> {
        let table = "CREATE TABLE IF NOT EXISTS answers (digest TEXT PRIMARY KEY, kept INTEGER NOT NULL,
            expires INTEGER NOT NULL, size INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID";
        sql.run(table, Vec::new())?;
        Ok(CacheStore { sql })
    }

    /// An answer that is still good.
    pub fn find(&self, digest: &str, now: u64) -> Result<Option<Vec<u8>>, ChatError> {
        let rows =
            self.sql.run("SELECT body FROM answers WHERE digest = ? AND expires > ?", vec![digest.into(), int(now)])?;
        Ok(rows
            .into_iter()
            .flatten()
            .find_map(|value| if let SqlValue::Blob(bytes) = value { Some(bytes) } else { None }))
    }

    /// Keeps an answer. Where there is no room, the oldest ones go.
    pub fn keep(&self, digest: &str, body: &[u8], ttl_ms: u64, now: u64) -> Result<(), ChatError> {
        self.forget(now)?;
        let values = vec![digest.into(), int(now), int(now.saturating_add(ttl_ms)), int(body.len() as u64)];
        let insert = "INSERT OR REPLACE INTO answers (digest, kept, expires, size, body) VALUES (?, ?, ?, ?, ?)";
        self.sql.keep(insert, values, body)?;
        while self.size()? > MOST {
            let oldest = "DELETE FROM answers WHERE digest IN (SELECT digest FROM answers ORDER BY kept LIMIT 8)";
            self.sql.run(oldest, Vec::new())?;
        }
        Ok(())
    }

    /// Forgets what is not good any more. Gives the moment when the next one is not.
    pub fn forget(&self, now: u64) -> Result<Option<u64>, ChatError> {
        self.sql.run("DELETE FROM answers WHERE expires <= ?", vec![int(now)])?;
        let rows = self.sql.run("SELECT MIN(expires) FROM answers", Vec::new())?;
        Ok(rows.first().and_then(|row| maybe_number(row.first())))
    }

    fn size(&self) -> Result<u64, ChatError> {
        let rows = self.sql.run("SELECT SUM(size) FROM answers", Vec::new())?;
        Ok(rows.first().map(|row| number(row.first())).unwrap_or(0))
    }
}
