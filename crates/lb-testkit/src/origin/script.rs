//! Peers that follow a script: `await <bytes> ; send <bytes> ; close`.
//!
//! Operations stand between ` ; `, the scripts of successive connections between ` | `, over and over. Bytes are written
//! with `\r`, `\n`, `\\` and `\xHH`. `hang` reads until the peer ends, `hold` stays until it is gone, `end-side` ends the
//! writing side, `reset` resets.

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;

/// Plays the part of connection number `id`; `all` is everything the peer sent.
pub(super) fn play(script: &str, id: usize, mut stream: &TcpStream, all: &mut Vec<u8>) -> anyhow::Result<()> {
    let parts: Vec<&str> = script.split(" | ").collect();
    // What was awaited is behind this mark.
    let mut mark = 0;
    for operation in parts.get(id % parts.len()).copied().unwrap_or_default().split(" ; ") {
        let (word, argument) = operation.trim().split_once(' ').unwrap_or((operation.trim(), ""));
        let bytes = unescaped(argument);
        match word {
            "await" => {
                mark += loop {
                    let got = all.get(mark..).unwrap_or_default();
                    if let Some(at) = got.windows(bytes.len().max(1)).position(|w| w == bytes) {
                        break at + bytes.len();
                    }
                    if receive(stream, all)? == 0 {
                        return Ok(());
                    }
                };
            }
            "send" => stream.write_all(&bytes)?,
            // Long enough for the peer to see what came before on its own.
            "pause" => std::thread::sleep(std::time::Duration::from_millis(50)),
            "hang" => while receive(stream, all)? > 0 {},
            "end-side" => stream.shutdown(Shutdown::Write)?,
            "hold" => hold(stream),
            "reset" => return crate::client::reset(stream),
            "close" => return Ok(()),
            other => anyhow::bail!("unknown operation '{other}'"),
        }
    }
    Ok(())
}

/// Keeps the connection open, whatever the peer ends, until it is reset or wholly closed.
fn hold(stream: &TcpStream) {
    let mut polled = [PollFd::new(stream.as_fd(), PollFlags::empty())];
    while matches!(poll(&mut polled, 1000_u16), Ok(0) | Err(Errno::EINTR)) {}
}

fn receive(mut stream: &TcpStream, into: &mut Vec<u8>) -> std::io::Result<usize> {
    let mut bytes = [0; 4096];
    let count = stream.read(&mut bytes)?;
    into.extend_from_slice(bytes.get(..count).unwrap_or_default());
    Ok(count)
}

/// The bytes that a script's text means.
pub fn unescaped(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = |a: &u8, b: &u8| u8::from_str_radix(&format!("{}{}", char::from(*a), char::from(*b)), 16).ok();
        let (value, tail) = match (byte, after) {
            (b'\\', [b'r', tail @ ..]) => (b'\r', tail),
            (b'\\', [b'n', tail @ ..]) => (b'\n', tail),
            (b'\\', [b'\\', tail @ ..]) => (b'\\', tail),
            (b'\\', [b'x', a, b, tail @ ..]) => (hex(a, b).unwrap_or(b'?'), tail),
            _ => (byte, after),
        };
        out.push(value);
        rest = tail;
    }
    out
}

#[cfg(test)]
mod tests {
    use crate::client::Client;
    use crate::{Mode, Origin};

    #[test]
    fn each_connection_has_its_script() {
        let script = r"await a\r\n ; send b\x00c ; close | send \\ ; hang";
        let origin = Origin::with(Mode::Script(script.to_owned())).unwrap();
        for _ in 0..2 {
            let mut first = Client::connect(origin.address()).unwrap();
            first.send("xa\r\n").unwrap();
            assert_eq!(first.read_to_end().unwrap(), b"b\0c");
            crate::until("what was sent", || origin.received().iter().any(|all| all.bytes == b"xa\r\n").then_some(()))
                .unwrap();
            let second = Client::connect(origin.address());
            drop(second);
        }
        // The last of them may still wait to be accepted.
        crate::until("four connections", || (origin.connections() == 4).then_some(())).unwrap();
    }
}
