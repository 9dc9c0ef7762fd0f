//! What decides about spans and traces: the builder's wishes over the environment's.

use super::*;
use crate::sampling::{FlightRecorder, TailPolicy};

/// What decides, as it is said at the set-up.
fn sampling(overrides: Overrides, variables: &[(&str, &str)]) -> String {
    let env = environment(variables);
    let sampling = Settings::resolve(overrides, &env).sampling.to_string();
    assert_eq!(env.problems(), [""; 0]);
    sampling
}

const RATE: (&str, &str) = ("OTEL_SAMPLING_RATE", "0.25");
const AT_TAIL: &str = "ParentBased{root:AlwaysOnSampler} and at the end of a trace ratio 0.25";
const AT_HEAD: &str = "ParentBased{root:TraceIdRatioBased{0.25}}";

#[test]
fn a_rate_keeps_errors_unless_told_otherwise_and_a_sampler_by_name_never_does() {
    let errors = |value| ("OTEL_SAMPLE_ERRORS_ALWAYS", value);
    let named = ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio");
    let argument = ("OTEL_TRACES_SAMPLER_ARG", "0.25");
    let rows: [(&[_], _); 7] = [
        (&[RATE], AT_TAIL),
        (&[RATE, errors("true")], AT_TAIL),
        (&[RATE, errors("false")], AT_HEAD),
        (&[RATE, errors("true"), named, argument], AT_HEAD),
        (&[errors("true"), named, argument], AT_HEAD),
        (&[errors("true")], "ParentBased{root:AlwaysOnSampler}"),
        (
            &[("OTEL_SAMPLING_RATE", "1.0")],
            "ParentBased{root:TraceIdRatioBased{1}}",
        ),
    ];
    for (variables, expected) in rows {
        let said = sampling(Overrides::default(), variables);
        assert_eq!(said, expected, "{variables:?}");
    }
}

#[test]
fn the_builder_s_policy_wins_over_its_sampler_s_absence_and_both_over_the_environment() {
    let variables = [RATE, ("OTEL_TRACES_SAMPLER", "always_off")];
    let policy = || Some(TailPolicy::new(0.25));
    let off = || Some(Sampler::AlwaysOff);
    let of_policy = Overrides {
        tail: policy(),
        ..Overrides::default()
    };
    assert_eq!(sampling(of_policy, &variables), AT_TAIL);
    let of_both = Overrides {
        tail: policy(),
        sampler: off(),
        ..Overrides::default()
    };
    let expected = "AlwaysOffSampler and at the end of a trace ratio 0.25";
    assert_eq!(sampling(of_both, &variables), expected);
    let of_rate = || Overrides {
        sampling_rate: Some(0.25),
        ..Overrides::default()
    };
    assert_eq!(sampling(of_rate(), &variables), AT_TAIL);
    let no_errors = [("OTEL_SAMPLE_ERRORS_ALWAYS", "false")];
    assert_eq!(sampling(of_rate(), &no_errors), AT_HEAD);
    let of_sampler = Overrides {
        sampler: off(),
        ..of_rate()
    };
    assert_eq!(sampling(of_sampler, &[RATE]), "AlwaysOffSampler");
}

#[test]
fn a_policy_that_cannot_be_used_is_an_error() {
    let policy = || TailPolicy::new(0.5);
    let rows = [
        (
            TailPolicy::new(1.5),
            "expected a ratio from 0 to 1, not 1.5",
        ),
        (
            policy().keep_slower_than_percentile(100.0),
            "expected a percentile between 0 and 100, not 100",
        ),
        (
            policy().keep_slower_than_percentile(f64::NAN),
            "expected a percentile between 0 and 100, not NaN",
        ),
        (
            policy().max_wait(Duration::ZERO),
            "expected a time above zero",
        ),
        (
            policy().keep_if_attribute("user.password", "x"),
            "no span shows a value under the attribute \"user.password\"",
        ),
        (
            policy().keep_if_attribute("", "x"),
            "no span shows a value under the attribute \"\"",
        ),
    ];
    for (policy, reason) in rows {
        let builder = Telemetry::builder().tail(policy);
        let error = builder.init_from(environment(&[])).unwrap_err();
        assert_eq!(error.to_string(), format!("tail: {reason}"));
    }
    let builder = Telemetry::builder().sampling_rate(-0.5);
    let error = builder.init_from(environment(&[])).unwrap_err();
    let expected = "sampling_rate: expected a ratio from 0 to 1, not -0.5";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn the_flight_recorder_has_the_builder_s_bytes_or_those_of_the_environment_in_any_unit() {
    let resolved = |of_builder: Option<usize>, value: &str| {
        let overrides = Overrides {
            flight_recorder: of_builder.map(FlightRecorder::new),
            ..Overrides::default()
        };
        let variables = [("CONTINUUM_FLIGHT_RECORDER", value)];
        let env = environment(&variables);
        let bytes = Settings::resolve(overrides, &env)
            .flight_recorder
            .map(|recorder| recorder.bytes);
        (bytes, env.problems())
    };
    let rows = [
        (None, "", None),
        (None, "131072", Some(128 << 10)),
        (None, "128KiB", Some(128 << 10)),
        (None, " 16 mib ", Some(16 << 20)),
        (None, "1GiB", Some(1 << 30)),
        (Some(1 << 20), "16MiB", Some(1 << 20)),
    ];
    for (of_builder, value, expected) in rows {
        assert_eq!(resolved(of_builder, value), (expected, vec![]), "{value}");
    }
    for value in [
        "131071",
        "127KiB",
        "16MB",
        "-1",
        "many",
        "99999999999GiB",
        "1.5MiB",
    ] {
        let expected = format!(
            "CONTINUUM_FLIGHT_RECORDER: expected a number of bytes such as 16MiB, at least 131072, not {value:?}"
        );
        assert_eq!(resolved(None, value), (None, vec![expected]));
    }
    let (_, problems) = resolved(Some(1), "");
    assert_eq!(
        problems,
        ["flight_recorder: expected at least 131072 bytes, not 1"]
    );
}
