//! All errors of a schema file; other functions stop at the first one.

use super::annotation::Annotations;
use super::load::{SchemaFile, read};
use super::place::SchemaError;
use serde_json::{Value, json};

/// Maximum number of reported errors.
const MAX: usize = 100;

/// Every error of a single file, each with its place. After each error the place is replaced by a valid value to find
/// the next one.
pub fn problems(file: &SchemaFile, annotations: &Annotations<'_>) -> Vec<SchemaError> {
    let mut found = Vec::new();
    let mut file = file.clone();
    while let Err(error) = read(&file, annotations) {
        let pointer = error.pointer().to_owned();
        found.push(error);
        let Ok(mut document) = serde_json::from_str::<Value>(&file.text) else {
            break;
        };
        if found.len() == MAX || !substitute(&mut document, &pointer, found.len()) {
            break;
        }
        file.text = document.to_string();
    }
    found
}

/// Replaces the place by a valid value; `false` if there is none.
fn substitute(document: &mut Value, pointer: &str, number: usize) -> bool {
    let Some((above, last)) = pointer.rsplit_once('/') else {
        return false;
    };
    let substitute = json!({"name": format!("substitute{number}")});
    match document.pointer_mut(above) {
        Some(Value::Object(object)) => {
            let value = match last {
                "" => return false,
                "id" => json!("urn:substitute"),
                "name" => json!(format!("substitute{number}")),
                "type" => {
                    // A required member cannot be removed.
                    object.remove("subAttributes");
                    return object.remove(last).is_some();
                }
                _ => return object.remove(last).is_some(),
            };
            object.insert(last.to_owned(), value);
            true
        }
        Some(Value::Array(elements)) => {
            match last.parse().ok().and_then(|i: usize| elements.get_mut(i)) {
                Some(element) if *element != substitute => {
                    *element = substitute;
                    true
                }
                _ => false,
            }
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_found() {
        let text = r#"{"id": "acme", "attributes": [
            {"name": "1st", "type": "text", "multiValued": "yes"},
            {"type": "string"}, 7,
            {"name": "badge", "type": "complex"},
            {"name": "box", "type": "complex", "subAttributes": [{"name": "a", "type": "complex", "subAttributes": []}]},
            {"name": "ok"}, {"name": "OK"}, {"name": "flag", "type": "boolean", "uniqueness": "server"}],
            "x-scim": {"extend": "User"}}"#;
        let file = SchemaFile {
            origin: "a.json".into(),
            text: text.into(),
        };
        let found = problems(&file, &Annotations::default());
        let said: Vec<_> = found.iter().map(ToString::to_string).collect();
        let places: Vec<_> = found.iter().map(SchemaError::pointer).collect();
        let expected = [
            "/x-scim",
            "/id",
            "/attributes/0/name",
            "/attributes/0/type",
            "/attributes/0/multiValued",
            "/attributes/1",
            "/attributes/2",
            "/attributes/3",
            "/attributes/4/subAttributes/0/type",
            "/attributes/6/name",
            "/attributes/7/uniqueness",
        ];
        assert_eq!(places, expected, "{said:#?}");
    }

    #[test]
    fn a_file_that_is_not_json_has_one_problem() {
        for text in ["", "{", "[]", "{}", "null"] {
            let file = SchemaFile {
                origin: "a.json".into(),
                text: text.into(),
            };
            let found = problems(&file, &Annotations::default());
            assert_eq!(found.len(), 1, "{text}");
        }
    }
}
