//! Reasoning that a server left inside the text, between `<think>` and `</think>`.
//!
//! Only a tag at the very start of an answer counts: later it is something that the model says.

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// Where in the text we are.
#[derive(Debug)]
pub enum Think {
    /// Nothing but white space and perhaps the start of a tag has come; it is held here.
    Start(String),
    /// Inside the tags; perhaps the start of the closing tag is held here.
    Inside(String),
    /// Plain text from here on.
    Text,
}

impl Think {
    /// Splits the next piece of text into reasoning and text, in that order.
    pub fn push(&mut self, piece: &str, mut out: impl FnMut(Piece<'_>)) {
        match self {
            Think::Text => out(Piece::Text(piece)),
            Think::Start(held) => {
                held.push_str(piece);
                let body = held.trim_start();
                if let Some(rest) = body.strip_prefix(OPEN) {
                    let rest = rest.to_owned();
                    *self = Think::Inside(String::new());
                    self.push(&rest, out);
                } else if !OPEN.starts_with(body) {
                    let text = std::mem::take(held);
                    *self = Think::Text;
                    out(Piece::Text(&text));
                }
            }
            Think::Inside(held) => {
                held.push_str(piece);
                if let Some((inside, rest)) = held.split_once(CLOSE) {
                    out(Piece::Reasoning(inside));
                    let rest = rest.to_owned();
                    *self = Think::Text;
                    out(Piece::Text(&rest));
                } else {
                    let keep = held_tail(held);
                    let (ready, tail) = held.split_at_checked(held.len().saturating_sub(keep)).unwrap_or((held, ""));
                    out(Piece::Reasoning(ready));
                    *held = tail.to_owned();
                }
            }
        }
    }

    /// Gives what is held: no tag will come of it any more.
    pub fn flush(&mut self, mut out: impl FnMut(Piece<'_>)) {
        match std::mem::replace(self, Think::Text) {
            Think::Start(held) => out(Piece::Text(&held)),
            Think::Inside(held) => out(Piece::Reasoning(&held)),
            Think::Text => {}
        }
    }
}

/// A piece of one of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Thinking.
    Reasoning(&'a str),
    /// Visible text.
    Text(&'a str),
}

/// How many bytes at the end of a text may be the start of the closing tag.
fn held_tail(text: &str) -> usize {
    let starts = (1..CLOSE.len()).rev();
    starts.into_iter().find(|len| CLOSE.get(..*len).is_some_and(|start| text.ends_with(start))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whole and at every two cuts.
    #[allow(clippy::string_slice)]
    fn check(text: &str, reasoning: &str, visible: &str) {
        let places: Vec<_> = (0..=text.len()).filter(|at| text.is_char_boundary(*at)).collect();
        for first in &places {
            for second in places.iter().filter(|second| *second >= first) {
                let mut think = Think::Start(String::new());
                let (mut thought, mut said) = (String::new(), String::new());
                let mut keep = |piece: Piece<'_>| match piece {
                    Piece::Reasoning(text) => thought.push_str(text),
                    Piece::Text(text) => said.push_str(text),
                };
                for piece in [&text[..*first], &text[*first..*second], &text[*second..]] {
                    think.push(piece, &mut keep);
                }
                think.flush(&mut keep);
                assert_eq!((thought.as_str(), said.as_str()), (reasoning, visible), "cut at {first} and {second}");
            }
        }
    }

    #[test]
    fn a_tag_at_the_start_marks_reasoning() {
        check("<think>\nhm é\n</think>\n\nYes.", "\nhm é\n", "\n\nYes.");
        check("\n<think>a</think>b", "a", "b");
        check("<think></think>b", "", "b");
        check("<think>never closed </thin", "never closed </thin", "");
    }

    #[test]
    fn any_other_tag_is_text() {
        check("I <think>so</think>", "", "I <think>so</think>");
        check("<thinking>", "", "<thinking>");
        check("<thin", "", "<thin");
        check(" \n", "", " \n");
        check("<think>a</think><think>b</think>", "a", "<think>b</think>");
    }
}
