//! Checks that the stored data is consistent: nothing is lost or incomplete.

use super::{Server, pooler};
use scimd::operator::DatabaseTarget;
use secrecy::ExposeSecret;
use sqlx::{AssertSqlSafe, ConnectOptions};

/// Queries that count inconsistencies.
const FAULTS: &[(&str, &str)] = &[
    (
        "memberships of resources that are gone",
        "select count(*) from member m where \
         not exists (select 1 from resource r where r.tenant = m.tenant and r.seq = m.group_seq) or \
         not exists (select 1 from resource r where r.tenant = m.tenant and r.seq = m.member_seq)",
    ),
    (
        "resources whose version is not the number of their changes",
        "select count(*) from resource r where r.version <> \
         (select count(*) from change c where c.tenant = r.tenant and c.seq = r.seq)",
    ),
    (
        "changes that give a version twice",
        "select count(*) from (select tenant, seq, version from change \
         group by tenant, seq, version having count(*) > 1) twice",
    ),
    (
        "tenants that count their seats wrongly",
        "select count(*) from tenant t where t.seats is not null and t.used <> \
         (select count(*) from resource r where r.tenant = t.tenant and r.takes_seat)",
    ),
    (
        "values of resources that are gone",
        "select count(*) from attribute_value v where \
         not exists (select 1 from resource r where r.tenant = v.tenant and r.seq = v.seq) and (v.is_unique or \
         not exists (select 1 from deleted_resource d where d.tenant = v.tenant and d.seq = v.seq))",
    ),
    (
        "resources that are there and deleted",
        "select count(*) from deleted_resource d \
         join resource r on r.tenant = d.tenant and r.seq = d.seq",
    ),
    (
        "resources without just one unique value",
        "select count(*) from resource r where \
         (select count(*) from attribute_value v where v.tenant = r.tenant and v.seq = r.seq and v.is_unique) <> 1",
    ),
    (
        "memberships that the change log does not tell of",
        "select count(*) from member m join resource r on r.tenant = m.tenant and r.seq = m.member_seq where coalesce( \
         (select sum(case when d.added then 1 else -1 end) from change c \
          join change_member d on d.tenant = c.tenant and d.change = c.change \
          where c.tenant = m.tenant and c.seq = m.group_seq and d.id = r.id), 0) <> 1",
    ),
    (
        "memberships that the change log alone knows",
        "select count(*) from (select c.tenant, c.seq, d.id from change c \
         join change_member d on d.tenant = c.tenant and d.change = c.change \
         join resource g on g.tenant = c.tenant and g.seq = c.seq \
         group by c.tenant, c.seq, d.id having sum(case when d.added then 1 else -1 end) <> 0) logged \
         where not exists (select 1 from member m join resource r on r.tenant = m.tenant and r.seq = m.member_seq \
         where m.tenant = logged.tenant and m.group_seq = logged.seq and r.id = logged.id)",
    ),
];

impl Server {
    /// Fails if the server or a check of its tables finds an inconsistency in the stored data.
    pub(crate) async fn is_sound(&self) {
        assert_eq!(self.operator.verify(false).await.unwrap(), []);
        for (what, query) in FAULTS {
            assert_eq!(self.number(query).await, 0, "{what}");
        }
    }

    /// A connection to the server's PostgreSQL database, without a pooler.
    pub(crate) async fn session(&self) -> sqlx::PgConnection {
        match &self.database {
            DatabaseTarget::Postgres { url } => pooler::connect_behind(url.expose_secret()).await,
            DatabaseTarget::Sqlite { .. } => panic!("no PostgreSQL"),
        }
    }

    /// The number that a query returns.
    pub(crate) async fn number(&self, query: &str) -> i64 {
        match &self.database {
            DatabaseTarget::Postgres { .. } => {
                let mut connection = self.session().await;
                sqlx::query_scalar(AssertSqlSafe(query.to_owned()))
                    .fetch_one(&mut connection)
                    .await
                    .unwrap()
            }
            DatabaseTarget::Sqlite { data_dir } => {
                let options =
                    sqlx::sqlite::SqliteConnectOptions::new().filename(data_dir.join("scimd.db"));
                let mut connection = options.read_only(true).connect().await.unwrap();
                sqlx::query_scalar(AssertSqlSafe(query.to_owned()))
                    .fetch_one(&mut connection)
                    .await
                    .unwrap()
            }
        }
    }

    /// Runs a statement without the server, and without checks of foreign keys.
    pub(crate) async fn spoil(&self, statement: &'static str) {
        assert!(
            self.run(statement).await > 0,
            "nothing is spoilt by: {statement}"
        );
    }

    /// Runs a statement without the server; returns the number of changed rows.
    pub(crate) async fn run(&self, statement: &str) -> u64 {
        let text = AssertSqlSafe(statement.to_owned());
        match &self.database {
            DatabaseTarget::Postgres { .. } => {
                let mut connection = self.session().await;
                sqlx::query("set session_replication_role = replica")
                    .execute(&mut connection)
                    .await
                    .unwrap();
                sqlx::query(text)
                    .execute(&mut connection)
                    .await
                    .unwrap()
                    .rows_affected()
            }
            DatabaseTarget::Sqlite { data_dir } => {
                let options =
                    sqlx::sqlite::SqliteConnectOptions::new().filename(data_dir.join("scimd.db"));
                let mut connection = options.foreign_keys(false).connect().await.unwrap();
                sqlx::query(text)
                    .execute(&mut connection)
                    .await
                    .unwrap()
                    .rows_affected()
            }
        }
    }
}
