//! How many tokens a prompt has, in any client's language.

use super::chat::{ask, take_headers};
use super::reply::Reply;
use super::{Call, body};
use crate::dialects::ToClient;
use crate::models::ChatError;
use crate::service::{House, admit, count_tokens};

/// A request that is only counted. One vendor names the model in the address.
pub async fn tokens(
    call: Call,
    dialect: &'static dyn ToClient,
    model: Option<String>,
    house: &House,
) -> Result<Reply, ChatError> {
    let mut chat = dialect.read_count_request(&body::read_json(&call).await?)?;
    take_headers(&mut chat, dialect, &call);
    chat.model = model.or(chat.model);
    admit(&call.caller.owner(), None, house).await?;
    let (tokens, estimated) = count_tokens(&chat, &ask(&call, dialect, false), house).await?;
    Ok(Reply::json(200, &dialect.write_counted(tokens, estimated)))
}
