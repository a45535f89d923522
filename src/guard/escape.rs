//! Escapes of JSON: what is written, what it says, and where.

use std::borrow::Cow;

/// Where an escape stands.
#[derive(Debug, Default)]
pub enum Escape {
    /// In none.
    #[default]
    None,
    /// Behind the backslash that begins here.
    Begun(usize),
    /// In the digits of `\u`.
    Digits {
        /// Where it begins.
        from: usize,
        /// How many digits came.
        count: u32,
        /// What they are.
        value: u32,
    },
    /// Behind the first half of a pair.
    Half {
        /// Where it begins.
        from: usize,
        /// The half.
        high: u32,
    },
    /// Behind the backslash of the second half.
    HalfBegun {
        /// Where the pair begins.
        from: usize,
        /// The first half.
        high: u32,
    },
    /// In its digits.
    HalfDigits {
        /// Where the pair begins.
        from: usize,
        /// The first half.
        high: u32,
        /// How many digits came.
        count: u32,
        /// What they are.
        value: u32,
    },
}

impl Escape {
    /// Reads a character that stands at a place. Gives what is said, if that is known now, and where it begins.
    pub fn read(&mut self, char: char, at: usize) -> Option<(char, usize)> {
        let digit = char.to_digit(16);
        match (std::mem::take(self), char, digit) {
            (Escape::None, '\\', _) => *self = Escape::Begun(at),
            (Escape::None, char, _) => return Some((char, at)),
            (Escape::Begun(from), 'u', _) => *self = Escape::Digits { from, count: 0, value: 0 },
            (Escape::Begun(from), char, _) => {
                let char = match char {
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    other => other,
                };
                return Some((char, from));
            }
            (Escape::Digits { from, count, value }, _, Some(digit)) => {
                let (count, value) = (count.saturating_add(1), (value << 4) | digit);
                match (count, value) {
                    (4, 0xd800..=0xdbff) => *self = Escape::Half { from, high: value },
                    (4, _) => return Some((char::from_u32(value).unwrap_or('\u{fffd}'), from)),
                    _ => *self = Escape::Digits { from, count, value },
                }
            }
            (Escape::Half { from, high }, '\\', _) => *self = Escape::HalfBegun { from, high },
            (Escape::HalfBegun { from, high }, 'u', _) => {
                *self = Escape::HalfDigits { from, high, count: 0, value: 0 };
            }
            (Escape::HalfDigits { from, high, count, value }, _, Some(digit)) => {
                let (count, value) = (count.saturating_add(1), (value << 4) | digit);
                if count < 4 {
                    *self = Escape::HalfDigits { from, high, count, value };
                    return None;
                }
                let low = value.wrapping_sub(0xdc00);
                let code = (high.wrapping_sub(0xd800) << 10).wrapping_add(low).wrapping_add(0x10000);
                let pair = if low < 0x400 { char::from_u32(code) } else { None };
                return Some((pair.unwrap_or('\u{fffd}'), from));
            }
            // No escape after all; what it is, whoever reads the JSON will find out.
            (_, char, _) => return Some((char, at)),
        }
        None
    }

    /// Where the one begins that is not over.
    pub fn from(&self) -> Option<usize> {
        match self {
            Escape::None => None,
            Escape::Begun(from)
            | Escape::Digits { from, .. }
            | Escape::Half { from, .. }
            | Escape::HalfBegun { from, .. }
            | Escape::HalfDigits { from, .. } => Some(*from),
        }
    }

    /// The text before it was shortened.
    pub fn move_by(&mut self, by: usize) {
        match self {
            Escape::None => {}
            Escape::Begun(from)
            | Escape::Digits { from, .. }
            | Escape::Half { from, .. }
            | Escape::HalfBegun { from, .. }
            | Escape::HalfDigits { from, .. } => *from = from.saturating_sub(by),
        }
    }
}

/// What a text says, with the places where it is written.
pub struct Said<'a> {
    /// What is said.
    pub text: Cow<'a, str>,
    /// For each of its bytes the place where its character is written; none where both are the same.
    places: Option<Vec<usize>>,
    /// How much of what is written that is.
    end: usize,
}

impl<'a> Said<'a> {
    /// A text that says what is written.
    pub fn plain(text: &'a str) -> Self {
        Said { text: Cow::Borrowed(text), places: None, end: text.len() }
    }

    /// A text with escapes. One that is not over says nothing yet. What was given out ended with none, but what is left
    /// of it may begin within one: behind it is read anew.
    pub fn unescaped(text: &'a str, given: usize) -> Self {
        if !text.contains('\\') {
            return Self::plain(text);
        }
        let (mut said, mut places, mut escape) = (String::new(), Vec::new(), Escape::None);
        for (at, char) in text.char_indices() {
            if at == given {
                escape = Escape::None;
            }
            if let Some((char, at)) = escape.read(char, at) {
                said.push(char);
                places.resize(said.len(), at);
            }
        }
        Said { text: Cow::Owned(said), places: Some(places), end: escape.from().unwrap_or(text.len()) }
    }

    /// Where something said is written.
    pub fn place(&self, at: usize) -> usize {
        self.places.as_ref().map_or(at, |places| places.get(at).copied().unwrap_or(self.end))
    }

    /// What is said from a place in what is written on.
    pub fn behind(&self, place: usize) -> usize {
        self.places.as_ref().map_or(place, |places| places.partition_point(|known| *known < place))
    }
}
