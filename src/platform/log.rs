use serde_json::Value;

/// One structured line. What goes in must hold no prompt and no secret.
pub fn log(line: &Value) {
    worker::console_log!("{line}");
}
