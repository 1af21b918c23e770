//! Coalescing of short reads on PostgreSQL.
//!
//! Sending, starting and ending a statement, and waking the waiting tasks, costs far more than an index lookup.
//! Statements with the same text and tenant that arrive while one runs therefore wait for it, and then run as one
//! statement whose parameters are lists. They wait for at most a quarter of a second. Each has the result of a separate
//! execution, on a snapshot that is no older than its request. Only statements declared as [`Statement::coalescible`]
//! are coalesced, and `database.coalesce_reads` disables coalescing.
//!
//! [`Statement::coalescible`]: crate::store::db::statement::Statement::coalescible

use crate::metrics::Groups;
use crate::store::db::args::{Arg, Column};
use crate::store::db::error::StoreError;
use crate::store::db::flow::Flow;
use crate::store::db::joint_text::JointText;
use crate::store::db::leader::{Coalescer, Leader};
use crate::store::db::postgres::Connections;
use crate::store::db::postgres_lease::Lease;
use crate::store::db::postgres_texts::{Prepared, Together};
use crate::store::db::row::Row;
use crate::store::db::suspicion::Purpose;
use crate::trace::{self, CallerSpan};
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::Instrument;

/// Maximum number of reads in one statement.
const MAX: usize = 64;
/// Maximum time that new reads wait for the running statement: a statement without a response must not block the other
/// reads of its key.
const HOLD: Duration = Duration::from_millis(250);

type Answer = Result<Vec<Row>, StoreError>;

/// A text, and the tenant in its first value. Texts are compared by address: each is stored once
/// ([`crate::store::db::postgres_texts`]).
#[derive(Debug, Clone)]
struct Key {
    tenant: i64,
    text: Arc<str>,
    together: Together,
}

impl Key {
    /// The text of several reads; `None` if there are values without a list type.
    fn joint(&self, args: &[Arg]) -> Option<&JointText> {
        let joint = self
            .together
            .get_or_init(|| JointText::of(&self.text, args));
        joint.as_ref()
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.tenant == other.tenant && Arc::ptr_eq(&self.text, &other.text)
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, into: &mut H) {
        (self.tenant, self.text.as_ptr().addr()).hash(into);
    }
}

/// Reads that wait while others of their key run.
#[derive(Debug, Clone)]
pub(in crate::store) struct ReadCoalescer {
    waiting: Arc<Coalescer<Key, Waiting>>,
    metrics: Groups,
}

#[derive(Debug)]
struct Waiting {
    args: Vec<Arg>,
    origin: CallerSpan,
    answer: oneshot::Sender<Answer>,
}

impl ReadCoalescer {
    /// A coalescer with metrics.
    pub(in crate::store) fn new(metrics: Groups) -> Self {
        Self {
            waiting: Arc::default(),
            metrics,
        }
    }

    /// Runs a statement whose first value is the tenant, together with waiting ones of the same key.
    pub(in crate::store) async fn read(
        &self,
        connections: &Connections,
        statement: Prepared,
    ) -> Answer {
        let Some(Arg::Int(tenant)) = statement.args.first() else {
            return connections.rows(statement).await;
        };
        let tenant = *tenant;
        let Prepared {
            text,
            args,
            together,
        } = statement;
        let key = Key {
            tenant,
            text,
            together,
        };
        let (answer, answered) = oneshot::channel();
        if let Some(leader) = self.waiting.join(
            key,
            Waiting {
                args,
                origin: CallerSpan::current(),
                answer,
            },
        ) {
            // In a separate task: a cancelled caller must not cancel the others.
            tokio::spawn(serve(leader, connections.clone(), self.metrics.clone()));
        }
        answered
            .await
            .unwrap_or(Err(StoreError::Away(sqlx::Error::WorkerCrashed)))
    }
}

async fn serve(mut leader: Leader<Key, Waiting>, connections: Connections, metrics: Groups) {
    // A yield lets requests that have already arrived join.
    tokio::task::yield_now().await;
    let mut lease = None;
    let key = leader.key().clone();
    while let Some(group) = leader.next(|waiting| alike(&key, waiting)) {
        metrics.note_group(group.len());
        let span = trace::shared("coalesced reads", group.iter().map(|one| &one.origin));
        let work = carry_out(connections.clone(), lease.take(), key.clone(), group);
        let mut work = Box::pin(work.instrument(span));
        lease = match timeout(HOLD, &mut work).await {
            Ok(lease) => lease,
            Err(_) => {
                tokio::spawn(work);
                None
            }
        };
    }
}

/// Runs a group on the connection of the previous group, or on another; returns the connection if it is usable.
async fn carry_out(
    connections: Connections,
    lease: Option<Lease>,
    key: Key,
    group: Vec<Waiting>,
) -> Option<Lease> {
    let text = &key.text;
    let flow = group
        .first()
        .map_or(Flow::Server, |first| Flow::of(&first.args));
    let mut lease = match lease.filter(Lease::may_be_kept) {
        Some(lease) => lease,
        None => match connections.lease(flow, Purpose::Read).await {
            Ok(lease) => lease,
            Err(error) => return refuse(&connections, text, group, &error),
        },
    };
    if group.len() > 1 {
        let Some(statement) = together(&key, &group) else {
            return each_alone(&connections, text, group);
        };
        match read_together(&mut lease, statement, group.len()).await {
            // A closed receiver belongs to a cancelled request.
            Ok(answers) => group
                .into_iter()
                .zip(answers)
                .for_each(|(one, rows)| drop(one.answer.send(Ok(rows)))),
            Err(error) => return refuse(&connections, text, group, &error),
        }
    } else {
        for Waiting { args, answer, .. } in group {
            let statement = Prepared {
                text: text.clone(),
                args,
                together: key.together.clone(),
            };
            let rows = lease.rows(statement).await;
            let failed = rows.is_err();
            drop(answer.send(rows));
            if failed {
                return None;
            }
        }
    }
    Some(lease)
}

/// Returns an error that affects all statements of a group to all of them: retrying each would wait again. Other errors
/// can be caused by one statement.
fn refuse(
    connections: &Connections,
    text: &Arc<str>,
    group: Vec<Waiting>,
    error: &StoreError,
) -> Option<Lease> {
    if error.of_all().is_none() {
        return each_alone(connections, text, group);
    }
    for Waiting { answer, .. } in group {
        drop(error.of_all().map(|error| answer.send(Err(error))));
    }
    None
}

/// Runs the statements of a group that failed one by one, so that each gets its own error.
fn each_alone(connections: &Connections, text: &Arc<str>, group: Vec<Waiting>) -> Option<Lease> {
    for Waiting { args, answer, .. } in group {
        let (connections, statement) = (
            connections.clone(),
            Prepared {
                text: text.clone(),
                args,
                together: Together::default(),
            },
        );
        tokio::spawn(async move { drop(answer.send(connections.rows(statement).await)) });
    }
    None
}

/// The first waiting statement, and others with the same values for the parts that the text reads once for all.
fn alike(key: &Key, waiting: &mut Vec<Waiting>) -> Vec<Waiting> {
    let (Some(first), true) = (waiting.first(), waiting.len() > 1) else {
        return std::mem::take(waiting);
    };
    let once = key.joint(&first.args).map_or(&[][..], JointText::once);
    let first: Vec<Option<Arg>> = once.iter().map(|n| value(first, *n).cloned()).collect();
    let mut count = 0;
    let is_alike = |one: &mut Waiting| {
        let mut values = once.iter().zip(&first);
        let is_alike = count < MAX && values.all(|(n, first)| value(one, *n) == first.as_ref());
        count += usize::from(is_alike);
        is_alike
    };
    waiting.extract_if(.., is_alike).collect()
}

/// The value of a placeholder.
fn value(waiting: &Waiting, placeholder: usize) -> Option<&Arg> {
    waiting.args.get(placeholder.checked_sub(1)?)
}

/// A query for all statements of a group; `None` if there are values without a list type.
fn together(key: &Key, group: &[Waiting]) -> Option<Prepared> {
    let first = group.first()?;
    let joint = key.joint(&first.args)?;
    let once = joint.once().iter().map(|n| value(first, *n).cloned());
    let each = joint.each().iter().map(|n| {
        let values = group.iter().map(|one| value(one, *n));
        Column::of(values).map(Arg::Column)
    });
    Some(Prepared {
        text: joint.text().clone(),
        args: once.chain(each).collect::<Option<_>>()?,
        together: Together::default(),
    })
}

/// The rows of each read.
async fn read_together(
    lease: &mut Lease,
    statement: Prepared,
    count: usize,
) -> Result<Vec<Vec<Row>>, StoreError> {
    let mut answers: Vec<Vec<Row>> = std::iter::repeat_with(Vec::new).take(count).collect();
    for row in lease.rows(statement).await? {
        let number = usize::try_from(row.last_int()?).unwrap_or(0);
        if let Some(answer) = answers.get_mut(number.wrapping_sub(1)) {
            answer.push(row);
        }
    }
    Ok(answers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(token: &str, id: i64) -> Waiting {
        Waiting {
            args: vec![Arg::Int(7), token.into(), Arg::Int(id)],
            origin: CallerSpan::current(),
            answer: oneshot::channel().0,
        }
    }

    const TEXT: &str = "select r.a from (/*once*/ select 1 from token where tenant = $1 and id = $2 /*end*/) as caller \
         left join r on r.tenant = $1 and r.id = $3";

    fn key() -> Key {
        Key {
            tenant: 7,
            text: TEXT.into(),
            together: Together::default(),
        }
    }

    #[test]
    fn values_of_the_shared_part_are_equal() {
        let group = [waiting("a", 1), waiting("a", 2)];
        assert_eq!(
            together(&key(), &group).unwrap().args,
            [
                Arg::Int(7),
                "a".into(),
                Arg::Column(Column::Ints(vec![1, 2])),
            ]
        );
    }

    #[test]
    fn reads_with_another_token_wait() {
        let mut all = vec![waiting("a", 1), waiting("b", 2), waiting("a", 3)];
        let ids = |group: Vec<Waiting>| -> Vec<Arg> {
            group
                .into_iter()
                .filter_map(|one| one.args.last().cloned())
                .collect()
        };
        assert_eq!(ids(alike(&key(), &mut all)), [Arg::Int(1), Arg::Int(3)]);
        assert_eq!(ids(alike(&key(), &mut all)), [Arg::Int(2)]);
        assert_eq!(ids(alike(&key(), &mut all)), []);
    }
}
