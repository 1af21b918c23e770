//! The argument `--attribute`: name, type and options of an attribute.

use crate::schema::Type;
use serde_json::{Map, Value, json};

/// The syntax of the argument, for the help text.
pub(super) const GRAMMAR: &str = "\
An attribute is NAME[:TYPE][:OPTION]…

  NAME     a letter, then letters, digits, - and _
  TYPE     string (if left out), boolean, integer, decimal, dateTime, reference or binary;
           with [] after it the attribute has many values
  OPTION   caseExact   letter case matters when values are compared
           unique      no two resources of a tenant have the same value
           required    a resource that has any value of this schema must have this one
           immutable   written once
           request     returned only when the client asks for it
           writeOnly   never returned, never searched

Complex attributes, with sub-attributes, need a file (RFC 7643 section 7).

Examples:
  scimd schema add acme_user.json
  scimd schema add --urn urn:ietf:params:scim:schemas:extension:acme:2.0:User \\
      --attribute distinguishedName:string --attribute 'badges:string[]' --attribute level:integer
  scimd schema add --tenant acme --urn urn:ietf:params:scim:schemas:extension:acme:2.0:User \\
      --attribute employeeCode:string:caseExact:unique";

/// Names of options, with their characteristics (RFC 7643 section 7).
const OPTIONS: &[(&str, &[(&str, &str)])] = &[
    ("caseExact", &[("caseExact", "true")]),
    ("unique", &[("uniqueness", "\"server\"")]),
    ("required", &[("required", "true")]),
    ("immutable", &[("mutability", "\"immutable\"")]),
    ("request", &[("returned", "\"request\"")]),
    (
        "writeOnly",
        &[("mutability", "\"writeOnly\""), ("returned", "\"never\"")],
    ),
];

/// Parses the argument; returns the definition of the attribute (RFC 7643 section 7).
pub(super) fn attribute(text: &str) -> Result<Value, String> {
    let mut parts = text.split(':').map(str::trim);
    let (mut name, mut is_list) = many(parts.next().unwrap_or_default());
    if name.is_empty() {
        return Err("must begin with a name, such as distinguishedName:string".to_owned());
    }
    let mut definition = Map::new();
    let mut rest = parts.peekable();
    let mut kind = Type::String;
    if let Some((word, list)) = rest.peek().map(|part| many(part))
        && (!OPTIONS.iter().any(|(option, _)| *option == word))
    {
        kind = type_named(word)?;
        is_list |= list;
        rest.next();
    }
    name = name.trim();
    definition.insert("name".into(), name.into());
    definition.insert("type".into(), kind.as_str().into());
    definition.insert("multiValued".into(), is_list.into());
    for option in rest {
        let (_, characteristics) = OPTIONS
            .iter()
            .find(|(known, _)| *known == option)
            .ok_or_else(|| {
                let known: Vec<_> = OPTIONS.iter().map(|(known, _)| *known).collect();
                format!(
                    "\"{option}\" is not an option: use one of {}",
                    known.join(", ")
                )
            })?;
        for (key, value) in *characteristics {
            definition.insert(
                (*key).to_owned(),
                serde_json::from_str(value).unwrap_or_else(|_| json!(value)),
            );
        }
    }
    Ok(Value::Object(definition))
}

fn many(word: &str) -> (&str, bool) {
    word.strip_suffix("[]")
        .map_or((word, false), |word| (word, true))
}

fn type_named(word: &str) -> Result<Type, String> {
    match Type::from_keyword(word) {
        Some(Type::Complex) => {
            Err("complex attributes need a file: scimd schema add FILE".to_owned())
        }
        Some(kind) => Ok(kind),
        None => {
            let known: Vec<_> = Type::KEYWORDS
                .iter()
                .filter(|known| **known != "complex")
                .copied()
                .collect();
            Err(format!(
                "\"{word}\" is not a type: use one of {}, each with [] for many values",
                known.join(", ")
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read() {
        for (line, expected) in [
            (
                "dn",
                json!({"name": "dn", "type": "string", "multiValued": false}),
            ),
            (
                "dn[]",
                json!({"name": "dn", "type": "string", "multiValued": true}),
            ),
            (
                "badges:string[]",
                json!({"name": "badges", "type": "string", "multiValued": true}),
            ),
            (
                "level:integer",
                json!({"name": "level", "type": "integer", "multiValued": false}),
            ),
            (
                "code:unique:caseExact",
                json!({"name": "code", "type": "string", "multiValued": false, "uniqueness": "server", "caseExact": true}),
            ),
            (
                "pin:string:writeOnly",
                json!({"name": "pin", "type": "string", "multiValued": false, "mutability": "writeOnly", "returned": "never"}),
            ),
        ] {
            assert_eq!(attribute(line).unwrap(), expected, "{line}");
        }
        for (line, said) in [
            ("", "begin with a name"),
            (":string", "begin with a name"),
            ("a:text", "\"text\" is not a type: use one of string"),
            ("a:complex", "need a file"),
            (
                "a:string:uniqe",
                "\"uniqe\" is not an option: use one of caseExact",
            ),
        ] {
            assert!(attribute(line).unwrap_err().contains(said), "{line}");
        }
    }
}
