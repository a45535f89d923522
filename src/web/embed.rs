//! Embeddings, in any client's language.

use worker::Context;

use super::chat::ask;
use super::reply::Reply;
use super::{Call, body};
use crate::dialects::ToClient;
use crate::dialects::embeddings::{EmbedDialect, read_request, write_answer};
use crate::guard::banned;
use crate::models::{ChatError, Embeddings};
use crate::service::{Embedded, House, Slot, admit, embed, settle_exchange};

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
    let slot = Slot::of_embeddings(&request, &ask, house);
    let kept = match &slot {
        Some(slot) => slot.find(&house.env).await.and_then(|kept| serde_json::from_slice(&kept).ok()),
        None => None,
    };
    let (word, (model, embeddings)): (_, (String, Embeddings)) = match kept {
        Some(kept) => (Some("hit"), kept),
        None => {
            let Embedded { embeddings, charge } = embed(&request, &ask, house).await?;
            let model = embeddings.model.clone().unwrap_or_else(|| charge.model.clone());
            let keeps = slot.map(|slot| (slot, serde_json::to_vec(&(&model, &embeddings)).unwrap_or_default()));
            let (word, house) = (keeps.as_ref().map(|_| "miss"), house.clone());
            context.wait_until(async move {
                if let Some((slot, body)) = keeps {
                    slot.keep(body, &house.env).await;
                }
                settle_exchange(&owner, charge, &house).await;
            });
            (word, (model, embeddings))
        }
    };
    Ok(Reply::bytes(200, write_answer(dialect, &asked, &request, &embeddings, &model)).with_cache(word))
}
