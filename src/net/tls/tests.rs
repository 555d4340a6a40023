//! Handshakes in memory between our two ends, and the lines that failures become.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};

use super::*;

/// Runs the handshake to its end on both sides. The client's error wins, being the one its user sees.
fn handshake(
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    host: &str,
) -> Result<ClientConnection, String> {
    let mut client = ClientConnection::new(client, server_name(host).unwrap()).unwrap();
    let mut server = ServerConnection::new(server).unwrap();
    let mut server_failed = false;
    for _ in 0..10 {
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).unwrap();
        }
        let mut unread = &bytes[..];
        while !unread.is_empty() && !server_failed {
            server.read_tls(&mut unread).unwrap();
            server_failed = server.process_new_packets().is_err();
        }
        let mut bytes = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut bytes).unwrap();
        }
        let mut unread = &bytes[..];
        while !unread.is_empty() {
            client.read_tls(&mut unread).unwrap();
            client.process_new_packets().map_err(|error| explain(&error))?;
        }
    }
    assert!(!client.is_handshaking() && !server.is_handshaking());
    Ok(client)
}

fn insecure() -> Arc<ClientConfig> {
    client_config(&ClientTls {
        insecure: true,
        ..ClientTls::default()
    })
    .unwrap()
}

/// A directory with the certificate and the key of a fresh identity, as files.
struct Files {
    directory: tempfile::TempDir,
}

impl Files {
    fn new() -> Self {
        let files = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        let made =
            rcgen::generate_simple_self_signed(vec!["localhost".into(), "file.example".into()]).unwrap();
        fs::write(files.path("cert.pem"), made.cert.pem()).unwrap();
        fs::write(files.path("key.pem"), made.signing_key.serialize_pem()).unwrap();
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn identity(&self) -> Identity {
        Identity::from_files(&self.path("cert.pem"), &self.path("key.pem")).unwrap()
    }

    fn trusting(&self) -> ClientTls {
        ClientTls {
            ca_file: Some(self.path("cert.pem")),
            ..ClientTls::default()
        }
    }
}

#[test]
fn a_trusted_authority_is_enough_and_alpn_is_agreed_on() {
    let files = Files::new();
    let server = server_config(files.identity(), &[b"h2", ALPN_HTTP_1_1]).unwrap();
    let tls = ClientTls {
        alpn: vec![ALPN_HTTP_1_1.to_vec()],
        ..files.trusting()
    };
    let connection = handshake(client_config(&tls).unwrap(), server, "file.example").unwrap();
    assert_eq!(connection.alpn_protocol(), Some(ALPN_HTTP_1_1));
}

#[test]
fn a_self_signed_certificate_serves_the_local_and_the_given_names() {
    let files = Files::new();
    let identity =
        Identity::self_signed(&["box.example".into(), "10.1.2.3".into(), "localhost".into()]).unwrap();
    fs::write(files.path("own.pem"), identity.certificate_pem()).unwrap();
    let server = server_config(identity, &[]).unwrap();
    let tls = ClientTls {
        ca_file: Some(files.path("own.pem")),
        ..ClientTls::default()
    };
    let client = client_config(&tls).unwrap();
    for host in ["localhost", "127.0.0.1", "::1", "box.example", "10.1.2.3"] {
        handshake(Arc::clone(&client), Arc::clone(&server), host).unwrap();
    }
}

#[test]
fn an_unknown_certificate_says_what_to_pass() {
    let server = server_config(Identity::self_signed(&[]).unwrap(), &[]).unwrap();
    let stranger = Files::new();
    let error = handshake(
        client_config(&stranger.trusting()).unwrap(),
        Arc::clone(&server),
        "localhost",
    )
    .unwrap_err();
    assert_eq!(
        error,
        "the server's certificate is not trusted: pass --ca FILE, or --insecure to accept any"
    );
    handshake(insecure(), server, "whatever.example").unwrap();
}

#[test]
fn a_certificate_for_another_name_says_for_which() {
    let files = Files::new();
    let server = server_config(files.identity(), &[]).unwrap();
    let error = handshake(client_config(&files.trusting()).unwrap(), server, "other.example").unwrap_err();
    assert_eq!(
        error,
        "the server's certificate is not for other.example but for localhost, file.example: \
         pass --server-name NAME, or --insecure"
    );
}

#[test]
fn an_expired_certificate_says_so() {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["localhost".into()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2001, 1, 1);
    let files = Files::new();
    fs::write(files.path("cert.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
    fs::write(files.path("key.pem"), key.serialize_pem()).unwrap();
    let server = server_config(files.identity(), &[]).unwrap();
    let error = handshake(client_config(&files.trusting()).unwrap(), server, "localhost").unwrap_err();
    assert_eq!(
        error,
        "the server's certificate has expired: renew it, or pass --insecure"
    );
}

#[test]
fn an_authoritys_certificate_in_the_place_of_a_servers_says_how_to_make_one() {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["localhost".into()]).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let files = Files::new();
    fs::write(files.path("cert.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
    fs::write(files.path("key.pem"), key.serialize_pem()).unwrap();
    let server = server_config(files.identity(), &[]).unwrap();
    let error = handshake(
        client_config(&files.trusting()).unwrap(),
        Arc::clone(&server),
        "localhost",
    )
    .unwrap_err();
    assert_eq!(
        error,
        "the server's certificate is an authority's (CA:TRUE) and not one for a server: make it with \
         `openssl req -x509 -addext basicConstraints=critical,CA:FALSE ...`, or pass --insecure"
    );
    handshake(insecure(), server, "localhost").unwrap();
}

#[test]
fn a_demanded_client_certificate_is_presented_or_asked_for() {
    let files = Files::new();
    let mut roots = RootCertStore::empty();
    roots
        .add(
            pem::certificates(&files.path("cert.pem"), "test")
                .unwrap()
                .remove(0),
        )
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .build()
        .unwrap();
    let server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(
            pem::certificates(&files.path("cert.pem"), "test").unwrap(),
            pem::private_key(&files.path("key.pem")).unwrap(),
        )
        .unwrap();
    let server = Arc::new(server);
    let without = handshake(
        client_config(&files.trusting()).unwrap(),
        Arc::clone(&server),
        "localhost",
    );
    assert_eq!(
        without.unwrap_err(),
        "the server demands a client certificate: pass --cert FILE and --key FILE"
    );
    let certificate = Some((files.path("cert.pem"), files.path("key.pem")));
    let tls = ClientTls {
        client_certificate: certificate,
        ..files.trusting()
    };
    handshake(client_config(&tls).unwrap(), server, "localhost").unwrap();
}

#[test]
fn files_that_do_not_fit_are_named() {
    let files = Files::new();
    let (cert, key, missing) = (
        files.path("cert.pem"),
        files.path("key.pem"),
        files.path("missing.pem"),
    );
    let text = |result: Result<Identity, TlsError>| result.unwrap_err().to_string();
    let found = text(Identity::from_files(&missing, &key));
    assert!(
        found.starts_with(&format!(
            "cannot read a certificate from {}: No such file",
            missing.display()
        )),
        "{found}"
    );
    let found = text(Identity::from_files(&key, &key));
    assert_eq!(
        found,
        format!(
            "cannot read a certificate from {}: there is none in it",
            key.display()
        )
    );
    let found = text(Identity::from_files(&cert, &cert));
    assert_eq!(
        found,
        format!(
            "cannot read a private key from {}: there is none in it",
            cert.display()
        )
    );

    let other = Files::new();
    let mismatched = Identity::from_files(&cert, &other.path("key.pem")).unwrap();
    let found = server_config(mismatched, &[]).unwrap_err().to_string();
    assert!(
        found.starts_with("certificate and private key cannot be used: "),
        "{found}"
    );
}

#[test]
fn names_that_no_certificate_can_hold_are_refused() {
    assert!(matches!(server_name("a b"), Err(TlsError::ServerName(_))));
    let error = Identity::self_signed(&["b\u{fc}cher.example".into()])
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("cannot make a certificate for localhost, 127.0.0.1, ::1, b"),
        "{error}"
    );
}
