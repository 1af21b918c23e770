//! Types of events, and patterns that select types.

use std::fmt;

/// The type of an event: subject and verb, such as `user.created`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventType {
    subject: String,
    verb: &'static str,
}

impl EventType {
    /// The type for a resource type, or `Tenant`, and a verb.
    pub(crate) fn new(subject: &str, verb: &'static str) -> Self {
        Self {
            subject: subject.to_lowercase(),
            verb,
        }
    }

    /// The verb: `created`, `updated`, `deleted` …
    pub(crate) fn verb(&self) -> &'static str {
        self.verb
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.subject, self.verb)
    }
}

/// Patterns of types, such as `user.*`, `group.deleted` or `*`. An event is selected if one pattern matches; without
/// patterns all are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TypePatterns(Vec<String>);

impl TypePatterns {
    /// Parses a list separated by commas.
    ///
    /// # Errors
    /// The error of a pattern.
    pub fn parse(text: &str) -> Result<Self, String> {
        let patterns = text.split(',').map(str::trim);
        let patterns: Vec<_> = patterns
            .filter(|pattern| !pattern.is_empty())
            .map(str::to_lowercase)
            .collect();
        match patterns.iter().find(|pattern| !is_pattern(pattern)) {
            Some(wrong) => Err(format!(
                "\"{wrong}\" is not a pattern of event types: use *, user.*, or a type such as user.created"
            )),
            None => Ok(Self(patterns)),
        }
    }

    /// Whether a type is selected.
    pub(crate) fn fit(&self, event_type: &EventType) -> bool {
        self.0.is_empty() || self.0.iter().any(|pattern| fits(pattern, event_type))
    }
}

impl fmt::Display for TypePatterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [] => f.write_str("*"),
            patterns => f.write_str(&patterns.join(",")),
        }
    }
}

fn is_pattern(pattern: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty()
            && word
                .chars()
                .all(|c| c.is_alphanumeric() || "-_$".contains(c))
    };
    match pattern.split_once('.') {
        None => pattern == "*",
        Some((subject, verb)) => is_word(subject) && (verb == "*" || is_word(verb)),
    }
}

fn fits(pattern: &str, event_type: &EventType) -> bool {
    match pattern.split_once('.') {
        None => true,
        Some((subject, verb)) => {
            subject == event_type.subject && (verb == "*" || verb == event_type.verb)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_choose_types() {
        let created = EventType::new("User", "created");
        for (patterns, is_chosen) in [
            ("", true),
            ("*", true),
            ("user.*", true),
            ("USER.created", true),
            ("group.*, user.created", true),
            ("user.updated", false),
            ("group.*", false),
        ] {
            let parsed = TypePatterns::parse(patterns).unwrap();
            assert_eq!(parsed.fit(&created), is_chosen, "{patterns}");
        }
        for wrong in [
            "user",
            "user.",
            ".created",
            "user.*.x",
            "us*r.created",
            "**",
        ] {
            assert!(TypePatterns::parse(wrong).is_err(), "{wrong}");
        }
    }
}
