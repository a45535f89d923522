//! Where a model is asked.

use http::Uri;

use crate::dialects::outgoing::model_path;
use crate::models::{ChatError, Target};

/// The model's name alone: the vendor's own lists write `models/` before it.
pub fn model(target: &Target) -> &str {
    target.model.strip_prefix("models/").unwrap_or(&target.model)
}

/// The method of an answer that streams, and that of one that comes whole.
pub const STREAMED: &str = "streamGenerateContent?alt=sse";
pub const WHOLE: &str = "generateContent";

/// The path of a method, below the base. A base that is only a host is given the version; in any other
/// the operator has named the whole way.
pub fn path(target: &Target, method: &str) -> Result<String, ChatError> {
    let bare = target.base_url.parse::<Uri>().is_ok_and(|uri| matches!(uri.path(), "" | "/"));
    let version = if bare { "/v1beta" } else { "" };
    Ok(format!("{version}/models/{}:{method}", model_path(model(target))?))
}
