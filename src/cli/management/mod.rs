//! Calls operations of the management API for commands: in this process with the database, or on a server. Requests and
//! results are the same, so a command is written once.

mod api_request;
mod connection;
mod events;
mod following;
mod local;
mod pieces;
mod place;
pub(super) mod profile;
mod server;

pub(super) use api_request::{ApiRequest, Page, members};
pub(super) use connection::{Connection, ServerOptions};
pub(super) use events::{ApiEvent, Events};
pub(super) use following::Following;
pub(super) use pieces::Pieces;
pub(super) use place::{Management, PAGE, Place, needs_database, read_as};
pub(super) use server::ApiServer;
