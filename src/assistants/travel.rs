use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::graph::{Action, Assistant, Effect, Prompt};
use super::tool::{Done, Tool, read};

const PROMPT: &str = "You are a travel assistant. You help people to find places, plan trips and imagine being there. \
A map stands beside the conversation, and you alone move it. Whenever places come up (a city, a country, sights, a \
route), call update_map_and_markers before you describe them: center the map on what you talk about, with a zoom that \
shows it (2 a continent, 5 a country, 10 a city, 14 a quarter), and one marker with a short label for each place that \
you name. Use the coordinates that you know; do not ask for them. Once the map is moved, answer in a few warm and \
concrete sentences. Do not mention the tool.";

/// More pins than this help nobody.
const MOST_MARKERS: usize = 1000;

/// A label is a line on a map.
const MOST_LABEL: usize = 200;

/// A travel assistant that moves a map while it talks.
pub static TRAVEL: Assistant = Assistant {
    name: "travel",
    description: "A travel assistant that moves a map and sets its markers while it talks.",
    entry: "answer",
    looks_up_before: "answer",
    needs_collection: false,
    refusal: None,
    actions: &[Action {
        name: "answer",
        about: "Asks the model, runs the map's tool when it calls it, and streams what it says before and after.",
        reads: &["map"],
        writes: &["map"],
        tools: &[&MAP],
        act: |_| Effect::Answer(Prompt { system: Some(PROMPT.to_owned()), temperature: None }),
        next: &[],
    }],
    keeps: &["map"],
};

static MAP: Tool = Tool {
    name: "update_map_and_markers",
    description: "Moves the map to a place, and replaces all markers on it.",
    parameters,
    run: update_map,
};

fn parameters() -> Value {
    let list = |about: &str, items: Value| json!({"type": "array", "description": about, "items": items, "maxItems": MOST_MARKERS});
    json!({
        "type": "object",
        "properties": {
            "longitude": {"type": "number", "minimum": -180, "maximum": 180, "description": "Longitude of the map's center, in degrees east"},
            "latitude": {"type": "number", "minimum": -90, "maximum": 90, "description": "Latitude of the map's center, in degrees north"},
            "zoom": {"type": "number", "minimum": 0, "maximum": 22, "description": "2 shows a continent, 5 a country, 10 a city, 14 a quarter"},
            "longitudes": list("Longitude of each marker", json!({"type": "number", "minimum": -180, "maximum": 180})),
            "latitudes": list("Latitude of each marker, in the same order", json!({"type": "number", "minimum": -90, "maximum": 90})),
            "labels": list("A short label for each marker, in the same order", json!({"type": "string", "maxLength": MOST_LABEL})),
        },
        "required": ["longitude", "latitude", "zoom", "longitudes", "latitudes", "labels"],
        "additionalProperties": false,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MapState {
    longitude: f64,
    latitude: f64,
    zoom: f64,
    longitudes: Vec<f64>,
    latitudes: Vec<f64>,
    labels: Vec<String>,
}

fn update_map(arguments: &str, _: &Map<String, Value>) -> Result<Done, String> {
    let map: MapState = read(arguments)?;
    let counts = [map.longitudes.len(), map.latitudes.len(), map.labels.len()];
    let [longitudes, latitudes, labels] = counts;
    if longitudes != latitudes || latitudes != labels {
        return Err(format!(
            "longitudes, latitudes and labels must be of equal length, but have {longitudes}, {latitudes} and {labels} items"
        ));
    }
    if labels > MOST_MARKERS {
        return Err(format!("there must be at most {MOST_MARKERS} markers"));
    }
    within("longitude", map.longitude, -180.0, 180.0)?;
    within("latitude", map.latitude, -90.0, 90.0)?;
    within("zoom", map.zoom, 0.0, 22.0)?;
    for (at, (longitude, latitude)) in map.longitudes.iter().zip(&map.latitudes).enumerate() {
        within(&format!("longitudes[{at}]"), *longitude, -180.0, 180.0)?;
        within(&format!("latitudes[{at}]"), *latitude, -90.0, 90.0)?;
    }
    if let Some(at) = map.labels.iter().position(|label| label.chars().count() > MOST_LABEL) {
        return Err(format!("labels[{at}] must have at most {MOST_LABEL} characters"));
    }
    // In the model's own figures: 11 stays 11.
    let state: Value = read(arguments)?;
    let content = match labels {
        0 => "The map has moved. It has no markers.".to_owned(),
        1 => "The map has moved. It has one marker.".to_owned(),
        count => format!("The map has moved. It has {count} markers."),
    };
    Ok(Done { content, state: Map::from_iter([("map".to_owned(), state)]) })
}

fn within(name: &str, value: f64, low: f64, high: f64) -> Result<(), String> {
    match (low..=high).contains(&value) {
        true => Ok(()),
        false => Err(format!("{name} must be from {low} to {high}, but is {value}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, value: Value) -> Result<Done, String> {
        let mut all = json!({
            "longitude": 139.69, "latitude": 35.68, "zoom": 10,
            "longitudes": [139.7454], "latitudes": [35.6586], "labels": ["Tokyo Tower"],
        });
        all[name] = value;
        update_map(&all.to_string(), &Map::new())
    }

    #[test]
    fn the_map_is_replaced_and_the_model_told() {
        let done = with("zoom", json!(11)).unwrap();
        assert_eq!(done.content, "The map has moved. It has one marker.");
        assert_eq!(done.state["map"]["labels"], json!(["Tokyo Tower"]));
        assert_eq!(done.state["map"]["zoom"], json!(11));
    }

    #[test]
    fn what_no_map_can_show_is_said_by_name() {
        let cases = [
            ("latitude", json!(123), "latitude must be from -90 to 90, but is 123"),
            ("longitude", json!(-180.5), "longitude must be from -180 to 180, but is -180.5"),
            ("zoom", json!(23), "zoom must be from 0 to 22, but is 23"),
            ("longitudes", json!([200]), "longitudes[0] must be from -180 to 180, but is 200"),
            ("latitudes", json!([-91]), "latitudes[0] must be from -90 to 90, but is -91"),
            (
                "labels",
                json!([]),
                "longitudes, latitudes and labels must be of equal length, but have 1, 1 and 0 items",
            ),
            ("labels", json!(["x".repeat(201)]), "labels[0] must have at most 200 characters"),
            ("zoom", json!("far"), "zoom: invalid type: string \"far\", expected f64"),
            ("longitudes", json!([1, null]), "longitudes[1]: invalid type: null, expected f64"),
            (
                "pitch",
                json!(1),
                "pitch: unknown field `pitch`, expected one of `longitude`, `latitude`, `zoom`, `longitudes`, `latitudes`, `labels`",
            ),
        ];
        for (name, value, words) in cases {
            assert_eq!(with(name, value).err().as_deref(), Some(words));
        }
        let list = update_map("[1,2,3,[],[],[]]", &Map::new()).err();
        assert_eq!(list.as_deref(), Some("the arguments must be an object"));
        let missing = update_map("{\"longitude\":1}", &Map::new()).err().unwrap();
        assert_eq!(missing, "missing field `latitude`");
    }

    /// What the model is told of the tool is what the tool takes.
    #[test]
    fn the_schema_names_all_that_is_read() {
        let schema = parameters();
        let properties: Vec<&str> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        let required: Vec<&str> = schema["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert_eq!(properties, required);
        let all: Map<String, Value> = properties.iter().map(|name| ((*name).to_owned(), json!(null))).collect();
        let words = update_map(&Value::Object(all).to_string(), &Map::new()).err().unwrap();
        assert_eq!(words, "longitude: invalid type: null, expected f64");
    }
}
