//! Output of commands on standard output: values, tables and JSON.

use super::failure::Failure;
pub(super) use super::message::print_message;
use serde::Serialize;
use std::io::{self, Write};

/// A value as JSON for programs.
pub(super) fn json(out: &mut dyn Write, value: &impl Serialize) -> Result<(), Failure> {
    serde_json::to_writer_pretty(&mut *out, value).map_err(io::Error::from)?;
    writeln!(out)?;
    Ok(())
}

/// A JSON array that is written element by element, as [`json`] would write the whole.
pub(super) struct JsonList<'a> {
    out: &'a mut dyn Write,
    is_empty: bool,
}

impl<'a> JsonList<'a> {
    /// Nothing is written before the first element or the end, so that a failed list leaves no partial output.
    pub(super) fn begin(out: &'a mut dyn Write) -> Self {
        Self {
            out,
            is_empty: true,
        }
    }

    pub(super) fn push(&mut self, element: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(element).map_err(io::Error::from)?;
        // Line breaks within texts are escaped, so these are all between members.
        write!(
            self.out,
            "{}\n  {}",
            if self.is_empty { "[" } else { "," },
            text.replace('\n', "\n  ")
        )?;
        self.is_empty = false;
        Ok(())
    }

    pub(super) fn end(self) -> Result<(), Failure> {
        writeln!(self.out, "{}]", if self.is_empty { "[" } else { "\n" })?;
        Ok(())
    }
}

/// Rows under headings, each column as wide as its widest cell.
pub(super) fn table(
    out: &mut dyn Write,
    headings: &[&str],
    rows: &[Vec<String>],
) -> Result<(), Failure> {
    let headings: Vec<String> = headings
        .iter()
        .map(|heading| (*heading).to_owned())
        .collect();
    let lines = || std::iter::once(&headings).chain(rows);
    let widths: Vec<usize> = (0..headings.len())
        .map(|column| {
            lines()
                .filter_map(|line| line.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    for line in lines() {
        let cells: Vec<String> = line
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        writeln!(out, "{}", cells.join("  ").trim_end())?;
    }
    Ok(())
}

/// Names with their values, one per line.
pub(super) fn facts(out: &mut dyn Write, facts: &[(&str, String)]) -> Result<(), Failure> {
    let width = facts
        .iter()
        .map(|(name, _)| name.len() + 1)
        .max()
        .unwrap_or(0);
    for (name, value) in facts {
        writeln!(out, "{:width$}  {value}", format!("{name}:"))?;
    }
    Ok(())
}

/// A time for a table, to the minute, or a dash.
pub(super) fn moment(moment: Option<impl ToString>) -> String {
    let text = moment.map(|moment| moment.to_string());
    text.as_deref()
        .and_then(|text| text.get(..16))
        .map_or("-".to_owned(), |minute| {
            format!("{}Z", minute.replace('T', " "))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    #[test]
    fn tables_are_aligned() {
        let mut out = Vec::new();
        let rows = [
            vec!["añb".to_owned(), String::new()],
            vec!["c".to_owned(), "12345".to_owned()],
        ];
        table(&mut out, &["A", "B"], &rows).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "A    B\nañb\nc    12345\n");
    }

    #[test]
    fn a_list_is_written_like_an_array() {
        for elements in [
            vec![],
            vec![serde_json::json!({"a": "x\ny", "b": [1]})],
            vec![1.into(), 2.into()],
        ] {
            let (mut whole, mut pieces) = (Vec::new(), Vec::new());
            json(&mut whole, &elements).unwrap();
            let mut list = JsonList::begin(&mut pieces);
            elements
                .iter()
                .try_for_each(|element| list.push(element))
                .unwrap();
            list.end().unwrap();
            assert_eq!(
                String::from_utf8(pieces).unwrap(),
                String::from_utf8(whole).unwrap()
            );
        }
    }

    #[test]
    fn moments_are_short() {
        assert_eq!(
            moment(Some(Timestamp::from_micros(1_700_000_000_123_000))),
            "2023-11-14 22:13Z"
        );
        assert_eq!(moment(None::<Timestamp>), "-");
    }
}
