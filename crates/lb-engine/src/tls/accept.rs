//! The handshake with a client.

use super::facts::Facts;
use super::listener::ListenerSecurity;
use super::stream::{TlsStream, Wire, or_pending};
use crate::stream::Stream;
use lb_tls::Site;
use rustls::server::{Accepted, Acceptor};
use rustls::{Connection, Error, InvalidMessage};
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// Why a client's handshake failed, in HAProxy's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcceptError {
    /// The client closed.
    Closed,
    /// It took too long.
    Timeout,
    /// The client's certificate is not believed.
    Untrusted,
    /// Anything else.
    Failed,
}

impl AcceptError {
    /// What the log line says.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "Connection closed during SSL handshake",
            Self::Timeout => "Timeout during SSL handshake",
            Self::Untrusted => "SSL client certificate not trusted",
            Self::Failed => "SSL handshake failure",
        }
    }

    fn of(error: &Error) -> Self {
        if matches!(error, Error::InvalidCertificate(_)) { Self::Untrusted } else { Self::Failed }
    }
}

/// A handshake with a client, to be polled.
pub struct Handshake<'a> {
    security: &'a ListenerSecurity,
    state: State,
}

enum State {
    /// The client's first message is awaited.
    Hello(Box<(Acceptor, Stream)>),
    /// The certificate is chosen.
    Shaking(Box<TlsStream>, Arc<Site>),
    Over,
}

/// What a handshake yields.
pub type Secured = (Box<TlsStream>, Box<Facts>);

/// The record that refuses an unknown name.
const UNRECOGNIZED_NAME: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];

impl<'a> Handshake<'a> {
    /// A handshake that begins.
    pub fn new(stream: Stream, security: &'a ListenerSecurity) -> Self {
        Self { security, state: State::Hello(Box::new((Acceptor::default(), stream))) }
    }

    /// Moves on.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Secured, AcceptError>> {
        loop {
            match std::mem::replace(&mut self.state, State::Over) {
                State::Hello(mut hello) => match poll_hello(&mut hello.0, &mut hello.1, cx) {
                    Poll::Pending => {
                        self.state = State::Hello(hello);
                        return Poll::Pending;
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Ready(Ok(accepted)) => self.state = choose(self.security, accepted, hello.1, cx)?,
                },
                State::Shaking(mut stream, site) => match stream.poll_handshake(cx) {
                    Poll::Pending => {
                        self.state = State::Shaking(stream, site);
                        return Poll::Pending;
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(verdict(&error))),
                    Poll::Ready(Ok(())) => {
                        let facts = Facts::of_client(&stream, &site);
                        return Poll::Ready(Ok((stream, Box::new(facts))));
                    }
                },
                State::Over => return Poll::Ready(Err(AcceptError::Failed)),
            }
        }
    }
}

fn verdict(error: &io::Error) -> AcceptError {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(error) => AcceptError::of(error),
        None if error.kind() == io::ErrorKind::UnexpectedEof => AcceptError::Closed,
        None => AcceptError::Failed,
    }
}

fn poll_hello(
    acceptor: &mut Acceptor,
    stream: &mut Stream,
    cx: &mut Context<'_>,
) -> Poll<Result<Accepted, AcceptError>> {
    loop {
        match acceptor.accept() {
            Ok(Some(accepted)) => return Poll::Ready(Ok(accepted)),
            Ok(None) => {}
            Err((error, mut alert)) => {
                // Who does not speak the protocol would not understand its alert.
                if !matches!(error, Error::InvalidMessage(InvalidMessage::InvalidContentType)) {
                    let _ = alert.write_all(&mut Wire { socket: stream, cx });
                }
                return Poll::Ready(Err(AcceptError::of(&error)));
            }
        }
        match ready!(or_pending(acceptor.read_tls(&mut Wire { socket: stream, cx }))) {
            Ok(n) if n > 0 => {}
            _ => return Poll::Ready(Err(AcceptError::Closed)),
        }
    }
}

fn choose(
    security: &ListenerSecurity,
    accepted: Accepted,
    mut stream: Stream,
    cx: &mut Context<'_>,
) -> Result<State, AcceptError> {
    let Some(site) = security.sites().choose(&accepted.client_hello()) else {
        // Nothing was agreed on: the alert goes in the clear, and fits into any socket's room.
        let _ = stream.poll_send(cx, &UNRECOGNIZED_NAME);
        return Err(AcceptError::Failed);
    };
    let config = site.config(&accepted.client_hello());
    match accepted.into_connection(config) {
        Ok(connection) => Ok(State::Shaking(Box::new(TlsStream::new(stream, Connection::Server(connection))), site)),
        Err((error, mut alert)) => {
            let _ = alert.write_all(&mut Wire { socket: &mut stream, cx });
            Err(AcceptError::of(&error))
        }
    }
}
