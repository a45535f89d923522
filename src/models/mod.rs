//! The unified types that all rooms share. In: shapes and their own invariants. Out: wire formats
//! (see `dialects`), policy (see `providers`), I/O.

mod address;
mod answer;
mod cache;
mod cost;
mod embedding;
mod error;
mod event;
mod finish;
mod native;
mod opaque;
mod passage;
mod request;
mod step;
mod target;
mod usage;

pub use address::check_address;
pub use answer::{Answer, Citation, Place, Placed, PlacedResult, ToolCall};
pub use cache::{MOST_TTL, take_cache};
pub use cost::{Cost, Price};
pub use embedding::{EmbedRequest, Embeddings};
pub use error::{ChatError, ErrorKind};
pub use event::{CallRef, Event, OpaqueDelta, Sink, ToolDelta, ToolKind};
pub use finish::Finish;
pub use native::{Beyond, Native};
pub use opaque::Opaque;
pub use passage::Passage;
pub use request::{
    ChatRequest, Effort, Image, Message, OnDisconnect, Parent, Part, ResponseFormat, Retrieval, Role, SessionTurn,
    Thinking, Tool, ToolChoice,
};
pub use step::{Stage, Step, ToolResult};
pub use target::{
    Auth, EffortField, MaxTokensField, ModelRule, Quirks, Replay, Sampling, Secret, Target, ThinkingForm,
};
pub use usage::Usage;
