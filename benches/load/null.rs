//! `serve`: the null server, a floor with HTTP. It handles the requests of the phases about users with one minimal
//! statement each, over plain tables: no tokens, no schemas, no validation, no log of requests. It is started in place
//! of scimd over a copy of its database, from which it fills its own tables. Each client connection has a PostgreSQL
//! connection; on SQLite all share one, and waiting writes share a transaction.

mod sql;

use crate::cluster::Cluster;
use crate::database;
use crate::instance::Instance;
use crate::output::Output;
use crate::population::Population;
use bytes::Bytes;
use clap::Args;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use sql::{Connections, Statement};
use std::borrow::Cow;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use tokio::net::TcpListener;
use uuid::Uuid;

/// Arguments of `serve`: those of scimd.
#[derive(Debug, Args)]
pub(crate) struct Null {
    #[arg(long)]
    listen: SocketAddr,
    #[arg(long)]
    issue_token: String,
    /// The folder of a database of SQLite; otherwise PostgreSQL, by SCIMD_DATABASE_URL
    #[arg(long)]
    data_dir: Option<PathBuf>,
}

/// The relevant members of a body.
#[derive(Deserialize)]
struct Body<'a> {
    #[serde(rename = "userName", borrow)]
    user_name: Cow<'a, str>,
    #[serde(rename = "externalId", borrow, default)]
    external_id: Cow<'a, str>,
    #[serde(borrow, default)]
    emails: Vec<Email<'a>>,
}

#[derive(Deserialize)]
struct Email<'a> {
    #[serde(borrow)]
    value: Cow<'a, str>,
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
}

/// A user in the tables.
pub(super) struct User {
    pub(super) id: Uuid,
    pub(super) document: String,
}

/// A null server over a copy of a population that `scimd` has imported.
pub(crate) async fn instance(
    scimd: &Path,
    population: &Population,
    folder: &Path,
    cluster: Option<&Cluster>,
    out: &mut Output,
) -> Result<Rc<Instance>, String> {
    out.now("filling the tables of the null server");
    let (label, (database, _)) = match cluster {
        Some(cluster) => (
            "pgnull",
            cluster.filled(scimd, population, folder, "pgnull")?,
        ),
        None => (
            "sqlnull",
            database::sqlite(scimd, population, folder, "sqlnull")?,
        ),
    };
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let instance = Instance::start(label, &own, &database, population.clone(), &[]).await?;
    Ok(Rc::new(instance))
}

/// Serves until the program ends.
pub(crate) async fn serve(asked: Null) -> Result<u64, String> {
    let connections = Rc::new(Connections::open(asked.data_dir).await?);
    let text = |error: std::io::Error| error.to_string();
    let listener = TcpListener::bind(asked.listen).await.map_err(text)?;
    let address = listener.local_addr().map_err(text)?;
    println!("SCIM base URL: http://{address}/scim/v2");
    println!("Bearer token: {}", asked.issue_token);
    loop {
        let (stream, _) = listener.accept().await.map_err(text)?;
        // Disables Nagle's algorithm.
        let _ = stream.set_nodelay(true);
        let connection = Rc::new(connections.one().await?);
        tokio::task::spawn_local(async move {
            let answer = service_fn(|request| {
                let connection = connection.clone();
                async move { Ok::<_, String>(answered(&connection, request).await) }
            });
            let serving = http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
            // The client has disconnected.
            let _ = serving.await;
        });
    }
}

async fn answered(
    connection: &sql::Connection,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    let (status, body) = match answer(connection, request).await {
        Ok(answer) => answer,
        Err(why) => (500, why),
    };
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
    response
}

async fn answer(
    connection: &sql::Connection,
    request: Request<Incoming>,
) -> Result<(u16, String), String> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|error| error.to_string())?;
    let body = body.to_bytes();
    let text = std::str::from_utf8(&body).map_err(|error| error.to_string())?;
    let id = head
        .uri
        .path()
        .rsplit('/')
        .next()
        .and_then(|id| id.parse::<Uuid>().ok());
    match (&head.method, id) {
        (&Method::GET, Some(id)) => {
            let found = connection.find(Statement::Get, id.to_string()).await?;
            Ok(found
                .first()
                .map_or((404, String::new()), |found| (200, shown(found))))
        }
        (&Method::GET, None) => list(connection, head.uri.query().unwrap_or_default()).await,
        (&Method::POST, None) => {
            let (id, parsed) = (Uuid::now_v7(), parse(text)?);
            let emails = parsed.emails.iter();
            let emails = emails.map(|email| (email.value.to_lowercase(), email.kind.to_string()));
            let names = [
                parsed.user_name.to_lowercase(),
                parsed.external_id.to_string(),
            ];
            connection.create(id, names, text, emails.unzip()).await?;
            let document = text.to_owned();
            Ok((201, shown(&User { id, document })))
        }
        (&Method::PUT, Some(id)) => {
            parse(text)?;
            done(connection.change(Statement::Put, id, text).await?)
        }
        (&Method::PATCH, Some(id)) => {
            let active = format!("\"active\":{}", text.contains("\"active\":true"));
            done(connection.change(Statement::Patch, id, &active).await?)
        }
        (&Method::DELETE, Some(id)) => {
            connection.delete(id).await?;
            Ok((204, String::new()))
        }
        _ => Ok((501, String::new())),
    }
}

fn parse(text: &str) -> Result<Body<'_>, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn done(changed: Option<User>) -> Result<(u16, String), String> {
    Ok(changed.map_or((404, String::new()), |user| (200, shown(&user))))
}

async fn list(connection: &sql::Connection, query: &str) -> Result<(u16, String), String> {
    let query = percent_encoding::percent_decode_str(query).decode_utf8_lossy();
    let Some(filter) = query.strip_prefix("filter=") else {
        let total = connection.count().await?;
        return Ok((
            200,
            format!("{{\"totalResults\":{total},\"Resources\":[]}}"),
        ));
    };
    let value = filter.rsplit('"').nth(1).unwrap_or_default();
    let (statement, value) = match filter.split([' ', '[']).next() {
        Some("userName") => (Statement::UserName, value.to_lowercase()),
        Some("externalId") => (Statement::ExternalId, value.to_owned()),
        Some("emails") => (Statement::EmailPath, value.to_lowercase()),
        _ => (Statement::Email, value.to_lowercase()),
    };
    let found = connection.find(statement, value).await?;
    let shown: Vec<String> = found.iter().map(shown).collect();
    let (total, shown) = (shown.len(), shown.join(","));
    Ok((
        200,
        format!("{{\"totalResults\":{total},\"Resources\":[{shown}]}}"),
    ))
}

/// The document with the id before its members.
fn shown(user: &User) -> String {
    let User { id, document } = user;
    format!("{{\"id\":\"{id}\",{}", document.get(1..).unwrap_or("}"))
}
