use std::time::Duration;

/// Time since a moment. In workerd the clock advances only with I/O, so equal readings mean nothing.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(f64);

impl Stopwatch {
    /// Starts now.
    pub fn start() -> Self {
        Stopwatch(js_sys::Date::now())
    }

    /// Milliseconds since the start.
    pub fn elapsed_ms(self) -> u64 {
        (js_sys::Date::now() - self.0).max(0.0) as u64
    }
}

/// Milliseconds since 1970, for what outlives a request.
pub fn now_ms() -> u64 {
    js_sys::Date::now() as u64
}

/// Waits; a dropped wait leaves no timer behind.
pub async fn sleep(ms: u64) {
    worker::Delay::from(Duration::from_millis(ms)).await;
}
