//! Names for values that differ between runs: ids, times, versions, the address of the server.

use serde_json::Value;
use std::collections::HashMap;

/// An id that no resource has.
const ABSENT: &str = "0190a000-0000-7000-8000-000000000000";

/// Values of the names in a conversation so far.
#[derive(Debug)]
pub(super) struct Names {
    base: String,
    /// Given values, for example tokens.
    given: HashMap<String, String>,
    /// Id and name of each resource, in the order of creation.
    resources: Vec<(String, String)>,
    /// Times in the order of their occurrence.
    times: Vec<String>,
    /// Entity tags of each resource, by its name, in the order of their occurrence.
    versions: HashMap<String, Vec<String>>,
}

impl Names {
    pub(super) fn new(base: &str) -> Self {
        let origin = base.split('/').take(3).collect::<Vec<_>>().join("/");
        let absent = ABSENT.to_owned();
        let given = [
            ("base".to_owned(), base.to_owned()),
            ("origin".to_owned(), origin),
            ("absent".to_owned(), absent),
        ];
        Self {
            base: base.to_owned(),
            given: HashMap::from(given),
            resources: Vec::new(),
            times: Vec::new(),
            versions: HashMap::new(),
        }
    }

    pub(super) fn give(&mut self, name: &str, value: &str) {
        self.given.insert(name.to_owned(), value.to_owned());
    }

    /// Names a created resource: as in the file, or by its type and number.
    pub(super) fn made(&mut self, id: &str, location: &str, name: Option<&str>) {
        let endpoint = location.rsplit('/').nth(1).unwrap_or("resources");
        let kind = endpoint
            .strip_suffix('s')
            .unwrap_or(endpoint)
            .to_lowercase();
        let numbered = |n: &usize| {
            !self
                .resources
                .iter()
                .any(|(_, name)| *name == format!("{kind}{n}"))
        };
        let name = name.map_or_else(
            || format!("{kind}{}", (1..).find(numbered).unwrap_or_default()),
            str::to_owned,
        );
        self.resources.push((id.to_owned(), name));
    }

    /// The name of the resource in the last segment of a path.
    pub(super) fn at(&self, path: &str) -> Option<String> {
        let id = path.split('?').next()?.rsplit('/').next()?;
        self.of(id)
    }

    fn of(&self, id: &str) -> Option<String> {
        self.resources
            .iter()
            .find(|(there, _)| there == id)
            .map(|(_, name)| name.clone())
    }

    /// The text with values for names; `escaped` if it is within a JSON string.
    ///
    /// # Errors
    /// The name without a value.
    pub(super) fn filled(&self, text: &str, escaped: bool) -> Result<String, String> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let Some((name, behind)) = after.split_once('}').filter(|(name, _)| is_name(name))
            else {
                filled.push('{');
                rest = after;
                continue;
            };
            let value = self
                .value(name)
                .ok_or_else(|| format!("{{{name}}} stands for nothing"))?;
            filled.push_str(&if escaped {
                value.replace('"', "\\\"")
            } else {
                value
            });
            rest = behind;
        }
        filled.push_str(rest);
        Ok(filled)
    }

    fn value(&self, name: &str) -> Option<String> {
        if let Some(number) = name
            .strip_prefix("time")
            .and_then(|number| number.parse::<usize>().ok())
        {
            return self.times.get(number.checked_sub(1)?).cloned();
        }
        if let Some((resource, version)) = name.rsplit_once(".v") {
            let (number, is_opaque) = version
                .strip_suffix("!")
                .map_or((version, false), |number| (number, true));
            let tag = self
                .versions
                .get(resource)?
                .get(number.parse::<usize>().ok()?.checked_sub(1)?)?;
            let opaque = tag.trim_start_matches("W/").trim_matches('"');
            return Some(if is_opaque {
                opaque.to_owned()
            } else {
                tag.clone()
            });
        }
        let resource = self
            .resources
            .iter()
            .find(|(_, there)| there == name)
            .map(|(id, _)| id);
        resource.or_else(|| self.given.get(name)).cloned()
    }

    /// A response with names in place of values.
    pub(super) fn normal(&mut self, mut body: Value) -> Value {
        self.name_metas(&mut body);
        self.name_texts(&mut body);
        body
    }

    fn name_metas(&mut self, value: &mut Value) {
        match value {
            Value::Array(elements) => elements
                .iter_mut()
                .for_each(|element| self.name_metas(element)),
            Value::Object(members) => {
                let resource = members
                    .get("id")
                    .and_then(Value::as_str)
                    .and_then(|id| self.of(id));
                let Some(Value::Object(meta)) = members.get_mut("meta") else {
                    members
                        .values_mut()
                        .for_each(|member| self.name_metas(member));
                    return;
                };
                for name in ["created", "lastModified"] {
                    if let Some(Value::String(time)) = meta.get_mut(name) {
                        *time = self.time(time);
                    }
                }
                if let (Some(Value::String(tag)), Some(resource)) =
                    (meta.get_mut("version"), resource)
                {
                    *tag = self.version(&resource, tag);
                }
            }
            _ => {}
        }
    }

    fn time(&mut self, time: &str) -> String {
        let known = self.times.iter().position(|there| there == time);
        let number = known.unwrap_or_else(|| {
            self.times.push(time.to_owned());
            self.times.len() - 1
        });
        format!("{{time{}}}", number + 1)
    }

    /// The name of an entity tag of a resource.
    pub(super) fn version(&mut self, resource: &str, tag: &str) -> String {
        let seen = self.versions.entry(resource.to_owned()).or_default();
        let known = seen.iter().position(|there| there == tag);
        let number = known.unwrap_or_else(|| {
            seen.push(tag.to_owned());
            seen.len() - 1
        });
        format!("{{{resource}.v{}}}", number + 1)
    }

    /// The message of an error with names; `resource` is the resource of the request.
    pub(super) fn message(&mut self, detail: &str, resource: Option<&str>) -> String {
        let mut text = self.named(detail);
        if let Some(seen) = resource.and_then(|resource| self.versions.get(resource)) {
            for (i, tag) in seen.iter().enumerate() {
                text = text.replace(
                    tag.as_str(),
                    &format!("{{{}.v{}}}", resource.unwrap_or_default(), i + 1),
                );
            }
        }
        text
    }

    fn name_texts(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.named(text),
            Value::Array(elements) => elements
                .iter_mut()
                .for_each(|element| self.name_texts(element)),
            Value::Object(members) => members
                .values_mut()
                .for_each(|member| self.name_texts(member)),
            _ => {}
        }
    }

    /// A text with the names of resources and of the server.
    pub(super) fn named(&self, text: &str) -> String {
        let mut named = text
            .replace(&self.base, "{base}")
            .replace(ABSENT, "{absent}");
        for (id, name) in &self.resources {
            named = named.replace(id, &format!("{{{name}}}"));
        }
        named
    }
}

/// Whether a text in braces is a name, not JSON.
fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._!-".contains(c))
}
