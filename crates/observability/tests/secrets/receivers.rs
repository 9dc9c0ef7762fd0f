//! Receivers on real sockets that keep the bytes of what they are sent, and accept everything.

use crate::Page;
use axum::{Router, body::Bytes};
use h2::{RecvStream, server::SendResponse};
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use std::{future::Future, io::Write as _, thread::Builder};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime,
};

/// Listens on a port of its own, which is returned, until the process ends.
fn serve<F: Future>(serve: impl FnOnce(TcpListener) -> F + Send + 'static) -> u16 {
    let mut runtime = runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let port = listener.local_addr().unwrap().port();
    let run = move || {
        runtime.block_on(serve(listener));
    };
    Builder::new().name("receiver".into()).spawn(run).unwrap();
    port
}

/// Keeps the bodies of HTTP requests.
pub(crate) fn http(page: Page) -> u16 {
    let keep = async move |body: Bytes| page.clone().write_all(&body).unwrap();
    serve(async |listener| {
        axum::serve(listener, Router::new().fallback(keep))
            .await
            .unwrap();
    })
}

/// Keeps the messages of gRPC calls.
pub(crate) fn grpc(page: Page) -> u16 {
    serve(async move |listener| {
        while let Ok((stream, _)) = listener.accept().await {
            connection(stream, &page).await;
        }
    })
}

async fn connection(stream: TcpStream, page: &Page) {
    let mut connection = h2::server::handshake(stream).await.unwrap();
    while let Some(call) = connection.accept().await {
        let (request, response) = call.unwrap();
        // The connection has to go on for the body to arrive.
        tokio::spawn(answer(request.into_body(), response, page.clone()));
    }
}

async fn answer(mut body: RecvStream, mut response: SendResponse<Bytes>, mut page: Page) {
    while let Some(part) = body.data().await {
        let part = part.unwrap();
        page.write_all(&part).unwrap();
        body.flow_control().release_capacity(part.len()).unwrap();
    }
    let head = Response::builder().header("content-type", "application/grpc");
    let mut out = response
        .send_response(head.body(()).unwrap(), false)
        .unwrap();
    let empty = Bytes::from_static(&[0; 5]);
    out.send_data(empty, false).unwrap();
    let status = (
        HeaderName::from_static("grpc-status"),
        HeaderValue::from_static("0"),
    );
    out.send_trailers(HeaderMap::from_iter([status])).unwrap();
}
