//! TLS 1.2 and 1.3 with certificates from PEM files, which are reloaded when they change.

use crate::wire::settings::ServerSettings;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// A certificate with its key, from files.
pub(crate) struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    stamps: Stamps,
    acceptor: TlsAcceptor,
}

type Stamps = [Option<std::time::SystemTime>; 2];

impl Tls {
    /// Reads the files of the settings; `None` without files.
    ///
    /// # Errors
    /// A text that names the file, also if only one of the two is set.
    pub(crate) fn load(settings: &ServerSettings) -> io::Result<Option<Self>> {
        let (certificate, key) = match (&settings.tls_certificate, &settings.tls_key) {
            (None, None) => return Ok(None),
            (Some(certificate), Some(key)) => (certificate.clone(), key.clone()),
            _ => {
                return Err(invalid(
                    "TLS needs both tls_certificate and tls_key".to_owned(),
                ));
            }
        };
        let stamps = stamps(&certificate, &key);
        let acceptor = acceptor(&certificate, &key)?;
        Ok(Some(Self {
            certificate,
            key,
            stamps,
            acceptor,
        }))
    }

    /// Accepts connections with the present certificate.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.clone()
    }

    /// Reloads changed files; errors are logged, and the current certificate stays in use.
    pub(crate) fn renew(&mut self) {
        let found = stamps(&self.certificate, &self.key);
        if found == self.stamps {
            return;
        }
        match acceptor(&self.certificate, &self.key) {
            Ok(renewed) => {
                (self.stamps, self.acceptor) = (found, renewed);
                tracing::info!("the TLS certificate was read again");
            }
            Err(error) => {
                tracing::warn!(%error, "the new TLS certificate cannot be used; the previous one stays in use");
            }
        }
    }
}

fn stamps(certificate: &Path, key: &Path) -> Stamps {
    [certificate, key].map(|file| file.metadata().and_then(|found| found.modified()).ok())
}

fn acceptor(certificate: &Path, key: &Path) -> io::Result<TlsAcceptor> {
    let chain: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect);
    let chain = chain.map_err(|error| invalid(format!("{}: {error}", certificate.display())))?;
    let secret = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| invalid(format!("{}: {error}", key.display())))?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let unfit = |error: rustls::Error| {
        invalid(format!(
            "{} with {}: {error}",
            certificate.display(),
            key.display()
        ))
    };
    let mut config = builder
        .and_then(|b| b.with_no_client_auth().with_single_cert(chain, secret))
        .map_err(unfit)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn invalid(problem: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, problem)
}

impl ServerSettings {
    /// Whether the TLS files can be used, for a check of the configuration.
    ///
    /// # Errors
    /// A text that names the file.
    pub(crate) fn check_tls(&self) -> io::Result<()> {
        Tls::load(self).map(|_| ())
    }
}
