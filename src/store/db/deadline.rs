//! Deadlines for responses of PostgreSQL. `statement_timeout` ends a statement only if the server works: a frozen
//! server, or one behind a network that drops packets, needs a deadline on this side.

use crate::store::db::error::StoreError;
use std::time::Duration;
use tokio::time::timeout;

/// Time for the response to arrive after PostgreSQL has ended a statement.
const GRACE: Duration = Duration::from_millis(500);

/// Maximum wait for the response to one statement.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct Deadline(Duration);

impl Deadline {
    /// The maximum wait.
    pub(in crate::store) const fn duration(self) -> Duration {
        self.0
    }

    /// For statements that PostgreSQL ends after `statement`.
    pub(in crate::store) const fn after(statement: Duration) -> Self {
        Self(statement.saturating_add(GRACE))
    }

    /// Waits for a response.
    ///
    /// # Errors
    /// The errors of the work; [`StoreError::Silent`] if the deadline passes. Then the outcome of the statement is
    /// unknown, and its connection must not be used again.
    pub(in crate::store) async fn on<T, E>(
        self,
        answer: impl Future<Output = Result<T, E>>,
    ) -> Result<T, StoreError>
    where
        StoreError: From<E>,
    {
        match timeout(self.0, answer).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(StoreError::Silent(self.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_silent_response_ends_at_the_deadline() {
        let deadline = Deadline::after(Duration::ZERO);
        let outcome = deadline
            .on(std::future::pending::<sqlx::Result<()>>())
            .await;
        assert!(matches!(outcome, Err(StoreError::Silent(GRACE))));
        assert!(matches!(
            deadline.on(async { Ok::<_, sqlx::Error>(1) }).await,
            Ok(1)
        ));
        let failed = deadline
            .on(async { Err::<(), _>(sqlx::Error::RowNotFound) })
            .await;
        assert!(matches!(failed, Err(StoreError::Fault(_))));
    }
}
