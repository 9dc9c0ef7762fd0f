//! Statements of `rusqlite`.

use continuum_observability::{interop::rusqlite_0_41::ConnectionExt as _, testing::TestRecorder};
use rusqlite::{Connection, OptionalExtension as _};

fn turns() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    let table = "CREATE TABLE turns (id INTEGER PRIMARY KEY, text TEXT UNIQUE)";
    connection.execute_batch(table).unwrap();
    connection
}

#[test]
fn each_statement_is_a_span_with_its_rows_and_without_literals() {
    let (mut connection, recorder) = (turns(), TestRecorder::new());
    let texts = recorder.run(|| {
        let transaction = connection.transaction().unwrap();
        let traced = transaction.traced();
        let insert = "INSERT INTO turns (text) VALUES ('secret'), (?1)";
        assert_eq!(traced.execute(insert, ["hello"]).unwrap(), 2);
        let select = "SELECT text FROM turns WHERE id < 10 ORDER BY id";
        let texts = traced.query_map(select, (), |row| row.get::<_, String>(0));
        transaction.commit().unwrap();
        texts.unwrap()
    });
    assert_eq!(texts, ["secret", "hello"]);
    assert_eq!(
        recorder.tree(),
        "db.insert.turns [client] OK db.system.name=sqlite db.operation.name=INSERT \
         db.collection.name=turns db.query.text=INSERT INTO turns (text) VALUES (?), (?1) \
         db.response.affected_rows=2\n\
         db.select.turns [client] OK db.system.name=sqlite db.operation.name=SELECT \
         db.collection.name=turns db.query.text=SELECT text FROM turns WHERE id < ? ORDER BY id \
         db.response.returned_rows=2\n"
    );
}

#[test]
fn no_row_is_an_answer_and_what_fails_is_recorded() {
    let (connection, recorder) = (turns(), TestRecorder::new());
    recorder.run(|| {
        let traced = connection.traced();
        let select = "SELECT text FROM turns WHERE id = ?1";
        let text = |row: &rusqlite::Row<'_>| row.get::<_, String>(0);
        let none = traced.query_row(select, [7], text).optional().unwrap();
        assert_eq!(none, None);
        let insert = "INSERT INTO turns (text) VALUES (?1)";
        traced.execute(insert, ["once"]).unwrap();
        traced.execute(insert, ["once"]).unwrap_err();
    });
    let [select, insert, again] = &recorder.spans()[..] else {
        panic!("three spans")
    };
    let rows = |span: &continuum_observability::SpanRecord| {
        let kinds = ["returned_rows", "affected_rows"].map(|kind| format!("db.response.{kind}"));
        kinds.iter().find_map(|kind| span.attribute(kind).cloned())
    };
    let int = |rows| Some(continuum_observability::AnyValue::Int(rows));
    assert_eq!(
        (rows(select), rows(insert), rows(again)),
        (int(0), int(1), None)
    );
    assert_eq!((select.events.len(), again.events.len()), (0, 1));
    let message = again.events[0]
        .attributes
        .iter()
        .find(|(key, _)| key == "exception.message");
    let text = "UNIQUE constraint failed: turns.text";
    assert_eq!(
        message.unwrap().1,
        continuum_observability::AnyValue::String(text.to_owned())
    );
}

#[test]
fn the_text_of_an_error_has_nothing_of_the_statement() {
    let (connection, recorder) = (turns(), TestRecorder::new());
    recorder.run(|| {
        let traced = connection.traced();
        let text = |row: &rusqlite::Row<'_>| row.get::<_, String>(0);
        let failed = "UPDATE turns SET nosuch = 'hunter2'";
        traced.execute(failed, ()).unwrap_err();
        let failed = "SELECT text FROM turns WHERE text = = 'hunter2'";
        traced.query_row(failed, (), text).unwrap_err();
        let failed = "SELECT text FROM turns 'hunter2' 'hunter2'";
        traced.query_map(failed, (), text).unwrap_err();
        let failed = "SELECT text FROM turns WHERE id = \"hunter2\" AND nosuch = 1";
        traced.query_map(failed, (), text).unwrap_err();
        connection
            .execute_batch("CREATE VIRTUAL TABLE words USING fts5(text)")
            .unwrap();
        let failed = "SELECT text FROM words WHERE words MATCH ?1";
        for question in ["hunter2:boat", "*hunter2", "hunter2 AND"] {
            traced.query_map(failed, [question], text).unwrap_err();
        }
        let failed = "SELECT 'hunter2' + 1 FROM turns UNION SELECT 1";
        traced.query_row(failed, (), text).unwrap_err();
    });
    let spans = recorder.spans();
    let status = |span: &continuum_observability::SpanRecord| span.status_message.clone();
    let said: Vec<_> = spans.iter().map(status).collect();
    let refused = "Error code 1: SQL logic error";
    let at = |offset| format!("{refused} at offset {offset}");
    // Where `SQLite` does not say, or a parameter is at fault.
    let without_place = refused.to_owned();
    assert_eq!(
        said,
        [
            without_place.clone(),
            at(36),
            at(33),
            at(48),
            without_place.clone(),
            without_place.clone(),
            without_place,
            "InvalidColumnType".to_owned(),
        ]
    );
    assert!(!format!("{spans:?}").contains("hunter2"), "{spans:?}");
}
