//! Precedence of the sources of the configuration.

use super::*;

#[test]
fn a_later_source_overrides_an_earlier_one() {
    let file = "[limits]\npage_max = 200\npage_default = 20\n[schemas]\ndir = \"schemas\"";
    let config = configure(
        file,
        &[
            ("SCIMD_LIMITS__PAGE_MAX", "300"),
            ("SCIMD_SCHEMAS__SEARCHABLE", "userName, emails.value"),
        ],
    )
    .unwrap();
    assert_eq!(
        (config.limits.page_max, config.limits.page_default),
        (300, 20)
    );
    assert_eq!(
        config.schemas.dir.unwrap().display().to_string(),
        "/etc/x/schemas"
    );
    assert_eq!(
        config.schemas.searchable.as_deref().unwrap(),
        ["userName", "emails.value"]
    );
}

#[test]
fn a_list_in_the_environment_may_be_json() {
    let searchable = |text| {
        let config = configure("", &[("SCIMD_SCHEMAS__SEARCHABLE", text)]);
        config.map(|config| config.schemas.searchable.unwrap())
    };
    let names = ["userName", "emails.value"];
    for text in ["userName,emails.value", r#" ["userName", "emails.value"]"#] {
        assert_eq!(searchable(text).unwrap(), names, "{text}");
    }
    for text in ["[userName]", r#"["userName", 1]"#, r#"["userName""#] {
        assert!(searchable(text).is_err(), "{text}");
    }
}

#[test]
fn options_override_all_sources() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.toml");
    std::fs::write(
        &file,
        "[server]\nlisten = \"127.0.0.1:1\"\nbehind_proxy = true\n",
    )
    .unwrap();
    let option = Override {
        section: "server",
        key: "listen",
        option: "--listen",
        value: "127.0.0.1:2".into(),
    };
    let variables = environment(&[
        ("SCIMD_CONFIG", file.to_str().unwrap()),
        ("SCIMD_SERVER__LISTEN", "127.0.0.1:3"),
    ]);
    let config = Config::load(None, &variables, &[option]).unwrap();
    assert_eq!(config.server.listen.port(), 2);
    assert!(config.server.behind_proxy);
    let wrong = Override {
        section: "server",
        key: "listen",
        option: "--listen",
        value: "here".into(),
    };
    let error = Config::load(None, &variables, &[wrong])
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("option --listen: server.listen = \"here\": must be an IP address"),
        "{error}"
    );
    let error = Config::load(Some(Path::new("/none.toml")), &variables, &[])
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("/none.toml: the configuration cannot be read"),
        "{error}"
    );
}

#[test]
fn the_latest_source_names_the_database() {
    let url = ("DATABASE_URL", "postgres://a");
    let file = "[database]\nurl = \"postgres://file\"";
    for (file, variables, expected) in [
        (file, &[][..], "postgres://file"),
        (file, &[url], "postgres://a"),
        (
            file,
            &[url, ("SCIMD_DATABASE_URL", "postgres://b")],
            "postgres://b",
        ),
        (
            file,
            &[
                url,
                ("SCIMD_DATABASE__URL", "postgres://c"),
                ("SCIMD_DATABASE_URL", "postgres://b"),
            ],
            "postgres://c",
        ),
        (file, &[("SCIMD_DATA_DIR", "/d")], "/d"),
        ("", &[("SCIMD_DATA_DIR", "/d"), url], "postgres://a"),
        (
            "",
            &[("DATABASE_URL", ""), ("SCIMD_DATABASE_URL", "postgres://b")],
            "postgres://b",
        ),
        ("", &[("XDG_DATA_HOME", "/x")], "/x/scimd"),
        ("[database]\ndata_dir = \"d\"", &[], "/etc/x/d"),
    ] {
        assert_eq!(database(&configure(file, variables).unwrap()), expected);
    }
}

#[test]
fn an_empty_url_is_an_error() {
    let image = ("SCIMD_DATA_DIR", "/d");
    for name in ["DATABASE_URL", "SCIMD_DATABASE_URL", "SCIMD_DATABASE__URL"] {
        for file in ["", "[database]\nurl = \"postgres://file\""] {
            let message = complaint(file, &[(name, ""), image]);
            assert!(
                message.starts_with(&format!(
                    "environment variable {name}: database.url: must be a URL"
                )),
                "{message}"
            );
        }
    }
    let folder = Override {
        section: "database",
        key: "data_dir",
        option: "--data-dir",
        value: "/o".into(),
    };
    let config = Config::load(
        None,
        &environment(&[("SCIMD_DATABASE_URL", ""), image]),
        &[folder],
    )
    .unwrap();
    assert_eq!(database(&config), "/o");
}

#[test]
fn variables_of_other_programs_are_ignored() {
    let links = [
        ("SCIMD_SERVICE_HOST", "10.0.0.1"),
        ("SCIMD_SERVICE_PORT_HTTP", "8080"),
        ("SCIMD_PORT", "tcp://10.0.0.1:8080"),
        ("SCIMD_BLUE_PORT_8080_TCP_ADDR", "10.0.0.1"),
        ("SCIMD_LOG", "debug"),
        ("SCIMD_LIMITS__PAGE_MAX", ""),
    ];
    configure("", &links).unwrap();
}
