//! The settings of the running recorder: messages, caps in numbers of spans, waiting, baggage as attributes.

use super::*;
use crate::{recorder::RecorderConfig, testing::TestRecorder};
use std::num::NonZeroU64;

#[test]
fn the_level_of_messages_is_that_of_the_variable_or_info() {
    use crate::DiagnosticLevel::{Debug, Error, Info, Warn};
    let rows = [
        ("", Some(Info)),
        ("none", None),
        ("error", Some(Error)),
        ("Warn", Some(Warn)),
        ("WARNING", Some(Warn)),
        ("info", Some(Info)),
        ("DEBUG", Some(Debug)),
    ];
    for (value, expected) in rows {
        let settings = settings(&[("OTEL_LOG_LEVEL", value)]);
        assert_eq!(settings.log_level, expected, "{value:?}");
    }
    let (problems, settings) = refused(&[("OTEL_LOG_LEVEL", "verbose")]);
    let choices = "expected one of none, error, warn, warning, info, debug, not \"verbose\"";
    assert_eq!(problems, [format!("OTEL_LOG_LEVEL: {choices}")]);
    assert_eq!(settings.log_level, Some(Info));
}

#[test]
fn spans_are_capped_in_number_only_where_somebody_says_so() {
    let numbers = |settings: Settings| {
        let number = |cap: Option<NonZeroU64>| cap.map(NonZeroU64::get);
        (number(settings.caps.queue), number(settings.caps.request))
    };
    let variables = [
        ("OTEL_BSP_MAX_QUEUE_SIZE", "2048"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "512"),
    ];
    assert_eq!(numbers(settings(&[])), (None, None));
    assert_eq!(numbers(settings(&variables)), (Some(2048), Some(512)));
    let overrides = Overrides {
        max_queue_size: Some(3),
        max_export_batch_size: Some(2),
        ..Overrides::default()
    };
    let of_builder = Settings::resolve(overrides, &environment(&variables));
    assert_eq!(numbers(of_builder), (Some(3), Some(2)));
    let (problems, settings) = refused(&[
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "many"),
    ]);
    let expected = "expected a whole number, at least 1, not";
    assert_eq!(
        problems,
        [
            format!("OTEL_BSP_MAX_QUEUE_SIZE: {expected} \"0\""),
            format!("OTEL_BSP_MAX_EXPORT_BATCH_SIZE: {expected} \"many\""),
        ]
    );
    assert_eq!(numbers(settings), (None, None));
}

#[test]
fn baggage_entries_become_attributes_where_the_variable_or_the_builder_names_them() {
    let variables = [("CONTINUUM_BAGGAGE_ATTRIBUTES", " tenant_id, ,user_tier ")];
    let tree = |overrides| {
        let env = environment(&variables);
        let config = Settings::resolve(overrides, &env).into_recorder_config();
        let recorder = TestRecorder::of_config(RecorderConfig {
            exporter: None,
            ..config
        });
        recorder.run(|| {
            crate::set_baggage("tenant_id", "user_123");
            crate::set_baggage("user_tier", "gold");
            crate::get_tracer("config").in_scope("work", |_| ());
        });
        recorder.tree()
    };
    let of_variable = tree(Overrides::default());
    assert_eq!(of_variable, "work tenant_id=user_123 user_tier=gold\n");
    let of_builder = tree(Overrides {
        baggage_attributes: Some(vec!["user_tier".to_owned()]),
        ..Overrides::default()
    });
    assert_eq!(of_builder, "work user_tier=gold\n");
}

#[test]
fn an_export_may_take_as_long_as_the_variable_says() {
    let timeout = |variables: &[(&str, &str)]| settings(variables).export_timeout.as_millis();
    let nowhere = ("OTEL_TRACES_EXPORTER", "none");
    assert_eq!(timeout(&[nowhere]), 30_000);
    assert_eq!(timeout(&[nowhere, ("OTEL_BSP_EXPORT_TIMEOUT", "700")]), 700);
}

#[test]
fn nobody_waits_for_room_unless_the_variable_or_the_builder_says_how_long() {
    let longest = |of_builder, variables: &[(&str, &str)]| {
        let overrides = Overrides {
            wait_when_full: of_builder,
            ..Overrides::default()
        };
        let env = environment(variables);
        let settings = Settings::resolve(overrides, &env);
        (settings.wait_when_full, env.problems().len())
    };
    let variable = [("CONTINUUM_WAIT_WHEN_FULL", "9")];
    let (nine, seven) = (Duration::from_millis(9), Duration::from_millis(7));
    assert_eq!(longest(None, &[]), (None, 0));
    assert_eq!(longest(None, &variable), (Some(nine), 0));
    assert_eq!(longest(Some(seven), &variable), (Some(seven), 0));
    assert_eq!(longest(Some(Duration::ZERO), &[]).1, 1);
}
