//! Tokens of a polled stream that were acknowledged out of order.

use crate::store::db::args::{Arg, Column};
use crate::store::db::batch::Batch;
use crate::store::db::error::StoreError;
use crate::store::db::statement::{Statement, Step};
use crate::store::handle::Store;

/// The acknowledgements of a receiver.
#[derive(Debug, Clone)]
pub(crate) struct Acknowledgements {
    /// Database id of the stream.
    pub(crate) endpoint: i64,
    /// The number of rewinds by an operator at the time of the read.
    pub(crate) rewinds: i64,
    /// All tokens up to this position are acknowledged.
    pub(crate) position: i64,
    /// Number of acknowledged parts of the next position.
    pub(crate) parts: i64,
    /// Acknowledged tokens after it: positions and parts.
    pub(crate) beyond: Vec<(i64, i64)>,
    /// Number of tokens that are acknowledged for the first time.
    pub(crate) accepted: i64,
    /// Microseconds since 1970.
    pub(crate) now: i64,
}

impl Store {
    /// The positions and parts that are acknowledged out of order.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn acknowledged(&self, endpoint: i64) -> Result<Vec<(i64, i64)>, StoreError> {
        let text = "select position, part from acknowledgement where endpoint = $1";
        let statement = Statement::named("acknowledgement.list", text, vec![Arg::Int(endpoint)]);
        let rows = self.engine.read(&statement).await?;
        rows.iter()
            .map(|row| Ok((row.int(0)?, row.int(1)?)))
            .collect()
    }

    /// Stores acknowledgements of a receiver. Of concurrent requests, the one with the greater position is kept.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn acknowledge(&self, given: &Acknowledgements) -> Result<bool, StoreError> {
        let (positions, parts): (Vec<_>, Vec<_>) = given.beyond.iter().copied().unzip();
        let batch = || {
            let args = [
                given.endpoint,
                given.rewinds,
                given.position,
                given.parts,
                given.accepted,
                given.now,
            ];
            let moved = Step::new(MOVE, args.map(Arg::Int).to_vec()).returning(&["endpoint"]);
            let passed = [given.endpoint, given.position, given.parts];
            let mut batch = Batch::new("acknowledgement.add")
                .then("moved", moved)
                .and(Step::new(PASSED, passed.map(Arg::Int).to_vec()));
            if !positions.is_empty() {
                let rows = vec![
                    ("position", Column::Ints(positions.clone())),
                    ("part", Column::Ints(parts.clone())),
                ];
                let step = Step::new(BEYOND, vec![Arg::Int(given.endpoint)]);
                batch = batch.and(step.with_rows(rows));
            }
            batch.then("answer", Step::new("select endpoint from {moved}", vec![]))
        };
        Ok(!self.engine.write_retrying(batch).await?.is_empty())
    }
}

const MOVE: &str = "update endpoint set \
     parts = case when position > $3 or (position = $3 and parts > $4) then parts else $4 end, \
     position = case when position > $3 then position else $3 end, \
     accepted = accepted + $5, last_accepted = case when $5 > 0 then $6 else last_accepted end \
     where endpoint = $1 and rewinds = $2 returning endpoint";
const PASSED: &str = "delete from acknowledgement where endpoint = $1 and exists (select 1 from {moved}) \
     and (position <= $2 or (position = $2 + 1 and part <= $3))";
const BEYOND: &str = "insert into acknowledgement (endpoint, position, part) select $1, position, part from {rows} \
     where exists (select 1 from {moved}) on conflict do nothing";
