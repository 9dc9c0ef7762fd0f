//! The bridge from before it is installed, on threads that are busy already.

use crate::world::{self, Parents, api, native, probe};
use continuum_observability::{interop::opentelemetry_0_33, testing::TestRecorder};
use opentelemetry::trace::Tracer as _;

#[test]
fn scopes_from_before_the_installation_stay_parents() {
    let recorder = TestRecorder::new();
    let mut expected = Parents::new();
    recorder.run(|| {
        native().in_scope("before", |_| {
            // First in its process under nextest; otherwise another test may have come before.
            opentelemetry_0_33::install().unwrap();
            drop(world::recorder());
            api().in_span("inside", |_| probe("inside", Some("inside"), &mut expected));
            probe("again", Some("before"), &mut expected);
        });
    });
    expected.insert("before".to_owned(), None);
    expected.insert("inside".to_owned(), Some("before".to_owned()));
    assert_eq!(world::parents(&recorder), expected);
}

#[test]
fn installing_twice_is_the_same_as_once() {
    assert_eq!(opentelemetry_0_33::install(), Ok(()));
    assert_eq!(opentelemetry_0_33::install(), Ok(()));
}
