//! Sessions.

use serde_json::json;

use crate::openapi::errors::{LIST, READ, WRITE};
use crate::openapi::operation::{Operation, delete, get, patch, post};
use crate::openapi::schemas::sessions::{
    Conversation, NewSession, Session, SessionList, SessionPage, SessionState, SessionTitle,
};

const ID: &str = "The session's id.";

/// The operations.
pub fn operations() -> Vec<Operation> {
    vec![
        post("/api/v1/sessions", "createSession", "Make a session")
            .about(
                "It belongs to the caller's key, or to the browser's cookie, which is set here, or, on your own \
                 machine without either, to the programs there. To anybody else it does not exist.",
            )
            .optional_body::<NewSession>()
            .example("With nothing said", json!({}))
            .example(
                "With what all its requests have",
                json!({"system": "Be brief.", "title": "Rivers", "defaults": {"model": "demo/demo", "temperature": 0.3}}),
            )
            .answer::<Session>("201", "The session.")
            .errors(WRITE),
        get("/api/v1/sessions", "listSessions", "List the caller's sessions")
            .query::<SessionPage>()
            .answer::<SessionList>("200", "So many of them, newest first.")
            .errors(LIST),
        get("/api/v1/sessions/{id}", "readSession", "Read a session")
            .path("id", ID)
            .answer::<Session>("200", "The session.")
            .errors(READ),
        patch("/api/v1/sessions/{id}", "renameSession", "Give a session a title")
            .path("id", ID)
            .body::<SessionTitle>()
            .example("A title", json!({"title": "Rivers of Europe"}))
            .answer::<Session>("200", "The session.")
            .errors(WRITE),
        delete("/api/v1/sessions/{id}", "deleteSession", "Forget a session")
            .about("A run that is under way is stopped.")
            .path("id", ID)
            .nothing("204", "It is forgotten.")
            .errors(READ),
        get("/api/v1/sessions/{id}/messages", "readMessages", "Read a conversation")
            .about("The turns that lead to the latest run. What was edited or tried again is left aside.")
            .path("id", ID)
            .answer::<Conversation>("200", "The conversation.")
            .errors(READ),
        get("/api/v1/sessions/{id}/state", "readState", "Read what an assistant's tools have made")
            .path("id", ID)
            .answer::<SessionState>("200", "The state.")
            .errors(READ),
    ]
}
