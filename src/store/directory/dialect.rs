//! What the views are written for.

/// A database.
#[derive(Debug, Clone, Copy)]
pub(super) enum Dialect {
    Postgres,
    Sqlite,
}
