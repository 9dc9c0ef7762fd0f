//! Wrong words in the parentheses.

use continuum_observability::trace_function;

#[trace_function(nmae = "recall")]
fn unknown_argument() {}

#[trace_function("recall")]
fn name_without_its_word() {}

#[trace_function(name = 7)]
fn name_of_another_type() {}

#[trace_function(name = "")]
fn empty_name() {}

#[trace_function(name = "a", name = "b")]
fn argument_twice() {}

#[trace_function(name = "a" kind = client)]
fn without_a_comma() {}

#[trace_function(kind = sender)]
fn unknown_kind() {}

#[trace_function(record_exception = "no")]
fn neither_true_nor_false() {}

#[trace_function(tracer)]
fn without_a_value() {}

#[trace_function(nmae = "a", kind = sender, tracer = "")]
fn three_mistakes_at_once() {}

fn main() {
    // The functions are still there, so that nothing follows from the mistake.
    unknown_argument();
    three_mistakes_at_once();
}
