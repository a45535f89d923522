//! A question to a collection.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::add::content_hash;
use super::{Asking, Collection};
use crate::data::CollectionRecord;
use crate::models::{ChatError, Passage};
use crate::platform::now_ms;
use crate::retrieval::{Matrix, Mode, Search, Sketch, cosine, fuse, query, read_search, read_vector, write_vector};

/// How far down each ranking is looked before they are joined.
const DEPTH: usize = 60;

/// How many of those that look near are compared exactly.
const CANDIDATES: usize = 180;

/// Sketches that are read at once: a megabyte or two.
const PAGE: u64 = 1000;

impl Collection {
    /// The passages that fit a question best.
    pub async fn search(&self, body: &[u8], asking: &Asking) -> Result<Value, ChatError> {
        let search = read_search(body)?;
        let record = self.record()?;
        let mode = match (search.mode, &record.embeddings) {
            (None, Some(_)) => Mode::Hybrid,
            (None, None) => Mode::Keyword,
            (Some(mode), None) if mode != Mode::Keyword => {
                let words = "mode must be keyword: the collection has no vectors, because EMBEDDINGS names no model";
                return Err(ChatError::invalid("mode", words));
            }
            (Some(mode), _) => mode,
        };
        let by_meaning = match mode {
            Mode::Keyword => Vec::new(),
            _ => self.near(&search, &record, asking).await?,
        };
        // Behind all that is waited for: rows are looked at as they are now.
        self.record()?;
        let by_words = match query(&search.query).filter(|_| mode != Mode::Vector) {
            Some(words) => self.store.with_words(&words, DEPTH as u64)?,
            None => Vec::new(),
        };
        let passages = self.ranked(&[by_words, by_meaning], search.top_k)?;
        Ok(json!({"results": passages, "mode": mode.as_str()}))
    }

    fn ranked(&self, rankings: &[Vec<u64>], most: u64) -> Result<Vec<Passage>, ChatError> {
        let fused = fuse(rankings);
        let best: Vec<_> = fused.into_iter().take(usize::try_from(most).unwrap_or(usize::MAX)).collect();
        let rows: Vec<u64> = best.iter().map(|(row, _, _)| *row).collect();
        let mut found: HashMap<u64, Passage> = self.store.passages(&rows)?.into_iter().collect();
        let passage = |(row, score, places): (u64, f64, Vec<Option<u64>>)| {
            let place = |at: usize| places.get(at).copied().flatten();
            Some(Passage { score, keyword_rank: place(0), vector_rank: place(1), ..found.remove(&row)? })
        };
        Ok(best.into_iter().filter_map(passage).collect())
    }

    /// The rows of pieces that mean the like, nearest first.
    async fn near(&self, search: &Search, record: &CollectionRecord, asking: &Asking) -> Result<Vec<u64>, ChatError> {
        let model = record.embeddings.as_deref().unwrap_or_default();
        let asked = self.vector_of(&search.query, model, asking).await?;
        if let Some(store) = self.open_store(record, &self.settings()?)? {
            let ids = self.ask_store(store.as_ref(), &asked, DEPTH as u64, asking).await?;
            self.record()?;
            return self.store.rows_of(&ids);
        }
        self.fill_matrix()?;
        let candidates = match self.matrix.borrow().as_ref() {
            Some(matrix) => matrix.nearest(&Sketch::of(&asked), CANDIDATES),
            None => Vec::new(),
        };
        let mut exact: Vec<(f32, u64)> = self
            .store
            .vectors_of(&candidates)?
            .iter()
            .map(|(row, bytes)| (cosine(&read_vector(bytes), &asked), *row))
            .collect();
        exact.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        Ok(exact.into_iter().take(DEPTH).map(|(_, row)| row).collect())
    }

    /// A question's vector; the same question is embedded once.
    async fn vector_of(&self, text: &str, model: &str, asking: &Asking) -> Result<Vec<f32>, ChatError> {
        let hash = content_hash(model, text);
        let known = self.store.vectors(std::slice::from_ref(&hash))?;
        if let Some(bytes) = known.get(&hash) {
            return Ok(read_vector(bytes));
        }
        let vector = self.embed(model, vec![text.to_owned()], asking).await?.pop().unwrap_or_default();
        // It may have been deleted meanwhile.
        self.record()?;
        self.store.keep_vector(&hash, write_vector(&vector), Sketch::of(&vector).bytes(), true, now_ms())?;
        self.store.forget_queries()?;
        Ok(vector)
    }

    /// Reads all sketches, where that was not done before.
    fn fill_matrix(&self) -> Result<(), ChatError> {
        if self.matrix.borrow().is_some() {
            return Ok(());
        }
        let (mut matrix, mut after) = (Matrix::default(), 0);
        loop {
            let page = self.store.sketches(after, PAGE)?;
            let Some((last, _)) = page.last() else { break };
            after = *last;
            page.iter().for_each(|(row, bytes)| matrix.push(*row, &Sketch::read(bytes)));
        }
        self.matrix.replace(Some(matrix));
        Ok(())
    }
}
