//! Lookup of members of small JSON objects by comparing names, which is cheaper than hashing.

use serde_json::{Map, Value};

/// Maximum number of members whose names are compared one by one.
const FEW: usize = 16;

/// The member of an object with a name; `None` if there is none, or if the value is not an object.
pub(crate) fn part<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    member(value.as_object()?, name)
}

/// The member with a name.
pub(crate) fn member<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    if object.len() > FEW {
        return object.get(name);
    }
    let mut members = object.iter();
    members.find_map(|(other, value)| (other == name).then_some(value))
}

/// Whether two values are equal. The members of most objects are in the same order.
pub(crate) fn are_equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            let mut pairs = a.iter().zip(b);
            let is_same = a.len() == b.len()
                && pairs.all(|((name, a), (other, b))| name == other && are_equal(a, b));
            is_same || a == b
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| are_equal(a, b))
        }
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn members_are_found_in_objects_of_any_size() {
        for count in [0, 1, FEW, FEW + 1, 40] {
            let object: Map<_, _> = (0..count).map(|i| (i.to_string(), json!(i))).collect();
            for i in 0..=count {
                assert_eq!(member(&object, &i.to_string()), object.get(&i.to_string()));
            }
        }
        assert_eq!(part(&json!([1]), "a"), None);
    }

    #[test]
    fn equality_does_not_depend_on_the_order_of_members() {
        let (a, b) = (
            json!({"a": [{"b": 1, "c": 2}], "d": 3}),
            json!({"d": 3, "a": [{"c": 2, "b": 1}]}),
        );
        assert!(are_equal(&a, &b) && are_equal(&a, &a));
        for other in [
            json!({"a": [{"b": 1, "c": 3}], "d": 3}),
            json!({"d": 3}),
            json!([]),
            json!({"a": [], "d": 3}),
        ] {
            assert!(!are_equal(&a, &other) && !are_equal(&other, &b));
        }
        assert!(!are_equal(&json!([1, 2]), &json!([2, 1])));
    }
}
