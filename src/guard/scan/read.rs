//! Characters as they are written, and what they are read as.

use super::{Form, Scan};
use crate::guard::Rules;
use crate::guard::escape::Escape;
use crate::guard::normal::each_byte;
use crate::guard::trail::Place;

impl Scan {
    /// The next characters as they are written.
    pub(super) fn read(&mut self, rules: &Rules, piece: &str, ends: bool) -> bool {
        let mut chars = piece.chars();
        loop {
            let rest = chars.as_str();
            let (count, hit) = self.run(rules, rest, ends);
            if hit {
                return true;
            }
            chars = rest.get(count..).unwrap_or_default().chars();
            let Some(char) = chars.next() else { return false };
            if self.feed(rules, char, ends) {
                return true;
            }
        }
    }

    /// The most of what there is, in one go: letters, digits, marks and single spaces of ASCII, that are what they say.
    /// Gives how many of them there were, up to the end of a term.
    fn run(&mut self, rules: &Rules, rest: &str, ends: bool) -> (usize, bool) {
        if rules.terms.is_empty() && self.form == Form::Plain {
            self.text.push_str(rest);
            return (rest.len(), false);
        }
        if self.pending.is_some() || !matches!(self.escape, Escape::None) {
            return (0, false);
        }
        let is_json = self.form == Form::Json;
        let mut place = Place { at: self.forgotten.saturating_add(self.text.len()), begins: !self.after_word };
        let (trail, after_space, mut is_word) = (&mut self.trail, &mut self.after_space, self.after_word);
        trail.reserve(rules.terms.longest());
        let state = self.state.unwrap_or_else(|| rules.terms.start());
        let walked = rules.terms.walk(state, rest.as_bytes(), |byte| {
            let is_space = byte == b' ';
            if !(byte.is_ascii_graphic() || is_space && !*after_space) || is_json && byte == b'\\' {
                return None;
            }
            trail.push(place);
            (is_word, *after_space) = (byte.is_ascii_alphanumeric(), is_space);
            place = Place { at: place.at.wrapping_add(1), begins: !is_word };
            Some(byte.to_ascii_lowercase())
        });
        self.after_word = is_word;
        if walked.count > 0 {
            self.state = Some(walked.state);
            self.text.push_str(rest.get(..walked.count).unwrap_or_default());
        }
        (walked.count, walked.is_match && self.match_terms(rules, walked.state, is_word, ends))
    }

    /// The next character as it is written.
    fn feed(&mut self, rules: &Rules, char: char, ends: bool) -> bool {
        let at = self.text.len();
        self.text.push(char);
        let read = match self.form {
            Form::Plain => Some((char, at)),
            Form::Json => self.escape.read(char, at),
        };
        read.is_some_and(|(char, at)| self.take(rules, char, at, ends))
    }

    /// A character as it is read; it begins in the text at a place.
    fn take(&mut self, rules: &Rules, char: char, at: usize, ends: bool) -> bool {
        if rules.terms.is_empty() {
            return false;
        }
        let mut bytes = [0u8; 72];
        let mut count = 0usize;
        // The longest decomposition there is has 18 characters.
        each_byte(char, &mut self.after_space, &mut |byte| {
            if let Some(place) = bytes.get_mut(count) {
                *place = byte;
                count = count.saturating_add(1);
            }
        });
        let bytes = bytes.get(..count).unwrap_or_default();
        !bytes.is_empty() && self.take_bytes(rules, char, bytes, at, ends)
    }

    /// The bytes that a character counts as.
    fn take_bytes(&mut self, rules: &Rules, char: char, bytes: &[u8], at: usize, ends: bool) -> bool {
        let (is_word, len) = (char.is_alphanumeric(), self.text.len());
        if let Some((start, end)) = self.pending.take()
            && !is_word
            && self.hit(start, end, ends)
        {
            return true;
        }
        // Stars are shorter than what they stand for may be.
        let at = at.saturating_sub(len.saturating_sub(self.text.len()));
        let begins = !self.after_word;
        self.after_word = is_word;
        let place = Place { at: self.forgotten.saturating_add(at), begins };
        self.trail.reserve(rules.terms.longest());
        let mut rest = bytes;
        while !rest.is_empty() {
            let state = self.state.unwrap_or_else(|| rules.terms.start());
            let walked = rules.terms.walk(state, rest, |byte| {
                self.trail.push(place);
                Some(byte)
            });
            self.state = Some(walked.state);
            if walked.is_match && self.match_terms(rules, walked.state, is_word, ends) {
                return true;
            }
            rest = rest.get(walked.count.max(1)..).unwrap_or_default();
        }
        false
    }
}
