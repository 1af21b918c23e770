//! The values of an attribute while an operation changes some of them. A single-valued attribute is handled as a list
//! of at most one value.

use super::change::{Change, Edit, NoMatch, Selection, SubChange, additions, in_order};
use crate::error::{Error, Problem, Result};
use crate::resource::limits::ValueLimits;
use crate::resource::{Identity, identity, same};
use crate::schema::{Attribute, Mutability};
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Changes an attribute in the object that contains it: the document, an extension, or a value.
pub(super) fn apply_change(
    attribute: &Attribute,
    change: &Change,
    holder: &mut Map<String, Value>,
    limits: &ValueLimits,
) -> Result<()> {
    let mut values = Values::take(attribute, holder, limits);
    match change {
        Change::Set(value) => values.set(value)?,
        Change::Append(added) => values.append(added)?,
        Change::Unset => values.clear(),
        Change::UnsetUnless(beside, value) => {
            let is = holder.get(beside.name().as_ref());
            if !is.is_some_and(|is| same(beside, is, value)) {
                values.clear();
            }
        }
        Change::Select(selection) => values.change(selection)?,
    }
    values.put_back(holder)
}

struct Values<'a> {
    attribute: &'a Attribute,
    values: Vec<Value>,
    limits: &'a ValueLimits,
    /// Previous number of values.
    before: usize,
    /// Positions of values that this operation sets as primary.
    primary: Vec<usize>,
}

impl<'a> Values<'a> {
    /// Removes the values from the object, until [`Self::put_back`].
    fn take(
        attribute: &'a Attribute,
        holder: &mut Map<String, Value>,
        limits: &'a ValueLimits,
    ) -> Self {
        let values = match holder.get_mut(attribute.name().as_ref()).map(Value::take) {
            Some(Value::Array(values)) => values,
            Some(one) => vec![one],
            None => Vec::new(),
        };
        Self {
            attribute,
            before: values.len(),
            values,
            limits,
            primary: Vec::new(),
        }
    }

    fn clear(&mut self) {
        self.values.clear();
    }

    /// Replaces the values.
    fn set(&mut self, list: &Value) -> Result<()> {
        self.clear();
        self.append(each(list))
    }

    /// Adds missing values. A value that differs only in other sub-attributes from one with the same `type` and `value`
    /// is merged into it (RFC 7643 section 2.4: the pair occurs once).
    fn append(&mut self, added: &[Value]) -> Result<()> {
        let attribute = self.attribute;
        let mut there: HashSet<_> = self
            .values
            .iter()
            .map(|value| identity(attribute, value))
            .collect();
        let places = self.values.iter().enumerate().rev();
        let mut pairs: HashMap<_, _> = places
            .filter_map(|(i, value)| Some((pair(attribute, value)?, i)))
            .collect();
        for value in added {
            if !there.insert(identity(attribute, value)) {
                continue;
            }
            let pair = pair(attribute, value);
            match pair.as_ref().and_then(|pair| pairs.get(pair)) {
                Some(&i) => self.complete(i, value)?,
                None => {
                    pairs.extend(pair.map(|pair| (pair, self.values.len())));
                    self.push(value.clone());
                }
            }
        }
        Ok(())
    }

    fn complete(&mut self, i: usize, by: &Value) -> Result<()> {
        let (Some(Value::Object(there)), Value::Object(by)) = (self.values.get(i), by) else {
            return Ok(());
        };
        let subs = additions(self.attribute, by, there);
        self.merge(i, &subs)
    }

    fn push(&mut self, value: Value) {
        if is_primary(&value) {
            self.primary.push(self.values.len());
        }
        self.values.push(value);
    }

    /// Changes the selected values.
    fn change(&mut self, selection: &Selection) -> Result<()> {
        let selected = |(i, value): (usize, &Value)| {
            selection.which.selects(self.attribute, value).then_some(i)
        };
        let selected: Vec<usize> = self
            .values
            .iter()
            .enumerate()
            .filter_map(selected)
            .collect();
        if selected.is_empty() {
            return self.without_match(&selection.no_match);
        }
        match &selection.edit {
            Edit::Merge(subs) => selected.into_iter().try_for_each(|i| self.merge(i, subs))?,
            Edit::Replace(value, kept) => selected
                .into_iter()
                .try_for_each(|i| self.replace(i, value, kept))?,
            Edit::Remove => selected.into_iter().for_each(|i| self.remove(i)),
        }
        self.remove_duplicates();
        Ok(())
    }

    fn without_match(&mut self, no_match: &NoMatch) -> Result<()> {
        let name = self.attribute.name();
        let has_room = self.attribute.is_multi_valued() || self.values.is_empty();
        match no_match {
            NoMatch::Nothing => Ok(()),
            NoMatch::Make(value) if has_room => self.append(std::slice::from_ref(value)),
            _ => Err(Error::no_target(format!(
                "No value of \"{name}\" matches the filter of the path."
            ))),
        }
    }

    fn merge(&mut self, i: usize, subs: &[SubChange]) -> Result<()> {
        let Some(Value::Object(value)) = self.values.get_mut(i) else {
            return Ok(());
        };
        for SubChange { sub, change } in subs {
            let was = value.get(sub.name().as_ref()).cloned();
            apply_change(sub, change, value, self.limits)?;
            if self.attribute.is_multi_valued() {
                keeps_immutable(self.attribute, sub, was.as_ref(), value)?;
                keeps_required(self.attribute, sub, was.as_ref(), value)?;
            }
        }
        *value = in_order(self.attribute, std::mem::take(value));
        if subs.iter().any(sets_primary) {
            self.primary.push(i);
        }
        Ok(())
    }

    /// Removes a value. Positions do not change: the value becomes null, and [`Self::put_back`] drops it.
    fn remove(&mut self, i: usize) {
        if let Some(value) = self.values.get_mut(i) {
            *value = Value::Null;
        }
    }

    fn replace(&mut self, i: usize, by: &Value, kept: &[Arc<Attribute>]) -> Result<()> {
        let Some(value) = self.values.get_mut(i) else {
            return Ok(());
        };
        let mut by = by.clone();
        if let (Some(was), Value::Object(by)) = (value.as_object(), &mut by) {
            let kept = kept.iter().map(|sub| sub.name().as_ref());
            by.extend(kept.filter_map(|name| Some((name.to_owned(), was.get(name)?.clone()))));
            *by = in_order(self.attribute, std::mem::take(by));
        }
        if let (true, Some(was), Some(is)) = (
            self.attribute.is_multi_valued(),
            value.as_object(),
            by.as_object(),
        ) {
            for sub in self.attribute.sub_attributes() {
                keeps_immutable(self.attribute, sub, was.get(sub.name().as_ref()), is)?;
            }
        }
        if is_primary(&by) {
            self.primary.push(i);
        }
        if let Some(value) = self.values.get_mut(i) {
            *value = by;
        }
        Ok(())
    }

    /// Merges values that became equal by an operation. Removals are applied first, so that a primary value is not
    /// replaced by another.
    fn remove_duplicates(&mut self) {
        self.unset_other_primaries();
        let mut seen = HashSet::new();
        let attribute = self.attribute;
        self.values
            .retain(|value| seen.insert(identity(attribute, value)));
    }

    /// If this operation sets a value as primary, removes `primary` from the others (RFC 7644 section 3.5.2). Two
    /// primary values in one operation are kept, and are an error of the request.
    fn unset_other_primaries(&mut self) {
        let chosen = std::mem::take(&mut self.primary);
        if chosen.is_empty() {
            return;
        }
        let others = self
            .values
            .iter_mut()
            .enumerate()
            .filter(|(i, value)| !chosen.contains(i) && is_primary(value));
        for (_, value) in others {
            if let Some(object) = value.as_object_mut() {
                object.insert("primary".to_owned(), Value::Bool(false));
            }
        }
    }

    /// Writes the remaining values to the object, if any.
    ///
    /// # Errors
    /// 400 `invalidValue` if there are more than allowed.
    fn put_back(mut self, holder: &mut Map<String, Value>) -> Result<()> {
        self.unset_other_primaries();
        self.values.retain(|value| {
            !value.is_null() && value.as_object().is_none_or(|object| !object.is_empty())
        });
        let name = self.attribute.name();
        let (count, max) = (self.values.len(), self.limits.values_of(self.attribute));
        if count > max && count > self.before {
            let detail = format!(
                "Attribute \"{name}\" would have {count} values; at most {max} are allowed."
            );
            return Err(Error::invalid_value(detail));
        }
        let value = match self.attribute.is_multi_valued() {
            true => Some(Value::Array(self.values)).filter(|_| count > 0),
            false => self.values.into_iter().next(),
        };
        match value {
            Some(value) => holder.insert(name.to_string(), value),
            None => holder.remove(name.as_ref()),
        };
        Ok(())
    }
}

fn each(value: &Value) -> &[Value] {
    value
        .as_array()
        .map_or(std::slice::from_ref(value), Vec::as_slice)
}

/// The pair that is unique in an attribute: `value` and `type`.
fn pair(attribute: &Attribute, value: &Value) -> Option<(Identity, Option<Identity>)> {
    let part = |name: &str| Some(identity(attribute.sub_attribute(name)?, value.get(name)?));
    Some((part("value")?, part("type")))
}

fn is_primary(value: &Value) -> bool {
    value.get("primary") == Some(&Value::Bool(true))
}

fn sets_primary(change: &SubChange) -> bool {
    change.sub.name().as_ref() == "primary"
        && matches!(change.change, Change::Set(Value::Bool(true)))
}

/// Refuses a change of an immutable sub-attribute that has a value; the complete value can be removed.
fn keeps_immutable(
    attribute: &Attribute,
    sub: &Attribute,
    was: Option<&Value>,
    value: &Map<String, Value>,
) -> Result<()> {
    let Some(was) = was.filter(|_| sub.mutability() == Mutability::Immutable) else {
        return Ok(());
    };
    match value.get(sub.name().as_ref()) {
        Some(is) if same(sub, was, is) => Ok(()),
        _ => Err(Error::mutability(format!(
            "Attribute \"{}.{}\" is immutable: it has a value and keeps it.",
            attribute.name(),
            sub.name()
        ))),
    }
}

/// Refuses to remove a required sub-attribute from a value with other sub-attributes (RFC 7644 section 3.5.2.2).
fn keeps_required(
    attribute: &Attribute,
    sub: &Attribute,
    was: Option<&Value>,
    value: &Map<String, Value>,
) -> Result<()> {
    let is_gone = was.is_some() && !value.contains_key(sub.name().as_ref()) && !value.is_empty();
    if !(is_gone && sub.is_required()) {
        return Ok(());
    }
    let (attribute, sub) = (attribute.name(), sub.name());
    Err(Error::mutability(format!(
        "Attribute \"{attribute}.{sub}\" is required and cannot be removed."
    ))
    .about(Problem::RequiredMissing))
}
