/// About 250 tokens: enough to make sense alone, little enough that five fit any prompt.
const USUAL: usize = 1000;

/// What a piece repeats of the one before, so that a sentence at the border is whole in one of them.
const OVERLAP: usize = 150;

/// A text in pieces of at most 1,000 characters, which end at a paragraph, a sentence or a word where one ends near,
/// and overlap a little. Pieces of nothing but white space are none.
///
/// ```
/// assert_eq!(tributary::retrieval::chunks(" one\n"), ["one"]);
/// assert!(tributary::retrieval::chunks("\n").is_empty());
/// ```
pub fn chunks(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let most = byte_of(rest, USUAL);
        let end = if most == rest.len() { most } else { border(rest, most) };
        let (piece, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
        pieces.extend(Some(piece.trim()).filter(|piece| !piece.is_empty()));
        if behind.trim().is_empty() {
            break;
        }
        rest = again(piece, rest).unwrap_or(behind).trim_start();
    }
    pieces
}

/// The byte at which so many characters end.
fn byte_of(text: &str, chars: usize) -> usize {
    text.char_indices().nth(chars).map_or(text.len(), |(at, _)| at)
}

/// The best place to end at, not before the middle.
fn border(text: &str, most: usize) -> usize {
    let head = text.get(..most).unwrap_or(text);
    let middle = head.floor_char_boundary(head.len() / 2);
    let ends: [fn(&str) -> Option<usize>; 4] = [
        |text| text.rfind("\n\n").map(|at| at.saturating_add(2)),
        |text| text.rfind('\n').map(|at| at.saturating_add(1)),
        |text| text.rfind(". ").or(text.rfind("? ")).or(text.rfind("! ")).map(|at| at.saturating_add(2)),
        |text| {
            text.rfind([' ', '。', '、', '，'])
                .and_then(|at| Some(at.saturating_add(text.get(at..)?.chars().next()?.len_utf8())))
        },
    ];
    let tail = head.get(middle..).unwrap_or_default();
    let end = ends.iter().find_map(|end| end(tail)).map(|at| middle.saturating_add(at));
    end.unwrap_or(head.len())
}

/// Where the next piece begins: a little before the end of this one, at a word.
fn again<'a>(piece: &str, rest: &'a str) -> Option<&'a str> {
    let back = piece.char_indices().rev().nth(OVERLAP.saturating_sub(1)).map(|(at, _)| at)?;
    // What is not longer than its own overlap would never end.
    let word = piece.get(back..)?.find(char::is_whitespace).map_or(back, |at| back.saturating_add(at));
    (word > 0).then(|| rest.get(word..))?
}

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects)]

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pieces_end_where_something_ends() {
        let paragraph = "A sentence of some words. ".repeat(30);
        let text = format!("{}\n\n{}", paragraph.trim(), paragraph.trim());
        let pieces = chunks(&text);
        assert_eq!(pieces[0], paragraph.trim());
        assert!(pieces[1].starts_with("of some words.") || pieces[1].starts_with("sentence"), "{}", pieces[1]);
        let long = "x".repeat(2500);
        assert_eq!(chunks(&long).iter().map(|piece| piece.len()).collect::<Vec<_>>(), [1000, 1000, 800]);
        let chinese = "水从高处流下。".repeat(400);
        assert!(chunks(&chinese).iter().all(|piece| piece.ends_with('。')));
    }

    proptest! {
        /// Whatever the text: no piece is too long, and every word stands in one.
        #[test]
        fn nothing_is_left_out(text in "([a-z]{1,12}|ä|水|\n\n|\\. | ){0,900}") {
            let pieces = chunks(&text);
            for piece in &pieces {
                prop_assert!(!piece.is_empty() && piece.chars().count() <= USUAL);
            }
            let mut from = 0;
            for piece in &pieces {
                let at = text.match_indices(*piece).map(|(at, _)| at).find(|at| at + piece.len() > from);
                let at = at.unwrap();
                let between = text.get(from..at).unwrap_or_default();
                prop_assert!(between.trim().is_empty(), "{between:?} was left out");
                from = at + piece.len();
            }
            prop_assert!(text.get(from..).unwrap_or_default().trim().is_empty());
        }
    }
}
