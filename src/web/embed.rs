//! Embeddings, in any client's language.

use worker::Context;

use super::chat::ask;
use super::reply::Reply;
use super::{Call, body};
use crate::dialects::ToClient;
use crate::dialects::embeddings::{EmbedDialect, read_request, write_answer};
use crate::guard::banned;
use crate::models::ChatError;
use crate::service::{Embedded, House, admit, embed, settle_exchange};

/// A request for embeddings. One vendor names the model in the address.
pub async fn embeddings(
    call: Call,
    dialect: EmbedDialect,
    language: &'static dyn ToClient,
    model: Option<String>,
    house: &House,
    context: &Context,
) -> Result<Reply, ChatError> {
    let asked = body::read_json(&call).await?;
    let mut request = read_request(dialect, &asked)?;
    request.model = model.or(request.model);
    let (ask, owner) = (ask(&call, language, false), call.caller.owner());
    admit(&owner, None, house).await?;
    if house.guard.input.as_ref().is_some_and(|input| request.input.iter().any(|text| input.bans(text))) {
        return Err(banned("input"));
    }
    let Embedded { embeddings, charge } = embed(&request, &ask, house).await?;
    let model = embeddings.model.clone().unwrap_or_else(|| charge.model.clone());
    let house = house.clone();
    context.wait_until(async move { settle_exchange(&owner, charge, &house).await });
    Ok(Reply::bytes(200, write_answer(dialect, &asked, &request, &embeddings, &model)))
}
