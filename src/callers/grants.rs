use std::collections::BTreeMap;

use serde_json::Value;

/// What the holder of a key may ask; all where nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    providers: Option<Vec<String>>,
    models: Option<Vec<String>>,
}

impl Grants {
    /// Takes what belongs to it out of a key's entry. What makes no sense is named.
    pub fn take(rest: &mut BTreeMap<String, Value>) -> Result<Self, String> {
        let mut list = |name: &str| {
            let Some(value) = rest.remove(name).filter(|value| !value.is_null()) else { return Ok(None) };
            let words = value.as_array().and_then(|items| {
                items.iter().map(|item| item.as_str().filter(|text| !text.is_empty()).map(str::to_owned)).collect()
            });
            words.map(Some).ok_or_else(|| format!("{name} that are no list of names"))
        };
        Ok(Grants { providers: list("providers")?, models: list("models")? })
    }

    /// Whether some model of a provider's may be.
    pub fn allows_any(&self, provider: &str) -> bool {
        let start = format!("{provider}/");
        let is_of_it = |name: &String| match name.strip_suffix('*') {
            Some(prefix) => prefix.starts_with(&start) || start.starts_with(prefix),
            None => name.starts_with(&start),
        };
        let has_model = self.models.as_ref().is_none_or(|names| names.iter().any(is_of_it));
        has_model && Grants { models: None, ..self.clone() }.allows(provider, "")
    }

    /// Whether a model of a provider's is among them. A name may end in `*`, and then stands for all that begin so.
    pub fn allows(&self, provider: &str, model: &str) -> bool {
        let full = format!("{provider}/{model}");
        let is_named = |names: &Option<Vec<String>>, wanted: &str| match names {
            None => true,
            Some(names) => names.iter().any(|name| match name.strip_suffix('*') {
                Some(start) => wanted.starts_with(start),
                None => wanted == name,
            }),
        };
        is_named(&self.providers, provider) && is_named(&self.models, &full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn grants(entry: Value) -> Result<Grants, String> {
        Grants::take(&mut serde_json::from_value(entry).unwrap())
    }

    #[test]
    fn both_lists_have_to_allow_it() {
        let both =
            grants(json!({"providers": ["openai", "demo"], "models": ["openai/gpt-6*", "together/x", "demo/demo"]}));
        let both = both.unwrap();
        for (provider, model, is_allowed) in [
            ("openai", "gpt-6-luna", true),
            ("openai", "gpt-5", false),
            ("together", "x", false),
            ("demo", "demo", true),
            ("demo", "demo2", false),
        ] {
            assert_eq!(both.allows(provider, model), is_allowed, "{provider}/{model}");
        }
        let some = |provider| both.allows_any(provider);
        assert_eq!([some("openai"), some("together"), some("demo"), some("gemini")], [true, false, true, false]);
        assert!(grants(json!({})).unwrap().allows("any", "thing"));
        assert!(!grants(json!({"models": []})).unwrap().allows("any", "thing"), "an empty list is nothing");
        for wrong in [json!({"models": "x"}), json!({"providers": [1]}), json!({"models": [""]})] {
            assert!(grants(wrong).is_err());
        }
    }
}
