//! Certificates for encrypted connections, read from PEM files.
//!
//! Position: between [`TlsFiles`] and the clients over HTTP and gRPC.
//!
//! Invariants:
//! - what a client is given has been tried on rustls, so that building it later cannot fail;
//! - errors name the file, and never hold a part of it.

use super::{
    super::{ExportError, escape},
    TlsFiles,
};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, Error as RustlsError, InvalidMessage,
    RootCertStore,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject as _},
};
use std::{error::Error, io, path::Path, sync::Arc};

impl TlsFiles {
    /// Reads and tries the files.
    ///
    /// # Errors
    ///
    /// [`ExportError::Config`] that names the file, with the setting `certificate`,
    /// `client_certificate` or `client_key`.
    pub(crate) fn read(&self) -> Result<Tls, ExportError> {
        let authorities = self.certificate.as_deref().map(authorities).transpose()?;
        let client = match (&self.client_certificate, &self.client_key) {
            (Some(certificate), Some(key)) => Some(ClientIdentity::read(certificate, key)?),
            (None, None) => None,
            (Some(_), None) => return Err(missing("client_certificate", "client_key")),
            (None, Some(_)) => return Err(missing("client_key", "client_certificate")),
        };
        Ok(Tls {
            authorities,
            client,
        })
    }
}

/// The content of [`TlsFiles`], known to be usable.
pub(crate) struct Tls {
    authorities: Option<Vec<CertificateDer<'static>>>,
    client: Option<ClientIdentity>,
}

struct ClientIdentity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    /// The key as it is in its file, which is what the HTTP client takes.
    #[cfg(feature = "_post")]
    key_pem: Vec<u8>,
}

impl ClientIdentity {
    fn read(certificate: &Path, key: &Path) -> Result<Self, ExportError> {
        let chain = certificates("client_certificate", certificate)?;
        let unreadable = |error| {
            let none = "no private key in it, or one that needs a password";
            unreadable("client_key", key, &error, none)
        };
        let key_pem = std::fs::read(key).map_err(|error| unreadable(pem::Error::Io(error)))?;
        let identity = Self {
            chain,
            key: PrivateKeyDer::from_pem_slice(&key_pem).map_err(unreadable)?,
            #[cfg(feature = "_post")]
            key_pem,
        };
        let refuse = |error| unusable("client_key", key, &reason(&error));
        let config = builder()
            .map_err(refuse)?
            .with_root_certificates(RootCertStore::empty());
        config
            .with_client_auth_cert(identity.chain.clone(), identity.key.clone_key())
            .map_err(refuse)?;
        Ok(identity)
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn builder() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, RustlsError> {
    ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()
}

#[cfg(feature = "otlp-grpc")]
impl Tls {
    /// What rustls needs to connect over HTTP/2.
    pub(in super::super) fn http2_client(&self) -> Result<ClientConfig, RustlsError> {
        let mut roots = RootCertStore::empty();
        match &self.authorities {
            Some(authorities) => drop(roots.add_parsable_certificates(authorities.iter().cloned())),
            None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        }
        let config = builder()?.with_root_certificates(roots);
        let mut config = match &self.client {
            Some(client) => {
                config.with_client_auth_cert(client.chain.clone(), client.key.clone_key())?
            }
            None => config.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(config)
    }
}

#[cfg(feature = "_post")]
impl Tls {
    /// The same for the HTTP client, which builds from it what [`TlsFiles::read`] has tried.
    pub(super) fn http1_client(&self) -> Result<ureq::tls::TlsConfig, ureq::Error> {
        use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

        let owned = |chain: &[CertificateDer<'static>]| -> Vec<_> {
            let owned = |der: &CertificateDer<'_>| Certificate::from_der(der).to_owned();
            chain.iter().map(owned).collect()
        };
        let client = |client: &ClientIdentity| {
            let key = PrivateKey::from_pem(&client.key_pem)?;
            Ok::<_, ureq::Error>(ClientCert::new_with_certs(&owned(&client.chain), key))
        };
        let roots = match &self.authorities {
            Some(authorities) => RootCerts::new_with_certs(&owned(authorities)),
            None => RootCerts::WebPki,
        };
        let config = TlsConfig::builder()
            .root_certs(roots)
            .client_cert(self.client.as_ref().map(client).transpose()?)
            .unversioned_rustls_crypto_provider(provider())
            .build();
        Ok(config)
    }
}

fn authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, ExportError> {
    let found = certificates("certificate", path)?;
    let mut roots = RootCertStore::empty();
    for authority in &found {
        let refuse = |error| unusable("certificate", path, &reason(&error));
        roots.add(authority.clone()).map_err(refuse)?;
    }
    Ok(found)
}

fn certificates(
    setting: &'static str,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, ExportError> {
    let found =
        CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(unusable(setting, path, "no certificate in it")),
        Err(error) => Err(unreadable(setting, path, &error, "no certificate in it")),
    }
}

fn unreadable(setting: &'static str, path: &Path, error: &pem::Error, none: &str) -> ExportError {
    match error {
        pem::Error::Io(error) => unusable(setting, path, &error.to_string()),
        pem::Error::NoItemsFound => unusable(setting, path, none),
        _ => unusable(setting, path, "not in PEM format"),
    }
}

fn unusable(setting: &'static str, path: &Path, reason: &str) -> ExportError {
    let reason = format!(
        "{reason} [{}]",
        escape::line(&path.display().to_string(), 200)
    );
    ExportError::Config { setting, reason }
}

fn missing(given: &'static str, other: &str) -> ExportError {
    ExportError::Config {
        setting: given,
        reason: format!("{other} is missing: a client needs both its certificate and its key"),
    }
}

/// What a failed handshake, or an alert after it, means for whoever configures the exporter.
pub(in super::super) fn refusal(error: &io::Error) -> Option<String> {
    let inner: &(dyn Error + 'static) = error.get_ref()?;
    inner.downcast_ref::<RustlsError>().map(reason)
}

/// The same where the text of the error is all that is left.
#[cfg(feature = "otlp-grpc")]
pub(in super::super) fn refusal_in_words(text: &str) -> String {
    let demanded = RustlsError::AlertReceived(AlertDescription::CertificateRequired);
    if text == demanded.to_string() {
        reason(&demanded)
    } else {
        escape::line(text, 200)
    }
}

pub(super) fn reason(error: &RustlsError) -> String {
    let remedy = match error {
        RustlsError::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        ) => {
            "; the receiver's certificate is signed by an authority that is not trusted here: \
             name its file as the certificate (OTEL_EXPORTER_OTLP_CERTIFICATE)"
        }
        RustlsError::AlertReceived(AlertDescription::CertificateRequired) => {
            "; the receiver wants to know who we are: give it a client certificate and key \
             (OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE, OTEL_EXPORTER_OTLP_CLIENT_KEY)"
        }
        RustlsError::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "; the receiver does not speak TLS here: its endpoint may begin with http://"
        }
        _ => "",
    };
    escape::line(&error.to_string(), 200) + remedy
}
