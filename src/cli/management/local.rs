//! The operations in this process, over the database.

use super::api_request::ApiRequest;
use crate::admin_api::{AdminParts, LocalApi, LocalReply};
use crate::cli::failure::Failure;
use crate::cli::open;
use crate::cli::open_endpoints;
use crate::cli::progress::Progress;
use crate::config::Config;
use crate::operator::SchemaStep;
use std::sync::{Arc, OnceLock};

/// The operations over the database of a configuration, for the user of this process.
pub(super) async fn open(config: &Config) -> Result<LocalApi, Failure> {
    let operator = open::existing(config).await?;
    let endpoints = open_endpoints::endpoints(config, &operator)?;
    let scim_url = config.base_url(config.server.listen);
    let parts = AdminParts {
        operator,
        endpoints,
        config: config.clone(),
        mounts: Vec::new(),
    };
    Ok(LocalApi::new(parts, scim_url, schema_steps()))
}

/// Shows the progress of a schema change, if there is one.
fn schema_steps() -> Arc<dyn Fn(SchemaStep<'_>) + Send + Sync> {
    let begun = OnceLock::new();
    Arc::new(move |step| {
        let progress = begun.get_or_init(|| {
            Progress::new(Some(0), "{wide_bar} {pos} of {len} resources, {eta} {msg}")
        });
        match step {
            SchemaStep::Waiting => progress.now("waiting for writes in progress"),
            SchemaStep::Tenant(_, resources) => {
                progress.expect(resources);
                progress.now("index");
            }
            SchemaStep::Resource => progress.advance(1),
            SchemaStep::Done => {
                progress.finish();
            }
        }
    })
}

/// Calls an operation.
pub(super) async fn call(api: &LocalApi, request: &ApiRequest) -> Result<LocalReply, Failure> {
    let target = request.target()?;
    let called = api.call(
        (request.method(), &target),
        request.body(),
        request.last_event(),
    );
    Ok(called.await?)
}
