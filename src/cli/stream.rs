//! `scimd stream`.

use super::arguments::keyword;
use super::endpoint::{EndpointsAt, Start, change, failures, headers, list};
use super::failure::Failure;
use super::management::{Place, members};
use crate::delivery::{StreamMethod, StreamMode, TokenAlgorithm};
use crate::store::EndpointKind;
use clap::{ArgGroup, Args, Subcommand};
use serde_json::Value;
use std::io::Write;
use std::path::PathBuf;

/// Commands of `scimd stream`.
#[derive(Debug, Subcommand)]
pub(super) enum Stream {
    /// Creates a stream of security event tokens
    Add(Add),
    /// Lists streams with their progress
    List(list::List),
    /// Shows a stream
    Show(list::Show),
    /// Sends a verification event immediately, and shows the result
    Test(change::Test),
    /// Sends nothing to a stream until it is resumed
    Pause(change::Named),
    /// Resumes sending, where it stopped or from another position
    Resume(change::Resume),
    /// Deletes a stream with its pending tokens
    Remove(change::Remove),
    /// Sends tokens again from a position; later ones follow in order
    Replay(change::Replay),
    /// Lists failed tokens
    Failed(failures::Failed),
    /// Retries failed tokens
    Retry(failures::Retry),
    /// Shows attempts that failed
    Log(failures::Log),
}

/// Arguments of `scimd stream add`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("method").required(true))]
pub(super) struct Add {
    /// Name of the stream: lower-case letters, digits and hyphens
    name: String,
    /// Sends tokens to this URL (RFC 8935)
    #[arg(long, value_name = "URL", group = "method")]
    push: Option<String>,
    /// Lets the receiver poll (RFC 8936), and prints the URL
    #[arg(long, group = "method")]
    poll: bool,
    /// Content of tokens: names of attributes, or the resource
    #[arg(long, default_value = "notice",
          value_parser = keyword(StreamMode::KEYWORDS, StreamMode::from_keyword))]
    mode: StreamMode,
    /// Audience of the tokens (aud)
    #[arg(long, value_name = "URI")]
    audience: Option<String>,
    /// Signature algorithm of the tokens
    #[arg(long, default_value = "ES256",
          value_parser = keyword(TokenAlgorithm::KEYWORDS, TokenAlgorithm::from_keyword))]
    alg: TokenAlgorithm,
    /// Only events of this tenant
    #[arg(long)]
    tenant: Option<String>,
    /// Types of events, such as 'user.*,group.deleted' [default: all]
    #[arg(long)]
    types: Option<String>,
    #[command(flatten)]
    start: Start,
    /// File with headers to send, such as Authorization, one per line: Name: value
    #[arg(long, value_name = "FILE")]
    header_file: Option<PathBuf>,
    /// Allows addresses of this machine and of private networks, and plain http to them
    #[arg(long)]
    allow_private: bool,
}

impl Stream {
    pub(super) async fn run(&self, place: &Place, out: &mut dyn Write) -> Result<(), Failure> {
        let these = EndpointsAt {
            management: &place.open().await?,
            kind: EndpointKind::Stream,
        };
        match self {
            Self::Add(add) => add.run(these, out).await,
            Self::List(list) => list.run(these, out).await,
            Self::Show(show) => show.run(these, out).await,
            Self::Test(test) => test.run(these, out).await,
            Self::Pause(named) => named.pause(these).await,
            Self::Resume(resume) => resume.run(these).await,
            Self::Remove(remove) => remove.run(these).await,
            Self::Replay(replay) => replay.run(these).await,
            Self::Failed(failed) => failed.run(these, out).await,
            Self::Retry(retry) => retry.run(these).await,
            Self::Log(log) => log.run(these, out).await,
        }
    }
}

impl Add {
    async fn run(&self, these: EndpointsAt<'_>, out: &mut dyn Write) -> Result<(), Failure> {
        let method = if self.poll {
            StreamMethod::Poll
        } else {
            StreamMethod::Push
        };
        let new = members([
            ("name", Some(self.name.as_str().into())),
            ("method", Some(method.as_str().into())),
            ("url", self.push.clone().map(Value::from)),
            ("mode", Some(self.mode.as_str().into())),
            ("audience", self.audience.clone().map(Value::from)),
            ("alg", Some(self.alg.as_str().into())),
            ("tenant", self.tenant.clone().map(Value::from)),
            ("types", self.types.clone().map(Value::from)),
            ("from", Some(self.start.from.as_str().into())),
            (
                "headers",
                self.header_file.as_deref().map(headers).transpose()?,
            ),
            ("allowPrivate", Some(self.allow_private.into())),
        ]);
        let made = these.act(&[], Some(new.into())).await?;
        if let Some(url) = made["pollUrl"].as_str() {
            writeln!(out, "{url}")?;
        }
        Ok(())
    }
}
