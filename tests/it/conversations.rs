//! Conversations with the server, stored as files in `tests/data` and run on both databases.
//!
//! ```text
//! # What the file is about. Lines before the first title are settings:
//! conformance both                   the tenant's: `lenient` (without this line), `rfc`, or each in turn
//! schemas config/schemas/acme.json   schema files of the deployment
//! seats 2                            the tenant's seats
//! names shared                       two groups may have one name
//! usernames email                    user names are e-mail addresses
//! passwords argon2id                 passwords are kept
//! put-without-members clear          a PUT of a group without members clears them
//! token reader read-only             {reader} is a token: read-only, users-only, expired, revoked, other (tenant)
//! header Accept: application/json    every request has it
//! show Cache-Control                 the header is part of every answer
//!
//! ## A title, with the obligations that it shows [CRE-1 CRE-2]
//!
//! + POST /Users as jane
//! {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "jane"}
//!
//! > PATCH /Users/{jane}?attributes=title
//! > If-Match: {jane.v1}
//! [{"op": "add", "path": "title", "value": "Boss"}]
//!
//! < 200
//! < ETag: {jane.v2}
//! {"schemas": ["…"], "id": "{jane}", "title": "Boss"}
//! ```
//!
//! `+` is a preparation, which must succeed, and whose response is not stored. `>` is a request, and `<` the exact
//! response: status, the headers of [`SHOWN`], and the body. An error in the form of RFC 7644 section 3.12 is on the
//! line of its status: `< 400 noTarget: detail`. The target of a request is encoded if necessary; a body that is an
//! array is the `Operations` of a PatchOp; a header without a value is not sent.
//!
//! Names in braces represent values that differ between runs: resources (`{user1}`, or the name in the request), their
//! versions (`{user1.v2}`, and `{user1.v2!}` for the text within the quotes), times in the order of their occurrence
//! (`{time1}`), `{base}`, `{origin}`, `{absent}` (an unused id) and `{token}`.
//!
//! `SCIMD_BLESS=1 cargo test --test it conversations` writes the responses into the files; review the difference in
//! git. An existing status or `scimType` is never overwritten: change it by hand.

mod admin;
mod difference;
mod layout;
mod names;
mod script;
mod tenant;

use crate::harness::raw::{RawAnswer, RawRequest};
use crate::harness::{Database, Server};
use names::Names;
use scimd::resource::Conformance;
use script::{Exchange, Script};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use tenant::Stage;

/// Headers that are part of a response; `Content-Type` only if it is not that of SCIM.
const SHOWN: [&str; 6] = [
    "Location",
    "ETag",
    "WWW-Authenticate",
    "Allow",
    "Accept-Patch",
    "Retry-After",
];
const SCIM: &str = "application/scim+json";
const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data");

/// One test for each folder on each database.
macro_rules! folders {
    ($($name:ident = $folder:literal,)*) => {
        const FOLDERS: &[&str] = &[$($folder,)*];
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::hold($folder, crate::harness::Database::Sqlite).await; })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::hold($folder, crate::harness::Database::Postgres).await; })*
        }
        mod pooled {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::hold($folder, crate::harness::Database::Pooled).await; })*
        }
    };
}

folders! {
    rfc7644 = "http/rfc7644",
    rfc7643 = "http/rfc7643",
    rfc7240 = "http/rfc7240",
    rfc8259 = "http/rfc8259",
    rfc9110 = "http/rfc9110",
    extensions = "http/extensions",
    tenants = "http/tenants",
    rfc_mode = "http/rfc_mode",
    okta = "clients/okta",
    entra = "clients/entra",
    onelogin = "clients/onelogin",
    jumpcloud = "clients/jumpcloud",
    ping = "clients/ping",
    google = "clients/google",
    sailpoint = "clients/sailpoint",
    cyberark = "clients/cyberark",
    rippling = "clients/rippling",
    authentik = "clients/authentik",
    keycloak = "clients/keycloak",
    salesforce = "clients/salesforce",
    better_auth = "clients/better_auth",
    wso2 = "clients/wso2",
    people = "clients/people",
    scim_sdk = "clients/scim_sdk",
}

/// Runs every conversation of a folder and reports all differences at the end.
async fn hold(folder: &str, database: Database) {
    let blessing = std::env::var_os("SCIMD_BLESS").is_some();
    if blessing && database != Database::Sqlite {
        return;
    }
    let mut differences = String::new();
    let mut stage = Stage::on(database);
    for path in files(&Path::new(DATA).join(folder)) {
        let mut script = Script::read(&path);
        for (i, conformance) in tenant::conformances(&script).into_iter().enumerate() {
            let (server, names) = stage.set(&script, conformance).await;
            // The first mode reports the same differences as the others.
            let blessing = blessing && i == 0;
            let found = Conversation {
                server,
                names,
                script: &mut script,
                conformance,
                blessing,
            }
            .hold()
            .await;
            differences.push_str(&found);
        }
        if blessing {
            std::fs::write(&path, script.text()).unwrap();
        }
    }
    stage.is_sound().await;
    assert!(
        differences.is_empty(),
        "\n{differences}\nSCIMD_BLESS=1 writes the answers into the files.\n"
    );
}

/// The conversations in a folder and below it, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries =
        std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let each = paths.into_iter().flat_map(|path| {
        if path.is_dir() {
            files(&path)
        } else {
            vec![path]
        }
    });
    each.filter(|path| {
        path.extension()
            .is_some_and(|extension| extension == "http")
    })
    .collect()
}

#[test]
fn no_file_is_left_out() {
    for path in files(Path::new(DATA)) {
        let is_held = FOLDERS
            .iter()
            .chain([&admin::FOLDER])
            .any(|folder| path.starts_with(Path::new(DATA).join(folder)));
        assert!(
            is_held,
            "{} is in none of the folders that are held",
            path.display()
        );
    }
}

struct Conversation<'a> {
    server: &'a Server,
    names: Names,
    script: &'a mut Script,
    conformance: Conformance,
    blessing: bool,
}

impl Conversation<'_> {
    async fn hold(mut self) -> String {
        let path = self
            .script
            .path
            .strip_prefix(env!("CARGO_MANIFEST_DIR"))
            .unwrap()
            .display()
            .to_string();
        let always: Vec<_> = self
            .script
            .settings_of("header")
            .map(str::to_owned)
            .collect();
        let more: Vec<_> = self.script.settings_of("show").map(str::to_owned).collect();
        let shown: Vec<&str> = SHOWN
            .into_iter()
            .chain(more.iter().map(String::as_str))
            .collect();
        let mut differences = String::new();
        for exchange in self.script.exchanges() {
            self.server.clock.advance(10);
            let found = match request(&self.names, exchange, &always) {
                Ok(request) => {
                    let answer = self.server.say(&request.bytes()).await;
                    reported_difference(&mut self.names, exchange, (&answer, &shown), self.blessing)
                }
                Err(problem) => problem,
            };
            if !found.is_empty() {
                let (line, mode) = (exchange.line, self.conformance.as_str());
                differences.push_str(&format!(
                    "{path}:{line} {} ({mode})\n{found}",
                    exchange.title
                ));
            }
        }
        differences
    }
}

/// The request of an exchange.
fn request(names: &Names, exchange: &Exchange, always: &[String]) -> Result<RawRequest, String> {
    let place = if exchange.target.starts_with('{') {
        ""
    } else {
        "{base}"
    };
    let url = names.filled(&format!("{place}{}", exchange.target), true)?;
    let target = url
        .split('/')
        .skip(3)
        .fold(String::new(), |path, segment| format!("{path}/{segment}"));
    let mut fields: Vec<(String, String)> = vec![(
        "Authorization".into(),
        names.filled("Bearer {token}", false)?,
    )];
    if exchange.body.is_some() {
        fields.push(("Content-Type".into(), SCIM.into()));
    }
    let fits = |name: &str| exchange.body.is_some() || !name.eq_ignore_ascii_case("content-type");
    let said = always
        .iter()
        .filter_map(|line| line.split_once(':'))
        .filter(|(name, _)| fits(name));
    let said = said.map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
    for (name, value) in said.chain(exchange.headers.iter().cloned()) {
        fields.retain(|(there, _)| !there.eq_ignore_ascii_case(&name));
        fields.push((name, names.filled(&value, false)?));
    }
    let fields = fields.into_iter().filter(|(_, value)| !value.is_empty());
    let request = RawRequest::new(&exchange.method, &encoded(&target));
    let request = fields.fold(request, |request, (name, value)| {
        request.field(&name, &value)
    });
    let Some(body) = &exchange.body else {
        return Ok(request);
    };
    let body = names.filled(body, true)?;
    let is_list = exchange.method == "PATCH" && body.starts_with('[');
    Ok(request.body(if is_list { patch_op(&body) } else { body }))
}

fn patch_op(operations: &str) -> String {
    format!(
        "{{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:PatchOp\"],\"Operations\":{operations}}}"
    )
}

/// Percent-encodes characters that are not allowed in a target; encoded ones are unchanged.
fn encoded(target: &str) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}[]#".contains(byte);
    target
        .bytes()
        .map(|byte| {
            if is_plain(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

/// The difference to report for a response: none if it is the one in the file.
fn reported_difference(
    names: &mut Names,
    exchange: &mut Exchange,
    (answer, headers): (&RawAnswer, &[&str]),
    blessing: bool,
) -> String {
    let body: Value = serde_json::from_str(&answer.body).unwrap_or(Value::Null);
    if answer.status == 201 {
        let location = answer.header("location").unwrap_or_default();
        let id = body["id"]
            .as_str()
            .unwrap_or_else(|| location.rsplit('/').next().unwrap_or_default());
        names.made(id, location, exchange.name.as_deref());
    }
    let came = lines(names, exchange, (answer, headers), body);
    if exchange.is_given {
        let done = (200..300).contains(&answer.status);
        return if done {
            String::new()
        } else {
            difference::difference(&[], &came)
        };
    }
    if came == exchange.answer {
        return String::new();
    }
    let is_fresh = exchange.answer.is_empty() || verdict(&exchange.answer[0]) == verdict(&came[0]);
    if blessing && is_fresh {
        exchange.answer = came;
        return String::new();
    }
    difference::difference(&exchange.answer, &came)
}

/// Status and `scimType` in the first line of a response.
fn verdict(line: &str) -> &str {
    line.split(':').next().unwrap_or(line)
}

/// The lines of a response.
fn lines(
    names: &mut Names,
    exchange: &Exchange,
    (answer, headers): (&RawAnswer, &[&str]),
    body: Value,
) -> Vec<String> {
    let resource = names.at(answer
        .header("location")
        .unwrap_or(&names.filled(&exchange.target, false).unwrap_or_default()));
    let error = error(&body, answer.status);
    let mut lines = vec![match &error {
        Some((kind, detail)) => {
            let detail = names
                .message(detail, resource.as_deref())
                .replace('\n', "\\n");
            format!(
                "< {}{}{kind}: {detail}",
                answer.status,
                if kind.is_empty() { "" } else { " " }
            )
        }
        None => format!("< {}", answer.status),
    }];
    // The body first, because it can introduce a version.
    let body = if body.is_null() {
        None
    } else {
        Some(layout::pretty(&names.normal(body)))
    };
    for name in headers {
        let Some(value) = answer.header(name) else {
            continue;
        };
        let value = match (*name, &resource) {
            ("ETag", Some(resource)) => names.version(resource, value),
            _ => names.named(value),
        };
        lines.push(format!("< {name}: {value}"));
    }
    let kind = answer.header("content-type");
    if kind.map_or(!answer.body.is_empty(), |kind| kind != SCIM) {
        lines.push(format!("< Content-Type: {}", kind.unwrap_or("(none)")));
    }
    if error.is_none() {
        let text = body.unwrap_or_else(|| answer.body.clone());
        lines.extend(text.lines().map(str::to_owned));
    }
    lines
}

/// `scimType` and `detail` of an error with exactly the form of RFC 7644 section 3.12.
fn error(body: &Value, status: u16) -> Option<(String, String)> {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let detail = text("detail")?;
    let mut right = Map::from_iter([("schemas".to_owned(), json!([ERROR]))]);
    if let Some(kind) = text("scimType") {
        right.insert("scimType".into(), kind.into());
    }
    right.insert("detail".into(), detail.into());
    right.insert("status".into(), status.to_string().into());
    // Compared as text, because the order of members is relevant.
    let (came, right) = (body.to_string(), Value::Object(right).to_string());
    (came == right).then(|| {
        (
            text("scimType").unwrap_or_default().to_owned(),
            detail.to_owned(),
        )
    })
}
