//! Settings of the connections.

use std::time::Duration;

/// Maximum wait for a connection for long reads: its current reader is as fast as a client.
pub(in crate::store) const LONG_READ_WAIT: Duration = Duration::from_secs(10);

/// How long, and with how many connections, the database is worked with.
#[derive(Debug, Clone)]
pub struct PoolSettings {
    /// Connections of one instance.
    pub max_connections: u32,
    /// Longest wait for a connection.
    pub acquire: Duration,
    /// Longest time of a statement.
    pub statement: Duration,
    /// Longest wait for a lock.
    pub lock: Duration,
    /// Longest wait of a migration for tables that others use.
    pub migration_lock: Duration,
    /// Whether PostgreSQL is known to be behind a pooler in transaction mode; else it is found out.
    pub pooler: bool,
    /// Whether the settings that count behind a pooler are kept as those of the role.
    pub keeps_role: bool,
    /// PostgreSQL's schema of the tables; `None` for the first of the role's search path.
    pub schema: Option<String>,
    /// Whether concurrent short reads of the same kind are sent to PostgreSQL as one statement.
    pub coalesce_reads: bool,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            max_connections: 16,
            acquire: Duration::from_secs(2),
            statement: Duration::from_secs(4),
            lock: Duration::from_secs(2),
            migration_lock: Duration::from_secs(600),
            pooler: false,
            keeps_role: false,
            schema: None,
            coalesce_reads: true,
        }
    }
}
