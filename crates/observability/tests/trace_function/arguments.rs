//! What can stand in the parentheses: names, attributes, kinds.

use crate::tree;
use continuum_observability::{testing::TestRecorder, trace_function};
use std::{borrow::Cow, collections::HashMap};

const MODEL: &str = "text-embedding-ada-002";

#[trace_function]
fn bare() {}

#[trace_function()]
fn with_empty_parentheses() {}

#[test]
fn a_span_has_the_name_of_its_function() {
    let recorder = TestRecorder::new();
    recorder.run(|| {
        bare();
        with_empty_parentheses();
    });
    assert_eq!(tree(&recorder), "bare\nwith_empty_parentheses\n");
}

#[test]
fn a_span_says_which_function_it_describes() {
    let recorder = TestRecorder::new();
    recorder.run(bare);
    assert_eq!(
        recorder.tree(),
        "bare function.name=bare function.module=trace_function::arguments \
         code.function.name=trace_function::arguments::bare\n"
    );
}

#[test]
fn the_module_is_the_tracer_unless_one_is_given() {
    #[trace_function(tracer = "embeddings")]
    fn of_another_tracer() {}

    let recorder = TestRecorder::new();
    recorder.run(|| {
        bare();
        of_another_tracer();
    });
    let scopes: Vec<_> = recorder
        .spans()
        .into_iter()
        .map(|span| span.scope.name.clone())
        .collect();
    assert_eq!(scopes, ["trace_function::arguments", "embeddings"]);
}

#[trace_function(
    name = "calculate_embedding",
    attributes(component = "memory", model = MODEL, question.length = text.len()),
    kind = client,
    record_exception = true,
)]
fn embed(text: &str) -> Vec<f32> {
    vec![0.5; text.len()]
}

#[test]
fn the_example_of_the_guide_is_one_attribute() {
    let recorder = TestRecorder::new();
    assert_eq!(recorder.run(|| embed("why?")).len(), 4);
    assert_eq!(
        tree(&recorder),
        "calculate_embedding [client] component=memory model=text-embedding-ada-002 \
         question.length=4\n"
    );
}

#[trace_function(attributes(
    text = "t",
    yes = true,
    whole = 3,
    typed = 200_u8,
    below = -7,
    broken = -1.5,
    "a literal/key" = 1,
    enduser.type = "person",
))]
fn literals() {}

#[test]
fn literals_keep_their_types_and_keys_may_be_anything() {
    let recorder = TestRecorder::new();
    recorder.run(literals);
    assert_eq!(
        tree(&recorder),
        "literals text=t yes=true whole=3 typed=200 below=-7 broken=-1.5 a literal/key=1 \
         enduser.type=person\n"
    );
}

struct Request {
    tenant: String,
    limits: [u32; 2],
}

#[trace_function(attributes(
    owned = owned,
    borrowed = borrowed,
    shared = cow,
    number = number,
    given = maybe,
    list = list,
    shouted = format!("{}!", borrowed),
    sum = number + 1,
    in_brackets = (number),
))]
fn values(
    owned: String,
    borrowed: &str,
    cow: Cow<'_, str>,
    number: u64,
    maybe: Option<&str>,
    list: Vec<i64>,
) -> usize {
    let used = (number, maybe);
    drop((cow, list, used));
    owned.len() + borrowed.len()
}

#[trace_function(attributes(
    tenant.id = request.tenant,
    second = request.limits[1],
    looked_up = table["key"],
    referred = reference,
    pointed = *pointer,
    boxed = boxed,
))]
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "references are what is tested"
)]
fn places(
    request: Request,
    table: &HashMap<&str, i64>,
    reference: &u8,
    pointer: &f64,
    boxed: Box<str>,
) -> usize {
    let rest = table.len() + usize::from(*reference) + usize::from(pointer.is_nan());
    rest + request.tenant.len() + request.limits.len() + boxed.len()
}

#[test]
fn arguments_that_are_named_are_recorded_and_stay_with_the_function() {
    let recorder = TestRecorder::new();
    let request = Request {
        tenant: "acme".to_owned(),
        limits: [1, 2],
    };
    recorder.run(|| {
        let cow = Cow::Borrowed("cow");
        values("o".to_owned(), "b", cow, 9, Some("yes"), vec![1, 2]);
        let table = HashMap::from([("key", 42)]);
        places(request, &table, &7, &0.5, "box".into())
    });
    assert_eq!(
        tree(&recorder),
        "values owned=o borrowed=b shared=cow number=9 given=yes list=[1,2] shouted=b! sum=10 \
         in_brackets=9\n\
         places tenant.id=acme second=2 looked_up=42 referred=7 pointed=0.5 boxed=box\n"
    );
}

#[test]
fn arguments_that_are_not_named_are_not_recorded() {
    #[trace_function(attributes(user = user))]
    fn log_in(user: &str, password: &str) -> bool {
        user == password
    }

    let recorder = TestRecorder::new();
    recorder.run(|| log_in("ada", "hunter2"));
    assert_eq!(tree(&recorder), "log_in user=ada\n");
}

#[test]
fn attributes_show_what_the_arguments_are_at_entry() {
    #[trace_function(attributes(before = *count))]
    fn count_up(count: &mut u32) {
        *count += 1;
    }

    let recorder = TestRecorder::new();
    let mut count = 1;
    recorder.run(|| count_up(&mut count));
    assert_eq!(
        (tree(&recorder).as_str(), count),
        ("count_up before=1\n", 2)
    );
}

#[test]
fn a_panic_in_an_attribute_costs_the_computed_attributes_only() {
    #[trace_function(attributes(fixed = 1, first = items[0]))]
    fn first_of(items: &[u32]) -> usize {
        items.len()
    }

    let recorder = TestRecorder::new();
    assert_eq!(recorder.run(|| first_of(&[])), 0);
    assert_eq!(tree(&recorder), "first_of fixed=1\n");
}

#[test]
fn attributes_are_not_computed_when_nobody_records() {
    #[trace_function(attributes(expensive = { *asked = true; 1 }))]
    fn question(asked: &mut bool) {
        let _ = asked;
    }

    let mut asked = false;
    question(&mut asked);
    assert!(!asked);
    TestRecorder::new().run(|| question(&mut asked));
    assert!(asked);
}

#[test]
fn an_attribute_about_the_function_can_be_given_another_value() {
    #[trace_function(attributes(function.name = "other"))]
    fn named() {}

    let recorder = TestRecorder::new();
    recorder.run(named);
    assert!(
        recorder
            .tree()
            .starts_with("named function.name=other function.module=")
    );
}

#[test]
fn every_kind_can_be_given_as_a_word_or_a_text() {
    #[trace_function(kind = internal)]
    fn internal() {}
    #[trace_function(kind = server)]
    fn server() {}
    #[trace_function(kind = "client")]
    fn client() {}
    #[trace_function(kind = producer)]
    fn producer() {}
    #[trace_function(kind = "consumer")]
    fn consumer() {}
    #[trace_function(kind = SpanKind::Client)]
    fn by_its_path() {}
    #[trace_function(kind = Server)]
    fn by_its_variant() {}

    let recorder = TestRecorder::new();
    recorder.run(|| {
        internal();
        server();
        client();
        producer();
        consumer();
        by_its_path();
        by_its_variant();
    });
    assert_eq!(
        tree(&recorder),
        "internal\nserver [server]\nclient [client]\nproducer [producer]\nconsumer [consumer]\n\
         by_its_path [client]\nby_its_variant [server]\n"
    );
}

/// Somebody else's crate that hands the SDK on.
mod facade {
    pub(crate) mod tracing_of_ours {
        pub(crate) use continuum_observability::__private;
    }
}

#[test]
fn the_crate_can_be_reached_under_another_path() {
    #[trace_function(crate = crate::arguments::facade::tracing_of_ours)]
    fn elsewhere() -> Result<(), String> {
        Err("no".to_owned())
    }

    let recorder = TestRecorder::new();
    assert!(recorder.run(elsewhere).is_err());
    assert!(tree(&recorder).starts_with("elsewhere ERROR(no)\n"));
}
