//! Errors of the URL of PostgreSQL that are detected without a connection. Messages do not contain parts of the URL
//! that can belong to the password.

use crate::nearest::nearest;
use std::path::Path;

/// Parameters that the driver supports.
const KNOWN: [&str; 22] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
    // Hosting providers add these to their URLs; they are compatible with the driver.
    "channel_binding",
    "connect_timeout",
    "target_session_attrs",
    "pgbouncer",
];
const FILES: [&str; 7] = [
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
];
const MODES: [&str; 6] = [
    "disable",
    "allow",
    "prefer",
    "require",
    "verify-ca",
    "verify-full",
];

/// Checks a URL that begins with `postgres://` or `postgresql://`.
///
/// # Errors
/// The requirement, as text after "must be".
pub(super) fn check(url: &str) -> Result<(), String> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    if rest.contains('#') {
        return Err("a URL without '#': in a password write it %23".to_owned());
    }
    let (front, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = front.split_once('/').unwrap_or((front, ""));
    if path.contains('@') {
        return Err(
            "a URL without '/' before its last '@': in a password write it %2F, and '@' %40"
                .to_owned(),
        );
    }
    // Names are repeated only where they cannot be the end of a password.
    let may_be_password = !authority.contains('@') && query.contains('@');
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .try_for_each(|pair| parameter(pair, may_be_password))
}

fn parameter(pair: &str, may_be_password: bool) -> Result<(), String> {
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    if !KNOWN.contains(&name)
        && !name.starts_with("options[")
        && (may_be_password || !name.contains('%'))
    {
        if may_be_password {
            return Err(
                "a URL without '?' before its last '@': in a password write it %3F, and '@' %40"
                    .to_owned(),
            );
        }
        let nearest =
            nearest(name, KNOWN.into_iter()).map(|known| format!("; did you mean {known}?"));
        return Err(format!(
            "a URL with known parameters; {name} is none{}",
            nearest.unwrap_or_default()
        ));
    }
    if ["sslmode", "ssl-mode"].contains(&name) && !MODES.contains(&value) {
        return Err(format!(
            "a URL whose sslmode is one of {}",
            MODES.join(", ")
        ));
    }
    // A value with escapes is left to the driver.
    if FILES.contains(&name) && !value.contains('%') {
        let readable = std::fs::File::open(Path::new(value));
        return readable
            .map(|_| ())
            .map_err(|error| format!("a URL whose {name} can be read: {value}: {error}"));
    }
    Ok(())
}

/// Whether the user or the password contains an unencoded `@`: then the last one is the separator.
pub(super) fn has_bare_at(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?'])
        .next()
        .is_some_and(|authority| authority.matches('@').count() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_urls() {
        for url in [
            "postgres://u:p%40%23@h:5432/d",
            "postgres://u:p@a:1,b:2/d?sslmode=verify-full&application_name=a@b",
            "postgresql:///d?host=/run&user=u&password=x@y",
            "postgres://u:p@ss@h/d",
            "postgres://u@h/d?options[jit]=off",
        ] {
            assert_eq!(check(url), Ok(()), "{url}");
        }
    }

    #[test]
    fn messages_do_not_repeat_the_password() {
        for (url, complaint) in [
            ("postgres://u:se#cret@h/d", "%23"),
            ("postgres://u:se/cret@h/d", "%2F"),
            ("postgres://u:s@e/cret@h/d", "%2F"),
            ("postgres://u:se?cret@h/d", "%3F"),
            (
                "postgres://u:p@h/d?sslmod=verify-full",
                "sslmod is none; did you mean sslmode?",
            ),
            ("postgres://u:p@h/d?sslmode=full", "one of disable"),
            (
                "postgres://u:p@h/d?sslrootcert=/none",
                "sslrootcert can be read: /none: No such file",
            ),
        ] {
            let said = check(url).unwrap_err();
            assert!(
                said.contains(complaint) && !said.contains("cret"),
                "{url}: {said}"
            );
        }
    }

    #[test]
    fn finds_a_bare_at() {
        assert!(has_bare_at("postgres://u:p@ss@h/d"));
        assert!(!has_bare_at("postgres://u:p@h/d?application_name=a@b"));
    }
}
