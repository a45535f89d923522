//! The operator's aliases: one name for a list of models that are tried in order.

use serde_json::{Map, Value};

use super::Vars;
use super::catalogue::misconfigured;
use crate::models::ChatError;

/// Names to lists of `provider/model`, as `ROUTES` has them.
#[derive(Clone, Debug, Default)]
pub struct Routes(Vec<(String, Vec<String>)>);

impl Routes {
    /// Reads `ROUTES`; that the models exist is the catalogue's to check.
    pub fn from_vars(vars: Vars<'_>) -> Result<Self, ChatError> {
        let Some(json) = vars("ROUTES").filter(|json| !json.trim().is_empty()) else { return Ok(Routes::default()) };
        let wrong = || misconfigured("ROUTES must be a JSON object of names to lists of \"provider/model\"".to_owned());
        let map: Map<String, Value> = serde_json::from_str(&json).map_err(|_| wrong())?;
        let read = |(name, value): (String, Value)| {
            let models: Option<Vec<String>> =
                value.as_array().into_iter().flatten().map(|model| model.as_str().map(str::to_owned)).collect();
            match models.filter(|models| !models.is_empty() && !name.trim().is_empty()) {
                Some(models) => Ok((name, models)),
                None => Err(wrong()),
            }
        };
        map.into_iter().map(read).collect::<Result<_, _>>().map(Routes)
    }

    /// The models behind an alias.
    pub fn models(&self, alias: &str) -> Option<&[String]> {
        self.0.iter().find(|(name, _)| name == alias).map(|(_, models)| models.as_slice())
    }

    /// All aliases with their models.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.0.iter().map(|(name, models)| (name.as_str(), models.as_slice()))
    }
}
