//! Days and months of the calendar (UTC).

use crate::models::ChatError;

const DAY_MS: u64 = 86_400_000;

/// The day of a moment: `2026-11-27`.
///
/// ```
/// use tributary::costs::day_of;
/// assert_eq!((day_of(0), day_of(951_782_400_000), day_of(1_795_737_600_000)), ("1970-01-01".to_owned(), "2000-02-29".to_owned(), "2026-11-27".to_owned()));
/// ```
pub fn day_of(ms: u64) -> String {
    let (year, month, day) = civil(ms / DAY_MS);
    format!("{year:04}-{month:02}-{day:02}")
}

/// The month of a moment: `2026-11`.
pub fn month_of(ms: u64) -> String {
    let (year, month, _) = civil(ms / DAY_MS);
    format!("{year:04}-{month:02}")
}

/// Milliseconds until the next month begins.
pub fn until_next_month(ms: u64) -> u64 {
    let month = month_of(ms);
    let first = ms.saturating_sub(ms % DAY_MS);
    // A month has at most 31 days.
    let days = (1..=31u64).map(|days| first.saturating_add(days.saturating_mul(DAY_MS)));
    days.into_iter().find(|day| month_of(*day) != month).unwrap_or(first).saturating_sub(ms)
}

/// Howard Hinnant's `civil_from_days`: the calendar counted from March on, in eras of 400 years.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days.saturating_add(719_468);
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        of_era.saturating_sub(of_era / 1_460).saturating_add(of_era / 36_524).saturating_sub(of_era / 146_096) / 365;
    let of_year = of_era.saturating_sub(
        year_of_era.saturating_mul(365).saturating_add(year_of_era / 4).saturating_sub(year_of_era / 100),
    );
    let from_march = of_year.saturating_mul(5).saturating_add(2) / 153;
    let day = of_year.saturating_sub(from_march.saturating_mul(153).saturating_add(2) / 5).saturating_add(1);
    let month = if from_march < 10 { from_march.saturating_add(3) } else { from_march.saturating_sub(9) };
    let year = era.saturating_mul(400).saturating_add(year_of_era).saturating_add(u64::from(month <= 2));
    (year, month, day)
}

/// Some days in a row, both ends included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Days {
    /// The first.
    pub from: String,
    /// The last.
    pub to: String,
}

impl Days {
    /// What was asked for; the month so far where nothing was.
    pub fn read(from: Option<&str>, to: Option<&str>, now_ms: u64) -> Result<Self, ChatError> {
        let day = |name: &'static str, text: Option<&str>, usual: String| match text {
            None => Ok(usual),
            Some(text) if is_day(text) => Ok(text.to_owned()),
            Some(_) => Err(ChatError::invalid(name, format!("{name} must be a day: 2026-11-27"))),
        };
        let from = day("from", from, format!("{}-01", month_of(now_ms)))?;
        let to = day("to", to, day_of(now_ms))?;
        if from > to {
            return Err(ChatError::invalid("from", "from must not be behind to"));
        }
        Ok(Days { from, to })
    }
}

fn is_day(text: &str) -> bool {
    let shape = text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() });
    let part = |at: usize, len: usize| text.get(at..at.saturating_add(len)).and_then(|part| part.parse::<u32>().ok());
    shape
        && part(5, 2).is_some_and(|month| (1..=12).contains(&month))
        && part(8, 2).is_some_and(|day| (1..=31).contains(&day))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_is_the_next_one() {
        let (mut before, mut year) = (String::new(), 0);
        for day in 0..80_000u64 {
            let text = day_of(day * DAY_MS);
            assert!(text > before && is_day(&text), "{before} {text}");
            year += u32::from(text.ends_with("-01-01"));
            before = text;
        }
        assert_eq!((before.as_str(), year), ("2189-01-11", 220));
    }

    #[test]
    fn a_month_ends_with_its_last_millisecond() {
        let november = 1_795_737_600_000; // 2026-11-27
        assert_eq!(until_next_month(november), 4 * DAY_MS);
        assert_eq!(until_next_month(november + 4 * DAY_MS - 1), 1);
        assert_eq!(until_next_month(november + 4 * DAY_MS), 31 * DAY_MS);
        assert_eq!(month_of(november + 4 * DAY_MS), "2026-12");
    }

    #[test]
    fn days_are_the_month_so_far_or_what_was_asked_for() {
        let read = |from, to| Days::read(from, to, 1_795_737_600_000);
        assert_eq!(read(None, None).unwrap(), Days { from: "2026-11-01".to_owned(), to: "2026-11-27".to_owned() });
        assert_eq!(read(Some("2026-01-31"), Some("2026-02-28")).unwrap().from, "2026-01-31");
        for (from, to, param) in [
            (Some("2026-13-01"), None, "from"),
            (Some("1-1-1"), None, "from"),
            (None, Some("2026-11-32"), "to"),
            (Some("2026-11-28"), None, "from"),
            (Some("\u{661}026-11-1"), None, "from"),
        ] {
            assert_eq!(read(from, to).unwrap_err().param.as_deref(), Some(param), "{from:?} {to:?}");
        }
    }
}
