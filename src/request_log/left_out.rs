//! Ignored parts of a request, for the provisioning log: names and ids, never values.

use super::shape::Shape;
use crate::reason::Reason;
use crate::resource::LeftOut;
use std::fmt;

/// An ignored part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Note {
    /// An attribute that no schema declares, in attribute notation, with the shape of its value.
    UnknownAttribute(String, Shape),
    /// A URN in `schemas` that the resource type does not have.
    UndeclaredSchema(String),
    /// A member that does not exist in the tenant.
    UnresolvedMember(String),
    /// An attribute with an invalid value, in attribute notation.
    UnfitValue(String),
    /// An attribute whose value a request tried to remove without effect, in attribute notation.
    KeptValue(String),
    /// An attribute with values that a PUT omits, if a setting of the tenant determines the effect.
    Omitted(String),
}

impl Note {
    /// A member that does not exist; text that cannot be an id is not repeated, because it can be another value.
    pub(crate) fn unresolved_member(id: &str) -> Self {
        let is_id = (1..=64).contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        Self::UnresolvedMember(if is_id {
            id.to_owned()
        } else {
            "(text that is not an id)".to_owned()
        })
    }

    /// The reason why it was ignored.
    pub(crate) fn reason(&self) -> Reason {
        match self {
            Self::UnknownAttribute(..) | Self::UndeclaredSchema(_) => Reason::AttributeUnknown,
            Self::UnresolvedMember(_) => Reason::MemberUnknown,
            Self::UnfitValue(_) | Self::KeptValue(_) => Reason::ValueInvalid,
            Self::Omitted(_) => Reason::AttributeOmitted,
        }
    }
}

impl From<&LeftOut> for Note {
    fn from(left_out: &LeftOut) -> Self {
        match left_out {
            LeftOut::UnknownAttribute { name, value } => {
                Self::UnknownAttribute(name.clone(), Shape::of(value))
            }
            LeftOut::UndeclaredSchema(urn) => Self::UndeclaredSchema(urn.clone()),
            LeftOut::UnfitValue(name) => Self::UnfitValue(name.clone()),
            LeftOut::KeptValue(name) => Self::KeptValue(name.clone()),
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownAttribute(name, _) => write!(f, "attribute.unknown {name}"),
            Self::UndeclaredSchema(urn) => write!(f, "schema.undeclared {urn}"),
            Self::UnresolvedMember(id) => write!(f, "member.unresolved {id}"),
            Self::UnfitValue(name) => write!(f, "value.unfit {name}"),
            Self::KeptValue(name) => write!(f, "value.kept {name}"),
            Self::Omitted(name) => write!(f, "attribute.omitted {name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_are_repeated() {
        let shown = |id: &str| Note::unresolved_member(id).to_string();
        assert_eq!(shown("00u1a-B_c"), "member.unresolved 00u1a-B_c");
        for other in ["", "ann@example.com", "Ann Example", &"a".repeat(65)] {
            assert_eq!(
                shown(other),
                "member.unresolved (text that is not an id)",
                "{other}"
            );
        }
    }
}
