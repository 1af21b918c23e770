//! Settings of the connections.

use std::time::Duration;

/// Maximum wait for a connection for long reads. It is long because the current reader can be as slow as its client.
pub(in crate::store) const LONG_READ_WAIT: Duration = Duration::from_secs(10);

/// The number of connections, and their time limits.
#[derive(Debug, Clone)]
pub struct PoolSettings {
    /// Maximum number of connections of one instance.
    pub max_connections: u32,
    /// Maximum wait for a connection.
    pub acquire: Duration,
    /// Maximum time of a statement.
    pub statement: Duration,
    /// Maximum wait for a lock.
    pub lock: Duration,
    /// Time after which PostgreSQL ends a transaction without a statement. It ends no long read.
    pub idle_transaction: Duration,
    /// Maximum wait of a migration for tables in use.
    pub migration_lock: Duration,
    /// Whether PostgreSQL is behind a pooler in transaction mode; if `false`, the start detects it.
    pub pooler: bool,
    /// Whether the settings that are needed behind a pooler are stored as settings of the role.
    pub keeps_role: bool,
    /// The schema of the tables in PostgreSQL; `None` for the first one of the role's search path.
    pub schema: Option<String>,
    /// Whether concurrent short reads of the same kind are sent to PostgreSQL as one statement.
    pub coalesce_reads: bool,
}

impl PoolSettings {
    /// The default of `idle_transaction`, which no key of the configuration changes.
    pub(crate) const IDLE_TRANSACTION: Duration = Duration::from_secs(10);
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            max_connections: 16,
            acquire: Duration::from_secs(2),
            statement: Duration::from_secs(4),
            lock: Duration::from_secs(2),
            idle_transaction: Self::IDLE_TRANSACTION,
            migration_lock: Duration::from_secs(600),
            pooler: false,
            keeps_role: false,
            schema: None,
            coalesce_reads: true,
        }
    }
}
