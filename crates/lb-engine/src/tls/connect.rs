//! The handshake with a server.

use super::server::ServerSecurity;
use super::stream::TlsStream;
use crate::stream::Stream;
use rustls::{CertificateError, Connection, Error};
use std::future::poll_fn;
use std::io;

/// Why a handshake failed.
#[derive(Debug)]
pub enum HandshakeError {
    /// The server's certificate is for another name than `verifyhost`.
    WrongHost,
    /// The server's certificate is for another name than the one asked for.
    WrongName,
    /// The server closed before the end of the handshake.
    Closed,
    /// Anything else; the library's words.
    Failed(String),
}

impl HandshakeError {
    /// What a check's report and a log line say of it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::WrongHost => "Server presented an SSL certificate different from the configured one",
            Self::WrongName => "Server presented an SSL certificate different from the expected one",
            Self::Closed | Self::Failed(_) => "SSL handshake failure",
        }
    }

    /// The library's words; none where the server closed.
    pub fn detail(&self) -> &str {
        match self {
            Self::Failed(why) => why,
            Self::WrongHost | Self::WrongName => "certificate not valid for name",
            Self::Closed => "",
        }
    }

    pub(super) fn of(error: &io::Error, named: bool) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
            Some(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => match named {
                true => Self::WrongName,
                false => Self::WrongHost,
            },
            Some(error) => Self::Failed(error.to_string()),
            None if error.kind() == io::ErrorKind::UnexpectedEof => Self::Closed,
            None => Self::Failed(error.to_string()),
        }
    }
}

impl std::fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())?;
        match self {
            Self::Failed(why) => write!(f, " ({why})"),
            Self::Closed => f.write_str(" (the server closed)"),
            Self::WrongHost | Self::WrongName => Ok(()),
        }
    }
}

/// What a connection asks of a server.
#[derive(Debug, Clone, Copy, Default)]
pub struct Hello<'a> {
    /// The name asked for by SNI.
    pub sni: Option<&'a str>,
    /// Whether the name was only guessed (`sni-auto`): `verifyhost` then has precedence.
    pub guessed: bool,
    /// Protocols offered in place of the server's own (`check-alpn`).
    pub alpn: Option<&'a [Vec<u8>]>,
}

/// Secures a connected stream to a server.
///
/// # Errors
/// The handshake failed; the stream is then closed.
pub async fn connect(stream: Stream, server: &ServerSecurity, hello: Hello<'_>) -> Result<Stream, HandshakeError> {
    let client = server.client();
    let connection = client.connection(hello.sni, hello.guessed, hello.alpn);
    let connection = connection.map_err(|e| HandshakeError::Failed(e.to_string()))?;
    let mut stream = Box::new(TlsStream::new(stream, Connection::Client(connection)));
    match poll_fn(|cx| stream.poll_handshake(cx)).await {
        Ok(()) => Ok(Stream::Tls(stream)),
        Err(error) => Err(HandshakeError::of(&error, client.checks_sni(hello.sni, hello.guessed))),
    }
}
