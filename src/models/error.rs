use http::StatusCode;

/// A failure, in words that a client can act on. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ChatError {
    /// What kind of failure.
    pub kind: ErrorKind,
    /// One lower-case sentence for people.
    pub message: String,
    /// The provider that failed, where one was involved.
    pub provider: Option<String>,
    /// The request field at fault, as a path: `messages[0].role`.
    pub param: Option<String>,
    /// The provider's own code: `insufficient_quota`.
    pub code: Option<String>,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// How long to wait before that, in milliseconds, where the provider said.
    pub retry_after_ms: Option<u64>,
    /// The provider's id for the request, for its support.
    pub provider_request_id: Option<String>,
    /// The provider's own error, redacted and cut to [`ChatError::MAX_RAW`] bytes before it leaves.
    pub raw: Option<String>,
}

impl ChatError {
    /// The most that is kept of a provider's own error: enough for any message, too little to
    /// carry a document.
    pub const MAX_RAW: usize = 4096;

    /// The most bytes of a message.
    pub const MAX_MESSAGE: usize = 1024;

    /// A failure of a kind, retryable where its kind usually is.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        ChatError {
            kind,
            message: message.into(),
            provider: None,
            param: None,
            code: None,
            retryable: kind.is_transient(),
            retry_after_ms: None,
            provider_request_id: None,
            raw: None,
        }
    }

    /// A failure that the same request would meet again.
    pub fn lasting(kind: ErrorKind, message: impl Into<String>) -> Self {
        ChatError { retryable: false, ..ChatError::new(kind, message) }
    }

    /// A request that is wrong in one field.
    pub fn invalid(param: impl Into<String>, message: impl Into<String>) -> Self {
        ChatError { param: Some(param.into()), ..ChatError::new(ErrorKind::InvalidRequest, message) }
    }

    /// The same failure, with the provider that it came from.
    pub fn from_provider(mut self, provider: &str) -> Self {
        self.provider = Some(provider.to_owned());
        self
    }
}

/// What kind of failure, by the words and statuses of the unified API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request is wrong; `param` names the field.
    InvalidRequest,
    /// The request's body is larger than allowed. `invalid_request` on the wire.
    TooLarge,
    /// The request's body is not what the route takes. `invalid_request` on the wire.
    UnsupportedMediaType,
    /// The route exists, the method does not. `invalid_request` on the wire.
    MethodNotAllowed,
    /// A provider's key is missing or was refused.
    ProviderAuth,
    /// The gateway's own key is missing or unknown.
    Unauthenticated,
    /// The caller may not do this.
    PermissionDenied,
    /// The provider does not have the model, or may not be asked for it.
    ModelNotSupported,
    /// The catalogue has no such provider.
    UnknownProvider,
    /// There is no such thing.
    NotFound,
    /// Something else is under way; `code` names it.
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
    Provider,
    /// The provider was silent for too long.
    Timeout,
    /// The provider's answer broke off.
    Truncated,
    /// The gateway itself was stopped in mid-answer.
    Interrupted,
    /// The caller stopped the run.
    Cancelled,
    /// A fault of the gateway's own.
    Internal,
}

impl ErrorKind {
    /// The type on the wire.
    ///
    /// ```
    /// assert_eq!(tributary::models::ErrorKind::ProviderAuth.as_str(), "provider_auth_error");
    /// ```
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorKind::InvalidRequest
            | ErrorKind::TooLarge
            | ErrorKind::UnsupportedMediaType
            | ErrorKind::MethodNotAllowed => "invalid_request",
            ErrorKind::ProviderAuth => "provider_auth_error",
            ErrorKind::Unauthenticated => "authentication_error",
            ErrorKind::PermissionDenied => "permission_denied",
            ErrorKind::ModelNotSupported => "model_not_supported",
            ErrorKind::UnknownProvider => "unknown_provider",
            ErrorKind::NotFound => "not_found",
            ErrorKind::Conflict => "conflict",
            ErrorKind::RateLimited => "rate_limited",
            ErrorKind::BudgetExceeded => "budget_exceeded",
            ErrorKind::ContentFilter => "content_filter",
            ErrorKind::Overloaded => "overloaded",
            ErrorKind::Provider => "provider_error",
            ErrorKind::Timeout => "timeout",
            ErrorKind::Truncated => "truncated",
            ErrorKind::Interrupted => "interrupted",
            ErrorKind::Cancelled => "cancelled",
            ErrorKind::Internal => "internal",
        }
    }

    /// The kind that another gateway of this project, or an object of this one, told by its type.
    ///
    /// ```
    /// use tributary::models::ErrorKind;
    /// assert_eq!(ErrorKind::read("rate_limited"), Some(ErrorKind::RateLimited));
    /// assert_eq!(ErrorKind::read("something else"), None);
    /// ```
    pub fn read(word: &str) -> Option<Self> {
        KINDS.into_iter().find(|kind| kind.as_str() == word)
    }

    /// The HTTP status while one can still be sent.
    pub fn status(self) -> StatusCode {
        match self {
            ErrorKind::InvalidRequest => StatusCode::UNPROCESSABLE_ENTITY,
            ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ErrorKind::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ErrorKind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            ErrorKind::ProviderAuth | ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
            ErrorKind::PermissionDenied => StatusCode::FORBIDDEN,
            ErrorKind::ModelNotSupported | ErrorKind::UnknownProvider | ErrorKind::ContentFilter => {
                StatusCode::BAD_REQUEST
            }
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::Conflict => StatusCode::CONFLICT,
            ErrorKind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            ErrorKind::BudgetExceeded => StatusCode::PAYMENT_REQUIRED,
            ErrorKind::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
            // A body that broke off before its first event is a bad gateway to the client.
            ErrorKind::Provider | ErrorKind::Truncated => StatusCode::BAD_GATEWAY,
            ErrorKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
            // 499 is what proxies log for a caller that left; nobody is there to read it.
            ErrorKind::Cancelled => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
            ErrorKind::Interrupted | ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Whether the same request may well succeed later.
    pub fn is_transient(self) -> bool {
        matches!(
            self,
            ErrorKind::RateLimited
                | ErrorKind::Overloaded
                | ErrorKind::Provider
                | ErrorKind::Timeout
                | ErrorKind::Truncated
                | ErrorKind::Interrupted
        )
    }
}

/// One kind a type: of several with the same type the first is what the type says.
const KINDS: [ErrorKind; 18] = [
    ErrorKind::InvalidRequest,
    ErrorKind::ProviderAuth,
    ErrorKind::Unauthenticated,
    ErrorKind::PermissionDenied,
    ErrorKind::ModelNotSupported,
    ErrorKind::UnknownProvider,
    ErrorKind::NotFound,
    ErrorKind::Conflict,
    ErrorKind::RateLimited,
    ErrorKind::BudgetExceeded,
    ErrorKind::ContentFilter,
    ErrorKind::Overloaded,
    ErrorKind::Provider,
    ErrorKind::Timeout,
    ErrorKind::Truncated,
    ErrorKind::Interrupted,
    ErrorKind::Cancelled,
    ErrorKind::Internal,
];
