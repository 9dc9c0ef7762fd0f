//! Wrong calls of `span!`.

use continuum_observability::span;

fn main() {
    let _ = span!();
    let _ = span!("");
    let _ = span!(name = "work");
    let _ = span!(kind: clever, "work");
    let _ = span!(colour: red, "work");
    let _ = span!(tracer: "a", tracer: "b", "work");
    let _ = span!("work" key = 1);
    let _ = span!("work", key);
    let _ = span!("work", key = 1, "key" = 2);
    let _ = span!("work", value = std::thread::current());
}
