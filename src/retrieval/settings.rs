use serde::Deserialize;

use crate::models::{ChatError, ErrorKind, check_address};

/// What the operator decides about collections.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// The model that makes vectors, as `provider/model`; without one, search is by words alone.
    pub embeddings: Option<String>,
    /// Where vectors are, if not in the collection's own object.
    pub store: Option<StoreSettings>,
}

/// A vector store, and how to reach it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum StoreSettings {
    /// Qdrant over HTTP.
    Qdrant {
        /// The server's address.
        url: String,
        /// The variable that has the key, where one is needed.
        key: Option<String>,
        /// Qdrant's own collection, which holds all of ours.
        #[serde(default = "usual_name")]
        collection: String,
    },
    /// Pinecone over HTTP.
    Pinecone {
        /// The index's own address.
        url: String,
        /// The variable that has the key.
        key: Option<String>,
    },
    /// Weaviate over HTTP.
    Weaviate {
        /// The server's address.
        url: String,
        /// The variable that has the key, where one is needed.
        key: Option<String>,
        /// Weaviate's own collection, which holds all of ours.
        #[serde(default = "usual_class")]
        class: String,
    },
    /// Cloudflare Vectorize through a binding.
    Vectorize {
        /// The binding's name.
        #[serde(default = "usual_binding")]
        binding: String,
    },
}

fn usual_name() -> String {
    "tributary".to_owned()
}

fn usual_class() -> String {
    "Tributary".to_owned()
}

fn usual_binding() -> String {
    "VECTORIZE".to_owned()
}

impl StoreSettings {
    /// The word for it on the wire.
    pub fn kind(&self) -> &'static str {
        match self {
            StoreSettings::Qdrant { .. } => "qdrant",
            StoreSettings::Pinecone { .. } => "pinecone",
            StoreSettings::Weaviate { .. } => "weaviate",
            StoreSettings::Vectorize { .. } => "vectorize",
        }
    }

    /// The variable that has its key.
    pub fn key(&self) -> Option<&str> {
        match self {
            StoreSettings::Qdrant { key, .. }
            | StoreSettings::Pinecone { key, .. }
            | StoreSettings::Weaviate { key, .. } => key.as_deref(),
            StoreSettings::Vectorize { .. } => None,
        }
    }

    fn check(self) -> Result<Self, ChatError> {
        let plain = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        match self {
            StoreSettings::Qdrant { url, key, collection } => {
                if collection.is_empty() || !plain(&collection) {
                    return Err(unreadable("collection must be letters, digits, dashes or underscores"));
                }
                Ok(StoreSettings::Qdrant { url: check_address("VECTOR_STORE.url", &url)?, key, collection })
            }
            StoreSettings::Pinecone { url, key } => {
                Ok(StoreSettings::Pinecone { url: check_address("VECTOR_STORE.url", &url)?, key })
            }
            StoreSettings::Weaviate { url, key, class } => {
                let is_class = class.bytes().next().is_some_and(|byte| byte.is_ascii_uppercase());
                if !is_class || !class.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                    return Err(unreadable(
                        "class must begin with a capital letter and have letters, digits and underscores",
                    ));
                }
                Ok(StoreSettings::Weaviate { url: check_address("VECTOR_STORE.url", &url)?, key, class })
            }
            StoreSettings::Vectorize { binding } => Ok(StoreSettings::Vectorize { binding }),
        }
    }
}

impl Settings {
    /// Reads the operator's variables; an error names the one that makes no sense.
    pub fn read(var: &dyn Fn(&str) -> Option<String>) -> Result<Self, ChatError> {
        let embeddings = var("EMBEDDINGS").map(|model| model.trim().to_owned()).filter(|model| !model.is_empty());
        let store = var("VECTOR_STORE").filter(|text| !text.trim().is_empty());
        let store = store.map(|text| serde_json::from_str::<StoreSettings>(&text)).transpose();
        let store = store.map_err(|error| unreadable(&error.to_string()))?.map(StoreSettings::check).transpose()?;
        if store.is_some() && embeddings.is_none() {
            let words = "VECTOR_STORE needs vectors to store: set EMBEDDINGS to a model that makes them";
            return Err(ChatError::lasting(ErrorKind::Internal, words));
        }
        Ok(Settings { embeddings, store })
    }
}

fn unreadable(why: &str) -> ChatError {
    ChatError::lasting(ErrorKind::Internal, format!("the variable VECTOR_STORE cannot be read: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(store: &str) -> Result<Settings, ChatError> {
        let store = store.to_owned();
        Settings::read(&move |name| match name {
            "EMBEDDINGS" => Some("openai/m".to_owned()),
            "VECTOR_STORE" => Some(store.clone()),
            _ => None,
        })
    }

    #[test]
    fn a_store_is_named_with_its_address() {
        let settings = read(r#"{"kind":"qdrant","url":"http://localhost:6333/","key":"QDRANT_API_KEY"}"#).unwrap();
        let store = settings.store.unwrap();
        assert_eq!((store.kind(), store.key()), ("qdrant", Some("QDRANT_API_KEY")));
        let StoreSettings::Qdrant { url, collection, .. } = store else { panic!("another store") };
        assert_eq!((url.as_str(), collection.as_str()), ("http://localhost:6333", "tributary"));
        assert_eq!(read(r#"{"kind":"vectorize"}"#).unwrap().store.unwrap().kind(), "vectorize");
        for (value, words) in [
            ("no", "VECTOR_STORE cannot be read"),
            (r#"{"kind":"other"}"#, "unknown variant `other`"),
            (r#"{"kind":"qdrant","url":"http://a.example"}"#, "VECTOR_STORE.url must be an https address"),
            (r#"{"kind":"weaviate","url":"https://a","class":"a"}"#, "class must begin with a capital letter"),
        ] {
            let message = read(value).unwrap_err().message;
            assert!(message.contains(words), "{message}");
        }
        let alone = Settings::read(&|name| (name == "VECTOR_STORE").then(|| r#"{"kind":"vectorize"}"#.to_owned()));
        assert!(alone.unwrap_err().message.contains("set EMBEDDINGS"));
    }
}
