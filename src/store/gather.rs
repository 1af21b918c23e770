//! Short reads that are asked for at the same moment go to PostgreSQL together. To send a statement
//! there, to begin and end it, and to wake up whoever waits costs far more than a look at an index
//! does; so statements of one text and one tenant that come while one is under way wait for it, and
//! then go as one, whose parameters are lists. Nobody waits longer than for one that is under way.
//!
//! Each is carried out as it would be alone, within the statement that holds it, and on a view of the
//! database that is no older than its request.

use super::engine::postgres_rows;
use super::error::StoreError;
use super::queues::{Duty, Queues};
use super::row::Row;
use super::statement::{Arg, Column, Expanded, together};
use sqlx::pool::PoolConnection;
use sqlx::{PgPool, Postgres};
use std::sync::Arc;
use tokio::sync::oneshot;

/// Statements that go together, at most.
const MOST: usize = 64;

type Answer = Result<Vec<Row>, StoreError>;

/// A text, and the tenant that its first value names.
type Kind = (i64, Arc<str>);

/// Reads that wait while others of their kind are under way.
#[derive(Debug, Clone, Default)]
pub(super) struct Gathering(Arc<Queues<Kind, Waiting>>);

#[derive(Debug)]
struct Waiting {
    args: Vec<Arg>,
    answer: oneshot::Sender<Answer>,
}

impl Gathering {
    /// Runs a statement whose first value is the tenant, together with others of its kind.
    pub(super) async fn read(&self, pool: &PgPool, statement: Expanded) -> Answer {
        let Expanded { text, args } = statement;
        let Some(Arg::Int(tenant)) = args.first() else { return postgres_rows(pool, Expanded { text, args }).await };
        let kind: Kind = (*tenant, text.into());
        let (answer, answered) = oneshot::channel();
        if let Some(duty) = self.0.join(kind, Waiting { args, answer }) {
            // In a task of its own: whoever gives up waiting must not take the others along.
            tokio::spawn(serve(duty, pool.clone()));
        }
        answered.await.unwrap_or(Err(StoreError::Away(sqlx::Error::WorkerCrashed)))
    }
}

async fn serve(mut duty: Duty<Kind, Waiting>, pool: PgPool) {
    // Requests that have arrived are read first, so that they can come along.
    tokio::task::yield_now().await;
    let mut connection = None;
    while let Some(group) = duty.next(|waiting| waiting.drain(..waiting.len().min(MOST)).collect()) {
        connection = carry_out(&pool, connection, &duty.kind().1, group).await;
    }
}

type Connection = PoolConnection<Postgres>;

/// Runs a group on the connection of the one before, or on one from the pool; gives it back if it is good.
async fn carry_out(
    pool: &PgPool,
    connection: Option<Connection>,
    text: &str,
    group: Vec<Waiting>,
) -> Option<Connection> {
    let mut connection = match connection {
        Some(connection) => connection,
        None => match pool.acquire().await {
            Ok(connection) => connection,
            // To wait for one each would be to wait twice.
            Err(sqlx::Error::PoolTimedOut) => return none_free(group),
            Err(_) => return each_alone(pool, text, group),
        },
    };
    if group.len() > 1 {
        let Some(columns) = columns(&group) else { return each_alone(pool, text, group) };
        match read_together(&mut connection, together(text, columns), group.len()).await {
            // Who is not there any more has given up.
            Ok(answers) => group.into_iter().zip(answers).for_each(|(one, rows)| drop(one.answer.send(Ok(rows)))),
            Err(_) => return each_alone(pool, text, group),
        }
    } else {
        for Waiting { args, answer } in group {
            let rows = postgres_rows(&mut *connection, Expanded { text: text.to_owned(), args }).await;
            let failed = rows.is_err();
            drop(answer.send(rows));
            if failed {
                return None;
            }
        }
    }
    Some(connection)
}

fn none_free(group: Vec<Waiting>) -> Option<Connection> {
    group.into_iter().for_each(|one| drop(one.answer.send(Err(sqlx::Error::PoolTimedOut.into()))));
    None
}

/// Those of a group that failed run by themselves, so that each gets its own error.
fn each_alone(pool: &PgPool, text: &str, group: Vec<Waiting>) -> Option<Connection> {
    for Waiting { args, answer } in group {
        let (pool, statement) = (pool.clone(), Expanded { text: text.to_owned(), args });
        tokio::spawn(async move { drop(answer.send(postgres_rows(&pool, statement).await)) });
    }
    None
}

/// The values of the group, placeholder by placeholder; `None` if there are some that no list is made of.
fn columns(group: &[Waiting]) -> Option<Vec<Column>> {
    let count = group.first()?.args.len();
    (0..count).map(|at| Column::of(group.iter().map(|one| one.args.get(at)))).collect()
}

/// The rows of each.
async fn read_together(
    connection: &mut Connection,
    statement: Expanded,
    count: usize,
) -> Result<Vec<Vec<Row>>, StoreError> {
    let mut answers: Vec<Vec<Row>> = std::iter::repeat_with(Vec::new).take(count).collect();
    for row in postgres_rows(&mut **connection, statement).await? {
        let number = usize::try_from(row.last_int()?).unwrap_or(0);
        if let Some(answer) = answers.get_mut(number.wrapping_sub(1)) {
            answer.push(row);
        }
    }
    Ok(answers)
}
