//! What fetches and counters may ask of a secured connection, noted once its handshake is complete.

use super::stream::TlsStream;
use lb_sample::secure::{Secured, Shown};
use lb_tls::{Certificate, Site, cipher_name, sha1, strength};
use rustls::{CommonState, Connection, HandshakeKind, ProtocolVersion};

/// What is remembered of a client's secured connection.
#[derive(Debug)]
pub struct Facts {
    /// For fetches.
    pub secured: Secured,
    /// When the handshake was complete, microseconds since the engine's start.
    pub done_us: u64,
}

impl Facts {
    /// Of a client's connection that was just secured with that certificate.
    pub(super) fn of_client(stream: &TlsStream, site: &Site) -> Self {
        let connection = stream.connection();
        let mut secured = common(&connection);
        if let Connection::Server(server) = &*connection {
            secured.sni = server.server_name().map(str::to_owned);
        }
        if let Some(chain) = connection.peer_certificates() {
            secured.verdict = site.verdict(chain);
        }
        let own = &site.offer.file;
        secured.own_file = Some(own.name.clone());
        secured.own = own.held.chain.first().and_then(|der| shown(der));
        Self { secured, done_us: 0 }
    }
}

fn common(connection: &CommonState) -> Secured {
    let suite = connection.negotiated_cipher_suite().map(|suite| suite.suite());
    Secured {
        protocol: match connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
            Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
            _ => "",
        },
        cipher: suite.map_or("", cipher_name),
        bits: suite.map_or(0, strength),
        alpn: connection.alpn_protocol().unwrap_or_default().to_vec(),
        resumed: connection.handshake_kind() == Some(HandshakeKind::Resumed),
        peer: connection.peer_certificates().and_then(|chain| shown(chain.first()?)),
        ..Secured::default()
    }
}

fn shown(der: &[u8]) -> Option<Shown> {
    let read = Certificate::parse(der)?;
    Some(Shown {
        der: der.to_vec(),
        sha1: sha1(der),
        serial: read.serial,
        version: read.version,
        subject: read.subject,
        issuer: read.issuer,
        dates: read.written_dates,
        key_algorithm: read.key_algorithm,
        signature_algorithm: read.signature_algorithm,
        alternative_names: read.alternative_names.join(", "),
    })
}
