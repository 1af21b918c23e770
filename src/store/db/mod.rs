//! Access to the databases: connections, statements in both dialects, rows, errors, deadlines.
//!
//! This module is independent of the tables of scimd.

pub(in crate::store) mod args;
pub(in crate::store) mod batch;
pub(in crate::store) mod body;
pub(in crate::store) mod coalesce;
pub(in crate::store) mod damage;
pub(in crate::store) mod deadline;
pub(in crate::store) mod engine;
pub(in crate::store) mod error;
pub(in crate::store) mod fair_queue;
pub(in crate::store) mod fair_semaphore;
pub(in crate::store) mod file_check;
pub(in crate::store) mod hosts;
pub(in crate::store) mod joint_text;
pub(in crate::store) mod leader;
pub(in crate::store) mod marks;
pub(in crate::store) mod migrations;
pub(in crate::store) mod notices;
pub(in crate::store) mod postgres;
pub(in crate::store) mod postgres_text;
pub(in crate::store) mod postgres_texts;
pub(in crate::store) mod probe;
pub(in crate::store) mod retry;
pub(in crate::store) mod role;
pub(in crate::store) mod row;
pub(in crate::store) mod session;
pub(in crate::store) mod settings;
pub(in crate::store) mod shortage;
pub(in crate::store) mod sql;
pub(in crate::store) mod sqlite_connection;
pub(in crate::store) mod sqlite_error;
pub(in crate::store) mod sqlite_readers;
pub(in crate::store) mod sqlite_returned;
pub(in crate::store) mod sqlite_row;
pub(in crate::store) mod sqlite_text;
pub(in crate::store) mod sqlite_texts;
pub(in crate::store) mod sqlite_timeout;
pub(in crate::store) mod sqlite_writer;
pub(in crate::store) mod startup_error;
pub(in crate::store) mod statement;
pub(in crate::store) mod statement_times;
pub(in crate::store) mod stream;
pub(in crate::store) mod suspicion;
pub(in crate::store) mod text_cache;
