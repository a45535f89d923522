//! Who may call. Closed to all but this machine until the operator opens it.

use super::{Call, header};
use crate::models::{ChatError, ErrorKind};
use crate::platform::Settings;

/// Checks a request. Gives the foreign origin that may read the answer, where there is one.
pub fn check(call: &Call, settings: &Settings) -> Result<Option<String>, ChatError> {
    if !settings.allow_anonymous && !is_loopback(call.uri.host().unwrap_or_default()) {
        let words = "this gateway is closed: its operator has not set ALLOW_ANONYMOUS, and only requests to localhost are served";
        return Err(ChatError::new(ErrorKind::PermissionDenied, words));
    }
    let Some(origin) = header(&call.request, "origin") else { return Ok(None) };
    let own = call.uri.scheme_str().zip(call.uri.authority()).map(|(scheme, host)| format!("{scheme}://{host}"));
    if own.as_ref() == Some(&origin) {
        return Ok(None);
    }
    // A page from anywhere could otherwise spend a developer's keys through localhost.
    if settings.allowed_origins.contains(&origin) {
        return Ok(Some(origin));
    }
    let words = "the page that sends this is from another origin, which ALLOWED_ORIGINS does not name";
    Err(ChatError { param: Some("origin".to_owned()), ..ChatError::new(ErrorKind::PermissionDenied, words) })
}

fn is_loopback(host: &str) -> bool {
    let ip4 = host.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback());
    ip4 || host == "localhost" || host.ends_with(".localhost") || host == "[::1]"
}
