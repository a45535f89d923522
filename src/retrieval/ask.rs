//! What is asked of a collection, checked.

use serde_json::{Map, Value};

use crate::models::{ChatError, ErrorKind, Retrieval};

/// More at once are several requests.
pub const MOST_DOCUMENTS: usize = 100;

/// A row of the store holds twice that.
const MOST_TEXT: usize = 1 << 20;

/// Words beside a document, not the document.
const MOST_METADATA: usize = 4096;

/// An id, a title, an address.
const MOST_WORD: usize = 512;

/// A document to be kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// The caller's id for it; one of ours where there is none.
    pub id: Option<String>,
    /// What it says.
    pub text: String,
    /// What it is called.
    pub title: Option<String>,
    /// Where it is.
    pub url: Option<String>,
    /// What its owner keeps beside it.
    pub metadata: Map<String, Value>,
}

/// A question to a collection.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    /// The question.
    pub query: String,
    /// How many passages, at most.
    pub top_k: u64,
    /// How they are found; the best that there is where nothing was said.
    pub mode: Option<Mode>,
}

/// How passages are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// By words and by meaning.
    Hybrid,
    /// By words.
    Keyword,
    /// By meaning.
    Vector,
}

impl Mode {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Hybrid => "hybrid",
            Mode::Keyword => "keyword",
            Mode::Vector => "vector",
        }
    }
}

/// Whether a collection may be called so.
pub fn check_name(name: &str, field: &str) -> Result<(), ChatError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    match (1..=64).contains(&name.len()) && name.bytes().all(is_plain) {
        true => Ok(()),
        false => {
            Err(ChatError::invalid(field, format!("{field} must be 1 to 64 letters, digits, dashes or underscores")))
        }
    }
}

/// Documents to be kept: a list, or one alone.
pub fn read_documents(body: &[u8]) -> Result<Vec<Document>, ChatError> {
    let fields = object(body)?;
    if !fields.contains_key("documents") {
        return Ok(vec![read_document(&fields, "")?]);
    }
    only(&fields, &["documents"], "")?;
    let Some(Value::Array(items)) = fields.get("documents") else {
        return Err(wrong("documents", "must be an array"));
    };
    if items.is_empty() || items.len() > MOST_DOCUMENTS {
        return Err(wrong("documents", &format!("must have 1 to {MOST_DOCUMENTS} documents")));
    }
    let read = |(at, item): (usize, &Value)| {
        let path = format!("documents[{at}]");
        let Value::Object(fields) = item else { return Err(wrong(&path, "must be an object")) };
        read_document(fields, &format!("{path}."))
    };
    items.iter().enumerate().map(read).collect()
}

fn read_document(fields: &Map<String, Value>, path: &str) -> Result<Document, ChatError> {
    only(fields, &["id", "text", "title", "url", "metadata"], path)?;
    let text = need_text(fields, "text", path, MOST_TEXT)?;
    let metadata = match fields.get("metadata") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(map)) if Value::Object(map.clone()).to_string().len() <= MOST_METADATA => map.clone(),
        Some(_) => {
            let words = format!("must be an object of at most {MOST_METADATA} bytes");
            return Err(wrong(&format!("{path}metadata"), &words));
        }
    };
    let id = word(fields, "id", path)?;
    if id.as_ref().is_some_and(|id| id.contains('/') || id.chars().any(char::is_control)) {
        return Err(wrong(&format!("{path}id"), "must not have a slash or a control character"));
    }
    // In an address these two mean another one.
    if id.as_ref().is_some_and(|id| matches!(id.as_str(), "." | "..")) {
        return Err(wrong(&format!("{path}id"), "must not be dots alone"));
    }
    Ok(Document { id, text, title: word(fields, "title", path)?, url: word(fields, "url", path)?, metadata })
}

/// A question.
pub fn read_search(body: &[u8]) -> Result<Search, ChatError> {
    let fields = object(body)?;
    only(&fields, &["query", "top_k", "mode"], "")?;
    let query = need_text(&fields, "query", "", 64 * 1024)?;
    let top_k = match fields.get("top_k") {
        None | Some(Value::Null) => Retrieval::USUAL,
        Some(value) => value
            .as_u64()
            .filter(|count| (1..=Retrieval::MOST).contains(count))
            .ok_or_else(|| wrong("top_k", &format!("must be a whole number from 1 to {}", Retrieval::MOST)))?,
    };
    let mode = match fields.get("mode") {
        None | Some(Value::Null) => None,
        Some(value) => {
            let all = [Mode::Hybrid, Mode::Keyword, Mode::Vector];
            let known = all.into_iter().find(|mode| value.as_str() == Some(mode.as_str()));
            Some(known.ok_or_else(|| wrong("mode", "must be hybrid, keyword or vector"))?)
        }
    };
    Ok(Search { query, top_k, mode })
}

fn object(body: &[u8]) -> Result<Map<String, Value>, ChatError> {
    let unreadable = |_| ChatError::new(ErrorKind::InvalidRequest, "the body must be a JSON object");
    serde_json::from_slice(body).map_err(unreadable)
}

fn only(fields: &Map<String, Value>, known: &[&str], path: &str) -> Result<(), ChatError> {
    match fields.keys().find(|name| !known.contains(&name.as_str())) {
        Some(unknown) => Err(wrong(&format!("{path}{unknown}"), "is not a field here")),
        None => Ok(()),
    }
}

fn need_text(fields: &Map<String, Value>, name: &str, path: &str, most: usize) -> Result<String, ChatError> {
    let field = format!("{path}{name}");
    match fields.get(name) {
        None | Some(Value::Null) => Err(wrong(&field, "is required")),
        Some(Value::String(text)) if text.trim().is_empty() => Err(wrong(&field, "must not be empty")),
        Some(Value::String(text)) if text.len() > most => {
            Err(wrong(&field, &format!("must have at most {most} bytes")))
        }
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(wrong(&field, "must be a string")),
    }
}

fn word(fields: &Map<String, Value>, name: &str, path: &str) -> Result<Option<String>, ChatError> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(_) => need_text(fields, name, path, MOST_WORD).map(Some),
    }
}

fn wrong(field: &str, words: &str) -> ChatError {
    ChatError::invalid(field, format!("{field} {words}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn one_document_or_several() {
        let read = |body: Value| read_documents(body.to_string().as_bytes());
        let one = read(json!({"text": "a", "title": "T", "metadata": {"k": 1}})).unwrap();
        assert_eq!((one.len(), one[0].title.as_deref(), &one[0].metadata["k"]), (1, Some("T"), &json!(1)));
        assert_eq!(read(json!({"documents": [{"id": "x", "text": "a"}, {"text": "b"}]})).unwrap().len(), 2);
        let faults = [
            (json!({}), "text", "text is required"),
            (json!({"text": "  "}), "text", "text must not be empty"),
            (json!({"text": 1}), "text", "text must be a string"),
            (json!({"text": "a", "x": 1}), "x", "x is not a field here"),
            (json!({"documents": []}), "documents", "documents must have 1 to 100 documents"),
            (json!({"documents": [{"text": "a"}, {"id": "b"}]}), "documents[1].text", "documents[1].text is required"),
            (json!({"documents": [1]}), "documents[0]", "documents[0] must be an object"),
            (json!({"text": "a", "id": "a/b"}), "id", "id must not have a slash or a control character"),
            (json!({"text": "a", "id": ".."}), "id", "id must not be dots alone"),
            (json!({"text": "a", "metadata": []}), "metadata", "metadata must be an object of at most 4096 bytes"),
        ];
        for (body, param, words) in faults {
            let error = read(body).unwrap_err();
            assert_eq!((error.param.as_deref(), error.message.as_str()), (Some(param), words));
        }
        assert_eq!(read_documents(b"[]").unwrap_err().message, "the body must be a JSON object");
    }

    #[test]
    fn a_question_says_how_it_is_to_be_answered() {
        let read = |body: Value| read_search(body.to_string().as_bytes());
        let search = read(json!({"query": "q", "mode": "keyword", "top_k": 50})).unwrap();
        assert_eq!((search.mode, search.top_k), (Some(Mode::Keyword), 50));
        assert_eq!(read(json!({"query": "q"})).unwrap(), Search { query: "q".to_owned(), top_k: 5, mode: None });
        for (body, param) in [
            (json!({"query": "q", "top_k": 51}), "top_k"),
            (json!({"query": "q", "top_k": "5"}), "top_k"),
            (json!({"query": "q", "mode": "x"}), "mode"),
            (json!({"query": ""}), "query"),
        ] {
            assert_eq!(read(body).unwrap_err().param.as_deref(), Some(param));
        }
    }

    #[test]
    fn names_are_plain() {
        for name in ["a", "My_notes-2", &"x".repeat(64)] {
            assert!(check_name(name, "name").is_ok());
        }
        for name in ["", "a b", "ä", "a/b", &"x".repeat(65)] {
            assert_eq!(
                check_name(name, "retrieval.collection").unwrap_err().param.as_deref(),
                Some("retrieval.collection")
            );
        }
    }
}
