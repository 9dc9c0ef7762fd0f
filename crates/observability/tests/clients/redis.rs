//! Commands of `redis`.

use crate::server::Server;
use continuum_observability::{interop::redis_1::ConnectionLikeExt as _, testing::TestRecorder};
use redis::{AsyncCommands as _, RedisResult};

#[tokio::test]
#[ignore = "needs Redis; `cargo xtask test` brings it"]
async fn each_command_is_a_span_with_its_key_and_whether_there_was_a_value() {
    let server = Server::start("redis-server", &["--save", "", "--port"]);
    let client = redis::Client::open(format!("redis://{}", server.address)).unwrap();
    let connection = client.get_multiplexed_async_connection().await.unwrap();
    let recorder = TestRecorder::new();
    let work = async {
        let mut connection = connection.traced();
        let key = "search:5d41402abc4b2a76b9719d911017c592";
        let before: Option<String> = connection.get(key).await.unwrap();
        let () = connection.set(key, "answer").await.unwrap();
        let after: Option<String> = connection.get(key).await.unwrap();
        assert_eq!((before, after.as_deref()), (None, Some("answer")));
        let mut pipeline = redis::pipe();
        pipeline.incr("count", 1).incr("count", 2);
        let counts: Vec<i64> = pipeline.query_async(&mut connection).await.unwrap();
        assert_eq!(counts, [1, 3]);
        let wrong: RedisResult<i64> = connection.hget(key, "field").await;
        assert!(wrong.is_err());
        let mut several = redis::cmd("SPOP");
        let several: Vec<String> = several
            .arg("set")
            .arg(2)
            .query_async(&mut connection)
            .await
            .unwrap();
        assert!(several.is_empty());
        let command = redis::cmd("PING");
        let answer: String = command.query_async(&mut connection).await.unwrap();
        assert_eq!(answer, "PONG");
    };
    recorder.run_async(work).await;
    let known = "cache.key_pattern=search:* cache.key=search:<hash> db.system.name=redis";
    let tree = recorder.tree();
    let failed = tree
        .lines()
        .find(|line| line.starts_with("cache.hget"))
        .unwrap();
    assert!(
        failed.contains("ERROR(") && failed.contains("WRONGTYPE"),
        "{failed}"
    );
    let others: String = tree
        .split_inclusive('\n')
        .filter(|line| !line.contains("cache.hget") && !line.contains("exception"))
        .collect();
    assert_eq!(
        others,
        format!(
            "cache.get [client] OK cache.operation=GET {known} cache.hit=false\n  \
               · cache.miss key=search:<hash>\n\
             cache.set [client] OK cache.operation=SET {known}\n\
             cache.get [client] OK cache.operation=GET {known} cache.hit=true cache.value_size=6\n  \
               · cache.hit key=search:<hash>\n\
             cache.pipeline [client] OK cache.pipeline.command_count=2 db.system.name=redis\n\
             cache.spop [client] OK cache.operation=SPOP cache.key_pattern=* cache.key=set \
             db.system.name=redis cache.hit=false\n  · cache.miss key=set\n\
             cache.ping [client] OK cache.operation=PING db.system.name=redis\n"
        )
    );
}

#[tokio::test]
#[ignore = "needs Redis; `cargo xtask test` brings it"]
async fn a_pipeline_of_which_a_command_is_refused_fails_as_a_span_and_comes_back_as_it_was() {
    let server = Server::start("redis-server", &["--save", "", "--port"]);
    let client = redis::Client::open(format!("redis://{}", server.address)).unwrap();
    let mut bare = client.get_multiplexed_async_connection().await.unwrap();
    let mut traced = bare.clone().traced();
    let pipeline = |is_atomic: bool| {
        let mut pipeline = redis::pipe();
        pipeline.set("text", "answer").hget("text", "field");
        if is_atomic {
            pipeline.atomic();
        }
        pipeline
    };
    let recorder = TestRecorder::new();
    let work = async {
        for is_atomic in [false, true] {
            let pipeline = pipeline(is_atomic);
            let expected: RedisResult<redis::Value> = pipeline.query_async(&mut bare).await;
            let refused: RedisResult<redis::Value> = pipeline.query_async(&mut traced).await;
            assert_eq!(refused, expected);
            assert!(refused.is_err());
        }
    };
    recorder.run_async(work).await;
    let tree = recorder.tree();
    let spans: Vec<_> = tree
        .lines()
        .filter(|line| !line.contains("exception"))
        .collect();
    assert_eq!(spans.len(), 2);
    for span in spans {
        let fails =
            span.starts_with("cache.pipeline [client] ERROR(") && span.contains("WRONGTYPE");
        assert!(fails, "{tree}");
    }
}

#[tokio::test]
#[ignore = "needs Redis; `cargo xtask test` brings it"]
async fn a_refusal_that_quotes_arguments_is_recorded_without_them() {
    let server = Server::start("redis-server", &["--save", "", "--port"]);
    let client = redis::Client::open(format!("redis://{}", server.address)).unwrap();
    let mut traced = client
        .get_multiplexed_async_connection()
        .await
        .unwrap()
        .traced();
    let unknown = || {
        let mut command = redis::cmd("FT.SEARCH");
        command.arg("index").arg("hunter2").clone()
    };
    let recorder = TestRecorder::new();
    let work = async {
        let alone: RedisResult<redis::Value> = unknown().query_async(&mut traced).await;
        let among: RedisResult<redis::Value> = redis::pipe()
            .add_command(unknown())
            .query_async(&mut traced)
            .await;
        for refused in [alone, among] {
            assert!(refused.unwrap_err().to_string().contains("hunter2"));
        }
    };
    recorder.run_async(work).await;
    let spans = recorder.spans();
    for span in &spans {
        assert_eq!(span.status_message, "response error: ERR");
    }
    assert_eq!(spans.len(), 2);
    assert!(!format!("{spans:?}").contains("hunter2"), "{spans:?}");
}
