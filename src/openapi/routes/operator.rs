//! What the operator asks: keys, what was used, metrics.

use serde_json::json;

use crate::openapi::errors::{KEYS, LIST, READ};
use crate::openapi::operation::{Operation, delete, get, patch, post};
use crate::openapi::schemas::error::ErrorBody;
use crate::openapi::schemas::operator::{
    GatewayKey, IssuedKey, KeyList, KeyRotation, KeyTerms, NewKey, UsageQuery, UsageReport,
};

/// The operator alone.
const OPERATOR: &[&str] = &["admin"];

/// The operator, and the developer on a machine without keys.
const OPERATOR_OR_LOCAL: &[&str] = &["", "admin"];

/// Whoever has a key, too; but not by the query, where `key` is a name.
const ALL_BUT_QUERY: &[&str] = &["", "bearer", "x-api-key", "x-goog-api-key", "admin"];

const NAME: &str = "The key's name.";

const IS_GIVEN: &str = "`conflict`: the key is from `GATEWAY_KEYS`, and is changed there.";

const CSV: &str = "\
day,key,provider,model,estimated,answers,input_tokens,output_tokens,total_tokens,cached_tokens,reasoning_tokens,\
cost_usd,unpriced_answers\r\n\
2026-11-27,alice,openai,gpt-6-luna,false,12,3400,1200,4600,0,300,0.01625,0\r\n";

const METRICS: &str = "\
# HELP tributary_tokens_total Tokens by kind; estimated where the provider gave no figures.
# TYPE tributary_tokens_total counter
tributary_tokens_total{key=\"alice\",provider=\"openai\",model=\"gpt-6-luna\",kind=\"input\",estimated=\"false\"} 3400
";

/// The operations.
pub fn operations() -> Vec<Operation> {
    keys().into_iter().chain(used()).collect()
}

fn keys() -> Vec<Operation> {
    let one = |operation: Operation| operation.callers(OPERATOR).path("name", NAME);
    vec![
        get("/api/v1/admin/keys", "listKeys", "List the keys")
            .about("Those that were made here, and those of `GATEWAY_KEYS`. 403 where `ADMIN_KEY` is not set.")
            .callers(OPERATOR)
            .answer::<KeyList>("200", "All of them, none with the key itself.")
            .errors(LIST),
        post("/api/v1/admin/keys", "createKey", "Make a key")
            .about(
                "The answer has the key, which is kept as a digest only and never shown again. It is good everywhere \
                 after 10 seconds at most.",
            )
            .callers(OPERATOR)
            .body::<NewKey>()
            .example("For anything", json!({"name": "carol"}))
            .example(
                "With limits",
                json!({
                    "name": "dave",
                    "models": ["openai/gpt-6*", "demo/*"],
                    "requests_per_minute": 60,
                    "concurrent_runs": 4,
                    "monthly_budget_usd": 20,
                }),
            )
            .answer::<IssuedKey>("201", "The key, shown this once.")
            .answer::<ErrorBody>("409", "`conflict`: there is a key of that name already.")
            .errors(KEYS),
        one(get("/api/v1/admin/keys/{name}", "readKey", "Read what is known of a key"))
            .answer::<GatewayKey>("200", "All but the key itself.")
            .errors(READ),
        one(patch("/api/v1/admin/keys/{name}", "changeKey", "Change what a key's holder may do"))
            .about("What is not said stays as it is.")
            .body::<KeyTerms>()
            .example("Another limit, and one less", json!({"requests_per_minute": 120, "monthly_budget_usd": null}))
            .answer::<GatewayKey>("200", "The key as it is now.")
            .answer::<ErrorBody>("409", IS_GIVEN)
            .errors(KEYS),
        one(delete("/api/v1/admin/keys/{name}", "revokeKey", "Revoke a key"))
            .about("Also one of `GATEWAY_KEYS`. After 10 seconds at most it opens nothing, and its runs are ended.")
            .nothing("204", "It is revoked.")
            .errors(READ),
        one(post("/api/v1/admin/keys/{name}/rotate", "rotateKey", "Replace a key"))
            .about("Its holder keeps name, sessions, usage and limits.")
            .optional_body::<KeyRotation>()
            .example("The old one ends", json!({}))
            .example("The old one is good for another hour", json!({"overlap_seconds": 3600}))
            .answer::<IssuedKey>("200", "The new key, shown this once.")
            .answer::<ErrorBody>("409", IS_GIVEN)
            .errors(KEYS),
    ]
}

fn used() -> Vec<Operation> {
    vec![
        get("/api/v1/usage", "readUsage", "Read what was used")
            .about("The operator is shown everybody's usage, a key its own.")
            .callers(ALL_BUT_QUERY)
            .query::<UsageQuery>()
            .answer::<UsageReport>("200", "Tokens, costs and runs; with `format=csv` the lines of `usage` as a table.")
            .text("text/csv", "")
            .sample(CSV)
            .errors(LIST),
        get("/metrics", "readMetrics", "Metrics for Prometheus")
            .callers(OPERATOR_OR_LOCAL)
            .text("text/plain", "The sums over all days, in the text format 0.0.4.")
            .sample(METRICS)
            .errors(LIST),
    ]
}
