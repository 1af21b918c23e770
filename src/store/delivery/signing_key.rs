//! Keys that sign security event tokens.

use crate::clock::Timestamp;
use crate::keyword::keywords;
use crate::store::db::args::{Arg, Column, Table};
use crate::store::db::batch::Batch;
use crate::store::db::error::StoreError;
use crate::store::db::row::Row;
use crate::store::db::statement::{Statement, Step};
use crate::store::handle::Store;
use crate::store::operator::act::Act;

keywords! {
    /// The state of a key.
    KeyState {
        /// The key is published, and will sign after the next rotation.
        Next = "next",
        /// The key signs.
        Current = "current",
        /// The key signed, and is published for some time.
        Old = "old",
    }
}

/// A key that signs security event tokens.
#[derive(Debug, Clone)]
pub(crate) struct SigningKey {
    /// Id of the key.
    pub(crate) id: String,
    /// Algorithm of its signatures.
    pub(crate) algorithm: String,
    /// The state.
    pub(crate) state: KeyState,
    /// The public key, as JSON.
    pub(crate) jwk: String,
    /// The private key, sealed.
    pub(crate) secret: String,
    /// Time of creation.
    pub(crate) created: Timestamp,
    /// Time at which it became old.
    pub(crate) retired: Option<Timestamp>,
}

impl Store {
    /// All keys, in the order of creation.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn signing_keys(&self) -> Result<Vec<SigningKey>, StoreError> {
        let text = "select id, algorithm, state, jwk, secret, created, retired from signing_key order by created, id";
        let statement = Statement::named("signing_key.list", text, vec![]);
        let rows = self.engine.read(&statement).await?;
        let read = |row: &Row| {
            Ok(SigningKey {
                id: row.text(0)?.to_owned(),
                algorithm: row.text(1)?.to_owned(),
                state: KeyState::from_keyword(row.text(2)?).unwrap_or(KeyState::Old),
                jwk: row.text(3)?.to_owned(),
                secret: row.text(4)?.to_owned(),
                created: Timestamp::from_micros(row.int(5)?),
                retired: row.opt_int(6)?.map(Timestamp::from_micros),
            })
        };
        rows.iter().map(read).collect()
    }

    /// Stores the first keys of an algorithm; `false` if there are some already.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn add_signing_keys(
        &self,
        act: &Act<'_>,
        keys: &[SigningKey],
    ) -> Result<bool, StoreError> {
        let batch = || {
            let text = format!("{FIRST} returning id");
            let added = Step::new(text, algorithm(keys)).with_rows(table(keys));
            let batch = Batch::new("signing_key.add").then("made", added.returning(&["id"]));
            let acted = Step::new(
                "select max(id) as id from {made} having count(*) > 0",
                vec![],
            );
            let batch = batch.then("acted", acted.returning(&["id"]));
            act.end(batch, "acted", "id")
        };
        Ok(!self.engine.write_retrying(batch).await?.is_empty())
    }

    /// The next key of an algorithm becomes the current one, and the current one becomes old; `next` is stored, and old
    /// keys before a time are deleted. Instances that send to streams reload the keys. `false` if there was no next key
    /// with that id.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn rotate_signing_keys(
        &self,
        act: &Act<'_>,
        promoted: &str,
        next: &SigningKey,
        forget: Timestamp,
    ) -> Result<bool, StoreError> {
        let batch = || {
            let algorithm = || Arg::Text(next.algorithm.clone());
            let now = || Arg::Int(act.at.as_micros());
            let promote = Step::new(PROMOTE, vec![promoted.into(), now()]);
            let retire = vec![algorithm(), promoted.into(), now()];
            let batch = Batch::new("signing_key.rotate")
                .then("acted", promote.returning(&["id"]))
                .and(Step::new(RETIRE, retire))
                .and(Step::new(FORGET, vec![Arg::Int(forget.as_micros())]))
                .and(Step::new(TOUCH_STREAMS, vec![]))
                .and(Step::new(SUCCEED, args(next)));
            act.end(batch, "acted", "id")
        };
        Ok(!self.engine.write_retrying(batch).await?.is_empty())
    }
}

/// The step that stores keys if there are none of their algorithm and the step `acted` returned a row; `None` without
/// keys.
pub(super) fn first_keys(keys: &[SigningKey]) -> Option<Step> {
    let text = format!("{FIRST} and exists (select 1 from {{acted}})");
    let step = Step::new(text, algorithm(keys)).with_rows(table(keys));
    (!keys.is_empty()).then_some(step)
}

/// The common algorithm of keys.
fn algorithm(keys: &[SigningKey]) -> Vec<Arg> {
    let first = keys.first();
    vec![Arg::Text(
        first.map_or(String::new(), |key| key.algorithm.clone()),
    )]
}

fn table(keys: &[SigningKey]) -> Table {
    let texts =
        |of: fn(&SigningKey) -> &str| Column::Texts(keys.iter().map(|key| Some(of(key))).collect());
    let created = keys.iter().map(|key| key.created.as_micros()).collect();
    vec![
        ("id", texts(|key| &key.id)),
        ("algorithm", texts(|key| &key.algorithm)),
        ("state", texts(|key| key.state.as_str())),
        ("jwk", texts(|key| &key.jwk)),
        ("secret", texts(|key| &key.secret)),
        ("created", Column::Ints(created)),
    ]
}

fn args(key: &SigningKey) -> Vec<Arg> {
    vec![
        key.id.as_str().into(),
        key.algorithm.as_str().into(),
        key.state.as_str().into(),
        key.jwk.as_str().into(),
        key.secret.as_str().into(),
        Arg::Int(key.created.as_micros()),
    ]
}

const FIRST: &str = "insert into signing_key (id, algorithm, state, jwk, secret, created) \
     select id, algorithm, state, jwk, secret, created from {rows} \
     where not exists (select 1 from signing_key where algorithm = $1)";
const TOUCH_STREAMS: &str = "update endpoint set revision = revision + 1 where kind = 'stream' \
     and exists (select 1 from {acted})";
const PROMOTE: &str = "update signing_key set state = 'current', created = $2 where id = $1 and state = 'next' returning id";
const RETIRE: &str = "update signing_key set state = 'old', retired = $3 where algorithm = $1 and state = 'current' \
     and id <> $2 and exists (select 1 from {acted})";
const FORGET: &str = "delete from signing_key where state = 'old' and retired < $1 and exists (select 1 from {acted})";
const SUCCEED: &str = "insert into signing_key (id, algorithm, state, jwk, secret, created) \
     select $1, $2, $3, $4, $5, $6 from {acted}";
