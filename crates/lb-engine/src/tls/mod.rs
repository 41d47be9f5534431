//! TLS over a stream: the connection, its handshake, and what is shared by the connections of an object.
//!
//! Certificates and settings are read elsewhere (`lb-config`, `lb-tls`); here are the bytes' ways. A handshake runs on the
//! thread that serves the connection.

mod accept;
mod connect;
mod facts;
mod listener;
mod server;
pub mod store;
mod stream;

pub use accept::{AcceptError, Handshake};
pub use connect::{HandshakeError, Hello, connect};
pub use facts::Facts;
pub use listener::ListenerSecurity;
pub use server::ServerSecurity;
pub use stream::TlsStream;
