//! The events of `tracing`: events of the span they happen in, or spans where a rule says so.
//!
//! Position: called by the layer with each event.
//!
//! Invariant: an event that belongs to no span, or to one that is not recorded, costs no more than
//! finding that out.

use super::{
    ContinuumLayer, OF_EVENT,
    call_site::{CallSite, Fate},
    fields::{Fields, Gathered, with_fields},
    tell_failure,
};
use crate::{Context, SpanRef, context::with_top, recorder::Clock};
use std::time::Duration;
use tracing_core::{Event, Level};

/// Records an event.
pub(super) fn record(layer: &ContinuumLayer, event: &Event<'_>) {
    let metadata = event.metadata();
    let site = layer.site(metadata);
    match site.fate {
        Fate::Ignored => return,
        Fate::Span => return record_span(layer, &site, event),
        Fate::Recorded if *metadata.level() > layer.settings.events => return,
        Fate::Recorded | Fate::OfSpan => {}
    }
    let view = match event.parent() {
        Some(parent) => layer.described(parent),
        None if event.is_contextual() => with_top(|top| Some(top?.span().unidentified())),
        None => None,
    };
    if let Some(view) = view.filter(SpanRef::is_recorded) {
        with_fields(&OF_EVENT, |fields| {
            if !add_encoded(&view, &site, fields, event) {
                add_gathered(&view, &site, fields, event);
            }
        });
    }
}

/// Records an event whose fields are encoded as they come; `false` where that is not to be.
fn add_encoded(view: &SpanRef, site: &CallSite, fields: &mut Fields, event: &Event<'_>) -> bool {
    let (Some(template), Some(limits)) = (&site.template, view.limits()) else {
        return false;
    };
    let limit = limits.value_length;
    if !template.encode(fields, limit, |visitor| event.record(visitor)) {
        return false;
    }
    if site.event_name.given.is_some() {
        template.add_message(fields, limit);
    }
    let name = site.event_name.choose(fields);
    let ticks = Clock::global().ticks();
    let added = view.with(|body| body.take_event(name, body.unix_nanos_at(ticks), &fields.encoded));
    added != Some(false)
}

fn add_gathered(view: &SpanRef, site: &CallSite, fields: &mut Fields, event: &Event<'_>) {
    let metadata = event.metadata();
    fields.clear();
    fields.push("level", Gathered::Static(metadata.level().as_str()));
    fields.push("target", Gathered::Static(metadata.target()));
    fields.gather(site, |visitor| event.record(visitor));
    for (key, value) in fields.each_of_span() {
        view.set_conventional(key, value);
    }
    if site.fate == Fate::Recorded {
        add_event(view, site, *metadata.level(), fields);
    }
}

/// Records an event as a span, under the event's parent.
fn record_span(layer: &ContinuumLayer, site: &CallSite, event: &Event<'_>) {
    let parent = event.parent().and_then(|parent| layer.context(parent));
    let parent = parent.or_else(|| event.is_root().then(Context::root));
    with_fields(&OF_EVENT, |fields| {
        fields.clear();
        fields.gather(site, |visitor| event.record(visitor));
        add_span(layer, site, fields, parent.as_ref());
    });
}

/// A span that began as long ago as the event says, and ends now.
fn add_span(layer: &ContinuumLayer, site: &CallSite, fields: &Fields, parent: Option<&Context>) {
    let anchor = with_top(|top| parent.or(top).map(|context| context.root))
        .filter(|root| root.span_id.is_valid())
        .map_or_else(|| Clock::global().anchor(), |root| root.anchor);
    let now = anchor.unix_nanos(Clock::global().ticks());
    let took = Duration::try_from_secs_f64(fields.special.seconds).unwrap_or_default();
    let took = u64::try_from(took.as_nanos()).unwrap_or_default();
    let span = layer.start(site, fields, parent, Some(now.saturating_sub(took)));
    #[cfg(feature = "metrics")]
    if !fields.has_outcome() {
        span.with(|body| body.is_outcome_unknown = true);
    }
    span.end_with_timestamp(now);
}

fn add_event(view: &SpanRef, site: &CallSite, level: Level, fields: &mut Fields) {
    if (fields.special.failure.is_some() || site.event_name.given.is_some())
        && let Some(message) = fields.special.message
    {
        fields.push("message", Gathered::Text(message));
    }
    let naming = site.has_rule.then(|| view.with(|body| body.naming));
    let naming = naming.flatten().unwrap_or_default();
    if fields.special.failure.is_some() {
        return fields.with_attributes(naming, |others| {
            tell_failure(view, fields, others, level == Level::ERROR);
        });
    }
    let name = site.event_name.choose(fields);
    fields.with_attributes(naming, |attributes| view.add_event(name, attributes));
}
