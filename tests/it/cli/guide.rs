//! `scimd tenant guide`, and its tables in the documents.

use super::{json_beside, output_and_stderr};
use crate::harness::Server;
use crate::on_both;
use scimd::guide::{Guide, Provider, Table};
use std::path::Path;

on_both!(a_guide_is_filled_in_for_a_tenant);

const ACME: &str = "urn:ietf:params:scim:schemas:extension:acme:2.0:User";

/// Adds attributes of the tenant's own, like `scimd schema add`.
async fn with_attributes(server: &Server, tenant: &str, definitions: &[&str]) {
    let mut arguments = vec!["schema", "add", "--tenant", tenant, "--urn", ACME];
    definitions
        .iter()
        .for_each(|definition| arguments.extend(["--attribute", definition]));
    output_and_stderr(server, &arguments);
}

async fn a_guide_is_filled_in_for_a_tenant(server: Server) {
    server.tenant("acme", &Default::default()).await;
    let (okta, stderr) = output_and_stderr(&server, &["tenant", "guide", "acme", "--for", "okta"]);
    assert!(
        okta.contains("SCIM connector base URL            http://127.0.0.1:8080/scim/v2\n"),
        "{okta}"
    );
    assert!(
        okta.contains("scimd token issue --tenant acme --name okta\n"),
        "{okta}"
    );
    assert!(
        okta.contains("Tenant acme has none: scimd schema add declares them."),
        "{okta}"
    );
    assert!(
        !okta.contains('*') && !okta.contains('`') && !okta.contains('{'),
        "{okta}"
    );
    assert!(
        stderr.starts_with("Okta requires a reachable https URL"),
        "{stderr}"
    );
    with_attributes(
        &server,
        "acme",
        &["distinguishedName:string", "badges:string[]"],
    )
    .await;
    let (okta, _) = output_and_stderr(&server, &["tenant", "guide", "acme", "--for", "okta"]);
    let row =
        format!("string array  Badges              badges             badges             {ACME}\n");
    assert!(okta.contains(&row), "{okta}");
    let okta = json_beside(&server, &["tenant", "guide", "acme", "--for", "okta"]);
    assert_eq!(
        okta["customAttributes"]["table"][0]["External namespace"],
        ACME
    );
    let entra = json_beside(&server, &["tenant", "guide", "acme", "--for", "entra"]);
    let rows = entra["customAttributes"]["table"].as_array().unwrap();
    assert_eq!(rows.len(), 1, "Entra ID sends no list: {rows:?}");
    assert_eq!(
        rows[0]["Name (target attribute)"],
        format!("{ACME}:distinguishedName")
    );
    assert_eq!(
        entra["customAttributes"]["notEntered"][0],
        format!("{ACME}:badges")
    );
    // Values of another tenant are not printed.
    let (okta, _) = output_and_stderr(&server, &["tenant", "guide", "default", "--for", "okta"]);
    assert!(!okta.contains("badges"), "{okta}");
    let change = scimd::store::TenantChange {
        base_url: Some(Some("https://acme.example.com/scim/v2".to_owned())),
        ..Default::default()
    };
    server.change_tenant("acme", &change).await;
    let (entra, stderr) =
        output_and_stderr(&server, &["tenant", "guide", "acme", "--for", "entra"]);
    assert!(
        entra.contains("Tenant URL             https://acme.example.com/scim/v2\n")
            && stderr.is_empty(),
        "{entra}"
    );
}

/// The lines of a table as Markdown.
fn markdown(table: &Table) -> Vec<String> {
    let line = |cells: &[String]| format!("| {} |", cells.join(" | "));
    let rule = vec!["---".to_owned(); table.columns.len()];
    [line(&table.columns), line(&rule)]
        .into_iter()
        .chain(table.rows.iter().map(|row| line(row)))
        .collect()
}

/// The tables in a document, without the indent of their step.
fn tables(file: &str) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let tables = lines
        .split(|line| !line.starts_with('|'))
        .filter(|table| !table.is_empty());
    tables
        .map(|table| table.iter().map(|line| (*line).to_owned()).collect())
        .collect()
}

#[test]
fn the_documents_have_the_tables_of_the_guides() {
    for (provider, file, definitions) in [
        (
            Provider::Okta,
            "docs/okta.md",
            r#"{"name": "distinguishedName"}, {"name": "costCenterCodes", "multiValued": true}, {"name": "clearance", "type": "integer"}"#,
        ),
        (
            Provider::Entra,
            "docs/entra.md",
            r#"{"name": "distinguishedName"}, {"name": "clearance", "type": "integer"}"#,
        ),
    ] {
        let guide = Guide::of(provider, "acme", "https://scim.example.com/scim/v2").unwrap();
        assert_eq!(guide.more, file);
        let schema = format!(
            r#"{{"id": "{ACME}", "attributes": [{definitions}], "x-scimd": {{"extends": ["User"]}}}}"#
        );
        let schema = scimd::schema::SchemaFile {
            origin: "acme".to_owned(),
            text: schema,
        };
        let rows = guide
            .attributes
            .rows(&scimd::model::catalog(&[schema]).unwrap());
        let steps = guide.sections.iter().flat_map(|section| &section.steps);
        let of_steps = steps.filter_map(|step| step.table.as_ref());
        let of_sections = guide
            .sections
            .iter()
            .filter_map(|section| section.table.as_ref());
        let expected: Vec<_> = of_steps
            .chain(of_sections)
            .chain([&rows.table])
            .map(markdown)
            .collect();
        let written = tables(file);
        for table in &expected {
            assert!(
                written.contains(table),
                "{file} lacks this table of the guide:\n{}",
                table.join("\n")
            );
        }
        // The values to enter are in the guide only.
        for table in written
            .iter()
            .filter(|table| table[0] == "| Field | Value |")
        {
            assert!(
                expected.contains(table),
                "the guide lacks this table of {file}:\n{}",
                table.join("\n")
            );
        }
    }
}
