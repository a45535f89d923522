//! How far a JSON value has come whose text comes in pieces.

/// Where in a JSON value the arguments of a call are, without keeping them: they may be as long as an
/// answer.
#[derive(Debug, Default)]
pub struct Shape {
    begun: bool,
    depth: u32,
    in_string: bool,
    escaped: bool,
}

impl Shape {
    /// Takes the next piece.
    pub fn push(&mut self, text: &str) {
        for byte in text.bytes() {
            self.begun = true;
            match byte {
                _ if std::mem::take(&mut self.escaped) => {}
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                b'{' | b'[' if !self.in_string => self.depth = self.depth.saturating_add(1),
                b'}' | b']' if !self.in_string => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }

    /// Whether anything came.
    pub fn has_begun(&self) -> bool {
        self.begun
    }

    /// Whether the value is whole.
    pub fn is_complete(&self) -> bool {
        self.begun && self.depth == 0 && !self.in_string
    }
}
