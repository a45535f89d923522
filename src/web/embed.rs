//! Embeddings, in any client's language.

use super::chat::ask;
use super::reply::Reply;
use super::{Call, body};
use crate::dialects::ToClient;
use crate::dialects::embeddings::{EmbedDialect, read_request, write_answer};
use crate::models::ChatError;
use crate::service::{House, embed};

/// A request for embeddings. One vendor names the model in the address.
pub async fn embeddings(
    call: Call,
    dialect: EmbedDialect,
    language: &'static dyn ToClient,
    model: Option<String>,
    house: &House,
) -> Result<Reply, ChatError> {
    let asked = body::read_json(&call).await?;
    let mut request = read_request(dialect, &asked)?;
    request.model = model.or(request.model);
    let ask = ask(&call, language, false);
    let (answer, model) = embed(&request, &ask, house).await?;
    Ok(Reply::bytes(200, write_answer(dialect, &asked, &request, &answer, answer.model.as_deref().unwrap_or(&model))))
}
