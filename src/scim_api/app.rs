//! The SCIM API as an app of the wire.

use crate::error::Result;
use crate::live::Live;
use crate::protocol::ScimReply;
use crate::scim_api::exchange::{Exchange, ScimCall};
use crate::scim_api::log::Logs;
use crate::scim_api::respond;
use crate::scim_api::settings::HttpSettings;
use crate::scim_api::sibling_api::{Answering, SiblingApi};
use crate::wire::body::Upload;
use crate::wire::rate::TokenLimits;
use crate::wire::refusal::RefusalForms;
use crate::wire::{self, ServerSettings};
use axum::extract::Request;
use std::sync::Arc;
use std::time::Instant;
use tower::service_fn;

/// The SCIM API, ready to be served; clones share it.
#[derive(Debug, Clone)]
pub struct ScimApp {
    wire: wire::App,
    limits: Arc<TokenLimits>,
    settings: Live<HttpSettings>,
}

impl ScimApp {
    /// The app that handles every request with `handle`.
    pub(crate) fn new<H, W>(
        settings: HttpSettings,
        limits: Arc<TokenLimits>,
        (logs, sibling): (Logs, Option<SiblingApi>),
        handle: H,
    ) -> Self
    where
        H: Fn(ScimCall, Upload) -> W + Clone + Send + Sync + 'static,
        W: Future<Output = Result<ScimReply>> + Send + 'static,
    {
        let for_wire = settings.for_wire();
        let settings = Live::new(settings);
        let exchange = Arc::new(Exchange::new(settings.clone()));
        let usual = RefusalForms::new(respond::refusal);
        let forms = sibling
            .as_ref()
            .map_or(usual, |sibling| sibling.add_form(usual));
        let handler = service_fn(move |request: Request| {
            if let Some(sibling) = sibling.as_ref().filter(|sibling| sibling.is_for(&request)) {
                return sibling.answer(request);
            }
            let (exchange, handle) = (exchange.clone(), handle.clone());
            // Boxed here: the layers around it pass it on.
            Box::pin(async move { Ok(exchange.conduct(request, handle).await) }) as Answering
        });
        let tidied = limits.clone();
        let tidy = move || tidied.tidy(Instant::now());
        let wire = wire::App::new(for_wire, forms, logs.begin(), tidy, handler);
        Self {
            wire,
            limits,
            settings,
        }
    }

    /// The app for [`wire::serve`].
    pub fn wire(&self) -> wire::App {
        self.wire.clone()
    }

    /// Replaces the limits, and reloads the certificate. The paths of the endpoints do not change.
    pub(crate) fn renew(&self, settings: &HttpSettings, server: ServerSettings) {
        let before = self.settings.get();
        let HttpSettings {
            base_path,
            tenant_paths,
            behind_proxy,
            ..
        } = (*before).clone();
        let settings = HttpSettings {
            base_path,
            tenant_paths,
            behind_proxy,
            ..settings.clone()
        };
        self.limits.set(before.rates(), settings.rates());
        self.wire.renew(settings.for_wire(), server);
        self.settings.set(settings);
    }
}
