//! Assistants, and the collections that they look things up in.

use serde_json::json;

use crate::openapi::errors::{LIST, READ, WRITE};
use crate::openapi::operation::{Operation, delete, get, post};
use crate::openapi::schemas::assistants::{AssistantInFull, AssistantList};
use crate::openapi::schemas::collections::{
    Collection, CollectionList, CollectionPage, Document, DocumentList, DocumentPage, Found, KeptDocuments,
    NewDocuments, Search,
};

const NAME: &str = "The collection's name: 1 to 64 letters, digits, `_` and `-`.";

const DOCUMENT: &str = "The document's id.";

/// The assistants' operations.
pub fn operations() -> Vec<Operation> {
    vec![
        get("/api/v1/assistants", "listAssistants", "List the assistants")
            .answer::<AssistantList>("200", "Each with its graph and its tools.")
            .errors(LIST),
        get("/api/v1/assistants/{name}", "readAssistant", "Read an assistant")
            .path("name", "The assistant's name: `plain`, `travel`, `router` or `rag`.")
            .answer::<AssistantInFull>("200", "The assistant, and a picture of its graph.")
            .errors(READ),
    ]
}

/// The collections' operations.
pub fn collections() -> Vec<Operation> {
    vec![
        get("/api/v1/collections", "listCollections", "List collections")
            .about("The caller's own, the one that was added to last first.")
            .query::<CollectionPage>()
            .answer::<CollectionList>("200", "So many of them.")
            .errors(LIST),
        get("/api/v1/collections/{name}", "readCollection", "Read a collection")
            .path("name", NAME)
            .answer::<Collection>("200", "What is in it.")
            .errors(READ),
        delete("/api/v1/collections/{name}", "deleteCollection", "Forget a collection")
            .path("name", NAME)
            .nothing("204", "It is forgotten.")
            .errors(READ),
        post("/api/v1/collections/{name}/documents", "addDocuments", "Add documents")
            .about("They are cut into passages. A document with a known id replaces the one before.")
            .path("name", NAME)
            .body::<NewDocuments>()
            .example(
                "Two documents",
                json!({
                    "documents": [
                        {
                            "id": "rhine",
                            "title": "The Rhine",
                            "url": "https://example.org/rhine",
                            "text": "The Rhine rises in the Alps and flows into the North Sea.",
                            "metadata": {"country": "several"},
                        },
                        {"id": "thames", "text": "The Thames flows through London."},
                    ],
                }),
            )
            .example("One", json!({"text": "The Danube flows through four capitals."}))
            .answer::<KeptDocuments>("201", "They are kept, and can be found at once.")
            .errors(WRITE),
        get("/api/v1/collections/{name}/documents", "listDocuments", "List the documents")
            .path("name", NAME)
            .query::<DocumentPage>()
            .answer::<DocumentList>("200", "So many of them.")
            .errors(READ),
        delete("/api/v1/collections/{name}/documents", "deleteDocuments", "Forget all documents")
            .path("name", NAME)
            .nothing("204", "They are forgotten, and the collection with them.")
            .errors(READ),
        get("/api/v1/collections/{name}/documents/{id}", "readDocument", "Read a document")
            .path("name", NAME)
            .path("id", DOCUMENT)
            .answer::<Document>("200", "The document, with its text.")
            .errors(READ),
        delete("/api/v1/collections/{name}/documents/{id}", "deleteDocument", "Forget a document")
            .path("name", NAME)
            .path("id", DOCUMENT)
            .nothing("204", "It is forgotten.")
            .errors(READ),
        post("/api/v1/collections/{name}/search", "searchCollection", "Find passages")
            .path("name", NAME)
            .body::<Search>()
            .example("By what the collection can do", json!({"query": "Where does the Rhine end?"}))
            .example("By keywords", json!({"query": "North Sea", "top_k": 3, "mode": "keyword"}))
            .answer::<Found>("200", "What was found, best first.")
            .errors(WRITE),
    ]
}
