//! Ollama: models on the operator's own machine, or the vendor's cloud.

use super::catalogue::Provider;
use super::prices::Listed;
use crate::models::Quirks;

/// It costs nobody anything by the token.
const PRICES: &[Listed] = &[("*", 0.0, 0.0, 0.0)];

pub fn provider() -> Provider {
    Provider {
        name: "ollama".to_owned(),
        description: "Ollama, on this machine unless OLLAMA_BASE_URL says otherwise".to_owned(),
        dialect: "ollama".to_owned(),
        base_url: "http://localhost:11434".to_owned(),
        // The cloud asks for one, a server of one's own does not.
        key_variable: Some("OLLAMA_API_KEY".to_owned()),
        key_optional: true,
        quirks: Quirks::default(),
        prices: PRICES,
        ..Provider::default()
    }
}
