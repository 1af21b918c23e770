//! The message for each kind of error.

use super::*;

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
            "limits.requests_per_second = 24: must be a whole number from 25 to 1000000: Entra ID sends up to 25 requests per second and stops if they are refused",
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
fn warnings_for_probable_mistakes() {
    for (file, expected) in [
        (
            "public_url = \"https://a_b.example.com\"",
            "Okta refuses a host with an underscore",
        ),
        (
            "public_url = \"http://scim.example.com\"",
            "identity providers require https",
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
