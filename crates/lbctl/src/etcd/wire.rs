//! A request to etcd's JSON gateway: HTTP/1.0 over a connection of its own, plain or secured.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

use super::Etcd;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// The longest answer that is read, in bytes.
const LONGEST: u64 = 1 << 20;
/// Where Debian keeps the authorities that the system believes.
const SYSTEM: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Sends a body and gives the answer's.
///
/// # Errors
/// When the endpoint cannot be reached or is not believed, or answers with another status than 200.
pub fn request(etcd: &Etcd, endpoint: &str, path: &str, body: &str) -> io::Result<Value> {
    let (secured, host) = match endpoint.strip_prefix("https://") {
        Some(host) => (true, host),
        None => (false, endpoint.strip_prefix("http://").unwrap_or(endpoint)),
    };
    let host = host.trim_end_matches('/');
    let address = host.to_socket_addrs()?.next().ok_or_else(|| io::Error::other("the name has no address"))?;
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let request = format!(
        "POST /v3/{path} HTTP/1.0\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    match secured {
        false => exchange(stream, &request),
        true => exchange(secure(etcd, host, stream)?, &request),
    }
}

fn exchange(mut stream: impl Read + Write, request: &str) -> io::Result<Value> {
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    match stream.take(LONGEST).read_to_end(&mut answer) {
        // Some end without saying so; what was cut off is no JSON.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && !answer.is_empty() => {}
        other => drop(other?),
    }
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| io::Error::other("no HTTP answer"))?;
    let status = head.split(' ').nth(1).unwrap_or("");
    if status != "200" {
        let body: String = body.trim().chars().take(200).collect();
        return Err(io::Error::other(format!("status {status}: {body}")));
    }
    Ok(serde_json::from_str(body)?)
}

fn secure(etcd: &Etcd, host: &str, stream: TcpStream) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name).trim_matches(['[', ']']).to_owned();
    let name = ServerName::try_from(name).map_err(io::Error::other)?;
    let connection = ClientConnection::new(Arc::new(configuration(etcd)?), name).map_err(io::Error::other)?;
    Ok(StreamOwned::new(connection, stream))
}

fn configuration(etcd: &Etcd) -> io::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for authority in certificates(etcd.ca.as_deref().unwrap_or(Path::new(SYSTEM)))? {
        // The system's may hold some that are of no use.
        let _ = roots.add(authority);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(io::Error::other)?.with_root_certificates(roots);
    match (&etcd.cert, &etcd.key) {
        (Some(cert), Some(key)) => {
            let chain = certificates(cert)?;
            let key = PrivateKeyDer::from_pem_file(key).map_err(|e| unreadable(key, &e))?;
            builder.with_client_auth_cert(chain, key).map_err(io::Error::other)
        }
        _ => Ok(builder.with_no_client_auth()),
    }
}

fn certificates(file: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(found) if found.is_empty() => Err(io::Error::other(format!("{}: it holds no certificate", file.display()))),
        other => other.map_err(|e| unreadable(file, &e)),
    }
}

fn unreadable(file: &Path, error: &rustls::pki_types::pem::Error) -> io::Error {
    io::Error::other(format!("{}: {error}", file.display()))
}
