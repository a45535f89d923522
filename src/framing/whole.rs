//! A body that is one value.

use super::{Frame, FrameError, with_text};

#[derive(Debug)]
pub(super) struct Decoder {
    body: Vec<u8>,
    limit: usize,
    spent: bool,
}

impl Decoder {
    pub(super) fn new(limit: usize) -> Self {
        Decoder { body: Vec::new(), limit, spent: false }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), FrameError> {
        if self.spent {
            return Ok(());
        }
        if self.body.len().saturating_add(bytes.len()) > self.limit {
            self.spent = true;
            self.body = Vec::new();
            return Err(FrameError::TooLarge { limit: self.limit });
        }
        self.body.extend_from_slice(bytes);
        Ok(())
    }

    pub(super) fn finish(&mut self, out: &mut impl FnMut(Frame<'_>)) {
        let body = std::mem::take(&mut self.body);
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&body).trim_ascii();
        if !body.is_empty() {
            with_text(body, |data| out(Frame { event: None, data, cut: true }));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::framing::{FrameError, Framer, Framing, Limits};

    #[test]
    fn the_whole_body_is_one_frame() {
        let mut framer = Framer::new(Framing::Whole, Limits::default());
        let mut seen = Vec::new();
        for piece in ["\n\n {\"a\":", "\n\n1}"] {
            framer.push(piece.as_bytes(), &mut |_| panic!("too early")).unwrap();
        }
        framer.finish(&mut |frame| seen.push(frame.data.to_owned()));
        assert_eq!(seen, ["{\"a\":\n\n1}"]);
    }

    #[test]
    fn a_body_over_the_limit_is_a_typed_error() {
        let mut framer = Framer::new(Framing::Whole, Limits { frame: 8, whole: 8 });
        assert_eq!(framer.push(b"123456789", &mut |_| ()), Err(FrameError::TooLarge { limit: 8 }));
    }
}
