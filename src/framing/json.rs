//! JSON text that is safe inside a line of a stream: no raw line break of any alphabet.

use serde::Serialize;

/// Appends a string as JSON, with quotes.
///
/// U+2028 and U+2029 are escaped beside what JSON asks for: some clients split lines at them.
///
/// ```
/// let mut out = Vec::new();
/// tributary::framing::write_json_str(&mut out, "a\"\n\u{2028}é");
/// assert_eq!(out, r#""a\"\n\u2028é""#.as_bytes());
/// ```
pub fn write_str(out: &mut Vec<u8>, text: &str) {
    out.reserve(text.len().saturating_add(2));
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|byte| needs_look(*byte)) {
        let Some((plain, tail)) = rest.split_at_checked(at) else { break };
        out.extend_from_slice(plain);
        rest = match tail {
            [0xe2, 0x80, last @ (0xa8 | 0xa9), tail @ ..] => {
                out.extend_from_slice(if *last == 0xa8 { b"\\u2028" } else { b"\\u2029" });
                tail
            }
            [byte, tail @ ..] => {
                escape(out, *byte);
                tail
            }
            [] => break,
        };
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// Appends a value as JSON on one line.
pub fn write_value(out: &mut Vec<u8>, value: &impl Serialize) {
    // Serialising plain data into memory cannot fail; a type that could would leave `null`.
    let text = serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned());
    // In JSON these two can only stand inside a string, where the escape means the same.
    if text.contains(['\u{2028}', '\u{2029}']) {
        out.extend_from_slice(text.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029").as_bytes());
    } else {
        out.extend_from_slice(text.as_bytes());
    }
}

fn needs_look(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\' || byte == 0xe2
}

fn escape(out: &mut Vec<u8>, byte: u8) {
    const HEX: [u8; 16] = *b"0123456789abcdef";
    let short = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        0..0x20 => {
            let low = HEX.get(usize::from(byte & 0x0f)).copied().unwrap_or(b'0');
            out.extend_from_slice(if byte < 0x10 { b"\\u000" } else { b"\\u001" });
            out.push(low);
            return;
        }
        // The first byte of some other character.
        _ => return out.push(byte),
    };
    out.extend_from_slice(&[b'\\', short]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn breaks_lines(json: &str) -> bool {
        json.contains(['\n', '\r', '\u{2028}', '\u{2029}'])
    }

    proptest! {
        #[test]
        fn any_text_comes_back_and_holds_no_raw_line_break(text in "(.|[\u{2026}-\u{202a}\u{0}-\u{1f}\"\\\\])*") {
            let mut out = Vec::new();
            write_str(&mut out, &text);
            let json = String::from_utf8(out).unwrap();
            prop_assert!(!breaks_lines(&json));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text.clone());
            let mut value = Vec::new();
            write_value(&mut value, &vec![text.clone()]);
            let json = String::from_utf8(value).unwrap();
            prop_assert!(!breaks_lines(&json));
            prop_assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), vec![text]);
        }
    }
}
