//! Conditions on the version of a resource (RFC 7644 section 3.14, RFC 9110 section 13).

use crate::error::{Result, ScimError};

/// The entity tags of one conditional header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tags {
    /// `*`: any version.
    Any,
    /// The opaque parts of the tags: SCIM uses weak tags in `If-Match`, so weakness is
    /// disregarded (RFC 7644 section 3.14).
    List(Vec<String>),
}

impl Tags {
    /// Reads the value of `If-Match` or `If-None-Match`. Invalid text is an empty list, which no version matches.
    pub fn parse(header: &str) -> Self {
        if header.trim() == "*" {
            return Self::Any;
        }
        let mut tags = Vec::new();
        let mut rest = header.trim();
        while !rest.is_empty() {
            let tag = rest.strip_prefix("W/").unwrap_or(rest);
            let Some((opaque, after)) = tag
                .strip_prefix('"')
                .and_then(|quoted| quoted.split_once('"'))
            else {
                break;
            };
            tags.push(opaque.to_owned());
            rest = after.trim_start().trim_start_matches(',').trim_start();
        }
        Self::List(tags)
    }

    fn match_version(&self, version: i64) -> bool {
        match self {
            Self::Any => true,
            Self::List(tags) => tags.iter().any(|tag| *tag == version.to_string()),
        }
    }
}

/// The condition of a request on the version of its resource.
#[derive(Debug, Clone, Default)]
pub struct Precondition {
    /// `If-Match`.
    pub if_match: Option<Tags>,
    /// `If-None-Match`.
    pub if_none_match: Option<Tags>,
}

impl Precondition {
    /// Whether the request has no condition.
    pub fn is_empty(&self) -> bool {
        self.if_match.is_none() && self.if_none_match.is_none()
    }

    /// Whether the client already has the current version; `If-Match` is evaluated first (RFC 9110 section 13.2.2).
    ///
    /// # Errors
    /// 412 if `If-Match` has only other versions.
    pub fn is_unmodified(&self, version: i64) -> Result<bool> {
        self.check_if_match(version)?;
        Ok(self
            .if_none_match
            .as_ref()
            .is_some_and(|tags| tags.match_version(version)))
    }

    /// Whether a write of this version is allowed.
    ///
    /// # Errors
    /// 412 if a condition does not hold.
    pub fn allows_write(&self, version: i64) -> Result<()> {
        self.check_if_match(version)?;
        match &self.if_none_match {
            Some(tags) if tags.match_version(version) => Err(ScimError::precondition_failed(
                "The resource has the version named in If-None-Match.",
            )),
            _ => Ok(()),
        }
    }

    fn check_if_match(&self, version: i64) -> Result<()> {
        match &self.if_match {
            Some(tags) if !tags.match_version(version) => {
                Err(ScimError::precondition_failed(format!(
                    "The resource has version W/\"{version}\", not the one named in If-Match; read it again."
                )))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_lists() {
        assert_eq!(Tags::parse(" * "), Tags::Any);
        assert_eq!(
            Tags::parse("W/\"3\", \"4\",W/\"a,b\""),
            Tags::List(vec!["3".into(), "4".into(), "a,b".into()])
        );
        assert_eq!(Tags::parse("3"), Tags::List(vec![]));
    }

    #[test]
    fn if_match_is_evaluated_first() {
        let both = Precondition {
            if_match: Some(Tags::parse("\"1\"")),
            if_none_match: Some(Tags::Any),
        };
        assert_eq!(both.is_unmodified(2).unwrap_err().status(), 412);
        assert!(both.is_unmodified(1).unwrap());
        assert_eq!(both.allows_write(1).unwrap_err().status(), 412);
    }
}
