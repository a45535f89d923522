//! The API's description: that the committed file is what the types say, and that it has the routes that there are.
//! Whether the worker answers as it says is another test: `tests/worker/openapi.test.mjs`.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::arithmetic_side_effects, clippy::string_slice, clippy::unwrap_used, clippy::expect_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tributary::openapi::document;

const RENEW: &str = "UPDATE_OPENAPI=1 cargo test --no-default-features --test openapi";

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// Where addresses stand that only the world outside asks for; others may be an object's own.
const PUBLIC: [&str; 3] = ["/api/", "/v1", "/openai-streaming"];

/// The same as `/v1beta/`, which is described.
const ALIAS: &str = "/v1alpha/";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

#[test]
fn the_committed_description_is_what_the_types_say() {
    let file = root().join("public/openapi.json");
    let written = format!("{:#}\n", document());
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        fs::write(&file, &written).unwrap();
    }
    let kept = fs::read_to_string(&file).unwrap_or_default();
    let differs = kept.lines().zip(written.lines()).position(|(kept, written)| kept != written);
    let line = differs.unwrap_or_else(|| kept.lines().count().min(written.lines().count())) + 1;
    assert!(kept == written, "public/openapi.json is out of date from line {line} on: renew it with `{RENEW}`");
}

/// A documented operation.
struct Documented {
    method: String,
    path: String,
}

fn documented() -> Vec<Documented> {
    let document = document();
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let before = item["servers"].as_array().cloned().unwrap_or_default();
        let mut before: Vec<String> =
            before.iter().map(|server| server["url"].as_str().unwrap().trim_end_matches('/').to_owned()).collect();
        if before.is_empty() {
            before.push(String::new());
        }
        for method in item.as_object().unwrap().keys().filter(|name| *name != "servers") {
            for before in &before {
                all.push(Documented { method: method.to_ascii_uppercase(), path: format!("{before}{path}") });
            }
        }
    }
    assert!(all.len() > 40, "the document is nearly empty");
    all
}

/// What the sources of routes have in quotes.
struct Quoted {
    text: String,
    /// What stands between it and the one before.
    gap: String,
    file: PathBuf,
}

fn quoted() -> Vec<Quoted> {
    let mut all = Vec::new();
    let mut folders = vec![root().join("src/web")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = fs::read_to_string(&path).unwrap();
            let shipped = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
            let code: String = shipped
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .map(|line| format!("{line}\n"))
                .collect();
            all.extend(literals(&code).into_iter().map(|(gap, text)| Quoted { text, gap, file: path.clone() }));
        }
    }
    assert!(all.len() > 50, "the routes were not found");
    all
}

/// The string literals of a source, each with what stands before it.
fn literals(code: &str) -> Vec<(String, String)> {
    let (mut found, mut gap, mut text, mut inside) = (Vec::new(), String::new(), String::new(), false);
    let code = code.replace("'\"'", "' '");
    let mut chars = code.chars();
    while let Some(char) = chars.next() {
        match (char, inside) {
            ('"', false) => inside = true,
            ('"', true) => {
                found.push((std::mem::take(&mut gap), std::mem::take(&mut text)));
                inside = false;
            }
            ('\\', true) => text.extend(chars.next()),
            (char, true) => text.push(char),
            (char, false) => gap.push(char),
        }
    }
    found
}

#[test]
fn the_reader_of_literals_finds_them_all() {
    let found = literals("a(\"GET\", \"/x\\\"y\", '\"', B)\nc(\"\")");
    let texts: Vec<&str> = found.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(texts, ["GET", "/x\"y", ""]);
    assert_eq!(found[1].0, ", ");
}

/// Whether a path is one of the document's, or the beginning of one where it ends in a slash.
fn covers(documented: &Documented, path: &str) -> bool {
    documented.path == path || (path.ends_with('/') && documented.path.starts_with(path))
}

#[test]
fn every_route_of_the_tables_is_described_with_its_method() {
    let (documented, quoted) = (documented(), quoted());
    let mut routes = 0;
    for pair in quoted.windows(2) {
        let (method, path) = (&pair[0], &pair[1]);
        let is_route = METHODS.contains(&method.text.as_str()) && path.gap.trim() == "," && path.text.starts_with('/');
        if !is_route {
            continue;
        }
        routes += 1;
        let known = documented.iter().any(|known| known.method == method.text && covers(known, &path.text));
        assert!(known, "{} {} of {} is not described in src/openapi", method.text, path.text, path.file.display());
    }
    assert!(routes > 15, "the table of routes was not found");
}

#[test]
fn every_address_in_the_sources_is_described() {
    let (documented, quoted) = (documented(), quoted());
    let outside = |path: &str| PUBLIC.iter().any(|start| path.starts_with(start)) && !path.contains([' ', '{', '?']);
    for Quoted { text: path, file, .. } in quoted.iter().filter(|quoted| outside(&quoted.text)) {
        // A place that others stand below may be named without its slash.
        let known = |known: &Documented| covers(known, path) || known.path.starts_with(&format!("{path}/"));
        assert!(path == ALIAS || documented.iter().any(known), "{path} of {} is not described", file.display());
    }
    for Quoted { text: word, .. } in quoted.iter().filter(|quoted| quoted.file.ends_with("web/gemini.rs")) {
        let is_method = word.ends_with("Content") || word.ends_with("Contents") || word.ends_with("Tokens");
        let known = documented.iter().any(|known| known.path.ends_with(&format!(":{}", word.trim_start_matches(':'))));
        assert!(!is_method || known, "the method {word} is not described");
    }
}

#[test]
fn everything_that_is_described_is_in_the_sources() {
    let (documented, quoted) = (documented(), quoted());
    let words: Vec<&str> = quoted.iter().flat_map(|quoted| quoted.text.split(['/', ':'])).collect();
    for Documented { method, path } in &documented {
        assert!(quoted.iter().any(|quoted| quoted.text == *method), "nothing is asked for by {method}");
        for word in path.split(['/', ':']).filter(|word| !word.is_empty() && !word.starts_with('{')) {
            assert!(words.contains(&word), "{word} of {method} {path} is not in src/web");
        }
    }
}

#[test]
fn every_operation_has_answers() {
    let document = document();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap().iter().filter(|(name, _)| *name != "servers") {
            let answers = operation["responses"].as_object().unwrap();
            assert!(answers.keys().any(|status| status.starts_with('2') || status == "101"), "{method} {path}");
            assert!(answers.values().all(Value::is_object), "{method} {path}");
        }
    }
}
