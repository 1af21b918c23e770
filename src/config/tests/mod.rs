//! The configuration: keys and their defaults.

mod errors;
mod precedence;
mod values;

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

/// A configuration without the files of this machine.
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
    assert_eq!(config.tokens.expires, Some(365 * 86_400));
    assert!(config.warnings().is_empty());
    config.check_exposure().unwrap();
}

/// No section accepts a date, so an unread key would not fail.
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

/// A value of a variable has the same effect as that of a file.
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
