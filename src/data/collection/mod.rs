//! A collection: its documents, their pieces with the words in them, and the vectors of those.

mod pieces;
mod vectors;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{int, json, maybe_text, number, text};
use crate::models::{ChatError, ErrorKind};
use crate::platform::{Sql, SqlValue};

pub use pieces::Piece;

/// The tables of one collection. They are made with its first document.
#[derive(Clone)]
pub struct CollectionStore {
    pub(super) sql: Sql,
}

/// What is kept of a collection itself. What its vectors are made by stays as long as it has any.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CollectionRecord {
    /// The model that makes its vectors.
    pub embeddings: Option<String>,
    /// How long they are, once there is one.
    pub dimensions: usize,
    /// The store that has them; none where its own object has.
    pub store: Option<String>,
}

/// A document.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DocumentRow {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub title: Option<String>,
    /// Where it is.
    pub url: Option<String>,
    /// What its owner keeps beside it.
    pub metadata: Map<String, Value>,
    /// How many pieces it has.
    pub chunks: u64,
    /// Milliseconds since 1970.
    pub created_at: u64,
}

const TABLES: [&str; 8] = [
    "CREATE TABLE collection (one INTEGER PRIMARY KEY CHECK (one = 1), record TEXT NOT NULL)",
    "CREATE TABLE documents (id TEXT PRIMARY KEY, title TEXT, url TEXT, metadata TEXT NOT NULL, text TEXT NOT NULL,
        chunks INTEGER NOT NULL, created_at INTEGER NOT NULL)",
    // A piece's point is its id in another store.
    "CREATE TABLE pieces (row INTEGER PRIMARY KEY, document TEXT NOT NULL, at INTEGER NOT NULL, text TEXT NOT NULL,
        hash TEXT NOT NULL, point TEXT NOT NULL UNIQUE)",
    "CREATE INDEX of_document ON pieces (document, at)",
    "CREATE INDEX by_hash ON pieces (hash)",
    // The words alone: the text is in `pieces`.
    "CREATE VIRTUAL TABLE words USING fts5 (text, content = '', contentless_delete = 1,
        tokenize = 'porter unicode61 remove_diacritics 2')",
    "CREATE TABLE vectors (hash TEXT PRIMARY KEY, vector BLOB NOT NULL, sketch BLOB NOT NULL,
        is_query INTEGER NOT NULL, used_at INTEGER NOT NULL)",
    "CREATE INDEX questions ON vectors (used_at) WHERE is_query = 1",
];

/// Points that another store is still to forget.
const GONE: &str = "CREATE TABLE IF NOT EXISTS gone (point TEXT PRIMARY KEY)";

impl CollectionStore {
    /// What an object's database has of a collection.
    pub fn new(sql: Sql) -> Self {
        CollectionStore { sql }
    }

    /// The collection, if there is one.
    pub fn record(&self) -> Result<Option<CollectionRecord>, ChatError> {
        let tables = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'collection'";
        if self.sql.run(tables, Vec::new())?.is_empty() {
            return Ok(None);
        }
        let rows = self.sql.run("SELECT record FROM collection", Vec::new())?;
        let Some(record) = rows.first().map(|row| text(row.first())) else { return Ok(None) };
        let unreadable = |_| ChatError::new(ErrorKind::Internal, "the collection's record cannot be read");
        serde_json::from_value(json(&record)?).map(Some).map_err(unreadable)
    }

    /// Makes the collection.
    pub fn create(&self, record: &CollectionRecord) -> Result<(), ChatError> {
        for table in TABLES.into_iter().chain([GONE]) {
            self.sql.run(table, Vec::new())?;
        }
        self.save(record)
    }

    /// Keeps the collection's record.
    pub fn save(&self, record: &CollectionRecord) -> Result<(), ChatError> {
        let record = serde_json::to_string(record).unwrap_or_default();
        self.sql.run("INSERT OR REPLACE INTO collection (one, record) VALUES (1, ?)", vec![record.into()])?;
        Ok(())
    }

    /// How many documents and pieces there are.
    pub fn counts(&self) -> Result<(u64, u64), ChatError> {
        let rows = self.sql.run("SELECT COUNT(*), TOTAL(chunks) FROM documents", Vec::new())?;
        Ok(rows.first().map(|row| (number(row.first()), number(row.get(1)))).unwrap_or_default())
    }

    /// So many documents behind an id, by their ids.
    pub fn documents(&self, after: &str, most: u64) -> Result<Vec<DocumentRow>, ChatError> {
        let rows = self.sql.run(
            "SELECT id, title, url, metadata, chunks, created_at FROM documents WHERE id > ? ORDER BY id LIMIT ?",
            vec![after.into(), int(most)],
        )?;
        Ok(rows.iter().map(|row| read_document(row)).collect())
    }

    /// Whether there is such a document.
    pub fn has_document(&self, id: &str) -> Result<bool, ChatError> {
        Ok(!self.sql.run("SELECT 1 FROM documents WHERE id = ?", vec![id.into()])?.is_empty())
    }

    /// How many pieces documents have together.
    pub fn pieces_of(&self, ids: &[String]) -> Result<u64, ChatError> {
        let mut sum = 0u64;
        for id in ids {
            let rows = self.sql.run("SELECT chunks FROM documents WHERE id = ?", vec![id.clone().into()])?;
            sum = sum.saturating_add(rows.first().map(|row| number(row.first())).unwrap_or(0));
        }
        Ok(sum)
    }

    /// A document and its text.
    pub fn document(&self, id: &str) -> Result<Option<(DocumentRow, String)>, ChatError> {
        let rows = self.sql.run(
            "SELECT id, title, url, metadata, chunks, created_at, text FROM documents WHERE id = ?",
            vec![id.into()],
        )?;
        Ok(rows.first().map(|row| (read_document(row), text(row.get(6)))))
    }

    /// Keeps a document; its pieces have to be kept beside it.
    pub fn add_document(&self, document: &DocumentRow, body: &str) -> Result<(), ChatError> {
        let values = vec![
            document.id.clone().into(),
            document.title.clone().into(),
            document.url.clone().into(),
            Value::Object(document.metadata.clone()).to_string().into(),
            body.into(),
            int(document.chunks),
            int(document.created_at),
        ];
        self.sql.run(
            "INSERT INTO documents (id, title, url, metadata, text, chunks, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            values,
        )?;
        Ok(())
    }

    /// Points that another store is to forget: they are gone here already.
    pub fn lose(&self, points: &[String]) -> Result<(), ChatError> {
        self.sql.run(GONE, Vec::new())?;
        for point in points {
            self.sql.run("INSERT OR IGNORE INTO gone (point) VALUES (?)", vec![point.clone().into()])?;
        }
        Ok(())
    }

    /// Some of those, or fewer.
    pub fn lost(&self, most: u64) -> Result<Vec<String>, ChatError> {
        self.sql.run(GONE, Vec::new())?;
        let rows = self.sql.run("SELECT point FROM gone LIMIT ?", vec![int(most)])?;
        Ok(rows.iter().map(|row| text(row.first())).collect())
    }

    /// What is still to be done for points that are gone: where they are, and what by.
    pub fn keep_errand(&self, digest: &str, record: &CollectionRecord) -> Result<(), ChatError> {
        let table =
            "CREATE TABLE IF NOT EXISTS errand (one INTEGER PRIMARY KEY, digest TEXT NOT NULL, record TEXT NOT NULL)";
        self.sql.run(table, Vec::new())?;
        let record = serde_json::to_string(record).unwrap_or_default();
        let statement = "INSERT OR REPLACE INTO errand (one, digest, record) VALUES (1, ?, ?)";
        self.sql.run(statement, vec![digest.into(), record.into()]).map(|_| ())
    }

    /// That, once; it is kept again if it fails again.
    pub fn errand(&self) -> Result<Option<(String, CollectionRecord)>, ChatError> {
        let tables = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'errand'";
        if self.sql.run(tables, Vec::new())?.is_empty() {
            return Ok(None);
        }
        let rows = self.sql.run("DELETE FROM errand RETURNING digest, record", Vec::new())?;
        let Some(row) = rows.first() else { return Ok(None) };
        let record = serde_json::from_str(&text(row.get(1))).unwrap_or_default();
        Ok(Some((text(row.first()), record)))
    }

    /// They are forgotten, or are there again.
    pub fn settle(&self, points: &[String]) -> Result<(), ChatError> {
        self.sql.run(GONE, Vec::new())?;
        for point in points {
            self.sql.run("DELETE FROM gone WHERE point = ?", vec![point.clone().into()])?;
        }
        Ok(())
    }
}

fn read_document(row: &[SqlValue]) -> DocumentRow {
    let metadata = json(&text(row.get(3))).ok().and_then(|value| value.as_object().cloned()).unwrap_or_default();
    DocumentRow {
        id: text(row.first()),
        title: maybe_text(row.get(1)),
        url: maybe_text(row.get(2)),
        metadata,
        chunks: number(row.get(4)),
        created_at: number(row.get(5)),
    }
}

/// Values for a list of so many, and its question marks. At most 100 values a statement.
pub(super) fn list<T: Clone + Into<SqlValue>>(items: &[T]) -> (String, Vec<SqlValue>) {
    (vec!["?"; items.len()].join(", "), items.iter().cloned().map(Into::into).collect())
}
