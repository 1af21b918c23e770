//! The first contact: if it does not succeed, the address or the token is wrong, not the server.

use super::answer::{Answer, printable};
use super::patient::{Badge, Patient, causes};
use reqwest::{Method, Url};
use secrecy::ExposeSecret;

const PROBE: &str = "/Users?startIndex=1&count=2";
/// Where the endpoints of SCIM servers are found, below what was given.
const USUAL_PATHS: [&str; 4] = ["/scim/v2", "/v2", "/scim", "/api/scim/v2"];

/// Whether a SCIM server answers there and takes the token; else what to do.
pub async fn reach(patient: &Patient) -> Result<(), String> {
    let answer = match patient
        .ask(
            Method::GET,
            &format!("{}{PROBE}", patient.base()),
            None,
            Badge::Own,
        )
        .await
    {
        Ok(answer) => answer,
        Err(error) => return Err(unreachable(patient.url(), error)),
    };
    match answer.status {
        200 if is_list(&answer) => Ok(()),
        401 | 403 => Err(refused(patient, &answer).await),
        300..=399 => Err(format!(
            "{} redirects, and identity providers do not follow: {}",
            patient.base(),
            goal(&answer)
        )),
        // A server that is there but broken is examined: that is what this is for.
        200 | 404 | 405 => match other_base(patient).await {
            Some(base) => Err(format!(
                "no SCIM answer at {}, but there is one at {base}; give that URL",
                patient.base()
            )),
            None if answer.body.is_some() => Ok(()),
            None => Err(no_scim(patient, &answer)),
        },
        _ if answer.body.is_some() => Ok(()),
        _ => Err(no_scim(patient, &answer)),
    }
}

fn is_list(answer: &Answer) -> bool {
    answer
        .body
        .as_ref()
        .is_some_and(|body| body["totalResults"].is_number())
}

fn no_scim(patient: &Patient, answer: &Answer) -> String {
    let page = if answer.kind.contains("html") {
        "a page of HTML, not JSON"
    } else {
        "no JSON"
    };
    format!(
        "{} answers {PROBE} with status {} and {page}; check that the URL ends with the base path of SCIM, often \
         /scim/v2, and that no proxy answers in place of the server",
        patient.base(),
        answer.status
    )
}

fn goal(answer: &Answer) -> String {
    match answer
        .location
        .as_deref()
        .and_then(|location| location.split('?').next())
    {
        Some(location) => format!("it leads to {location}; give the URL there without /Users"),
        None => "give the URL that it leads to".to_owned(),
    }
}

async fn refused(patient: &Patient, answer: &Answer) -> String {
    let url = format!("{}{PROBE}", patient.base());
    let bare = patient
        .ask(
            Method::GET,
            &url,
            None,
            Badge::Other(patient.token.expose_secret()),
        )
        .await;
    if bare.is_ok_and(|answer| answer.status == 200) {
        return "the server takes the token only without the word Bearer in front, which is not HTTP's way; Okta and \
                Entra send \"Bearer TOKEN\": correct the server"
            .to_owned();
    }
    let detail = answer
        .body
        .as_ref()
        .and_then(|body| body["detail"].as_str())
        .unwrap_or_default();
    let detail = printable(detail).replace(patient.token.expose_secret(), "(token)");
    let said = if detail.is_empty() {
        String::new()
    } else {
        format!(" ({detail})")
    };
    format!(
        "the server refuses the token with status {}{said}; it was sent as \"Authorization: Bearer TOKEN\": check that \
         it is whole, not expired or revoked, and of this server and tenant",
        answer.status
    )
}

/// A base URL near the one given at which SCIM answers.
async fn other_base(patient: &Patient) -> Option<String> {
    let base = patient.base();
    let shorter = ["/Users", "/Groups"]
        .iter()
        .filter_map(|end| base.strip_suffix(end))
        .map(str::to_owned);
    let longer = USUAL_PATHS.iter().map(|path| format!("{base}{path}"));
    for candidate in shorter.chain(longer) {
        let answer = patient
            .ask(
                Method::GET,
                &format!("{candidate}{PROBE}"),
                None,
                Badge::Own,
            )
            .await;
        if answer.is_ok_and(|answer| answer.status == 200 && is_list(&answer)) {
            return Some(candidate);
        }
    }
    None
}

fn unreachable(url: &Url, error: reqwest::Error) -> String {
    let host = url.host_str().unwrap_or_default();
    let (connects, late) = (error.is_connect(), error.is_timeout());
    let told = causes(error);
    let lower = told.to_lowercase();
    let remedy = if late {
        "nothing answered in time: check address, port and firewall"
    } else if lower.contains("dns") || lower.contains("lookup") {
        "the name is not known: check its spelling and its DNS record"
    } else if lower.contains("refused") {
        "nothing listens there: check the port, and that the server runs"
    } else if lower.contains("corrupt message") || lower.contains("invalidcontenttype") {
        "the port does not speak TLS: check the port, or give http:// for a test without TLS"
    } else if ["certificate", "tls", "handshake", "unknownissuer"]
        .iter()
        .any(|word| lower.contains(word))
    {
        "TLS failed: identity providers ask for a certificate for this name, with its whole chain, of a public \
         authority; SSL_CERT_FILE names a private one for this test"
    } else if connects {
        "no connection: check address, port and firewall"
    } else {
        "the connection ended without an answer in HTTP: check the port, and whether it is https:// or http://"
    };
    format!("{host} cannot be reached: {told}; {remedy}")
}
