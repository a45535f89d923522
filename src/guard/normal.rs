//! Texts as they are compared: in lower case, by compatibility decomposition (so that `ﬁ`, `Ａ` and `é` are what they
//! look like, composed or not), without what nobody sees, and with one space where there are several.

use unicode_normalization::char::decompose_compatible;

/// Gives the bytes that a character counts as; none, if it is not seen. `after_space` is whether the one before was
/// a space.
pub fn each_byte(char: char, after_space: &mut bool, give: &mut dyn FnMut(u8)) {
    if char.is_ascii() {
        // The most of what there is.
        return one(char.to_ascii_lowercase(), after_space, give);
    }
    if is_unseen(char) {
        return;
    }
    decompose_compatible(char, |part| part.to_lowercase().for_each(|lower| one(lower, after_space, give)));
}

fn one(char: char, after_space: &mut bool, give: &mut dyn FnMut(u8)) {
    if char.is_whitespace() {
        if !std::mem::replace(after_space, true) {
            give(b' ');
        }
        return;
    }
    *after_space = false;
    let mut bytes = [0; 4];
    char.encode_utf8(&mut bytes).bytes().for_each(give);
}

/// A whole text, without the spaces around it.
pub fn whole(text: &str) -> Vec<u8> {
    let (mut bytes, mut after_space) = (Vec::new(), true);
    text.chars().for_each(|char| each_byte(char, &mut after_space, &mut |byte| bytes.push(byte)));
    if bytes.last() == Some(&b' ') {
        bytes.pop();
    }
    bytes
}

/// Characters without width, fillers, selectors and marks of direction (Unicode's Default_Ignorable_Code_Point).
fn is_unseen(char: char) -> bool {
    matches!(char, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dresses_make_no_difference() {
        let plain = |text: &str| String::from_utf8(whole(text)).unwrap();
        for text in ["Bomb", "ＢＯＭＢ", "bo\u{200b}mb", "\u{feff}b\u{ad}omb ", " 𝐛𝐨𝐦𝐛"] {
            assert_eq!(plain(text), "bomb", "{text:?}");
        }
        assert_eq!(plain("caf\u{e9}"), plain("CAFE\u{301}"));
        assert_ne!(plain("caf\u{e9}"), plain("cafe"), "a letter with its mark is another one");
        assert_eq!(plain("a \t\n\u{a0} b"), "a b");
        assert_eq!(plain("Straße \u{fb01}n"), "straße fin");
    }
}
