//! An account, and the runs whose cost is in it.

use super::{int, json, text};
use crate::costs::Account;
use crate::models::{ChatError, ErrorKind};
use crate::platform::Sql;

/// The tables of an account's object.
pub struct AccountStore {
    sql: Sql,
}

const TABLES: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS account (one INTEGER PRIMARY KEY CHECK (one = 1), body TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS settled (run TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID",
];

impl AccountStore {
    /// What the object's database has.
    pub fn open(sql: Sql) -> Result<Self, ChatError> {
        for table in TABLES {
            sql.run(table, Vec::new())?;
        }
        Ok(AccountStore { sql })
    }

    /// The account.
    pub fn account(&self) -> Result<Account, ChatError> {
        let rows = self.sql.run("SELECT body FROM account", Vec::new())?;
        let unreadable = |_| ChatError::new(ErrorKind::Internal, "the account cannot be read");
        match rows.first() {
            Some(row) => serde_json::from_value(json(&text(row.first()))?).map_err(unreadable),
            None => Ok(Account::default()),
        }
    }

    /// Keeps it.
    pub fn save(&self, account: &Account) -> Result<(), ChatError> {
        let body = serde_json::to_string(account).unwrap_or_default();
        self.sql.run("INSERT OR REPLACE INTO account (one, body) VALUES (1, ?)", vec![body.into()])?;
        Ok(())
    }

    /// Whether a run was settled before.
    pub fn is_settled(&self, run: &str) -> Result<bool, ChatError> {
        Ok(!self.sql.run("SELECT 1 FROM settled WHERE run = ?", vec![run.into()])?.is_empty())
    }

    /// Notes that a run was settled.
    pub fn settle(&self, run: &str, at: u64) -> Result<(), ChatError> {
        self.sql.run("INSERT OR IGNORE INTO settled (run, at) VALUES (?, ?)", vec![run.into(), int(at)])?;
        Ok(())
    }

    /// Forgets what nobody tells a second time any more.
    pub fn forget(&self, before: u64) -> Result<(), ChatError> {
        self.sql.run("DELETE FROM settled WHERE at < ?", vec![int(before)])?;
        Ok(())
    }
}
