//! Sessions of PostgreSQL: direct, with settings and prepared statements, or through a pooler, where each transaction
//! can have another session.
//!
//! A pooler in transaction mode assigns a server session to a client for one transaction. The driver sends a statement
//! in two steps, so each statement has its own transaction and is unnamed. The settings of the startup packet come from
//! the role instead ([`crate::store::db::role`]), and the search path is set within each transaction.

use crate::store::db::error::StoreError;
use crate::store::db::settings::PoolSettings;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, Row};
use std::sync::Arc;

/// A parameter that only scimd's startup packet sets: if it is missing, a pooler has dropped the settings.
const MARK: &str = "scimd.session";
/// Protocol violation: PgBouncer's response to a startup packet with unknown settings.
const REFUSED: &str = "08P01";
/// If the host of an instance fails, PostgreSQL holds its locks until keepalive detects that. These settings shorten
/// the time from two hours to a minute.
const KEEPALIVE: [(&str, &str); 4] = [
    ("tcp_keepalives_idle", "30"),
    ("tcp_keepalives_interval", "10"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "60000"),
];
/// Maximum wait of a migration for a lock, in milliseconds: less than PostgreSQL's `deadlock_timeout`, so that the
/// migration yields.
const MIGRATION_LOCK: u32 = 500;
/// Statements that a connection keeps prepared, if it is not pooled.
const PREPARED: usize = 256;
/// The minimum severity of messages: warnings report that a commit may be lost ([`crate::store::db::notices`]),
/// regardless of the setting of the role.
const MESSAGES: (&str, &str) = ("client_min_messages", "warning");

/// How connections are opened, and how transactions begin.
#[derive(Debug, Clone)]
pub(in crate::store) struct Session {
    settings: Arc<[(&'static str, String)]>,
    schema: Option<String>,
    begin: Arc<str>,
    is_pooled: bool,
}

impl Session {
    /// Detects whether the server is reached through a pooler, unless the settings define it.
    ///
    /// # Errors
    /// If no connection can be opened.
    pub(in crate::store) async fn find(
        options: &PgConnectOptions,
        settings: &PoolSettings,
    ) -> Result<Self, StoreError> {
        let session = Self::new(settings, settings.pooler);
        if session.is_pooled || session.keeps_settings(options).await? {
            return Ok(session);
        }
        Ok(Self::new(settings, true))
    }

    fn new(settings: &PoolSettings, is_pooled: bool) -> Self {
        let schema = settings.schema.clone();
        let begin = if is_pooled {
            let (name, value) = MESSAGES;
            let path = search_path(schema.as_deref());
            format!("begin; set local {name} = {value}{path}")
        } else {
            "begin".to_owned()
        };
        Self {
            settings: planning(settings).into(),
            schema,
            begin: begin.into(),
            is_pooled,
        }
    }

    /// Whether a session that is opened with scimd's settings has them.
    async fn keeps_settings(&self, options: &PgConnectOptions) -> Result<bool, StoreError> {
        let mut connection = match self.options(options.clone()).connect().await {
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(REFUSED) => {
                return Ok(false);
            }
            outcome => outcome?,
        };
        // One message of the simple protocol, which a pooler does not split.
        let row = sqlx::raw_sql("select current_setting('scimd.session', true)")
            .fetch_one(&mut connection)
            .await?;
        let mark: Option<String> = row.try_get(0)?;
        connection.close().await?;
        Ok(mark.is_some_and(|mark| !mark.is_empty()))
    }

    /// Whether each transaction can run in another session.
    pub(in crate::store) fn is_pooled(&self) -> bool {
        self.is_pooled
    }

    /// The settings on which plans and time limits depend, by name.
    pub(in crate::store) fn settings(&self) -> &[(&'static str, String)] {
        &self.settings
    }

    /// The schema of the tables; `None` for the first of the role's search path.
    pub(in crate::store) fn schema(&self) -> Option<&str> {
        self.schema.as_deref()
    }

    /// The statement that begins a transaction.
    pub(in crate::store) fn begin(&self) -> Arc<str> {
        self.begin.clone()
    }

    /// The statement that begins the transaction of a long read. It is idle while the reader processes rows that the
    /// server has sent, which can take longer than the limit for other transactions. Its name distinguishes it from
    /// writing ones; see `Engine::wait_for_older_transactions`.
    pub(in crate::store) fn begin_reading(&self) -> String {
        format!(
            "{}; set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0; \
             set local application_name = 'scimd reading'",
            self.begin
        )
    }

    /// The statement that begins a transaction of the migrations, on a connection without settings. A statement that
    /// waits for a table delays all later ones, so the wait is short.
    pub(in crate::store) fn begin_migrating(&self) -> String {
        let path = search_path(self.schema());
        format!(
            "begin; set local statement_timeout = 0; set local lock_timeout = {MIGRATION_LOCK}; \
             set local idle_in_transaction_session_timeout = 0{path}"
        )
    }

    /// How a connection for statements is opened.
    pub(in crate::store) fn options(&self, options: PgConnectOptions) -> PgConnectOptions {
        if self.is_pooled {
            return options.statement_cache_capacity(0);
        }
        let path = self
            .schema
            .iter()
            .map(|schema| ("search_path", schema.as_str()));
        let settings = self
            .settings
            .iter()
            .map(|(name, value)| (*name, value.as_str()));
        let all = settings
            .chain(path)
            .chain(KEEPALIVE)
            .chain([MESSAGES, (MARK, "own")]);
        options.statement_cache_capacity(PREPARED).options(all)
    }
}

/// The configuration allows only names that need no quoting except for SQL keywords.
fn search_path(schema: Option<&str>) -> String {
    schema
        .map(|schema| format!("; set local search_path to \"{schema}\""))
        .unwrap_or_default()
}

fn planning(settings: &PoolSettings) -> Vec<(&'static str, String)> {
    let milliseconds = |duration: std::time::Duration| duration.as_millis().to_string();
    vec![
        ("statement_timeout", milliseconds(settings.statement)),
        ("lock_timeout", milliseconds(settings.lock)),
        (
            "idle_in_transaction_session_timeout",
            milliseconds(settings.idle_transaction),
        ),
        // Compilation takes longer than any statement here; the estimates of recursions would trigger it.
        ("jit", "off".to_owned()),
        // Statements allow only one plan. With the length of a list as parameter PostgreSQL would plan them again each
        // time, which takes longer than the execution.
        ("plan_cache_mode", "force_generic_plan".to_owned()),
        // A plan is made once, often while tables are small or have no statistics, and is used when they are large: no
        // table must be scanned if an index finds the rows.
        ("enable_seqscan", "off".to_owned()),
        // The estimated cost of disabled scans makes parallel workers look cheaper for small tables. It also limits a
        // slow filter to one core.
        ("max_parallel_workers_per_gather", "0".to_owned()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pooled_startup_packet_has_no_settings() {
        let settings = PoolSettings {
            schema: Some("scimd".into()),
            ..PoolSettings::default()
        };
        let bare = PgConnectOptions::new_without_pgpass();
        let direct = Session::new(&settings, false).options(bare.clone());
        assert!(
            direct
                .get_options()
                .unwrap()
                .contains("-c search_path=scimd")
        );
        let pooled = Session::new(&settings, true);
        assert_eq!(
            pooled.options(bare.clone()).get_options(),
            bare.get_options()
        );
        assert_eq!(
            &*pooled.begin(),
            "begin; set local client_min_messages = warning; set local search_path to \"scimd\""
        );
        assert_eq!(&*Session::new(&settings, false).begin(), "begin");
    }
}
