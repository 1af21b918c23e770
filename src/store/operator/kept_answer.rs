//! Stored responses for repeated requests.

use crate::clock::Timestamp;
use crate::store::db::args::Arg;
use crate::store::db::error::StoreError;
use crate::store::db::row::Row;
use crate::store::db::statement::Statement;
use crate::store::handle::Store;
use crate::store::operator::act::KeptAnswer;

impl Store {
    /// The stored response for a key of an operator token, if it was stored after a time. An older one is deleted.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn kept_answer(
        &self,
        operator: &str,
        key_digest: &str,
        after: Timestamp,
    ) -> Result<Option<KeptAnswer>, StoreError> {
        let args = vec![operator.into(), key_digest.into()];
        let rows = self
            .engine
            .read(&Statement::named("answer.find", FIND, args))
            .await?;
        let created = rows.first().map(|row| row.int(2)).transpose()?;
        if created.is_some_and(|created| created <= after.as_micros()) {
            let args = vec![
                operator.into(),
                key_digest.into(),
                Arg::Int(after.as_micros()),
            ];
            let statement = Statement::named("answer.forget_one", FORGET_ONE, args);
            self.engine.write_one(statement).await?;
            return Ok(None);
        }
        let read = |row: &Row| {
            Ok(KeptAnswer {
                operator: operator.to_owned(),
                key_digest: key_digest.to_owned(),
                request_digest: row.text(0)?.to_owned(),
                answer: row.text(1)?.to_owned(),
                running_until: row.opt_int(3)?.map(Timestamp::from_micros),
            })
        };
        rows.first().map(read).transpose()
    }

    /// Stores a response without an act, unless there is one for the key.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn keep_answer(
        &self,
        kept: &KeptAnswer,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let statement = Statement::named("answer.keep", KEEP, kept.args(at));
        self.engine.write_one(statement).await.map(|_| ())
    }

    /// Replaces the response that an act stored for the same request.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn replace_answer(&self, kept: &KeptAnswer) -> Result<(), StoreError> {
        let texts = [
            &kept.operator,
            &kept.key_digest,
            &kept.request_digest,
            &kept.answer,
        ];
        let args = texts.map(|text| Arg::Text(text.clone())).into();
        let statement = Statement::named("answer.replace", REPLACE, args);
        self.engine.write_one(statement).await.map(|_| ())
    }

    /// Moves on the time until which a request is known to run, if a response is stored for it and it has not ended.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn renew_running(
        &self,
        (operator, key_digest): (&str, &str),
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let args = vec![
            operator.into(),
            key_digest.into(),
            Arg::Int(until.as_micros()),
        ];
        let statement = Statement::named("answer.renew", RENEW, args);
        self.engine.write_one(statement).await.map(|_| ())
    }

    /// Deletes a slice of the responses stored before a time; returns their number.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn forget_answers(&self, before: Timestamp) -> Result<usize, StoreError> {
        let args = vec![Arg::Int(before.as_micros())];
        let statement = Statement::named("answer.forget", FORGET, args);
        Ok(self.engine.write_one(statement).await?.len())
    }
}

const FIND: &str = "select request_digest, answer, created, running_until from kept_answer \
     where operator = $1 and key_digest = $2";
const FORGET_ONE: &str = "delete from kept_answer where operator = $1 and key_digest = $2 and created <= $3 returning created";
const KEEP: &str = "insert into kept_answer (operator, key_digest, request_digest, answer, created, running_until) \
     select $1, $2, $3, $4, $5, $6 where not exists (select 1 from kept_answer where operator = $1 and key_digest = $2) \
     on conflict do nothing returning created";
const RENEW: &str = "update kept_answer set running_until = $3 \
     where operator = $1 and key_digest = $2 and running_until is not null returning created";
const REPLACE: &str = "update kept_answer set answer = $4, running_until = null \
     where operator = $1 and key_digest = $2 and request_digest = $3 returning created";
const FORGET: &str = "delete from kept_answer where (operator, key_digest) in \
     (select operator, key_digest from kept_answer where created < $1 order by created limit 1000) returning created";
