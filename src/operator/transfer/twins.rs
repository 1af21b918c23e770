//! Lines without an id with the unique values of an earlier line. They belong to one resource only if `externalId` is
//! equal; otherwise the last of them would win, a different one in each run.

use super::jsonl::Record;
use crate::error::{Result, ScimError};
use serde_json::Value;
use std::collections::HashMap;
use uuid::Uuid;

/// The lines without an id, by the derived id.
#[derive(Debug, Default)]
pub(super) struct Twins(HashMap<Uuid, First>);

/// The first of the lines that have the same unique values.
#[derive(Debug)]
struct First {
    line: u64,
    external_id: Option<Box<str>>,
}

impl Twins {
    /// Records a line.
    ///
    /// # Errors
    /// 409 if an earlier line has its unique values and can belong to another resource.
    pub(super) fn admit(&mut self, record: &Record) -> Result<()> {
        if !record.is_id_made {
            return Ok(());
        }
        let external_id = record
            .accepted
            .attributes
            .get("externalId")
            .and_then(Value::as_str);
        match self.0.get(&record.id) {
            None => {
                let external_id = external_id.map(Into::into);
                self.0.insert(
                    record.id,
                    First {
                        line: record.number,
                        external_id,
                    },
                );
                Ok(())
            }
            Some(first) if external_id.is_some() && first.external_id.as_deref() == external_id => {
                Ok(())
            }
            Some(first) => Err(ScimError::uniqueness(format!(
                "The unique values of this line are those of line {}, and neither an id nor an externalId shows that both belong to one resource.",
                first.line
            ))),
        }
    }
}
