//! `scimd schema` as a new user would use it, while a server is running.

use crate::cli::{migrated, printed, refused, run};
use serde_json::Value;
use std::path::Path;

const ACME: &str = "urn:ietf:params:scim:schemas:extension:acme:2.0:User";

fn json(folder: &Path, arguments: &str) -> Value {
    serde_json::from_str(&printed(folder, arguments)).unwrap()
}

#[test]
fn schemas_are_added_and_removed() {
    let folder = migrated();
    let folder = folder.path();
    printed(folder, "tenant create acme");
    printed(
        folder,
        &format!("schema add --urn {ACME} --attribute dn:string --attribute level:integer"),
    );
    printed(
        folder,
        &format!("schema add --urn {ACME} --attribute badges:string[]:caseExact"),
    );
    printed(
        folder,
        "schema add --tenant acme --urn urn:acme:own:User --attribute code:unique",
    );
    let listed = printed(folder, "schema list");
    for line in ["built in", "deployment", "tenant acme", "RESOURCE TYPES"] {
        assert!(listed.contains(line), "{listed}");
    }
    let all = json(folder, "schema list --json");
    let of = |urn: &str| {
        all.as_array()
            .unwrap()
            .iter()
            .find(|schema| schema["urn"] == urn)
            .cloned()
            .unwrap()
    };
    assert_eq!(
        of(ACME)["attributes"],
        serde_json::json!(["dn", "level", "badges"])
    );
    assert_eq!(
        (
            &of("urn:acme:own:User")["tenant"],
            &of(ACME)["resourceTypes"][0]
        ),
        (&"acme".into(), &"User".into())
    );
    assert!(!printed(folder, "schema list --tenant default").contains("urn:acme:own:User"));
    let shown = printed(folder, &format!("schema show {ACME}"));
    assert!(
        shown.contains("badges") && shown.contains("string[]") && shown.contains("caseExact"),
        "{shown}"
    );

    let (code, message) = refused(folder, &format!("schema remove {ACME} --attribute level"));
    assert!(
        code == Some(2) && message.contains("removes level") && message.contains("--yes"),
        "{message}"
    );
    printed(
        folder,
        &format!("schema remove {ACME} --attribute level --yes"),
    );
    let schema = json(folder, &format!("schema show {ACME} --json"))["schema"].clone();
    assert_eq!(schema["attributes"].as_array().unwrap().len(), 2);
    let file = folder.join("shown.json");
    std::fs::write(&file, schema.to_string()).unwrap();
    printed(folder, &format!("schema check {}", file.display()));
    printed(folder, &format!("schema remove {ACME} --yes"));
    assert_eq!(refused(folder, &format!("schema show {ACME}")).0, Some(1));
    printed(folder, &format!("schema add {}", file.display()));
    printed(folder, &format!("schema show {ACME}"));
    printed(folder, "verify");
}

#[test]
fn a_schema_of_another_type_needs_confirmation() {
    let folder = migrated();
    let folder = folder.path();
    printed(folder, "tenant create acme");
    let urn = "urn:ietf:params:scim:schemas:extension:acme:2.0:Group";
    let (code, message) = refused(folder, &format!("schema add --urn {urn} --attribute cost"));
    assert!(
        code == Some(2) && message.contains("URN ends in Group (--resource-type Group"),
        "{message}"
    );
    printed(
        folder,
        &format!("schema add --urn {urn} --attribute cost --resource-type Group"),
    );
    let more = format!("schema add --urn {urn} --attribute more --resource-type User");
    let (code, message) = refused(folder, &more);
    assert!(
        code == Some(2) && message.contains("makes a schema of Group one of Group and User"),
        "{message}"
    );
    let file = folder.join("own.json");
    let own = serde_json::json!({"id": urn, "attributes": [{"name": "cost"}], "x-scimd": {"extends": ["Group"]}});
    std::fs::write(&file, own.to_string()).unwrap();
    let (code, message) = refused(
        folder,
        &format!("schema add {} --resource-type User", file.display()),
    );
    assert!(
        code == Some(2) && message.contains("the file says Group, but User was requested"),
        "{message}"
    );
    let checked = json(folder, &format!("schema check {} --json", file.display()));
    assert_eq!(
        (&checked["problems"], &checked["schemas"][0]["urn"]),
        (&serde_json::json!([]), &urn.into())
    );
    assert!(run(folder, &format!("{more} --yes")).status.success());
    let removed = json(
        folder,
        &format!("schema remove {urn} --attribute more --yes --json"),
    );
    assert_eq!(
        (&removed["hidden"]["more"], &removed["schema"]["id"]),
        (&0.into(), &urn.into())
    );
}

#[test]
fn several_schemas_come_from_one_file() {
    let folder = migrated();
    let folder = folder.path();
    let file = folder.join("list.json");
    let schema = |urn: &str| serde_json::json!({"id": urn, "attributes": [{"name": "a"}]});
    let list = serde_json::json!([schema("urn:one:User"), schema("urn:two:User")]);
    std::fs::write(&file, list.to_string()).unwrap();
    let added = json(folder, &format!("schema add {} --json", file.display()));
    assert_eq!(
        (&added[0]["urn"], &added[1]["urn"]),
        (&"urn:one:User".into(), &"urn:two:User".into())
    );
    let listed = printed(folder, "schema list");
    assert!(
        listed.contains("urn:one:User") && listed.contains("urn:two:User"),
        "{listed}"
    );
}

#[test]
fn wrong_arguments_get_the_right_ones() {
    let folder = migrated();
    let folder = folder.path();
    printed(folder, "tenant create acme");
    let wrong = folder.join("wrong.json");
    std::fs::write(
        &wrong,
        r#"{"id": "acme", "attributes": [{"name": "a", "type": "text"}, {"name": "a b"}]}"#,
    )
    .unwrap();
    let path = wrong.display();
    let every: &[&str] = &[
        &format!("{path}: /id: \"acme\" must be a URN"),
        &format!("{path}: /attributes/0/type: \"text\" is not one of string"),
        &format!("{path}: /attributes/1/name: \"a b\" is not an attribute name"),
        "3 problems found",
    ];
    for (arguments, said) in [
        (format!("schema check {path}"), every),
        (format!("schema add {path}"), every),
        (
            "schema check nowhere.json".to_owned(),
            &["nowhere.json cannot be read"],
        ),
        ("schema add".to_owned(), &["--urn", "FILE"]),
        (format!("schema add --urn {ACME}"), &["--attribute"]),
        (
            format!("schema add --urn {ACME} --attribute a:text"),
            &["\"text\" is not a type"],
        ),
        (
            format!("schema add --urn {ACME} --attribute a:string:uniq"),
            &["\"uniq\" is not an option"],
        ),
        (
            "schema add --urn acme --attribute a".to_owned(),
            &["must be a URN"],
        ),
        (
            format!("schema add --urn {ACME} --attribute a --resource-type Robot"),
            &["there is no resource type \"Robot\""],
        ),
        (
            format!("schema add --urn {ACME} --attribute a:string[]:unique"),
            &["only a single simple value can be unique"],
        ),
        (
            format!("schema remove {ACME} --yes"),
            &["the deployment has no schema"],
        ),
    ] {
        let (code, message) = refused(folder, &arguments);
        assert_eq!(code, Some(2), "{arguments}: {message}");
        for said in said {
            assert!(message.contains(said), "{arguments}: {message}");
        }
    }
    let (code, message) = refused(
        folder,
        &format!("schema add --tenant nobody --urn {ACME} --attribute a"),
    );
    assert!(
        code == Some(1) && message.contains("There is no tenant \"nobody\""),
        "{message}"
    );
    let help = run(folder, "schema add --help");
    let help = String::from_utf8(help.stdout).unwrap();
    for word in ["NAME[:TYPE][:OPTION]", "caseExact", "dateTime", "Examples:"] {
        assert!(help.contains(word), "{help}");
    }
}

#[test]
fn a_changed_configuration_is_reported_until_the_index_is_updated() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (dir, config) = (folder.join("schemas"), folder.join("scimd.toml"));
    std::fs::create_dir(&dir).unwrap();
    std::fs::write(&config, format!("[schemas]\ndir = \"{}\"\n", dir.display())).unwrap();
    let warned = |attributes: Value| {
        let schema = serde_json::json!({"id": ACME, "attributes": attributes, "x-scimd": {"extends": ["User"]}});
        std::fs::write(dir.join("acme.json"), schema.to_string()).unwrap();
        let output = run(folder, &format!("migrate --config {}", config.display()));
        assert!(output.status.success());
        let stderr = String::from_utf8(output.stderr).unwrap();
        stderr
            .lines()
            .filter(|line| line.contains("scimd verify --repair"))
            .collect::<String>()
    };
    // A shell without the configuration has the same schemas as servers.
    let repair = || printed(folder, "verify --repair");
    printed(folder, "migrate");
    let plain = serde_json::json!([{"name": "code"}]);
    let more = serde_json::json!([{"name": "code", "uniqueness": "server"}, {"name": "level"}]);
    assert_eq!(warned(plain.clone()), "", "what is new has no values");
    let stderr = warned(more.clone());
    assert!(
        stderr.contains(":code are searched: run scimd verify --repair")
            && !stderr.contains(":level"),
        "{stderr}"
    );
    assert!(
        !warned(more.clone()).is_empty(),
        "the warning is repeated until the repair"
    );
    repair();
    assert_eq!(warned(more.clone()), "");
    assert!(warned(plain.clone()).contains(":level"), "what goes counts");
    repair();
    assert_eq!(warned(plain), "");
    assert!(
        warned(more).contains(":level"),
        "what comes back may have values"
    );
}
