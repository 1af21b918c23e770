//! Response times of receivers.

use crate::clock::Timestamp;
use crate::store::db::args::{Arg, Column, Table};
use crate::store::db::error::StoreError;
use crate::store::db::row::Row;
use crate::store::db::statement::Statement;
use crate::store::handle::Store;

/// The number of attempts of a time slice with a similar duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DeliveryTime {
    /// Start of the slice, in microseconds since 1970.
    pub(crate) since: i64,
    /// The number of the bucket, which increases with the duration.
    pub(crate) bucket: i64,
    /// Number of attempts.
    pub(crate) attempts: i64,
}

/// The columns of counts.
pub(super) fn times_table(times: &[DeliveryTime]) -> Table {
    let ints = |of: fn(&DeliveryTime) -> i64| Column::Ints(times.iter().map(of).collect());
    vec![
        ("since", ints(|time| time.since)),
        ("bucket", ints(|time| time.bucket)),
        ("attempts", ints(|time| time.attempts)),
    ]
}

impl Store {
    /// The histogram of an endpoint in slices from a time on: buckets and attempts, shortest duration first.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn delivery_times(
        &self,
        endpoint: i64,
        since: Timestamp,
    ) -> Result<Vec<(i64, i64)>, StoreError> {
        let args = [endpoint, since.as_micros()].map(Arg::Int).to_vec();
        let statement = Statement::named("delivery_time.list", LIST, args);
        let rows = self.engine.read(&statement).await?;
        let read = |row: &Row| Ok((row.int(0)?, row.int(1)?));
        rows.iter().map(read).collect()
    }

    /// Deletes counts of slices that started before a time.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn forget_delivery_times(&self, before: Timestamp) -> Result<(), StoreError> {
        let args = vec![Arg::Int(before.as_micros())];
        let statement = Statement::named("delivery_time.forget", FORGET, args);
        self.engine.write_one(statement).await.map(|_| ())
    }
}

const LIST: &str = "select bucket, cast(sum(attempts) as bigint) from delivery_time where endpoint = $1 and since >= $2 \
     group by bucket order by bucket";
const FORGET: &str = "delete from delivery_time where since < $1 returning since";
