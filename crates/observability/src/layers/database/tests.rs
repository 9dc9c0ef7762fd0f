//! Spans of queries and transactions, as trees.

use super::*;
use crate::{FutureExt as _, semconv::Conventions, testing::TestRecorder};
use std::{fmt::Write as _, time::Duration};

/// The tree of what `work` did, with the one duration in it replaced.
fn tree(work: impl FnOnce()) -> String {
    let recorder = TestRecorder::new();
    recorder.run(work);
    without_durations(&recorder.tree())
}

fn without_durations(tree: &str) -> String {
    let mut out = String::new();
    for line in tree.lines() {
        let words = line.split(' ').map(|word| match word.split_once('=') {
            Some(("duration_seconds", _)) => "duration_seconds=*",
            _ => word,
        });
        writeln!(out, "{}", words.collect::<Vec<_>>().join(" ")).unwrap();
    }
    out
}

#[test]
fn a_query_is_named_by_its_verb_and_table() {
    let rows = [
        ("select 1", None, None, "db.select"),
        (
            "  InSert INTO t VALUES (1)",
            None,
            Some("Turns"),
            "db.insert.turns",
        ),
        (
            "WITH x AS (SELECT 1) DELETE FROM t",
            Some("DELETE"),
            None,
            "db.delete",
        ),
        (
            "WITH x AS (SELECT 1) SELECT * FROM x",
            None,
            None,
            "db.select",
        ),
        ("secret", None, Some(""), "db.select"),
        ("", None, None, "db.select"),
    ];
    for (sql, operation, table, name) in rows {
        let mut query = trace_query(sql).capture_sql(false);
        if let Some(operation) = operation {
            query = query.operation(operation);
        }
        if let Some(table) = table {
            query = query.table(table);
        }
        let tree = tree(|| query.in_scope(|_| ()));
        assert!(tree.starts_with(&format!("{name} [client] ")), "{tree}");
        assert!(!tree.contains("query.text"), "{tree}");
    }
}

#[test]
fn the_system_decides_how_the_statement_is_read() {
    let text = |system: &str| {
        tree(|| {
            trace_query("SELECT \"a\" || 'b\\'")
                .system(system)
                .in_scope(|_| ());
        })
    };
    assert_eq!(
        text("sqlite"),
        "db.select [client] db.system.name=sqlite db.operation.name=SELECT \
         db.query.text=SELECT ? || ?\n"
    );
    assert_eq!(
        text("postgresql"),
        "db.select [client] db.system.name=postgresql db.operation.name=SELECT\n"
    );
}

#[test]
fn a_query_that_lasts_as_long_as_its_threshold_is_slow_in_every_form() {
    let query = || {
        trace_query("SELECT 1")
            .capture_sql(false)
            .slow_after(Duration::ZERO)
    };
    let slow = "  · slow_query duration_seconds=* threshold_seconds=0\n";
    let plain = format!("db.select [client] db.operation.name=SELECT\n{slow}");
    assert_eq!(tree(|| query().in_scope(|_| ())), plain);
    assert_eq!(tree(|| drop(query().start_as_current())), plain);
    assert_eq!(tree(|| drop(query().start())), plain);
    let ok = format!("db.select [client] OK db.operation.name=SELECT\n{slow}");
    assert_eq!(
        tree(|| query().run_sync(|_| Ok::<_, &str>(())).unwrap()),
        ok
    );
    let failed = tree(|| {
        query().run_sync(|_| Err::<(), _>("no")).unwrap_err();
    });
    assert_eq!(
        failed,
        "db.select [client] ERROR(no) db.operation.name=SELECT\n  · exception \
         exception.type=&str exception.message=no\n  · slow_query duration_seconds=* \
         threshold_seconds=0\n"
    );
}

#[tokio::test]
async fn a_cancelled_query_can_be_slow_too() {
    let recorder = TestRecorder::new();
    let query = trace_query("SELECT 1")
        .capture_sql(false)
        .slow_after(Duration::ZERO);
    let waiting = query.run(async |_| std::future::pending::<Result<(), &str>>().await);
    let waiting = waiting.with_context(recorder.context());
    assert!(tokio::time::timeout(Duration::ZERO, waiting).await.is_err());
    assert_eq!(
        without_durations(&recorder.tree()),
        "db.select [client] db.operation.name=SELECT\n  · cancelled\n  · slow_query \
         duration_seconds=* threshold_seconds=0\n"
    );
}

#[test]
fn a_query_below_its_threshold_is_not_slow() {
    let tree = tree(|| {
        trace_query("SELECT 1")
            .slow_after(Duration::MAX)
            .in_scope(|_| ());
    });
    assert_eq!(
        tree,
        "db.select [client] db.operation.name=SELECT db.query.text=SELECT ?\n"
    );
}

#[test]
fn the_threshold_of_one_span_does_not_pass_to_the_next() {
    let tree = tree(|| {
        trace_query("").slow_after(Duration::ZERO).in_scope(|_| ());
        crate::get_tracer("t").in_scope("next", |_| ());
    });
    assert!(tree.ends_with("next\n"), "{tree}");
    assert_eq!(tree.matches("slow_query").count(), 1);
}

#[test]
fn a_transaction_says_whether_it_was_committed() {
    let tree = tree(|| {
        trace_transaction()
            .system("sqlite")
            .run_sync(|_| Ok::<_, &str>(()))
            .unwrap();
        trace_transaction()
            .run_sync(|_| Err::<(), _>("full"))
            .unwrap_err();
        trace_transaction().in_scope(|span| span.transaction_committed(true));
        drop(trace_transaction().start_as_current());
    });
    assert_eq!(
        tree,
        "db.transaction [client] OK db.system.name=sqlite db.transaction.committed=true\n\
         db.transaction [client] ERROR(full) db.transaction.committed=false\n  · exception \
         exception.type=&str exception.message=full\n\
         db.transaction [client] db.transaction.committed=true\n\
         db.transaction [client]\n"
    );
}

#[tokio::test]
async fn a_transaction_of_async_code_says_it_too() {
    let recorder = TestRecorder::new();
    let work = async {
        trace_transaction()
            .run(async |_| Ok::<_, &str>(()))
            .await
            .unwrap();
        trace_transaction()
            .run_future(async { Err::<(), _>("full") })
            .await
            .unwrap_err();
    };
    recorder.run_async(work).await;
    let tree = recorder.tree();
    assert!(
        tree.contains("OK db.transaction.committed=true\n"),
        "{tree}"
    );
    assert!(
        tree.contains("ERROR(full) db.transaction.committed=false\n"),
        "{tree}"
    );
}

#[test]
fn an_error_that_the_work_has_set_is_kept() {
    let tree = tree(|| {
        let work = |span: &SpanRef| {
            span.set_status(crate::Status::error("half done"));
            Ok::<_, &str>(())
        };
        trace_query("").run_sync(work).unwrap();
    });
    assert_eq!(
        tree,
        "db.select [client] ERROR(half done) db.operation.name=SELECT\n"
    );
}

#[test]
fn row_count_and_scrubbed_plan_are_recorded_on_the_current_span() {
    let tree = tree(|| {
        trace_query("").in_scope(|_| {
            enrich_span_with_row_count(2);
            enrich_span_with_query_plan("SEARCH users USING INDEX by_name (name='ann')");
            enrich_span_with_query_plan("Filter: (name = 'cut");
        });
    });
    assert_eq!(
        tree,
        "db.select [client] db.operation.name=SELECT db.response.returned_rows=2 \
         db.query_plan=SEARCH users USING INDEX by_name (name=?)\n"
    );
}

#[test]
fn former_names_are_used_where_asked_for() {
    let recorder = TestRecorder::with_conventions(Conventions::Legacy);
    recorder.run(|| {
        let query = trace_query("SELECT 7")
            .table("t")
            .system("sqlite")
            .tenant_id("acme");
        query.in_scope(|span| span.row_count(1));
    });
    assert_eq!(
        recorder.tree(),
        "db.select.t [client] db.system=sqlite tenant.id=acme db.operation=SELECT \
         db.sql.table=t db.statement=SELECT ? db.row_count=1\n"
    );
}
