//! A server that is asked to stop while it is answering.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpStream},
    thread,
    time::Duration,
};

use continuum_cli::http::{Server, Service};
use continuum_memory::{ApiKeys, TenantId};
use tokio::{runtime::Runtime, sync::oneshot};

#[test]
fn a_request_under_way_is_answered_and_no_other_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let key = ApiKeys::open(dir.path())
        .unwrap()
        .create_key(&TenantId::new("acme").unwrap());
    let service = Service::open(dir.path()).unwrap();
    let runtime = Runtime::new().unwrap();
    let server = runtime
        .block_on(Server::bind((Ipv4Addr::LOCALHOST, 0).into(), service))
        .unwrap();
    let addr = server.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = runtime.spawn(server.run(async { stopped.await.unwrap() }));

    let body = r#"{"query": "boat"}"#;
    let mut under_way = TcpStream::connect(addr).unwrap();
    write!(
        under_way,
        "POST /v1/recall HTTP/1.1\r\nhost: x\r\nx-api-key: {}\r\n\
         content-type: application/json\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        key.unwrap(),
        body.len()
    )
    .unwrap();
    // The server asks for the body: it has taken the request.
    let mut go_on = [0; 25];
    under_way.read_exact(&mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");

    stop.send(()).unwrap();
    while TcpStream::connect(addr).is_ok() {
        thread::sleep(Duration::from_millis(1));
    }
    under_way.write_all(body.as_bytes()).unwrap();
    let mut answer = String::new();
    under_way.read_to_string(&mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200 OK") && answer.contains("no_memories"),
        "{answer}"
    );
    runtime.block_on(serving).unwrap().unwrap();
}
