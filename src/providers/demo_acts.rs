//! What the demo does where an assistant asks it: no model, but enough to see an assistant at work without a key.

use serde_json::{Value, json};

use super::demo::tool_result;

/// The travel assistant's tool.
pub const MAP: &str = "update_map_and_markers";

struct Place {
    name: &'static str,
    longitude: f64,
    latitude: f64,
    sights: [(&'static str, f64, f64); 3],
}

/// A few places that people like to go to.
const PLACES: [Place; 8] = [
    Place {
        name: "Tokyo",
        longitude: 139.6917,
        latitude: 35.6895,
        sights: [
            ("Senso-ji", 139.7967, 35.7148),
            ("Shibuya Crossing", 139.7006, 35.6595),
            ("Tokyo Tower", 139.7454, 35.6586),
        ],
    },
    Place {
        name: "Paris",
        longitude: 2.3522,
        latitude: 48.8566,
        sights: [("Louvre", 2.3376, 48.8606), ("Eiffel Tower", 2.2945, 48.8584), ("Montmartre", 2.3431, 48.8867)],
    },
    Place {
        name: "Rome",
        longitude: 12.4964,
        latitude: 41.9028,
        sights: [("Colosseum", 12.4922, 41.8902), ("Pantheon", 12.4769, 41.8986), ("Trevi Fountain", 12.4833, 41.9009)],
    },
    Place {
        name: "New York",
        longitude: -74.006,
        latitude: 40.7128,
        sights: [
            ("Central Park", -73.9654, 40.7829),
            ("Brooklyn Bridge", -73.9969, 40.7061),
            ("Times Square", -73.9855, 40.758),
        ],
    },
    Place {
        name: "Oslo",
        longitude: 10.7522,
        latitude: 59.9139,
        sights: [
            ("Opera House", 10.7531, 59.9075),
            ("Vigeland Park", 10.7003, 59.927),
            ("Fram Museum", 10.6995, 59.9033),
        ],
    },
    Place {
        name: "Sydney",
        longitude: 151.2093,
        latitude: -33.8688,
        sights: [
            ("Opera House", 151.2153, -33.8568),
            ("Harbour Bridge", 151.2108, -33.8523),
            ("Bondi Beach", 151.2743, -33.8908),
        ],
    },
    Place {
        name: "Cape Town",
        longitude: 18.4241,
        latitude: -33.9249,
        sights: [
            ("Table Mountain", 18.4098, -33.9628),
            ("Bo-Kaap", 18.4153, -33.9208),
            ("Boulders Beach", 18.451, -34.1974),
        ],
    },
    Place {
        name: "Rio de Janeiro",
        longitude: -43.1729,
        latitude: -22.9068,
        sights: [
            ("Christ the Redeemer", -43.2105, -22.9519),
            ("Sugarloaf", -43.1567, -22.9486),
            ("Copacabana", -43.1823, -22.9711),
        ],
    },
];

/// The one word that is asked for where prompts are sorted.
pub fn choice(request: &Value, prompt: &str) -> Option<&'static str> {
    let asks = ["generate_code:", "answer_question:", "generate_poem:"];
    let is_sorting = systems(request).any(|text| asks.iter().all(|word| text.contains(word)));
    let prompt = prompt.to_lowercase();
    let has = |words: &[&str]| prompt.split(|char: char| !char.is_alphanumeric()).any(|word| words.contains(&word));
    is_sorting.then(|| {
        if has(&["poem", "haiku", "verse", "verses", "song", "sonnet", "limerick", "rhyme"]) {
            "generate_poem"
        } else if has(&["code", "function", "program", "script", "python", "rust", "javascript", "sql", "regex"]) {
            "generate_code"
        } else if prompt.contains('?') || has(&["what", "why", "how", "who", "when", "where", "explain", "tell"]) {
            "answer_question"
        } else {
            "unknown"
        }
    })
}

/// What it says to passages, to a map that has moved, and in a mode.
pub fn answer(request: &Value, prompt: &str) -> Option<String> {
    if let Some(passages) = systems(request).find_map(|text| text.split_once("These passages were found")) {
        let (_, first) = passages.1.split_once("\n\n[1]")?;
        let text = first.split("\n\n[2]").next()?.split_once('\n')?.1;
        let sentence: String = text.split_inclusive(['.', '!', '?']).next()?.trim().chars().take(300).collect();
        return Some(format!(
            "The first passage that was found says: {sentence} [1] I am a script and read no further."
        ));
    }
    if offers_map(request) && tool_result(request).is_some() {
        let place = place_in(prompt)?;
        let [first, second, third] = place.sights.map(|(name, ..)| name);
        let name = place.name;
        return Some(format!(
            "Here is {name}! I marked {first}, {second} and {third} on the map. I am a script, so that is all I know; \
a model would plan your days."
        ));
    }
    let mode = |words: &str| systems(request).any(|text| text.starts_with(words));
    if mode("You write poems.") {
        return Some("A stream goes by night,\ncarrying each drop it met.\nThe sea hears them all.".to_owned());
    }
    if mode("You write code.") {
        let code = "```python\ndef greet(name: str) -> str:\n    return f\"Hello, {name}!\"\n```";
        return Some(format!(
            "{code}\n\nCall `greet(\"Ada\")`. I am a script: a model would write what you asked for."
        ));
    }
    mode("You answer questions.").then(|| {
        "I am a script and know no answers, but I can tell that this was a question. A model would answer it."
            .to_owned()
    })
}

/// The arguments for the map, where a place is named that it knows.
pub fn map(request: &Value, prompt: &str) -> Option<Value> {
    let place = place_in(prompt).filter(|_| offers_map(request) && tool_result(request).is_none())?;
    let sights = place.sights;
    Some(json!({
        "longitude": place.longitude, "latitude": place.latitude, "zoom": 11,
        "longitudes": sights.map(|(_, longitude, _)| longitude),
        "latitudes": sights.map(|(_, _, latitude)| latitude),
        "labels": sights.map(|(name, ..)| name),
    }))
}

fn place_in(prompt: &str) -> Option<&'static Place> {
    let prompt = prompt.to_lowercase();
    PLACES.iter().find(|place| prompt.contains(&place.name.to_lowercase()))
}

fn offers_map(request: &Value) -> bool {
    let tools = request.get("tools").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    tools.iter().any(|tool| tool.pointer("/function/name").is_some_and(|name| name == MAP))
}

fn systems(request: &Value) -> impl Iterator<Item = &str> {
    let messages = request.get("messages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let own = messages.iter().filter(|message| message.get("role").is_some_and(|role| role == "system"));
    own.filter_map(|message| message.get("content").and_then(Value::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(system: &str, more: Value) -> Value {
        let mut request = json!({"messages": [{"role": "system", "content": system}]});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        request
    }

    #[test]
    fn it_sorts_where_it_is_asked_to() {
        let sorting = request("generate_code: a\nanswer_question: b\ngenerate_poem: c", json!({}));
        let cases = [
            ("Write a haiku", "generate_poem"),
            ("a Python function", "generate_code"),
            ("What is the capital of France?", "answer_question"),
            ("asdf", "unknown"),
        ];
        for (prompt, word) in cases {
            assert_eq!(choice(&sorting, prompt), Some(word));
        }
        assert_eq!(choice(&request("Be brief.", json!({})), "a haiku"), None);
    }

    #[test]
    fn it_moves_the_map_once() {
        let tools = json!([{"type": "function", "function": {"name": MAP}}]);
        let mut asked = request("s", json!({"tools": tools}));
        let arguments = map(&asked, "Let's visit TOKYO").unwrap();
        assert_eq!(arguments["labels"].as_array().map(Vec::len), Some(3));
        assert_eq!(map(&asked, "Let's stay"), None);
        asked["messages"].as_array_mut().unwrap().push(json!({"role": "tool", "content": "moved"}));
        assert_eq!(map(&asked, "Tokyo"), None);
        assert!(answer(&asked, "Tokyo").unwrap().starts_with("Here is Tokyo!"));
    }

    #[test]
    fn it_cites_what_was_found() {
        let found = request("These passages were found\n\n[1] Seas\nSalt is in it. More.\n\n[2]\nNo.", json!({}));
        let said = answer(&found, "?").unwrap();
        assert!(said.starts_with("The first passage that was found says: Salt is in it. [1]"), "{said}");
    }
}
