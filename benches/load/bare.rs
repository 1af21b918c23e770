//! The floor of durable creates on SQLite: the statements of a create in a bare loop on one connection, as many in
//! a transaction as there are clients, each transaction synced to the disk.

use crate::people::Person;
use crate::tally::Tally;
use crate::turn::{Measure, Meter};
use scimd::resource::accept::accept;
use scimd::resource::entries::entries;
use scimd::resource::limits::ValueLimits;
use scimd::resource::{Acceptance, Attributes, Conformance, Key};
use scimd::schema::ResourceType;
use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection, Row};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Mutex;

const INSERT: &str = "insert into resource (tenant, seq, id, document, display, display_key, takes_seat, version, \
     revision, created, modified) values (1, $1, $2, $3, $4, $5, 1, 1, 1, $6, $6)";
const INDEX: &str = "insert into attribute_value (tenant, attribute, element, is_unique, seq, key) \
     select 1, json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'), $1, \
     json_extract(value, '$[3]') from json_each($2)";
const COUNT: &str = "insert into counter (tenant, kind, shard, live, active, gone) values (1, $1, $2, 1, 1, 0) \
     on conflict (tenant, kind, shard) do update set live = live + 1, active = active + 1";
const LOG: &str = "insert into change (tenant, change, seq, id, version, action, attributes, at) \
     values (1, $1, $2, $3, 1, 'create', $4, $5)";

/// A copy of a database with people in it.
pub(crate) struct Bare {
    connection: Mutex<(SqliteConnection, u64)>,
    kind: i64,
    numbers: HashMap<String, i64>,
    user: Arc<ResourceType>,
}

/// A create, ready to be written.
struct Create {
    id: String,
    document: String,
    display: String,
    names: String,
    values: String,
}

impl Bare {
    /// Opens a database that a server has made and left.
    pub(crate) async fn open(file: &Path) -> Result<Self, String> {
        Self::over(file)
            .await
            .map_err(|error| format!("{}: {error}", file.display()))
    }

    async fn over(file: &Path) -> Result<Self, sqlx::Error> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true);
        let mut connection = SqliteConnection::connect_with(&options).await?;
        let kind = sqlx::query("select kind from kind where name = 'User'")
            .fetch_one(&mut connection)
            .await?
            .get(0);
        let numbers = sqlx::query("select path, attribute from attribute where kind = $1");
        let numbers = numbers.bind(kind).fetch_all(&mut connection).await?;
        let numbers = numbers
            .into_iter()
            .map(|row| (row.get(0), row.get(1)))
            .collect();
        let catalog =
            scimd::model::catalog(&[]).map_err(|error| sqlx::Error::Protocol(error.to_string()))?;
        let user = catalog
            .by_name("User")
            .cloned()
            .ok_or(sqlx::Error::RowNotFound)?;
        Ok(Self {
            connection: Mutex::new((connection, 0)),
            kind,
            numbers,
            user,
        })
    }

    /// Creates people, as many in a transaction as there are clients. What is written is made beforehand.
    pub(crate) async fn turn(&self, clients: usize, measure: Measure) -> Tally {
        let mut turn = Tally::default();
        let (connection, next) = &mut *self.connection.lock().await;
        let enough = measure
            .operations
            .min((measure.seconds * 8000.0) as u64 + clients as u64);
        let creates: Vec<_> = (*next..*next + enough)
            .map(|number| self.create(number))
            .collect();
        let meter = Meter::start(None, None);
        let begun = Instant::now();
        for group in creates.chunks(clients) {
            if begun.elapsed().as_secs_f64() >= measure.seconds {
                break;
            }
            match self.write(connection, *next, group).await {
                Ok(()) => turn.counted += group.len() as u64,
                Err(error) => turn.fail(error.to_string()),
            }
            *next += group.len() as u64;
        }
        meter.stop(&mut turn);
        turn
    }

    async fn write(
        &self,
        connection: &mut SqliteConnection,
        first: u64,
        group: &[Create],
    ) -> Result<(), sqlx::Error> {
        let at = 1_800_000_000_000_000_i64;
        sqlx::query("begin immediate")
            .execute(&mut *connection)
            .await?;
        for (number, create) in (first..).zip(group) {
            let number = i64::try_from(number).unwrap_or(0);
            let seq = (self.kind << 56) + (1 << 55) + number;
            let insert = sqlx::query(INSERT)
                .bind(seq)
                .bind(&create.id)
                .bind(&create.document)
                .bind(&create.display);
            insert
                .bind(create.display.to_lowercase())
                .bind(at)
                .execute(&mut *connection)
                .await?;
            sqlx::query(INDEX)
                .bind(seq)
                .bind(&create.values)
                .execute(&mut *connection)
                .await?;
            sqlx::query(COUNT)
                .bind(self.kind)
                .bind(seq % 16)
                .execute(&mut *connection)
                .await?;
            let log = sqlx::query(LOG)
                .bind((1_i64 << 60) + number)
                .bind(seq)
                .bind(&create.id);
            log.bind(&create.names)
                .bind(at)
                .execute(&mut *connection)
                .await?;
        }
        sqlx::query("commit").execute(&mut *connection).await?;
        Ok(())
    }

    fn create(&self, number: u64) -> Create {
        let person = Person::new(99, number);
        let attributes = self.attributes(person);
        let leaves = self.user.leaves();
        let values = entries(&self.user, &attributes)
            .into_iter()
            .filter_map(|entry| {
                let path = leaves.get(entry.leaf)?;
                let attribute = self.numbers.get(&path.to_string().to_ascii_lowercase())?;
                Some(json!([
                    attribute,
                    entry.element,
                    u8::from(path.end().is_unique()),
                    Key::as_str(&entry.key)
                ]))
            });
        Create {
            id: person.id().to_string(),
            values: values.collect::<Value>().to_string(),
            display: attributes
                .get("displayName")
                .and_then(Value::as_str)
                .unwrap_or("")
                .to_owned(),
            names: attributes.keys().cloned().collect::<Vec<_>>().join(","),
            document: Value::from(attributes).to_string(),
        }
    }

    fn attributes(&self, person: Person) -> Attributes {
        let Value::Object(body) = person.body() else {
            return Attributes::default();
        };
        let limits = ValueLimits::default();
        let accepted = accept(
            &self.user,
            body,
            &mut Acceptance::new(Conformance::Lenient, &limits),
        );
        accepted
            .map(|accepted| accepted.attributes)
            .unwrap_or_default()
    }
}
