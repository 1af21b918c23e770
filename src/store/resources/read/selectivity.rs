//! Estimates how many resources match a condition.

use crate::filter::{Operator, Predicate, Target};
use crate::schema::Type;
use crate::store::resources::ids::TypeIds;

/// Whether the condition probably matches only a few resources.
pub(in crate::store) fn is_selective(of_type: &TypeIds, predicate: &Predicate) -> bool {
    selectivity(of_type, predicate) >= 7
}

/// Estimated selectivity of a part: greater means fewer resources.
pub(in crate::store) fn selectivity(of_type: &TypeIds, predicate: &Predicate) -> u8 {
    let of = |part: &Predicate| selectivity(of_type, part);
    match predicate {
        Predicate::Compare {
            target: Target::Id,
            operator: Operator::Equal,
            ..
        } => 9,
        Predicate::Compare {
            target: Target::Attribute(path),
            operator,
            ..
        } => match operator {
            Operator::Equal if path.end().is_unique() => 8,
            Operator::Equal if path.end().kind() == Type::Boolean => 2,
            // All resources of the type are scanned.
            _ if of_type.is_scanned(path) => 3,
            Operator::Equal => 7,
            Operator::StartsWith => 6,
            Operator::Greater
            | Operator::GreaterOrEqual
            | Operator::Less
            | Operator::LessOrEqual => 4,
            Operator::Contains | Operator::EndsWith => 5,
        },
        Predicate::Compare { .. } => 4,
        Predicate::Element { predicate, .. } => of(predicate),
        Predicate::All(parts) => parts.iter().map(of).max().unwrap_or(0),
        Predicate::Any(parts) => parts.iter().map(of).min().unwrap_or(9),
        Predicate::Present(_) => 1,
        Predicate::Not(_) => 0,
    }
}
