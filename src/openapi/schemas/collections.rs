//! Collections: documents that answers rest on.

use schemars::JsonSchema;
use serde_json::{Map, Value};

use crate::models::Passage;

/// Documents to be kept: several, or one by itself.
#[derive(JsonSchema)]
#[serde(untagged)]
pub enum NewDocuments {
    /// Several.
    Several {
        /// At most a hundred at once.
        #[schemars(length(min = 1, max = 100))]
        documents: Vec<NewDocument>,
    },
    /// One.
    One(NewDocument),
}

/// A document to be kept.
#[derive(JsonSchema)]
pub struct NewDocument {
    /// Its id; one is made where it is left out. A document with a known id replaces the one before.
    pub id: Option<String>,
    /// Its text; at most 1 MB.
    #[schemars(length(min = 1))]
    pub text: String,
    /// Its title.
    pub title: Option<String>,
    /// Its address, which citations give.
    pub url: Option<String>,
    /// Labels of your own.
    pub metadata: Option<Map<String, Value>>,
}

/// What was kept.
#[derive(JsonSchema)]
pub struct KeptDocuments {
    /// The documents, in their order.
    pub documents: Vec<KeptDocument>,
    /// The model that embeds their chunks, or null: then keywords alone find them.
    pub embeddings: Option<String>,
}

/// A document that was kept.
#[derive(JsonSchema)]
pub struct KeptDocument {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: Option<String>,
    /// Its address.
    pub url: Option<String>,
    /// How many pieces it was cut into.
    pub chunks: u64,
}

/// Which part of the list.
#[derive(JsonSchema)]
pub struct DocumentPage {
    /// How many, at most.
    #[schemars(range(min = 1))]
    pub limit: Option<u64>,
    /// The `next` of the page before.
    pub after: Option<String>,
}

/// Which part of the list.
#[derive(JsonSchema)]
pub struct CollectionPage {
    /// How many, at most; 100 where it is left out.
    #[schemars(range(min = 1, max = 100))]
    pub limit: Option<u64>,
    /// The `next` of the page before.
    pub before: Option<String>,
}

/// The caller's collections.
#[derive(JsonSchema)]
pub struct CollectionList {
    /// So many of them.
    pub collections: Vec<CollectionEntry>,
    /// Where the next page begins: send it as `before`. Null where there are no more.
    pub next: Option<String>,
}

/// A collection in a list.
#[derive(JsonSchema)]
pub struct CollectionEntry {
    /// Its name.
    pub name: String,
    /// The last time that something was added, in milliseconds since 1970.
    pub updated_at: u64,
}

/// The documents of a collection.
#[derive(JsonSchema)]
pub struct DocumentList {
    /// So many of them.
    pub documents: Vec<DocumentEntry>,
    /// Where the next page begins: send it as `after`. Null where there are no more.
    pub next: Option<String>,
}

/// A document in a list.
#[derive(JsonSchema)]
pub struct DocumentEntry {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: Option<String>,
    /// Its address.
    pub url: Option<String>,
    /// Labels of the caller's own.
    pub metadata: Option<Map<String, Value>>,
    /// How many pieces it was cut into.
    pub chunks: u64,
    /// Milliseconds since 1970.
    pub created_at: u64,
}

/// A document, whole.
#[derive(JsonSchema)]
pub struct Document {
    /// What a list says of it.
    #[serde(flatten)]
    pub entry: DocumentEntry,
    /// Its text.
    pub text: String,
}

/// A collection.
#[derive(JsonSchema)]
pub struct Collection {
    /// Its name.
    pub name: String,
    /// How many documents it has.
    pub documents: u64,
    /// How many pieces those were cut into.
    pub chunks: u64,
    /// The model that embeds them, or null.
    pub embeddings: Option<String>,
    /// Where its vectors are.
    pub store: VectorStore,
}

/// Where vectors are.
#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VectorStore {
    /// In the collection's own Durable Object.
    Embedded,
    /// In Qdrant.
    Qdrant,
    /// In Pinecone.
    Pinecone,
    /// In Weaviate.
    Weaviate,
    /// In Cloudflare Vectorize.
    Vectorize,
}

/// What is looked for.
#[derive(JsonSchema)]
pub struct Search {
    /// In words.
    #[schemars(length(min = 1))]
    pub query: String,
    /// How many passages, at most; 5 where it is left out.
    #[schemars(range(min = 1, max = 50))]
    pub top_k: Option<u64>,
    /// How; the best that the collection can do where it is left out.
    pub mode: Option<SearchMode>,
}

/// How passages are found.
#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SearchMode {
    /// By keywords and by meaning, fused by rank.
    Hybrid,
    /// By keywords (BM25).
    Keyword,
    /// By meaning. Needs embeddings.
    Vector,
}

/// What was found, best first.
#[derive(JsonSchema)]
pub struct Found {
    /// The passages.
    pub results: Vec<Passage>,
    /// How they were found.
    pub mode: SearchMode,
}
