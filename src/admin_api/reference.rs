//! The reference of the API as one HTML page without scripts, generated from the table of operations.

use crate::admin_api::json_schema::Schemas;
use crate::admin_api::openapi::problems;
use crate::admin_api::operation::{BASE, Body, Operation, ParameterKind, RequiredAccess};
use crate::admin_api::table;
use serde_json::Value;

/// The content security policy of the page: it loads nothing, and only its own style is allowed.
pub(crate) const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HEAD: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
    content=\"width=device-width\"><title>scimd management API</title><style>body{font:16px/1.5 system-ui,sans-serif;\
    max-width:60rem;margin:2rem auto;padding:0 1rem}code,pre{font:14px ui-monospace,monospace}pre{overflow-x:auto;\
    background:#8881;padding:.5rem}table{border-collapse:collapse}td,th{text-align:left;padding:.2rem .8rem .2rem 0;\
    vertical-align:top}:root{color-scheme:light dark}</style>";

/// The page.
pub(crate) fn page() -> String {
    let mut page = Page(String::from(HEAD));
    page.element("h1", "scimd management API");
    page.raw("<p>Base path <code>").text(BASE).raw(
        "</code>. Requests have an operator token: <code>Authorization: Bearer scimdop_\u{2026}</code>. Refusals are \
         problems (RFC 9457). The same as <a href=\"/api/v1/openapi.json\">OpenAPI document</a>.</p><ul>",
    );
    for (group, operations) in table::groups() {
        page.raw("<li>").text(group).raw("<ul>");
        for operation in *operations {
            page.raw("<li><a href=\"#")
                .text(operation.id)
                .raw("\"><code>");
            page.text(operation.method.as_str())
                .raw(" ")
                .text(operation.path);
            page.raw("</code></a> ")
                .text(operation.summary)
                .raw("</li>");
        }
        page.raw("</ul></li>");
    }
    page.raw("</ul>");
    for (group, operations) in table::groups() {
        page.element("h2", group);
        operations
            .iter()
            .for_each(|operation| page.operation(operation));
    }
    page.element("h2", "Schemas");
    for (name, schema) in Schemas::all().as_components() {
        page.raw("<h3 id=\"schema-")
            .text(name)
            .raw("\">")
            .text(name)
            .raw("</h3>");
        page.json(schema);
    }
    page.raw("</html>\n");
    page.0
}

/// HTML text that is being built.
struct Page(String);

impl Page {
    /// Adds markup of this file.
    fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Adds text, which is escaped.
    fn text(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                c => self.0.push(c),
            }
        }
        self
    }

    fn element(&mut self, name: &'static str, text: &str) {
        self.raw("<").raw(name).raw(">").text(text);
        self.raw("</").raw(name).raw(">");
    }

    fn json(&mut self, value: &Value) {
        self.raw("<pre>").text(&format!("{value:#}")).raw("</pre>");
    }

    fn operation(&mut self, operation: &Operation) {
        self.raw("<h3 id=\"").text(operation.id).raw("\"><code>");
        self.text(operation.method.as_str()).raw(" ").text(BASE);
        self.text(operation.path).raw("</code></h3><p>");
        self.text(operation.summary)
            .raw(" ")
            .text(operation.details);
        self.raw("</p><table>");
        let needs = match operation.access {
            RequiredAccess::Public => "no token",
            RequiredAccess::AnyOperator => "any operator token",
            RequiredAccess::Scope(scope) => scope.as_str(),
        };
        self.row("Scope", needs);
        for parameter in operation.query {
            let kind = match parameter.kind {
                ParameterKind::Text => "text".to_owned(),
                ParameterKind::Number(least, most) => format!("{least} to {most}"),
                ParameterKind::Flag => "true or false".to_owned(),
                ParameterKind::Word(words) => words.join(", "),
                ParameterKind::Moment => "RFC 3339 time".to_owned(),
                ParameterKind::Id => "UUID".to_owned(),
            };
            self.row(
                &format!("?{}=", parameter.name),
                &format!("{kind}. {}", parameter.summary),
            );
        }
        match operation.body {
            Body::Json(name) | Body::Optional(name) | Body::MergePatch(name) => {
                self.schema_row("Body", name);
            }
            Body::Scim => self.row("Body", "as in SCIM"),
            Body::Empty | Body::Events => {}
        }
        let (status, schema) = operation.answer;
        match schema {
            Some(name) => self.schema_row(&format!("Answer {status}"), name),
            None => self.row(&format!("Answer {status}"), "no body"),
        }
        let words: Vec<_> = problems(operation)
            .iter()
            .map(|problem| problem.as_str())
            .collect();
        self.row("Problems", &words.join(", "));
        self.raw("</table>");
    }

    fn row(&mut self, name: &str, value: &str) {
        self.raw("<tr><th>").text(name).raw("</th><td>");
        self.text(value).raw("</td></tr>");
    }

    fn schema_row(&mut self, name: &str, schema: &str) {
        self.raw("<tr><th>")
            .text(name)
            .raw("</th><td><a href=\"#schema-");
        self.text(schema)
            .raw("\">")
            .text(schema)
            .raw("</a></td></tr>");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_every_operation_and_no_script() {
        let page = page();
        for operation in table::all() {
            assert!(
                page.contains(&format!("id=\"{}\"", operation.id)),
                "{}",
                operation.id
            );
        }
        assert!(!page.contains("<script") && !page.contains("http://"));
    }
}
