//! A span that is started anew under another parent, with all that was said of it before.
//!
//! Position: for `interop::tracing`, where a parent may be named after a span was made, and attributes are
//! encoded before the span has them.
//!
//! Invariants:
//! - the span that is given up leaves nothing behind but one that counts as sampled out;
//! - what sampler and hooks added at its start is not taken over: they are asked again, of the other parent.

use super::{
    SpanBody, SpanLimits, SpanRef,
    body::{ATTRIBUTE, EVENT, LINK, StatusCode},
    encode::read_varint,
    last_exception::LastException,
    opening::parent_origin,
    words::hash,
};
use crate::recorder::{Recorder, thread};
use std::ops::Range;

/// What sampler and hooks added to a span.
#[derive(Debug, Clone, Default)]
pub(super) struct ByHooks {
    /// Where it lies behind the fixed fields.
    added: Range<usize>,
    /// How many attributes, events and links had been dropped by then.
    dropped: [u32; 3],
}

/// What was said of a span.
#[derive(Debug)]
struct Said {
    /// `None` where a hook has named it.
    name: Option<String>,
    /// Attributes of the start, as they are encoded.
    at_start: Vec<u8>,
    /// Attributes, events and links since then.
    fields: Vec<u8>,
    /// How many attributes, events and links were dropped since its start.
    dropped: [u32; 3],
    status: StatusCode,
    status_text: String,
    last_exception: LastException,
}

impl SpanRef {
    /// The limits of a span that is recorded.
    #[inline]
    pub(crate) fn limits(&self) -> Option<&'static SpanLimits> {
        let (slot, _) = self.slot()?;
        slot.recorder().map(|recorder| &recorder.config.limits)
    }

    /// The same span without its identity, to be described only: cheaper to make than a clone.
    #[inline]
    pub(crate) fn unidentified(&self) -> Self {
        self.slot()
            .map(|(slot, generation)| Self::of_slot(slot, generation))
            .unwrap_or_default()
    }

    /// Lets sampler or hooks add to a span that was just started.
    pub(crate) fn while_hooked(&self, add: impl FnOnce()) {
        self.with(|body| {
            let at = body.added_len();
            body.by_hooks.get_or_insert(ByHooks {
                added: at..at,
                dropped: [0; 3],
            });
        });
        add();
        self.with(|body| {
            let (end, dropped) = (body.added_len(), body.dropped());
            if let Some(by_hooks) = &mut body.by_hooks {
                by_hooks.added.end = end;
                by_hooks.dropped = dropped;
            }
        });
    }

    /// Takes over what was said of `draft`, which is not recorded any more.
    pub(crate) fn replace(&self, draft: &Self) {
        let said = draft.with(|body| body.said());
        draft.give_up();
        if let Some(said) = said {
            self.with(|body| body.take_over(said));
        }
    }

    /// Ends the span as if a sampler had not wanted it.
    fn give_up(&self) {
        let Some((slot, generation)) = self.slot() else {
            return;
        };
        let sampled =
            |body: &mut SpanBody| body.sampled.then(|| parent_origin(body.buffer.as_slice()));
        let core = slot.recorder().and_then(Recorder::core);
        if let (Some(core), Some(origin)) = (core, self.with(sampled).flatten()) {
            core.totals.sampled_out_after_all(origin);
        }
        thread::discard_span(slot, generation);
    }
}

impl SpanBody {
    fn added_len(&self) -> usize {
        self.buffer.len() - self.fixed_len
    }

    fn dropped(&self) -> [u32; 3] {
        [self.attributes, self.events, self.links].map(|counted| counted.dropped)
    }

    /// Has the place of what hooks added follow the removal of a field.
    pub(super) fn move_hooked(&mut self, field: &Range<usize>) {
        let Some(by_hooks) = &mut self.by_hooks else {
            return;
        };
        let removed = field.start - self.fixed_len..field.end - self.fixed_len;
        for bound in [&mut by_hooks.added.start, &mut by_hooks.added.end] {
            if *bound >= removed.end {
                *bound -= removed.len();
            }
        }
    }

    fn said(&self) -> Said {
        let added = &self.buffer.as_slice()[self.fixed_len..];
        let ByHooks {
            added: by_hooks,
            dropped: [attributes, events, links],
        } = self.by_hooks.clone().unwrap_or_default();
        let name_at = self.name.0.checked_sub(self.fixed_len);
        let is_named_by_hook = name_at.is_some_and(|at| by_hooks.contains(&at));
        Said {
            name: (!is_named_by_hook).then(|| self.name().to_owned()),
            at_start: added[..by_hooks.start].to_vec(),
            fields: added[by_hooks.end..].to_vec(),
            dropped: [
                self.attributes.dropped.saturating_sub(attributes),
                self.events.dropped.saturating_sub(events),
                self.links.dropped.saturating_sub(links),
            ],
            status: self.status,
            status_text: self.status_text.clone(),
            last_exception: self.last_exception,
        }
    }

    /// Of an attribute that is here already the other value counts, unless that is one of the start.
    fn take_over(&mut self, said: Said) {
        if let Some(name) = said.name.filter(|name| name != self.name()) {
            self.set_name(&name);
        }
        for (tag, field) in fields(&said.at_start) {
            // What is there is the same, or what a hook says of it.
            if key(field).is_none_or(|key| self.find_attribute(key.as_bytes()).is_none()) {
                self.take_over_field(tag, field);
            }
        }
        for (tag, field) in fields(&said.fields) {
            self.take_over_field(tag, field);
        }
        let own = [&mut self.attributes, &mut self.events, &mut self.links];
        for (own, dropped) in own.into_iter().zip(said.dropped) {
            own.dropped = own.dropped.saturating_add(dropped);
        }
        self.status = said.status;
        self.status_text = said.status_text;
        self.last_exception = said.last_exception;
    }

    fn take_over_field(&mut self, tag: u8, field: &[u8]) {
        let limits = self.limits;
        let (counted, limit) = match tag {
            ATTRIBUTE => {
                let key = key(field).unwrap_or_default();
                if self.seen_keys.note(hash(key.as_bytes())) {
                    self.forget_attribute(key);
                }
                (&mut self.attributes, limits.attributes)
            }
            EVENT => (&mut self.events, limits.events),
            LINK => (&mut self.links, limits.links),
            _ => return,
        };
        if counted.admit(limit) {
            self.buffer.extend(field.len()).raw(field);
        }
    }
}

/// Fields with their tags, each as it is encoded.
fn fields(mut bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let tag = bytes.first()? >> 3;
        let mut at = 1;
        let len = usize::try_from(read_varint(bytes, &mut at)?).ok()?;
        let (field, rest) = bytes.split_at_checked(at.checked_add(len)?)?;
        bytes = rest;
        Some((tag, field))
    })
}

/// The key of an encoded attribute.
fn key(field: &[u8]) -> Option<&str> {
    let mut at = 1;
    read_varint(field, &mut at)?;
    at += 1;
    let len = usize::try_from(read_varint(field, &mut at)?).ok()?;
    str::from_utf8(field.get(at..at.checked_add(len)?)?).ok()
}
