//! The client's part of SOCKS 4: a proxy on the way to a server is asked for the connection.
//!
//! Names are not sent and nobody is authenticated: the user id is the one that HAProxy sends.

use std::io;
use std::net::{SocketAddr, SocketAddrV4};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// `CONNECT`, version 4.
const CONNECT: [u8; 2] = [4, 1];
const USER: &[u8] = b"HAProxy\0";
/// The second byte of an answer that grants the connection.
const GRANTED: u8 = 90;

/// Whether a proxy can be asked for that address: the protocol knows IPv4 alone.
///
/// # Errors
/// `EINVAL` for another address.
pub fn target(address: SocketAddr) -> io::Result<SocketAddrV4> {
    match address {
        SocketAddr::V4(address) => Ok(address),
        SocketAddr::V6(_) => Err(io::Error::from_raw_os_error(libc::EINVAL)),
    }
}

/// Asks the proxy behind `stream` for a connection to `to`. What follows its answer is left to be read.
///
/// # Errors
/// The socket's, and those of a proxy that refuses or goes, in HAProxy's words.
pub async fn ask(stream: &mut TcpStream, to: SocketAddrV4) -> io::Result<()> {
    let broken = |what: &str| io::Error::other(format!("SOCKS4 Proxy {what} error during handshake"));
    stream.write_all(&request(to)).await.map_err(|_| broken("write"))?;
    let mut answer = [0; 8];
    stream.read_exact(&mut answer).await.map_err(|_| broken("read"))?;
    if answer[1] == GRANTED { Ok(()) } else { Err(io::Error::other("SOCKS4 Proxy deny the request")) }
}

fn request(to: SocketAddrV4) -> Vec<u8> {
    let mut bytes = CONNECT.to_vec();
    bytes.extend_from_slice(&to.port().to_be_bytes());
    bytes.extend_from_slice(&to.ip().octets());
    bytes.extend_from_slice(USER);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_those_of_the_protocol() {
        let to = target(([10, 9, 8, 7], 1234).into()).unwrap();
        assert_eq!(request(to), b"\x04\x01\x04\xd2\x0a\x09\x08\x07HAProxy\0");
        assert_eq!(target("[::1]:1".parse().unwrap()).unwrap_err().raw_os_error(), Some(22));
    }
}
