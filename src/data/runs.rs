//! A session: the record of itself, its runs, and their frames.

use std::collections::HashMap;

use super::{int, json, maybe_number, maybe_text, number, text};
use crate::models::{ChatError, ErrorKind};
use crate::platform::{Sql, SqlValue};
use crate::session::{Keyed, Row, RunRecord, SessionRecord, Status};

/// The tables of one session. They are made with the session, and not before: an id that somebody made up
/// leaves nothing behind.
#[derive(Clone)]
pub struct SessionStore {
    pub(super) sql: Sql,
}

const TABLES: [&str; 4] = [
    "CREATE TABLE session (one INTEGER PRIMARY KEY CHECK (one = 1), record TEXT NOT NULL)",
    "CREATE TABLE runs (id TEXT PRIMARY KEY, parent TEXT, status TEXT NOT NULL, key TEXT UNIQUE, digest TEXT NOT NULL,
        started_at INTEGER NOT NULL, ended_at INTEGER, last INTEGER NOT NULL DEFAULT 0,
        reaped INTEGER NOT NULL DEFAULT 0, input_bytes INTEGER NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL,
        asked TEXT, hidden INTEGER NOT NULL DEFAULT 0)",
    // A message may be larger than a row: it is kept in pieces.
    "CREATE TABLE messages (run TEXT NOT NULL, at INTEGER NOT NULL, piece INTEGER NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (run, at, piece)) WITHOUT ROWID",
    "CREATE TABLE frames (run TEXT NOT NULL, last INTEGER NOT NULL, first INTEGER NOT NULL, bytes BLOB NOT NULL,
        PRIMARY KEY (run, last)) WITHOUT ROWID",
];

const COLUMNS: &str =
    "id, parent, status, key, digest, started_at, ended_at, last, reaped, input_bytes, provider, model, asked, hidden";

impl SessionStore {
    /// What an object's database has of a session.
    pub fn new(sql: Sql) -> Self {
        SessionStore { sql }
    }

    /// The session, if there is one.
    pub fn session(&self) -> Result<Option<SessionRecord>, ChatError> {
        let tables =
            self.sql.run("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'session'", Vec::new())?;
        if tables.is_empty() {
            return Ok(None);
        }
        let rows = self.sql.run("SELECT record FROM session", Vec::new())?;
        let Some(record) = rows.first().map(|row| text(row.first())) else { return Ok(None) };
        let unreadable = |_| ChatError::new(ErrorKind::Internal, "the session's record cannot be read");
        serde_json::from_value(json(&record)?).map(Some).map_err(unreadable)
    }

    /// Makes the session.
    pub fn create(&self, record: &SessionRecord) -> Result<(), ChatError> {
        for table in TABLES {
            self.sql.run(table, Vec::new())?;
        }
        self.save(record)
    }

    /// Keeps the session's record.
    pub fn save(&self, record: &SessionRecord) -> Result<(), ChatError> {
        let record = serde_json::to_string(record).unwrap_or_default();
        self.sql.run("INSERT OR REPLACE INTO session (one, record) VALUES (1, ?)", vec![record.into()])?;
        Ok(())
    }

    /// Keeps a run that begins.
    pub fn begin(&self, run: &RunRecord) -> Result<(), ChatError> {
        let values = vec![
            run.id.clone().into(),
            run.parent.clone().into(),
            run.status.as_str().into(),
            run.key.clone().into(),
            run.digest.clone().into(),
            int(run.started_at),
            int(run.input_bytes),
            run.provider.clone().into(),
            run.model.clone().into(),
            run.asked.clone().into(),
        ];
        self.sql.run(
            "INSERT INTO runs (id, parent, status, key, digest, started_at, input_bytes, provider, model, asked)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            values,
        )?;
        Ok(())
    }

    /// Who answers a run, once somebody does.
    pub fn answers(&self, run: &str, provider: &str, model: &str) -> Result<(), ChatError> {
        let values = vec![provider.into(), model.into(), run.into()];
        self.sql.run("UPDATE runs SET provider = ?, model = ? WHERE id = ?", values)?;
        Ok(())
    }

    /// How a run ended, and with which frame: its number outlives the frames.
    pub fn end(&self, run: &str, status: Status, at: u64) -> Result<(), ChatError> {
        let values = vec![status.as_str().into(), int(at), int(self.last_frame(run)?), run.into()];
        self.sql.run("UPDATE runs SET status = ?, ended_at = ?, last = ? WHERE id = ?", values)?;
        Ok(())
    }

    /// Forgets a run of which nobody was given anything.
    pub fn undo(&self, run: &str) -> Result<(), ChatError> {
        for table in ["messages WHERE run", "frames WHERE run", "runs WHERE id"] {
            self.sql.run(&format!("DELETE FROM {table} = ?"), vec![run.into()])?;
        }
        Ok(())
    }

    /// A run is not to be found any more.
    pub fn hide(&self, run: &str) -> Result<(), ChatError> {
        self.sql.run("UPDATE runs SET hidden = 1 WHERE id = ?", vec![run.into()])?;
        Ok(())
    }

    /// A run.
    pub fn run(&self, id: &str) -> Result<Option<RunRecord>, ChatError> {
        self.select("WHERE id = ?", vec![id.into()]).map(|runs| runs.into_iter().next())
    }

    /// The runs that were being answered when this was written.
    pub fn unfinished(&self) -> Result<Vec<RunRecord>, ChatError> {
        self.select("WHERE status = 'live'", Vec::new())
    }

    /// The run that was asked for under a key.
    pub fn keyed(&self, key: &str) -> Result<Option<Keyed>, ChatError> {
        let runs = self.select("WHERE key = ?", vec![key.into()])?;
        Ok(runs.into_iter().next().map(|run| Keyed { run: run.id, digest: run.digest }))
    }

    /// Which run each follows.
    pub fn parents(&self) -> Result<HashMap<String, Option<String>>, ChatError> {
        let rows = self.sql.run("SELECT id, parent FROM runs", Vec::new())?;
        Ok(rows.iter().map(|row| (text(row.first()), maybe_text(row.get(1)))).collect())
    }

    fn select(&self, which: &str, values: Vec<SqlValue>) -> Result<Vec<RunRecord>, ChatError> {
        let rows = self.sql.run(&format!("SELECT {COLUMNS} FROM runs {which}"), values)?;
        Ok(rows.iter().map(|row| read_run(row)).collect())
    }

    /// Keeps frames of a run.
    pub fn keep(&self, run: &str, row: &Row) -> Result<(), ChatError> {
        let values = vec![run.into(), int(row.last), int(row.first)];
        self.sql.keep("INSERT INTO frames (run, last, first, bytes) VALUES (?, ?, ?, ?)", values, &row.bytes)
    }

    /// The rows behind a frame, as many as there are within so many bytes, but at least one if there is one.
    pub fn rows(&self, run: &str, frame: u64, most: usize) -> Result<Vec<Row>, ChatError> {
        // A row has 16 KB or more only where one network chunk had: few are enough, and bound what is held.
        let rows = self.sql.run(
            "SELECT first, last, bytes FROM frames WHERE run = ? AND last > ? ORDER BY last LIMIT 16",
            vec![run.into(), int(frame)],
        )?;
        let (mut kept, mut held) = (Vec::new(), 0usize);
        for row in rows {
            let (first, last) = (number(row.first()), number(row.get(1)));
            let Some(SqlValue::Blob(bytes)) = row.into_iter().nth(2) else { continue };
            if held > 0 && held.saturating_add(bytes.len()) > most {
                break;
            }
            held = held.saturating_add(bytes.len());
            kept.push(Row { first, last, bytes });
        }
        Ok(kept)
    }

    /// The number of a run's last frame.
    pub fn last_frame(&self, run: &str) -> Result<u64, ChatError> {
        let rows = self.sql.run("SELECT MAX(last) FROM frames WHERE run = ?", vec![run.into()])?;
        Ok(rows.first().map(|row| number(row.first())).unwrap_or(0))
    }

    /// Forgets the frames of runs that ended before a moment. Gives the end of the first run that still has its
    /// own: those of it are the next to go.
    pub fn reap(&self, before: u64) -> Result<Option<u64>, ChatError> {
        let old = "SELECT id FROM runs WHERE reaped = 0 AND ended_at <= ?";
        self.sql.run(&format!("DELETE FROM frames WHERE run IN ({old})"), vec![int(before)])?;
        self.sql.run("UPDATE runs SET reaped = 1 WHERE reaped = 0 AND ended_at <= ?", vec![int(before)])?;
        let rows = self.sql.run("SELECT MIN(ended_at) FROM runs WHERE reaped = 0 AND ended_at > 0", Vec::new())?;
        Ok(rows.first().and_then(|row| maybe_number(row.first())))
    }
}

fn read_run(row: &[SqlValue]) -> RunRecord {
    RunRecord {
        id: text(row.first()),
        parent: maybe_text(row.get(1)),
        status: Status::read(&text(row.get(2))),
        key: maybe_text(row.get(3)),
        digest: text(row.get(4)),
        started_at: number(row.get(5)),
        ended_at: maybe_number(row.get(6)),
        last: number(row.get(7)),
        reaped: number(row.get(8)) > 0,
        input_bytes: number(row.get(9)),
        provider: text(row.get(10)),
        model: text(row.get(11)),
        asked: maybe_text(row.get(12)),
        hidden: number(row.get(13)) > 0,
    }
}
