//! The migrations of both databases, in the order of their numbers.

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// The migrations in a folder, with the same numbers for both databases.
macro_rules! migrations {
    ($folder:literal) => {
        migrations!($folder,
            1 "0001_directory.sql",
            2 "0002_tenant_revision.sql",
            3 "0003_provisioning.sql",
            4 "0004_schema.sql",
            5 "0005_directory_views.sql",
            6 "0006_statistics.sql",
            7 "0007_provisioning_tenant.sql",
            8 "0008_resource_by_id.sql",
            9 "0009_configured_schema.sql",
            10 "0010_put_without_members.sql",
            11 "0011_reasons.sql",
            12 "0012_token_ending.sql",
            13 "0013_feed.sql",
            14 "0014_operators.sql",
            15 "0015_endpoints.sql",
            16 "0016_tenant_activity.sql",
            17 "0017_scanned_values.sql",
            20 "0020_change_statistics.sql",
            21 "0021_tenant_orders.sql",
            22 "0022_delivery.sql",
            23 "0023_deleted_resources.sql",
            24 "0024_connected_tenants.sql",
            25 "0025_audited_reads.sql",
            26 "0026_running_requests.sql",
            27 "0027_provisioning_about.sql",
            28 "0028_changes_of_resource.sql",
        )
    };
    ($folder:literal, $($version:literal $name:literal,)*) => {
        migrator(&[$(($version, $name, include_str!(concat!("../../../../migrations/", $folder, "/", $name)))),*])
    };
}

/// The migrations of PostgreSQL.
pub(in crate::store) fn postgres() -> Migrator {
    migrations!("postgres")
}

/// The migrations of SQLite.
pub(in crate::store) fn sqlite() -> Migrator {
    migrations!("sqlite")
}

fn migrator(files: &[(i64, &'static str, &'static str)]) -> Migrator {
    let migration = |(version, name, text): &(i64, &'static str, &'static str)| {
        Migration::new(
            *version,
            (*name).into(),
            MigrationType::Simple,
            text.into_sql_str(),
            false,
        )
    };
    Migrator::with_migrations(files.iter().map(migration).collect())
}
