//! The rules of configuration, each with an environment of its own.

mod process;
mod sampling;

use super::{
    env::{self, Environment},
    exporter::{Destination, ExporterChoice},
    propagation::{self, PropagationOverrides},
    secret::{self, SecretOverrides},
    settings::{Overrides, Settings},
    testing::environment,
    *,
};
use crate::{sampling::Sampler, span::SpanLimits};
use std::{cell::RefCell, collections::BTreeSet, time::Duration};

fn settings(variables: &[(&str, &str)]) -> Settings {
    let env = environment(variables);
    let settings = Settings::resolve(Overrides::default(), &env);
    assert_eq!(env.problems(), Vec::<String>::new());
    settings
}

/// What is wrong with the variables, and the settings without them.
fn refused(variables: &[(&str, &str)]) -> (Vec<String>, Settings) {
    let env = environment(variables);
    let settings = Settings::resolve(Overrides::default(), &env);
    (env.problems(), settings)
}

fn exporter_name(settings: &Settings) -> &'static str {
    name_of(&settings.destination)
}

fn name_of(destination: &Destination) -> &'static str {
    match destination {
        #[cfg(feature = "_otlp")]
        Destination::Otlp(otlp) => otlp.name(),
        #[cfg(feature = "zipkin")]
        Destination::Zipkin(_) => "zipkin",
        #[cfg(feature = "console")]
        Destination::Console(..) => "console",
        Destination::File(_) => "file",
        Destination::Nowhere => "none",
        Destination::Custom(_) => "custom",
        Destination::Several(_) => "several",
    }
}

#[cfg(all(feature = "otlp-http", feature = "console"))]
#[test]
fn the_first_that_is_set_decides_about_the_exporter() {
    let rows: [(&[(&str, &str)], &str); 17] = [
        (&[], "console"),
        (&[("CONTINUUM_ENV", "development")], "console"),
        (&[("CONTINUUM_ENV", "Production")], "otlp-http"),
        (&[("OTEL_ENDPOINT", "http://h:1")], "otlp-http"),
        (&[("OTLP_ENDPOINT", "http://h:1")], "otlp-http"),
        (
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://h:1")],
            "otlp-http",
        ),
        (&[("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "a=b")], "otlp-http"),
        (&[("OTEL_EXPORTER_OTLP_TIMEOUT", "5")], "otlp-http"),
        (
            &[
                ("OTEL_EXPORTER_TYPE", "console"),
                ("OTLP_ENDPOINT", "http://h:1"),
            ],
            "console",
        ),
        (
            &[
                ("OTEL_EXPORTER_TYPE", "console"),
                ("CONTINUUM_ENV", "production"),
            ],
            "console",
        ),
        (&[("OTEL_EXPORTER_TYPE", "jaeger")], "otlp-http"),
        (&[("OTEL_EXPORTER_TYPE", "OTLP")], "otlp-http"),
        (
            &[
                ("OTEL_TRACES_EXPORTER", "none"),
                ("OTEL_EXPORTER_TYPE", "otlp"),
            ],
            "none",
        ),
        (
            &[
                ("OTEL_TRACES_EXPORTER", "otlp"),
                ("OTEL_EXPORTER_TYPE", "console"),
            ],
            "otlp-http",
        ),
        (
            &[("OTEL_TRACES_EXPORTER", ""), ("OTEL_EXPORTER_TYPE", "otlp")],
            "otlp-http",
        ),
        (
            &[("OTEL_TRACES_EXPORTER", "  "), ("OTLP_ENDPOINT", " ")],
            "console",
        ),
        (
            &[
                ("OTEL_TRACES_EXPORTER", "console"),
                ("CONTINUUM_ENV", "production"),
            ],
            "console",
        ),
    ];
    for (variables, expected) in rows {
        assert_eq!(
            exporter_name(&settings(variables)),
            expected,
            "{variables:?}"
        );
    }
}

#[test]
fn the_builder_decides_before_the_environment() {
    let exporters = vec![ExporterChoice::Config(ExporterConfig::None)];
    let sampler = Some(Sampler::AlwaysOff);
    let overrides = Overrides {
        exporters,
        sampler,
        limits: Some(SpanLimits {
            events: 3,
            ..SpanLimits::default()
        }),
        schedule_delay: Some(Duration::from_millis(7)),
        export_timeout: Some(Duration::from_millis(8)),
        memory_budget_bytes: Some(1 << 20),
        ..Overrides::default()
    };
    let env = environment(&[
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("OTEL_TRACES_SAMPLER", "always_on"),
        ("OTEL_SPAN_EVENT_COUNT_LIMIT", "9"),
        ("OTEL_BSP_SCHEDULE_DELAY", "9"),
        ("OTEL_BSP_EXPORT_TIMEOUT", "9"),
    ]);
    let settings = Settings::resolve(overrides, &env);
    assert_eq!(exporter_name(&settings), "none");
    assert_eq!(settings.sampling.sampler.description(), "AlwaysOffSampler");
    assert_eq!(settings.limits.events, 3);
    assert_eq!(settings.schedule_delay, Duration::from_millis(7));
    assert_eq!(settings.export_timeout, Duration::from_millis(8));
    assert_eq!(settings.memory_budget_bytes, 1 << 20);
}

#[cfg(all(feature = "otlp-http", feature = "console"))]
#[test]
fn a_value_that_cannot_be_used_is_named_with_its_choices_and_passed_over() {
    let zipkin = if cfg!(feature = "zipkin") {
        ", zipkin"
    } else {
        ""
    };
    let choices =
        format!("expected one of otlp, console, file, none, jaeger, datadog{zipkin}, not");
    let rows: [(&str, &str, String); 9] = [
        (
            "OTEL_TRACES_EXPORTER",
            "prometheus",
            format!("{choices} \"prometheus\""),
        ),
        (
            "OTEL_EXPORTER_TYPE",
            "logging",
            format!("{choices} \"logging\""),
        ),
        (
            "OTEL_TRACES_SAMPLER",
            "sometimes",
            "expected one of always_on, always_off, traceidratio, parentbased_always_on, \
             parentbased_always_off, parentbased_traceidratio, not \"sometimes\""
                .to_owned(),
        ),
        (
            "OTEL_SAMPLING_RATE",
            "1.5",
            "expected a number from 0 to 1, not \"1.5\"".to_owned(),
        ),
        (
            "OTEL_SAMPLING_RATE",
            "NaN",
            "expected a number from 0 to 1, not \"NaN\"".to_owned(),
        ),
        (
            "OTEL_SPAN_LINK_COUNT_LIMIT",
            "-1",
            "expected a whole number, 0 or more, not \"-1\"".to_owned(),
        ),
        (
            "OTEL_BSP_SCHEDULE_DELAY",
            "0",
            "expected a whole number of milliseconds, at least 1, not \"0\"".to_owned(),
        ),
        (
            "OTEL_BSP_EXPORT_TIMEOUT",
            "5s",
            "expected a whole number of milliseconds, at least 1, not \"5s\"".to_owned(),
        ),
        (
            "OTEL_ATTRIBUTE_COUNT_LIMIT",
            "99999999999",
            "expected a whole number, 0 or more, not \"99999999999\"".to_owned(),
        ),
    ];
    for (variable, value, reason) in rows {
        let (problems, settings) = refused(&[(variable, value)]);
        assert_eq!(problems, [format!("{variable}: {reason}")]);
        assert_eq!(exporter_name(&settings), "console");
        assert_eq!(
            settings.sampling.sampler.description(),
            "ParentBased{root:AlwaysOnSampler}"
        );
        assert_eq!(settings.limits, SpanLimits::default());
        assert_eq!(settings.schedule_delay, Duration::from_millis(100));
        assert_eq!(settings.export_timeout, Duration::from_secs(30));
    }
}

#[test]
fn a_bad_value_warns_and_with_strict_checks_is_an_error() {
    let bad = ("OTEL_SAMPLING_RATE", "lots");
    let settled = |variables: &[(&str, &str)], strict| {
        let env = environment(variables);
        drop(Settings::resolve(Overrides::default(), &env));
        env.settle(strict)
    };
    assert_eq!(settled(&[bad], false), Ok(()));
    assert_eq!(
        settled(&[bad, ("CONTINUUM_STRICT_CONFIG", "")], false),
        Ok(())
    );
    assert_eq!(settled(&[], true), Ok(()));
    for result in [
        settled(&[bad], true),
        settled(&[bad, ("CONTINUUM_STRICT_CONFIG", "True")], false),
    ] {
        let error = result.unwrap_err();
        assert!(matches!(&error, ConfigError::Invalid(all) if all[0].setting() == bad.0));
        let expected = "OTEL_SAMPLING_RATE: expected a number from 0 to 1, not \"lots\"";
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn what_the_builder_cannot_use_is_an_error_without_strict_checks() {
    let builders = [
        (
            "sampler",
            Telemetry::builder().sampler(Sampler::TraceIdRatio(2.0)),
        ),
        (
            "sampler",
            Telemetry::builder().sampler(Sampler::parent_based(Sampler::TraceIdRatio(f64::NAN))),
        ),
        ("service_name", Telemetry::builder().service_name("")),
        (
            "resource_attribute",
            Telemetry::builder().resource_attribute("", 1),
        ),
        (
            "memory_budget_bytes",
            Telemetry::builder().memory_budget_bytes(1_000),
        ),
        (
            "schedule_delay",
            Telemetry::builder().schedule_delay(Duration::ZERO),
        ),
        (
            "export_timeout",
            Telemetry::builder().export_timeout(Duration::ZERO),
        ),
        ("max_queue_size", Telemetry::builder().max_queue_size(0)),
        (
            "max_export_batch_size",
            Telemetry::builder().max_export_batch_size(0),
        ),
        (
            "exporter",
            Telemetry::builder().exporter(ExporterConfig::otlp("collector:4318")),
        ),
        (
            "exporter",
            Telemetry::builder().exporter(ExporterConfig::File("no/such/folder/f".into())),
        ),
    ];
    for (method, builder) in builders {
        match builder.init_from(environment(&[])).unwrap_err() {
            ConfigError::Invalid(problems) => {
                let settings: Vec<_> = problems.iter().map(Problem::setting).collect();
                assert_eq!(settings, [method]);
            }
            other => panic!("{method}: {other}"),
        }
    }
}

#[test]
fn a_disabled_sdk_installs_nothing_and_reads_nothing_else() {
    let env = environment(&[
        ("OTEL_SDK_DISABLED", "true"),
        ("OTEL_TRACES_SAMPLER", "oops"),
    ]);
    let telemetry = Telemetry::builder().strict(true).init_from(env).unwrap();
    assert!(!telemetry.is_active());
    assert_eq!(telemetry.force_flush(Duration::ZERO), Ok(()));
    assert_eq!(telemetry.shutdown(Duration::ZERO), Ok(()));
    assert_eq!(telemetry.stats().started, 0);
    let env = environment(&[("OTEL_SDK_DISABLED", "yes")]);
    let error = Telemetry::builder()
        .strict(true)
        .init_from(env)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "OTEL_SDK_DISABLED: expected one of true, false, not \"yes\""
    );
}

#[test]
fn every_sampler_of_the_specification_is_known_by_its_name() {
    let rows = [
        ("always_on", "", "AlwaysOnSampler"),
        ("always_off", "", "AlwaysOffSampler"),
        ("traceidratio", "0.25", "TraceIdRatioBased{0.25}"),
        ("traceidratio", "", "TraceIdRatioBased{1}"),
        (
            "parentbased_always_on",
            "",
            "ParentBased{root:AlwaysOnSampler}",
        ),
        (
            "parentbased_always_off",
            "",
            "ParentBased{root:AlwaysOffSampler}",
        ),
        (
            "ParentBased_TraceIdRatio",
            "0.5",
            "ParentBased{root:TraceIdRatioBased{0.5}}",
        ),
        ("", "0.5", "ParentBased{root:AlwaysOnSampler}"),
    ];
    for (name, argument, expected) in rows {
        let settings = settings(&[
            ("OTEL_TRACES_SAMPLER", name),
            ("OTEL_TRACES_SAMPLER_ARG", argument),
            ("OTEL_SAMPLING_RATE", "0.125"),
        ]);
        assert_eq!(
            settings.sampling.sampler.description(),
            expected,
            "{name} {argument}"
        );
    }
    let ratio = [
        ("OTEL_TRACES_SAMPLER", "traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "2"),
    ];
    let (problems, settings) = refused(&ratio);
    assert_eq!(
        problems,
        ["OTEL_TRACES_SAMPLER_ARG: expected a number from 0 to 1, not \"2\""]
    );
    assert_eq!(
        settings.sampling.sampler.description(),
        "TraceIdRatioBased{1}"
    );
}

#[test]
fn the_most_specific_limit_wins() {
    let older = [
        ("OTEL_MAX_ATTRIBUTES_PER_SPAN", "1"),
        ("OTEL_MAX_EVENTS_PER_SPAN", "2"),
        ("OTEL_MAX_LINKS_PER_SPAN", "3"),
        ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "4"),
        ("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "5"),
        ("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "6"),
    ];
    let expected = SpanLimits {
        attributes: 1,
        events: 2,
        links: 3,
        attributes_per_event: 5,
        attributes_per_link: 6,
        value_length: 4,
    };
    assert_eq!(settings(&older).limits, expected);
    let mut newer = older.to_vec();
    newer.push(("OTEL_ATTRIBUTE_COUNT_LIMIT", "10"));
    newer.push(("OTEL_SPAN_EVENT_COUNT_LIMIT", "20"));
    newer.push(("OTEL_SPAN_LINK_COUNT_LIMIT", "30"));
    newer.push(("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "40"));
    let expected = SpanLimits {
        attributes: 10,
        events: 20,
        links: 30,
        value_length: 40,
        ..expected
    };
    assert_eq!(settings(&newer).limits, expected);
    newer.push(("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "100"));
    assert_eq!(
        settings(&newer).limits,
        SpanLimits {
            attributes: 100,
            ..expected
        }
    );
    newer[9].1 = "many";
    let (problems, settings) = refused(&newer);
    assert_eq!(
        problems.len(),
        1,
        "a bad value gives way to the next variable"
    );
    assert_eq!(settings.limits.value_length, 4);
}

#[test]
fn the_delay_and_the_timeout_depend_on_the_exporter() {
    let file = std::env::temp_dir().join(format!("continuum-delay-{}", std::process::id()));
    let file = file.to_str().unwrap();
    let of_file = settings(&[
        ("OTEL_TRACES_EXPORTER", "file"),
        ("CONTINUUM_TRACES_FILE", file),
    ]);
    std::fs::remove_file(file).unwrap();
    let millis = |settings: &Settings| {
        (
            settings.schedule_delay.as_millis(),
            settings.export_timeout.as_millis(),
        )
    };
    assert_eq!(millis(&of_file), (1_000, 30_000));
    let delay = [
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_BSP_SCHEDULE_DELAY", "5000"),
    ];
    assert_eq!(millis(&settings(&delay)), (5_000, 30_000));
}

/// Runs the whole of configuration under a few environments and collects the names asked for.
#[test]
fn every_declared_variable_is_read_and_no_other() {
    let asked = RefCell::new(BTreeSet::new());
    for exporter in ["", "otlp,zipkin", "datadog", "file"] {
        for sampler in ["", "traceidratio"] {
            let env = Environment::new(|name| {
                asked.borrow_mut().insert(name.to_owned());
                match name {
                    "OTEL_TRACES_EXPORTER" => Some(exporter.to_owned()),
                    "OTEL_TRACES_SAMPLER" => Some(sampler.to_owned()),
                    "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS" => Some("*".to_owned()),
                    "KUBERNETES_SERVICE_HOST" => Some("10.96.0.1".to_owned()),
                    // A folder cannot be opened as a file, so that nothing is left behind.
                    "CONTINUUM_TRACES_FILE" => Some("/".to_owned()),
                    _ => None,
                }
            });
            assert_eq!(env.text(env::CONFIG_FILE), None);
            assert!(!env.flag(env::SDK_DISABLED));
            drop(Settings::resolve(Overrides::default(), &env));
            drop(secret::rules(SecretOverrides::default(), &env));
            drop(propagation::propagators(
                &PropagationOverrides::default(),
                &env,
            ));
            env.settle(false).unwrap();
        }
    }
    let mut declared: BTreeSet<_> = env::ALL
        .iter()
        .map(|variable| variable.name().to_owned())
        .collect();
    if cfg!(not(feature = "_otlp")) {
        declared.retain(|name| {
            !["OTLP_HEADERS", "OTLP_PROTOCOL", "DD_AGENT_URL"].contains(&name.as_str())
        });
    }
    if cfg!(not(feature = "zipkin")) {
        declared.retain(|name| !name.contains("ZIPKIN"));
    }
    if cfg!(not(feature = "console")) {
        declared.remove("CONTINUUM_CONSOLE_STREAM");
        declared.remove("NO_COLOR");
        declared.remove("TERM");
    }
    if cfg!(unix) {
        declared.remove("COMPUTERNAME");
    }
    assert_eq!(asked.into_inner(), declared);
}
