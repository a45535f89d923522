use std::collections::HashMap;

use super::super::{int, maybe_text, number, text};
use super::{CollectionStore, json, list};
use crate::models::{ChatError, Passage};
use crate::platform::SqlValue;

/// A piece of a document.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// Which one of its document's.
    pub at: u64,
    /// What it says.
    pub text: String,
    /// Its words as they are indexed.
    pub words: String,
    /// The digest of what its vector is made of.
    pub hash: String,
    /// Its id in another store.
    pub point: String,
}

/// A statement has at most 100 values.
pub(super) const AT_ONCE: usize = 90;

/// In a small collection a word that half of the pieces have counts for nothing, though it may be what is asked for.
const ALWAYS: usize = 10;

/// Of the best piece's score one behind those must have so much.
const LEAST_SHARE: f64 = 0.05;

impl CollectionStore {
    /// Keeps a piece. Gives the row that it has.
    pub fn add_piece(&self, document: &str, piece: &Piece) -> Result<u64, ChatError> {
        let values = vec![
            document.into(),
            int(piece.at),
            piece.text.clone().into(),
            piece.hash.clone().into(),
            piece.point.clone().into(),
        ];
        let rows = self
            .sql
            .run("INSERT INTO pieces (document, at, text, hash, point) VALUES (?, ?, ?, ?, ?) RETURNING row", values)?;
        let row = rows.first().map(|row| number(row.first())).unwrap_or_default();
        self.sql.run("INSERT INTO words (rowid, text) VALUES (?, ?)", vec![int(row), piece.words.clone().into()])?;
        Ok(row)
    }

    /// Forgets a document with all its pieces, and the vectors that nothing else has. Gives their rows and points.
    pub fn remove(&self, document: &str) -> Result<(Vec<u64>, Vec<String>), ChatError> {
        let found = self.sql.run("SELECT row, point, hash FROM pieces WHERE document = ?", vec![document.into()])?;
        self.sql.run("DELETE FROM pieces WHERE document = ?", vec![document.into()])?;
        self.sql.run("DELETE FROM documents WHERE id = ?", vec![document.into()])?;
        let (mut rows, mut points) = (Vec::new(), Vec::new());
        for row in &found {
            let (number, hash) = (number(row.first()), text(row.get(2)));
            self.sql.run("DELETE FROM words WHERE rowid = ?", vec![int(number)])?;
            // Nothing of a text that was deleted is to stay, not its vector either.
            self.sql.run(
                "DELETE FROM vectors WHERE hash = ?1 AND is_query = 0
                 AND NOT EXISTS (SELECT 1 FROM pieces WHERE hash = ?1)",
                vec![hash.into()],
            )?;
            rows.push(number);
            points.push(text(row.get(1)));
        }
        Ok((rows, points))
    }

    /// The points of all pieces.
    pub fn points(&self) -> Result<Vec<String>, ChatError> {
        let rows = self.sql.run("SELECT point FROM pieces", Vec::new())?;
        Ok(rows.iter().map(|row| text(row.first())).collect())
    }

    /// The rows of pieces that have words, best first. Behind the first few, what has only words that nearly all
    /// have is left out.
    pub fn with_words(&self, query: &str, most: u64) -> Result<Vec<u64>, ChatError> {
        let statement = "SELECT rowid, rank FROM words WHERE words MATCH ? ORDER BY rank LIMIT ?";
        let rows = self.sql.run(statement, vec![query.into(), int(most)])?;
        let score = |row: &[SqlValue]| match row.get(1) {
            // The best is the lowest: they are negative.
            Some(SqlValue::Float(rank)) => -rank,
            _ => 0.0,
        };
        let least = rows.first().map(|best| score(best) * LEAST_SHARE).unwrap_or_default();
        let kept = rows.iter().enumerate().filter(|(at, row)| *at < ALWAYS || score(row) >= least);
        Ok(kept.map(|(_, row)| number(row.first())).collect())
    }

    /// The rows of points, in their order; one that is not known is none of ours.
    pub fn rows_of(&self, points: &[String]) -> Result<Vec<u64>, ChatError> {
        let known = self.known(points)?;
        Ok(points.iter().filter_map(|point| known.get(point).copied()).collect())
    }

    /// The points that no piece has.
    pub fn unknown(&self, points: &[String]) -> Result<Vec<String>, ChatError> {
        let known = self.known(points)?;
        Ok(points.iter().filter(|point| !known.contains_key(*point)).cloned().collect())
    }

    fn known(&self, points: &[String]) -> Result<HashMap<String, u64>, ChatError> {
        let mut known = HashMap::new();
        for some in points.chunks(AT_ONCE) {
            let (marks, values) = list(some);
            for row in self.sql.run(&format!("SELECT point, row FROM pieces WHERE point IN ({marks})"), values)? {
                known.insert(text(row.first()), number(row.get(1)));
            }
        }
        Ok(known)
    }

    /// The pieces of rows, each with its row.
    pub fn passages(&self, rows: &[u64]) -> Result<Vec<(u64, Passage)>, ChatError> {
        let mut passages = Vec::new();
        for some in rows.chunks(AT_ONCE) {
            let (marks, _) = list(&vec![""; some.len()]);
            let values: Vec<SqlValue> = some.iter().map(|row| int(*row)).collect();
            let statement = format!(
                "SELECT p.row, p.document, p.at, p.text, d.title, d.url, d.metadata FROM pieces p
                 JOIN documents d ON d.id = p.document WHERE p.row IN ({marks})"
            );
            for row in self.sql.run(&statement, values)? {
                let metadata = json(&text(row.get(6))).ok().and_then(|value| value.as_object().cloned());
                let passage = Passage {
                    document: text(row.get(1)),
                    chunk: number(row.get(2)),
                    text: text(row.get(3)),
                    title: maybe_text(row.get(4)),
                    url: maybe_text(row.get(5)),
                    metadata: metadata.unwrap_or_default(),
                    ..Passage::default()
                };
                passages.push((number(row.first()), passage));
            }
        }
        Ok(passages)
    }
}
