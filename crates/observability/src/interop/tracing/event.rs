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
use crate::{Context, SpanRef, context::with_top, get_current_span, recorder::Clock};
use std::time::Duration;
use tracing_core::{Event, Level, Metadata};

/// Begins the name of an event that was given none.
const UNNAMED: &str = "event ";
/// What `#[instrument(ret)]` tells of.
const RETURN: &str = "return";

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
        Some(parent) => layer.view(parent),
        None => event.is_contextual().then(get_current_span),
    };
    if let Some(view) = view.filter(SpanRef::is_recording) {
        with_fields(&OF_EVENT, |fields| {
            fields.clear();
            fields.push("level", Gathered::Static(metadata.level().as_str()));
            fields.push("target", Gathered::Static(metadata.target()));
            fields.gather(&site, |visitor| event.record(visitor));
            for (key, value) in fields.each_of_span() {
                view.set_conventional(key, value);
            }
            if site.fate == Fate::Recorded {
                add_event(&view, metadata, fields);
            }
        });
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
    layer
        .start(site, fields, parent, Some(now.saturating_sub(took)))
        .end_with_timestamp(now);
}

fn add_event(view: &SpanRef, metadata: &Metadata<'_>, fields: &mut Fields) {
    let given = Some(metadata.name()).filter(|name| !name.starts_with(UNNAMED));
    if (fields.special.failure.is_some() || given.is_some())
        && let Some(message) = fields.special.message.take()
    {
        fields.push("message", Gathered::Text(message));
    }
    if fields.special.failure.is_some() {
        let is_final = *metadata.level() == Level::ERROR;
        return fields.with_attributes(|others| tell_failure(view, fields, others, is_final));
    }
    let message = fields.special.message;
    let message = message.map(|message| fields.texts.get(message));
    let returned = || fields.find(RETURN).map(|_| RETURN);
    let name = given
        .or(message)
        .or_else(returned)
        .unwrap_or(metadata.target());
    fields.with_attributes(|attributes| view.add_event(name, attributes));
}
