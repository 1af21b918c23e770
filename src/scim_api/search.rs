//! The body of `POST …/.search` (RFC 7644 section 3.4.3).

use crate::error::Result;
use crate::messages::SearchRequest;
use crate::protocol::{ListQuery, View};
use crate::resource::Conformance;
use serde_json::{Map, Value};

/// Reads a SearchRequest.
///
/// # Errors
/// 400 `invalidValue` if the body is none; 400 `invalidValue` or `invalidFilter` if a member
/// has the wrong type.
pub(crate) fn list_query(body: &Map<String, Value>, conformance: Conformance) -> Result<ListQuery> {
    let search = SearchRequest::read(body, conformance)?;
    Ok(ListQuery {
        filter: search.filter,
        sort_by: search.sort_by,
        sort_order: search.sort_order,
        start_index: search.start_index,
        count: search.count,
        cursor: search.cursor,
        view: View {
            attributes: search.attributes,
            excluded: search.excluded,
            ..View::default()
        },
    })
}
