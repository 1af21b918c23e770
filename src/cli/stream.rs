//! `scimd stream`.

use super::arguments::keyword;
use super::endpoint::{change, failures, list, start};
use super::failure::Failure;
use super::open;
use super::open_endpoints::endpoints;
use super::webhook::headers;
use crate::config::Config;
use crate::delivery::{
    Endpoints, NewStream, Start, StreamMethod, StreamMode, StreamOptions, TokenAlgorithm,
};
use crate::store::EndpointKind;
use clap::{ArgGroup, Args, Subcommand};
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
    /// Sends a verification event from this machine, and shows the result
    Test(change::Test),
    /// Sends nothing to a stream until it is resumed
    Pause(change::Named),
    /// Sends again, where it stopped or from another place on
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
    /// For whom the tokens are (aud)
    #[arg(long, value_name = "URI")]
    audience: Option<String>,
    /// How tokens are signed
    #[arg(long, default_value = "ES256",
          value_parser = keyword(TokenAlgorithm::KEYWORDS, TokenAlgorithm::from_keyword))]
    alg: TokenAlgorithm,
    /// Only events of this tenant
    #[arg(long)]
    tenant: Option<String>,
    /// Types of events, such as 'user.*,group.deleted' [default: all]
    #[arg(long)]
    types: Option<String>,
    /// Where it begins: now, start (the oldest event that is kept), or a cursor of the feed
    #[arg(long, value_name = "CURSOR", allow_hyphen_values = true, default_value = "now", value_parser = start)]
    from: Start,
    /// File with headers to send, such as Authorization, one per line: Name: value
    #[arg(long, value_name = "FILE")]
    header_file: Option<PathBuf>,
    /// Allows addresses of this machine and of private networks, and plain http to them
    #[arg(long)]
    allow_private: bool,
}

impl Stream {
    pub(super) async fn run(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        let operator = open::existing(config).await?;
        let endpoints = endpoints(config, &operator)?;
        let these = (&endpoints, EndpointKind::Stream);
        match self {
            Self::Add(add) => add.run(&endpoints, out).await,
            Self::List(list) => list.run(these, out).await,
            Self::Show(show) => show.run(these, out).await,
            Self::Test(test) => test.run(these, config, out).await,
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
    async fn run(&self, endpoints: &Endpoints, out: &mut dyn Write) -> Result<(), Failure> {
        let new = NewStream {
            name: self.name.clone(),
            tenant: self.tenant.clone(),
            start: self.from.clone(),
            url: self.push.clone(),
            types: self.types.clone(),
            allows_private: self.allow_private,
            headers: match &self.header_file {
                Some(file) => headers(file)?,
                None => Vec::new(),
            },
            options: StreamOptions {
                method: if self.poll {
                    StreamMethod::Poll
                } else {
                    StreamMethod::Push
                },
                mode: self.mode,
                audience: self.audience.clone(),
                algorithm: self.alg,
            },
        };
        let made = endpoints.add_stream(&new, None).await?;
        if let Some(url) = made.poll_url {
            writeln!(out, "{url}")?;
        }
        Ok(())
    }
}
