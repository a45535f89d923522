//! The ledger as people and their programs read it: JSON, CSV, Prometheus' text.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{Days, Ended, Lines, Used};
use crate::models::Cost;

/// What was used, as JSON.
pub fn to_json(days: &Days, lines: &Lines, list_prices_as_of: &str) -> Value {
    let mut total = Used::default();
    lines.used.iter().for_each(|line| total.add(line));
    let estimated = lines.used.iter().filter(|line| line.estimated).map(|line| line.cost).fold(Cost::ZERO, Cost::and);
    let mut sum = amounts(&total);
    if let Some(map) = sum.as_object_mut() {
        map.insert("estimated_cost_usd".to_owned(), json!(estimated));
    }
    json!({
        "from": days.from,
        "to": days.to,
        "total": sum,
        "usage": lines.used.iter().map(used).collect::<Vec<_>>(),
        "runs": lines.ended.iter().map(ended).collect::<Vec<_>>(),
        "list_prices_as_of": list_prices_as_of,
    })
}

fn used(line: &Used) -> Value {
    let mut fields = json!({
        "day": line.day, "key": line.key, "provider": line.provider, "model": line.model, "estimated": line.estimated,
    });
    if let (Some(map), Value::Object(amounts)) = (fields.as_object_mut(), amounts(line)) {
        map.extend(amounts);
    }
    fields
}

fn amounts(line: &Used) -> Value {
    json!({
        "answers": line.answers, "input_tokens": line.input, "output_tokens": line.output, "total_tokens": line.total,
        "cached_tokens": line.cached, "reasoning_tokens": line.reasoning, "cost_usd": line.cost,
        "unpriced_answers": line.unpriced,
    })
}

fn ended(line: &Ended) -> Value {
    json!({
        "day": line.day, "key": line.key, "provider": line.provider, "model": line.model, "ended": line.ended,
        "runs": line.runs, "total_ms": line.ms, "with_first_token": line.firsts, "total_first_token_ms": line.first_ms,
    })
}

/// What was used, as a table.
pub fn to_csv(lines: &Lines) -> String {
    let mut csv = "day,key,provider,model,estimated,answers,input_tokens,output_tokens,total_tokens,cached_tokens,\
                   reasoning_tokens,cost_usd,unpriced_answers\r\n"
        .to_owned();
    for line in &lines.used {
        let names = [&line.day, &line.key, &line.provider, &line.model].map(|name| cell(name)).join(",");
        let counts = [line.answers, line.input, line.output, line.total, line.cached, line.reasoning];
        let counts = counts.map(|count| count.to_string()).join(",");
        // Nothing can go wrong in writing to a string.
        let _ = write!(csv, "{names},{},{counts},{},{}\r\n", line.estimated, line.cost.dollars(), line.unpriced);
    }
    csv
}

/// Model names are callers' words: one that a spreadsheet would take for a formula is marked as text.
fn cell(text: &str) -> String {
    let text = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() };
    match text.contains(['"', ',', '\r', '\n']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

/// The sums over all days, as Prometheus' text format 0.0.4.
pub fn to_prometheus(lines: &Lines, version: &str) -> String {
    let mut text = String::new();
    head(&mut text, "tributary_build_info", "gauge", "The version that answers.");
    let _ = writeln!(text, "tributary_build_info{{version={}}} 1", quoted(version));
    head(
        &mut text,
        "tributary_tokens_total",
        "counter",
        "Tokens by kind; estimated where the provider gave no figures.",
    );
    for line in &lines.used {
        let kinds =
            [("input", line.input), ("output", line.output), ("cached", line.cached), ("reasoning", line.reasoning)];
        for (kind, count) in kinds {
            let _ = writeln!(
                text,
                "tributary_tokens_total{{{},kind=\"{kind}\",estimated=\"{}\"}} {count}",
                names(&line.key, &line.provider, &line.model),
                line.estimated
            );
        }
    }
    head(&mut text, "tributary_cost_usd_total", "counter", "US dollars, for models whose price is known.");
    for line in &lines.used {
        let _ = writeln!(
            text,
            "tributary_cost_usd_total{{{},estimated=\"{}\"}} {}",
            names(&line.key, &line.provider, &line.model),
            line.estimated,
            line.cost.dollars()
        );
    }
    head(&mut text, "tributary_answers_total", "counter", "Answers of providers that used tokens.");
    for line in &lines.used {
        let _ = writeln!(
            text,
            "tributary_answers_total{{{},estimated=\"{}\"}} {}",
            names(&line.key, &line.provider, &line.model),
            line.estimated,
            line.answers
        );
    }
    head(&mut text, "tributary_runs_total", "counter", "Runs by finish reason or error type.");
    for line in &lines.ended {
        let _ = writeln!(
            text,
            "tributary_runs_total{{{},ended={}}} {}",
            names(&line.key, &line.provider, &line.model),
            quoted(&line.ended),
            line.runs
        );
    }
    summary(&mut text, lines, "tributary_run_seconds", "How long runs took.", |line| (line.ms, line.runs));
    summary(&mut text, lines, "tributary_first_token_seconds", "Until the first token.", |line| {
        (line.first_ms, line.firsts)
    });
    text
}

fn summary(text: &mut String, lines: &Lines, name: &str, help: &str, of: impl Fn(&Ended) -> (u64, u64)) {
    head(text, name, "summary", help);
    for line in &lines.ended {
        let (ms, count) = of(line);
        let labels = format!("{},ended={}", names(&line.key, &line.provider, &line.model), quoted(&line.ended));
        let _ = writeln!(text, "{name}_sum{{{labels}}} {}", ms as f64 / 1000.0);
        let _ = writeln!(text, "{name}_count{{{labels}}} {count}");
    }
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn names(key: &str, provider: &str, model: &str) -> String {
    format!("key={},provider={},model={}", quoted(key), quoted(provider), quoted(model))
}

fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> Lines {
        Lines {
            used: vec![Used {
                day: "2026-11-27".to_owned(),
                key: "a\"b".to_owned(),
                provider: "p".to_owned(),
                model: "=1,\"x\"\n".to_owned(),
                answers: 2,
                input: 10,
                output: 5,
                total: 15,
                cost: Cost::from_dollars(0.000_001_5),
                ..Used::default()
            }],
            ended: vec![Ended {
                ended: "stop".to_owned(),
                runs: 2,
                ms: 2500,
                firsts: 1,
                first_ms: 20,
                ..Ended::default()
            }],
        }
    }

    #[test]
    fn a_table_holds_no_formula() {
        let csv = to_csv(&lines());
        let row = csv.split_once("\r\n").unwrap().1;
        assert_eq!(row, "2026-11-27,\"a\"\"b\",p,\"'=1,\"\"x\"\"\n\",false,2,10,5,15,0,0,0.0000015,0\r\n");
    }

    #[test]
    fn labels_stay_in_their_quotes() {
        let text = to_prometheus(&lines(), "0.1.0");
        assert!(text.contains(
            "tributary_tokens_total{key=\"a\\\"b\",provider=\"p\",model=\"=1,\\\"x\\\"\\n\",kind=\"input\",estimated=\"false\"} 10\n"
        ), "{text}");
        assert!(
            text.contains("tributary_run_seconds_sum{key=\"\",provider=\"\",model=\"\",ended=\"stop\"} 2.5\n"),
            "{text}"
        );
        let names: Vec<&str> = text.lines().filter(|line| line.starts_with("# TYPE")).collect();
        assert_eq!(names.len(), 7);
        assert!(text.lines().all(|line| line.starts_with('#') || line.starts_with("tributary_")));
    }

    #[test]
    fn the_total_is_the_sum() {
        let days = Days { from: "2026-11-01".to_owned(), to: "2026-11-30".to_owned() };
        let mut lines = lines();
        lines.used.push(Used { estimated: true, answers: 1, input: 3, unpriced: 1, ..Used::default() });
        let json = to_json(&days, &lines, "2026-01-01");
        assert_eq!(
            (
                json["total"]["input_tokens"].as_u64(),
                json["total"]["answers"].as_u64(),
                json["total"]["unpriced_answers"].as_u64()
            ),
            (Some(13), Some(3), Some(1))
        );
        assert_eq!(json["usage"].as_array().map(Vec::len), Some(2));
    }
}
