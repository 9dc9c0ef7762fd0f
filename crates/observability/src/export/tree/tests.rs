//! Trees as pictures.

use proptest::{collection::vec, prelude::*};

use super::{
    super::{AnyValue, decode_request, sample},
    *,
};
use opentelemetry_proto::tonic::trace::v1::{Span, span::Link};

fn draw(spans: impl IntoIterator<Item = Span>, style: &TreeStyle) -> String {
    render_tree(&decode_request(&sample::request(spans)).unwrap(), style)
}

fn recall() -> Vec<Span> {
    let tenant = sample::string("tenant.id", "user_123");
    let miss = sample::event(
        "cache.miss",
        3,
        vec![sample::string("key", "memory:search *")],
    );
    vec![
        Span {
            events: vec![miss],
            ..sample::span("cache.get", 3, Some(2))
        },
        Span {
            status: Some(sample::failed("no answer\nin 25 ms")),
            ..sample::span("generate", 4, Some(1))
        },
        Span {
            attributes: vec![tenant],
            kind: 3,
            ..sample::span("memory.recall", 2, Some(1))
        },
        sample::span("answer_question", 1, None),
    ]
}

#[test]
fn a_snapshot_shows_shape_and_content_alone() {
    let expected = r#"
answer_question
├─ memory.recall (client) tenant.id=user_123
│  └─ cache.get
│        · cache.miss key="memory:search *"
└─ generate ERROR no answer\nin 25 ms
"#;
    assert_eq!(
        draw(recall(), &TreeStyle::snapshot()),
        expected.trim_start()
    );
}

#[test]
fn a_terminal_shows_durations_and_the_trace() {
    let expected = r#"
answer_question                    10.0 ms   question.length=42 trace abababababababababababababababab
├─ memory.recall                   10.0 ms   tenant.id=user_123
│  └─ cache.get                    10.0 ms
│        · +99.9 µs cache.miss key="memory:search *"
└─ generate                        30.0 s    ERROR no answer\nin 25 ms
"#;
    let mut spans = recall();
    spans[3].attributes = vec![sample::string("question.length", "42")];
    spans[0].events[0].time_unix_nano += 99_900;
    spans[1].end_time_unix_nano = 30_004 * sample::MILLI;
    let drawn = draw(spans, &TreeStyle::terminal(Palette::Plain));
    assert_eq!(drawn, expected.trim_start());
}

#[test]
fn colours_change_nothing_but_colour() {
    let coloured = draw(recall(), &TreeStyle::terminal(Palette::Ansi));
    assert!(
        coloured.contains("\x1b[31m ERROR no answer"),
        "{coloured:?}"
    );
    assert!(
        coloured.contains("\x1b[1manswer_question\x1b[0m"),
        "{coloured:?}"
    );
    let codes = ["\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m"];
    let stripped = codes
        .iter()
        .fold(coloured, |text, code| text.replace(code, ""));
    let plain = draw(recall(), &TreeStyle::terminal(Palette::Plain));
    let trimmed: Vec<_> = stripped.lines().map(str::trim_end).collect();
    assert_eq!(trimmed, plain.lines().collect::<Vec<_>>());
}

#[test]
fn links_and_dropped_counts_stand_below_their_span() {
    let link = Link {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        attributes: vec![sample::string("reason", "retry")],
        ..Link::default()
    };
    let span = Span {
        links: vec![link],
        dropped_attributes_count: 1,
        dropped_events_count: 2,
        ..sample::span("root", 1, None)
    };
    let child = sample::span("child", 2, Some(1));
    let expected = "
root
│  · link reason=retry
│  · 1 attribute, 2 events dropped
└─ child
";
    assert_eq!(
        draw([span, child], &TreeStyle::snapshot()),
        expected.trim_start()
    );
}

#[test]
fn every_type_of_value_fits_on_the_line() {
    let text = |text: &str| AnyValue::String(text.to_owned());
    let attributes = [
        ("text", text("plain")),
        ("quoted", text("a \"b\" \\")),
        ("none", text("")),
        ("flag", AnyValue::Bool(true)),
        ("int", AnyValue::Int(-3)),
        ("double", AnyValue::Double(2.0)),
        ("bytes", AnyValue::Bytes(vec![0, 255])),
        (
            "list",
            AnyValue::Array(vec![AnyValue::Int(1), text("two, three"), AnyValue::Empty]),
        ),
        ("map", AnyValue::Map(vec![("k".to_owned(), text("v"))])),
    ];
    let attributes = attributes
        .map(|(key, value)| (key.to_owned(), value))
        .to_vec();
    let span = SpanRecord {
        name: "s".into(),
        attributes,
        ..SpanRecord::default()
    };
    assert_eq!(
        render_tree(&[span], &TreeStyle::snapshot()),
        "s text=plain quoted=\"a \\\"b\\\" \\\\\" none=\"\" flag=true int=-3 double=2.0 \
         bytes=0x00ff list=[1, \"two, three\", null] map={k=v}\n"
    );
}

#[test]
fn lines_are_cut_at_the_width_but_errors_are_not() {
    let message = "why ".repeat(40);
    let long = Span {
        name: "n".repeat(100),
        attributes: vec![sample::string("query", &"q".repeat(1_000_000))],
        ..sample::span("", 1, None)
    };
    let failed = Span {
        status: Some(sample::failed(&message)),
        ..long.clone()
    };
    let style = TreeStyle {
        ids: false,
        ..TreeStyle::terminal(Palette::Plain)
    };
    let drawn = draw([long], &style);
    assert_eq!(drawn.trim_end().chars().count(), 120, "{drawn}");
    assert!(drawn.ends_with("qqq…\n"), "{drawn}");
    assert!(draw([failed], &style).contains(message.trim_end()));
}

#[test]
fn the_longest_values_are_cut_first() {
    let span = |rows| Span {
        attributes: vec![
            sample::string("db.query.text", &"SELECT turn ".repeat(20)),
            sample::string("db.row_count", rows),
            sample::string("db.query.plan", &"SCAN turns ".repeat(20)),
            sample::string("tenant.id", "user_123"),
        ],
        ..sample::span("db.select.turns", 1, None)
    };
    let style = TreeStyle {
        ids: false,
        timing: false,
        ..TreeStyle::terminal(Palette::Plain)
    };
    let expected = "db.select.turns db.query.text=\"SELECT turn SELECT… db.row_count=10 \
                    db.query.plan=\"SCAN turns SCAN tu… tenant.id=user_123\n";
    let drawn = draw([span("10")], &style);
    assert_eq!(drawn, expected);
    assert!(columns(&drawn) <= 121);
}

#[test]
fn what_came_out_is_shown_before_what_went_in() {
    let span = Span {
        attributes: vec![
            sample::string("memory.query", &"why ".repeat(20)),
            sample::string("memory.max_concepts", "10"),
            sample::string("memory.strategy", "spreading"),
            sample::string("memory.concepts_found", "7"),
        ],
        ..sample::span("memory.recall", 1, None)
    };
    let style = TreeStyle {
        width: Some(112),
        timing: false,
        ..TreeStyle::terminal(Palette::Plain)
    };
    let expected = "memory.recall memory.strategy=spreading memory.concepts_found=7 … \
                    trace abababababababababababababababab\n";
    let drawn = draw([span], &style);
    assert_eq!(drawn, expected);
    assert!(columns(&drawn) <= 113);
}

#[test]
fn a_terminal_says_nothing_twice() {
    let string = sample::string;
    let parent = Span {
        attributes: vec![
            string("tenant.id", "acme"),
            string("http.route", "/v1/recall"),
        ],
        ..sample::span("POST /v1/recall", 1, None)
    };
    let child = Span {
        attributes: vec![
            string("tenant.id", "acme"),
            string("db.operation.name", "SELECT"),
            string("db.collection.name", "turns"),
            string("db.query.plan", "SELECT turns"),
            string("db.row_count", "3"),
        ],
        ..sample::span("db.select.turns", 2, Some(1))
    };
    let style = TreeStyle {
        ids: false,
        timing: false,
        ..TreeStyle::terminal(Palette::Plain)
    };
    let expected = "\
POST /v1/recall tenant.id=acme
└─ db.select.turns db.query.plan=\"SELECT turns\" db.row_count=3
";
    assert_eq!(draw([parent, child], &style), expected);
}

#[cfg(feature = "console")]
#[test]
fn columns_line_up_below_wide_characters() {
    let expected = "
答える                                        10.0 ms
└─ 記憶を探す                                 10.0 ms
   └─ größe                                   10.0 ms
";
    let spans = [
        sample::span("答える", 1, None),
        sample::span("記憶を探す", 2, Some(1)),
        sample::span("größe", 3, Some(2)),
    ];
    let style = TreeStyle {
        ids: false,
        ..TreeStyle::terminal(Palette::Plain)
    };
    let drawn = draw(spans, &style);
    let duration_columns: Vec<_> = drawn
        .lines()
        .map(|line| columns(line.split("10.0").next().unwrap()))
        .collect();
    assert_eq!(duration_columns, [duration_columns[0]; 3], "{drawn}");
    assert_eq!(
        drawn.replace(' ', ""),
        expected.trim_start().replace(' ', "")
    );
}

#[test]
fn an_orphan_is_a_root_and_a_circle_is_still_drawn() {
    let spans = [
        sample::span("orphan", 1, Some(9)),
        sample::span("egg", 2, Some(3)),
        sample::span("hen", 3, Some(2)),
        sample::span("own parent", 4, Some(4)),
    ];
    let expected = "orphan\nown parent\negg\n└─ hen\n";
    assert_eq!(draw(spans, &TreeStyle::snapshot()), expected);
}

#[test]
fn a_very_deep_chain_is_drawn_without_growing_ever_wider() {
    let id = |index: u64| index.to_be_bytes();
    let spans: Vec<_> = (1..=20_000_u64)
        .map(|index| SpanRecord {
            name: "deep".into(),
            span_id: id(index),
            parent_span_id: (index > 1).then(|| id(index - 1)),
            ..SpanRecord::default()
        })
        .collect();
    let drawn = render_tree(&spans, &TreeStyle::snapshot());
    assert_eq!(drawn.lines().count(), spans.len());
    assert!(
        drawn
            .lines()
            .all(|line| line.chars().count() <= MAX_DEPTH * 3 + 4)
    );
}

proptest! {
    #[test]
    fn every_span_is_drawn_once_on_a_safe_line(
        spans in vec((any::<String>(), 0..12_u8, proptest::option::of(0..12_u8)), 0..12),
    ) {
        let span = |(text, id, parent): &(String, u8, Option<u8>)| SpanRecord {
            name: text.clone(),
            span_id: [*id; 8],
            parent_span_id: parent.map(|id| [id; 8]),
            attributes: vec![(text.clone(), AnyValue::String(text.clone()))],
            ..SpanRecord::default()
        };
        let spans: Vec<_> = spans.iter().map(span).collect();
        let drawn = render_tree(&spans, &TreeStyle::snapshot());
        prop_assert_eq!(drawn.lines().count(), spans.len());
        prop_assert!(!drawn.contains(|char: char| char.is_control() && char != '\n'));
    }
}
