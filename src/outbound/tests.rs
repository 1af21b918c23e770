//! Tests of the client with receivers on this machine, and with wrong resolvers.

use super::*;
use crate::sync::locked;
use std::collections::VecDeque;
use std::sync::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Serves each connection with a function, on a port of this machine.
async fn receiver<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

/// A receiver that responds to each request with this text.
async fn answering(text: &'static str) -> SocketAddr {
    receiver(move |mut stream| async move {
        let mut head = [0; 4096];
        while matches!(stream.read(&mut head).await, Ok(read) if read > 0) {
            if stream.write_all(text.as_bytes()).await.is_err() {
                return;
            }
        }
    })
    .await
}

/// A resolver with a list of addresses for each lookup, one after the other; the last one is repeated.
fn lookups(answers: &[&[&str]]) -> OutboundSettings {
    let answers: VecDeque<Vec<IpAddr>> = answers
        .iter()
        .map(|addresses| addresses.iter().map(|text| text.parse().unwrap()).collect())
        .collect();
    let answers = Mutex::new(answers);
    let lookup: Lookup = Arc::new(move |_| {
        let mut answers = locked(&answers);
        let next = if answers.len() > 1 {
            answers.pop_front()
        } else {
            answers.front().cloned()
        };
        Box::pin(async move { Ok(next.unwrap()) })
    });
    OutboundSettings {
        lookup: Some(lookup),
        ..OutboundSettings::default()
    }
}

async fn post(settings: &OutboundSettings, url: &str) -> Result<OutboundReply, CallError> {
    let target = Target::parse(url, true).unwrap();
    let call = OutboundCall {
        target: &target,
        headers: HeaderMap::new(),
        body: Bytes::from_static(b"{}"),
        timeout: Duration::from_secs(5),
    };
    Outbound::new(settings).unwrap().post(call).await
}

#[test]
fn urls_are_checked_by_their_text() {
    for (url, without, with) in [
        ("https://app.example.com/hooks?a=b", true, true),
        ("https://1.1.1.1/", true, true),
        ("https://[2606:4700::1111]/", true, true),
        ("http://app.example.com/", false, true),
        ("http://127.0.0.1:9/", false, true),
        ("https://localhost/", true, true),
        ("https://127.0.0.1/", false, true),
        ("https://2130706433/", false, true),
        ("https://0x7f000001/", false, true),
        ("https://0177.0.0.1/", false, true),
        ("https://127.1/", false, true),
        ("https://①②⑦.⓪.⓪.①/", false, true),
        ("https://10.0.0.1/", false, true),
        ("https://[::1]/", false, true),
        ("https://[::ffff:10.0.0.1]/", false, true),
        ("https://[fd00::1]/", false, true),
        ("http://1.1.1.1/", false, false),
        ("https://169.254.169.254/latest", false, false),
        ("http://169.254.169.254/latest", false, false),
        ("https://2852039166/", false, false),
        ("https://168.63.129.16/", false, false),
        ("https://[::ffff:169.254.169.254]/", false, false),
        ("https://[64:ff9b::a9fe:a9fe]/", false, false),
        ("https://[2002:a9fe:a9fe::]/", false, false),
        ("https://[fd00:ec2::254]/", false, false),
        ("https://[fe80::1]/", false, false),
        ("https://[::]/", false, false),
        ("https://0.0.0.0/", false, false),
        ("https://0/", false, false),
        ("https://255.255.255.255/", false, false),
        ("https://224.0.0.1/", false, false),
        ("https://user@app.example.com/", false, false),
        ("https://:secret@app.example.com/", false, false),
        ("https://app.example.com/#part", false, false),
        ("ftp://app.example.com/", false, false),
        ("file:///etc/passwd", false, false),
        ("gopher://127.0.0.1/", false, false),
        ("app.example.com", false, false),
        ("/hooks", false, false),
        ("", false, false),
    ] {
        assert_eq!(Target::parse(url, false).is_ok(), without, "{url}");
        assert_eq!(Target::parse(url, true).is_ok(), with, "{url}, private");
    }
}

#[tokio::test]
async fn a_name_is_checked_at_each_look_up() {
    let address = answering("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await;
    let url = format!("http://app.example.com:{}/", address.port());
    let settings = lookups(&[&["127.0.0.1"], &["169.254.169.254"], &["127.0.0.1"]]);
    let target = Target::parse(&url, true).unwrap();
    let outbound = Outbound::new(&settings).unwrap();
    let mut outcomes = Vec::new();
    for _ in 0..3 {
        let call = OutboundCall {
            target: &target,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            timeout: Duration::from_secs(5),
        };
        outcomes.push(outbound.post(call).await);
    }
    assert_eq!(outcomes[0].as_ref().unwrap().status, 204);
    assert_eq!(
        outcomes[1],
        Err(CallError::Refused(
            "app.example.com is not allowed: it resolves to 169.254.169.254, an address that is never allowed"
                .to_owned()
        ))
    );
    assert_eq!(outcomes[2].as_ref().unwrap().address, Some(address));
}

#[tokio::test]
async fn one_bad_address_refuses_all() {
    for (scheme, addresses) in [
        ("http", &["127.0.0.1", "169.254.169.254"][..]),
        ("http", &["127.0.0.1", "1.1.1.1"]),
        ("http", &["::ffff:169.254.169.254"]),
        ("https", &["127.0.0.1", "fe80::1"]),
        ("https", &["64:ff9b::169.254.169.254"]),
    ] {
        let outcome = post(
            &lookups(&[addresses]),
            &format!("{scheme}://app.example.com/"),
        )
        .await;
        assert!(
            matches!(outcome, Err(CallError::Refused(_))),
            "{addresses:?}: {outcome:?}"
        );
    }
    // Private addresses that are not allowed.
    let target = Target::parse("https://app.example.com/", false).unwrap();
    let call = OutboundCall {
        target: &target,
        headers: HeaderMap::new(),
        body: Bytes::new(),
        timeout: Duration::from_secs(5),
    };
    let outbound = Outbound::new(&lookups(&[&["1.1.1.1", "10.0.0.1"]])).unwrap();
    let outcome = outbound.post(call).await;
    assert!(matches!(outcome, Err(CallError::Refused(_))), "{outcome:?}");
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let address = answering(
        "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n",
    )
    .await;
    let reply = post(
        &OutboundSettings::default(),
        &format!("http://{address}/hooks"),
    )
    .await
    .unwrap();
    assert_eq!(
        (reply.status, reply.retry_after),
        (302, Some(Duration::from_secs(7)))
    );
}

#[tokio::test]
async fn the_beginning_of_an_endless_response_is_read() {
    let address = receiver(|mut stream| async move {
        let mut head = [0; 4096];
        let _ = stream.read(&mut head).await;
        let _ = stream
            .write_all(b"HTTP/1.1 500 Oh\r\ntransfer-encoding: chunked\r\n\r\n")
            .await;
        while stream.write_all(b"5\r\nabcde\r\n").await.is_ok() {}
    })
    .await;
    let reply = post(&OutboundSettings::default(), &format!("http://{address}/"))
        .await
        .unwrap();
    assert_eq!((reply.status, reply.text.len()), (500, KEPT));
    assert!(reply.text.starts_with("abcdeabcde"));
}

#[tokio::test]
async fn headers_have_a_limit() {
    let address = receiver(|mut stream| async move {
        let mut head = [0; 4096];
        let _ = stream.read(&mut head).await;
        let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n").await;
        let line = format!("x: {}\r\n", "y".repeat(1000));
        for _ in 0..10_000 {
            if stream.write_all(line.as_bytes()).await.is_err() {
                return;
            }
        }
        let _ = stream.write_all(b"\r\n").await;
    })
    .await;
    let outcome = post(&OutboundSettings::default(), &format!("http://{address}/")).await;
    assert!(
        matches!(outcome, Err(CallError::NoAnswer(_))),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn errors_do_not_contain_the_url() {
    let outcome = post(
        &OutboundSettings::default(),
        "http://127.0.0.1:1/hooks/secret?key=secret",
    )
    .await;
    let Err(CallError::NoAnswer(problem)) = outcome else {
        panic!("{outcome:?}");
    };
    assert!(!problem.contains("secret"), "{problem}");
    assert!(problem.contains("refused"), "{problem}");
}
