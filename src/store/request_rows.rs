//! Requests for the provisioning log, as columns from their end until they are written: values of single requests would
//! occupy many small pieces of memory in the meantime.

use crate::clock::Timestamp;
use crate::store::db::args::{Column, Table};
use crate::store::db::text_column::TextColumn;
use crate::store::logged_request::{Outcome, TenantKey};
use std::borrow::Cow;
use std::collections::BTreeSet;
use uuid::Uuid;
use uuid::fmt::Hyphenated;

/// The columns with texts.
const TEXTS: [&str; 14] = [
    "token",
    "token_name",
    "client",
    "method",
    "route",
    "resource_type",
    "scim_type",
    "detail",
    "filter",
    "changed",
    "notes",
    "request",
    "action",
    "reason",
];
/// Places of some of them.
const CLIENT: usize = 2;
const CHANGED: usize = 9;
const ACTION: usize = 12;
const REASON: usize = 13;

/// A request for the log; the fields are those of [`LoggedRequest`](crate::store::LoggedRequest).
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestRow<'a> {
    pub(crate) tenant: TenantKey,
    pub(crate) at: Timestamp,
    pub(crate) token_id: &'a str,
    pub(crate) token_name: &'a str,
    pub(crate) client: Option<&'a str>,
    pub(crate) method: &'a str,
    pub(crate) route: &'a str,
    pub(crate) resource_type: Option<&'a str>,
    pub(crate) resource: Option<Uuid>,
    pub(crate) status: u16,
    pub(crate) scim_type: Option<&'a str>,
    pub(crate) detail: Option<&'a str>,
    pub(crate) filter: Option<&'a str>,
    pub(crate) changed: Option<&'a str>,
    pub(crate) notes: Option<&'a str>,
    pub(crate) micros: i64,
    pub(crate) request_id: &'a str,
    pub(crate) body: Option<&'a str>,
    pub(crate) action: Option<&'a str>,
    pub(crate) outcome: Outcome,
    pub(crate) reason: Option<&'a str>,
    pub(crate) unproved: bool,
}

/// Requests for the log, in the order in which they are written.
#[derive(Debug, Clone, Default)]
pub(crate) struct RequestRows {
    tenants: Vec<i64>,
    at: Vec<i64>,
    micros: Vec<i64>,
    statuses: Vec<i64>,
    unproved: Vec<bool>,
    outcomes: Vec<Outcome>,
    resources: Vec<Option<Uuid>>,
    texts: [TextColumn; TEXTS.len()],
    /// Rows with a body.
    bodies: Vec<(usize, String)>,
    /// Digests of user names, in the order of the rows.
    digests: Vec<(usize, i64)>,
}

impl RequestRows {
    /// Adds a request.
    pub(crate) fn push(&mut self, row: &RequestRow<'_>) {
        let number = self.len();
        self.tenants.push(row.tenant.0);
        self.at.push(row.at.as_micros());
        self.micros.push(row.micros);
        self.statuses.push(i64::from(row.status));
        self.unproved.push(row.unproved);
        self.outcomes.push(row.outcome);
        self.resources.push(row.resource);
        let texts = [
            Some(row.token_id),
            Some(row.token_name),
            row.client,
            Some(row.method),
            Some(row.route),
            row.resource_type,
            row.scim_type,
            row.detail,
            row.filter,
            row.changed,
            row.notes,
            Some(row.request_id),
            row.action,
            row.reason,
        ];
        for (column, text) in self.texts.iter_mut().zip(texts) {
            column.push(text.map(fit).as_deref());
        }
        self.bodies
            .extend(row.body.map(|body| (number, fit(body).into_owned())));
    }

    /// Adds the digest of a user name of a row. Rows are given in order.
    pub(crate) fn push_digest(&mut self, row: usize, digest: i64) {
        self.digests.push((row, digest));
    }

    /// Number of requests.
    pub(crate) fn len(&self) -> usize {
        self.tenants.len()
    }

    /// The tenant of a row.
    pub(crate) fn tenant(&self, row: usize) -> Option<TenantKey> {
        self.tenants.get(row).map(|tenant| TenantKey(*tenant))
    }

    /// The tenants, in the order of the rows.
    pub(in crate::store) fn tenants(&self) -> &[i64] {
        &self.tenants
    }

    /// The resources, in the order of the rows.
    pub(in crate::store) fn resources(&self) -> &[Option<Uuid>] {
        &self.resources
    }

    /// The digests of user names, with their rows.
    pub(in crate::store) fn digests(&self) -> &[(usize, i64)] {
        &self.digests
    }

    /// The bodies, with their rows.
    pub(in crate::store) fn bodies(&self) -> &[(usize, String)] {
        &self.bodies
    }

    /// The numbers of refused and failed rows.
    pub(in crate::store) fn failed(&self) -> impl Iterator<Item = usize> {
        let rows = self.outcomes.iter().enumerate();
        rows.filter(|(_, outcome)| matches!(outcome, Outcome::Refused | Outcome::Failed))
            .map(|(row, _)| row)
    }

    /// The user agent of a row.
    pub(in crate::store) fn client(&self, row: usize) -> Option<&str> {
        self.text(CLIENT, row)
    }

    /// The time of a row, in microseconds.
    pub(in crate::store) fn at(&self, row: usize) -> Option<i64> {
        self.at.get(row).copied()
    }

    /// The outcome of a row.
    pub(in crate::store) fn outcome(&self, row: usize) -> Option<Outcome> {
        self.outcomes.get(row).copied()
    }

    /// The action of a row; empty if there is none.
    pub(in crate::store) fn action(&self, row: usize) -> &str {
        self.text(ACTION, row).unwrap_or_default()
    }

    /// The reason of a row; empty if there is none.
    pub(in crate::store) fn reason(&self, row: usize) -> &str {
        self.text(REASON, row).unwrap_or_default()
    }

    /// Whether attributes changed.
    pub(in crate::store) fn changes(&self, row: usize) -> bool {
        self.text(CHANGED, row).is_some()
    }

    /// Whether the token was authenticated.
    pub(in crate::store) fn is_proved(&self, row: usize) -> bool {
        self.unproved.get(row) == Some(&false)
    }

    fn text(&self, column: usize, row: usize) -> Option<&str> {
        self.texts.get(column)?.get(row)
    }

    /// The rows as a table parameter, with their positions.
    pub(in crate::store) fn table(&self, entries: &[i64]) -> Table {
        let outcomes = self.outcomes.iter().map(|outcome| Some(outcome.as_str()));
        let mut table = vec![
            ("tenant", Column::Ints(self.tenants.clone())),
            ("entry", Column::Ints(entries.to_vec())),
            ("at", Column::Ints(self.at.clone())),
            ("status", Column::Ints(self.statuses.clone())),
            ("micros", Column::Ints(self.micros.clone())),
            ("unproved", Column::Bools(self.unproved.clone())),
            ("outcome", Column::Texts(outcomes.collect())),
            ("resource", Column::Texts(ids(&self.resources))),
            ("digests", Column::Texts(self.digests_of_rows())),
        ];
        let texts = TEXTS.into_iter().zip(&self.texts);
        table.extend(texts.map(|(name, column)| (name, Column::Texts(column.clone()))));
        table
    }

    /// The digests of each row, separated by commas.
    fn digests_of_rows(&self) -> TextColumn {
        let mut all = self.digests.iter().peekable();
        let of_row = |row| {
            let mut digests = BTreeSet::new();
            while let Some((_, digest)) = all.next_if(|(of, _)| *of == row) {
                digests.insert(*digest);
            }
            let texts: Vec<String> = digests.iter().map(i64::to_string).collect();
            (!texts.is_empty()).then(|| texts.join(","))
        };
        (0..self.len()).map(of_row).collect()
    }
}

/// Ids as texts.
fn ids(resources: &[Option<Uuid>]) -> TextColumn {
    let mut column = TextColumn::default();
    for id in resources {
        let mut text = [0; Hyphenated::LENGTH];
        let text = id.map(|id| &*id.hyphenated().encode_lower(&mut text));
        column.push(text);
    }
    column
}

/// The text without characters that PostgreSQL does not support.
fn fit(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        text.replace('\0', "").into()
    } else {
        text.into()
    }
}
