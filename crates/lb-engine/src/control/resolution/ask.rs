//! Asking the name servers of a section.

use super::wire::{self, Answer, Failure, Question};
use super::{Counts, Section};
use std::cell::Cell;
use std::future::pending;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::task::JoinSet;

/// A valid answer, and the index of the name server it is from.
pub struct Heard {
    /// What it says.
    pub answer: Answer,
    /// Who said it.
    pub from: usize,
}

/// Asks for addresses of the preferred family, then of the other; or for services. All name servers are asked at once, the
/// first valid answer counts.
///
/// # Errors
/// What the last of them said, when none was valid.
pub async fn ask(
    section: &Rc<Section>,
    name: &str,
    kinds: &[Question],
    random: &impl Fn() -> u16,
) -> Result<Heard, Failure> {
    let mut last = Failure::Timeout;
    for _ in 0..section.config.retries.max(1) {
        for kind in kinds {
            match once(section, name, *kind, random()).await {
                Ok(heard) => return Ok(heard),
                // Silence is no reason to ask for something else.
                Err(Failure::Timeout) => {
                    last = Failure::Timeout;
                    break;
                }
                Err(failure) => last = failure,
            }
        }
    }
    Err(last)
}

async fn once(section: &Rc<Section>, name: &str, kind: Question, id: u16) -> Result<Heard, Failure> {
    let Some(question) = wire::question(id, name, kind, section.config.payload_size) else {
        return Err(Failure::Invalid);
    };
    let question: Rc<[u8]> = question.into();
    let mut asked = JoinSet::new();
    for index in 0..section.config.nameservers.len() {
        let (section, question, name) = (Rc::clone(section), Rc::clone(&question), name.to_owned());
        asked.spawn_local(async move { (index, one(&section, index, &question, id, &name, kind).await) });
    }
    let mut last = Failure::Timeout;
    let answers = async {
        while let Some(done) = asked.join_next().await {
            match done {
                Ok((from, Ok(answer))) => return Some(Heard { answer, from }),
                Ok((_, Err(failure))) => last = failure,
                Err(_) => {}
            }
        }
        None
    };
    match tokio::time::timeout(section.config.retry, answers).await {
        Ok(Some(heard)) => Ok(heard),
        Ok(None) => Err(last),
        Err(_) => {
            for counts in &section.counts {
                // Those that answered badly were counted for that.
                if counts.waiting.get() > 0 {
                    counts.add(&counts.timeout);
                    counts.waiting.set(0);
                }
            }
            Err(Failure::Timeout)
        }
    }
}

/// One name server. Without an answer it waits for ever: its asker has a limit.
async fn one(
    section: &Section,
    index: usize,
    question: &[u8],
    id: u16,
    name: &str,
    kind: Question,
) -> Result<Answer, Failure> {
    let (Some(server), Some(counts)) = (section.config.nameservers.get(index), section.counts.get(index)) else {
        return Err(Failure::Other);
    };
    counts.add(&counts.waiting);
    let mut buffer = vec![0; usize::from(u16::MAX)];
    let received = if server.tcp {
        over_tcp(server.address, question, &mut buffer, counts).await
    } else {
        over_udp(server.address, question, &mut buffer, counts).await
    };
    let Ok(length) = received else {
        // A port that is closed may open: like silence.
        return pending().await;
    };
    counts.waiting.set(counts.waiting.get().saturating_sub(1));
    let answer = wire::answer(buffer.get(..length).unwrap_or_default(), id, name, kind);
    counts.add(match answer {
        Ok(_) => &counts.valid,
        Err(Failure::Nx) => &counts.nx,
        Err(Failure::Refused) => &counts.refused,
        Err(Failure::Timeout) => &counts.timeout,
        Err(Failure::Invalid) => &counts.invalid,
        Err(Failure::Truncated) => &counts.truncated,
        Err(Failure::Other) => &counts.other,
    });
    answer
}

async fn over_udp(to: SocketAddr, question: &[u8], buffer: &mut [u8], counts: &Counts) -> io::Result<usize> {
    // A socket, and so a port, for each question: answers are harder to forge.
    let from: SocketAddr = match to {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let sending = async {
        let socket = UdpSocket::bind(from).await?;
        socket.connect(to).await?;
        socket.send(question).await?;
        io::Result::Ok(socket)
    };
    match sending.await {
        Ok(socket) => {
            counts.add(&counts.sent);
            socket.recv(buffer).await
        }
        Err(e) => {
            counts.add(&counts.send_error);
            Err(e)
        }
    }
}

async fn over_tcp(to: SocketAddr, question: &[u8], buffer: &mut [u8], counts: &Counts) -> io::Result<usize> {
    let sending = async {
        let mut stream = TcpStream::connect(to).await?;
        let length = u16::try_from(question.len()).unwrap_or(u16::MAX);
        stream.write_all(&[&length.to_be_bytes()[..], question].concat()).await?;
        io::Result::Ok(stream)
    };
    match sending.await {
        Ok(mut stream) => {
            counts.add(&counts.sent);
            let length = usize::from(stream.read_u16().await?);
            stream.read_exact(buffer.get_mut(..length).unwrap_or_default()).await
        }
        Err(e) => {
            counts.add(&counts.send_error);
            Err(e)
        }
    }
}

impl Counts {
    fn add(&self, count: &Cell<u64>) {
        count.set(count.get() + 1);
    }
}
