//! One connection per command: connect, write the line, close the writing side, read to the end.
//!
//! An empty line is no safe end of an answer, and several lines on one connection are treated
//! differently by the versions; a connection's end is unmistakable everywhere.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};

use crate::tunnel::Tunnel;
use crate::{Address, Error, Line, LineError, Remote, Trace, Verdict, Way, judge};

/// How long to wait for a connection, and for each further piece of an answer.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest answer [`Client::ask`] keeps, in bytes: some ten times `show stat` with 10 000 servers.
pub const MAX_ANSWER: usize = 64 << 20;

/// How often a UNIX socket whose backlog is full is tried again.
const RETRY_CONNECT: Duration = Duration::from_millis(10);

/// A node's admin socket. Holds no connection between commands.
#[derive(Debug, Clone)]
pub struct Client {
    address: Address,
    timeout: Duration,
    max_answer: usize,
    read_only: bool,
    trace: Option<Trace>,
    /// Shared by the clones: opened when first needed.
    tunnel: Arc<Mutex<Option<Tunnel>>>,
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    bytes: Vec<u8>,
}

impl Answer {
    /// From its bytes.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }

    /// The bytes as they came.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// As text; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }
}

impl Client {
    /// A client for one node, with the default bounds.
    pub fn new(address: Address) -> Self {
        Self {
            address,
            timeout: DEFAULT_TIMEOUT,
            max_answer: MAX_ANSWER,
            read_only: false,
            trace: None,
            tunnel: Arc::default(),
        }
    }

    /// With another time limit for connecting and for each piece of the answer. Zero is taken as one millisecond.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.max(Duration::from_millis(1));
        self
    }

    /// With another bound on answers.
    #[must_use]
    pub fn with_max_answer(mut self, bytes: usize) -> Self {
        self.max_answer = bytes;
        self
    }

    /// Refuses to send what would change something.
    #[must_use]
    pub fn read_only(mut self, yes: bool) -> Self {
        self.read_only = yes;
        self
    }

    /// Tells what goes over the wire.
    #[must_use]
    pub fn with_trace(mut self, trace: Option<Trace>) -> Self {
        self.trace = trace;
        self
    }

    /// The same client for another socket of the same host: a tunnel that is open is used.
    #[must_use]
    pub fn at(&self, address: Address) -> Self {
        let shared = address.socket() == self.address.socket();
        let tunnel = if shared { Arc::clone(&self.tunnel) } else { Arc::default() };
        Self { address, tunnel, ..self.clone() }
    }

    /// Whether it refuses to send what would change something.
    pub fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// The bound on answers, in bytes.
    pub fn max_answer(&self) -> usize {
        self.max_answer
    }

    /// The node's address.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Sends a command and gives its whole answer, whatever it says.
    ///
    /// # Errors
    /// When the node cannot be reached, closes without an answer, is silent for too long or
    /// answers beyond the bound.
    pub fn ask(&self, line: &Line) -> Result<Answer, Error> {
        let mut bytes = Vec::new();
        let limit = self.max_answer;
        let mut too_long = false;
        self.stream(line, &mut |piece| {
            too_long = bytes.len() + piece.len() > limit;
            if !too_long {
                bytes.extend_from_slice(piece);
            }
            !too_long
        })?;
        if too_long {
            return Err(Error::TooLong { command: line.shown(), limit });
        }
        Ok(Answer { bytes })
    }

    /// Sends a command and gives its answer, if the answer is not a refusal.
    ///
    /// # Errors
    /// As [`Client::ask`], and [`Error::Refused`].
    pub fn ask_ok(&self, line: &Line) -> Result<Answer, Error> {
        let answer = self.ask(line)?;
        match judge(line, &answer) {
            Verdict::Accepted => Ok(answer),
            Verdict::Refused(refusal) => Err(Error::Refused { command: line.shown(), refusal }),
        }
    }

    /// Sends a command and passes each piece of its answer to `sink` as it comes, until the end or
    /// until `sink` gives `false`. Gives the number of bytes received. Memory does not grow with the answer.
    ///
    /// # Errors
    /// As [`Client::ask`], without the bound.
    pub fn stream(&self, line: &Line, sink: &mut dyn FnMut(&[u8]) -> bool) -> Result<u64, Error> {
        if self.read_only && !line.only_looks() {
            return Err(LineError::ReadOnly(line.shown()).into());
        }
        let mut stream = self.connect().map_err(|source| Error::Connect { address: self.address.clone(), source })?;
        let mut received = 0u64;
        let sent = self.send(&mut stream, line);
        // A peer that refuses a command early may close before it has read all of it: what it has
        // answered is read all the same, and only if there is nothing is the failure to write told.
        let mut buffer = [0u8; 16 << 10];
        loop {
            match stream.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => {
                    received += n as u64;
                    self.tell(Way::Received, buffer.get(..n).unwrap_or(&[]));
                    if !sink(buffer.get(..n).unwrap_or(&[])) {
                        return Ok(received);
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(self.broken(line, received, sent.err().unwrap_or(e))),
            }
        }
        match sent {
            Err(e) if received == 0 => Err(self.broken(line, 0, e)),
            _ if received == 0 => Err(Error::NoAnswer { address: self.address.clone(), command: line.shown() }),
            _ => Ok(received),
        }
    }

    fn broken(&self, line: &Line, received: u64, source: io::Error) -> Error {
        let address = self.address.clone();
        let command = line.shown();
        if matches!(source.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) {
            return Error::Timeout { address, command, after: self.timeout, received };
        }
        Error::Broken { address, command, received, source }
    }

    fn tell(&self, way: Way, bytes: &[u8]) {
        if let Some(trace) = &self.trace {
            trace.tell(&self.address, way, bytes);
        }
    }

    /// The line as it goes over the wire to this node, without its last line feed.
    pub fn wire(&self, line: &Line) -> String {
        match &self.address {
            Address::Worker { worker, .. } => line.for_worker(*worker),
            _ => line.as_str().to_owned(),
        }
    }

    fn send(&self, stream: &mut Stream, line: &Line) -> io::Result<()> {
        let mut text = self.wire(line);
        text.push('\n');
        self.tell(Way::Sent, text.as_bytes());
        stream.write_all(text.as_bytes())?;
        // `wait` takes a closed writing side for a client that has gone, and answers `Interrupted`.
        if line.commands().any(|c| c.split_ascii_whitespace().next() == Some("wait")) {
            return Ok(());
        }
        match stream.shutdown_write() {
            // The peer has answered and gone already.
            Err(e) if e.kind() == io::ErrorKind::NotConnected => Ok(()),
            other => other,
        }
    }

    fn unix(&self, path: &Path) -> io::Result<Stream> {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        connect_unix(&socket, &SockAddr::unix(path)?, self.timeout)?;
        let stream = UnixStream::from(socket);
        stream.set_read_timeout(Some(self.timeout))?;
        stream.set_write_timeout(Some(self.timeout))?;
        Ok(Stream::Unix(stream))
    }

    /// The local end of the tunnel, which is opened if there is none or it has broken.
    fn tunnel(&self, remote: &Remote) -> io::Result<std::path::PathBuf> {
        let mut held = self.tunnel.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tunnel) = held.as_mut()
            && tunnel.is_open()
        {
            return Ok(tunnel.local());
        }
        Ok(held.insert(Tunnel::open(remote)?).local())
    }

    fn connect(&self) -> io::Result<Stream> {
        match self.address.socket() {
            Address::Unix(path) => self.unix(path),
            Address::Ssh(remote) => self.unix(&self.tunnel(remote)?),
            // `socket` gives no worker.
            Address::Worker { .. } => Err(io::Error::other("a worker of a worker")),
            Address::Tcp { host, port } => {
                let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
                for address in (host.as_str(), *port).to_socket_addrs()? {
                    match TcpStream::connect_timeout(&address, self.timeout) {
                        Ok(stream) => {
                            stream.set_nodelay(true)?;
                            stream.set_read_timeout(Some(self.timeout))?;
                            stream.set_write_timeout(Some(self.timeout))?;
                            return Ok(Stream::Tcp(stream));
                        }
                        Err(e) => last = e,
                    }
                }
                Err(last)
            }
        }
    }
}

/// Connects a UNIX socket within a time limit. A full backlog answers "would block" to a
/// non-blocking socket at once, and would block an ordinary one for ever.
fn connect_unix(socket: &Socket, address: &SockAddr, timeout: Duration) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    let deadline = Instant::now() + timeout;
    loop {
        match socket.connect(address) {
            Ok(()) => return socket.set_nonblocking(false),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock && Instant::now() < deadline => {
                thread::sleep(RETRY_CONNECT);
            }
            Err(e) => return Err(e),
        }
    }
}

enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Stream {
    fn shutdown_write(&self) -> io::Result<()> {
        match self {
            Self::Unix(s) => s.shutdown(Shutdown::Write),
            Self::Tcp(s) => s.shutdown(Shutdown::Write),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Unix(s) => s.read(buf),
            Self::Tcp(s) => s.read(buf),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Self::Unix(s) => s.write(buf),
            Self::Tcp(s) => s.write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
