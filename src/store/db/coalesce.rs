//! Short reads that are asked for at the same moment go to PostgreSQL together. To send a statement
//! there, to begin and end it, and to wake up whoever waits costs far more than a look at an index
//! does; so statements of one text and one tenant that come while one is under way wait for it, and
//! then go as one, whose parameters are lists. Nobody waits longer than for one that is under way, and not
//! for one that takes long.
//!
//! Each is carried out as it would be alone, within the statement that holds it, and on a view of the
//! database that is no older than its request.

use crate::store::db::error::StoreError;
use crate::store::db::fair_queue::Flow;
use crate::store::db::leader::{Duty, Queues};
use crate::store::db::postgres::{Connections, Lease};
use crate::store::db::row::Row;
use crate::store::db::statement::{Arg, Column, Expanded, together};
use crate::store::db::suspicion::Purpose;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Statements that go together, at most.
const MOST: usize = 64;
/// How long those that came meanwhile wait for the statement that is under way: one that is not answered
/// must not keep the others of its kind.
const HOLD: Duration = Duration::from_millis(250);

type Answer = Result<Vec<Row>, StoreError>;

/// A text, and the tenant that its first value names.
type Kind = (i64, Arc<str>);

/// Reads that wait while others of their kind are under way.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct Gathering(Arc<Queues<Kind, Waiting>>);

#[derive(Debug)]
struct Waiting {
    args: Vec<Arg>,
    answer: oneshot::Sender<Answer>,
}

impl Gathering {
    /// Runs a statement whose first value is the tenant, together with others of its kind.
    pub(in crate::store) async fn read(
        &self,
        connections: &Connections,
        statement: Expanded,
    ) -> Answer {
        let Expanded { text, args } = statement;
        let Some(Arg::Int(tenant)) = args.first() else {
            return connections.rows(Expanded { text, args }).await;
        };
        let kind: Kind = (*tenant, text.into());
        let (answer, answered) = oneshot::channel();
        if let Some(duty) = self.0.join(kind, Waiting { args, answer }) {
            // In a task of its own: whoever gives up waiting must not take the others along.
            tokio::spawn(serve(duty, connections.clone()));
        }
        answered
            .await
            .unwrap_or(Err(StoreError::Away(sqlx::Error::WorkerCrashed)))
    }
}

async fn serve(mut duty: Duty<Kind, Waiting>, connections: Connections) {
    // Requests that have arrived are read first, so that they can come along.
    tokio::task::yield_now().await;
    let mut lease = None;
    while let Some(group) = duty.next(|waiting| waiting.drain(..waiting.len().min(MOST)).collect())
    {
        let mut work = Box::pin(carry_out(
            connections.clone(),
            lease.take(),
            duty.kind().1.clone(),
            group,
        ));
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
        match read_together(&mut lease, together(&text, columns), group.len()).await {
            // Who is not there any more has given up.
            Ok(answers) => group
                .into_iter()
                .zip(answers)
                .for_each(|(one, rows)| drop(one.answer.send(Ok(rows)))),
            Err(error) => return refuse(&connections, &text, group, &error),
        }
    } else {
        for Waiting { args, answer } in group {
            let rows = lease
                .rows(Expanded {
                    text: text.to_string(),
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
    text: &str,
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

/// Those of a group that failed run by themselves, so that each gets its own error.
fn each_alone(connections: &Connections, text: &str, group: Vec<Waiting>) -> Option<Lease> {
    for Waiting { args, answer } in group {
        let (connections, statement) = (
            connections.clone(),
            Expanded {
                text: text.to_owned(),
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
    statement: Expanded,
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
