//! A streamed response.

use crate::admin_api::LocalBody;
use crate::cli::api_refusal::ApiRefusal;
use crate::cli::failure::Failure;
use bytes::Bytes;
use reqwest::Response;
use serde_json::Value;

/// The pieces of a response.
#[derive(Debug)]
pub(in crate::cli) enum Pieces {
    /// From an operation in this process.
    Here(LocalBody),
    /// From an operation on a server.
    There(Box<Response>),
    /// The response is complete.
    Whole(Option<Bytes>),
}

impl Pieces {
    /// The next piece; `None` at the end.
    pub(in crate::cli) async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        match self {
            Self::Here(body) => body.piece().await.map_err(Failure::Failed),
            Self::There(response) => response.chunk().await.map_err(|error| {
                Failure::Unanswered(format!(
                    "the response is incomplete: {}",
                    error.without_url()
                ))
            }),
            Self::Whole(bytes) => Ok(bytes.take()),
        }
    }

    /// The complete response as JSON.
    pub(super) async fn json(mut self) -> Result<Value, Failure> {
        let mut bytes = Vec::new();
        while let Some(piece) = self.next().await? {
            bytes.extend_from_slice(&piece);
        }
        let value = serde_json::from_slice(&bytes).unwrap_or_default();
        match self {
            Self::Here(body) if !body.is_success() => {
                Err(ApiRefusal::of(body.status(), &value).into())
            }
            _ => Ok(value),
        }
    }
}
