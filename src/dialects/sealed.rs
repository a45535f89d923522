//! A provider's own state as a text that a client of another language keeps and returns: in the place
//! where that language has its own signatures and encrypted reasoning, which its SDKs never look into.

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use serde_json::{Value, json};

use crate::models::Opaque;

/// Marks a text as ours. A vendor's own signature is no JSON behind its base64.
const MARK: &str = "tributary";

/// State as base64; `call` is the id of the tool call that it belongs to.
pub fn seal(opaque: &Opaque, call: Option<&str>) -> String {
    let mut value = json!({ MARK: opaque.dialect, "data": opaque.data });
    if let (Some(call), Some(map)) = (call, value.as_object_mut()) {
        map.insert("call".to_owned(), json!(call));
    }
    STANDARD.encode(value.to_string())
}

/// The state in a text of ours, and the call that it belongs to; nothing where the text is a vendor's.
pub fn open(token: &str) -> Option<(Opaque, Option<String>)> {
    // SDKs that know the field as bytes write it again in the alphabet of their choice.
    let standard: String = token
        .trim()
        .chars()
        .map(|char| match char {
            '-' => '+',
            '_' => '/',
            char => char,
        })
        .collect();
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let bytes = GeneralPurpose::new(&alphabet::STANDARD, config).decode(standard).ok()?;
    let value: Value = serde_json::from_slice(&bytes).ok()?;
    let dialect = value.get(MARK)?.as_str()?.to_owned();
    let call = value.get("call").and_then(Value::as_str).map(str::to_owned);
    Some((Opaque { dialect, data: value.get("data")?.clone() }, call))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_is_opened_in_either_alphabet() {
        let opaque = Opaque { dialect: "gemini".to_owned(), data: json!({"s": "é🌊??>>~~", "n": [1, null]}) };
        for call in [None, Some("call_1")] {
            let token = seal(&opaque, call);
            let opened = Some((opaque.clone(), call.map(str::to_owned)));
            assert_eq!(open(&token), opened);
            let other: String = token.replace('+', "-").replace('/', "_").trim_end_matches('=').to_owned();
            assert_eq!(open(&other), opened);
        }
    }

    #[test]
    fn a_vendors_own_signature_is_none_of_ours() {
        for token in ["", "EqQBCgIYAhIM1gbcDa9GJwZA2b3h", "c2ln", "!!", "e30=", "eyJhIjoxfQ=="] {
            assert_eq!(open(token), None, "{token}");
        }
    }
}
