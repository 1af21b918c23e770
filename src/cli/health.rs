//! `scimd health`.

use super::arguments::Globals;
use super::failure::Failure;
use crate::config::Environment;
use clap::Args;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

/// Arguments of `scimd health`.
#[derive(Debug, Args)]
pub(super) struct Health {
    /// http URL that answers 200 when all is well [default: /readyz where the configuration listens]
    url: Option<String>,
    /// Seconds to wait for the answer
    #[arg(long, value_name = "SECONDS", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=60))]
    timeout: u64,
}

/// What a plain HTTP URL says.
#[derive(Debug, PartialEq, Eq)]
struct Target<'a> {
    /// Host and port.
    authority: &'a str,
    /// Path and query.
    path: &'a str,
}

impl Health {
    pub(super) fn run(&self, globals: &Globals, environment: &Environment) -> Result<(), Failure> {
        let url = match &self.url {
            Some(url) => url.clone(),
            None => {
                let config = globals.config(environment, &[])?;
                format!("{}/readyz", config.local_url(config.server.listen))
            }
        };
        let target = target(&url).ok_or_else(|| {
            Failure::Misused(format!(
                "{url}: health speaks plain HTTP; give a URL such as http://127.0.0.1:8080/readyz"
            ))
        })?;
        let deadline = Instant::now() + Duration::from_secs(self.timeout);
        match status(&target, deadline) {
            Ok(200..=299) => Ok(()),
            Ok(status) => Err(Failure::Failed(format!("{url} answered {status}"))),
            Err(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock) => {
                Err(Failure::Failed(format!("{url} did not answer within {} s", self.timeout)))
            }
            Err(error) => Err(Failure::Failed(format!("{url} did not answer: {error}"))),
        }
    }
}

fn target(url: &str) -> Option<Target<'_>> {
    let rest = url.strip_prefix("http://")?;
    let (authority, path) = rest.find('/').and_then(|slash| rest.split_at_checked(slash)).unwrap_or((rest, "/"));
    let is_sound = !authority.is_empty() && url.chars().all(|c| c.is_ascii_graphic());
    is_sound.then_some(Target { authority, path })
}

/// The status of the answer.
fn status(target: &Target<'_>, deadline: Instant) -> io::Result<u16> {
    let mut stream = connect(target.authority, deadline)?;
    let Target { authority, path } = target;
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: scimd-health\r\nConnection: close\r\n\r\n");
    stream.set_write_timeout(Some(remaining(deadline)?))?;
    stream.write_all(request.as_bytes())?;
    let mut head = Vec::new();
    while !head.contains(&b'\n') && head.len() < 1024 {
        let mut part = [0; 256];
        stream.set_read_timeout(Some(remaining(deadline)?))?;
        match stream.read(&mut part)? {
            0 => break,
            count => head.extend_from_slice(part.get(..count).unwrap_or_default()),
        }
    }
    status_of(&String::from_utf8_lossy(&head)).ok_or_else(|| io::Error::other("the answer is not HTTP"))
}

/// The status within a line such as `HTTP/1.1 200 OK`.
fn status_of(head: &str) -> Option<u16> {
    let (version, rest) = head.split_once(' ')?;
    version.starts_with("HTTP/1.").then(|| rest.get(..3)?.parse().ok()).flatten()
}

/// Tries each address of the host.
fn connect(authority: &str, deadline: Instant) -> io::Result<TcpStream> {
    let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let place = if has_port { authority.to_owned() } else { format!("{authority}:80") };
    let mut last = io::Error::from(ErrorKind::AddrNotAvailable);
    for address in place.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, remaining(deadline)?) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn remaining(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn urls_and_statuses() {
        assert_eq!(target("http://a:1/b?c"), Some(Target { authority: "a:1", path: "/b?c" }));
        assert_eq!(target("http://[::1]"), Some(Target { authority: "[::1]", path: "/" }));
        for url in ["https://a/", "a:1", "http://", "http://a/ b"] {
            assert_eq!(target(url), None);
        }
        assert_eq!(status_of("HTTP/1.1 503 Service Unavailable\r\n"), Some(503));
        assert_eq!(status_of("SSH-2.0-OpenSSH"), None);
    }

    fn answering(answer: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/readyz", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 512];
            let _ = stream.read(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            let _ = stream.read(&mut request);
        });
        url
    }

    fn ask(url: &str) -> io::Result<u16> {
        status(&target(url).unwrap(), Instant::now() + Duration::from_millis(300))
    }

    #[test]
    fn asks_a_server() {
        assert_eq!(ask(&answering("HTTP/1.1 200 OK\r\n\r\n")).unwrap(), 200);
        assert_eq!(ask(&answering("HTTP/1.1 503 Gone\r\n\r\n")).unwrap(), 503);
        let silence = ask(&answering("HT")).unwrap_err().kind();
        assert!(matches!(silence, ErrorKind::TimedOut | ErrorKind::WouldBlock));
        assert_eq!(ask("http://127.0.0.1:1/").unwrap_err().kind(), ErrorKind::ConnectionRefused);
    }
}
