//! Field types that cannot fail a frame: what stands there in an unexpected shape counts as absent,
//! because half of a frame that is understood is worth more than none.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer};
use serde_json::Value;

/// A string, borrowed from the frame where it has no escapes; a number counts as its text.
#[derive(Debug, Default)]
pub struct Str<'a>(pub Option<Cow<'a, str>>);

impl Str<'_> {
    /// The text, unless absent or empty.
    pub fn filled(&self) -> Option<&str> {
        self.0.as_deref().filter(|text| !text.is_empty())
    }
}

/// A count of tokens or an index; anything negative or not a number is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Count(pub Option<u64>);

/// An object.
#[derive(Debug)]
pub struct Maybe<T>(pub Option<T>);

impl<T> Default for Maybe<T> {
    fn default() -> Self {
        Maybe(None)
    }
}

/// An array of objects or strings.
#[derive(Debug)]
pub struct List<T>(pub Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        List(Vec::new())
    }
}

/// Text, or the parts of it.
#[derive(Debug, Default)]
pub enum Content<'a, P> {
    /// A plain string.
    Text(Cow<'a, str>),
    /// An array of objects.
    Parts(Vec<Maybe<P>>),
    /// Null, absent or of another shape.
    #[default]
    Absent,
}

/// Implements the visitor methods that every type here answers with "absent".
macro_rules! absent {
    ($value:expr; $($method:ident($ty:ty)),* $(,)?) => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("anything")
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok($value)
        }
        $(fn $method<E>(self, _: $ty) -> Result<Self::Value, E> {
            Ok($value)
        })*
    };
}

fn drain_seq<'de, A: SeqAccess<'de>>(mut seq: A) -> Result<(), A::Error> {
    while seq.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

fn drain_map<'de, A: MapAccess<'de>>(mut map: A) -> Result<(), A::Error> {
    while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}

impl<'de: 'a, 'a> Deserialize<'de> for Str<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Str<'de>;
            absent!(Str(None););
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Str(Some(Cow::Borrowed(text))))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Str(Some(Cow::Owned(text.to_owned()))))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Str(Some(Cow::Owned(number.to_string()))))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
                Ok(Str(Some(Cow::Owned(number.to_string()))))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
                Ok(Str(Some(Cow::Owned(number.to_string()))))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
                drain_seq(seq).map(|()| Str(None))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                drain_map(map).map(|()| Str(None))
            }
        }
        deserializer.deserialize_any(V)
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Count;
            absent!(Count(None); visit_str(&str));
            fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Count(Some(number)))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
                Ok(Count(u64::try_from(number).ok()))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
                // Saturates; NaN cannot come from JSON.
                Ok(Count((number >= 0.0).then_some(number as u64)))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
                drain_seq(seq).map(|()| Count(None))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                drain_map(map).map(|()| Count(None))
            }
        }
        deserializer.deserialize_any(V)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Maybe<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for V<T> {
            type Value = Maybe<T>;
            absent!(Maybe(None); visit_u64(u64), visit_i64(i64), visit_f64(f64), visit_str(&str));
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
                drain_seq(seq).map(|()| Maybe(None))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(|value| Maybe(Some(value)))
            }
        }
        deserializer.deserialize_any(V(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for V<T> {
            type Value = List<T>;
            absent!(List(Vec::new()); visit_u64(u64), visit_i64(i64), visit_f64(f64), visit_str(&str));
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
                collect(seq).map(List)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                drain_map(map).map(|()| List(Vec::new()))
            }
        }
        deserializer.deserialize_any(V(PhantomData))
    }
}

impl<'de: 'a, 'a, P: Deserialize<'de>> Deserialize<'de> for Content<'a, P> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V<P>(PhantomData<P>);
        impl<'de, P: Deserialize<'de>> Visitor<'de> for V<P> {
            type Value = Content<'de, P>;
            absent!(Content::Absent; visit_u64(u64), visit_i64(i64), visit_f64(f64));
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Content::Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Content::Text(Cow::Owned(text.to_owned())))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
                collect(seq).map(Content::Parts)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                drain_map(map).map(|()| Content::Absent)
            }
        }
        deserializer.deserialize_any(V(PhantomData))
    }
}

/// The text of a JSON string that was kept raw: nothing has checked its escapes yet.
pub fn unquoted(raw: &str) -> Option<String> {
    serde_json::from_str(raw).or_else(|_| serde_json::from_str(&whole_characters(raw))).ok()
}

/// JSON that fails the typed reading though its meaning is plain: a key that stands twice (the last
/// one counts), or half of a surrogate pair, where a server cut its text inside a character.
pub fn tidied(data: &str) -> Option<String> {
    let value = serde_json::from_str::<Value>(data).or_else(|_| serde_json::from_str(&whole_characters(data)));
    value.ok().map(|value| value.to_string())
}

/// JSON text in which every half of a surrogate pair that stands alone is U+FFFD instead.
fn whole_characters(json: &str) -> String {
    let mut clean = String::with_capacity(json.len());
    let mut rest = json;
    while let Some((before, behind)) = rest.split_once('\\') {
        clean.push_str(before);
        let low = escaped_unit(behind).and_then(|_| escaped_unit(behind.get(5..)?.strip_prefix('\\')?));
        let len = match (escaped_unit(behind), low) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 11,
            (Some(0xd800..=0xdfff), _) => {
                clean.push_str("\\ufffd");
                rest = behind.get(5..).unwrap_or_default();
                continue;
            }
            (Some(_), _) => 5,
            // Another escape: its letter cannot begin one.
            (None, _) => behind.chars().next().map_or(0, char::len_utf8),
        };
        clean.push('\\');
        let (escape, tail) = behind.split_at_checked(len).unwrap_or((behind, ""));
        clean.push_str(escape);
        rest = tail;
    }
    clean.push_str(rest);
    clean
}

/// The unit of `uXXXX`.
fn escaped_unit(text: &str) -> Option<u16> {
    u16::from_str_radix(text.strip_prefix('u')?.get(..4)?, 16).ok()
}

fn collect<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(mut seq: A) -> Result<Vec<T>, A::Error> {
    let mut items = Vec::new();
    while let Some(item) = seq.next_element()? {
        items.push(item);
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unexpected_shapes_count_as_absent() {
        for odd in ["null", "true", "{\"a\":[1]}", "[[1],{}]"] {
            assert_eq!(serde_json::from_str::<Str<'_>>(odd).unwrap().0, None, "{odd}");
            assert_eq!(serde_json::from_str::<Count>(odd).unwrap().0, None, "{odd}");
        }
        for odd in ["null", "1", "-1", "1.5", "\"a\"", "true"] {
            assert!(serde_json::from_str::<Maybe<IgnoredAny>>(odd).unwrap().0.is_none(), "{odd}");
            assert!(serde_json::from_str::<List<IgnoredAny>>(odd).unwrap().0.is_empty(), "{odd}");
        }
    }

    #[test]
    fn half_a_surrogate_pair_is_a_replacement_character() {
        let check = |json: &str, expect: &str| {
            let clean = whole_characters(json);
            assert_eq!(serde_json::from_str::<String>(&clean).unwrap(), expect, "{json}");
        };
        check(r#""a\ud83c""#, "a\u{fffd}");
        check(r#""\udf1fb""#, "\u{fffd}b");
        check(r#""\ud83c\ud83c\udf1f""#, "\u{fffd}🌟");
        check(r#""\ud83c\n\\ud83c \u00e9""#, "\u{fffd}\n\\ud83c é");
        check(r#""no escapes é""#, "no escapes é");
    }

    #[test]
    fn numbers_of_any_size_are_taken() {
        let check = |json: &str, expect| assert_eq!(serde_json::from_str::<Count>(json).unwrap().0, expect, "{json}");
        check("7", Some(7));
        check("7.9", Some(7));
        check("-7", None);
        check("12479678939117453000", Some(12_479_678_939_117_453_000));
        check("124796789391174530000000", Some(u64::MAX));
        assert_eq!(serde_json::from_str::<Str<'_>>("400").unwrap().0.as_deref(), Some("400"));
    }
}
