//! Tests of the program's arguments and exit codes. The checks themselves are tested with the server scimd.

#![cfg(feature = "command")]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Output};

fn scim_doctor(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_scim-doctor"))
        .env_clear()
        .args(arguments)
        .output()
        .unwrap()
}

/// Asserts exit code 2, nothing on standard output, and a message.
fn assert_unusable(arguments: &[&str], message: &str) {
    let output = scim_doctor(arguments);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    assert!(errors.contains(message), "{arguments:?}: {errors}");
}

/// A file with a bearer token, deleted at the end.
struct TokenFile(std::path::PathBuf);

impl TokenFile {
    fn new(name: &str, content: &str) -> Self {
        let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&path, content).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn wrong_arguments_are_refused() {
    let base = "https://scim.example.com/scim/v2";
    let empty = TokenFile::new("empty", "\n");
    assert_unusable(&[base], "SCIMD_DOCTOR_TOKEN");
    assert_unusable(&[base, "--token-file", empty.path()], "no token");
    assert_unusable(&[base, "--token-file", "/no/such/file"], "cannot be opened");
    assert_unusable(
        &[base, "token", "--token-file", empty.path()],
        "--token-file",
    );
    assert_unusable(&["scim.example.com", "token"], "not a URL");
    assert_unusable(&[base, "token", "--members", "0"], "--members");
}

#[test]
fn a_port_without_a_server_is_reported() {
    let address = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    assert_unusable(
        &[&format!("http://{address}/scim/v2"), "token"],
        "nothing listens on that port",
    );
}

/// The server gets the token of the file, without the line break, and refuses it.
#[test]
fn the_token_of_a_file_is_sent() {
    let file = TokenFile::new("token", "Bearer token-of-the-file\n");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/scim/v2", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let mut requests = Vec::new();
        // The second request has the token without the word Bearer.
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut buffer = [0; 1024];
            while !request.ends_with(b"\r\n\r\n") {
                let count = stream.read(&mut buffer).unwrap();
                assert!(count > 0, "the request is incomplete");
                request.extend_from_slice(&buffer[..count]);
            }
            stream
                .write_all(
                    b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
                )
                .unwrap();
            requests.push(String::from_utf8(request).unwrap());
        }
        requests
    });
    assert_unusable(
        &[&base, "--token-file", file.path()],
        "refuses the token with status 401",
    );
    let requests = server.join().unwrap();
    assert!(
        requests[0].contains("authorization: Bearer token-of-the-file\r\n"),
        "{}",
        requests[0]
    );
    assert!(
        requests[1].contains("authorization: token-of-the-file\r\n"),
        "{}",
        requests[1]
    );
}
