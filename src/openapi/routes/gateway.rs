//! What the gateway says of itself.

use crate::openapi::errors::LIST;
use crate::openapi::operation::{Operation, get};
use crate::openapi::schemas::gateway::{Health, ProviderList, StreamHealth};

/// The operations.
pub fn operations() -> Vec<Operation> {
    vec![
        get("/health", "health", "Whether it is alive").open().answer::<Health>("200", "It is."),
        get("/api/v1/chat/stream/health", "streamHealth", "Whether it is alive, and who can be asked")
            .answer::<StreamHealth>("200", "It is.")
            .errors(LIST),
        get("/api/v1/providers", "listProviders", "What is configured")
            .answer::<ProviderList>("200", "Providers and aliases.")
            .errors(LIST),
    ]
}
