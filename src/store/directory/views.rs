//! The text of the views.

use super::dialect::Dialect;
use super::json::{first, quoted};
use crate::mapping::{Directory, DirectoryColumn, DirectoryTable};
use crate::store::changes::views::{EVENT_MEMBERS, EVENTS};
use crate::store::resources::ids::CatalogIds;
use crate::store::resources::seq::keys_of_type;
use std::ops::Range;

/// The views of a directory for the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Views(Vec<View>);

/// A view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct View {
    pub(super) name: &'static str,
    pub(super) columns: Vec<String>,
    pub(super) query: String,
}

/// The context of the text.
struct WriteContext {
    dialect: Dialect,
    /// Whether every row has its lookup values.
    is_filled: bool,
    users: Range<i64>,
    groups: Range<i64>,
}

impl Views {
    pub(super) fn of(
        directory: &Directory,
        layout: &CatalogIds,
        dialect: Dialect,
        is_filled: bool,
    ) -> Self {
        let keys = |table: &DirectoryTable| {
            let of_type = layout
                .types()
                .iter()
                .find(|t| t.resource_type.name().as_ref() == table.resource_type);
            // An unknown type has no rows.
            of_type.map_or(0..0, |of_type| keys_of_type(of_type.type_id))
        };
        let (users, groups) = (keys(&directory.users), keys(&directory.groups));
        let writing = WriteContext {
            dialect,
            is_filled,
            users,
            groups,
        };
        Self(vec![
            writing.resources("directory_users", &directory.users, &writing.users),
            writing.resources("directory_groups", &directory.groups, &writing.groups),
            writing.memberships(directory),
            writing.events(),
            writing.event_members(),
        ])
    }

    pub(super) fn views(&self) -> &[View] {
        &self.0
    }

    /// Names of the views, each with its query.
    pub(crate) fn queries(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|view| (view.name, view.query.as_str()))
    }

    /// The expected content of the database, as one text.
    pub(super) fn text(&self) -> String {
        self.queries()
            .map(|(name, query)| format!("{name}:\n{query}\n"))
            .collect()
    }
}

impl WriteContext {
    fn resources(&self, name: &'static str, table: &DirectoryTable, keys: &Range<i64>) -> View {
        let (external_id, mapped) = table
            .columns
            .split_first()
            .map_or((None, &[][..]), |(e, rest)| (Some(e), rest));
        let mut columns = vec![("tenant", "t.name".to_owned()), ("id", "r.id".to_owned())];
        columns.extend(
            external_id.map(|column| (column.name.as_str(), self.value(column, "r", "d.document"))),
        );
        columns.extend([
            ("created", self.moment("r.created")),
            ("modified", self.moment("r.modified")),
        ]);
        columns.push(("version", "r.version".to_owned()));
        columns.extend(
            mapped
                .iter()
                .map(|column| (column.name.as_str(), self.value(column, "r", "d.document"))),
        );
        // A document is parsed once for each row, and only if a column from it is selected.
        let parsed = match self.dialect {
            Dialect::Postgres => {
                "\n  cross join lateral (select r.document::jsonb as document offset 0) d"
            }
            Dialect::Sqlite => "",
        };
        let from = format!(
            "tenant t\n  join resource r on r.tenant = t.tenant and {}{parsed}",
            within("r.seq", keys)
        );
        view(name, &columns, &from)
    }

    /// Direct memberships: those of users, and of groups in groups.
    fn memberships(&self, directory: &Directory) -> View {
        let column = |table: &'static str, columns: &DirectoryTable, name: &str| {
            let found = columns.columns.iter().find(|column| column.name == name);
            found.map_or("null".to_owned(), |column| {
                self.value(column, table, &self.document(table))
            })
        };
        let columns = [
            ("tenant", "t.name".to_owned()),
            ("group_id", "g.id".to_owned()),
            ("group_name", column("g", &directory.groups, "name")),
            ("user_id", "u.id".to_owned()),
            ("login", column("u", &directory.users, "login")),
            ("member_group_id", "s.id".to_owned()),
            ("member_group_name", column("s", &directory.groups, "name")),
        ];
        let (of_users, of_groups) = (
            within("m.member_seq", &self.users),
            within("m.member_seq", &self.groups),
        );
        let from = format!(
            "tenant t\n  join member m on m.tenant = t.tenant and {} and ({of_users} or {of_groups})\
             \n  join resource g on g.tenant = m.tenant and g.seq = m.group_seq\
             \n  left join resource u on u.tenant = m.tenant and u.seq = m.member_seq and {}\
             \n  left join resource s on s.tenant = m.tenant and s.seq = m.member_seq and {}",
            within("m.group_seq", &self.groups),
            within("u.seq", &self.users),
            within("s.seq", &self.groups)
        );
        view("directory_memberships", &columns, &from)
    }

    /// The change feed. Events about tenants for all readers have no tenant; their document is a list that begins with
    /// the name.
    fn events(&self) -> View {
        let name = match self.dialect {
            Dialect::Postgres => "c.document::json ->> 0",
            Dialect::Sqlite => "json_extract(c.document, '$[0]')",
        };
        let columns = [
            ("position", "f.position".to_owned()),
            (
                "tenant",
                format!("case c.tenant when 0 then {name} else t.name end"),
            ),
            ("action", "c.action".to_owned()),
            ("resource_type", "coalesce(k.name, 'Tenant')".to_owned()),
            ("id", "c.id".to_owned()),
            ("version", "c.version".to_owned()),
            ("at", self.moment("c.at")),
            ("changed", "c.attributes".to_owned()),
            ("members", "c.members".to_owned()),
        ];
        view("directory_events", &columns, EVENTS)
    }

    /// Members that joined or left a group with a change of the feed.
    fn event_members(&self) -> View {
        let columns = [
            ("position", "f.position".to_owned()),
            ("member_id", "m.id".to_owned()),
            ("member_type", "k.name".to_owned()),
            ("added", "m.added".to_owned()),
        ];
        view("directory_event_members", &columns, EVENT_MEMBERS)
    }

    fn value(&self, column: &DirectoryColumn, table: &str, document: &str) -> String {
        let document = match self.dialect {
            Dialect::Postgres => document.to_owned(),
            Dialect::Sqlite => self.document(table),
        };
        match column.lookup {
            Some(position) if self.is_filled => format!("{table}.lookup_{}", position + 1),
            _ => first(self.dialect, &document, &column.sources),
        }
    }

    fn document(&self, table: &str) -> String {
        match self.dialect {
            Dialect::Postgres => format!("({table}.document::jsonb)"),
            Dialect::Sqlite => format!("{table}.document"),
        }
    }

    /// Times are stored in microseconds.
    fn moment(&self, column: &str) -> String {
        match self.dialect {
            Dialect::Postgres => {
                format!("timestamptz 'epoch' + {column} * interval '1 microsecond'")
            }
            Dialect::Sqlite => format!(
                "printf('%s.%03dZ', strftime('%Y-%m-%dT%H:%M:%S', {column} / 1000000, 'unixepoch'), \
                 {column} / 1000 % 1000)"
            ),
        }
    }
}

fn within(column: &str, keys: &Range<i64>) -> String {
    format!("{column} >= {} and {column} < {}", keys.start, keys.end)
}

fn view(name: &'static str, columns: &[(&str, String)], from: &str) -> View {
    let selected: Vec<_> = columns
        .iter()
        .map(|(name, value)| format!("  {value} as \"{name}\""))
        .collect();
    View {
        name,
        columns: columns.iter().map(|(name, _)| (*name).to_owned()).collect(),
        query: format!("select\n{}\nfrom {from}", selected.join(",\n")),
    }
}

/// The PostgreSQL statement that creates or replaces the views: one atomic block. If columns were removed or changed
/// their type, the view is dropped first, and its grants are restored. An advisory lock excludes other instances.
pub(super) fn postgres_block(views: &Views, kept: &str) -> String {
    let mut block = String::from(
        "declare grants text[]; granted text;\nbegin\n\
         perform pg_advisory_xact_lock(hashtextextended('scimd directory', 0));\n",
    );
    for View {
        name,
        columns,
        query,
    } in views.views()
    {
        let create = quoted(&format!("create or replace view {name} as {query}"));
        let columns: Vec<_> = columns.iter().map(|column| quoted(column)).collect();
        block.push_str(&format!(
            "begin\n  execute {create};\nexception when invalid_table_definition then\n  \
             select coalesce(array_agg(g.granted), '{{}}') into grants from (\n    \
             select format('grant %s on {name} to %s%s', a.privilege_type, case a.grantee when 0 then 'public' \
             else quote_ident(pg_get_userbyid(a.grantee)) end, case when a.is_grantable then ' with grant option' else '' end) \
             as granted from pg_class c, aclexplode(c.relacl) a where c.oid = '{name}'::regclass and a.grantee <> c.relowner\n    \
             union all select format('grant %s (%I) on {name} to %s%s', a.privilege_type, n.attname, case a.grantee when 0 \
             then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end, case when a.is_grantable then ' with grant option' \
             else '' end) from pg_attribute n, aclexplode(n.attacl) a where n.attrelid = '{name}'::regclass \
             and n.attname = any (array[{}])) g;\n  \
             drop view {name};\n  execute {create};\n  \
             foreach granted in array grants loop execute granted; end loop;\nend;\n",
            columns.join(", ")
        ));
    }
    let (kept, text) = (quoted(kept), quoted(&views.text()));
    block.push_str(&format!(
        "insert into shared (name, value) values ({kept}, {text}) on conflict (name) do update set value = excluded.value;\nend"
    ));
    let mut tag = "$scimd$".to_owned();
    while block.contains(&tag) {
        tag.insert(1, 'x');
    }
    format!("do {tag}\n{block}\n{tag}")
}

/// The statements that create the views on SQLite.
pub(super) fn sqlite_statements(views: &Views, kept: &str) -> Vec<String> {
    let mut statements = Vec::new();
    for View { name, query, .. } in views.views() {
        statements.push(format!("drop view if exists {name}"));
        statements.push(format!("create view {name} as {query}"));
    }
    let (kept, text) = (quoted(kept), quoted(&views.text()));
    statements.push(format!(
        "insert into shared (name, value) values ({kept}, {text}) on conflict (name) do update set value = excluded.value"
    ));
    statements
}
