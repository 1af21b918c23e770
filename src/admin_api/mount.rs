//! Pages that other parts of the program add to the management listener, such as figures for a monitor.

use std::fmt;
use std::sync::Arc;

/// A page at a path of its own that needs no token, and is answered whatever host the request names: a monitor asks
/// by address. It must hold nothing that is secret or personal.
#[derive(Clone)]
pub struct Mount {
    /// Path of the page, such as `/metrics`.
    pub path: &'static str,
    /// Media type of the page.
    pub content_type: &'static str,
    /// Makes the page.
    pub text: Arc<dyn Fn() -> String + Send + Sync>,
}

impl fmt::Debug for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mount")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
