//! `scimd webhook add`.

use crate::cli::arguments::{keyword, span};
use crate::cli::endpoint::{EndpointsAt, Start, headers};
use crate::cli::failure::Failure;
use crate::cli::management::{members, read_as};
use crate::cli::output::print_message;
use crate::delivery::{CONCURRENCY, DeliveryOrder, SignatureKind, TIMEOUT};
use crate::feed::Payload;
use clap::Args;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::io::Write;
use std::path::PathBuf;

/// Arguments of `scimd webhook add`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Add {
    /// Name of the webhook: lower-case letters, digits and hyphens
    name: String,
    /// URL of the receiver; https, or with --allow-private also http
    url: String,
    /// Only events of this tenant
    #[arg(long)]
    tenant: Option<String>,
    #[command(flatten)]
    start: Start,
    /// Signature algorithm of the events
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
    /// Content of an event [default: full]
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
    /// The given settings in the format of the management API.
    pub(super) fn body(&self) -> Result<Map<String, Value>, Failure> {
        Ok(members([
            ("types", self.types.clone().map(Value::from)),
            (
                "payload",
                self.payload.map(|payload| payload.as_str().into()),
            ),
            ("order", self.order.map(|order| order.as_str().into())),
            ("concurrency", self.concurrency.map(Value::from)),
            (
                "timeout",
                self.timeout.map(|seconds| format!("{seconds}s").into()),
            ),
            (
                "headers",
                self.header_file.as_deref().map(headers).transpose()?,
            ),
        ]))
    }
}

/// The part of the response that is shown only once.
#[derive(Deserialize)]
pub(super) struct Secret {
    pub(super) secret: String,
}

impl Add {
    pub(super) async fn run(
        &self,
        these: EndpointsAt<'_>,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let mut new = self.settings.body()?;
        new.extend(members([
            ("name", Some(self.name.as_str().into())),
            ("url", Some(self.url.as_str().into())),
            ("tenant", self.tenant.clone().map(Value::from)),
            ("from", Some(self.start.from.as_str().into())),
            ("signature", Some(self.signature.as_str().into())),
            ("allowPrivate", Some(self.allow_private.into())),
        ]));
        let made = these.act(&[], Some(new.into())).await?;
        print_message(match self.signature {
            SignatureKind::Hmac => "The secret of its signatures is shown only now:",
            SignatureKind::Ed25519 => "The public key of its signatures:",
        });
        let Secret { secret } = read_as(made)?;
        writeln!(out, "{secret}")?;
        Ok(())
    }
}
