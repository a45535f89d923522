//! The words in which a route is described, and how they are written down.

use schemars::JsonSchema;
use serde_json::{Map, Value, json};

use super::answer::{Answer, Content};
use super::errors;
use super::registry::{Registry, Shape, fields_of, of, tidied};

/// An address, a method, and what goes in and out there.
pub struct Operation {
    /// `get` and the like.
    pub method: &'static str,
    /// The address, with its parameters in braces.
    pub path: &'static str,
    id: &'static str,
    summary: &'static str,
    about: &'static str,
    tag: &'static str,
    see: Option<&'static str>,
    needs: Option<&'static str>,
    below: Option<&'static str>,
    schemes: Option<&'static [&'static str]>,
    is_run: bool,
    is_cached: bool,
    parameters: Vec<Parameter>,
    query: Option<Shape>,
    body: Option<Body>,
    answers: Vec<Answer>,
    errors: &'static [u16],
    vendor_errors: Option<Shape>,
}

/// A piece of the path, or a header.
struct Parameter {
    name: &'static str,
    place: &'static str,
    about: &'static str,
}

struct Body {
    shape: Shape,
    is_optional: bool,
    examples: Vec<(&'static str, Value)>,
}

const CACHE_TTL: &str = "As `cache` in a body: how long the answer may be kept and given again, in seconds.";

/// `GET`.
pub fn get(path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    operation("get", path, id, summary)
}

/// `POST`.
pub fn post(path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    operation("post", path, id, summary)
}

/// `PATCH`.
pub fn patch(path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    operation("patch", path, id, summary)
}

/// `DELETE`.
pub fn delete(path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    operation("delete", path, id, summary)
}

fn operation(method: &'static str, path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    Operation {
        method,
        path,
        id,
        summary,
        about: "",
        tag: "",
        see: None,
        needs: None,
        below: None,
        schemes: None,
        is_run: false,
        is_cached: false,
        parameters: Vec::new(),
        query: None,
        body: None,
        answers: Vec::new(),
        errors: &[],
        vendor_errors: None,
    }
}

impl Operation {
    /// What it does, at length.
    pub fn about(mut self, about: &'static str) -> Self {
        self.about = about;
        self
    }

    /// The heading that it stands under.
    pub fn tag(mut self, tag: &'static str) -> Self {
        self.tag = tag;
        self
    }

    /// Where its vendor describes it in full.
    pub fn see(mut self, address: &'static str) -> Self {
        self.see = Some(address);
        self
    }

    /// What must be set up for it: the demo alone cannot answer.
    pub fn needs(mut self, what: &'static str) -> Self {
        self.needs = Some(what);
        self
    }

    /// The same is also found below this address.
    pub fn also_below(mut self, address: &'static str) -> Self {
        self.below = Some(address);
        self
    }

    /// Nobody is asked for a key.
    pub fn open(self) -> Self {
        self.callers(&[])
    }

    /// Who may call, where that is not as everywhere: the names of security schemes, an empty one for who has no key.
    pub fn callers(mut self, schemes: &'static [&'static str]) -> Self {
        self.schemes = Some(schemes);
        self
    }

    /// Its answer is a run, and says which.
    pub fn run(mut self) -> Self {
        self.is_run = true;
        self
    }

    /// Its answer may be kept for the caller, and given again.
    pub fn cached(mut self) -> Self {
        self.is_cached = true;
        self.header("x-cache-ttl", CACHE_TTL)
    }

    /// A piece of the path.
    pub fn path(mut self, name: &'static str, about: &'static str) -> Self {
        self.parameters.push(Parameter { name, place: "path", about });
        self
    }

    /// A header that may be sent.
    pub fn header(mut self, name: &'static str, about: &'static str) -> Self {
        self.parameters.push(Parameter { name, place: "header", about });
        self
    }

    /// The fields of the query.
    pub fn query<T: JsonSchema>(mut self) -> Self {
        self.query = Some(fields_of::<T>);
        self
    }

    /// A JSON body.
    pub fn body<T: JsonSchema>(mut self) -> Self {
        self.body = Some(Body { shape: of::<T>, is_optional: false, examples: Vec::new() });
        self
    }

    /// A JSON body that may be missing.
    pub fn optional_body<T: JsonSchema>(mut self) -> Self {
        self.body = Some(Body { shape: of::<T>, is_optional: true, examples: Vec::new() });
        self
    }

    /// A body that works as it stands.
    pub fn example(mut self, name: &'static str, value: Value) -> Self {
        if let Some(body) = &mut self.body {
            body.examples.push((name, value));
        }
        self
    }

    /// A JSON answer.
    pub fn answer<T: JsonSchema>(self, status: &'static str, about: &'static str) -> Self {
        self.with(status, about, Content::Json(of::<T>))
    }

    /// An answer without a body.
    pub fn nothing(self, status: &'static str, about: &'static str) -> Self {
        self.with(status, about, Content::Nothing)
    }

    /// An answer in text of a type.
    pub fn text(self, kind: &'static str, about: &'static str) -> Self {
        self.with("200", about, Content::Text(kind))
    }

    /// An answer of one JSON value a line.
    pub fn lines<T: JsonSchema>(self, about: &'static str) -> Self {
        self.with("200", about, Content::Lines(of::<T>))
    }

    /// An answer of server-sent events; each is named behind it.
    pub fn stream(self, about: &'static str) -> Self {
        self.with("200", about, Content::Events(Vec::new()))
    }

    /// An event of the stream. One without a name is a `message`, as browsers call it.
    pub fn event<T: JsonSchema>(mut self, name: &'static str) -> Self {
        if let Some(answer) = self.answers.last_mut() {
            answer.add_event(name, of::<T>);
        }
        self
    }

    /// What the answer looks like.
    pub fn sample(mut self, text: &'static str) -> Self {
        if let Some(answer) = self.answers.last_mut() {
            answer.sample = Some(text);
        }
        self
    }

    /// A WebSocket, with the messages of either side.
    pub fn socket<Sends: JsonSchema, Gets: JsonSchema>(self, about: &'static str) -> Self {
        self.with("101", about, Content::Socket(of::<Sends>, of::<Gets>))
    }

    /// The statuses of its errors, in the unified form.
    pub fn errors(mut self, statuses: &'static [u16]) -> Self {
        self.errors = statuses;
        self
    }

    /// Its errors, in another form.
    pub fn errors_in<T: JsonSchema>(mut self) -> Self {
        self.vendor_errors = Some(of::<T>);
        self
    }

    fn with(mut self, status: &'static str, about: &'static str, content: Content) -> Self {
        self.answers.push(Answer { status, about, content, sample: None });
        self
    }

    /// Where its address is to be found beside the usual place.
    pub fn servers(&self) -> Option<Value> {
        let below = self.below?;
        Some(json!([{"url": "/"}, {"url": below, "description": "The same, as an earlier service had it."}]))
    }

    /// The operation as the document has it. What it names is registered.
    pub fn write(&self, registry: &mut Registry) -> Value {
        let mut fields = Map::new();
        let mut set = |name: &str, value: Value| {
            fields.insert(name.to_owned(), value);
        };
        set("operationId", json!(self.id));
        set("tags", json!([self.tag]));
        set("summary", json!(self.summary));
        let needs = self.needs.map(|needs| format!("**Needs** {needs}: the demo cannot answer this."));
        let about = [Some(self.about.to_owned()).filter(|about| !about.is_empty()), needs];
        let about: Vec<String> = about.into_iter().flatten().collect();
        if !about.is_empty() {
            set("description", json!(about.join("\n\n")));
        }
        if let Some(address) = self.see {
            set("externalDocs", json!({"description": "The vendor's own reference", "url": address}));
        }
        if let Some(needs) = self.needs {
            set("x-needs", json!(needs));
        }
        if let Some(schemes) = self.schemes {
            set("security", Value::Array(schemes.iter().map(|scheme| required(scheme)).collect()));
        }
        let parameters = self.parameters(registry);
        if !parameters.is_empty() {
            set("parameters", Value::Array(parameters));
        }
        if let Some(body) = &self.body {
            set("requestBody", body.write(registry));
        }
        set("responses", Value::Object(self.responses(registry)));
        Value::Object(fields)
    }

    fn parameters(&self, registry: &mut Registry) -> Vec<Value> {
        let mut parameters = Vec::new();
        for Parameter { name, place, about } in &self.parameters {
            parameters.push(json!({
                "name": name, "in": place, "required": *place == "path", "description": about,
                "schema": {"type": "string"},
            }));
        }
        let fields = self.query.map(|shape| tidied(shape(&mut registry.inputs))).unwrap_or_default();
        let required = fields.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
        for (name, schema) in fields.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let mut schema = schema.clone();
            let about = schema.as_object_mut().and_then(|schema| schema.shift_remove("description"));
            never_null(&mut schema);
            parameters.push(json!({
                "name": name, "in": "query", "required": required.contains(&json!(name)), "description": about,
                "schema": schema,
            }));
        }
        parameters
    }

    /// The headers of an answer; only what is a run names one.
    fn headers(&self, answer: &Answer) -> Value {
        let mut names = vec!["x-request-id"];
        if self.is_run && !answer.is_empty() {
            names.extend(["x-run-id", "server-timing"]);
        }
        if self.is_cached && !answer.is_empty() {
            names.push("x-cache");
        }
        let reference = |name: &&str| ((*name).to_owned(), json!({"$ref": format!("#/components/headers/{name}")}));
        Value::Object(names.iter().map(reference).collect())
    }

    fn responses(&self, registry: &mut Registry) -> Map<String, Value> {
        let mut responses = Map::new();
        for answer in &self.answers {
            let first = || json!({"description": answer.about, "headers": self.headers(answer)});
            let response = responses.entry(answer.status).or_insert_with(first);
            if let Some(response) = response.as_object_mut() {
                answer.write(registry, response);
            }
        }
        for status in self.errors {
            let name = errors::name(*status);
            responses.insert(status.to_string(), json!({"$ref": format!("#/components/responses/{name}")}));
        }
        if let Some(shape) = self.vendor_errors {
            let schema = shape(&mut registry.outputs);
            let content = json!({"application/json": {"schema": schema}});
            responses.insert("default".to_owned(), json!({"description": "An error.", "content": content}));
        }
        responses
    }
}

impl Body {
    fn write(&self, registry: &mut Registry) -> Value {
        let mut media = Map::new();
        media.insert("schema".to_owned(), (self.shape)(&mut registry.inputs));
        if !self.examples.is_empty() {
            let examples = self.examples.iter().map(|(name, value)| {
                let key = name.to_ascii_lowercase().replace(' ', "-");
                (key, json!({"summary": name, "value": value}))
            });
            media.insert("examples".to_owned(), Value::Object(examples.collect()));
        }
        json!({"required": !self.is_optional, "content": {"application/json": media}})
    }
}

/// What a security scheme is called by an operation.
fn required(scheme: &str) -> Value {
    if scheme.is_empty() { json!({}) } else { json!({ scheme: [] }) }
}

/// A query has no null: what is not meant is left out.
fn never_null(schema: &mut Value) {
    let kinds = schema.get("type").and_then(Value::as_array).cloned().unwrap_or_default();
    if let (Some(kind), Some(map)) = (kinds.into_iter().find(|kind| kind != "null"), schema.as_object_mut()) {
        map.insert("type".to_owned(), kind);
    }
}
