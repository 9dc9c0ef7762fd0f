//! Streams and sinks with a context of their own: it is current whenever they run, and only then.

use crate::executors::{on_every_executor, yield_now};
use continuum_observability::{
    Context, SinkExt as _, StreamExt as _, Tracer, get_baggage, get_span_id, get_tracer,
    set_baggage, testing::TestRecorder,
};
use futures_util::{Sink, SinkExt as _, StreamExt as _, sink, stream};
use std::{convert::Infallible, pin::pin};

fn tracer() -> Tracer {
    get_tracer("context_streams")
}

/// Numbers, each made in a span of its own, with a pause before each.
fn numbers(count: u32) -> impl stream::Stream<Item = u32> {
    stream::iter(0..count).then(async |number| {
        tracer().in_span("item", async |_| yield_now().await).await;
        number
    })
}

fn recording_sink() -> impl Sink<u32, Error = Infallible> {
    sink::unfold((), async |(), item: u32| {
        tracer()
            .in_span("write", async |span| span.set_attribute("item", item))
            .await;
        Ok(())
    })
}

on_every_executor! {
    async fn a_stream_makes_its_items_inside_its_span() {
        let recorder = TestRecorder::new();
        let items = {
            let span = recorder.run(|| tracer().start_span("numbers"));
            let mut items = pin!(numbers(2).in_span(span));
            let mut seen = Vec::new();
            while let Some(item) = items.next().await {
                assert_eq!(get_span_id(), None, "between two items");
                seen.push(item);
            }
            assert_eq!(recorder.tree(), "numbers\n  item\n  item\n", "the span ends with the stream");
            assert_eq!(items.next().await, None);
            seen
        };
        assert_eq!(items, [0, 1]);
        assert_eq!(recorder.spans().len(), 3);
    }

    async fn a_stream_that_is_dropped_early_is_cancelled() {
        let recorder = TestRecorder::new();
        {
            let span = recorder.run(|| tracer().start_span("numbers"));
            let mut items = pin!(numbers(5).in_span(span));
            assert_eq!(items.next().await, Some(0));
        }
        assert_eq!(recorder.tree(), "numbers\n  · cancelled\n  item\n");
    }

    async fn baggage_set_while_making_an_item_is_there_for_the_next() {
        let made = stream::iter(0..3).then(async |number: u32| {
            let before = get_baggage("last");
            set_baggage("last", &number.to_string());
            yield_now().await;
            before
        });
        let items: Vec<_> = made.with_context(Context::root()).collect().await;
        assert_eq!(items, [None, Some("0".to_owned()), Some("1".to_owned())]);
        assert_eq!(get_baggage("last"), None);
    }

    async fn a_stream_in_the_current_context_has_it_elsewhere() {
        let recorder = TestRecorder::new();
        let items = recorder.run(|| {
            tracer().in_scope("request", |_| numbers(1).in_current_context())
        });
        assert_eq!(items.count().await, 1);
        assert_eq!(recorder.tree(), "request\n  item\n");
    }

    async fn a_sink_takes_its_items_inside_its_span() {
        let recorder = TestRecorder::new();
        let span = recorder.run(|| tracer().start_span("sink"));
        let mut sink = pin!(recording_sink().in_span(span));
        sink.send(1).await.unwrap();
        assert_eq!(get_span_id(), None);
        sink.send(2).await.unwrap();
        sink.close().await.unwrap();
        assert_eq!(recorder.tree(), "sink\n  write item=1\n  write item=2\n");
    }
}
