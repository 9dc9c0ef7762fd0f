//! An HTTP proxy on a real socket for one connection, which carries the bytes after `CONNECT`.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::mpsc::{Receiver, sync_channel},
    thread::Builder,
};

/// Answers with that line and, where it is 200, carries the bytes. What it was asked, line by line,
/// is there before the answer is.
pub(in super::super) fn proxy(answer: &'static str) -> (u16, Receiver<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, heads) = sync_channel(1);
    let serve = move || {
        let (client, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(client.try_clone().unwrap());
        let lines = reader.by_ref().lines().map(Result::unwrap);
        let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
        let to = head[0].split(' ').nth(1).unwrap().to_owned();
        tell.send(head).unwrap();
        let answer_head = format!("{answer}\r\nVia: x\r\n\r\n");
        (&client).write_all(answer_head.as_bytes()).unwrap();
        if answer.contains(" 200 ") {
            carry(&to, client, reader);
        }
    };
    Builder::new()
        .name("test-proxy".into())
        .spawn(serve)
        .unwrap();
    (port, heads)
}

fn carry(to: &str, client: TcpStream, mut from_client: BufReader<TcpStream>) {
    let server = TcpStream::connect(to).unwrap();
    let mut from_server = server.try_clone().unwrap();
    let back = move || {
        io::copy(&mut from_server, &mut &client).ok();
        client.shutdown(Shutdown::Both).ok();
    };
    Builder::new()
        .name("test-proxy-back".into())
        .spawn(back)
        .unwrap();
    io::copy(&mut from_client, &mut &server).ok();
    server.shutdown(Shutdown::Both).ok();
}
