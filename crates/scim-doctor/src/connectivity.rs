//! The first request: if it fails, the URL or the token is wrong, and no check would say anything about the server.

use crate::response::{ScimResponse, printable};
use crate::target::{Credentials, Target, TargetError, causes};
use reqwest::{Method, Url};
use secrecy::ExposeSecret;

const PROBE: &str = "/Users?startIndex=1&count=2";
/// Usual base paths of SCIM servers, which are tried below the given URL.
const USUAL_PATHS: [&str; 4] = ["/scim/v2", "/v2", "/scim", "/api/scim/v2"];

/// Checks that a SCIM server responds at the base URL and accepts the token.
///
/// # Errors
///
/// The server cannot be reached, it refuses the token, it redirects, or what responds is not a SCIM server. A wrong
/// response of a SCIM server is not an error here: the checks report it.
pub async fn check_connectivity(target: &Target) -> Result<(), TargetError> {
    probe(target).await.map_err(TargetError)
}

async fn probe(target: &Target) -> Result<(), String> {
    let response = match target
        .request(
            Method::GET,
            &format!("{}{PROBE}", target.base()),
            None,
            Credentials::Token,
        )
        .await
    {
        Ok(response) => response,
        Err(error) => return Err(unreachable(target.url(), error)),
    };
    match response.status {
        200 if is_list(&response) => Ok(()),
        401 | 403 => Err(token_refused(target, &response).await),
        300..=399 => Err(format!(
            "{} redirects, and identity providers do not follow redirects: {}",
            target.base(),
            redirect_advice(&response)
        )),
        // A faulty SCIM server is tested, and its faults are reported.
        200 | 404 | 405 => match other_base(target).await {
            Some(base) => Err(format!(
                "no SCIM response at {}, but there is one at {base}; give that URL",
                target.base()
            )),
            None if response.body.is_some() => Ok(()),
            None => Err(not_scim(target, &response)),
        },
        _ if response.body.is_some() => Ok(()),
        _ => Err(not_scim(target, &response)),
    }
}

fn is_list(response: &ScimResponse) -> bool {
    response
        .body
        .as_ref()
        .is_some_and(|body| body["totalResults"].is_number())
}

fn not_scim(target: &Target, response: &ScimResponse) -> String {
    let page = if response.content_type.contains("html") {
        "an HTML page, not JSON"
    } else {
        "a body that is not JSON"
    };
    format!(
        "{} responds to {PROBE} with status {} and {page}; check that the URL ends with the base path of SCIM, \
         often /scim/v2, and that no proxy responds in place of the server",
        target.base(),
        response.status
    )
}

fn redirect_advice(response: &ScimResponse) -> String {
    match response
        .location
        .as_deref()
        .and_then(|location| location.split('?').next())
    {
        Some(location) => format!("the target is {location}; give that URL without /Users"),
        None => "give the URL of the target".to_owned(),
    }
}

async fn token_refused(target: &Target, response: &ScimResponse) -> String {
    let url = format!("{}{PROBE}", target.base());
    let bare = target
        .request(
            Method::GET,
            &url,
            None,
            Credentials::Header(target.token.expose_secret()),
        )
        .await;
    if bare.is_ok_and(|response| response.status == 200) {
        return "the server accepts the token only without the word Bearer (RFC 6750, section 2.1); Okta and Entra send \
                \"Bearer TOKEN\": correct the server"
            .to_owned();
    }
    let detail = response
        .body
        .as_ref()
        .and_then(|body| body["detail"].as_str())
        .unwrap_or_default();
    let detail = printable(detail).replace(target.token.expose_secret(), "(token)");
    let detail = if detail.is_empty() {
        String::new()
    } else {
        format!(" ({detail})")
    };
    format!(
        "the server refuses the token with status {}{detail}; it was sent as \"Authorization: Bearer TOKEN\": check that \
         it is complete, neither expired nor revoked, and issued by this server for this tenant",
        response.status
    )
}

/// A base URL close to the given one that responds as a SCIM server.
async fn other_base(target: &Target) -> Option<String> {
    let base = target.base();
    let shorter = ["/Users", "/Groups"]
        .iter()
        .filter_map(|end| base.strip_suffix(end))
        .map(str::to_owned);
    let longer = USUAL_PATHS.iter().map(|path| format!("{base}{path}"));
    for candidate in shorter.chain(longer) {
        let response = target
            .request(
                Method::GET,
                &format!("{candidate}{PROBE}"),
                None,
                Credentials::Token,
            )
            .await;
        if response.is_ok_and(|response| response.status == 200 && is_list(&response)) {
            return Some(candidate);
        }
    }
    None
}

fn unreachable(url: &Url, error: reqwest::Error) -> String {
    let host = url.host_str().unwrap_or_default();
    let (is_connect, is_timeout) = (error.is_connect(), error.is_timeout());
    let cause = causes(error);
    let lower = cause.to_lowercase();
    let remedy = if is_timeout {
        "no response in time: check address, port and firewall"
    } else if lower.contains("dns") || lower.contains("lookup") {
        "the host name does not resolve: check its spelling and its DNS record"
    } else if lower.contains("refused") {
        "nothing listens on that port: check the port, and that the server runs"
    } else if lower.contains("corrupt message") || lower.contains("invalidcontenttype") {
        "the port does not speak TLS: check the port, or give http:// for a test without TLS"
    } else if ["certificate", "tls", "handshake", "unknownissuer"]
        .iter()
        .any(|word| lower.contains(word))
    {
        "TLS failed: identity providers require a certificate for this host name, with its complete chain, from a \
         public authority; set SSL_CERT_FILE to the certificate of a private authority for this test"
    } else if is_connect {
        "no connection: check address, port and firewall"
    } else {
        "the connection ended without an HTTP response: check the port, and whether it is https:// or http://"
    };
    format!("{host} cannot be reached: {cause}; {remedy}")
}
