//! Who may name whom: reads the sources and fails on a breach of the map in `src/lib.rs`.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::arithmetic_side_effects, clippy::string_slice, clippy::unwrap_used, clippy::expect_used)]
#![allow(clippy::indexing_slicing, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

/// A room, and the other rooms that it may name.
const MAP: [(&str, &[&str]); 17] = [
    (
        "web",
        &[
            "service",
            "platform",
            "assistants",
            "retrieval",
            "dialects",
            "providers",
            "callers",
            "costs",
            "guard",
            "models",
        ],
    ),
    ("objects", &["service", "data", "session", "retrieval", "dialects", "providers", "costs", "platform", "models"]),
    (
        "service",
        &[
            "data",
            "session",
            "assistants",
            "retrieval",
            "dialects",
            "framing",
            "providers",
            "relay",
            "callers",
            "costs",
            "guard",
            "platform",
            "models",
        ],
    ),
    ("data", &["session", "retrieval", "callers", "costs", "platform", "models"]),
    ("platform", &["models", "providers"]),
    ("session", &["framing", "models"]),
    ("assistants", &["dialects", "models"]),
    ("retrieval", &["models"]),
    ("callers", &["costs", "models"]),
    ("costs", &["models"]),
    ("guard", &["models"]),
    ("openapi", &["models", "session"]),
    ("relay", &["dialects", "framing", "guard", "models"]),
    ("providers", &["dialects", "models"]),
    ("dialects", &["framing", "models"]),
    ("framing", &[]),
    ("models", &[]),
];

const PURE: [&str; 12] = [
    "models",
    "framing",
    "dialects",
    "providers",
    "relay",
    "session",
    "assistants",
    "retrieval",
    "callers",
    "costs",
    "guard",
    "openapi",
];
const SHELL_CRATES: [&str; 6] = ["worker", "wasm_bindgen", "wasm_bindgen_futures", "js_sys", "web_sys", "futures_util"];

/// Names of vendors: they belong into the catalogue, and into comments.
const VENDORS: [&str; 12] = [
    "openai",
    "together",
    "groq",
    "mistral",
    "deepseek",
    "openrouter",
    "perplexity",
    "anthropic",
    "gemini",
    "azure",
    "ollama",
    "xai",
];

/// Longer files hide more than one thing.
const MOST_LINES: usize = 500;

/// A source file: its room, and its code without comments and tests.
struct Source {
    path: PathBuf,
    room: String,
    code: String,
    lines: usize,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut folders, mut found) = (vec![root.clone()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(read_source(&root, path));
            }
        }
    }
    assert!(found.len() > 20, "the sources were not found");
    found
}

fn read_source(root: &Path, path: PathBuf) -> Source {
    let text = fs::read_to_string(&path).unwrap();
    let path = path.strip_prefix(root).unwrap().to_owned();
    let room = path.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned();
    Source { room, code: code(&text), lines: text.lines().count(), path }
}

/// Without comments, and without the tests at the end of a file.
fn code(text: &str) -> String {
    let shipped = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let lines = shipped.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.map(|line| line.split(" // ").next().unwrap_or_default().to_owned() + "\n").collect()
}

/// The words of a text, letters and underscores.
fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|char: char| !char.is_ascii_alphanumeric() && char != '_').filter(|word| !word.is_empty())
}

/// The rooms that code names: behind `crate::`, one or several in braces.
fn rooms_named(code: &str) -> Vec<String> {
    let first = |path: &str| words(path).next().map(str::to_owned);
    code.split("crate::")
        .skip(1)
        .flat_map(|rest| match rest.strip_prefix('{') {
            Some(list) => in_braces(list).iter().filter_map(|path| first(path)).collect::<Vec<_>>(),
            None => first(rest).into_iter().collect(),
        })
        .collect()
}

/// The paths of a list in braces that was opened already; inner braces belong to their path.
fn in_braces(list: &str) -> Vec<String> {
    let (mut depth, mut paths) = (1, vec![String::new()]);
    for char in list.chars() {
        match char {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => paths.push(String::new()),
            _ => {}
        }
        if depth == 0 {
            break;
        }
        paths.last_mut().unwrap().push(char);
    }
    paths.iter().map(|path| path.trim_matches([',', ' ', '\n']).to_owned()).collect()
}

#[test]
fn the_reader_of_paths_finds_them_all() {
    let code =
        "use crate::models::{A, B};\nuse crate::{web, dialects::{self, x::Y}, relay};\nfn f() { crate::framing::g() }";
    assert_eq!(rooms_named(code), ["models", "web", "dialects", "relay", "framing"]);
    assert_eq!(self::code("// crate::web\nuse a; // b\n#[cfg(test)]\nmod tests {}"), "use a;\n");
}

#[test]
fn every_room_names_only_whom_it_may() {
    for source in sources() {
        let Some((_, allowed)) = MAP.iter().find(|(room, _)| *room == source.room) else {
            assert_eq!(source.room, "lib", "{} is in a room that the map does not have", source.path.display());
            continue;
        };
        for named in rooms_named(&source.code) {
            let fine = named == source.room || allowed.contains(&named.as_str());
            assert!(fine, "{} names {named}, which {} may not", source.path.display(), source.room);
        }
    }
}

#[test]
fn the_pure_rooms_know_no_shell() {
    for source in sources().iter().filter(|source| PURE.contains(&source.room.as_str())) {
        let shell = words(&source.code).find(|word| SHELL_CRATES.contains(word));
        assert_eq!(shell, None, "in {}", source.path.display());
    }
}

#[test]
fn use_cases_name_no_dialect_and_no_provider() {
    for source in sources().iter().filter(|source| source.room == "service") {
        let concrete =
            words(&source.code).find(|word| ["OpenAiChat", "Unified", "openai_chat", "unified"].contains(word));
        assert_eq!(concrete, None, "in {}", source.path.display());
    }
    no_vendor_in("service");
}

#[test]
fn what_all_providers_share_names_none() {
    no_vendor_in("relay");
    no_vendor_in("framing");
    no_vendor_in("models");
}

fn no_vendor_in(room: &str) {
    for source in sources().iter().filter(|source| source.room == room) {
        let code = source.code.to_ascii_lowercase();
        let vendor = VENDORS.iter().find(|vendor| code.contains(*vendor));
        assert_eq!(vendor, None, "in {}", source.path.display());
    }
}

#[test]
fn files_are_short() {
    for source in sources() {
        assert!(source.lines <= MOST_LINES, "{} has {} lines", source.path.display(), source.lines);
    }
}
