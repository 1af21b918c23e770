//! Coalescing of short reads on PostgreSQL.
//!
//! To send a statement, to begin and end it, and to wake the tasks that wait costs far more than a look at an index
//! does. So statements of one text and one tenant that arrive while one runs wait for it, and then run as one
//! statement whose parameters are lists. They do not wait for one that takes long. Each is carried out as it would
//! be alone, on a view of the database that is no older than its request. Only statements that are declared
//! [`Statement::coalescible`] take part, and `database.coalesce_reads` switches coalescing off.
//!
//! [`Statement::coalescible`]: crate::store::db::statement::Statement::coalescible

use crate::metrics::Groups;
use crate::store::db::args::{Arg, Column};
use crate::store::db::error::StoreError;
use crate::store::db::fair_queue::Flow;
use crate::store::db::leader::{Coalescer, Leader};
use crate::store::db::marks::{Piece, pieces};
use crate::store::db::postgres::{Connections, Lease};
use crate::store::db::row::Row;
use crate::store::db::statement::Expanded;
use crate::store::db::suspicion::Purpose;
use crate::store::db::texts::Prepared;
use crate::trace::{self, Origin};
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::Instrument;

/// Reads that run as one statement, at most.
const MOST: usize = 64;
/// How long reads that arrive meanwhile wait for the statement that runs: one that is not answered must not keep the
/// others of its key.
const HOLD: Duration = Duration::from_millis(250);

type Answer = Result<Vec<Row>, StoreError>;

/// A text, and the tenant that its first value names. Texts are the same if they stand in the same place: each is kept
/// once ([`crate::store::db::texts`]).
#[derive(Debug, Clone)]
struct Key {
    tenant: i64,
    text: Arc<str>,
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
    origin: Origin,
    answer: oneshot::Sender<Answer>,
}

impl ReadCoalescer {
    /// A coalescer whose reads are counted.
    pub(in crate::store) fn new(metrics: Groups) -> Self {
        Self {
            waiting: Arc::default(),
            metrics,
        }
    }

    /// Runs a statement whose first value is the tenant, together with others of its key.
    pub(in crate::store) async fn read(
        &self,
        connections: &Connections,
        statement: Prepared,
    ) -> Answer {
        let Prepared { text, args } = statement;
        let Some(Arg::Int(tenant)) = args.first() else {
            return connections.rows(Prepared { text, args }).await;
        };
        let key = Key {
            tenant: *tenant,
            text,
        };
        let (answer, answered) = oneshot::channel();
        if let Some(leader) = self.waiting.join(
            key,
            Waiting {
                args,
                origin: Origin::current(),
                answer,
            },
        ) {
            // In a task of its own: a caller that gives up must not take the others along.
            tokio::spawn(serve(leader, connections.clone(), self.metrics.clone()));
        }
        answered
            .await
            .unwrap_or(Err(StoreError::Away(sqlx::Error::WorkerCrashed)))
    }
}

async fn serve(mut leader: Leader<Key, Waiting>, connections: Connections, metrics: Groups) {
    // Requests that have arrived are read first, so that they can come along.
    tokio::task::yield_now().await;
    let mut lease = None;
    while let Some(group) =
        leader.next(|waiting| waiting.drain(..waiting.len().min(MOST)).collect())
    {
        metrics.note_group(group.len());
        let span = trace::shared("coalesced reads", group.iter().map(|one| &one.origin));
        let work = carry_out(
            connections.clone(),
            lease.take(),
            leader.key().text.clone(),
            group,
        );
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

/// Runs a group on the connection of the one before, or on another; gives it back if it is good.
async fn carry_out(
    connections: Connections,
    lease: Option<Lease>,
    text: Arc<str>,
    group: Vec<Waiting>,
) -> Option<Lease> {
    let flow = group
        .first()
        .map_or(Flow::Server, |first| Flow::of(&first.args));
    let mut lease = match lease.filter(Lease::may_be_kept) {
        Some(lease) => lease,
        None => match connections.lease(flow, Purpose::Read).await {
            Ok(lease) => lease,
            Err(error) => return refuse(&connections, &text, group, &error),
        },
    };
    if group.len() > 1 {
        let Some(columns) = columns(&group) else {
            return each_alone(&connections, &text, group);
        };
        match read_together(
            &mut lease,
            batched_lateral(&text, columns).into(),
            group.len(),
        )
        .await
        {
            // Who is not there any more has given up.
            Ok(answers) => group
                .into_iter()
                .zip(answers)
                .for_each(|(one, rows)| drop(one.answer.send(Ok(rows)))),
            Err(error) => return refuse(&connections, &text, group, &error),
        }
    } else {
        for Waiting { args, answer, .. } in group {
            let rows = lease
                .rows(Prepared {
                    text: text.clone(),
                    args,
                })
                .await;
            let failed = rows.is_err();
            drop(answer.send(rows));
            if failed {
                return None;
            }
        }
    }
    Some(lease)
}

/// Tells all of a group what concerns all of them: to try each would be to wait twice. What may be the
/// fault of one of them concerns that one.
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
            },
        );
        tokio::spawn(async move { drop(answer.send(connections.rows(statement).await)) });
    }
    None
}

/// The values of the group, placeholder by placeholder; `None` if there are some that no list is made of.
fn columns(group: &[Waiting]) -> Option<Vec<Column>> {
    let count = group.first()?.args.len();
    (0..count)
        .map(|at| Column::of(group.iter().map(|one| one.args.get(at))))
        .collect()
}

/// The rows of each.
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

/// A query that carries out another one for each row of its values, which come as columns. The rows have the number
/// of that row as their last column. `offset 0` keeps the two apart, so that the inner one is planned as it is by
/// itself.
fn batched_lateral(text: &str, columns: Vec<Column>) -> Expanded {
    let mut into = Expanded::empty();
    into.text
        .push_str("select one.*, asked.number from unnest(");
    for (i, column) in columns.iter().enumerate() {
        let comma = if i > 0 { "," } else { "" };
        into.push(format_args!("{comma}${}::{}", i + 1, column.pg_type()));
    }
    into.text.push_str(") with ordinality as asked(");
    for i in 0..columns.len() {
        into.push(format_args!("v{}, ", i + 1));
    }
    into.text.push_str("number) cross join lateral (");
    for piece in pieces(text) {
        match piece {
            Piece::Text(text) => into.text.push_str(text),
            Piece::Placeholder(n) => into.push(format_args!("asked.v{n}")),
            // The text was expanded, so that it has no marks.
            Piece::Mark(_) => {}
        }
    }
    into.text.push_str(" offset 0) as one");
    into.args = columns.into_iter().map(Arg::Column).collect();
    into
}
