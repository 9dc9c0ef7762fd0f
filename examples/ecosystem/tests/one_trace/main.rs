//! One request through five libraries and four servers is one trace.
//!
//! `PostgreSQL` and Redis come from the machine; `cargo xtask test` brings them.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod server;

use continuum_ecosystem::{payment, shop::Shop, stock, subscriber};
use continuum_observability::{
    Baggage, Context, FutureExt as _, InMemoryExporter, SpanRecord, Telemetry,
    interop::tracing::SpanExt as _,
    lint::{Finding, Linter},
    testing::tree_of,
};
use server::Servers;
use sqlx::Executor as _;
use std::{net::SocketAddr, time::Duration};
use tracing::Instrument as _;

#[tokio::test]
#[ignore = "needs PostgreSQL and Redis; `cargo xtask test` brings them"]
async fn a_request_through_all_libraries_is_one_tree() {
    let spans = InMemoryExporter::new(1_000);
    let exporter = spans.clone();
    let builder = Telemetry::builder()
        .baggage_attributes(["tenant.id"])
        .exporter_with("memory", move || Box::new(exporter.clone()));
    let telemetry = builder.init().unwrap();
    let servers = Servers::start().unwrap();
    let shop = open_shop(&servers).await.unwrap();
    // Only now, so that nothing of the opening is in the tree.
    tracing::subscriber::set_global_default(subscriber()).unwrap();

    let seen = async |path: &str| {
        let status = ask(shop, path).with_context(of_tenant()).await;
        telemetry.force_flush(Duration::from_secs(30)).unwrap();
        let spans = spans.take();
        assert_one_trace(&spans);
        assert_kept(&spans);
        (status, steady(&tree_of(&spans)))
    };
    let (status, first) = seen("/orders/7?token=secret").await;
    assert_eq!((status, first.as_str()), (200, FIRST));
    let (status, cached) = seen("/orders/7").await;
    assert_eq!((status, cached.as_str()), (200, CACHED));
    let (status, unknown) = seen("/orders/8").await;
    assert_eq!((status, unknown.as_str()), (500, UNKNOWN));
}

const FIRST: &str = "\
customer tenant.id=acme
  GET /orders/{id} [server] http.request.method=GET url.path=/orders/7 url.query=token=REDACTED \
network.protocol.version=1.1 tenant.id=acme http.route=/orders/{id} http.response.status_code=200
    order order.id=7 tenant.id=acme
      cache.get [client] OK cache.operation=GET cache.key_pattern=order:* cache.key=order:7 \
db.system.name=redis tenant.id=acme cache.hit=false
        · cache.miss key=order:7
      db.select [client] db.response.affected_rows=1 db.response.returned_rows=1 \
db.system.name=postgresql db.operation.name=SELECT db.query.text=SELECT item FROM orders WHERE id = $1 \
tenant.id=acme
      GET [client] http.request.method=GET url.scheme=http server.address=127.0.0.1 \
user_agent.original= tenant.id=acme http.response.status_code=200
        GET /stock/{item} [server] http.request.method=GET url.path=/stock/lamp \
network.protocol.version=1.1 tenant.id=acme http.route=/stock/{item} http.response.status_code=200
          db.select.shelf [client] OK db.system.name=sqlite db.operation.name=SELECT \
db.collection.name=shelf tenant.id=acme db.query.text=SELECT count FROM shelf WHERE item = ?1 db.response.returned_rows=1
      grpc.health.v1.Health/Check [client] rpc.system=grpc tenant.id=acme
        grpc.health.v1.Health/Check [server] rpc.system=grpc rpc.service=grpc.health.v1.Health \
rpc.method=Check tenant.id=acme rpc.grpc.status_code=0
      cache.set [client] OK cache.operation=SET cache.key_pattern=order:* cache.key=order:7 \
db.system.name=redis tenant.id=acme
";

const CACHED: &str = "\
customer tenant.id=acme
  GET /orders/{id} [server] http.request.method=GET url.path=/orders/7 \
network.protocol.version=1.1 tenant.id=acme http.route=/orders/{id} http.response.status_code=200
    order order.id=7 tenant.id=acme
      cache.get [client] OK cache.operation=GET cache.key_pattern=order:* cache.key=order:7 \
db.system.name=redis tenant.id=acme cache.hit=true cache.value_size=12
        · cache.hit key=order:7
";

const UNKNOWN: &str = "\
customer tenant.id=acme
  GET /orders/{id} [server] ERROR(Status code: 500 Internal Server Error) \
http.request.method=GET url.path=/orders/8 network.protocol.version=1.1 tenant.id=acme http.route=/orders/{id} \
http.response.status_code=500
    · the order cannot be shown: no such order: no rows returned by a query that expected to \
return at least one row level=ERROR target=continuum_ecosystem::shop order.id=8
    · exception exception.message=Status code: 500 Internal Server Error level=ERROR \
target=tower_http::trace::on_failure message=response failed
    order ERROR(no such order) order.id=8 tenant.id=acme
      · exception exception.message=no such order level=ERROR target=continuum_ecosystem::shop
      cache.get [client] OK cache.operation=GET cache.key_pattern=order:* cache.key=order:8 \
db.system.name=redis tenant.id=acme cache.hit=false
        · cache.miss key=order:8
      db.select [client] db.response.affected_rows=0 db.response.returned_rows=0 \
db.system.name=postgresql db.operation.name=SELECT db.query.text=SELECT item FROM orders WHERE id = $1 \
tenant.id=acme
";

/// Starts all services, with one order in the database.
async fn open_shop(servers: &Servers) -> anyhow::Result<SocketAddr> {
    let orders = servers.database().await?;
    orders
        .execute("CREATE TABLE orders (id INTEGER, item TEXT)")
        .await?;
    orders
        .execute("INSERT INTO orders VALUES (7, 'lamp')")
        .await?;
    let (stock, payment) = (stock::start().await?, payment::start().await?);
    let shop = Shop::new(orders, servers.cache().await?, stock, payment)?;
    shop.start().await
}

/// Where it begins it is known whose data is asked for; the baggage tells all others, whose spans take it over.
fn of_tenant() -> Context {
    let mut baggage = Baggage::default();
    baggage.insert("tenant.id", "acme").unwrap();
    Context::root().with_baggage(baggage)
}

/// Sends a request from inside of a span of its own; gives the status of the answer.
async fn ask(shop: SocketAddr, path: &str) -> u16 {
    let span = tracing::info_span!("customer");
    let mut request = reqwest::Client::new()
        .get(format!("http://{shop}{path}"))
        .build()
        .unwrap();
    continuum_observability::propagation::inject_context(&span.context(), request.headers_mut());
    let answer = reqwest::Client::new().execute(request).instrument(span);
    answer.await.unwrap().status().as_u16()
}

fn assert_one_trace(spans: &[SpanRecord]) {
    let roots = spans
        .iter()
        .filter(|span| span.parent_span_id.is_none())
        .count();
    let same = spans.iter().all(|span| span.trace_id == spans[0].trace_id);
    assert!(roots == 1 && same, "{}", tree_of(spans));
}

/// Asserts that the spans keep to the tracing guide, whoever made them.
fn assert_kept(spans: &[SpanRecord]) {
    let findings = Linter::new().lint(spans);
    let lines: Vec<_> = findings.iter().map(Finding::to_string).collect();
    assert!(lines.is_empty(), "{}", lines.join("\n"));
}

/// The tree without what differs from run to run: the ports.
fn steady(tree: &str) -> String {
    let line = |line: &str| {
        let words = line
            .split(' ')
            .filter(|word| !word.starts_with("server.port="));
        words.collect::<Vec<_>>().join(" ")
    };
    tree.lines().map(|text| line(text) + "\n").collect()
}
