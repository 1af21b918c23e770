//! `scimd health`.

use super::arguments::Globals;
use super::failure::Failure;
use super::http::{cause, is_loopback};
use crate::config::Environment;
use clap::Args;
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use std::time::Duration;

/// Arguments of `scimd health`.
#[derive(Debug, Args)]
pub(super) struct Health {
    /// URL, or path at the configured address, that returns 200 if the server is healthy
    #[arg(value_name = "URL", default_value = "/readyz")]
    url: String,
    /// Seconds to wait for the response
    #[arg(long, value_name = "SECONDS", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=60))]
    timeout: u64,
}

impl Health {
    pub(super) async fn run(
        &self,
        globals: &Globals,
        environment: &Environment,
    ) -> Result<(), Failure> {
        let is_own = self.url.starts_with('/');
        let url = if is_own {
            let config = globals.config(environment, &[])?;
            format!("{}{}", config.local_url(config.server.listen), self.url)
        } else {
            self.url.clone()
        };
        let target = Url::parse(&url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"))
            .ok_or_else(|| {
                Failure::Misused(format!(
                    "{url}: use a URL such as http://127.0.0.1:8080/readyz, or a path"
                ))
            })?;
        let client = self.client(is_own || is_loopback(&target))?;
        match client.get(target).send().await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(Failure::Failed(format!(
                "{url} returned {}",
                answer.status().as_u16()
            ))),
            Err(error) if error.is_timeout() => Err(Failure::Failed(format!(
                "{url} did not respond within {} s",
                self.timeout
            ))),
            Err(error) => Err(Failure::Failed(format!(
                "{url} did not respond: {}",
                cause(&error)
            ))),
        }
    }

    /// On the same machine the certificate is not checked: it is for the public name of the server, and the request
    /// contains no secrets.
    fn client(&self, is_this_machine: bool) -> Result<Client, Failure> {
        let client = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .timeout(Duration::from_secs(self.timeout))
            .user_agent("scimd-health")
            .tls_danger_accept_invalid_certs(is_this_machine);
        client
            .build()
            .map_err(|error| Failure::Failed(format!("cannot prepare HTTP: {}", cause(&error))))
    }
}
