//! Documents on their way into a collection: divided, embedded, told to another store if there is one, kept. What
//! fails before the last of these leaves nothing.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use super::{Asking, Collection, ask};
use crate::callers::digest_hex;
use crate::data::{CollectionRecord, DocumentRow, Piece};
use crate::models::{ChatError, EmbedRequest, ErrorKind};
use crate::platform::{now_ms, random_hex};
use crate::retrieval::stores::Point;
use crate::retrieval::{Document, Settings, Sketch, chunks, indexed, read_documents, read_vector, write_vector};
use crate::service::House;
use crate::service::exchange::{Embedded, embed};
use crate::service::{admit, settle_exchange};

/// What providers of embeddings take at once: 100 texts, and OpenAI 300,000 tokens.
const MOST_TEXTS: usize = 96;
const MOST_BYTES: usize = 200_000;

/// Sketches are searched in memory, of which an object has 128 MB: 48 MB are 30,000 pieces of 1,536 numbers.
const MOST_SKETCHES: usize = 48 << 20;

/// As many as an index of words alone holds with ease.
const MOST_PIECES: u64 = 200_000;

/// Two megabytes of text, whose vectors are held in memory until they are kept: 24 MB of 3,072 numbers each.
const MOST_NEW: u64 = 2000;

/// A document that is to be kept.
struct Prepared {
    row: DocumentRow,
    text: String,
    pieces: Vec<Piece>,
}

impl Collection {
    /// Adds documents; those of a known id replace it.
    pub async fn add(&self, body: &[u8], asking: &Asking) -> Result<Value, ChatError> {
        let documents = read_documents(body)?;
        let settings = self.settings()?;
        let pinned = self.pinned(&settings)?;
        let prepared: Vec<Prepared> =
            unique(documents).into_iter().map(|document| prepare(document, &pinned, asking)).collect();
        self.check_room(&prepared, &pinned)?;
        let vectors = self.vectors_for(&prepared, &pinned, asking).await?;
        let _turn = self.turn.lock().await;
        // It may have been deleted meanwhile, or begun.
        let mut record = self.pinned(&settings)?;
        if (&record.embeddings, &record.store) != (&pinned.embeddings, &pinned.store) {
            let words = "the collection was begun otherwise while the documents were embedded: send them again";
            return Err(ChatError::new(ErrorKind::Interrupted, words));
        }
        check_lengths(&vectors, &mut record)?;
        self.check_room(&prepared, &record)?;
        if let Err(error) = self.tell_store(&prepared, &vectors, &record, &settings, asking).await {
            self.settle_store(&record, asking).await;
            return Err(error);
        }
        // From here on nothing is awaited: what is written is written together.
        if self.store.record()?.is_none() {
            self.store.create(&record)?;
        }
        self.store.save(&record)?;
        for document in &prepared {
            self.keep(document, &vectors, &record)?;
        }
        self.settle_store(&record, asking).await;
        let told = |Prepared { row, .. }: &Prepared| json!({"id": row.id, "title": row.title, "url": row.url, "chunks": row.chunks});
        Ok(json!({"documents": prepared.iter().map(told).collect::<Vec<_>>(), "embeddings": record.embeddings}))
    }

    /// What the collection was begun with; one that is empty may be begun otherwise.
    fn pinned(&self, settings: &Settings) -> Result<CollectionRecord, ChatError> {
        match self.store.record()? {
            Some(record) if self.store.counts()?.0 > 0 => Ok(record),
            _ => Ok(CollectionRecord {
                embeddings: settings.embeddings.clone(),
                dimensions: 0,
                store: settings.store.as_ref().map(|store| store.kind().to_owned()),
            }),
        }
    }

    /// The vectors of all pieces, by their digests: those that are known, and the others from the model.
    async fn vectors_for(
        &self,
        prepared: &[Prepared],
        record: &CollectionRecord,
        asking: &Asking,
    ) -> Result<HashMap<String, Vec<f32>>, ChatError> {
        let Some(model) = &record.embeddings else { return Ok(HashMap::new()) };
        // In the order in which they stand, so that a request is the same when it is made again.
        let (mut texts, mut seen) = (Vec::new(), HashSet::new());
        for Prepared { row, pieces, .. } in prepared {
            let new = pieces.iter().filter(|piece| seen.insert(piece.hash.clone()));
            texts.extend(new.map(|piece| (piece.hash.clone(), embedded(row.title.as_deref(), &piece.text))));
        }
        let hashes: Vec<String> = texts.iter().map(|(hash, _)| hash.clone()).collect();
        let known = if self.store.record()?.is_some() { self.store.vectors(&hashes)? } else { HashMap::new() };
        let mut vectors: HashMap<String, Vec<f32>> =
            known.into_iter().map(|(hash, bytes)| (hash, read_vector(&bytes))).collect();
        texts.retain(|(hash, _)| !vectors.contains_key(hash));
        for batch in batches(&texts) {
            let input: Vec<String> = batch.iter().map(|(_, text)| text.clone()).collect();
            let made = self.embed(model, input, asking).await?;
            for ((hash, _), vector) in batch.iter().zip(made) {
                // Paid for is paid for, even if a later batch fails: like a question's it is kept for a while.
                if self.store.record()?.is_some() {
                    self.store.keep_vector(hash, write_vector(&vector), Sketch::of(&vector).bytes(), true, now_ms())?;
                }
                vectors.insert(hash.clone(), vector);
            }
        }
        if !texts.is_empty() && self.store.record()?.is_some() {
            self.store.forget_queries()?;
        }
        Ok(vectors)
    }

    /// The vectors of texts, from the model.
    pub(super) async fn embed(
        &self,
        model: &str,
        input: Vec<String>,
        asking: &Asking,
    ) -> Result<Vec<Vec<f32>>, ChatError> {
        let house = House::open(self.env.clone()).await?;
        if house.catalogue.candidates(None, Some(model))?.len() > 1 {
            // Whichever of them answers: their vectors cannot be compared.
            let words = format!("EMBEDDINGS must be one model, but {model} stands for several");
            return Err(ChatError::lasting(ErrorKind::Internal, words));
        }
        let request = EmbedRequest { model: Some(model.to_owned()), input, ..EmbedRequest::default() };
        admit(&asking.owner, None, &house).await?;
        let Embedded { embeddings, charge } = embed(&request, &ask(asking), &house).await?;
        let owner = asking.owner.clone();
        self.home.wait_until(async move { settle_exchange(&owner, charge, &house).await });
        Ok(embeddings.vectors)
    }

    /// Whether the documents fit, beside what they do not replace.
    fn check_room(&self, prepared: &[Prepared], record: &CollectionRecord) -> Result<(), ChatError> {
        let new = prepared.iter().fold(0u64, |sum, document| sum.saturating_add(document.row.chunks));
        if new > MOST_NEW {
            let words =
                format!("documents have {new} pieces of about 1,000 characters, and a request at most {MOST_NEW}");
            return Err(ChatError::invalid("documents", words));
        }
        let ids: Vec<String> = prepared.iter().map(|document| document.row.id.clone()).collect();
        let old = match self.store.record()? {
            Some(_) => self.store.counts()?.1.saturating_sub(self.store.pieces_of(&ids)?),
            None => 0,
        };
        let all = old.saturating_add(new);
        let sketches = usize::try_from(all).unwrap_or(usize::MAX).saturating_mul(record.dimensions);
        match all > MOST_PIECES || (record.store.is_none() && sketches > MOST_SKETCHES) {
            true => Err(ChatError::invalid(
                "documents",
                "documents do not fit: with them the collection has more than its object can search",
            )),
            false => Ok(()),
        }
    }

    fn keep(
        &self,
        document: &Prepared,
        vectors: &HashMap<String, Vec<f32>>,
        record: &CollectionRecord,
    ) -> Result<(), ChatError> {
        let Prepared { row, text, pieces } = document;
        self.remove(&row.id, record)?;
        self.store.add_document(row, text)?;
        if record.store.is_some() {
            // Of what was replaced some pieces may be the same.
            let points: Vec<String> = pieces.iter().map(|piece| piece.point.clone()).collect();
            self.store.settle(&points)?;
        }
        for piece in pieces {
            let at = self.store.add_piece(&row.id, piece)?;
            let Some(vector) = vectors.get(&piece.hash) else { continue };
            let sketch = Sketch::of(vector);
            self.store.keep_vector(&piece.hash, write_vector(vector), sketch.bytes(), false, now_ms())?;
            if let Some(matrix) = self.matrix.borrow_mut().as_mut() {
                matrix.push(at, &sketch);
            }
        }
        Ok(())
    }
}

impl Collection {
    /// Another store is told first: what it has and we do not know does no harm.
    async fn tell_store(
        &self,
        prepared: &[Prepared],
        vectors: &HashMap<String, Vec<f32>>,
        record: &CollectionRecord,
        settings: &Settings,
        asking: &Asking,
    ) -> Result<(), ChatError> {
        let Some(store) = self.open_store(record, settings)? else { return Ok(()) };
        let all: Vec<(&DocumentRow, &Piece)> = prepared
            .iter()
            .flat_map(|document| document.pieces.iter().map(move |piece| (&document.row, piece)))
            .collect();
        // Until they are kept here they are to be forgotten there, should anything come between. But not those that a
        // document has already which is replaced by the like.
        let ids: Vec<String> = all.iter().map(|(_, piece)| piece.point.clone()).collect();
        let is_there = self.store.record()?.is_some();
        self.store.lose(&if is_there { self.store.unknown(&ids)? } else { ids })?;
        self.promise_to_settle(record, asking).await?;
        let point = |(row, piece): &(&DocumentRow, &Piece)| {
            Some(Point {
                id: piece.point.clone(),
                vector: vectors.get(&piece.hash)?.clone(),
                document: row.id.clone(),
                chunk: piece.at,
                text: piece.text.clone(),
                title: row.title.clone(),
                url: row.url.clone(),
            })
        };
        if !is_there {
            self.prepare(store.as_ref(), record.dimensions, asking).await?;
        }
        for some in all.chunks(store.most_points().max(1)) {
            let points: Vec<Point> = some.iter().filter_map(point).collect();
            self.upsert(store.as_ref(), &points, record.dimensions, asking).await?;
        }
        Ok(())
    }
}

/// Vectors of two lengths are of two models.
fn check_lengths(vectors: &HashMap<String, Vec<f32>>, record: &mut CollectionRecord) -> Result<(), ChatError> {
    for vector in vectors.values() {
        if record.dimensions == 0 {
            record.dimensions = vector.len();
        }
        if vector.len() != record.dimensions || vector.is_empty() {
            let (made, kept) = (vector.len(), record.dimensions);
            let words = format!("the model made a vector of {made} numbers, but those of the collection have {kept}");
            return Err(ChatError::lasting(ErrorKind::Provider, words));
        }
    }
    Ok(())
}

/// Of several of one id the last one counts.
fn unique(documents: Vec<Document>) -> Vec<Document> {
    let mut ids = HashSet::new();
    let mut kept: Vec<Document> = documents
        .into_iter()
        .rev()
        .filter(|document| document.id.as_ref().is_none_or(|id| ids.insert(id.clone())))
        .collect();
    kept.reverse();
    kept
}

fn prepare(document: Document, record: &CollectionRecord, asking: &Asking) -> Prepared {
    let Document { id, text, title, url, metadata } = document;
    let id = id.unwrap_or_else(|| format!("d_{}", random_hex(20)));
    let model = record.embeddings.as_deref().unwrap_or_default();
    let piece = |(at, piece): (u64, &str)| Piece {
        at,
        text: piece.to_owned(),
        words: indexed(&embedded(title.as_deref(), piece)),
        hash: content_hash(model, &embedded(title.as_deref(), piece)),
        point: point_id(&format!("{}\n{id}\n{at}\n{piece}", asking.digest)),
    };
    let pieces: Vec<Piece> = (0u64..).zip(chunks(&text)).map(piece).collect();
    let row = DocumentRow { id, title, url, metadata, chunks: pieces.len() as u64, created_at: now_ms() };
    Prepared { row, text, pieces }
}

/// What a piece is found by: its own words, under those of its document's title.
fn embedded(title: Option<&str>, piece: &str) -> String {
    title.map_or_else(|| piece.to_owned(), |title| format!("{title}\n{piece}"))
}

/// What a vector is known by.
pub fn content_hash(model: &str, text: &str) -> String {
    digest_hex(format!("{model}\n{text}").as_bytes())
}

/// A digest as a UUID.
fn point_id(text: &str) -> String {
    let hex = digest_hex(text.as_bytes());
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-8{}-8{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

fn batches(texts: &[(String, String)]) -> Vec<&[(String, String)]> {
    let (mut all, mut start, mut bytes) = (Vec::new(), 0usize, 0usize);
    for (at, (_, text)) in texts.iter().enumerate() {
        let is_full = at.saturating_sub(start) >= MOST_TEXTS || bytes.saturating_add(text.len()) > MOST_BYTES;
        if is_full && at > start {
            all.extend(texts.get(start..at));
            (start, bytes) = (at, 0);
        }
        bytes = bytes.saturating_add(text.len());
    }
    all.extend(texts.get(start..).filter(|rest| !rest.is_empty()));
    all
}
