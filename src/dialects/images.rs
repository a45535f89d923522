//! Pictures in requests.

use super::fields::Fields;
use crate::models::{ChatError, Image};

/// A picture by its address, which may hold its bytes.
pub fn from_url(url: &str, fields: &Fields<'_>, name: &str) -> Result<Image, ChatError> {
    if url.starts_with("https://") || url.starts_with("http://") {
        return Ok(Image::Url(url.to_owned()));
    }
    let parts = url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
    match parts {
        Some((media_type, data)) => from_data(media_type, data, fields, name),
        None => fields.wrong(name, "must be an http, https or base64 data address"),
    }
}

/// A picture by its bytes.
pub fn from_data(media_type: &str, data: &str, fields: &Fields<'_>, name: &str) -> Result<Image, ChatError> {
    if !media_type.starts_with("image/") {
        return fields.wrong(name, "must be an image: image/png, image/jpeg, image/webp or image/gif");
    }
    let base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_');
    if data.is_empty() || !data.bytes().all(base64) {
        return fields.wrong(name, "must be base64");
    }
    Ok(Image::Base64 { media_type: media_type.to_owned(), data: data.to_owned() })
}
