//! Errors, in the unified form.

use schemars::JsonSchema;
use serde_json::Value;

use crate::models::Usage;

/// An error that comes instead of an answer.
#[derive(JsonSchema)]
pub struct ErrorBody {
    /// What went wrong.
    pub error: ErrorDetail,
}

/// An error that ends a stream: nothing follows it, and `[DONE]` does not come before it.
#[derive(JsonSchema)]
pub struct ErrorEvent {
    /// What went wrong.
    pub error: ErrorDetail,
    /// What it cost all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

/// What went wrong.
#[derive(JsonSchema)]
pub struct ErrorDetail {
    /// What kind of failure.
    #[serde(rename = "type")]
    pub kind: ErrorType,
    /// One sentence for people. Never holds a key.
    pub message: String,
    /// The provider that failed, where one was involved.
    pub provider: Option<String>,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// The field at fault, as a path: `messages[0].role`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub param: Option<String>,
    /// The provider's own code: `insufficient_quota`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The run that is under way, in a `conflict`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// The provider's id for the request, for its support.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_request_id: Option<String>,
    /// The provider's own error, without anything that looks like a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<Value>,
    /// The request's id; in bodies only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// What kind of failure.
#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorType {
    /// The request is wrong; `param` names the field.
    InvalidRequest,
    /// A provider's key is missing or was refused; the message names the variable to set.
    ProviderAuthError,
    /// The gateway's own key is missing or unknown.
    AuthenticationError,
    /// The caller may not do this.
    PermissionDenied,
    /// The provider does not have the model, or may not be asked for it.
    ModelNotSupported,
    /// There is no such provider.
    UnknownProvider,
    /// There is no such thing.
    NotFound,
    /// Another run of the session is under way.
    Conflict,
    /// Too many requests for now.
    RateLimited,
    /// The money for this is spent.
    BudgetExceeded,
    /// The provider withheld the answer.
    ContentFilter,
    /// The provider cannot serve just now.
    Overloaded,
    /// The provider failed in some other way.
    ProviderError,
    /// The provider was silent for too long.
    Timeout,
    /// The provider's answer broke off.
    Truncated,
    /// The gateway itself was stopped in mid-answer; what came is kept.
    Interrupted,
    /// The caller stopped the run.
    Cancelled,
    /// A fault of the gateway's own.
    Internal,
}
