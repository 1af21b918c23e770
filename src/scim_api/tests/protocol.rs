//! Tests of HTTP/1.1 and HTTP/2, with and without TLS.

use super::*;
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use std::path::Path;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

#[tokio::test]
async fn http_1_0_and_pipelining_clients_are_served() {
    let server = Server::start().await;
    let old = server.say("GET /scim/v2/x HTTP/1.0\r\n\r\n").await;
    assert!(old.starts_with("HTTP/1.0 200"), "{old}");
    let both = server.say(request("GET", "1", "") + &get("2")).await;
    let (first, second) = (both.find("/1\"").unwrap(), both.find("/2\"").unwrap());
    assert!(
        first < second && both.matches("HTTP/1.1 200").count() == 2,
        "{both}"
    );
    let posts = request("POST", "read", "Content-Length: 3\r\n") + "{\n}" + &get("2");
    assert_eq!(server.say(posts).await.matches("HTTP/1.1 200").count(), 2);
}

#[tokio::test]
async fn a_head_is_a_get_without_its_body() {
    let server = Server::start().await;
    let fields = "Connection: close\r\n";
    let headers = |answer: &str| {
        let mut lines: Vec<String> = answer
            .split("\r\n\r\n")
            .next()
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect();
        lines.retain(|line| !line.starts_with("date") && !line.starts_with("x-request-id"));
        lines
    };
    for path in ["head", "big", "none", "unmodified", "refuse"] {
        let [head, get] = ["HEAD", "GET"].map(|method| request(method, path, fields));
        let (head, get) = (server.say(head).await, server.say(get).await);
        assert!(head.ends_with("\r\n\r\n"), "{head}");
        if path != "head" {
            assert_eq!(headers(&head), headers(&get), "{path}");
        }
    }
}

#[tokio::test]
async fn answers_without_a_body_declare_none() {
    let server = Server::start().await;
    for path in ["none", "unmodified"] {
        let answer = server.say(get(path)).await;
        assert!(answer.ends_with("\r\n\r\n"), "{answer}");
        assert!(!answer.contains("content-length"), "{answer}");
        assert!(!answer.contains("\r\ncontent-type"), "{answer}");
    }
}

#[tokio::test]
async fn every_answer_names_its_request() {
    let server = Server::start().await;
    let named = server
        .say(request(
            "GET",
            "x",
            "X-Request-Id: mine-1\r\nConnection: close\r\n",
        ))
        .await;
    assert!(named.contains("x-request-id: mine-1\r\n"), "{named}");
    for path in ["x", "refuse", "panic", "%zz"] {
        let answer = server.say(get(path)).await;
        assert!(answer.contains("x-request-id: 0"), "{answer}");
        assert!(
            answer.contains("x-content-type-options: nosniff\r\n"),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn a_panic_is_a_500_and_a_long_wait_a_503() {
    let server = Server::start().await;
    for method in ["GET", "PUT"] {
        let answer = server
            .say(request(method, "panic", "Connection: close\r\n"))
            .await;
        assert_eq!(status(&answer), 500);
        assert!(!answer.contains("told"), "{answer}");
        let answer = server
            .say(request(method, "endless", "Connection: close\r\n"))
            .await;
        assert_eq!(status(&answer), 503);
        assert!(answer.contains("retry-after: 5\r\n"), "{answer}");
    }
}

#[tokio::test]
async fn large_responses_are_compressed_if_accepted() {
    let server = Server::start().await;
    let ask = |path, accepted: &str| {
        request(
            "GET",
            path,
            &format!("Connection: close\r\nAccept-Encoding: {accepted}\r\n"),
        )
    };
    let compressed = server.say(ask("big", "gzip,deflate")).await;
    assert!(
        compressed.contains("content-encoding: gzip\r\n") && compressed.len() < 5000,
        "{}",
        compressed.len()
    );
    assert!(compressed.contains("vary: accept-encoding\r\n"));
    let head = server
        .say(ask("big", "gzip").replacen("GET", "HEAD", 1))
        .await;
    assert!(
        head.contains("content-encoding: gzip\r\n") && !head.contains("content-length"),
        "{head}"
    );
    for (path, accepted) in [
        ("x", "gzip"),
        ("big", "br"),
        ("big", "identity;q=0, *;q=0"),
        ("big", "gzip;q=0"),
    ] {
        let plain = server.say(ask(path, accepted)).await;
        assert_eq!(status(&plain), 200);
        assert!(!plain.contains("content-encoding"), "{accepted}");
    }
}

#[tokio::test]
async fn http2_is_supported() {
    let server = Server::start().await;
    let client = reqwest::Client::builder()
        .http2_prior_knowledge()
        .build()
        .unwrap();
    let url = format!("http://{}/scim/v2/", server.address);
    let found = client.get(format!("{url}x")).send().await.unwrap();
    assert_eq!(
        (found.status().as_u16(), found.version()),
        (200, reqwest::Version::HTTP_2)
    );
    let head = client.head(format!("{url}big")).send().await.unwrap();
    assert_eq!(head.headers().get("content-length").unwrap(), "100002");
    assert_eq!(
        client
            .post(format!("{url}read"))
            .body("{}")
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    assert_eq!(
        client
            .post(format!("{url}read"))
            .body("x".repeat(5000))
            .send()
            .await
            .unwrap()
            .status(),
        413
    );
    assert_eq!(
        client
            .get(format!("{url}x"))
            .header("host", "other")
            .send()
            .await
            .unwrap()
            .status(),
        400
    );
    assert_eq!(
        client
            .get(format!("{url}{}", "a".repeat(20_000)))
            .send()
            .await
            .unwrap()
            .status(),
        414
    );
    let large = client
        .get(format!("{url}x"))
        .header("a", "b".repeat(40_000))
        .send()
        .await
        .unwrap();
    assert_eq!(large.status(), 431);
}

fn with_tls() -> ServerSettings {
    let file = |name| {
        Some(
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("src/scim_api/tests")
                .join(name),
        )
    };
    ServerSettings {
        tls_certificate: file("test_certificate.pem"),
        tls_key: file("test_key.pem"),
        ..short()
    }
}

async fn handshake(
    server: &Server,
    version: &'static SupportedProtocolVersion,
    alpn: &[u8],
) -> TlsStream<TcpStream> {
    handshake_with(server, "test_certificate.pem", version, alpn)
        .await
        .unwrap()
}

/// A handshake that trusts one certificate.
async fn handshake_with(
    server: &Server,
    certificate: &str,
    version: &'static SupportedProtocolVersion,
    alpn: &[u8],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/scim_api/tests")
        .join(certificate);
    roots
        .add(CertificateDer::from_pem_file(file).unwrap())
        .unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_protocol_versions(&[version]).unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![alpn.to_vec()];
    let connector = TlsConnector::from(Arc::new(config));
    connector
        .connect("localhost".try_into().unwrap(), server.connect().await)
        .await
}

#[tokio::test]
async fn a_certificate_is_reloaded() {
    let server = Server::with(HttpSettings::default(), with_tls()).await;
    let trusts = async |certificate: &str| {
        handshake_with(&server, certificate, &rustls::version::TLS13, b"h2")
            .await
            .is_ok()
    };
    let (old, new) = ("test_certificate.pem", "other_certificate.pem");
    assert_eq!((trusts(old).await, trusts(new).await), (true, false));
    let file = |name| {
        Some(
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("src/scim_api/tests")
                .join(name),
        )
    };
    let renewed = ServerSettings {
        tls_certificate: file(new),
        tls_key: file("other_key.pem"),
        ..with_tls()
    };
    server.app.renew(&HttpSettings::default(), renewed.clone());
    let began = std::time::Instant::now();
    while !trusts(new).await {
        assert!(began.elapsed() < Duration::from_secs(5));
    }
    assert!(!trusts(old).await);
    // Invalid settings change nothing.
    server.app.renew(
        &HttpSettings::default(),
        ServerSettings {
            tls_key: file("test_key.pem"),
            ..renewed
        },
    );
    sleep(Duration::from_millis(50)).await;
    assert!(trusts(new).await);
}

#[tokio::test]
async fn tls_is_supported() {
    let server = Server::with(HttpSettings::default(), with_tls()).await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let stream = handshake(&server, version, b"h2").await;
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let mut stream = handshake(&server, version, b"http/1.1").await;
        stream.write_all(get("x").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert_eq!(status(&answer), 200, "{answer}");
    }
    assert_eq!(
        rest(&mut server.connect().await).await,
        "",
        "a handshake that never begins"
    );
}

#[tokio::test]
async fn tls_needs_both_of_its_files() {
    let settings = with_tls();
    settings.check_tls().unwrap();
    let missing = ServerSettings {
        tls_key: None,
        ..settings.clone()
    };
    assert!(
        missing
            .check_tls()
            .unwrap_err()
            .to_string()
            .contains("tls_key")
    );
    let absent = ServerSettings {
        tls_key: Some("/no/such/file".into()),
        ..settings.clone()
    };
    assert!(
        absent
            .check_tls()
            .unwrap_err()
            .to_string()
            .contains("/no/such/file")
    );
    let swapped = ServerSettings {
        tls_key: settings.tls_certificate.clone(),
        ..settings
    };
    assert!(
        swapped
            .check_tls()
            .unwrap_err()
            .to_string()
            .contains("test_certificate.pem")
    );
}
