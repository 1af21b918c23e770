//! Keys that sign security event tokens.

use crate::clock::Timestamp;
use crate::keyword::keywords;
use crate::store::db::args::Arg;
use crate::store::db::batch::Batch;
use crate::store::db::error::StoreError;
use crate::store::db::row::Row;
use crate::store::db::statement::{Statement, Step};
use crate::store::handle::Store;

keywords! {
    /// What a key is for at present.
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
pub struct SigningKey {
    /// Id of the key.
    pub id: String,
    /// Algorithm of its signatures.
    pub algorithm: String,
    /// What it is for.
    pub state: KeyState,
    /// The public key, as JSON.
    pub jwk: String,
    /// The private key, sealed.
    pub secret: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it became old.
    pub retired: Option<Timestamp>,
}

impl Store {
    /// All keys, in the order in which they were made.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn signing_keys(&self) -> Result<Vec<SigningKey>, StoreError> {
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

    /// Keeps a key.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn add_signing_key(&self, key: &SigningKey) -> Result<(), StoreError> {
        let statement = Statement::named("signing_key.add", ADD, args(key));
        self.engine.write_one(statement).await.map(|_| ())
    }

    /// Lets those who send to streams read the keys again.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn touch_streams(&self) -> Result<(), StoreError> {
        let text =
            "update endpoint set revision = revision + 1 where kind = 'stream' returning endpoint";
        let statement = Statement::named("endpoint.touch_streams", text, vec![]);
        self.engine.write_one(statement).await.map(|_| ())
    }

    /// The next key of an algorithm becomes the current one, the current one old; `next` is kept beside them, and old
    /// ones of before a moment are deleted. `false` if there was no next key of that id.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn rotate_signing_keys(
        &self,
        promoted: &str,
        next: &SigningKey,
        (now, forget): (Timestamp, Timestamp),
    ) -> Result<bool, StoreError> {
        let batch = || {
            let algorithm = || Arg::Text(next.algorithm.clone());
            let promote = vec![promoted.into(), Arg::Int(now.as_micros())];
            let retire = vec![algorithm(), promoted.into(), Arg::Int(now.as_micros())];
            let forget = vec![Arg::Int(forget.as_micros())];
            Batch::new("signing_key.rotate")
                .then("promoted", Step::new(PROMOTE, promote).returning(&["id"]))
                .and(Step::new(RETIRE, retire))
                .and(Step::new(FORGET, forget))
                .then("answer", Step::new(SUCCEED, args(next)))
        };
        Ok(!self.engine.write_retrying(batch).await?.is_empty())
    }
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

const ADD: &str = "insert into signing_key (id, algorithm, state, jwk, secret, created) \
     values ($1, $2, $3, $4, $5, $6) returning id";
const PROMOTE: &str = "update signing_key set state = 'current', created = $2 where id = $1 and state = 'next' returning id";
const RETIRE: &str = "update signing_key set state = 'old', retired = $3 where algorithm = $1 and state = 'current' \
     and id <> $2 and exists (select 1 from {promoted})";
const FORGET: &str = "delete from signing_key where state = 'old' and retired < $1 and exists (select 1 from {promoted})";
const SUCCEED: &str = "insert into signing_key (id, algorithm, state, jwk, secret, created) \
     select $1, $2, $3, $4, $5, $6 from {promoted} returning id";
