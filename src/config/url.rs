//! URLs and paths in the configuration.

/// Valid input of [`public`], for messages.
pub(crate) const PUBLIC: &str =
    "an absolute URL without user, query and fragment, such as https://scim.example.com, or empty";
/// Valid input of [`base_path`], for messages.
pub(crate) const BASE_PATH: &str =
    "a path that begins with '/', of letters, digits, '/', '-', '.', '_' and '~', without a query";

/// Valid input of [`support`], for messages.
pub(crate) const SUPPORT: &str =
    "an e-mail address or a URL of at most 200 characters, such as support@example.com, or empty";

/// A value that can be empty, which means not set; `None` if it is neither empty nor valid.
pub(super) fn empty_or<T>(text: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<Option<T>> {
    if text.is_empty() {
        Some(None)
    } else {
        read(text).map(Some)
    }
}

/// A contact: an e-mail address, or a URL with `http`, `https` or `mailto`; `None` for other texts.
pub(crate) fn support(text: &str) -> Option<String> {
    let is_plain = text.len() <= 200
        && text
            .chars()
            .all(|c| c.is_ascii_graphic() && !"\"<>\\^`{|}".contains(c));
    let is_url = ["https://", "http://", "mailto:"]
        .into_iter()
        .any(|scheme| {
            let rest = text
                .split_at_checked(scheme.len())
                .filter(|(head, _)| head.eq_ignore_ascii_case(scheme));
            rest.is_some_and(|(_, rest)| !rest.is_empty())
        });
    let is_address = text.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !domain.contains(['@', '/', ':'])
    });
    (is_plain && (is_url || is_address)).then(|| text.to_owned())
}

/// A public URL without a slash at the end; `None` if the text is invalid.
pub(crate) fn public(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let (authority, path) = rest
        .split_once('/')
        .map_or((rest, ""), |(authority, path)| (authority, path));
    let path = path.trim_end_matches('/');
    let is_sound = ["http", "https"].contains(&scheme.as_str())
        && is_authority(authority)
        && path
            .chars()
            .all(|c| c.is_ascii_graphic() && !"?#\"<>\\^`{|}".contains(c));
    let slash = if path.is_empty() { "" } else { "/" };
    is_sound.then(|| format!("{scheme}://{}{slash}{path}", authority.to_ascii_lowercase()))
}

fn is_authority(authority: &str) -> bool {
    let (host, port) = match authority
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        Some((address, port)) if address.parse::<std::net::Ipv6Addr>().is_ok() => ("v6", port),
        Some(_) => return false,
        None => authority
            .find(':')
            .and_then(|colon| authority.split_at_checked(colon))
            .unwrap_or((authority, "")),
    };
    let is_host = !host.is_empty()
        && host
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
    is_host
        && (port.is_empty()
            || port
                .strip_prefix(':')
                .is_some_and(|port| port.parse::<u16>().is_ok()))
}

/// The host of a URL from [`public`].
pub(crate) fn host(url: &str) -> &str {
    let authority = url
        .split_once("://")
        .map_or(url, |(_, rest)| rest)
        .split('/')
        .next()
        .unwrap_or_default();
    match authority
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        Some((address, _)) => address,
        None => authority.split(':').next().unwrap_or_default(),
    }
}

/// A base path without a slash at the end; `None` if the text is invalid.
pub(crate) fn base_path(text: &str) -> Option<String> {
    let path = text.strip_prefix('/')?.trim_end_matches('/');
    let is_segment = |segment: &str| {
        !segment.is_empty()
            && ![".", ".."].contains(&segment)
            && segment
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-._~".contains(c))
    };
    let is_sound = path.is_empty() || path.split('/').all(is_segment);
    is_sound.then(|| {
        if path.is_empty() {
            String::new()
        } else {
            format!("/{path}")
        }
    })
}

/// The URL with the password replaced, wherever it occurs.
pub(crate) fn masked(url: &str) -> String {
    let url = masked_password(url).unwrap_or_else(|| url.to_owned());
    let (front, query) = url.split_once('?').unwrap_or((&url, ""));
    let mut shown = front.to_owned();
    for (i, pair) in query.split('&').filter(|pair| !pair.is_empty()).enumerate() {
        shown.push(if i == 0 { '?' } else { '&' });
        match pair.split_once('=') {
            Some((name, _)) if name.to_ascii_lowercase().contains("pass") => {
                shown.push_str(name);
                shown.push_str("=***");
            }
            _ => shown.push_str(pair),
        }
    }
    shown
}

fn masked_password(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    // The '@' before the query, unless the password itself contains a '?'.
    let end = rest
        .find('?')
        .filter(|end| rest.get(..*end).is_some_and(|front| front.contains('@')));
    let at = rest.get(..end.unwrap_or(rest.len()))?.rfind('@')?;
    let (user_info, place) = rest.split_at_checked(at)?;
    let (user, _) = user_info.split_once(':')?;
    Some(format!("{scheme}://{user}:***{place}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_urls() {
        for (text, url) in [
            ("https://scim.example.com", "https://scim.example.com"),
            (
                "HTTPS://SCIM.example.com:8443/Id/",
                "https://scim.example.com:8443/Id",
            ),
            ("http://[::1]:80", "http://[::1]:80"),
            ("http://under_score", "http://under_score"),
        ] {
            assert_eq!(public(text).as_deref(), Some(url));
        }
        for text in [
            "",
            "scim.example.com",
            "ftp://a",
            "https://",
            "https://a?b",
            "https://a/#b",
            "https://u:p@a",
        ] {
            assert_eq!(public(text), None, "{text}");
        }
        for text in [
            "https://a:99999",
            "https://a b",
            "https://[::z]",
            "https:///a",
            "https://a/b c",
            "https://[::1]x",
        ] {
            assert_eq!(public(text), None, "{text}");
        }
    }

    #[test]
    fn hosts() {
        for (url, expected) in [
            ("https://a.b:1/c", "a.b"),
            ("http://[::1]:80", "::1"),
            ("http://a", "a"),
        ] {
            assert_eq!(host(url), expected);
        }
    }

    #[test]
    fn base_paths() {
        for (text, path) in [
            ("/scim/v2", "/scim/v2"),
            ("/scim/v2/", "/scim/v2"),
            ("/", ""),
            ("/a.b~c-d_e", "/a.b~c-d_e"),
        ] {
            assert_eq!(base_path(text).as_deref(), Some(path));
        }
        for text in [
            "", "scim", "/a?b", "/a//b", "/{a}", "/a/../b", "/ä", "/a b", "/*",
        ] {
            assert_eq!(base_path(text), None, "{text}");
        }
    }

    #[test]
    fn passwords_are_masked() {
        for (url, shown) in [
            ("postgres://u:secret@h:5432/d", "postgres://u:***@h:5432/d"),
            ("postgres://u:p@ss/word@h/d", "postgres://u:***@h/d"),
            ("postgres://u:p?x@h/d", "postgres://u:***@h/d"),
            (
                "postgres://u:p@h/d?application_name=a@b",
                "postgres://u:***@h/d?application_name=a@b",
            ),
            ("postgres://u@h/d", "postgres://u@h/d"),
            (
                "postgres:///d?host=/run&user=u&password=x&sslpassword=y",
                "postgres:///d?host=/run&user=u&password=***&sslpassword=***",
            ),
        ] {
            assert_eq!(masked(url), shown);
        }
    }
}
