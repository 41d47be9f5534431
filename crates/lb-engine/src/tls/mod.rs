//! TLS over a stream: the connection, its handshake, and what is shared by the connections of an object.
//!
//! Certificates and settings are read elsewhere (`lb-config`, `lb-tls`); here are the bytes' ways. A handshake runs on the
//! thread that serves the connection.

mod connect;
mod server;
mod stream;

pub use connect::{HandshakeError, Hello, connect};
pub use server::ServerSecurity;
pub use stream::TlsStream;
