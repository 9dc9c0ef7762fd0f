//! How operations are drawn from the fuzzer's bytes. When these are used up, what is left to be drawn is
//! zero, empty or absent.

use crate::operations::{Actor, Attributes, End, Link, Operation, Start, Step, keys};
use continuum_observability::{SpanKind, SpanLimits, Status, TraceState, Value};
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use std::borrow::Cow;

/// Values may be nested deeper than what is recorded of them.
const MAX_DEPTH: u32 = 12;

type Input<'a> = Unstructured<'a>;

/// With room for `count` of everything, and texts of any length or cut.
pub(crate) fn limits(count: u32) -> [SpanLimits; 2] {
    [usize::MAX, count as usize * 2].map(|value_length| {
        let mut limits = SpanLimits::default();
        limits.attributes = count * 2;
        limits.events = count;
        limits.links = count;
        limits.attributes_per_event = count;
        limits.attributes_per_link = count;
        limits.value_length = value_length;
        limits
    })
}

pub(crate) fn operations(input: &mut Input<'_>) -> Result<(Vec<Start>, Vec<Step>)> {
    let starts = 1 + input.int_in_range(0..=2)?;
    let starts = (0..starts).map(|_| start(input)).collect::<Result<_>>()?;
    Ok((starts, list(input, 40, step)?))
}

fn list<T>(
    input: &mut Input<'_>,
    most: usize,
    draw: impl Fn(&mut Input<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let mut drawn = Vec::new();
    while drawn.len() < most && !input.is_empty() && input.arbitrary()? {
        drawn.push(draw(input)?);
    }
    Ok(drawn)
}

fn start(input: &mut Input<'_>) -> Result<Start> {
    const KINDS: [SpanKind; 5] = [
        SpanKind::Internal,
        SpanKind::Server,
        SpanKind::Client,
        SpanKind::Producer,
        SpanKind::Consumer,
    ];
    Ok(Start {
        name: text(input)?,
        kind: *input.choose(&KINDS)?,
        parent: optional(input, trace_state)?,
        attributes: attributes(input)?,
        links: list(input, 4, link)?,
        unix_nanos: optional(input, time)?,
    })
}

fn step(input: &mut Input<'_>) -> Result<Step> {
    // Another thread is dear: the property test has plenty of them.
    const ACTORS: [Actor; 16] = {
        let mut actors = [Actor::Owner; 16];
        actors[1] = Actor::Reference;
        actors[2] = Actor::OtherThread;
        actors[3] = Actor::Beside;
        actors
    };
    Ok(Step {
        span: input.arbitrary::<u8>()?.into(),
        by: *input.choose(&ACTORS)?,
        operation: operation(input)?,
    })
}

fn operation(input: &mut Input<'_>) -> Result<Operation> {
    Ok(match input.int_in_range(0..=8)? {
        0..=3 => Operation::SetAttribute(key(input)?, value(input, MAX_DEPTH)?),
        4 => Operation::AddEvent {
            name: text(input)?,
            unix_nanos: optional(input, time)?,
            attributes: attributes(input)?,
        },
        5 => Operation::AddLink(link(input)?),
        6 => Operation::SetStatus(status(input)?),
        7 => Operation::UpdateName(text(input)?),
        _ => Operation::End(optional(input, time)?.map_or(End::Now, End::At)),
    })
}

fn link(input: &mut Input<'_>) -> Result<Link> {
    Ok(Link {
        target: input.arbitrary()?,
        state: trace_state(input)?,
        attributes: attributes(input)?,
    })
}

fn status(input: &mut Input<'_>) -> Result<Status<'static>> {
    Ok(match input.int_in_range(0..=2)? {
        0 => Status::Unset,
        1 => Status::Ok,
        _ => Status::error(text(input)?),
    })
}

fn trace_state(input: &mut Input<'_>) -> Result<TraceState> {
    let value = text(input)?;
    Ok(TraceState::EMPTY
        .insert("vendor", &value)
        .unwrap_or_default())
}

/// Up to the year 2262, where nanoseconds still fit 63 bits.
fn time(input: &mut Input<'_>) -> Result<u64> {
    Ok(input.arbitrary::<u64>()? >> 1)
}

fn optional<T>(
    input: &mut Input<'_>,
    draw: impl Fn(&mut Input<'_>) -> Result<T>,
) -> Result<Option<T>> {
    input.arbitrary::<bool>()?.then(|| draw(input)).transpose()
}

fn attributes(input: &mut Input<'_>) -> Result<Attributes> {
    list(input, 6, |input| {
        Ok((key(input)?, value(input, MAX_DEPTH)?))
    })
}

fn key(input: &mut Input<'_>) -> Result<String> {
    input.choose(&keys()).cloned()
}

fn text(input: &mut Input<'_>) -> Result<String> {
    input.arbitrary()
}

fn value(input: &mut Input<'_>, depth: u32) -> Result<Value<'static>> {
    let kinds = if depth == 0 { 5 } else { 7 };
    Ok(match input.int_in_range(0..=kinds)? {
        0 => Value::Empty,
        1 => Value::Bool(input.arbitrary()?),
        2 => Value::I64(input.arbitrary()?),
        3 => Value::F64(number(input)?),
        4 => Value::Str(text(input)?.into()),
        5 => Value::Bytes(input.arbitrary::<Vec<u8>>()?.into()),
        6 => Value::Array(list(input, 4, |input| value(input, depth - 1))?),
        _ => Value::Map(list(input, 4, |input| {
            Ok((Cow::Owned(key(input)?), value(input, depth - 1)?))
        })?),
    })
}

/// Not-a-number is left out only because it does not equal itself.
fn number(input: &mut Input<'_>) -> Result<f64> {
    let number: f64 = input.arbitrary()?;
    Ok(if number.is_nan() { 0.0 } else { number })
}
