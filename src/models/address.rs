use http::Uri;

use super::{ChatError, ErrorKind};

/// An address that the operator may name for requests with a key: https to anywhere, http to this machine only,
/// because a key must not cross a network in the clear. `what` is the variable that names it.
///
/// ```
/// use tributary::models::check_address;
/// assert_eq!(check_address("X_URL", " https://a.example/v1/ ").unwrap(), "https://a.example/v1");
/// assert!(check_address("X_URL", "http://a.example").is_err());
/// ```
pub fn check_address(what: &str, address: &str) -> Result<String, ChatError> {
    let wrong = || {
        let words = "must be an https address, or http to a loopback host, without user or password";
        ChatError::new(ErrorKind::Internal, format!("{what} {words}"))
    };
    let uri: Uri = address.trim().parse().map_err(|_| wrong())?;
    let host = uri.host().unwrap_or_default();
    let loopback = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    let user = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
    match uri.scheme_str() {
        Some("https") if !user && !host.is_empty() => {}
        Some("http") if !user && loopback => {}
        _ => return Err(wrong()),
    }
    Ok(address.trim().trim_end_matches('/').to_owned())
}
