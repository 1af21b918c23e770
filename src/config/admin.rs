//! `[admin]`: the management listener.

use super::entries::Entries;
use super::origin::ConfigError;
use super::typed_section::Section;
use super::url;
use std::net::{IpAddr, SocketAddr};

/// `[admin]`: the management listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Admin {
    /// Address and port of the management listener; `None`: no listener.
    pub(crate) listen: Option<SocketAddr>,
    /// Public URL of the management listener, without a slash at the end; `None`: derived from `listen`.
    pub(crate) public_url: Option<String>,
    /// Days after which rows of the audit trail are deleted.
    pub(crate) audit_days: i64,
}

impl Admin {
    pub(super) fn read(entries: &Entries) -> Result<Self, ConfigError> {
        let section = Section::new(entries, "admin");
        let (listen, public_url) = section.listener("127.0.0.1:8081")?;
        Ok(Self {
            listen,
            public_url,
            audit_days: section.integer("audit_days", 1..=36_500)?,
        })
    }

    /// Allowed hosts of requests, in addition to addresses of this machine: that of the URL, or else the address of the
    /// listener.
    pub(crate) fn hosts(&self, bound: IpAddr) -> Vec<String> {
        match &self.public_url {
            Some(url) => vec![url::host(url).to_owned()],
            None if bound.is_unspecified() => Vec::new(),
            None => vec![bound.to_string()],
        }
    }
}
