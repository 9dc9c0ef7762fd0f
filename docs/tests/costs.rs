//! What pages say that a span costs is what the tests of `benchmarks/instructions` hold it to.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

const MIGRATING: &str = include_str!("../migrating.md");
const METRICS: &str = include_str!("../logs-and-metrics.md");
const PERFORMANCE: &str = include_str!("../performance.md");
const COSTS: [&str; 2] = [
    include_str!("../../benchmarks/instructions/tests/instructions.rs"),
    include_str!("../../benchmarks/instructions/tests/bridges.rs"),
];
/// As far as the counts themselves may differ from what is written.
const TOLERANCE_PERCENT: u64 = 5;

/// A page, the words before a number and after it, and what it is the cost of.
const NUMBERS: [(&str, &str, &str, &str); 13] = [
    (
        MIGRATING,
        "| opentelemetry_sdk | 1989 | ",
        ", with",
        "api.root_and_child",
    ),
    (
        MIGRATING,
        "with `opentelemetry_0_33` | ",
        " |",
        "root_and_child",
    ),
    (
        MIGRATING,
        "| tracing-opentelemetry | 8271 | ",
        ", with",
        "layer.root_and_child",
    ),
    (MIGRATING, "with `tracing` | ", " |", "root_and_child"),
    (
        MIGRATING,
        "| fastrace | 1644 | – | ",
        " |",
        "root_and_child",
    ),
    (
        MIGRATING,
        "and ",
        " with `#[trace_function]`",
        "hundred_traced",
    ),
    (
        METRICS,
        "\n",
        " instructions of the traced thread",
        "measured",
    ),
    (
        METRICS,
        "with its exemplar, and ",
        " where it is sampled out",
        "measured_out",
    ),
    (
        METRICS,
        "a span without metrics takes about ",
        ", and",
        "root_and_child",
    ),
    (
        METRICS,
        ", and ",
        " where it is sampled out)",
        "sampled_out",
    ),
    (
        PERFORMANCE,
        "an outgoing request (",
        ")",
        "hundred_http_calls",
    ),
    (PERFORMANCE, "that does nothing (", ")", "http_request"),
    (PERFORMANCE, "a span that is measured (", ")", "measured"),
];

/// The number between two texts.
fn number(page: &str, before: &str, after: &str) -> u64 {
    let found = page.split(before).skip(1).find_map(|part| {
        let (number, _) = part.split_once(after)?;
        number.replace(',', "").parse().ok()
    });
    found.unwrap_or_else(|| panic!("no number between {before:?} and {after:?}"))
}

/// What a span of a scenario may cost.
fn held_to(scenario: &str) -> u64 {
    let begin = format!("cost(\"{scenario}\", ");
    let lines = COSTS.iter().flat_map(|costs| costs.lines());
    let mut found = lines.filter_map(|line| line.trim().strip_prefix(&begin));
    let line = found.next().unwrap_or_else(|| panic!("no {scenario}"));
    let (_, count) = line.trim_end_matches("),").split_once(", ").unwrap();
    count.parse().unwrap()
}

#[test]
fn pages_say_what_the_tests_hold_a_span_to() {
    for (page, before, after, scenario) in NUMBERS {
        let (said, held) = (number(page, before, after), held_to(scenario));
        assert!(
            said.abs_diff(held) * 100 <= held * TOLERANCE_PERCENT,
            "a page says {said} of {scenario}, the tests {held}: …{before}{said}{after}"
        );
    }
}
