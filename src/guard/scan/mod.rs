//! One text as it comes: what may leave, what waits, what is hit.

mod read;

use aho_corasick::automaton::StateID;

use super::Rules;
use super::escape::{Escape, Said};
use super::trail::{Place, Trail};

/// What was given out is remembered this long, for patterns that look at what is before them.
const CONTEXT: usize = 8;

/// Bytes that are looked at together: where a text is cut makes no difference.
const PORTION: usize = 1024;

/// How a text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As it is read.
    Plain,
    /// As JSON: what is escaped counts as what it stands for.
    Json,
}

/// The state of one text.
#[derive(Debug)]
pub struct Scan {
    form: Form,
    state: Option<StateID>,
    /// What was given out a moment ago, and behind it what waits. Places count from its beginning.
    text: String,
    given: usize,
    /// How much was forgotten before it; the trail's places count that, too.
    forgotten: usize,
    trail: Trail,
    after_space: bool,
    after_word: bool,
    /// A term that is one unless its word goes on: where it begins and ends.
    pending: Option<(usize, usize)>,
    escape: Escape,
}

impl Scan {
    /// A text that is still to come.
    pub fn new(form: Form) -> Self {
        Scan {
            form,
            state: None,
            text: String::new(),
            given: 0,
            forgotten: 0,
            trail: Trail::default(),
            after_space: false,
            after_word: false,
            pending: None,
            escape: Escape::None,
        }
    }

    /// Takes the next piece; what may leave is appended. True if something was hit that ends the text: then nothing
    /// behind it leaves. What is hit otherwise is masked.
    pub fn push(&mut self, rules: &Rules, piece: &str, ends: bool, out: &mut String) -> bool {
        // Each hit rewrites what waits: were that a megabyte, a thousand hits would take a thousand times as long.
        let mut rest = piece;
        while rest.len() > PORTION {
            let Some((portion, behind)) = rest.split_at_checked(rest.floor_char_boundary(PORTION)) else { break };
            if self.push_portion(rules, portion, ends, out) {
                return true;
            }
            rest = behind;
        }
        self.push_portion(rules, rest, ends, out)
    }

    fn push_portion(&mut self, rules: &Rules, piece: &str, ends: bool, out: &mut String) -> bool {
        if self.read(rules, piece, ends) {
            return self.cut(out);
        }
        match self.match_patterns(rules, false, ends) {
            Some(begun) => self.give(self.waits_from(rules, begun), out),
            None => return self.cut(out),
        }
        false
    }

    /// Others speak now: what waits leaves, because it is nothing banned so far. What it may become is remembered.
    pub fn pause(&mut self, out: &mut String) {
        self.give(self.text.len(), out);
    }

    /// The text is over.
    pub fn finish(&mut self, rules: &Rules, ends: bool, out: &mut String) -> bool {
        // A word that is over is a whole one.
        if let Some((start, end)) = self.pending.take()
            && self.hit(start, end, ends)
        {
            return self.cut(out);
        }
        if self.match_patterns(rules, true, ends).is_none() {
            return self.cut(out);
        }
        self.give(self.text.len(), out);
        false
    }

    fn match_terms(&mut self, rules: &Rules, state: StateID, is_word: bool, ends: bool) -> bool {
        let whole_words = rules.terms.whole_words;
        let places = rules.terms.ending(state).filter_map(|len| self.trail.last(len));
        let start = places.filter(|place| !whole_words || place.begins).map(|place| self.here(place)).min();
        let Some(start) = start else { return false };
        let end = self.text.len();
        if whole_words && is_word {
            // Of two that end alike the longer one is the one that began first.
            self.pending = Some((start, end));
            return false;
        }
        self.hit(start, end, ends)
    }

    /// Where a byte of the trail is in the text.
    fn here(&self, place: Place) -> usize {
        place.at.saturating_sub(self.forgotten)
    }

    /// From where on the text may still become a match; none if one was found that ends it.
    fn match_patterns(&mut self, rules: &Rules, is_whole: bool, ends: bool) -> Option<usize> {
        if rules.patterns.is_empty() {
            return Some(self.text.len());
        }
        let mut from = self.given;
        loop {
            let said = match self.form {
                Form::Plain => Said::plain(&self.text),
                Form::Json => Said::unescaped(&self.text, self.given),
            };
            let begin = said.behind(from);
            if !rules.patterns.may_begin(&said.text, begin) {
                return Some(self.text.len());
            }
            let begun = if is_whole { said.text.len() } else { rules.patterns.begun(&said.text, begin) };
            // What may still become longer is no match yet.
            let Some((start, end)) = rules.patterns.find(&said.text, (begin, begun), is_whole) else {
                return Some(said.place(begun));
            };
            let (start, end) = (said.place(start), said.place(end));
            let behind = self.text.split_off(end);
            if self.hit(start, end, ends) {
                return None;
            }
            // A term may have begun behind it.
            (self.escape, self.after_space, self.after_word) = (Escape::None, false, false);
            if self.read(rules, &behind, ends) {
                return None;
            }
            // What is masked is as long as it was, in characters; in bytes it may be shorter.
            from = start.saturating_add(1).min(self.text.len());
            while !self.text.is_char_boundary(from) {
                from = from.saturating_add(1);
            }
        }
    }

    /// Something banned. Either the text ends before it, or stars stand for it.
    fn hit(&mut self, start: usize, end: usize, ends: bool) -> bool {
        // What was given out cannot be taken back: that was not all of it.
        let start = start.max(self.given).min(end);
        if ends {
            self.text.truncate(start);
            return true;
        }
        let stars = self.text.get(start..end).map_or(0, |hit| hit.chars().count());
        let behind = self.text.split_off(end);
        self.text.truncate(start);
        self.text.extend(std::iter::repeat_n('*', stars));
        self.text.push_str(&behind);
        // Nothing that is masked is the beginning of anything; and places behind it have moved.
        self.state = None;
        self.pending = None;
        false
    }

    fn cut(&mut self, out: &mut String) -> bool {
        self.give(self.text.len(), out);
        true
    }

    /// From where on the text may still be the beginning of something banned; `begun` is what patterns say.
    fn waits_from(&self, rules: &Rules, begun: usize) -> usize {
        let depth = self.state.map_or(0, |state| rules.terms.depth(state));
        let from = self.trail.last(depth).map_or(begun, |place| begun.min(self.here(place)));
        let from = self.pending.map_or(from, |(start, _)| from.min(start));
        self.escape.from().map_or(from, |escape| from.min(escape)).max(self.given)
    }

    fn give(&mut self, to: usize, out: &mut String) {
        out.push_str(self.text.get(self.given..to).unwrap_or_default());
        self.given = to.max(self.given);
        let mut old = self.given.saturating_sub(CONTEXT);
        while !self.text.is_char_boundary(old) {
            old = old.saturating_sub(1);
        }
        if old < 64 {
            // Moving a few bytes with every token is not worth it.
            return;
        }
        self.text.drain(..old);
        self.given = self.given.saturating_sub(old);
        self.forgotten = self.forgotten.saturating_add(old);
        self.pending = self.pending.map(|(start, end)| (start.saturating_sub(old), end.saturating_sub(old)));
        self.escape.move_by(old);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Patterns, Terms};
    use super::*;

    fn rules(terms: &[&str], patterns: &[&str], whole_words: bool) -> Rules {
        Rules {
            terms: Terms::new(terms.iter().copied(), whole_words).unwrap(),
            patterns: Patterns::new(patterns.iter().copied()).unwrap(),
        }
    }

    /// What leaves of a text in pieces, and whether it was ended.
    fn leaves(rules: &Rules, form: Form, ends: bool, pieces: &[&str]) -> (String, bool) {
        let (mut scan, mut out) = (Scan::new(form), String::new());
        for piece in pieces {
            if scan.push(rules, piece, ends, &mut out) {
                return (out, true);
            }
        }
        let ended = scan.finish(rules, ends, &mut out);
        (out, ended)
    }

    /// The same at every cut in two and in three, and character by character.
    fn check(rules: &Rules, form: Form, ends: bool, text: &str, expect: (&str, bool)) {
        let expect = (expect.0.to_owned(), expect.1);
        let cuts: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        for one in &cuts {
            for two in cuts.iter().filter(|two| *two >= one) {
                let pieces =
                    [(0, *one), (*one, *two), (*two, text.len())].map(|(from, to)| text.get(from..to).unwrap());
                assert_eq!(leaves(rules, form, ends, &pieces), expect, "{pieces:?}");
            }
        }
        let single: Vec<&str> = cuts.windows(2).map(|two| text.get(two[0]..two[1]).unwrap()).collect();
        assert_eq!(leaves(rules, form, ends, &single), expect);
    }

    #[test]
    fn a_term_never_leaves_at_any_cut() {
        let rules = rules(&["forbidden fruit", "bidet", "ÄRGER"], &[], false);
        for (text, masked, ended) in [
            ("The forbidden fruit is red", "The *************** is red", "The "),
            ("xForBidden\u{200b}\t\n fruitx", "x******************x", "x"),
            ("forbidden forbidden fruit", "forbidden ***************", "forbidden "),
            ("for bidet", "for *****", "for "),
            ("forbidet", "for*****", "for"),
            ("so ein A\u{308}rger!", "so ein ******!", "so ein "),
            ("a\u{fb01}b ｂｉｄｅｔ", "a\u{fb01}b *****", "a\u{fb01}b "),
        ] {
            check(&rules, Form::Plain, false, text, (masked, false));
            check(&rules, Form::Plain, true, text, (ended, true));
        }
        for text in [
            "forbidden fru",
            "forbidden",
            "bid et",
            "Nothing here, \u{1f469}\u{200d}\u{1f680} at all.\r\n  \u{feff}",
            "",
        ] {
            check(&rules, Form::Plain, true, text, (text, false));
            check(&rules, Form::Json, true, text, (text, false));
        }
    }

    #[test]
    fn whole_words_are_words_to_their_end() {
        let rules = rules(&["ass", "new york", "ärger"], &[], true);
        for (text, masked) in [
            ("class ass, asset ass", "class ***, asset ***"),
            ("New  York", "*********"),
            ("a-ass-a", "a-***-a"),
            ("ass", "***"),
            ("ärger, ärger -ärger", "*****, ***** -*****"),
        ] {
            check(&rules, Form::Plain, false, text, (masked, false));
        }
        for text in ["class", "new yorker", "assassin", "anew york"] {
            check(&rules, Form::Plain, true, text, (text, false));
        }
        check(&rules, Form::Plain, true, "an ass.", ("an ", true));
    }

    #[test]
    fn a_term_that_begins_behind_a_pattern_is_one_in_long_texts_too() {
        let (rules, line) = (rules(&["forbidden"], &[r"\d{4}-\d{4}"], false), r"é 1234-5678 \u0031234-5678 forbidden ");
        let masked = r"é ********* ************** ********* ";
        check(&rules, Form::Json, false, line, (masked, false));
        assert_eq!(leaves(&rules, Form::Json, false, &[&line.repeat(300)]), (masked.repeat(300), false));
    }

    #[test]
    fn patterns_see_what_escapes_say() {
        let rules = rules(&[], &[r"\bsk-[a-z0-9]{8,16}\b", "a\"b\n\u{1f600}"], false);
        for (text, masked, ended) in [
            (r#"{"k":"sk-abcdefgh"}"#, r#"{"k":"***********"}"#, r#"{"k":""#),
            (r#"{"k":"\u0073k\u002dabcdefgh"}"#, r#"{"k":"*********************"}"#, r#"{"k":""#),
            (r#"{"k":"\\\\\\\\\\sk-abcdefgh"}"#, r#"{"k":"\\\\\\\\\\***********"}"#, r#"{"k":"\\\\\\\\\\"#),
            (r#"{"k":"\nsk-abcdefgh\n"}"#, r#"{"k":"\n***********\n"}"#, r#"{"k":"\n"#),
            (r#"{"k":"a\"b\n\ud83d\ude00"}"#, r#"{"k":"******************"}"#, r#"{"k":""#),
            (r#"{"k":"é\u00e9 sk-abcdefgh é"}"#, r#"{"k":"é\u00e9 *********** é"}"#, r#"{"k":"é\u00e9 "#),
        ] {
            check(&rules, Form::Json, false, text, (masked, false));
            check(&rules, Form::Json, true, text, (ended, true));
        }
        for text in [r#"{"k":"\\nsk-ab","l":"\u00"}"#, r#"{"k":"sk-abc\u"#, r#"{"k":"xsk-abcdefgh"}"#, r"\ud83d\", r"\"]
        {
            check(&rules, Form::Json, true, text, (text, false));
        }
    }

    #[test]
    fn patterns_match_as_in_the_whole_text() {
        let rules = rules(&[], &[r"\bsk-[a-z0-9]{8,16}\b", r"\d{4}-\d{4}"], false);
        for (text, masked) in [
            ("key sk-abcdefgh12 and 1234-5678.", "key ************* and *********."),
            ("xsk-abcdefgh12", "xsk-abcdefgh12"),
            ("sk-abcdefgh12345678901", "sk-abcdefgh12345678901"),
            ("12345-67890", "1*********0"),
            ("é sk-abcdefgh", "é ***********"),
        ] {
            check(&rules, Form::Plain, false, text, (masked, false));
        }
        check(&rules, Form::Plain, true, "so 1234-5678", ("so ", true));
    }

    #[test]
    fn the_longest_match_is_masked_at_any_cut() {
        let rules = rules(&[], &[r"ab(cd)?", r"(?i)x{2,4}$", r"é\w\b|pass:\s{0,3}\S{1,9}"], false);
        for (text, masked) in [
            ("abcd abc ab", "**** **c **"),
            ("xxx y XxX", "xxx y ***"),
            ("éa éab é", "** é** é"),
            ("pass: \n abc-defgh, pass:", "*****************, pass:"),
        ] {
            check(&rules, Form::Plain, false, text, (masked, false));
        }
    }

    #[test]
    fn nothing_waits_that_no_pattern_can_begin_with() {
        let rules = rules(&[], &[r"\bsk-[a-z0-9]{8,400}\b"], false);
        let (mut scan, mut out) = (Scan::new(Form::Plain), String::new());
        for (piece, given) in [
            ("A word, as", "A word, a"),
            ("k", "A word, a"),
            (" sk-ab", "A word, ask "),
            ("c d", "A word, ask sk-abc d"),
        ] {
            assert!(!scan.push(&rules, piece, true, &mut out));
            assert_eq!(out, given);
        }
    }

    #[test]
    fn escapes_hide_nothing() {
        let rules = rules(&["forbidden", "a\"b", "\u{1f4a3}"], &[], false);
        for (text, masked) in [
            (r#"{"x":"f\u006Frbidden!"}"#, r#"{"x":"**************!"}"#),
            (r#"{"x":"a\"b"}"#, r#"{"x":"****"}"#),
            (r#"{"x":"\ud83d\udca3 \u00e9\n"}"#, r#"{"x":"************ \u00e9\n"}"#),
        ] {
            check(&rules, Form::Json, false, text, (masked, false));
        }
        for text in [r#"{"x":"for\\bidden","y":"\ud83d\u0041\q\u00"#, r#"{"x":"for","y":"bidden"}"#, r#"\"#] {
            check(&rules, Form::Json, true, text, (text, false));
        }
    }

    #[test]
    fn what_was_given_out_for_others_is_remembered() {
        let rules = rules(&["forbidden"], &[], false);
        let (mut scan, mut out) = (Scan::new(Form::Plain), String::new());
        assert!(!scan.push(&rules, "for", true, &mut out) && out.is_empty());
        scan.pause(&mut out);
        assert_eq!(out, "for");
        assert!(scan.push(&rules, "bidden x", true, &mut out));
        assert_eq!(out, "for");
    }

    #[test]
    fn what_waits_is_no_longer_than_the_longest_term() {
        let rules = rules(&["abcdefgh"], &[], false);
        let (mut scan, mut given, mut taken) = (Scan::new(Form::Plain), String::new(), 0usize);
        for piece in "abcdefg abcdefg-abcabcabcdefg! and nothing at all that is like it".as_bytes().chunks(3) {
            taken += piece.len();
            scan.push(&rules, std::str::from_utf8(piece).unwrap(), true, &mut given);
            assert!(taken - given.len() <= 7, "{given}");
        }
        for _ in 0..10_000 {
            scan.push(&rules, "abc ", true, &mut given);
        }
        assert!(scan.text.len() < 200, "and nothing piles up: {}", scan.text.len());
    }
}
