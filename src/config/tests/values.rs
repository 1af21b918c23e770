//! Values with specific rules: secrets, URLs, names.

use super::*;

#[test]
fn a_schema_is_a_plain_name() {
    let configured = |name: &str| configure(&format!("[database]\nschema = \"{name}\""), &[]);
    assert_eq!(
        configured("scimd_2").unwrap().database.schema.as_deref(),
        Some("scimd_2")
    );
    assert_eq!(configured("").unwrap().database.schema, None);
    for name in [
        "Scimd",
        "a b",
        "a\\\"b",
        "2a",
        "pg_a",
        "information_schema",
        "a,b",
        "ä",
    ] {
        assert!(configured(name).is_err(), "{name}");
    }
}

#[test]
fn secrets_come_from_files_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("url");
    std::fs::write(&file, "postgres://u:secret@h/d\n").unwrap();
    let variable = ("SCIMD_DATABASE__URL_FILE", file.to_str().unwrap());
    let config = configure("[database]\nurl = \"postgres://file\"", &[variable]).unwrap();
    assert_eq!(database(&config), "postgres://u:secret@h/d");
    assert_eq!(
        config.database.to_string(),
        "PostgreSQL, postgres://u:***@h/d"
    );
    assert!(!format!("{config:?}").contains("secret@"), "{config:?}");
    let message = complaint("", &[variable, ("DATABASE_URL", "postgres://x:secret@y")]);
    assert!(
        message.contains("database.url: must be given without database.url_file"),
        "{message}"
    );
    let message = complaint("", &[("SCIMD_DATABASE__URL_FILE", "/none")]);
    assert!(
        message.contains("must be a file that can be read: No such file"),
        "{message}"
    );
}

#[test]
fn nothing_prints_a_secret() {
    let config = configure("", &[("DATABASE_URL", "postgres://u:secret@h/d")]).unwrap();
    let shown: Vec<String> = config
        .effective()
        .map(|effective| effective.value.to_string())
        .collect();
    assert!(shown.contains(&"\"postgres://u:***@h/d\"".to_owned()));
    assert!(!format!("{config:?}{shown:?}").contains("secret@"));
    assert!(!complaint("", &[("DATABASE_URL", "mysql://u:secret@h/d")]).contains("secret"));
}

#[test]
fn base_urls() {
    let address: SocketAddr = "0.0.0.0:8080".parse().unwrap();
    for (file, expected) in [
        ("", "http://127.0.0.1:8080/scim/v2"),
        ("base_path = \"/\"", "http://127.0.0.1:8080"),
        (
            "public_url = \"https://scim.example.com/\"",
            "https://scim.example.com/scim/v2",
        ),
        (
            "public_url = \"https://example.com/scim/v2\"",
            "https://example.com/scim/v2",
        ),
        (
            "public_url = \"https://example.com/id\"\nbase_path = \"/\"",
            "https://example.com/id",
        ),
        (
            "tls_certificate = \"c\"\ntls_key = \"k\"",
            "https://127.0.0.1:8080/scim/v2",
        ),
    ] {
        let config = configure(&format!("[server]\n{file}"), &[]).unwrap();
        assert_eq!(config.base_url(address), expected);
    }
}

#[test]
fn plain_http_is_allowed_only_on_this_machine() {
    let open = "[server]\nlisten = \"0.0.0.0:8080\"\n";
    let error = configure(open, &[])
        .unwrap()
        .check_exposure()
        .unwrap_err()
        .to_string();
    assert!(
        error
            .starts_with("/etc/x/scimd.toml:2: server.listen = \"0.0.0.0:8080\": plain HTTP would"),
        "{error}"
    );
    for more in [
        "behind_proxy = true",
        "tls_certificate = \"c\"\ntls_key = \"k\"",
    ] {
        configure(&format!("{open}{more}"), &[])
            .unwrap()
            .check_exposure()
            .unwrap();
    }
}
