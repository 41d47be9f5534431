//! A plain client of the admin socket: it sends lines and shows what came back, byte for byte.

use crate::wait::{self, LONG};
use anyhow::{Context, bail};
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// An admin socket's address.
#[derive(Debug, Clone)]
pub struct Admin {
    path: PathBuf,
}

impl Admin {
    /// The socket at `path`.
    pub fn new(path: impl AsRef<Path>) -> Admin {
        Admin { path: path.as_ref().to_owned() }
    }

    /// Sends one line and reads the whole answer, to the end of the stream.
    ///
    /// # Errors
    /// When the program does not answer or does not close.
    pub fn ask(&self, line: &str) -> anyhow::Result<String> {
        let mut session = self.open()?;
        session.send(&format!("{line}\n"))?;
        let (answer, closed) = session.read_until_quiet(LONG)?;
        if !closed {
            bail!("`{line}` was answered with {answer:?} and not closed");
        }
        Ok(answer)
    }

    /// Sends one line, takes the whole answer as fast as it comes and tells its size in bytes: a reader that costs
    /// next to nothing, for measurements.
    ///
    /// # Errors
    /// When the program does not answer.
    pub fn drain(&self, line: &str) -> anyhow::Result<usize> {
        let mut session = self.open()?;
        session.send(&format!("{line}\n"))?;
        let mut buffer = vec![0; 1024 * 1024];
        let mut size = 0;
        loop {
            match session.stream.read(&mut buffer)? {
                0 => return Ok(size),
                n => size += n,
            }
        }
    }

    /// A connection to talk over.
    ///
    /// # Errors
    /// When nobody accepts it.
    pub fn open(&self) -> anyhow::Result<Session> {
        let stream =
            wait::until(&format!("a listener at {}", self.path.display()), || UnixStream::connect(&self.path).ok())?;
        stream.set_read_timeout(Some(LONG))?;
        stream.set_write_timeout(Some(LONG))?;
        Ok(Session { stream })
    }

    /// One column of one object in `show stat`.
    ///
    /// # Errors
    /// When there is no such object or column.
    pub fn stat(&self, proxy: &str, object: &str, column: &str) -> anyhow::Result<String> {
        let csv = self.ask("show stat")?;
        let mut lines = csv.lines();
        let header: Vec<&str> = lines.next().unwrap_or_default().trim_start_matches("# ").split(',').collect();
        let position = header.iter().position(|name| *name == column).with_context(|| format!("no column {column}"))?;
        lines
            .map(|line| line.split(',').collect::<Vec<_>>())
            .find(|row| row.first() == Some(&proxy) && row.get(1) == Some(&object))
            .and_then(|row| row.get(position).map(|cell| (*cell).to_owned()))
            .with_context(|| format!("no row {proxy}/{object}"))
    }

    /// One value of `show info`.
    ///
    /// # Errors
    /// When there is no such line.
    pub fn info(&self, key: &str) -> anyhow::Result<String> {
        let text = self.ask("show info")?;
        text.lines()
            .find_map(|line| line.split_once(": ").filter(|(k, _)| *k == key))
            .map(|(_, value)| value.to_owned())
            .with_context(|| format!("no {key} in {text}"))
    }

    /// Waits until a column has a value.
    ///
    /// # Errors
    /// When it never does, naming the last value seen.
    pub fn await_stat(&self, proxy: &str, object: &str, column: &str, wanted: &str) -> anyhow::Result<()> {
        let mut last = String::new();
        wait::until(&format!("{proxy}/{object} {column} = {wanted}"), || {
            last = self.stat(proxy, object, column).ok()?;
            (last == wanted).then_some(())
        })
        .with_context(|| format!("the last value was {last:?}"))
    }
}

/// One connection to an admin socket.
#[derive(Debug)]
pub struct Session {
    stream: UnixStream,
}

impl Session {
    /// Sends text as it is.
    ///
    /// # Errors
    /// When the program closed.
    pub fn send(&mut self, text: &str) -> anyhow::Result<()> {
        self.send_bytes(text.as_bytes())
    }

    /// Sends bytes that may not be text.
    ///
    /// # Errors
    /// When the program closed.
    pub fn send_bytes(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        Ok(self.stream.write_all(bytes)?)
    }

    /// Bounds how long a send may wait for the program to read.
    ///
    /// # Errors
    /// When the option cannot be set.
    pub fn set_write_limit(&mut self, limit: Duration) -> anyhow::Result<()> {
        Ok(self.stream.set_write_timeout(Some(limit))?)
    }

    /// Closes the writing side.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn half_close(&mut self) -> anyhow::Result<()> {
        Ok(self.stream.shutdown(Shutdown::Write)?)
    }

    /// Reads until the stream ends (`true`) or nothing came for `quiet` (`false`).
    ///
    /// # Errors
    /// When the stream fails otherwise than by a reset.
    pub fn read_until_quiet(&mut self, quiet: Duration) -> anyhow::Result<(String, bool)> {
        self.stream.set_read_timeout(Some(quiet))?;
        let mut all = Vec::new();
        let mut buffer = vec![0; 16 * 1024];
        let closed = loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => break true,
                Ok(n) => all.extend(buffer.iter().take(n)),
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => break false,
                Err(e) if matches!(e.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => break true,
                Err(e) => return Err(e.into()),
            }
        };
        Ok((String::from_utf8_lossy(&all).into_owned(), closed))
    }

    /// Reads up to and with the first occurrence of `mark` at the end of what came.
    ///
    /// # Errors
    /// When the end or [`LONG`] comes first.
    pub fn read_through(&mut self, mark: &str) -> anyhow::Result<String> {
        self.stream.set_read_timeout(Some(LONG))?;
        let mut all = Vec::new();
        while !all.ends_with(mark.as_bytes()) {
            let mut byte = [0];
            self.stream
                .read_exact(&mut byte)
                .with_context(|| format!("awaiting {mark:?} after {:?}", String::from_utf8_lossy(&all)))?;
            all.extend(byte);
        }
        Ok(String::from_utf8_lossy(&all).into_owned())
    }
}
