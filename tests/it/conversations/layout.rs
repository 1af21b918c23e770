//! Readable JSON: a value that fits on one line is written on one line.

use serde_json::Value;

const WIDTH: usize = 140;

/// The text of a value, on one or several lines.
pub(super) fn pretty(value: &Value) -> String {
    let mut text = String::new();
    write(value, 0, 0, &mut text);
    text
}

/// Writes a value; `before` is the length of the existing text of the line.
fn write(value: &Value, indent: usize, before: usize, text: &mut String) {
    let short = on_one_line(value);
    if before + short.chars().count() <= WIDTH {
        text.push_str(&short);
        return;
    }
    match value {
        Value::Array(elements) if !elements.is_empty() => {
            let each = elements.iter().map(|element| (String::new(), element));
            broken('[', each.collect(), ']', indent, text);
        }
        Value::Object(members) if !members.is_empty() => {
            let each = members
                .iter()
                .map(|(name, value)| (format!("{}: ", Value::from(name.as_str())), value));
            broken('{', each.collect(), '}', indent, text);
        }
        _ => text.push_str(&short),
    }
}

fn broken(open: char, parts: Vec<(String, &Value)>, close: char, indent: usize, text: &mut String) {
    let inner = indent + 2;
    let last = parts.len() - 1;
    text.push(open);
    for (i, (name, value)) in parts.into_iter().enumerate() {
        text.push_str(&format!("\n{:inner$}{name}", ""));
        // A comma may follow.
        write(value, inner, inner + name.chars().count() + 1, text);
        if i < last {
            text.push(',');
        }
    }
    text.push_str(&format!("\n{:indent$}{close}", ""));
}

fn on_one_line(value: &Value) -> String {
    match value {
        Value::Array(elements) => format!(
            "[{}]",
            elements
                .iter()
                .map(on_one_line)
                .collect::<Vec<_>>()
                .join(", ")
        ),
        Value::Object(members) => {
            let each = members.iter().map(|(name, value)| {
                format!("{}: {}", Value::from(name.as_str()), on_one_line(value))
            });
            format!("{{{}}}", each.collect::<Vec<_>>().join(", "))
        }
        simple => simple.to_string(),
    }
}
