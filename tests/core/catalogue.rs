//! Names to providers, from the built-in list and the operator's variables.

use tributary::models::{Auth, ChatError, ErrorKind, MaxTokensField};
use tributary::providers::{Catalogue, Models, Provider, Trace};

use crate::both_targets;

const MAVERICK: &str = "meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8";

fn build(vars: &[(&str, &str)]) -> Result<Catalogue, ChatError> {
    Catalogue::from_vars(&|name| vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
}

/// Which provider and model are meant.
fn resolve(vars: &[(&str, &str)], provider: Option<&str>, model: Option<&str>) -> Result<(String, String), ChatError> {
    let catalogue = build(vars).unwrap();
    catalogue.resolve(provider, model).map(|(provider, model)| (provider.name.clone(), model))
}

fn means(provider: Option<&str>, model: Option<&str>, expect: (&str, &str)) {
    let found = resolve(&[], provider, model).unwrap();
    assert_eq!((found.0.as_str(), found.1.as_str()), expect, "{provider:?} {model:?}");
}

/// What is wrong with the operator's variables.
fn complaint(vars: &[(&str, &str)]) -> String {
    let error = build(vars).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Internal);
    error.message
}

fn named(catalogue: &Catalogue, name: &str) -> Provider {
    catalogue.providers().iter().find(|provider| provider.name == name).unwrap().clone()
}

both_targets! {
    fn a_provider_by_its_name() {
        means(Some("openai"), None, ("openai", "gpt-6-luna"));
        means(Some("openai"), Some("anything"), ("openai", "anything"));
        means(Some("openai"), Some("openai/gpt-6-sol"), ("openai", "gpt-6-sol"));
        means(Some("openai"), Some(""), ("openai", "gpt-6-luna"));
        means(Some("together"), Some(MAVERICK), ("together", MAVERICK));
        means(Some("demo"), None, ("demo", "demo"));
    }

    fn a_provider_by_the_models_prefix() {
        means(None, Some("openai/gpt-6-sol"), ("openai", "gpt-6-sol"));
        means(None, Some("openai/"), ("openai", "gpt-6-luna"));
        means(None, Some(&format!("together/{MAVERICK}")), ("together", MAVERICK));
        means(Some(""), Some("demo/demo"), ("demo", "demo"));
    }

    fn a_provider_by_a_bare_model_that_it_knows() {
        means(None, Some(MAVERICK), ("together", MAVERICK));
        means(None, Some("demo"), ("demo", "demo"));
        means(None, Some("gpt-9-new"), ("openai", "gpt-9-new"));
        means(None, Some("o3-mini"), ("openai", "o3-mini"));
    }

    fn what_nobody_knows_is_refused_by_field() {
        let check = |provider: Option<&str>, model: Option<&str>, kind: ErrorKind, param: &str| {
            let error = resolve(&[], provider, model).unwrap_err();
            assert_eq!(
                (error.kind, error.param.as_deref(), error.kind.status().as_u16()),
                (kind, Some(param), 400),
                "{error}"
            );
        };
        check(Some("nobody"), None, ErrorKind::UnknownProvider, "provider");
        check(None, Some("llama-9"), ErrorKind::ModelNotSupported, "model");
        check(None, Some("nobody/model"), ErrorKind::ModelNotSupported, "model");
        check(Some("demo"), Some("gpt-6-luna"), ErrorKind::ModelNotSupported, "model");
        check(Some("together"), Some("meta-llama/Other"), ErrorKind::ModelNotSupported, "model");
        check(None, Some("together/meta-llama/Other"), ErrorKind::ModelNotSupported, "model");
    }

    fn the_operators_list_of_models_is_the_list() {
        let vars = [("TOGETHER_MODELS", " a/b , c/d ,, ")];
        let found = |model: Option<&str>| resolve(&vars, Some("together"), model);
        assert_eq!(found(None).unwrap().1, "a/b");
        assert_eq!(found(Some("c/d")).unwrap().1, "c/d");
        assert_eq!(found(Some(MAVERICK)).unwrap_err().kind, ErrorKind::ModelNotSupported);
        assert_eq!(resolve(&[("TOGETHER_MODELS", " , ")], Some("together"), None).unwrap().1, MAVERICK);
    }

    fn another_address_may_serve_any_model() {
        let vars =
            [("TOGETHER_BASE_URL", "http://127.0.0.1:8000/v1/"), ("OPENAI_BASE_URL", " https://gateway.example/v1 ")];
        let catalogue = build(&vars).unwrap();
        assert_eq!(named(&catalogue, "together").base_url, "http://127.0.0.1:8000/v1");
        assert_eq!(named(&catalogue, "openai").base_url, "https://gateway.example/v1");
        assert_eq!(resolve(&vars, Some("together"), Some("any")).unwrap().1, "any");
        let both = [vars[0], ("TOGETHER_MODELS", "a/b")];
        assert_eq!(resolve(&both, Some("together"), Some("any")).unwrap_err().kind, ErrorKind::ModelNotSupported);
        assert_eq!(named(&build(&[("DEMO_BASE_URL", "https://x")]).unwrap(), "demo").base_url, "http://localhost/demo");
    }

    fn an_address_must_keep_the_key_safe() {
        let wrong = [
            "http://host/v1",
            "http://10.0.0.1/v1",
            "http://localhost.evil/v1",
            "http://127.0.0.1@evil/v1",
            "https://user:word@host/v1",
            "ftp://host",
            "host/v1",
            "/v1",
            "",
            "https://",
        ];
        for address in wrong {
            assert!(
                complaint(&[("OPENAI_BASE_URL", address)]).starts_with("OPENAI_BASE_URL must be an https address"),
                "{address}"
            );
            let providers = format!(r#"[{{"name":"x","base_url":"{address}"}}]"#);
            assert!(
                complaint(&[("PROVIDERS", &providers)]).starts_with("PROVIDERS: the base_url of x must be"),
                "{address}"
            );
        }
        for address in ["https://host", "http://localhost:1/v1", "http://[::1]:1/v1", "https://h/v1?api-version=1"] {
            assert!(build(&[("OPENAI_BASE_URL", address)]).is_ok(), "{address}");
        }
    }

    fn the_operators_providers() {
        let catalogue = build(&[("PROVIDERS", r#"[
            {"name":"azure-1","dialect":"openai-chat","base_url":"https://h/d?api-version=1","key":"AZURE_KEY","default_model":"g","models":["a","g"],
             "headers":{"x-a":"1"},"quirks":{"auth":"api-key","max_tokens":"max_completion_tokens","effort":"thinking_type","think_tags":false,"stream_usage":false,"system_role":"developer"}},
            {"name":"local","base_url":"http://127.0.0.1:1/v1"}
        ]"#)]).unwrap();
        let names: Vec<_> = catalogue.providers().iter().map(|provider| provider.name.as_str()).collect();
        assert_eq!(names, ["openai", "openai-responses", "anthropic", "gemini", "together", "ollama", "workers-ai", "demo", "azure-1", "local"]);
        let azure = named(&catalogue, "azure-1");
        assert_eq!((azure.default_model.as_str(), azure.key_variable.as_deref()), ("g", Some("AZURE_KEY")));
        assert_eq!(
            (azure.models, azure.headers),
            (Models::Closed(vec!["a".into(), "g".into()]), vec![("x-a".into(), "1".into())])
        );
        assert_eq!((azure.quirks.auth, azure.quirks.max_tokens), (Some(Auth::ApiKey), MaxTokensField::MaxCompletionTokens));
        let local = named(&catalogue, "local");
        assert_eq!(
            (local.dialect.as_str(), local.models, local.key_variable),
            ("openai-chat", Models::Open(vec![]), None)
        );
        let error = catalogue.resolve(Some("local"), None).unwrap_err();
        assert_eq!((error.kind, error.param.as_deref()), (ErrorKind::InvalidRequest, Some("model")));
        assert_eq!(catalogue.resolve(None, Some("local/any/model")).unwrap().1, "any/model");
    }

    fn two_apis_of_one_service_share_its_key_its_address_and_its_models() {
        let vars = [("OPENAI_API_KEY", "k"), ("OPENAI_BASE_URL", "https://host/v1")];
        let catalogue = build(&vars).unwrap();
        assert_eq!(catalogue.default_name(), "openai");
        let (chat, responses) = (named(&catalogue, "openai"), named(&catalogue, "openai-responses"));
        assert_eq!(responses.base_url, "https://host/v1");
        assert_eq!(
            (&responses.key_variable, &responses.models, &responses.default_model, responses.quirks.rules),
            (&chat.key_variable, &chat.models, &chat.default_model, chat.quirks.rules)
        );
        let resolved = |model: &str| resolve(&vars, None, Some(model)).unwrap();
        assert_eq!(resolved("gpt-6-luna").0, "openai");
        assert_eq!(resolved("gpt-of-tomorrow").0, "openai");
        assert_eq!(resolved("openai-responses/gpt-6-luna"), ("openai-responses".into(), "gpt-6-luna".into()));
        let list = r#"[{"name":"mine","dialect":"openai-responses","base_url":"https://h"}]"#;
        let mine = named(&build(&[("PROVIDERS", list)]).unwrap(), "mine");
        assert_eq!(mine.quirks.rules, chat.quirks.rules);
    }

    fn providers_that_are_not_as_they_should_be() {
        let cases = [
            ("{", "PROVIDERS is not as it should be"),
            ("{}", "PROVIDERS is not as it should be"),
            (r#"[{"name":"x"}]"#, "PROVIDERS is not as it should be"),
            (r#"[{"name":"x","base_url":"https://h","kye":"K"}]"#, "PROVIDERS is not as it should be"),
            (r#"[{"name":"x","base_url":"https://h","quirks":{"odd":1}}]"#, "PROVIDERS is not as it should be"),
            (r#"[{"name":"","base_url":"https://h"}]"#, "PROVIDERS: a name is of"),
            (r#"[{"name":"a/b","base_url":"https://h"}]"#, "PROVIDERS: a name is of"),
            (r#"[{"name":"x","dialect":"morse","base_url":"https://h"}]"#, "PROVIDERS: x speaks morse"),
            (r#"[{"name":"openai","base_url":"https://h"}]"#, "PROVIDERS names openai twice"),
            (r#"[{"name":"x","base_url":"https://h"},{"name":"x","base_url":"https://h"}]"#, "PROVIDERS names x twice"),
        ];
        for (json, words) in cases {
            let said = complaint(&[("PROVIDERS", json)]);
            assert!(said.starts_with(words), "{json}: {said}");
        }
        assert!(build(&[("PROVIDERS", "  ")]).is_ok());
    }

    fn the_default_provider() {
        let default = |vars: &[(&str, &str)]| build(vars).unwrap().default_name().to_owned();
        assert_eq!(default(&[]), "demo");
        assert_eq!(default(&[("TOGETHER_API_KEY", "k")]), "together");
        assert_eq!(default(&[("TOGETHER_API_KEY", "k"), ("OPENAI_API_KEY", "k")]), "openai");
        assert_eq!(default(&[("OPENAI_API_KEY", "  ")]), "demo");
        assert_eq!(default(&[("OPENAI_API_KEY", "k"), ("DEFAULT_PROVIDER", " demo ")]), "demo");
        assert_eq!(complaint(&[("DEFAULT_PROVIDER", "nobody")]), "DEFAULT_PROVIDER is nobody, which is no provider");
        assert_eq!(resolve(&[("TOGETHER_API_KEY", "k")], None, None).unwrap(), ("together".into(), MAVERICK.into()));
    }

    fn keys_come_from_the_caller_or_the_operator_and_are_never_said() {
        let vars = |name: &str| (name == "OPENAI_API_KEY").then(|| " op \n".to_owned());
        let openai = named(&build(&[]).unwrap(), "openai");
        let key = |caller: Option<&str>| {
            let target = openai.target("m".into(), caller.map(str::to_owned), &Trace::default(), &vars).unwrap();
            target.key.unwrap().reveal().to_owned()
        };
        assert_eq!((key(None), key(Some("mine"))), ("op".to_owned(), "mine".to_owned()));
        let missing = openai.target("m".into(), None, &Trace::default(), &|_| None).err().unwrap();
        assert_eq!(missing.kind, ErrorKind::ProviderAuth);
        assert!(missing.message.contains("OPENAI_API_KEY"));
        assert!(
            openai.refused_key(false).contains("OPENAI_API_KEY") && openai.refused_key(true).contains("x-provider-key")
        );
    }

    fn the_trace_goes_everywhere_and_the_requests_id_where_it_is_asked_for() {
        let catalogue = build(&[]).unwrap();
        let trace = Trace { request_id: "req".into(), traceparent: Some("00-a-b-01".into()) };
        let headers = |name: &str| {
            named(&catalogue, name).target("m".into(), Some("k".into()), &trace, &|_| None).unwrap().headers
        };
        assert_eq!(
            headers("together"),
            [("x-request-id".to_owned(), "req".to_owned()), ("traceparent".to_owned(), "00-a-b-01".to_owned())]
        );
        assert_eq!(headers("openai"), [("traceparent".to_owned(), "00-a-b-01".to_owned())]);
    }

    fn an_alias_is_a_list_of_models_in_order() {
        let catalogue = build(&[("ROUTES", r#"{"fast": ["openai/gpt-6-luna", "demo/demo"], "openai": ["demo/"]}"#)]).unwrap();
        let means = |provider: Option<&str>, model: Option<&str>| -> Vec<String> {
            let found = catalogue.candidates(provider, model).unwrap();
            found.iter().map(|(provider, model)| format!("{}/{model}", provider.name)).collect()
        };
        assert_eq!(means(None, Some("fast")), ["openai/gpt-6-luna", "demo/demo"]);
        assert_eq!(means(Some(""), Some("openai")), ["demo/demo"]);
        assert_eq!(means(Some("openai"), Some("fast")), ["openai/fast"]);
        assert_eq!(means(None, Some("openai/gpt-6-sol")), ["openai/gpt-6-sol"]);
        assert_eq!(means(None, None), ["demo/demo"]);
        assert!(catalogue.candidates(None, Some("slow")).is_err());
    }

    fn an_alias_that_leads_nowhere_is_the_operators_mistake() {
        for wrong in ["[]", "7", r#"{"a": []}"#, r#"{"a": "openai/x"}"#, r#"{"a": [1]}"#, r#"{"": ["openai/x"]}"#, "{"] {
            assert!(complaint(&[("ROUTES", wrong)]).starts_with("ROUTES must be"), "{wrong}");
        }
        assert_eq!(
            complaint(&[("ROUTES", r#"{"a": ["gpt-6-luna"]}"#)]),
            "ROUTES: a has gpt-6-luna, which does not begin with a provider's name"
        );
        assert!(complaint(&[("ROUTES", r#"{"a": ["together/other"]}"#)]).starts_with("ROUTES: a: together does not serve other"));
        assert!(complaint(&[("ROUTES", r#"{"a": ["ollama/"]}"#)]).starts_with("ROUTES: a: model is required"));
        assert!(build(&[("ROUTES", " ")]).is_ok());
    }
}
