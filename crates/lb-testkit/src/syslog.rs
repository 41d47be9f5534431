//! A syslog receiver over UDP or a UNIX datagram socket.

use crate::{ports, wait};
use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Collects datagrams until dropped.
#[derive(Debug)]
pub struct SyslogSink {
    port: u16,
    lines: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl SyslogSink {
    /// Listens on a free UDP port of 127.0.0.1.
    ///
    /// # Errors
    /// When the port cannot be bound.
    pub fn udp() -> anyhow::Result<SyslogSink> {
        let port = ports::free_port();
        let socket = crate::ports::bind(|| UdpSocket::bind(("127.0.0.1", port)))?;
        socket.set_read_timeout(Some(Duration::from_millis(20)))?;
        Ok(Self::run(port, move |buffer| socket.recv(buffer)))
    }

    /// Listens on a UNIX datagram socket at `path`.
    ///
    /// # Errors
    /// When the path cannot be bound.
    pub fn unix(path: &Path) -> anyhow::Result<SyslogSink> {
        let socket = UnixDatagram::bind(path)?;
        socket.set_read_timeout(Some(Duration::from_millis(20)))?;
        Ok(Self::run(0, move |buffer| socket.recv(buffer)))
    }

    fn run(port: u16, receive: impl Fn(&mut [u8]) -> std::io::Result<usize> + Send + 'static) -> SyslogSink {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let (sink, ended) = (Arc::clone(&lines), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            let mut buffer = vec![0; 64 * 1024];
            while !ended.load(Ordering::Relaxed) {
                if let Ok(n) = receive(&mut buffer) {
                    let text = String::from_utf8_lossy(buffer.get(..n).unwrap_or_default()).into_owned();
                    sink.lock().unwrap_or_else(PoisonError::into_inner).push(text);
                }
            }
        });
        SyslogSink { port, lines, stop, thread: Some(thread) }
    }

    /// `address:port` for a `log` line.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Every datagram so far, as received.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The text after the syslog header (`<PRI>date tag[pid]: `) of every datagram so far.
    pub fn messages(&self) -> Vec<String> {
        self.lines().iter().map(|line| message_of(line).trim_end().to_owned()).collect()
    }

    /// Waits for a message that holds `words`, and returns it.
    ///
    /// # Errors
    /// When none comes, showing what came.
    pub fn await_message(&self, words: &str) -> anyhow::Result<String> {
        wait::until(&format!("a log line with {words:?}"), || self.messages().into_iter().find(|m| m.contains(words)))
            .map_err(|e| e.context(format!("log so far: {:#?}", self.messages())))
    }
}

/// What follows `tag[pid]: `.
pub fn message_of(line: &str) -> &str {
    line.split_once("]: ").map_or(line, |(_, message)| message)
}

impl Drop for SyslogSink {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_are_collected() {
        let sink = SyslogSink::udp().unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.send_to(b"<134>Jan  1 00:00:00 lbd[7]: Proxy fe started.\n", sink.address()).unwrap();
        assert_eq!(sink.await_message("fe started").unwrap(), "Proxy fe started.");
        assert!(sink.lines()[0].starts_with("<134>"));
    }
}
