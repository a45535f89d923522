use std::fmt;

/// A place in a run: behind its frame of this number. It is the `id` of that frame.
///
/// ```
/// use tributary::session::Cursor;
/// let cursor = Cursor::read("r_7f3a:4").unwrap();
/// assert_eq!((cursor.run.as_str(), cursor.frame), ("r_7f3a", 4));
/// assert_eq!(cursor.to_string(), "r_7f3a:4");
/// assert_eq!(Cursor::read("r_7f3a"), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The run.
    pub run: String,
    /// The last frame that was seen; 0 before the first.
    pub frame: u64,
}

impl Cursor {
    /// Reads an id; nothing that we ever gave is unreadable.
    pub fn read(text: &str) -> Option<Self> {
        let (run, frame) = text.rsplit_once(':')?;
        let hex = run.strip_prefix("r_").filter(|hex| !hex.is_empty() && hex.len() <= 64)?;
        let digits =
            hex.bytes().all(|byte| byte.is_ascii_hexdigit()) && frame.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| Some(Cursor { run: run.to_owned(), frame: frame.parse().ok()? }))?
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.run, self.frame)
    }
}
