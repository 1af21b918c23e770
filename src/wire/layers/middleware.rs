//! One layer of the pipeline.

use axum::extract::Request;
use axum::response::Response;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower::{Layer, Service};

/// A service for requests, such as a handler with the layers around it. It is always ready.
pub(crate) trait Inner:
    Service<Request, Response = Response, Error = Infallible, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> Inner for S where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// The response of a service. Not an asynchronous function, whose future would have a copy of the request.
pub(crate) fn answer<S: Inner>(
    mut inner: S,
    request: Request,
) -> impl Future<Output = Response> + Send {
    let answer = inner.call(request);
    async {
        let Ok(response) = answer.await;
        response
    }
}

/// Processing of a request before the inner service, and of the response after it.
pub(crate) trait Middleware<S>: Send + Sync + 'static {
    /// Handles a request.
    fn run(&self, request: Request, inner: S) -> impl Future<Output = Response> + Send;
}

/// A step as a layer.
#[derive(Debug, Clone)]
pub(crate) struct MiddlewareLayer<T>(pub(crate) T);

impl<T: Clone, S> Layer<S> for MiddlewareLayer<T> {
    type Service = MiddlewareService<T, S>;

    fn layer(&self, inner: S) -> Self::Service {
        MiddlewareService(Arc::new((self.0.clone(), inner)))
    }
}

/// A service with a step around it. Shared, because each request clones the services of all layers.
#[derive(Debug)]
pub(crate) struct MiddlewareService<T, S>(Arc<(T, S)>);

impl<T, S> Clone for MiddlewareService<T, S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Middleware<S>, S: Inner> Service<Request> for MiddlewareService<T, S> {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let shared = self.0.clone();
        Box::pin(async move {
            let (step, inner) = &*shared;
            Ok(step.run(request, inner.clone()).await)
        })
    }
}
