//! Predicates of filters for a resource type, and matching resources.

use super::*;

const BADGE: &str = "urn:acme:params:scim:2.0:Badge";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// `B:` and `E:` stand for the URNs of the extensions.
fn full(text: &str) -> String {
    text.replace("B:", &format!("{BADGE}:"))
        .replace("E:", &format!("{ENTERPRISE}:"))
}

#[test]
fn names_and_specials() {
    for (text, expected) in [
        ("USERNAME eq \"BJensen\"", "userName eq \"bjensen\""),
        (
            "urn:ietf:params:scim:schemas:core:2.0:User:userName eq \"A\"",
            "userName eq \"a\"",
        ),
        (
            "URN:IETF:params:scim:schemas:CORE:2.0:user:NAME.GivenName sw \"A\"",
            "name.givenName sw \"a\"",
        ),
        ("externalId eq \"Ab\"", "externalId eq \"Ab\""),
        ("title ne \"x\"", "not title eq \"x\""),
        ("title eq null", "not title pr"),
        ("title ne null", "title pr"),
        ("not (title ne null)", "not title pr"),
        ("not (not (title pr))", "title pr"),
        ("emails co \"X\"", "emails.value co \"x\""),
        ("emails.type eq \"Work\"", "emails.type eq \"work\""),
        (
            "emails pr",
            "(emails.value pr or emails.display pr or emails.type pr or emails.primary pr)",
        ),
        (
            "emails[type eq \"work\" and value co \"@\"]",
            "emails[(emails.type eq \"work\" and emails.value co \"@\")]",
        ),
        (
            "emails[not (TYPE eq \"work\")]",
            "emails[not emails.type eq \"work\"]",
        ),
        (
            "emails[type eq \"work\"].value eq \"A\"",
            "emails[(emails.type eq \"work\" and emails.value eq \"a\")]",
        ),
        (
            "emails[type eq \"work\"].value ne \"A\"",
            "not emails[(emails.type eq \"work\" and emails.value eq \"a\")]",
        ),
        (
            "emails[type eq \"work\" or type eq \"home\"].display pr",
            "emails[((emails.type eq \"work\" or emails.type eq \"home\") and emails.display pr)]",
        ),
        (
            "emails[primary eq \"True\"]",
            "emails[emails.primary eq \"true\"]",
        ),
        (
            "name[givenName eq \"b\"]",
            "((name.formatted pr or name.familyName pr or name.givenName pr or name.middleName pr \
             or name.honorificPrefix pr or name.honorificSuffix pr) and name.givenName eq \"b\")",
        ),
        (
            "a pr or b pr",
            "error: Filter cannot be answered at column 1: resource type User has no attribute \"a\".",
        ),
        ("id eq \"Ab\"", "id eq \"Ab\""),
        ("id pr", "always"),
        ("id eq null", "never"),
        ("meta pr and title pr", "title pr"),
        (
            "meta.created gt \"2024-01-01T01:00:00+01:00\"",
            "meta.created gt \"2024-01-01T00:00:00.000000000Z\"",
        ),
        (
            "meta[lastModified le \"2024-01-01T00:00:00Z\"]",
            "meta.lastModified le \"2024-01-01T00:00:00.000000000Z\"",
        ),
        ("meta.resourceType eq \"User\"", "always"),
        ("meta.resourceType eq \"user\"", "never"),
        ("meta.resourceType ne \"Group\"", "always"),
        ("meta.resourceType sw \"U\" and title pr", "title pr"),
        (
            r#"meta.version eq "W/\"3\"""#,
            "meta.version eq \"8000000000000003\"",
        ),
        (
            r#"meta.version ne "\"3\"""#,
            "not meta.version eq \"8000000000000003\"",
        ),
        (
            "meta.version eq \"3\"",
            "meta.version eq \"8000000000000003\"",
        ),
        ("meta.version eq \"+3\"", "never"),
        ("meta.version eq \"abc\"", "never"),
        ("meta.version pr", "always"),
        (
            "meta.location eq \"https://x/scim/v2/Users/AB\"",
            "id eq \"AB\"",
        ),
        ("meta.location eq \"https://x/scim/v2/Groups/AB\"", "never"),
        ("meta.location eq \"AB\"", "never"),
        (
            "schemas eq \"urn:ietf:params:scim:schemas:core:2.0:User\"",
            "always",
        ),
        ("schemas eq \"urn:other\"", "never"),
        ("schemas pr", "always"),
        (
            "urn:scim:schemas:core:1.0:name.givenName pr",
            "name.givenName pr",
        ),
        ("urn:ietf:params:scim:schemas:core:2.0:User pr", "always"),
        ("groups pr", "groups.value pr"),
        ("groups.$ref pr", "groups.value pr"),
        (
            "groups.$ref eq \"https://x/scim/v2/Groups/AB\"",
            "groups.value eq \"ab\"",
        ),
        (
            "groups[$ref ne \"../Groups/ab\"]",
            "groups[not groups.value eq \"ab\"]",
        ),
        (
            "groups[value eq \"ab\" and type eq \"direct\"]",
            "groups[(groups.value eq \"ab\" and groups.type eq \"direct\")]",
        ),
        ("profileUrl eq \"HTTPS://A\"", "profileUrl eq \"HTTPS://A\""),
        (
            "userName eq \"a\" and (title pr and nickName pr)",
            "(userName eq \"a\" and title pr and nickName pr)",
        ),
        ("title pr or id pr", "always"),
    ] {
        assert_eq!(meaning(text), expected, "{text}");
    }
}

#[test]
fn extensions() {
    for (text, expected) in [
        ("E:department eq \"X\"", "E:department eq \"x\""),
        ("E:manager eq \"Id\"", "E:manager.value eq \"Id\""),
        ("E:manager.$ref sw \"../\"", "E:manager.$ref sw \"../\""),
        ("B:level eq 3", "B:level eq \"8000000000000003\""),
        ("B:level eq 3.0", "B:level eq \"8000000000000003\""),
        ("B:level eq 3.5", "never"),
        ("B:level ne 3.5", "always"),
        ("B:level gt 3.5", "B:level gt \"8000000000000003\""),
        ("B:level ge 3.5", "B:level gt \"8000000000000003\""),
        ("B:level lt 3.5", "B:level le \"8000000000000003\""),
        ("B:level le -0.5", "B:level le \"7fffffffffffffff\""),
        ("B:level lt 9223372036854775808", "B:level pr"),
        ("B:level ge 9223372036854775808", "never"),
        ("B:level gt -1e30", "B:level pr"),
        ("B:ratio lt 1e400", "B:ratio pr"),
        ("B:ratio eq -1e400", "never"),
        ("B:ratio eq 1", "B:ratio eq \"bff0000000000000\""),
        ("B:tags[value eq \"RED\"]", "B:tags[B:tags eq \"red\"]"),
        ("B:tags eq \"RED\"", "B:tags eq \"red\""),
        ("B:groups eq \"x\"", "B:groups eq \"x\""),
        (
            "B:sites[floors gt 1.5]",
            "B:sites[B:sites.floors gt \"8000000000000001\"]",
        ),
        ("B:sites[floors eq 1.5]", "never"),
        ("B:sites[floors ne 1.5]", "B:sites.floors pr"),
        ("B:sites pr", "B:sites.floors pr"),
        (
            "E: pr",
            "(E:employeeNumber pr or E:costCenter pr or E:organization pr or E:division pr or E:department pr \
             or E:manager.value pr or E:manager.$ref pr or E:manager.displayName pr)",
        ),
        (
            "schemas ew \"Badge\"",
            "(B:level pr or B:ratio pr or B:issued pr or B:tags pr or B:groups pr or B:sites.floors pr)",
        ),
    ] {
        let text = full(text).replace(": pr", " pr");
        assert_eq!(meaning(&text), full(expected), "{text}");
    }
}

#[test]
fn refusals_name_column_and_reason() {
    for (text, reason) in [
        (
            "title pr and favouriteColour eq \"x\"",
            "column 14: resource type User has no attribute \"favouriteColour\".",
        ),
        (
            "name.nick eq \"x\"",
            "column 1: resource type User has no attribute \"name.nick\".",
        ),
        (
            "emails[colour eq \"x\"]",
            "column 8: \"emails\" has no sub-attribute \"colour\".",
        ),
        (
            "emails[emails.type eq \"x\"]",
            "column 8: \"emails\" has no sub-attribute \"emails.type\".",
        ),
        (
            "emails[type pr].colour pr",
            "column 17: \"emails\" has no sub-attribute \"colour\".",
        ),
        (
            "urn:other:userName eq \"x\"",
            "has no attribute \"urn:other:userName\".",
        ),
        (
            "password eq \"x\"",
            "column 1: \"password\" cannot be searched.",
        ),
        ("password pr", "cannot be searched"),
        ("password eq null", "cannot be searched"),
        ("B:pin eq \"x\"", "cannot be searched"),
        ("B:sites.code pr", "cannot be searched"),
        ("B:sites[code eq \"1\"]", "cannot be searched"),
        (
            "name eq \"x\"",
            "column 1: \"name\" is complex; name one of its sub-attributes, such as \"name.formatted\".",
        ),
        ("addresses co \"x\"", "\"addresses\" is complex"),
        ("meta eq \"x\"", "\"meta\" is complex"),
        ("B:sites eq 1", "is complex"),
        ("B: eq \"x\"", "is a schema, not an attribute"),
        (
            "userName[value eq \"x\"]",
            "column 1: \"userName\" has no values that brackets could choose from.",
        ),
        (
            "emails.value[type pr]",
            "has no values that brackets could choose from",
        ),
        (
            "schemas[value eq \"x\"]",
            "has no values that brackets could choose from",
        ),
        (
            "B:[level eq 1]",
            "has no values that brackets could choose from",
        ),
        (
            "active gt true",
            "\"active\" is of type boolean and takes eq, ne and pr, not gt.",
        ),
        ("active co \"True\"", "takes eq, ne and pr, not co."),
        (
            "active eq \"yes\"",
            "\"active\" is compared with true or false, not with \"yes\".",
        ),
        ("active eq 1", "is compared with true or false, not with 1"),
        (
            "x509Certificates gt \"YQ==\"",
            "takes eq, ne and pr, not gt.",
        ),
        ("x509Certificates eq \"?\"", "is compared with Base64"),
        ("userName eq true", "is compared with a string"),
        (
            "userName gt null",
            "null has no order: it takes eq and ne, not gt.",
        ),
        ("userName co null", "null has no order"),
        (
            "meta.created eq \"2024-01-01\"",
            "is compared with a date with time",
        ),
        ("meta.created gt 5", "is compared with a date with time"),
        (
            "meta.created sw \"2024\"",
            "is of type dateTime and takes eq, ne, gt, ge, lt, le and pr, not sw.",
        ),
        (
            "meta.version gt \"3\"",
            "\"meta.version\" takes eq, ne and pr, not gt.",
        ),
        (
            "meta.location co \"Users\"",
            "\"meta.location\" takes eq, ne and pr, not co.",
        ),
        (
            "groups.$ref co \"x\"",
            "\"groups.$ref\" takes eq, ne and pr, not co.",
        ),
        (
            "B:level co 3",
            "is of type integer and takes eq, ne, gt, ge, lt, le and pr, not ",
        ),
        ("B:ratio eq true", "is compared with a number"),
        (
            "B:ratio sw 1",
            "is of type decimal and takes eq, ne, gt, ge, lt, le and pr, not ",
        ),
        (
            "B:issued eq \"yesterday\"",
            "is compared with a date with time",
        ),
    ] {
        let text = full(text).replace(": eq", " eq").replace(":[", "[");
        let refusal = refusal(&text);
        assert!(
            refusal.starts_with("Filter cannot be answered at column "),
            "{text}: {refusal}"
        );
        assert!(refusal.contains(reason), "{text}: {refusal}");
    }
}

#[test]
fn the_letter_of_the_rfc() {
    let strict = |text: &str| resolve(&parsed(text), &resource_type("User"), Conformance::Rfc);
    assert!(strict("active eq true").is_ok());
    assert!(strict("active eq \"True\"").is_err());
    assert!(strict(&full("E:manager eq \"x\"")).is_err());
    assert!(strict("emails eq \"x\"").is_ok());
    assert!(strict("urn:scim:schemas:core:1.0:userName pr").is_err());
}

#[test]
fn every_operator() {
    for (text, expected) in [
        ("userName eq \"bjensen@example.com\"", true),
        ("userName ne \"bjensen@example.com\"", false),
        ("userName co \"SEN@\"", true),
        ("userName sw \"bjen\"", true),
        ("userName ew \".COM\"", true),
        ("userName sw \".com\"", false),
        ("userName gt \"bjensen\"", true),
        ("userName ge \"bjensen@example.com\"", true),
        ("userName gt \"bjensen@example.com\"", false),
        ("userName lt \"c\"", true),
        ("userName le \"a\"", false),
        ("userName pr", true),
        ("title pr", false),
        ("title ne \"x\"", true),
        ("title eq \"\"", false),
        ("title eq null", true),
        ("nickName pr", false),
        ("nickName eq \"\"", true),
        ("nickName eq null", true),
        ("userName co \"\"", true),
        ("externalId eq \"ext-1\"", false),
        ("externalId eq \"Ext-1\"", true),
        ("displayName eq \"STRASSE\"", true),
        ("displayName eq \"ＳＴＲＡＳＳＥ\"", true),
        ("active eq true", true),
        ("active eq \"True\"", true),
        ("active ne false", true),
        ("x509Certificates eq \"YQ\"", true),
        ("profileUrl eq \"https://example.com/babs\"", false),
        (
            "name pr and meta pr and emails pr and addresses eq null",
            true,
        ),
        (
            "name[givenName eq \"barbara\" and familyName sw \"j\"]",
            true,
        ),
        (
            "emails.type eq \"home\" and emails.value eq \"b@work.example\"",
            true,
        ),
        (
            "emails[type eq \"home\" and value eq \"b@work.example\"]",
            false,
        ),
        ("emails[type eq \"work\" and primary eq true]", true),
        ("emails[primary eq null]", true),
        (
            "emails[not (type eq \"work\") and not (type eq \"home\")]",
            false,
        ),
        ("emails[type eq \"work\"].value ew \"work.example\"", true),
        ("emails[type eq \"work\"].value ne \"b@home.example\"", true),
        ("emails[type eq \"other\"].value ne \"x\"", true),
        ("emails ne \"b@home.example\"", false),
        ("id eq \"00000000-0000-0000-0000-000000000007\"", true),
        ("id sw \"0000\"", true),
        (
            "meta.location eq \"/Users/00000000-0000-0000-0000-000000000007\"",
            true,
        ),
        (r#"meta.version eq "W/\"3\"""#, true),
        (r#"meta.version eq "W/\"4\"""#, false),
        ("meta.created eq \"2023-11-14T23:13:20.123+01:00\"", true),
        ("meta.created gt \"2023-11-14T22:13:20.123Z\"", false),
        ("meta.lastModified gt \"2023-11-14T22:13:20.123Z\"", true),
        ("groups.$ref eq \"https://x/Groups/g1\"", true),
        ("groups[display eq \"sales\"]", true),
        ("E:department co \"oper\"", true),
        ("E:manager eq \"m1\" and E:manager.value eq \"m1\"", true),
        ("B:level ge 3 and B:level lt 3.5 and B:level gt 2.9", true),
        ("B:level gt 3.0", false),
        ("B:ratio eq 5e-1", true),
        ("B:issued eq \"2024-05-01T08:00:00Z\"", true),
        ("B:tags eq \"green\" and B:tags[value eq \"red\"]", true),
        ("B:tags[value eq \"red\" and value eq \"green\"]", false),
        ("B:sites[floors eq 1 and floors eq 2]", true),
        ("B:sites[floors eq 1 and floors eq 3]", false),
        ("B:sites.floors eq 1 and B:sites.floors eq 3", true),
        ("schemas eq \"urn:acme:params:scim:2.0:Badge\"", true),
        ("title pr or userName pr and title pr", false),
        ("(title pr or userName pr) and active eq true", true),
        ("userName pr or title pr and title pr", true),
        ("not (title pr) and not (nickName pr)", true),
        (
            "userName eq \"' OR '1'='1\" or userName eq \"%\" or userName eq \".*\"",
            false,
        ),
    ] {
        let text = full(text);
        assert_eq!(matches(&text), expected, "{text}");
    }
}

#[test]
fn members_of_a_group() {
    let group = resource(
        "Group",
        json!({"displayName": "Sales", "members": [{"value": "m1", "type": "User"}]}),
    );
    for (text, expected) in [
        ("members eq \"m1\"", true),
        ("members.value eq \"M1\"", true),
        ("members[value eq \"m1\" and type eq \"Group\"]", false),
        ("members.$ref eq \"https://x/scim/v2/Users/m1\"", true),
        ("displayName eq \"sales\" and members pr", true),
    ] {
        assert_eq!(
            resolved_for("Group", text).unwrap().matches(&group),
            expected,
            "{text}"
        );
    }
}

#[test]
fn value_filters_of_paths() {
    let user_type = resource_type("User");
    let within = |attribute: &str, text: &str, element: Value| {
        let Some(crate::schema::Named::Attribute(path)) = user_type.named(attribute) else {
            panic!("{attribute}")
        };
        resolve_value_filter(&parsed(text), &path, &user_type, Conformance::Lenient)
            .map(|predicate| predicate.matches_element(&path.attribute, &element))
            .map_err(|error| error.to_string())
    };
    let email = json!({"value": "A@x", "type": "work", "primary": true});
    assert_eq!(
        within(
            "emails",
            "TYPE eq \"Work\" and value eq \"a@X\"",
            email.clone()
        ),
        Ok(true)
    );
    assert_eq!(
        within(
            "emails",
            "primary eq \"True\" and not (display pr)",
            email.clone()
        ),
        Ok(true)
    );
    assert_eq!(
        within("emails", "type ne \"work\"", email.clone()),
        Ok(false)
    );
    assert_eq!(
        within("groups", "$ref eq \"../Groups/g1\"", json!({"value": "g1"})),
        Ok(true)
    );
    assert_eq!(
        within(&full("B:tags"), "value eq \"RED\"", json!("red")),
        Ok(true)
    );
    assert_eq!(within(&full("B:tags"), "value pr", json!("")), Ok(false));
    let refusal =
        "Filter cannot be answered at column 1: \"emails\" has no sub-attribute \"userName\"."
            .to_owned();
    assert_eq!(within("emails", "userName eq \"x\"", email), Err(refusal));
}

#[test]
fn several_types() {
    let types = [resource_type("User"), resource_type("Group")];
    let each = |text: &str| {
        let resolved = resolve_each(&parsed(text), &types, Conformance::Lenient)?;
        Ok::<_, Error>(resolved.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    assert_eq!(
        each("members.value eq \"a\"").unwrap(),
        ["never", "members.value eq \"a\""]
    );
    assert_eq!(
        each("members[value eq \"a\"]").unwrap(),
        ["never", "members[members.value eq \"a\"]"]
    );
    assert_eq!(
        each("userName eq null").unwrap(),
        ["not userName pr", "always"]
    );
    assert_eq!(
        each("displayName pr").unwrap(),
        ["displayName pr", "displayName pr"]
    );
    assert_eq!(
        each("meta.resourceType eq \"Group\"").unwrap(),
        ["never", "always"]
    );
    assert!(each("colour pr").is_err());
}

#[test]
fn numbers_and_texts_are_converted_in_lenient_mode() {
    for (text, meant, refusal) in [
        (
            "userName eq 5",
            "userName eq \"5\"",
            "\"userName\" is compared with a string in double quotes, not with 5.",
        ),
        (
            "userName sw 1.0",
            "userName sw \"1.0\"",
            "is compared with a string",
        ),
        ("id eq 5", "id eq \"5\"", "\"id\" is compared with a string"),
        (
            "schemas eq 5",
            "never",
            "\"schemas\" is compared with a string",
        ),
        (
            "profileUrl eq 5",
            "profileUrl eq \"5\"",
            "is compared with a URI in double quotes",
        ),
        (
            "meta.version eq 3",
            "meta.version eq \"8000000000000003\"",
            "\"meta.version\" is compared with a string.",
        ),
        (
            "meta.resourceType eq 1",
            "never",
            "is compared with a string",
        ),
        (
            "B:level gt \"1.5\"",
            "urn:acme:params:scim:2.0:Badge:level gt \"8000000000000001\"",
            "is compared with a number",
        ),
        (
            "groups.$ref eq 1",
            "groups.value eq \"1\"",
            "is compared with a string",
        ),
        (
            "emails[value eq 5]",
            "emails[emails.value eq \"5\"]",
            "is compared with a string",
        ),
    ] {
        let text = text.replace("B:", "urn:acme:params:scim:2.0:Badge:");
        assert_eq!(meaning(&text), meant, "{text}");
        let filter = parse_filter(&text, &FilterLimits::default(), Conformance::Rfc).unwrap();
        let error = resolve(&filter, &resource_type("User"), Conformance::Rfc).unwrap_err();
        assert!(error.to_string().contains(refusal), "{text}: {error}");
    }
    let error = refusal("urn:acme:params:scim:2.0:Badge:level eq \"5 \"");
    assert!(
        error.contains("is compared with a number, not with \"5 \""),
        "{error}"
    );
}

#[test]
fn names_without_a_urn_mean_an_extension_in_lenient_mode() {
    let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    for (text, meant) in [
        (
            "manager eq 01a20083-405a",
            format!("{enterprise}:manager.value eq \"01a20083-405a\""),
        ),
        ("manager.value pr", format!("{enterprise}:manager.value pr")),
        (
            "EmployeeNumber eq 701984",
            format!("{enterprise}:employeeNumber eq \"701984\""),
        ),
        (
            "urn:acme:params:scim:2.0:Badge.level eq 1",
            "urn:acme:params:scim:2.0:Badge:level eq \"8000000000000001\"".into(),
        ),
    ] {
        assert_eq!(meaning(text), meant, "{text}");
        let strict = parse_filter(text, &FilterLimits::default(), Conformance::Rfc);
        assert!(
            strict
                .and_then(|filter| resolve(&filter, &resource_type("User"), Conformance::Rfc))
                .is_err(),
            "{text}"
        );
    }
    assert!(refusal("manager.nick pr").contains("has no attribute \"manager.nick\""));
}
