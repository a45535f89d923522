use std::collections::HashMap;

use super::super::{int, number, text};
use super::pieces::AT_ONCE;
use super::{CollectionStore, list};
use crate::models::ChatError;
use crate::platform::SqlValue;

/// Questions are asked again, but not for ever: the vectors of so many are kept, those that were made last.
const MOST_QUERIES: u64 = 1000;

impl CollectionStore {
    /// The vectors of those digests that have one.
    pub fn vectors(&self, hashes: &[String]) -> Result<HashMap<String, Vec<u8>>, ChatError> {
        let mut known = HashMap::new();
        for some in hashes.chunks(AT_ONCE) {
            let (marks, values) = list(some);
            for row in self.sql.run(&format!("SELECT hash, vector FROM vectors WHERE hash IN ({marks})"), values)? {
                let hash = text(row.first());
                if let Some(SqlValue::Blob(bytes)) = row.into_iter().nth(1) {
                    known.insert(hash, bytes);
                }
            }
        }
        Ok(known)
    }

    /// Keeps a vector, and its sketch, under the digest of what it was made of.
    pub fn keep_vector(
        &self,
        hash: &str,
        vector: Vec<u8>,
        sketch: Vec<u8>,
        is_query: bool,
        now: u64,
    ) -> Result<(), ChatError> {
        let values =
            vec![hash.into(), SqlValue::Blob(vector), SqlValue::Blob(sketch), int(u64::from(is_query)), int(now)];
        // What is asked for and also said stays as long as it is said.
        self.sql.run(
            "INSERT INTO vectors (hash, vector, sketch, is_query, used_at) VALUES (?, ?, ?, ?, ?)
             ON CONFLICT (hash) DO UPDATE SET is_query = MIN(is_query, excluded.is_query), used_at = excluded.used_at",
            values,
        )?;
        Ok(())
    }

    /// Forgets the vectors of old questions.
    pub fn forget_queries(&self) -> Result<(), ChatError> {
        self.sql.run(
            "DELETE FROM vectors WHERE is_query = 1 AND hash NOT IN
                (SELECT hash FROM vectors WHERE is_query = 1 ORDER BY used_at DESC LIMIT ?)",
            vec![int(MOST_QUERIES)],
        )?;
        Ok(())
    }

    /// So many pieces behind a row, and their sketches.
    pub fn sketches(&self, after: u64, most: u64) -> Result<Vec<(u64, Vec<u8>)>, ChatError> {
        let rows = self.sql.run(
            "SELECT p.row, v.sketch FROM pieces p JOIN vectors v ON v.hash = p.hash
             WHERE p.row > ? ORDER BY p.row LIMIT ?",
            vec![int(after), int(most)],
        )?;
        let read = |row: Vec<SqlValue>| {
            let at = number(row.first());
            match row.into_iter().nth(1) {
                Some(SqlValue::Blob(bytes)) => Some((at, bytes)),
                _ => None,
            }
        };
        Ok(rows.into_iter().filter_map(read).collect())
    }

    /// The vectors of pieces, by their rows.
    pub fn vectors_of(&self, rows: &[u64]) -> Result<Vec<(u64, Vec<u8>)>, ChatError> {
        let mut found = Vec::new();
        for some in rows.chunks(AT_ONCE) {
            let (marks, _) = list(&vec![""; some.len()]);
            let values: Vec<SqlValue> = some.iter().map(|row| int(*row)).collect();
            let statement = format!(
                "SELECT p.row, v.vector FROM pieces p JOIN vectors v ON v.hash = p.hash WHERE p.row IN ({marks})"
            );
            for row in self.sql.run(&statement, values)? {
                let at = number(row.first());
                if let Some(SqlValue::Blob(bytes)) = row.into_iter().nth(1) {
                    found.push((at, bytes));
                }
            }
        }
        Ok(found)
    }
}
