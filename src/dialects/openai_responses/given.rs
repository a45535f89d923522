//! What was given of a text so far.

/// How long it is, and a hash to know it again by: the text itself may be as long as an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Given {
    bytes: usize,
    hash: u64,
}

impl Given {
    pub fn is_empty(self) -> bool {
        self.bytes == 0
    }

    pub fn push(&mut self, text: &str) {
        self.bytes = self.bytes.saturating_add(text.len());
        // FNV-1a: it does not depend on how the text was cut, and nobody gains by a collision.
        self.hash = text.bytes().fold(self.hash, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    }

    /// What is missing of the whole text: nothing, where the whole does not begin with what was given.
    pub fn rest(self, whole: &str) -> &str {
        let Some((head, tail)) = whole.split_at_checked(self.bytes) else { return "" };
        let mut same = Given::default();
        same.push(head);
        if same == self { tail } else { "" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_is_what_the_whole_has_more() {
        let mut given = Given::default();
        assert_eq!(given.rest("Hé"), "Hé");
        given.push("H");
        given.push("é");
        assert_eq!((given.rest("Hé"), given.rest("Héllo"), given.rest("H")), ("", "llo", ""));
        assert_eq!((given.rest("Hallo"), given.rest("Hè!")), ("", ""));
        // A cut inside a character.
        assert_eq!(given.rest("He€"), "");
    }
}
