//! Encrypted connections, with certificates made for each test and a server that speaks real TLS.

use super::{
    super::{EncodedRequest, EndpointConfig, ExportError, Exported, Exporter, TlsFiles, network},
    OtlpGrpcExporter, OtlpHttpExporter, grpc,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::{
    RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
};
use std::{
    fs,
    io::{self, Write as _},
    net::TcpListener,
    path::PathBuf,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// An authority with the files of those that it vouches for.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "tests of one authority");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("authority.pem"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes `<name>.pem` and `<name>.key`.
    fn vouch_for(&self, name: &str) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        fs::write(self.file(&format!("{name}.pem")), certificate.pem()).unwrap();
        fs::write(self.file(&format!("{name}.key")), key.serialize_pem()).unwrap();
    }

    /// A server of ours, which may demand that clients are of ours, too.
    fn server(&self, wants_client: bool) -> Arc<ServerConfig> {
        self.vouch_for("server");
        let provider = Arc::new(ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let builder = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = if wants_client {
            builder.with_client_cert_verifier(verifier.build().unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let chain = vec![
            rustls::pki_types::CertificateDer::from_pem_file(self.file("server.pem")).unwrap(),
        ];
        let key = PrivateKeyDer::from_pem_file(self.file("server.key")).unwrap();
        let mut config = builder.with_single_cert(chain, key).unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config)
    }

    fn trusted(&self) -> TlsFiles {
        TlsFiles {
            certificate: Some(self.file("authority.pem")),
            ..TlsFiles::default()
        }
    }

    fn trusted_with_client(&self) -> TlsFiles {
        self.vouch_for("client");
        TlsFiles {
            client_certificate: Some(self.file("client.pem")),
            client_key: Some(self.file("client.key")),
            ..self.trusted()
        }
    }
}

type Sent = Result<Exported, ExportError>;

fn send(exporter: Result<impl Exporter, ExportError>) -> Sent {
    let deadline = Instant::now() + Duration::from_secs(20);
    exporter?.export(&EncodedRequest::new(b"body", 3), deadline)
}

fn config(port: u16, tls: TlsFiles) -> EndpointConfig {
    let mut config = EndpointConfig::new(format!("https://127.0.0.1:{port}/v1/traces"));
    config.retry.max_attempts = 1;
    config.tls = tls;
    config
}

fn over_http(server: Arc<ServerConfig>, tls: TlsFiles) -> Sent {
    let ok = network::server::Reply::Answer(200, "", Vec::new());
    let server = network::server::Server::start_encrypted(vec![ok], server);
    let sent = send(OtlpHttpExporter::new(config(server.port, tls)));
    if sent.is_ok() {
        assert_eq!(server.finish()[0].body, b"body");
    }
    sent
}

fn over_grpc(server: Arc<ServerConfig>, tls: TlsFiles) -> Sent {
    let ok = grpc::server::Reply::HeadersOnly(200, vec![("grpc-status", "0".into())]);
    let server = grpc::server::Server::start(vec![ok], Some(server));
    let sent = send(OtlpGrpcExporter::new(config(server.port, tls)));
    let received = server.finish();
    if sent.is_ok() {
        assert_eq!(received[0].body, b"\0\0\0\0\x04body");
    }
    sent
}

const BOTH: [fn(Arc<ServerConfig>, TlsFiles) -> Sent; 2] = [over_http, over_grpc];

#[test]
fn a_server_of_the_named_authority_is_trusted() {
    let authority = Authority::new();
    for send in BOTH {
        let sent = send(authority.server(false), authority.trusted());
        assert_eq!(sent.unwrap(), Exported::default());
    }
}

#[test]
fn a_server_of_another_authority_is_refused_with_the_remedy() {
    let (authority, other) = (Authority::new(), Authority::new());
    for tls in [other.trusted(), TlsFiles::default()] {
        for send in BOTH {
            let error = send(authority.server(false), tls.clone()).unwrap_err();
            assert!(matches!(error, ExportError::Tls { .. }), "{error:?}");
            assert!(!error.is_retryable());
            let remedy = "signed by an authority that is not trusted here";
            assert!(error.to_string().contains(remedy), "{error}");
        }
    }
}

#[test]
fn a_client_shows_its_certificate_where_it_is_demanded() {
    let authority = Authority::new();
    for send in BOTH {
        let sent = send(authority.server(true), authority.trusted_with_client());
        assert_eq!(sent.unwrap(), Exported::default());
    }
}

#[test]
fn a_client_without_a_certificate_learns_that_one_is_demanded() {
    let authority = Authority::new();
    for send in BOTH {
        let error = send(authority.server(true), authority.trusted()).unwrap_err();
        assert!(matches!(error, ExportError::Tls { .. }), "{error:?}");
        let remedy = "the receiver wants to know who we are";
        assert!(error.to_string().contains(remedy), "{error}");
    }
}

#[test]
fn a_server_that_speaks_no_tls_is_recognised() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream
                .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                .unwrap();
            // What the client says is read, since closing before that would take the answer back.
            let _rest = io::copy(&mut stream, &mut io::sink());
        }
    };
    thread::Builder::new().spawn(serve).unwrap();
    let errors = [
        send(OtlpHttpExporter::new(config(port, TlsFiles::default()))),
        send(OtlpGrpcExporter::new(config(port, TlsFiles::default()))),
    ];
    for error in errors {
        let error = error.unwrap_err().to_string();
        let remedy = "the receiver does not speak TLS here: its endpoint may begin with http://";
        assert!(error.contains(remedy), "{error}");
    }
}

#[test]
fn a_file_that_cannot_be_used_is_named_with_the_reason() {
    let authority = Authority::new();
    let files = authority.trusted_with_client();
    fs::write(authority.file("empty.pem"), "").unwrap();
    let broken = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
    fs::write(authority.file("broken.pem"), broken).unwrap();
    authority.vouch_for("other");
    let file = |name| Some(authority.file(name));
    let certificate = |name| TlsFiles {
        certificate: file(name),
        ..files.clone()
    };
    let key = |name| TlsFiles {
        client_key: file(name),
        ..files.clone()
    };
    let client = |name| TlsFiles {
        client_certificate: file(name),
        ..files.clone()
    };
    let none = TlsFiles {
        client_key: None,
        ..files.clone()
    };
    let cases = [
        (
            certificate("absent.pem"),
            "invalid certificate: No such file",
            "absent.pem]",
        ),
        (
            certificate("empty.pem"),
            "invalid certificate: no certificate in it",
            "empty.pem]",
        ),
        (
            certificate("broken.pem"),
            "invalid certificate: not in PEM format",
            "broken.pem]",
        ),
        (
            certificate("client.key"),
            "invalid certificate: no certificate in it",
            "client.key]",
        ),
        (
            client("absent.pem"),
            "invalid client_certificate: No such file",
            "absent.pem]",
        ),
        (
            key("absent.key"),
            "invalid client_key: No such file",
            "absent.key]",
        ),
        (
            key("client.pem"),
            "invalid client_key: no private key in it",
            "client.pem]",
        ),
        (
            key("other.key"),
            "invalid client_key: keys may not be consistent",
            "other.key]",
        ),
        (
            none,
            "invalid client_certificate: client_key is missing",
            "and its key",
        ),
    ];
    for (tls, begin, end) in cases {
        let errors = [
            OtlpHttpExporter::new(config(1, tls.clone())).map(drop),
            OtlpGrpcExporter::new(config(1, tls)).map(drop),
        ];
        for error in errors {
            let error = error.unwrap_err().to_string();
            assert!(error.starts_with(begin) && error.ends_with(end), "{error}");
        }
    }
}
