//! Wrong lists of attributes.

use continuum_observability::trace_function;

#[trace_function(attributes = { "component": "memory" })]
fn not_a_list() {}

#[trace_function(attributes("component"))]
fn key_without_a_value() {}

#[trace_function(attributes(component = "a", "component" = "b"))]
fn key_twice() {}

#[trace_function(attributes("" = "a"))]
fn empty_key() {}

#[trace_function(attributes(7 = "a"))]
fn key_that_is_a_number() {}

#[trace_function(attributes(a = ?, b))]
fn mistakes_of_several_members() {}

struct Opaque;

#[trace_function(attributes(value = opaque))]
fn value_that_is_no_attribute(opaque: Opaque) {}

#[trace_function(attributes(value = text.parse::<u32>()?))]
fn value_that_leaves_the_function(text: &str) -> Result<(), std::num::ParseIntError> {
    Ok(())
}

fn main() {}
