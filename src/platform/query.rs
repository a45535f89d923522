use http::Uri;

/// A field of an address's query, decoded; what is empty, or no text, counts as absent.
pub fn query(uri: &Uri, name: &str) -> Option<String> {
    let pairs = uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    let value = pairs.filter(|(key, _)| *key == name).map(|(_, value)| value.replace('+', " ")).next()?;
    js_sys::decode_uri_component(&value).ok().map(String::from).filter(|value| !value.is_empty())
}

/// A piece of a path, decoded; as it is where it cannot be.
pub fn decoded(piece: &str) -> String {
    js_sys::decode_uri_component(piece).map_or_else(|_| piece.to_owned(), String::from)
}

/// A text as it may stand in a query.
pub fn escaped(text: &str) -> String {
    String::from(js_sys::encode_uri_component(text))
}
