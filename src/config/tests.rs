//! Sources over each other, and what is said about each kind of slip.

use super::entries::Value;
use super::sources::{add_text, built_in};
use super::variable::variable_name;
use super::*;
use crate::operator::DatabaseTarget;
use crate::protocol::ServiceLimits;
use crate::scim_api::HttpSettings;
use crate::store::PoolSettings;
use crate::wire::ServerSettings;
use secrecy::ExposeSecret;

fn environment(variables: &[(&str, &str)]) -> Environment {
    let home = [("HOME", "/home/ann")];
    home.iter()
        .chain(variables)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// Reads no file of this machine.
fn configure(file: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let mut entries = built_in()?;
    add_text(&mut entries, "/etc/x/scimd.toml", file)?;
    let environment = environment(variables);
    sources::add_environment(&mut entries, &environment)?;
    Config::of_entries(entries, &environment)
}

fn complaint(file: &str, variables: &[(&str, &str)]) -> String {
    configure(file, variables)
        .map(|_| ())
        .unwrap_err()
        .to_string()
}

fn database(config: &Config) -> String {
    match &config.database.target {
        DatabaseTarget::Postgres { url } => url.expose_secret().to_owned(),
        DatabaseTarget::Sqlite { data_dir } => data_dir.display().to_string(),
    }
}

#[test]
fn defaults_are_those_of_the_code() {
    let config = configure("", &[]).unwrap();
    let settings = config.for_service(String::new()).unwrap();
    assert_eq!(
        format!("{:?}", settings.limits),
        format!("{:?}", ServiceLimits::default())
    );
    assert_eq!(
        format!("{:?}", settings.pool),
        format!("{:?}", PoolSettings::default())
    );
    assert_eq!(config.for_http(), HttpSettings::default());
    assert_eq!(config.for_server(), ServerSettings::default());
    assert_eq!(
        config.base_url(config.server.listen),
        "http://127.0.0.1:8080/scim/v2"
    );
    assert_eq!(database(&config), "/home/ann/.local/share/scimd");
    assert!(config.database.is_default_folder);
    assert_eq!(config.tokens.expires, Some(365 * 86_400));
    assert!(config.warnings().is_empty());
    config.check_exposure().unwrap();
}

/// Each key is read by a section: none takes a date.
#[test]
fn every_key_of_the_file_is_read() {
    for Effective { section, key, .. } in configure("", &[]).unwrap().effective() {
        let message = complaint(&format!("[{section}]\n{key} = 2026-11-21\n"), &[]);
        let expected = format!("/etc/x/scimd.toml:2: {section}.{key}");
        assert!(message.starts_with(&expected), "{message}");
    }
}

#[test]
fn every_key_of_the_file_has_a_comment_line() {
    let lines: Vec<&str> = DEFAULTS.lines().collect();
    for pair in lines.windows(2) {
        if pair[1].contains(" = ") && !pair[1].starts_with('#') {
            assert!(pair[0].starts_with("# "), "{}", pair[1]);
        }
    }
}

#[test]
fn a_later_source_goes_before_an_earlier() {
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
fn options_go_before_all() {
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
fn an_empty_url_is_no_database() {
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
fn complaints_name_place_and_remedy() {
    let within =
        |section: &str, line: &str| complaint(&format!("# first\n[{section}]\n\n{line}\n"), &[]);
    for (section, line, expected) in [
        (
            "limits",
            "page_maxx = 1",
            "there is no key \"page_maxx\" in [limits]; did you mean \"page_max\"?",
        ),
        (
            "server",
            "page_max = 1",
            "there is no key \"page_max\" in [server]; did you mean \"page_max\" in [limits]?",
        ),
        (
            "server",
            "colour = 1",
            "there is no key \"colour\" in [server]; `scimd check --defaults` shows all keys",
        ),
        (
            "limits",
            "page_max = \"9\"",
            "limits.page_max = \"9\": must be a whole number from 1 to 10000",
        ),
        (
            "limits",
            "page_max = 0",
            "limits.page_max = 0: must be a whole number from 1 to 10000",
        ),
        (
            "limits",
            "page_max = 1.5",
            "limits.page_max = 1.5: must be a whole number from 1 to 10000",
        ),
        (
            "limits",
            "page_default = 1001",
            "limits.page_default = 1001: must be at most limits.page_max, which is 1000",
        ),
        (
            "limits",
            "page_max = 99",
            "limits.page_max = 99: must be at least limits.page_default, which is 100",
        ),
        (
            "limits",
            "burst = 49",
            "limits.burst = 49: must be at least limits.requests_per_second, which is 50",
        ),
        (
            "limits",
            "requests_per_second = 24",
            "limits.requests_per_second = 24: must be a whole number from 25 to 1000000: Entra ID sends up to 25 \
             requests a second and gives up if they are refused",
        ),
        (
            "server",
            "behind_proxy = \"true\"",
            "server.behind_proxy = \"true\": must be true or false",
        ),
        (
            "server",
            "base_path = \"scim\"",
            "server.base_path = \"scim\": must be a path that begins with '/'",
        ),
        (
            "server",
            "base_path = \"/scim?a=b\"",
            "server.base_path = \"/scim?a=b\": must be a path that begins with '/'",
        ),
        (
            "server",
            "public_url = \"scim.example.com\"",
            "server.public_url = \"scim.example.com\": must be an absolute URL",
        ),
        (
            "server",
            "tls_key = \"k\"",
            "server.tls_key = \"k\": must be given together with server.tls_certificate",
        ),
        (
            "log",
            "format = \"xml\"",
            "log.format = \"xml\": must be auto, json or text",
        ),
        (
            "log",
            "level = \"loud\"",
            "log.level = \"loud\": must be error, warn, info, debug or trace",
        ),
        (
            "tokens",
            "expires = \"1y\"",
            "tokens.expires = \"1y\": must be \"never\", or a whole number with a unit",
        ),
        (
            "schemas",
            "searchable = \"*\"",
            "schemas.searchable = \"*\": must be an array of texts",
        ),
        (
            "server",
            "listen = 8080",
            "server.listen = 8080: must be a text in quotation marks",
        ),
    ] {
        let message = within(section, line);
        assert!(
            message.starts_with(&format!("/etc/x/scimd.toml:4: {expected}")),
            "{message}"
        );
    }
}

#[test]
fn complaints_about_structure() {
    for (file, expected) in [
        (
            "[limit]\npage_max = 1",
            ":1: there is no section [limit]; did you mean [limits]?",
        ),
        (
            "[http]\na = 1",
            ":1: there is no section [http]; there are server, ",
        ),
        (
            "listen = \"a\"",
            ":1: key \"listen\" is outside of a section; it belongs under [server]",
        ),
        ("\n[server]\nlisten = ", ":3: not TOML: "),
        (
            "[server]\nlisten = \"a\"\nlisten = \"b\"",
            ":3: not TOML: duplicate key",
        ),
    ] {
        let message = complaint(file, &[]);
        assert!(
            message.starts_with(&format!("/etc/x/scimd.toml{expected}")),
            "{message}"
        );
        assert!(!message.contains('\n'));
    }
}

#[test]
fn complaints_about_variables() {
    for (name, value, expected) in [
        (
            "SCIMD_LIMITS__PAGE_MAXX",
            "1",
            "sets nothing; did you mean SCIMD_LIMITS__PAGE_MAX?",
        ),
        (
            "SCIMD_LIMITS_PAGE_MAX",
            "1",
            "sets nothing; did you mean SCIMD_LIMITS__PAGE_MAX?",
        ),
        (
            "SCIMD_DATABSE_URL",
            "1",
            "sets nothing; did you mean SCIMD_DATABASE_URL?",
        ),
        (
            "SCIMD_HELLO",
            "1",
            "sets nothing; variables are named SCIMD_SECTION__KEY, such as SCIMD_LIMITS__PAGE_MAX",
        ),
        (
            "SCIMD_LIMITS__PAGE_MAX",
            "many",
            "limits.page_max = \"many\": must be a whole number from 1 to 10000",
        ),
        (
            "SCIMD_SERVER__BEHIND_PROXY",
            "yes",
            "server.behind_proxy = \"yes\": must be true or false",
        ),
    ] {
        assert_eq!(
            complaint("", &[(name, value)]),
            format!("environment variable {name}: {expected}")
        );
    }
}

#[test]
fn variables_of_others_are_left_alone() {
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

/// And what a variable gives shows as if a file had given it.
#[test]
fn every_key_has_a_variable() {
    for entry in built_in().unwrap().iter().filter(|entry| !entry.is_unset()) {
        let text = match &entry.value {
            Value::Text(text) => text.clone(),
            Value::List(texts) => texts.join(","),
            value => value.to_string(),
        };
        let config = configure("", &[(&variable_name(&entry.section, &entry.key), &text)]).unwrap();
        let set: Vec<Effective> = config
            .effective()
            .filter(|shown| matches!(shown.origin, Origin::Variable(_)))
            .collect();
        assert_eq!(
            (set[0].key.as_str(), set[0].value.to_string()),
            (entry.key.as_str(), entry.value.to_string())
        );
    }
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
fn plain_http_stays_on_this_machine() {
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

#[test]
fn warnings_for_what_is_likely_not_meant() {
    for (file, expected) in [
        (
            "public_url = \"https://a_b.example.com\"",
            "Okta refuses a host with an underscore",
        ),
        (
            "public_url = \"http://scim.example.com\"",
            "identity providers want https",
        ),
        (
            "listen = \"0.0.0.0:80\"\nbehind_proxy = true",
            "server.public_url is not set",
        ),
    ] {
        let warnings = configure(&format!("[server]\n{file}"), &[])
            .unwrap()
            .warnings();
        assert!(
            warnings.iter().any(|warning| warning.contains(expected)),
            "{warnings:?}"
        );
    }
}

#[test]
fn schema_files_are_read_by_name() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["b.json", "a.json", "README.md"] {
        std::fs::write(folder.path().join(name), "{}").unwrap();
    }
    let with = |dir: &str| configure(&format!("[schemas]\ndir = \"{dir}\""), &[]).unwrap();
    let files = with(folder.path().to_str().unwrap())
        .schema_files()
        .unwrap()
        .unwrap();
    assert!(
        files[0].origin.ends_with("a.json")
            && files[1].origin.ends_with("b.json")
            && files.len() == 2
    );
    let error = with("/none").schema_files().unwrap_err().to_string();
    assert!(
        error.starts_with(
            "/etc/x/scimd.toml:2: schemas.dir = \"/none\": must be a folder that can be read"
        ),
        "{error}"
    );
}
