//! One JSON value a line.

use memchr::memchr;

use super::{Frame, FrameError, with_text};

#[derive(Debug)]
pub(super) struct Decoder {
    line: Vec<u8>,
    limit: usize,
    spent: bool,
}

impl Decoder {
    pub(super) fn new(limit: usize) -> Self {
        Decoder { line: Vec::new(), limit, spent: false }
    }

    pub(super) fn push(&mut self, mut bytes: &[u8], out: &mut impl FnMut(Frame<'_>)) -> Result<(), FrameError> {
        if self.spent {
            return Ok(());
        }
        while let Some((line, rest)) = memchr(b'\n', bytes).and_then(|end| bytes.split_at_checked(end)) {
            bytes = rest.get(1..).unwrap_or_default();
            self.bound(line.len())?;
            if self.line.is_empty() {
                give(line, false, out);
            } else {
                self.line.extend_from_slice(line);
                give(&self.line, false, out);
                self.line.clear();
            }
        }
        self.bound(bytes.len())?;
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    pub(super) fn finish(&mut self, out: &mut impl FnMut(Frame<'_>)) {
        if !self.spent {
            give(&std::mem::take(&mut self.line), true, out);
        }
    }

    fn bound(&mut self, more: usize) -> Result<(), FrameError> {
        if self.line.len().saturating_add(more) <= self.limit {
            return Ok(());
        }
        self.spent = true;
        self.line = Vec::new();
        Err(FrameError::TooLarge { limit: self.limit })
    }
}

fn give(line: &[u8], cut: bool, out: &mut impl FnMut(Frame<'_>)) {
    let line = line.trim_ascii();
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    if !line.is_empty() {
        with_text(line, |data| out(Frame { event: None, data, cut }));
    }
}

#[cfg(test)]
mod tests {
    use crate::framing::{FrameError, Framer, Framing, Limits};

    fn check(pieces: &[&[u8]], expect: &[(&str, bool)]) {
        let mut framer = Framer::new(Framing::NdJson, Limits::default());
        let mut seen = Vec::new();
        for piece in pieces {
            framer.push(piece, &mut |frame| seen.push((frame.data.to_owned(), frame.cut))).unwrap();
        }
        framer.finish(&mut |frame| seen.push((frame.data.to_owned(), frame.cut)));
        let seen: Vec<_> = seen.iter().map(|(data, cut)| (data.as_str(), *cut)).collect();
        assert_eq!(seen, expect);
    }

    #[test]
    fn lines_at_any_cut() {
        check(&[b"{\"a\":1}\n{\"b\":2}\r\n\n"], &[("{\"a\":1}", false), ("{\"b\":2}", false)]);
        check(&[b"{\"a\"", b":1}", b"\n"], &[("{\"a\":1}", false)]);
        check(&["é".as_bytes().get(..1).unwrap(), "é".as_bytes().get(1..).unwrap(), b"\n"], &[("é", false)]);
    }

    #[test]
    fn a_last_line_without_its_end_is_marked_as_cut() {
        check(&[b"{\"a\":1}\n{\"b\""], &[("{\"a\":1}", false), ("{\"b\"", true)]);
    }

    #[test]
    fn a_line_over_the_limit_is_a_typed_error_and_ends_the_framer() {
        let mut framer = Framer::new(Framing::NdJson, Limits { frame: 8, whole: 8 });
        let mut seen = 0;
        assert_eq!(framer.push(b"{\"a\":1}\n123456789", &mut |_| seen += 1), Err(FrameError::TooLarge { limit: 8 }));
        assert_eq!(framer.push(b"1\n", &mut |_| seen += 1), Ok(()));
        framer.finish(&mut |_| seen += 1);
        assert_eq!(seen, 1);
    }
}
