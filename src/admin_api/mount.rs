//! Pages that other parts of the program add to the management listener, such as figures for a monitor.

use crate::admin_api::problem::{Problem, ProblemType, Result};
use axum::http::HeaderValue;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// A page that is served for any host, because a monitor uses the address. It must not contain secrets or personal
/// data.
#[derive(Clone)]
pub struct Mount {
    /// Path of the page, such as `/metrics`.
    pub path: &'static str,
    /// Media type of the page.
    pub content_type: &'static str,
    /// The required bearer token; `None` if the page is public.
    pub token: Option<SecretString>,
    /// Builds the page.
    pub text: Arc<dyn Fn() -> String + Send + Sync>,
}

impl Mount {
    /// Refuses a request without the token of the page.
    ///
    /// # Errors
    /// 401.
    pub(crate) fn admit(&self, head: &Parts) -> Result<()> {
        let Some(token) = &self.token else {
            return Ok(());
        };
        let header = head.headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
        let given = header.and_then(|value| value.strip_prefix(b"Bearer "));
        let expected = token.expose_secret().as_bytes();
        if given.is_some_and(|given| given.ct_eq(expected).into()) {
            return Ok(());
        }
        let detail = "This page needs the token that the configuration of the server names, as a bearer token.";
        Err(Problem::new(ProblemType::Unauthenticated, 401, detail))
    }
}

impl fmt::Debug for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mount")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
