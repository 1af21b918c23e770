//! The table of operations.

use crate::admin_api::api::{
    audit, directory, entry, feed_tokens, guide, history, keys, log, log_streams, log_users,
    mapping, operators, schema_changes, schemas, statistics, streams, suggestion, tenants, tokens,
    webhooks,
};
use crate::admin_api::operation::Operation;
use percent_encoding::percent_decode_str;

/// All operations, a slice for each kind of resource, in the order of the reference.
const TABLE: &[(&str, &[Operation])] = &[
    ("The API", entry::OPERATIONS),
    ("Tenants", tenants::OPERATIONS),
    ("Tokens", tokens::OPERATIONS),
    ("Feed tokens", feed_tokens::OPERATIONS),
    ("Schemas", schemas::OPERATIONS),
    ("Changes of schemas", schema_changes::OPERATIONS),
    ("Suggestions", suggestion::OPERATIONS),
    ("Log", log::OPERATIONS),
    ("Users in the log", log_users::OPERATIONS),
    ("Streams of the log", log_streams::OPERATIONS),
    ("Guides", guide::OPERATIONS),
    ("Statistics", statistics::OPERATIONS),
    ("Mapping", mapping::OPERATIONS),
    ("Directory", directory::OPERATIONS),
    ("Webhooks", webhooks::OPERATIONS),
    ("Streams", streams::OPERATIONS),
    ("Keys", keys::OPERATIONS),
    ("History", history::OPERATIONS),
    ("Audit", audit::OPERATIONS),
    ("Operators", operators::OPERATIONS),
];

/// The groups of operations with their titles.
pub(crate) fn groups() -> &'static [(&'static str, &'static [Operation])] {
    TABLE
}

/// All operations.
pub(crate) fn all() -> impl Iterator<Item = &'static Operation> {
    TABLE.iter().flat_map(|(_, operations)| operations.iter())
}

/// An operation with the values of the variables in its path.
pub(crate) type Found = (&'static Operation, Vec<(&'static str, String)>);

/// The operations at a path below the base, by method. Of matching templates, one with a literal segment precedes one
/// with a variable.
pub(crate) fn find(path: &str) -> Vec<Found> {
    let path = if path == "/" { "" } else { path };
    let mut found: Vec<(usize, Found)> = all()
        .filter_map(|operation| {
            let segments = segments(operation.path, path)?;
            Some((segments.len(), (operation, segments)))
        })
        .collect();
    let fewest = found.iter().map(|(variables, _)| *variables).min();
    found.retain(|(variables, _)| Some(*variables) == fewest);
    found.into_iter().map(|(_, found)| found).collect()
}

/// The values of the variables of a template in a matching path.
fn segments(template: &'static str, path: &str) -> Option<Vec<(&'static str, String)>> {
    let mut values = Vec::new();
    let mut given = path.split('/');
    for part in template.split('/') {
        let segment = given.next()?;
        let name = part
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'));
        match name {
            Some(name) => {
                let value = percent_decode_str(segment).decode_utf8().ok()?;
                if value.is_empty() {
                    return None;
                }
                values.push((name, value.into_owned()));
            }
            None if part == segment => {}
            None => return None,
        }
    }
    given.next().is_none().then_some(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_and_places_are_unique() {
        let ids: BTreeSet<_> = all().map(|operation| operation.id).collect();
        let places: BTreeSet<_> = all()
            .map(|operation| (operation.path, operation.method.as_str()))
            .collect();
        assert_eq!((ids.len(), places.len()), (all().count(), all().count()));
    }

    #[test]
    fn a_literal_precedes_a_variable() {
        let paths = |path: &str| -> BTreeSet<&str> {
            find(path)
                .iter()
                .map(|(operation, _)| operation.path)
                .collect()
        };
        assert_eq!(paths("/schemas/check"), ["/schemas/check"].into());
        assert_eq!(paths("/schemas/urn:a"), ["/schemas/{urn}"].into());
        assert_eq!(paths("/tenants/a/b/c/d/e/f"), BTreeSet::new());
        let found = find("/tenants/a%2Fb");
        assert_eq!(found[0].1, [("tenant", "a/b".to_owned())]);
    }
}
