//! Our own interface, each scope of which is mirrored.

use continuum_observability::get_tracer;

pub(crate) fn round(work: &str) -> Option<fn(i64)> {
    (work == "root_and_child").then_some(root_and_child)
}

fn root_and_child(number: i64) {
    let tracer = get_tracer("bench");
    let _root = tracer.start_as_current_span("root");
    let child = tracer.start_span("child");
    child.set_attribute("http.method", "GET");
    child.set_attribute("http.route", "/users/{id}");
    child.set_attribute("user.id", number);
    child.set_attribute("score", number as f64);
}
