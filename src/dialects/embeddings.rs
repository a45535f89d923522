//! Embeddings in the languages that have them: what goes to providers, what comes back, and both for
//! clients. Small enough to stand side by side.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Outgoing;
use super::fields::{self, Fields};
use super::outgoing::{model_path, post};
use super::provider_error::cut;
use crate::framing::write_json_value;
use crate::models::{Auth, ChatError, EmbedRequest, Embeddings, ErrorKind, Target, Usage};

/// More texts than any provider takes at once.
const MOST_INPUTS: usize = 2048;

// --- towards providers -------------------------------------------------------------------------------

/// `POST /embeddings`, as OpenAI and most of its copies have it.
pub fn write_openai(request: &EmbedRequest, target: &Target) -> Result<Outgoing, ChatError> {
    let mut body = json!({"model": target.model, "input": request.input, "encoding_format": "float"});
    set_dimensions(&mut body, "dimensions", request);
    post(target, Auth::Bearer, "/embeddings", &body, Vec::new())
}

/// Reads the answer to that. The list says by its indices which text a vector belongs to.
pub fn read_openai(body: &[u8]) -> Result<Embeddings, ChatError> {
    #[derive(Deserialize)]
    struct Answer {
        model: Option<String>,
        data: Vec<Item>,
        usage: Option<Counts>,
    }
    #[derive(Deserialize)]
    struct Item {
        #[serde(default)]
        index: usize,
        embedding: Vec<f32>,
    }
    #[derive(Deserialize)]
    struct Counts {
        prompt_tokens: Option<u64>,
    }
    let mut answer: Answer = read(body)?;
    answer.data.sort_by_key(|item| item.index);
    Ok(Embeddings {
        model: answer.model,
        vectors: answer.data.into_iter().map(|item| item.embedding).collect(),
        input_tokens: answer.usage.and_then(|counts| counts.prompt_tokens),
    })
}

/// `POST /api/embed`, as Ollama has it.
pub fn write_ollama(request: &EmbedRequest, target: &Target) -> Result<Outgoing, ChatError> {
    let mut body = json!({"model": target.model, "input": request.input});
    set_dimensions(&mut body, "dimensions", request);
    post(target, Auth::Bearer, "/api/embed", &body, Vec::new())
}

/// Reads the answer to that.
pub fn read_ollama(body: &[u8]) -> Result<Embeddings, ChatError> {
    #[derive(Deserialize)]
    struct Answer {
        model: Option<String>,
        embeddings: Vec<Vec<f32>>,
        prompt_eval_count: Option<u64>,
    }
    let answer: Answer = read(body)?;
    Ok(Embeddings { model: answer.model, vectors: answer.embeddings, input_tokens: answer.prompt_eval_count })
}

/// `:batchEmbedContents`, as Gemini has it, at the path of that method.
pub fn write_gemini(request: &EmbedRequest, target: &Target, model: &str, path: &str) -> Result<Outgoing, ChatError> {
    let one = |text: &String| {
        let mut one = json!({"model": format!("models/{model}"), "content": {"parts": [{"text": text}]}});
        set_dimensions(&mut one, "outputDimensionality", request);
        one
    };
    let body = json!({"requests": request.input.iter().map(one).collect::<Vec<_>>()});
    post(target, Auth::XGoogApiKey, path, &body, Vec::new())
}

/// Reads the answer to that.
pub fn read_gemini(body: &[u8]) -> Result<Embeddings, ChatError> {
    #[derive(Deserialize)]
    struct Answer {
        embeddings: Vec<Item>,
    }
    #[derive(Deserialize)]
    struct Item {
        values: Vec<f32>,
    }
    let answer: Answer = read(body)?;
    Ok(Embeddings { vectors: answer.embeddings.into_iter().map(|item| item.values).collect(), ..Embeddings::default() })
}

/// A run of an embedding model, as Workers AI has it.
pub fn write_workers_ai(request: &EmbedRequest, target: &Target) -> Result<Outgoing, ChatError> {
    let path = format!("/{}", model_path(&target.model)?);
    post(target, Auth::Bearer, &path, &json!({"text": request.input}), Vec::new())
}

/// Reads the answer to that: REST has an envelope around it, the binding has not.
pub fn read_workers_ai(body: &[u8]) -> Result<Embeddings, ChatError> {
    #[derive(Deserialize)]
    struct Envelope {
        result: Value,
    }
    #[derive(Deserialize)]
    struct Answer {
        data: Vec<Vec<f32>>,
    }
    let inner = serde_json::from_slice::<Envelope>(body).ok().filter(|envelope| envelope.result.is_object());
    let answer: Answer = match inner {
        Some(envelope) => serde_json::from_value(envelope.result).map_err(unreadable)?,
        None => read(body)?,
    };
    Ok(Embeddings { vectors: answer.data, ..Embeddings::default() })
}

fn set_dimensions(body: &mut Value, name: &str, request: &EmbedRequest) {
    if let (Some(dimensions), Some(map)) = (request.dimensions, body.as_object_mut()) {
        map.insert(name.to_owned(), json!(dimensions));
    }
}

fn read<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, ChatError> {
    serde_json::from_slice(body).map_err(unreadable)
}

fn unreadable(error: serde_json::Error) -> ChatError {
    let words = format!("the provider's embeddings could not be read: {error}");
    ChatError::new(ErrorKind::Provider, cut(&words, 200))
}

// --- towards clients ---------------------------------------------------------------------------------

/// A client's language for embeddings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmbedDialect {
    /// OpenAI's `POST /v1/embeddings`.
    OpenAi,
    /// Ollama's `POST /api/embed`.
    Ollama,
    /// Ollama's older `POST /api/embeddings`: one text, one vector.
    OllamaOne,
    /// Gemini's `:embedContent`: one text, one vector.
    Gemini,
    /// Gemini's `:batchEmbedContents`.
    GeminiBatch,
}

/// Reads and checks a request; an error names the field.
pub fn read_request(dialect: EmbedDialect, body: &[u8]) -> Result<EmbedRequest, ChatError> {
    let body = fields::read_body(body)?;
    let fields = Fields::root(&body);
    let (request, known): (EmbedRequest, &[&str]) = match dialect {
        EmbedDialect::OpenAi => {
            (plain(&fields, "input")?, &["model", "provider", "input", "dimensions", "encoding_format"])
        }
        EmbedDialect::Ollama => (plain(&fields, "input")?, &["model", "provider", "input", "dimensions", "truncate"]),
        EmbedDialect::OllamaOne => (plain(&fields, "prompt")?, &["model", "provider", "prompt"]),
        EmbedDialect::Gemini => (contents(&fields, &[&fields])?, &["model", "content", "outputDimensionality"]),
        EmbedDialect::GeminiBatch => {
            let items = fields.array("requests")?;
            let at = |(at, item)| Fields::at(item, format!("requests[{at}]"));
            let requests = items.iter().enumerate().map(at).collect::<Result<Vec<_>, _>>()?;
            (contents(&fields, &requests.iter().collect::<Vec<_>>())?, &["requests"])
        }
    };
    let name = if dialect == EmbedDialect::OllamaOne { "prompt" } else { "input" };
    if request.input.is_empty() || request.input.len() > MOST_INPUTS {
        return fields.wrong(name, format!("must have at least one text, and at most {MOST_INPUTS}"));
    }
    Ok(EmbedRequest { left_out: fields.unknown(known), ..request })
}

fn plain(fields: &Fields<'_>, name: &str) -> Result<EmbedRequest, ChatError> {
    let input = match fields.get(name) {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(items)) => match items.iter().map(|item| item.as_str().map(str::to_owned)).collect() {
            Some(texts) => texts,
            // Tokens are one model's own.
            None => return fields.wrong(name, "must be a text or a list of texts; tokens are not taken"),
        },
        Some(_) => return fields.wrong(name, "must be a text or a list of texts"),
        None => return fields.wrong(name, "is required"),
    };
    Ok(EmbedRequest {
        provider: fields.str("provider")?.map(str::to_owned),
        model: fields.str("model")?.map(str::to_owned),
        input,
        dimensions: fields.count("dimensions", 1)?,
        left_out: Vec::new(),
    })
}

/// The texts of Gemini's contents: the parts of one are one text.
fn contents(fields: &Fields<'_>, requests: &[&Fields<'_>]) -> Result<EmbedRequest, ChatError> {
    let mut request = EmbedRequest { model: fields.str("model")?.map(str::to_owned), ..EmbedRequest::default() };
    for one in requests {
        let content = one.need_object("content")?;
        let mut text = String::new();
        for (at, part) in content.array("parts")?.iter().enumerate() {
            let part = Fields::at(part, format!("{}[{at}]", content.path("parts")))?;
            match part.str("text")? {
                Some(piece) => text.push_str(piece),
                None => return part.wrong("text", "is required: only text is embedded"),
            }
        }
        request.input.push(text);
        request.dimensions = one.count("outputDimensionality", 1)?.or(request.dimensions);
    }
    Ok(request)
}

/// Writes the answer. `asked` is the request's own body: one vendor has a choice of encodings.
pub fn write_answer(
    dialect: EmbedDialect,
    asked: &[u8],
    request: &EmbedRequest,
    answer: &Embeddings,
    model: &str,
) -> Vec<u8> {
    let first = answer.vectors.first().cloned().unwrap_or_default();
    let tokens = answer.input_tokens.unwrap_or_else(|| Usage::estimate(request.text_bytes(), 0).input_tokens);
    let mut body = match dialect {
        EmbedDialect::OpenAi => {
            let base64 = serde_json::from_slice::<Map<String, Value>>(asked)
                .is_ok_and(|body| body.get("encoding_format").is_some_and(|format| format == "base64"));
            let item = |(at, vector): (usize, &Vec<f32>)| {
                let embedding = if base64 { json!(in_base64(vector)) } else { json!(vector) };
                json!({"object": "embedding", "index": at, "embedding": embedding})
            };
            let data: Vec<Value> = answer.vectors.iter().enumerate().map(item).collect();
            let usage = json!({"prompt_tokens": tokens, "total_tokens": tokens});
            json!({"object": "list", "data": data, "model": model, "usage": usage})
        }
        EmbedDialect::Ollama => json!({"model": model, "embeddings": answer.vectors, "prompt_eval_count": tokens}),
        EmbedDialect::OllamaOne => json!({"embedding": first}),
        EmbedDialect::Gemini => json!({"embedding": {"values": first}}),
        EmbedDialect::GeminiBatch => {
            let items: Vec<Value> = answer.vectors.iter().map(|vector| json!({"values": vector})).collect();
            json!({ "embeddings": items })
        }
    };
    if let Some(map) = body.as_object_mut().filter(|_| !request.left_out.is_empty()) {
        let warnings = request.left_out.iter().map(|name| format!("{name} was left out"));
        map.insert("warnings".to_owned(), warnings.collect());
    }
    let mut out = Vec::new();
    write_json_value(&mut out, &body);
    out
}

/// Little-endian floats, which one vendor's SDKs ask for unless they are told otherwise.
fn in_base64(vector: &[f32]) -> String {
    STANDARD.encode(vector.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>())
}
