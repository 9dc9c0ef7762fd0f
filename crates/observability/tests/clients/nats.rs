//! Messages of `async-nats`: of subscriptions, as questions, and of streams.

use crate::server::Server;
use async_nats::{
    Client, HeaderMap, Message, RequestErrorKind,
    jetstream::{
        self, AckKind,
        consumer::{PullConsumer, pull},
        context::PublishErrorKind,
        stream::{Config, StorageType},
    },
};
use continuum_observability::{
    Context, FutureExt as _, get_baggage,
    interop::async_nats_0_51::{ClientExt as _, MessageExt as _, trace_batch},
    set_baggage,
    testing::TestRecorder,
};
use futures_util::StreamExt as _;

async fn serve() -> (Server, Client, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().display().to_string();
    let arguments = ["-js", "-sd", &store, "-a", "127.0.0.1", "-p"];
    let server = Server::start("nats-server", &arguments);
    let client = async_nats::connect(server.address.to_string()).await;
    (server, client.unwrap(), folder)
}

async fn process(message: &Message) {
    let span = message.traced();
    let span = span.process().template("turns.*.learned").tenant_id("acme");
    span.run(async |_| Ok::<_, &str>(())).await.unwrap();
}

#[tokio::test]
#[ignore = "needs NATS; `cargo xtask test` brings it"]
async fn a_message_is_processed_below_the_span_that_sent_it() {
    let (_server, client, _store) = serve().await;
    let recorder = TestRecorder::new();
    let work = async {
        let mut turns = client.subscribe("turns.*.learned").await.unwrap();
        let traced = client.traced().template("turns.*.learned");
        let sent = traced.publish("turns.7.learned", "secret".into());
        sent.await.unwrap();
        let too_long = vec![0; client.max_payload() + 1].into();
        client.traced().publish("a", too_long).await.unwrap_err();
        process(&turns.next().await.unwrap()).await;
        // Of somebody who sends no context.
        let sent = client.publish("turns.8.learned", "secret".into());
        sent.await.unwrap();
        process(&turns.next().await.unwrap()).await;
    };
    recorder.run_async(work).await;
    let tree = recorder.tree();
    let (failed, others): (Vec<_>, Vec<_>) = tree
        .lines()
        .partition(|line| line.contains("publish a ") || line.contains("exception"));
    assert!(failed[0].contains("ERROR("), "{tree}");
    assert!(failed[1].contains("max payload"), "{tree}");
    let processing = "messaging.operation.name=process messaging.operation.type=process";
    assert_eq!(
        others,
        [
            "publish turns.*.learned [producer] OK messaging.operation.name=publish \
             messaging.operation.type=send messaging.destination.name=turns.7.learned \
             messaging.system=nats messaging.destination.template=turns.*.learned"
                .to_owned(),
            format!(
                "  process turns.*.learned [consumer] OK {processing} \
                 messaging.destination.name=turns.7.learned messaging.system=nats \
                 messaging.destination.template=turns.*.learned tenant.id=acme"
            ),
            format!(
                "process turns.*.learned [consumer] OK {processing} \
                 messaging.destination.name=turns.8.learned messaging.system=nats \
                 messaging.destination.template=turns.*.learned tenant.id=acme"
            ),
        ]
    );
}

#[tokio::test]
#[ignore = "needs NATS; `cargo xtask test` brings it"]
async fn a_question_lasts_until_its_answer_and_an_inbox_is_no_part_of_a_name() {
    let (_server, client, _store) = serve().await;
    let recorder = TestRecorder::new();
    let work = async {
        let mut questions = client.subscribe("embed").await.unwrap();
        let answering = async {
            let question = questions.next().await.unwrap();
            let inbox = question.reply.clone().unwrap();
            let answer = async |_| client.traced().publish(inbox.clone(), "1".into()).await;
            question.traced().process().run(answer).await.unwrap();
            inbox
        };
        let asking = client.traced().request("embed", "secret".into());
        let (answer, inbox) = tokio::join!(asking, answering);
        assert_eq!(answer.unwrap().payload, "1");
        let nobody = client.traced().request("nobody", "secret".into()).await;
        assert_eq!(nobody.unwrap_err().kind(), RequestErrorKind::NoResponders);
        let gone = client
            .traced()
            .request("_INBOX.gone", "secret".into())
            .await;
        assert_eq!(gone.unwrap_err().kind(), RequestErrorKind::NoResponders);
        inbox
    };
    let inbox = Box::pin(recorder.run_async(work)).await;
    let tree = recorder.tree().replace(inbox.as_str(), "<inbox>");
    let lines: Vec<_> = tree.lines().collect();
    assert_eq!(
        lines[..3],
        [
            "request embed [client] OK messaging.operation.name=request \
             messaging.operation.type=send messaging.destination.name=embed messaging.system=nats",
            "  process embed [consumer] OK messaging.operation.name=process \
             messaging.operation.type=process messaging.destination.name=embed \
             messaging.system=nats",
            "    publish (temporary) [producer] OK messaging.operation.name=publish \
             messaging.operation.type=send messaging.destination.name=<inbox> \
             messaging.system=nats messaging.destination.temporary=true",
        ]
    );
    let failed = |line: &str, name: &str| line.starts_with(&format!("{name} [client] ERROR("));
    assert!(failed(lines[3], "request nobody"), "{tree}");
    assert!(failed(lines[5], "request (temporary)"), "{tree}");
    assert_eq!(lines.len(), 7, "{tree}");
}

async fn turns(jetstream: &jetstream::Context) -> PullConsumer {
    let stream = Config {
        name: "turns".to_owned(),
        subjects: vec!["turns.>".to_owned()],
        storage: StorageType::Memory,
        ..Config::default()
    };
    let stream = jetstream.create_stream(stream).await.unwrap();
    stream
        .create_consumer(pull::Config::default())
        .await
        .unwrap()
}

#[tokio::test]
#[ignore = "needs NATS; `cargo xtask test` brings it"]
async fn a_second_delivery_begins_a_trace_with_a_link_and_keeps_the_baggage() {
    let (_server, client, _store) = serve().await;
    let jetstream = jetstream::new(client);
    let mut messages = turns(&jetstream).await.messages().await.unwrap();
    let recorder = TestRecorder::new();
    let work = async {
        let sending = async {
            set_baggage("tenant_id", "acme");
            let mut headers = HeaderMap::new();
            headers.insert("Nats-Msg-Id", "m1");
            let traced = jetstream.traced();
            let sent = traced.publish_with_headers("turns.learned", headers, "secret".into());
            sent.await.unwrap().await.unwrap()
        };
        let acknowledged = sending.with_context(Context::current()).await;
        assert_eq!((acknowledged.sequence, get_baggage("tenant_id")), (1, None));
        let message = messages.next().await.unwrap().unwrap();
        let failing = async |_| Err::<(), _>(get_baggage("tenant_id").unwrap());
        let processed = message.traced().process().run(failing).await;
        assert_eq!(processed.unwrap_err(), "acme");
        message.ack_with(AckKind::Nak(None)).await.unwrap();
        let message = messages.next().await.unwrap().unwrap();
        let working = async |_| {
            assert_eq!(get_baggage("tenant_id").as_deref(), Some("acme"));
            message.double_ack().await
        };
        message.traced().process().run(working).await.unwrap();
    };
    recorder.run_async(work).await;
    let process = "messaging.operation.name=process messaging.operation.type=process \
                   messaging.destination.name=turns.learned messaging.system=nats \
                   messaging.message.id=m1";
    let tree = recorder.tree();
    let lines = tree.lines().filter(|line| !line.contains("exception"));
    assert_eq!(
        lines.collect::<Vec<_>>(),
        [
            "publish turns.learned [producer] OK messaging.operation.name=publish \
             messaging.operation.type=send messaging.destination.name=turns.learned \
             messaging.system=nats messaging.message.id=m1",
            &format!(
                "  process turns.learned [consumer] ERROR(acme) {process} \
                 messaging.message.attempt=1"
            ),
            &format!("process turns.learned [consumer] OK {process} messaging.message.attempt=2"),
            "  → publish turns.learned",
        ]
    );
}

#[tokio::test]
#[ignore = "needs NATS; `cargo xtask test` brings it"]
async fn a_batch_links_to_each_sender_and_a_missing_stream_fails_the_span() {
    let (_server, client, _store) = serve().await;
    let jetstream = jetstream::new(client);
    let mut messages = turns(&jetstream).await.messages().await.unwrap();
    let recorder = TestRecorder::new();
    let work = async {
        for subject in ["turns.learned", "turns.forgotten"] {
            let sent = jetstream.traced().publish(subject, "secret".into()).await;
            // Nobody waits for the acknowledgement.
            drop(sent.unwrap());
        }
        let sent = jetstream.traced().publish("nowhere", "secret".into()).await;
        let refused = sent.unwrap().await.unwrap_err();
        assert_eq!(refused.kind(), PublishErrorKind::StreamNotFound);
        let batch = [
            messages.next().await.unwrap().unwrap(),
            messages.next().await.unwrap().unwrap(),
        ];
        let span = trace_batch("turns.>", &batch);
        span.process().in_scope(|_| ());
    };
    recorder.run_async(work).await;
    let tree = recorder.tree();
    let lines = tree.lines().filter(|line| !line.contains("exception"));
    let publish = |subject, outcome| {
        format!(
            "publish {subject} [producer]{outcome} messaging.operation.name=publish \
             messaging.operation.type=send messaging.destination.name={subject} \
             messaging.system=nats"
        )
    };
    assert_eq!(
        lines.collect::<Vec<_>>(),
        [
            &publish("turns.learned", ""),
            &publish("turns.forgotten", ""),
            &publish("nowhere", " ERROR(no stream found for given subject)"),
            "process turns.> [consumer] messaging.operation.name=process \
             messaging.operation.type=process messaging.destination.name=turns.> \
             messaging.system=nats messaging.batch.message_count=2",
            "  → publish turns.learned",
            "  → publish turns.forgotten",
        ]
    );
}
