//! The key ring.

use super::{number, text};
use crate::callers::{Ring, RingKey};
use crate::models::{ChatError, ErrorKind};
use crate::platform::Sql;

/// The tables of the key ring's object.
pub struct RingStore {
    sql: Sql,
}

const TABLES: [&str; 3] = [
    "CREATE TABLE IF NOT EXISTS ring (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS keys (name TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS revoked (digest TEXT PRIMARY KEY, name TEXT NOT NULL) WITHOUT ROWID",
];

impl RingStore {
    /// What the object's database has.
    pub fn open(sql: Sql) -> Result<Self, ChatError> {
        for table in TABLES {
            sql.run(table, Vec::new())?;
        }
        Ok(RingStore { sql })
    }

    /// All of it.
    pub fn ring(&self) -> Result<Ring, ChatError> {
        let unreadable = |_| ChatError::new(ErrorKind::Internal, "the key ring cannot be read");
        let keys = self.sql.run("SELECT name, body FROM keys", Vec::new())?;
        let revoked = self.sql.run("SELECT digest, name FROM revoked", Vec::new())?;
        let read = |row: &Vec<_>| Ok((text(row.first()), serde_json::from_str(&text(row.get(1))).map_err(unreadable)?));
        Ok(Ring {
            version: self.version()?,
            keys: keys.iter().map(read).collect::<Result<_, ChatError>>()?,
            revoked: revoked.iter().map(|row| (text(row.first()), text(row.get(1)))).collect(),
        })
    }

    /// Rises with every change.
    pub fn version(&self) -> Result<u64, ChatError> {
        let rows = self.sql.run("SELECT version FROM ring", Vec::new())?;
        Ok(rows.first().map(|row| number(row.first())).unwrap_or(0))
    }

    /// Keeps a key.
    pub fn put(&self, name: &str, key: &RingKey) -> Result<(), ChatError> {
        let body = serde_json::to_string(key).unwrap_or_default();
        self.sql.run("INSERT OR REPLACE INTO keys (name, body) VALUES (?, ?)", vec![name.into(), body.into()])?;
        self.changed()
    }

    /// Forgets a key.
    pub fn remove(&self, name: &str) -> Result<(), ChatError> {
        self.sql.run("DELETE FROM keys WHERE name = ?", vec![name.into()])?;
        self.changed()
    }

    /// Takes back a key that is not from here.
    pub fn revoke(&self, digest: &str, name: &str) -> Result<(), ChatError> {
        self.sql
            .run("INSERT OR REPLACE INTO revoked (digest, name) VALUES (?, ?)", vec![digest.into(), name.into()])?;
        self.changed()
    }

    fn changed(&self) -> Result<(), ChatError> {
        let next =
            "INSERT INTO ring (one, version) VALUES (1, 1) ON CONFLICT (one) DO UPDATE SET version = version + 1";
        self.sql.run(next, Vec::new())?;
        Ok(())
    }
}
