//! `scimd webhook add`.

use crate::cli::arguments::{keyword, span};
use crate::cli::endpoint::start;
use crate::cli::failure::Failure;
use crate::cli::output::say;
use crate::delivery::{
    CONCURRENCY, DeliveryOrder, Endpoints, NewWebhook, SignatureKind, Start, TIMEOUT,
    WebhookSettings, read_headers,
};
use crate::feed::Payload;
use clap::Args;
use secrecy::ExposeSecret;
use std::io::Write;
use std::path::PathBuf;

/// Arguments of `scimd webhook add`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Add {
    /// Name of the webhook: lower-case letters, digits and hyphens
    name: String,
    /// Where events are sent; https, or with --allow-private also http
    url: String,
    /// Only events of this tenant
    #[arg(long)]
    tenant: Option<String>,
    /// Where it begins: now, start (the oldest event that is kept), or a cursor of the feed
    #[arg(long, value_name = "CURSOR", allow_hyphen_values = true, default_value = "now", value_parser = start)]
    from: Start,
    /// How events are signed
    #[arg(long, default_value = "hmac",
          value_parser = keyword(SignatureKind::KEYWORDS, SignatureKind::from_keyword))]
    signature: SignatureKind,
    #[command(flatten)]
    settings: Settings,
    /// Allows addresses of this machine and of private networks, and plain http to them
    #[arg(long)]
    allow_private: bool,
}

/// Settings that `scimd webhook add` and `scimd webhook set` share.
#[derive(Debug, Args)]
pub(super) struct Settings {
    /// Types of events, such as 'user.*,group.deleted' [default: all]
    #[arg(long)]
    types: Option<String>,
    /// How much of an event is sent [default: full]
    #[arg(long, value_parser = keyword(Payload::KEYWORDS, Payload::from_keyword))]
    payload: Option<Payload>,
    /// Order of events: sequential per resource, or per tenant [default: resource]
    #[arg(long, value_parser = keyword(DeliveryOrder::KEYWORDS, DeliveryOrder::from_keyword))]
    order: Option<DeliveryOrder>,
    /// File with headers to send, such as Authorization, one per line: Name: value
    #[arg(long, value_name = "FILE")]
    header_file: Option<PathBuf>,
    /// Maximum number of concurrent requests, 1 to 256 [default: 16]
    #[arg(long, value_name = "N", value_parser = concurrency)]
    concurrency: Option<usize>,
    /// Time limit of a response, 1s to 60s [default: 15s]
    #[arg(long, value_name = "SPAN", value_parser = timeout)]
    timeout: Option<u64>,
}

fn concurrency(text: &str) -> Result<usize, String> {
    let number = text.parse().ok();
    let number = number.filter(|number| CONCURRENCY.contains(number));
    number.ok_or_else(|| "must be a number from 1 to 256".to_owned())
}

fn timeout(text: &str) -> Result<u64, String> {
    let seconds = u64::try_from(span(text)?).ok();
    let seconds = seconds.filter(|seconds| TIMEOUT.contains(seconds));
    seconds.ok_or_else(|| "must be from 1s to 60s".to_owned())
}

impl Settings {
    /// The settings, with a URL and whether private addresses are allowed.
    pub(super) fn read(
        &self,
        url: Option<&str>,
        allows_private: Option<bool>,
    ) -> Result<WebhookSettings, Failure> {
        Ok(WebhookSettings {
            url: url.map(str::to_owned),
            types: self.types.clone(),
            payload: self.payload,
            order: self.order,
            concurrency: self.concurrency,
            timeout: self.timeout,
            allows_private,
            headers: self.header_file.as_ref().map(headers).transpose()?,
        })
    }
}

/// Reads a file of headers.
pub(in crate::cli) fn headers(file: &PathBuf) -> Result<Vec<(String, String)>, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::Failed(format!("{} cannot be read: {error}", file.display())))?;
    Ok(read_headers(&text)?)
}

impl Add {
    pub(super) async fn run(
        &self,
        endpoints: &Endpoints,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let settings = self
            .settings
            .read(Some(&self.url), Some(self.allow_private))?;
        let new = NewWebhook {
            name: self.name.clone(),
            tenant: self.tenant.clone(),
            start: self.from.clone(),
            signature: self.signature,
            settings,
        };
        let secret = endpoints.add_webhook(&new, None).await?.secret;
        say(match self.signature {
            SignatureKind::Hmac => "The secret of its signatures is shown only now:",
            SignatureKind::Ed25519 => "The public key of its signatures:",
        });
        writeln!(out, "{}", secret.expose_secret())?;
        Ok(())
    }
}
