//! A client that speaks TLS.

use super::certs::Issued;
use anyhow::{Context, Result};
use lb_testkit::http::{Response, read_response};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned};
use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// How to connect.
#[derive(Default)]
pub struct Hello<'a> {
    /// Name to ask for.
    pub sni: Option<&'a str>,
    /// Certificate to show.
    pub shows: Option<&'a Issued>,
    /// Only TLS 1.2 is spoken.
    pub tls12: bool,
    /// Protocols to offer.
    pub alpn: &'a [&'a str],
}

/// A connection.
pub struct Client {
    stream: BufReader<StreamOwned<ClientConnection, TcpStream>>,
}

#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

impl Hello<'_> {
    /// Connects and shakes hands.
    pub fn connect(&self, address: SocketAddr) -> Result<Client> {
        let provider = Arc::new(ring::default_provider());
        let versions: &[_] = if self.tls12 { &[&rustls::version::TLS12] } else { rustls::ALL_VERSIONS };
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody(provider)));
        let mut config = match self.shows {
            None => builder.with_no_client_auth(),
            Some(issued) => builder.with_client_auth_cert(
                vec![CertificateDer::from_pem_slice(issued.certificate.as_bytes())?],
                PrivateKeyDer::from_pem_slice(issued.key.as_bytes())?,
            )?,
        };
        config.enable_sni = self.sni.is_some();
        config.alpn_protocols = self.alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        let name = ServerName::try_from(self.sni.unwrap_or("none.example").to_owned())?;
        let mut connection = ClientConnection::new(Arc::new(config), name)?;
        let mut socket = TcpStream::connect(address)?;
        socket.set_read_timeout(Some(Duration::from_secs(20)))?;
        while connection.is_handshaking() {
            connection.complete_io(&mut socket).context("shaking hands")?;
        }
        Ok(Client { stream: BufReader::new(StreamOwned::new(connection, socket)) })
    }

    /// One GET on a connection of its own.
    pub fn get(&self, address: SocketAddr, path: &str) -> Result<Response> {
        self.connect(address)?.get(path)
    }

    /// The common name and the alternative names in the server's certificate, as bytes that contain them.
    pub fn sees(&self, address: SocketAddr, name: &str) -> Result<bool> {
        let client = self.connect(address)?;
        let chain = client.stream.get_ref().conn.peer_certificates().context("no certificate")?;
        let first = chain.first().context("no certificate")?;
        Ok(first.windows(name.len()).any(|window| window == name.as_bytes()))
    }
}

impl Client {
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        self.stream.get_mut().write_all(bytes.as_ref())?;
        Ok(self.stream.get_mut().flush()?)
    }

    pub fn read_exact(&mut self, bytes: &mut [u8]) -> Result<()> {
        Ok(self.stream.read_exact(bytes)?)
    }

    pub fn response(&mut self) -> Result<Response> {
        read_response(&mut self.stream, false)?.context("no response")
    }

    pub fn get(&mut self, path: &str) -> Result<Response> {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: a.example\r\n\r\n"))?;
        self.response()
    }

    /// Whether the peer says farewell before it closes.
    pub fn ends_in_order(&mut self) -> Result<bool> {
        let mut rest = Vec::new();
        Ok(self.stream.read_to_end(&mut rest).is_ok() && rest.is_empty())
    }

    /// The agreed protocol.
    pub fn protocol(&self) -> Option<String> {
        let name = self.stream.get_ref().conn.alpn_protocol()?;
        Some(String::from_utf8_lossy(name).into_owned())
    }
}
