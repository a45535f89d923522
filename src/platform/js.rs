//! What the runtime has and no crate binds, or binds less sharply than a hot path needs.

use js_sys::{Promise, Uint8Array};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = fetch)]
    pub fn fetch(request: &web_sys::Request) -> Promise;

    #[wasm_bindgen(js_namespace = crypto, js_name = randomUUID)]
    fn random_uuid() -> String;

    /// The platform's own transform stream: its ends are internal, so writes reach the socket
    /// without JavaScript.
    pub type IdentityTransformStream;
    #[wasm_bindgen(constructor)]
    pub fn with_strategy(strategy: &JsValue) -> IdentityTransformStream;
    #[wasm_bindgen(method, getter)]
    pub fn readable(this: &IdentityTransformStream) -> web_sys::ReadableStream;
    #[wasm_bindgen(method, getter)]
    pub fn writable(this: &IdentityTransformStream) -> web_sys::WritableStream;

    #[wasm_bindgen(method, js_name = pipeThrough)]
    pub fn pipe_through(this: &Readable, through: &IdentityTransformStream) -> web_sys::ReadableStream;

    /// A stream of bytes, wherever it comes from.
    pub type Readable;

    /// A binding that runs models.
    pub type Models;
    #[wasm_bindgen(method, catch)]
    pub fn run(this: &Models, model: &str, inputs: &JsValue, options: &JsValue) -> Result<JsValue, JsValue>;

    /// A reader that fills a buffer of ours.
    pub type ByobReader;
    #[wasm_bindgen(method, catch)]
    pub fn read(this: &ByobReader, view: &Uint8Array) -> Result<Then, JsValue>;
    #[wasm_bindgen(method)]
    pub fn cancel(this: &ByobReader) -> Then;

    /// A binding to a class of Durable Objects.
    pub type Namespace;
    #[wasm_bindgen(method, catch, js_name = getByName)]
    pub fn get_by_name(this: &Namespace, name: &str) -> Result<Stub, JsValue>;

    /// One of them.
    #[derive(Clone)]
    pub type Stub;
    #[wasm_bindgen(method, catch, js_name = fetch)]
    pub fn ask(this: &Stub, request: &web_sys::Request) -> Result<Promise, JsValue>;

    /// What a Durable Object is given; bound again, because the crate's own calls panic when they fail.
    pub type ObjectState;
    #[wasm_bindgen(method, catch, js_name = acceptWebSocket)]
    pub fn accept_web_socket(
        this: &ObjectState,
        socket: &web_sys::WebSocket,
        tags: &js_sys::Array,
    ) -> Result<(), JsValue>;

    #[wasm_bindgen(method, js_name = getWebSocketAutoResponseTimestamp)]
    pub fn auto_response_timestamp(this: &ObjectState, socket: &web_sys::WebSocket) -> Option<js_sys::Date>;

    /// A function that takes anything and does nothing of note: handles promises that nobody waits
    /// for. A closure of ours could be gone by the time it is called.
    #[wasm_bindgen(thread_local_v2, js_name = Boolean)]
    pub static IGNORE: JsValue;

    /// What a read gives.
    pub type ReadResult;
    #[wasm_bindgen(method, getter)]
    pub fn value(this: &ReadResult) -> Option<Uint8Array>;
    #[wasm_bindgen(method, getter)]
    pub fn done(this: &ReadResult) -> bool;

    /// A stream's writer.
    pub type Writer;
    #[wasm_bindgen(method, catch)]
    pub fn write(this: &Writer, chunk: &Uint8Array) -> Result<Then, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub fn close(this: &Writer) -> Result<Then, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub fn abort(this: &Writer, reason: &JsValue) -> Result<Then, JsValue>;
    #[wasm_bindgen(method, getter, js_name = desiredSize)]
    pub fn desired_size(this: &Writer) -> Option<f64>;

    /// A promise with the function that fulfils it.
    pub type Resolvers;
    #[wasm_bindgen(catch, js_namespace = Promise, js_name = withResolvers)]
    pub fn with_resolvers() -> Result<Resolvers, JsValue>;
    #[wasm_bindgen(method, getter)]
    pub fn promise(this: &Resolvers) -> Promise;
    #[wasm_bindgen(method)]
    pub fn resolve(this: &Resolvers, value: &JsValue);

    /// A promise, awaited with closures that live longer than one wait.
    pub type Then;
    #[wasm_bindgen(method)]
    pub fn then(this: &Then, fulfilled: &JsValue, rejected: &JsValue) -> Then;
}

/// Random hexadecimal digits from the platform's generator, at most 30.
///
/// Of a random UUID's 32 digits two are fixed, in part.
pub fn random_hex(digits: usize) -> String {
    let uuid = random_uuid();
    let free = uuid.bytes().enumerate().filter(|(at, byte)| *byte != b'-' && !matches!(at, 14 | 19));
    free.map(|(_, byte)| char::from(byte)).take(digits).collect()
}

/// A number in 0..1, for jitter only.
pub fn random() -> f64 {
    js_sys::Math::random()
}
