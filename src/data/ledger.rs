//! One shard of the ledger: what runs used and cost, by day, key, provider and model.

use super::{int, number, text};
use crate::costs::{Days, Ended, Lines, Receipt, Used};
use crate::models::{ChatError, Cost};
use crate::platform::{Rows, Sql, SqlValue};

/// The tables of a shard's object.
pub struct LedgerStore {
    sql: Sql,
}

const TABLES: [&str; 3] = [
    "CREATE TABLE IF NOT EXISTS used (day TEXT NOT NULL, key TEXT NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL,
        estimated INTEGER NOT NULL, answers INTEGER NOT NULL, unpriced INTEGER NOT NULL, input INTEGER NOT NULL,
        output INTEGER NOT NULL, cached INTEGER NOT NULL, reasoning INTEGER NOT NULL, total INTEGER NOT NULL,
        cost INTEGER NOT NULL, PRIMARY KEY (day, key, provider, model, estimated)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS ended (day TEXT NOT NULL, key TEXT NOT NULL, provider TEXT NOT NULL,
        model TEXT NOT NULL, ended TEXT NOT NULL, runs INTEGER NOT NULL, ms INTEGER NOT NULL, firsts INTEGER NOT NULL,
        first_ms INTEGER NOT NULL, PRIMARY KEY (day, key, provider, model, ended)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS told (id TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID",
];

impl LedgerStore {
    /// What the object's database has.
    pub fn open(sql: Sql) -> Result<Self, ChatError> {
        for table in TABLES {
            sql.run(table, Vec::new())?;
        }
        Ok(LedgerStore { sql })
    }

    /// Adds a receipt, if it was not told before. Nothing is awaited in between: all of it is kept, or nothing.
    pub fn add(&self, receipt: &Receipt) -> Result<(), ChatError> {
        let told = "INSERT OR IGNORE INTO told (id, at) VALUES (?, ?) RETURNING id";
        if self.sql.run(told, vec![receipt.id.clone().into(), int(receipt.at_ms)])?.is_empty() {
            return Ok(());
        }
        for charge in &receipt.charges {
            self.add_used(&Used::of(receipt, charge))?;
        }
        if let Some(outcome) = &receipt.outcome {
            self.add_ended(&Ended::of(receipt, outcome))?;
        }
        Ok(())
    }

    fn add_used(&self, line: &Used) -> Result<(), ChatError> {
        let counts = [
            line.answers,
            line.unpriced,
            line.input,
            line.output,
            line.cached,
            line.reasoning,
            line.total,
            line.cost.nanos(),
        ];
        let mut values: Vec<SqlValue> =
            [&line.day, &line.key, &line.provider, &line.model].into_iter().map(|name| name.clone().into()).collect();
        values.push(int(u64::from(line.estimated)));
        values.extend(counts.map(int));
        self.sql.run(
            "INSERT INTO used VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
             answers = answers + excluded.answers, unpriced = unpriced + excluded.unpriced,
             input = input + excluded.input, output = output + excluded.output, cached = cached + excluded.cached,
             reasoning = reasoning + excluded.reasoning, total = total + excluded.total, cost = cost + excluded.cost",
            values,
        )?;
        Ok(())
    }

    fn add_ended(&self, line: &Ended) -> Result<(), ChatError> {
        let mut values: Vec<SqlValue> = [&line.day, &line.key, &line.provider, &line.model, &line.ended]
            .into_iter()
            .map(|name| name.clone().into())
            .collect();
        values.extend([line.runs, line.ms, line.firsts, line.first_ms].map(int));
        self.sql.run(
            "INSERT INTO ended VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
             runs = runs + excluded.runs, ms = ms + excluded.ms, firsts = firsts + excluded.firsts,
             first_ms = first_ms + excluded.first_ms",
            values,
        )?;
        Ok(())
    }

    /// The lines of some days, of one key or of all.
    pub fn lines(&self, days: &Days, key: Option<&str>) -> Result<Lines, ChatError> {
        let mut values: Vec<SqlValue> = vec![days.from.clone().into(), days.to.clone().into()];
        let mut which = "day >= ?1 AND day <= ?2".to_owned();
        if let Some(key) = key {
            values.push(key.into());
            which.push_str(&format!(" AND key = ?{}", values.len()));
        }
        let used = self.sql.run(&format!("SELECT * FROM used WHERE {which}"), values.clone())?;
        let ended = self.sql.run(&format!("SELECT * FROM ended WHERE {which}"), values)?;
        Ok(read_lines(&used, &ended))
    }

    /// The sums over all days. They are added up when somebody asks: a row read costs a thousandth of a row written.
    pub fn totals(&self) -> Result<Lines, ChatError> {
        let used = self.sql.run(
            "SELECT '', key, provider, model, estimated, SUM(answers), SUM(unpriced), SUM(input), SUM(output),
             SUM(cached), SUM(reasoning), SUM(total), SUM(cost) FROM used GROUP BY key, provider, model, estimated",
            Vec::new(),
        )?;
        let ended = self.sql.run(
            "SELECT '', key, provider, model, ended, SUM(runs), SUM(ms), SUM(firsts), SUM(first_ms) FROM ended
             GROUP BY key, provider, model, ended",
            Vec::new(),
        )?;
        Ok(read_lines(&used, &ended))
    }

    /// Forgets which receipts were told that nobody tells again.
    pub fn forget(&self, before: u64) -> Result<(), ChatError> {
        self.sql.run("DELETE FROM told WHERE at < ?", vec![int(before)])?;
        Ok(())
    }
}

fn read_lines(used: &Rows, ended: &Rows) -> Lines {
    Lines {
        used: used.iter().map(|row| read_used(row)).collect(),
        ended: ended.iter().map(|row| read_ended(row)).collect(),
    }
}

fn read_used(row: &[SqlValue]) -> Used {
    Used {
        day: text(row.first()),
        key: text(row.get(1)),
        provider: text(row.get(2)),
        model: text(row.get(3)),
        estimated: number(row.get(4)) > 0,
        answers: number(row.get(5)),
        unpriced: number(row.get(6)),
        input: number(row.get(7)),
        output: number(row.get(8)),
        cached: number(row.get(9)),
        reasoning: number(row.get(10)),
        total: number(row.get(11)),
        cost: Cost::from_nanos(number(row.get(12))),
    }
}

fn read_ended(row: &[SqlValue]) -> Ended {
    Ended {
        day: text(row.first()),
        key: text(row.get(1)),
        provider: text(row.get(2)),
        model: text(row.get(3)),
        ended: text(row.get(4)),
        runs: number(row.get(5)),
        ms: number(row.get(6)),
        firsts: number(row.get(7)),
        first_ms: number(row.get(8)),
    }
}
