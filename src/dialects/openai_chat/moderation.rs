//! Whether a text is harmful, by a model that does nothing else.
//!
//! Facts: <https://platform.openai.com/docs/api-reference/moderations>.

use serde_json::{Value, json};

use crate::dialects::{Outgoing, outgoing};
use crate::models::{Auth, ChatError, Target};

/// The request, if the model is one of those.
pub fn write(text: &str, target: &Target) -> Option<Result<Outgoing, ChatError>> {
    let body = json!({"model": target.model, "input": text});
    target.model.contains("moderation").then(|| outgoing::post(target, Auth::Bearer, "/moderations", &body, Vec::new()))
}

/// Whether anything in it was.
pub fn read(body: &[u8]) -> Option<bool> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let results = value.get("results")?.as_array()?;
    let verdicts: Option<Vec<bool>> = results.iter().map(|result| result.get("flagged")?.as_bool()).collect();
    verdicts.filter(|verdicts| !verdicts.is_empty()).map(|verdicts| verdicts.contains(&true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_there_or_it_is_not() {
        assert_eq!(read(br#"{"results":[{"flagged":false},{"flagged":true}]}"#), Some(true));
        assert_eq!(read(br#"{"results":[{"flagged":false,"categories":{}}]}"#), Some(false));
        for body in [&b"{}"[..], br#"{"results":[]}"#, br#"{"results":[{}]}"#, b"no"] {
            assert_eq!(read(body), None);
        }
    }
}
