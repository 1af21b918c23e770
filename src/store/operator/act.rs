//! Acts of the operator: the change and its row of the audit trail are atomic.

use crate::audit::{Actor, AuditEntry};
use crate::clock::Timestamp;
use crate::store::db::args::Arg;
use crate::store::db::batch::Batch;
use crate::store::db::statement::{Statement, Step};
use uuid::Uuid;

/// An act with its actor and time.
#[derive(Debug, Clone)]
pub(crate) struct Act<'a> {
    /// The actor.
    pub(crate) by: &'a Actor,
    /// The time.
    pub(crate) at: Timestamp,
    /// The entry of the audit trail.
    pub(crate) entry: AuditEntry,
    /// The response that is stored for repetitions of the request, if any.
    pub(crate) answer: Option<&'a KeptAnswer>,
    /// The stored response that the act takes back, if any.
    pub(crate) forgotten: Option<&'a KeptAnswer>,
}

/// A stored response for a repeated request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeptAnswer {
    /// Public id of the operator token.
    pub(crate) operator: String,
    /// Digest of the key of the request.
    pub(crate) key_digest: String,
    /// Digest of the request.
    pub(crate) request_digest: String,
    /// The response, sealed.
    pub(crate) answer: String,
    /// The time until which the request is known to run; `None` if it has ended.
    pub(crate) running_until: Option<Timestamp>,
}

impl KeptAnswer {
    /// The values of its columns, if it is stored at this time.
    pub(in crate::store) fn args(&self, at: Timestamp) -> Vec<Arg> {
        let texts = [
            &self.operator,
            &self.key_digest,
            &self.request_digest,
            &self.answer,
        ];
        let texts = texts.into_iter().map(|text| Arg::Text(text.clone()));
        let until = self.running_until.map(Timestamp::as_micros);
        texts
            .chain([Arg::Int(at.as_micros()), Arg::OptInt(until)])
            .collect()
    }
}

impl Act<'_> {
    /// Adds the steps of an act, if a step returned a row: the row of the audit trail, and the stored response. The
    /// batch returns a column of that step.
    pub(in crate::store) fn end(
        &self,
        batch: Batch,
        step: &'static str,
        column: &'static str,
    ) -> Batch {
        self.follow(batch, step).then(
            "answer",
            Step::new(format!("select {column} from {{{step}}}"), vec![]),
        )
    }

    /// Adds the steps of an act, if a step returned a row. A later step returns the result of the batch.
    pub(in crate::store) fn follow(&self, batch: Batch, step: &'static str) -> Batch {
        let text = format!("{AUDIT} from {{{step}}}");
        let batch = batch.then("audited", Step::new(text, self.audit_args()));
        let batch = match self.answer {
            Some(kept) => batch.then("kept", self.keep(kept, step)),
            None => batch,
        };
        match self.forgotten {
            Some(kept) => batch.then("forgotten", forget(kept, step)),
            None => batch,
        }
    }

    /// The batch of an act that changes nothing.
    pub(in crate::store) fn alone(&self) -> Batch {
        let text = format!("{AUDIT} returning at");
        let recorded = Step::new(text, self.audit_args()).returning(&["at"]);
        let batch = Batch::new("audit.record").then("acted", recorded);
        let batch = match self.answer {
            Some(kept) => batch.then("kept", self.keep(kept, "acted")),
            None => batch,
        };
        batch.then("answer", Step::new("select at from {acted}", vec![]))
    }

    /// The statement of an act that changes nothing, and that has one row for all acts with this key.
    pub(in crate::store) fn once(&self, key: &str) -> Statement {
        let mut args = self.audit_args();
        args.push(key.into());
        Statement::named("audit.record_once", AUDIT_ONCE, args)
    }

    fn keep(&self, kept: &KeptAnswer, step: &'static str) -> Step {
        Step::new(format!("{KEEP} from {{{step}}}"), kept.args(self.at))
    }

    fn audit_args(&self) -> Vec<Arg> {
        let Self { by, at, entry, .. } = self;
        let opt = |text: &Option<String>| Arg::OptText(text.clone());
        let changes = (!entry.changes.is_empty())
            .then(|| serde_json::Value::Object(entry.changes.clone()).to_string());
        vec![
            Arg::Uuid(id_at(*at)),
            Arg::Int(at.as_micros()),
            by.kind.as_str().into(),
            Arg::Text(by.id.clone()),
            Arg::Text(by.name.clone()),
            opt(&by.address),
            entry.action.as_str().into(),
            opt(&entry.tenant),
            opt(&entry.target),
            Arg::OptText(changes),
            opt(&by.request),
        ]
    }
}

fn forget(kept: &KeptAnswer, step: &'static str) -> Step {
    let text = format!("{FORGET} and exists (select 1 from {{{step}}})");
    let key = [&kept.operator, &kept.key_digest, &kept.request_digest];
    Step::new(text, key.map(|text| Arg::Text(text.clone())).into())
}

/// A new id for a row that is written at a time: ids sort by time.
fn id_at(at: Timestamp) -> Uuid {
    let micros = u64::try_from(at.as_micros()).unwrap_or(0);
    let nanos = u32::try_from(micros % 1_000_000 * 1000).unwrap_or(0);
    Uuid::new_v7(uuid::Timestamp::from_unix(
        uuid::NoContext,
        micros / 1_000_000,
        nanos,
    ))
}

/// The smallest id from a time on.
pub(in crate::store) fn first_id_at(at: Timestamp) -> Uuid {
    let millis = u128::try_from(at.as_micros() / 1000).unwrap_or(0);
    Uuid::from_u128(millis << 80)
}

const AUDIT: &str = "insert into audit (id, at, actor_kind, actor_id, actor_name, address, action, tenant, target, changes, request) \
     select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11";
const AUDIT_ONCE: &str = "insert into audit (id, at, actor_kind, actor_id, actor_name, address, action, tenant, target, changes, request, once_key) \
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) on conflict (once_key) where once_key is not null do nothing";
const KEEP: &str = "insert into kept_answer (operator, key_digest, request_digest, answer, created, running_until) \
     select $1, $2, $3, $4, $5, $6";
const FORGET: &str =
    "delete from kept_answer where operator = $1 and key_digest = $2 and request_digest = $3";
