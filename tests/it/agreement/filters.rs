//! Random filters: all operators on all paths, with occurring values and similar ones.

use super::values::element;
use crate::harness::Chance;
use scimd::resource::Resource;
use scimd::schema::{Attribute, AttributePath, ResourceType, Type};
use serde_json::Value;
use std::sync::Arc;

/// Writes filters for resources of some types.
pub(super) struct Draft<'a> {
    pub(super) chance: &'a mut Chance,
    pub(super) listed: &'a [(Arc<ResourceType>, Vec<Resource>)],
}

type Named<'a> = (&'a Arc<ResourceType>, &'a [Resource]);

impl<'a> Draft<'a> {
    pub(super) fn filter(&mut self, depth: usize) -> String {
        if depth == 0 || self.chance.once_in(4) {
            return self.test();
        }
        self.combined(depth, &mut Self::filter)
    }

    fn combined(
        &mut self,
        depth: usize,
        part: &mut dyn FnMut(&mut Self, usize) -> String,
    ) -> String {
        let kind = self.chance.within(0..5);
        if kind == 0 {
            return format!(
                "{}({})",
                self.chance.pick(&["not ", "not", "NOT "]),
                part(self, depth - 1)
            );
        }
        let count = self.chance.within(2..4);
        let word = *self.chance.pick(if kind < 3 {
            &[" and ", " AND "]
        } else {
            &[" or ", " Or "]
        });
        let parts: Vec<_> = (0..count)
            .map(|_| {
                let inner = part(self, depth - 1);
                if self.chance.once_in(3) {
                    inner
                } else {
                    format!("({inner})")
                }
            })
            .collect();
        parts.join(word)
    }

    fn test(&mut self) -> String {
        let chosen = self.chance.pick(self.listed);
        let of: Named<'a> = (&chosen.0, &chosen.1);
        match self.chance.within(0..14) {
            0 => self.common(of),
            1 => self.schemas(of),
            2 => {
                let path = self.leaf(of);
                let whole = AttributePath { sub: None, ..path };
                format!("{} pr", self.notation(of.0, &whole))
            }
            3..7 => self.value_path(of),
            _ => {
                let path = self.leaf(of);
                let name = self.notation(of.0, &path);
                self.compared(of, &path, &name)
            }
        }
    }

    /// A path that ends in a simple value; memberships have a higher probability.
    fn leaf(&mut self, of: Named<'a>) -> AttributePath {
        let leaves = of.0.leaves();
        let related: Vec<_> = leaves
            .iter()
            .filter(|path| of.0.is_relation(path))
            .collect();
        if !related.is_empty() && self.chance.once_in(4) {
            return (*self.chance.pick(&related)).clone();
        }
        self.chance.pick(leaves).clone()
    }

    fn notation(&mut self, kind: &ResourceType, path: &AttributePath) -> String {
        let name = path.to_string();
        match self.chance.within(0..6) {
            0 => name.to_uppercase(),
            1 if path.container.is_none()
                && kind.schema().attribute(path.attribute.name()).is_some() =>
            {
                format!("{}:{name}", kind.schema().id())
            }
            _ => name,
        }
    }

    fn value_path(&mut self, of: Named<'a>) -> String {
        let with_brackets =
            |path: &&AttributePath| path.attribute.is_complex() || path.attribute.is_multi_valued();
        let paths: Vec<_> = of.0.leaves().iter().filter(with_brackets).collect();
        let path = match self.chance.once_in(3) {
            true => self.leaf(of),
            false => (*self.chance.pick(&paths)).clone(),
        };
        let depth = self.chance.within(0..3);
        let within = self.within(of, &path, depth);
        let name = self.notation(
            of.0,
            &AttributePath {
                sub: None,
                ..path.clone()
            },
        );
        if self.chance.once_in(5) {
            return format!("{name}[{within}].{}", self.element_test(of, &path));
        }
        format!("{name}[{within}]")
    }

    fn within(&mut self, of: Named<'a>, path: &AttributePath, depth: usize) -> String {
        if depth == 0 {
            return self.element_test(of, path);
        }
        self.combined(depth, &mut |draft, depth| draft.within(of, path, depth))
    }

    fn element_test(&mut self, of: Named<'a>, path: &AttributePath) -> String {
        let subs = path.attribute.sub_attributes();
        if subs.is_empty() {
            return self.compared(
                of,
                &AttributePath {
                    sub: None,
                    ..path.clone()
                },
                "value",
            );
        }
        let sub = self.chance.pick(subs).clone();
        let path =
            of.0.path(path.container.as_ref(), &path.attribute, Some(&sub));
        self.compared(of, &path, sub.name())
    }

    fn compared(&mut self, of: Named<'a>, path: &AttributePath, name: &str) -> String {
        if self.chance.once_in(8) {
            return format!("{name} pr");
        }
        let operator = self.operator(path.end());
        let literal = self.literal(of.1, path);
        format!("{name} {operator} {literal}")
    }

    fn operator(&mut self, attribute: &Attribute) -> &'static str {
        const ALL: &[&str] = &[
            "eq", "eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "EQ", "Sw",
        ];
        if self.chance.once_in(40) {
            return self.chance.pick::<&str>(ALL);
        }
        let fitting: &[&str] = match attribute.kind() {
            Type::String | Type::Reference => ALL,
            Type::Integer | Type::Decimal | Type::DateTime => &["eq", "ne", "gt", "ge", "lt", "le"],
            Type::Boolean | Type::Binary | Type::Complex => &["eq", "ne"],
        };
        self.chance.pick::<&str>(fitting)
    }

    fn literal(&mut self, resources: &[Resource], path: &AttributePath) -> String {
        if self.chance.once_in(40) {
            return (*self
                .chance
                .pick(&["null", "true", "1", "\"\"", "1e400", "\"x\""]))
            .to_owned();
        }
        match self.occurring(resources, path) {
            Some(Value::String(moment)) if path.end().kind() == Type::DateTime => {
                let near = self.moment_near(&moment);
                quoted(self.chance, &near)
            }
            Some(Value::String(bytes)) if path.end().kind() == Type::Binary => {
                quoted(self.chance, bytes.trim_end_matches('='))
            }
            Some(Value::String(text)) => {
                let near = self.text_near(&text);
                quoted(self.chance, &near)
            }
            Some(Value::Number(number)) => self.number_near(&number.to_string()),
            Some(other) => other.to_string(),
            None => self.made_up(path.end()),
        }
    }

    fn made_up(&mut self, attribute: &Attribute) -> String {
        match element(self.chance, attribute) {
            Value::String(text) => quoted(self.chance, &text),
            Value::Object(_) => quoted(self.chance, "x"),
            other => other.to_string(),
        }
    }

    /// A value of some resource at a path.
    fn occurring(&mut self, resources: &[Resource], path: &AttributePath) -> Option<Value> {
        (0..12).find_map(|_| {
            let resource = resources.get(self.chance.within(0..resources.len().max(1)))?;
            // An empty group is read with an empty list of members.
            let elements = Some(each(path.value_in(&resource.attributes)?))
                .filter(|elements| !elements.is_empty())?;
            let element = self.chance.pick(elements);
            let value = match &path.sub {
                Some(sub) => element.get(sub.name().as_ref())?,
                None => element,
            };
            Some(self.chance.pick(each(value)).clone())
        })
    }

    fn text_near(&mut self, text: &str) -> String {
        let chars: Vec<char> = text.chars().collect();
        let cut = self.chance.within(0..chars.len() + 1);
        let head: String = chars[..cut].iter().collect();
        let tail: String = chars[cut..].iter().collect();
        match self.chance.within(0..14) {
            0 => text.to_uppercase(),
            1 => text.to_lowercase(),
            2 | 3 => head,
            4 | 5 => tail,
            6 => tail.chars().take(self.chance.within(1..601)).collect(),
            7 => format!("{text}{}", self.chance.pick(&["a", "", " ", "\u{10ffff}"])),
            8 => format!("{head}{}{tail}", self.chance.pick(&["%", "_", "\\", "x"])),
            9 => text.replace('é', "e\u{301}"),
            10 => super::values::text(self.chance),
            _ => text.to_owned(),
        }
    }

    fn number_near(&mut self, number: &str) -> String {
        let whole: i64 = number.parse().unwrap_or(0);
        match self.chance.within(0..7) {
            0 => whole.saturating_add(1).to_string(),
            1 => whole.saturating_sub(1).to_string(),
            2 if !number.contains(['.', 'e']) => format!("{number}.0"),
            3 if !number.contains(['.', 'e']) => format!("{number}.5"),
            4 if !number.contains(['.', 'e']) => format!("{number}0E-1"),
            _ => number.to_owned(),
        }
    }

    fn moment_near(&mut self, moment: &str) -> String {
        // A time without an offset is in UTC.
        let read = |text: &str| text.parse::<jiff::Timestamp>();
        let Ok(at) = read(moment).or_else(|_| read(&format!("{moment}Z"))) else {
            return moment.to_owned();
        };
        let step = *self
            .chance
            .pick(&[0, 0, 0, 1, -1, 1000, -1_000_000, 1_000_000_000]);
        let at = at
            .checked_add(jiff::SignedDuration::from_nanos(step))
            .unwrap_or(at);
        match self.chance.within(0..4) {
            0 => moment.to_owned(),
            1 => at
                .display_with_offset(jiff::tz::Offset::constant(5))
                .to_string(),
            2 => at
                .display_with_offset(jiff::tz::Offset::constant(-3))
                .to_string(),
            _ => at.to_string(),
        }
    }

    /// A condition on `id` or `meta`.
    fn common(&mut self, (kind, resources): Named<'a>) -> String {
        let Some(resource) = (!resources.is_empty()).then(|| self.chance.pick(resources)) else {
            return "id pr".into();
        };
        let meta = resource.meta;
        let order = *self.chance.pick(&["eq", "ne", "gt", "ge", "lt", "le"]);
        match self.chance.within(0..7) {
            0 => format!(
                "meta.created {order} \"{}\"",
                self.moment_near(&meta.created.to_string())
            ),
            1 => format!(
                "meta.lastModified {order} \"{}\"",
                self.moment_near(&meta.modified.to_string())
            ),
            2 => format!(
                "meta.version {} {}",
                self.chance.pick(&["eq", "ne"]),
                Value::from(meta.etag())
            ),
            3 => format!(
                "meta.location eq \"https://x.example{}/{}\"",
                kind.endpoint(),
                resource.id
            ),
            4 => format!(
                "meta.resourceType {} \"{}\"",
                self.chance.pick(&["eq", "ne", "co", "gt"]),
                kind.name()
            ),
            _ => {
                let near = self.text_near(&resource.id);
                let operator = self.operator(kind.top_attribute("id").unwrap());
                format!("id {operator} {}", quoted(self.chance, &near))
            }
        }
    }

    fn schemas(&mut self, (kind, _): Named<'a>) -> String {
        let mut urns = vec![kind.schema().id().to_string()];
        urns.extend(
            kind.extensions()
                .iter()
                .map(|extension| extension.schema.id().to_string()),
        );
        let urn = self.chance.pick(&urns).clone();
        match self.chance.within(0..3) {
            0 => format!("{urn} pr"),
            1 => format!(
                "schemas {} \"{urn}\"",
                self.chance.pick(&["eq", "ne", "sw"])
            ),
            _ => format!(
                "schemas co \"{}\"",
                self.chance.pick(&["trial", "core", "extension", "x"])
            ),
        }
    }
}

fn each(value: &Value) -> &[Value] {
    value
        .as_array()
        .map_or(std::slice::from_ref(value), Vec::as_slice)
}

/// A JSON string with some escaped characters.
fn quoted(chance: &mut Chance, text: &str) -> String {
    let plain = Value::from(text).to_string();
    if !chance.once_in(6) {
        return plain;
    }
    let mut escaped = String::from("\"");
    for unit in text.encode_utf16() {
        escaped.push_str(&format!("\\u{unit:04x}"));
    }
    escaped + "\""
}
