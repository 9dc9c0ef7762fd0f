//! What is counted or set without a span of its own.
//!
//! Position: called by the functions of the layers; goes the way that measurements of spans go, with the same
//! bounds.
//!
//! Invariants:
//! - a look-up on a span of the cache layer is counted once, at the end of that span;
//! - a level never is that of somebody else: where tenants are not told apart, or one has no place, its levels are
//!   left out.

use super::{
    Measurement, Meter, Operation,
    series::{OTHER, SEPARATOR, push_value},
};
use crate::{
    layers::report::{Level, Occasion, Whose},
    semconv::attribute,
    span::SpanRef,
};
use std::sync::PoisonError;
use std::time::Duration;

impl Meter {
    /// Counts something that happened.
    pub(crate) fn count_occasion(&self, occasion: Occasion<'_>, whose: Whose<'_>) {
        let counted = Counted::of(occasion);
        let tenant_id = match whose {
            Whose::Span(span) => match self.tenant_of(span, counted.operation) {
                Some(tenant_id) => tenant_id,
                None => return,
            },
            Whose::Tenant(tenant_id) => tenant_id.unwrap_or_default().to_owned(),
        };
        let mut key = String::new();
        let success = if counted.success { "true" } else { "false" };
        let tenants = self.tenants.as_ref();
        let tenant = tenants.map_or("", |known| known.name(&tenant_id));
        for value in [counted.name, success, tenant] {
            push_value(&mut key, value);
            key.push(SEPARATOR);
        }
        self.count(&key, &counted.measurement());
    }

    /// The tenant of a span; `None` where the span itself counts that at its end.
    fn tenant_of(&self, span: &SpanRef, operation: Operation) -> Option<String> {
        let read = span.with(|body| {
            let at_end = Operation::of(body.name(), body.kind) == Some(Operation::Cache);
            if operation == Operation::LookUp && at_end {
                return None;
            }
            let wanted = self.tenants.is_some();
            let tenant_id = wanted.then(|| body.text_attribute(attribute::TENANT_ID));
            Some(tenant_id.flatten().unwrap_or_default().to_owned())
        });
        // There may be no span, or one that nobody records.
        read.unwrap_or_else(|| Some(String::new()))
    }

    /// Sets levels, those of one tenant or of the whole program.
    pub(crate) fn set_levels(&self, levels: &[(Level, f64)], tenant_id: Option<&str>) {
        let tenant = match (&self.tenants, tenant_id) {
            (None, None) => None,
            (None, Some(_)) => return,
            (Some(_), None) => Some(""),
            (Some(known), Some(tenant_id)) => Some(known.name(tenant_id)),
        };
        if tenant == Some(OTHER) && tenant_id != Some(OTHER) {
            return;
        }
        let sinks = self.sinks.read().unwrap_or_else(PoisonError::into_inner);
        for (level, value) in levels {
            super::Sink::set(&self.open_metrics, *level, tenant, *value);
            for sink in sinks.iter() {
                sink.set(*level, tenant, *value);
            }
        }
    }
}

/// An occasion as one run of an operation.
struct Counted<'a> {
    operation: Operation,
    name: &'a str,
    duration: Duration,
    success: bool,
    hit: Option<bool>,
}

impl<'a> Counted<'a> {
    fn of(occasion: Occasion<'a>) -> Self {
        let plain = |operation| Self {
            operation,
            name: "",
            duration: Duration::ZERO,
            success: true,
            hit: None,
        };
        match occasion {
            Occasion::MemoryOperation {
                name,
                duration,
                success,
            } => Self {
                name,
                duration,
                success,
                ..plain(Operation::Memory)
            },
            Occasion::LookUp { hit } => Self {
                hit: Some(hit),
                ..plain(Operation::LookUp)
            },
            Occasion::Conflict => plain(Operation::Conflict),
            Occasion::PeerConnected => plain(Operation::PeerConnection),
            Occasion::PeerDisconnected => plain(Operation::PeerDisconnection),
        }
    }

    fn measurement(&self) -> Measurement {
        Measurement {
            operation: self.operation,
            seconds: self.duration.as_secs_f64(),
            failed: !self.success,
            is_slow: false,
            is_typed: false,
            hit: self.hit,
            example: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        Context, Sampler, SpanMetrics, Telemetry, get_tracer,
        layers::{cache::*, database::*, federation::*, memory::*},
        testing::TestRecorder,
    };
    use std::time::Duration;

    fn recorder(metrics: SpanMetrics) -> TestRecorder {
        let builder = Telemetry::builder().sampler(Sampler::AlwaysOff);
        TestRecorder::of(builder.metrics(metrics))
    }

    /// The samples of some metrics, without buckets and sums.
    fn samples(recorder: &TestRecorder, names: &[&str]) -> Vec<String> {
        let text = recorder.render_metrics();
        let lines = text.lines().filter(|line| {
            !line.contains("_bucket") && names.iter().any(|name| line.starts_with(name))
        });
        let mut lines: Vec<_> = lines.map(str::to_owned).collect();
        lines.sort();
        lines
    }

    const FEDERATION: &[&str] = &["continuum_federation_"];
    const LOOK_UPS: &[&str] = &["continuum_cache_hits", "continuum_cache_misses"];

    #[test]
    fn conflicts_and_peers_are_counted_with_and_without_a_span() {
        let recorder = recorder(SpanMetrics::new());
        recorder.run(|| {
            record_conflict_resolution("concurrent_edit", "last_writer_wins");
            get_tracer("app").in_scope("sync", |_| {
                record_conflict_resolution("concurrent_edit", "last_writer_wins");
                record_peer_connection("node-2", true);
                record_peer_connection("node-3", true);
                record_peer_connection("node-2", false);
            });
        });
        assert_eq!(
            samples(&recorder, FEDERATION),
            [
                "continuum_federation_conflicts_total 2",
                "continuum_federation_peer_connections_total 2",
                "continuum_federation_peer_disconnections_total 1",
            ]
        );
    }

    #[test]
    fn a_look_up_is_counted_once_wherever_it_is_recorded() {
        let recorder = recorder(SpanMetrics::new());
        recorder.run(|| {
            record_cache_hit("k");
            get_tracer("app").in_scope("recall", |_| {
                record_cache_hit("k");
                record_cache_miss("k");
            });
            trace_cache_operation("GET", "k").in_scope(|_| record_cache_hit("k"));
        });
        assert_eq!(
            samples(&recorder, LOOK_UPS),
            [
                "continuum_cache_hits_total 3",
                "continuum_cache_misses_total 1"
            ]
        );
    }

    #[test]
    fn an_operation_that_was_measured_elsewhere_is_counted_like_the_others() {
        let recorder = recorder(SpanMetrics::new());
        recorder.run(|| {
            trace_recall("?").in_scope(|_| ());
            let took = Duration::from_millis(20);
            record_memory_operation("recall", took, true, None);
            record_memory_operation("compact", took, false, None);
        });
        let compact = "operation=\"compact\",success=\"false\"";
        let recall = "operation=\"recall\",success=\"true\"";
        let memory = [
            "continuum_memory_operations",
            "continuum_memory_operation_duration_seconds_count",
        ];
        assert_eq!(
            samples(&recorder, &memory),
            [
                format!("continuum_memory_operation_duration_seconds_count{{{compact}}} 1"),
                format!("continuum_memory_operation_duration_seconds_count{{{recall}}} 2"),
                format!("continuum_memory_operations_total{{{compact}}} 1"),
                format!("continuum_memory_operations_total{{{recall}}} 2"),
            ]
        );
        let text = recorder.render_metrics();
        let sum = "continuum_memory_operation_duration_seconds_sum";
        assert!(text.contains(&format!("{sum}{{{compact}}} 0.02")), "{text}");
    }

    #[test]
    fn a_level_is_what_it_was_set_to_last() {
        let recorder = recorder(SpanMetrics::new());
        recorder.run(|| {
            for peers in [3, 2] {
                update_peer_count(peers, None);
            }
            trace_connection_pool(10, 4, 2);
            record_cache_stats(CacheStats::default(), None);
            let (hits, misses) = (3, 1);
            let (evictions, used_memory_bytes) = (5, 4_096);
            let stats = CacheStats {
                hits,
                misses,
                evictions,
                used_memory_bytes,
            };
            record_cache_stats(stats, None);
        });
        let gauges = [
            "continuum_cache_evictions",
            "continuum_cache_hit_ratio",
            "continuum_cache_memory",
            "continuum_db_pool",
            "continuum_federation_active",
        ];
        assert_eq!(
            samples(&recorder, &gauges),
            [
                "continuum_cache_evictions 5.0",
                "continuum_cache_hit_ratio 0.75",
                "continuum_cache_memory_bytes 4096.0",
                "continuum_db_pool_active 4.0",
                "continuum_db_pool_idle 2.0",
                "continuum_db_pool_size 10.0",
                "continuum_federation_active_peers 2.0",
            ]
        );
    }

    fn hold(entities: u64, tenant_id: Option<&str>) {
        let stats = MemoryStats {
            total_entities: entities,
            ..MemoryStats::default()
        };
        update_memory_stats(stats, tenant_id);
    }

    const ENTITIES: &[&str] = &["continuum_memory_entities"];

    #[test]
    fn a_level_of_one_tenant_is_never_shown_as_that_of_another() {
        let apart = recorder(SpanMetrics::new().tenants(1));
        let together = recorder(SpanMetrics::new());
        let work = || {
            hold(9, None);
            hold(1, Some("acme"));
            hold(2, Some("late"));
        };
        apart.run(work);
        together.run(work);
        assert_eq!(
            samples(&apart, ENTITIES),
            [
                "continuum_memory_entities_total{tenant_id=\"\"} 9.0",
                "continuum_memory_entities_total{tenant_id=\"acme\"} 1.0"
            ]
        );
        let entities = ["continuum_memory_entities_total 9.0"];
        assert_eq!(samples(&together, ENTITIES), entities);
    }

    #[test]
    fn what_is_counted_is_told_apart_by_the_tenant_of_the_span() {
        let recorder = recorder(SpanMetrics::new().tenants(2));
        recorder.run(|| {
            let span = trace_sync_operation("push").tenant_id("acme");
            span.in_scope(|_| record_conflict_resolution("edit", "newest"));
            record_conflict_resolution("edit", "newest");
        });
        let conflicts = ["continuum_federation_conflicts"];
        assert_eq!(
            samples(&recorder, &conflicts),
            [
                "continuum_federation_conflicts_total{tenant_id=\"\"} 1",
                "continuum_federation_conflicts_total{tenant_id=\"acme\"} 1"
            ]
        );
    }

    #[test]
    fn what_must_not_be_traced_is_not_counted() {
        let recorder = recorder(SpanMetrics::new());
        recorder.run(|| {
            let _quiet = Context::current().with_telemetry_disabled().attach();
            record_conflict_resolution("edit", "newest");
            record_cache_hit("k");
            update_peer_count(3, None);
        });
        let none = [FEDERATION, LOOK_UPS].concat();
        assert_eq!(samples(&recorder, &none), [""; 0]);
    }
}
