//! What looks like a secret, and what only has a word of one.

use super::*;

#[test]
fn values_that_look_like_secrets_are_found_and_never_repeated() {
    for (key, value) in [
        ("user.contact", "alice@example.com"),
        ("request.note", "write to <alice.b+c@mail.example.org>."),
        ("db.dsn", "postgres://app:hunter22@db/prod"),
        ("auth.header", "Bearer abcdef0123456789"),
        ("db.options", "host=db password=hunter22"),
        ("ai.key_used", "sk-abcdefghijklmnopqrstuvwx"),
        ("aws.used", "AKIAIOSFODNN7EXAMPLE"),
        ("db.password", "hunter22"),
        ("request.note", "password: hunter22"),
        ("request.note", r#"{"password":"hunter22x"}"#),
        ("request.note", r#"{"apiKey": "correcthorse"}"#),
        ("request.note", r#"said {\"client_secret\": \"ab12cd34\"}"#),
        ("request.note", "api-key: 0123456789abcdef"),
        ("request.note", "a=b&token=abcdefghijkl"),
        ("request.note", "user_password = 'correcthorse'"),
        ("request.note", "Authorization: Token 9944b09199c62bcf"),
        ("request.note", "basic dXNlcjpwYXNz"),
        ("pay.used", "sk_live_4eC39HqLyjWDarjtT1zdp7dc"),
        ("pay.used", "rk_live_4eC39HqLyjWDarjtT1zdp7dc"),
        ("git.used", "ghs_16C7e42F292c6912E7710c838347Ae178B4a"),
        ("npm.used", "npm_16C7e42F292c6912E7710c838347Ae178B4a"),
        ("chat.used", "xapp-1-A0123456789-0123456789"),
        ("pypi.used", "pypi-AgEIcHlwaS5vcmcCJDNh"),
        ("bus.used", "Endpoint=sb://a/;SharedAccessKey=abcdefghijkl"),
        ("pay.note", "card 4111 1111 1111 1111"),
        ("pay.note", "5555-5555-5555-4444"),
        ("pay.note", "378282246310005"),
    ] {
        let findings = Linter::new().lint(&[with(named("load"), key, value)]);
        assert_eq!(findings.len(), 1, "{key} {value} {findings:?}");
        assert_eq!(findings[0].rule, Rule::SecretValue, "{value}");
        assert!(!findings[0].to_string().contains(value), "{}", findings[0]);
    }
    for (key, value) in [
        ("db.password", "[redacted]"),
        ("db.query.text", "SELECT a FROM t WHERE password=?"),
        ("url.full", "https://example.com/@user/a"),
        ("package.version", "serde@1.0"),
        ("http.auth.scheme", "Basic auth"),
        ("cost.tokens_used", "12"),
        (
            "url.full",
            "https://example.com/a?token=REDACTED&api_key=REDACTED",
        ),
        (
            "db.query.text",
            "UPDATE t SET password = :password, token = $1",
        ),
        ("http.auth.scheme", "basic authentication"),
        ("parse.error", "unexpected token: identifier"),
        ("parse.error", "invalid password: must have eight letters"),
        ("code.path", "app::token::Parser2Error"),
        (
            "parse.note",
            r#"{"password":null,"token":"[redacted]","user":"abcdefgh"}"#,
        ),
        ("npm.used", "npm_config_registry_url"),
        ("pay.note", "4111 1111 1111 1112"),
        ("pay.note", "1763900000000000 2026-11-30 4111"),
        ("pay.note", "04111111111111111"),
        ("order.id", "4111111111111111"),
    ] {
        assert_eq!(rules(&[with(named("load"), key, value)]), [], "{value}");
    }
}

#[test]
fn secrets_in_events_names_and_status_texts_are_found() {
    let recorder = TestRecorder::new();
    recorder.run(|| {
        get_tracer("lint").in_scope("log_in", |span| {
            span.add_event("rejected", &[("user.mail", "alice@example.com".into())]);
            span.record_failure(&"no user bob@example.com");
        });
    });
    let subjects: Vec<String> = Linter::new()
        .lint(&recorder.spans())
        .into_iter()
        .map(|f| f.detail)
        .collect();
    assert_eq!(
        subjects,
        [
            "the name or the status looks like an e-mail address",
            "the value of \"exception.message\" looks like an e-mail address",
            "the value of \"user.mail\" looks like an e-mail address",
        ]
    );
}
