use serde::{Deserialize, Serialize};

/// Why an answer ended, in unified words. The provider's own word travels beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema), schemars(rename = "FinishReason"))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Finish {
    /// The model said all it wanted, or met a stop sequence.
    Stop,
    /// A token limit cut the answer.
    Length,
    /// The model waits for the results of its tool calls.
    ToolCalls,
    /// The provider withheld the answer, or the rest of it.
    ContentFilter,
    /// The model declined.
    Refusal,
    /// The provider paused and can be asked to go on.
    Pause,
    /// The caller stopped the run.
    Cancelled,
}

impl Finish {
    /// The word on the wire.
    ///
    /// ```
    /// assert_eq!(tributary::models::Finish::ToolCalls.as_str(), "tool_calls");
    /// ```
    pub fn as_str(self) -> &'static str {
        match self {
            Finish::Stop => "stop",
            Finish::Length => "length",
            Finish::ToolCalls => "tool_calls",
            Finish::ContentFilter => "content_filter",
            Finish::Refusal => "refusal",
            Finish::Pause => "pause",
            Finish::Cancelled => "cancelled",
        }
    }

    /// The reason that a word on the wire means.
    ///
    /// ```
    /// use tributary::models::Finish;
    /// assert_eq!(Finish::read("tool_calls"), Some(Finish::ToolCalls));
    /// assert_eq!(Finish::read("end_turn"), None);
    /// ```
    pub fn read(word: &str) -> Option<Self> {
        let all = [
            Finish::Stop,
            Finish::Length,
            Finish::ToolCalls,
            Finish::ContentFilter,
            Finish::Refusal,
            Finish::Pause,
            Finish::Cancelled,
        ];
        all.into_iter().find(|finish| finish.as_str() == word)
    }
}
