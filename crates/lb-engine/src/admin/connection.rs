//! One admin connection: its bytes go through [`lb_admin::Session`], its commands to `execute`.

use super::dump::{BATCH, Dump, PIECE};
use super::events::Reading;
use super::execute::Outcome;
use super::handover;
use super::own::{self, Caller};
use super::socket::DEFAULT_TIMEOUT;
use super::wait::{self, End, Wait};
use crate::control::{Control, Follower};
use crate::stream::Stream;
use crate::trace::{Level, Source, Whom, event};
use lb_admin::{Reply, Session, Settings, SeverityOutput, Step};
use lb_config::model::{self, StatsSocket};
use std::io;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// Bytes read at once.
const READ_SIZE: usize = 4_096;

/// Serves a connection to its end.
pub(super) async fn serve(
    control: &Rc<Control>,
    id: u64,
    config: &'static StatsSocket,
    stream: Stream,
    idle: Duration,
) {
    let settings = Settings {
        level: config.level,
        severity_output: match config.severity_output {
            model::SeverityOutput::None => SeverityOutput::None,
            model::SeverityOutput::Number => SeverityOutput::Number,
            model::SeverityOutput::String => SeverityOutput::String,
        },
        max_line: control.shared.limits.bufsize,
        compat: control.shared.config.global.compat,
        max_payload: control.shared.config.global.runtime.max_payload.unwrap_or(Settings::default().max_payload),
    };
    let caller = Caller::of(&stream, config);
    let (ahead, answers) = (Vec::new(), Vec::new());
    let mut connection = Connection { control, id, config, caller, stream, idle, ahead, ended: false, answers, run: 0 };
    // A client that goes away, or stays idle for too long, is nobody's failure.
    let _ = connection.run(Session::new(settings)).await;
}

struct Connection<'a> {
    control: &'a Rc<Control>,
    id: u64,
    config: &'static StatsSocket,
    caller: Caller,
    stream: Stream,
    idle: Duration,
    /// Bytes received while a command was running.
    ahead: Vec<u8>,
    /// The client sends no more.
    ended: bool,
    /// Answers that are not sent yet: those of commands that came together go together.
    answers: Vec<u8>,
    /// Commands since others had their turn.
    run: u32,
}

/// Bytes of answers that are held back while more commands are there.
const HELD_BACK: usize = 16 * 1_024;
/// Commands after which checks and other connections have their turn.
const RUN: u32 = 32;

/// Waits for I/O for as long as an idle connection may live. Once the process stops, a peer that keeps still for
/// [`DEFAULT_TIMEOUT`] is let go, whatever time-out it asked for: it must not hold the process.
async fn within<T>(control: &Control, idle: Duration, io: impl Future<Output = T>) -> io::Result<T> {
    tokio::pin!(io);
    let mut left = idle;
    loop {
        let slice = left.min(DEFAULT_TIMEOUT);
        match tokio::time::timeout(slice, &mut io).await {
            Ok(done) => return Ok(done),
            Err(_) => left = left.saturating_sub(slice),
        }
        if left.is_zero() || control.shared.process.stopping.load(Relaxed) {
            return Err(io::ErrorKind::TimedOut.into());
        }
    }
}

impl Connection<'_> {
    async fn run(&mut self, mut session: Session) -> io::Result<()> {
        loop {
            match session.poll(self.control.now()) {
                Step::Command(request) => {
                    self.control.admin.count_command(self.id);
                    self.trace(&request);
                    let busy = Busy::new(self.control);
                    let reply = match own::run(self.control, &self.caller, &request).await {
                        Outcome::Reply(reply) => reply,
                        Outcome::Dump(dump) => {
                            self.flush().await?;
                            self.send_dump(*dump).await?
                        }
                        Outcome::Events(mut reading) => {
                            drop(busy);
                            self.flush().await?;
                            let reply = self.send_events(&mut reading).await?;
                            session.complete(reply, self.control.now());
                            continue;
                        }
                        Outcome::Anon(anon) => {
                            session.set_anon(anon);
                            Reply::Empty
                        }
                        Outcome::Follow(follower) => {
                            drop(busy);
                            self.flush().await?;
                            self.follow(&follower).await?;
                            session.complete(Reply::Streamed, self.control.now());
                            continue;
                        }
                        Outcome::Sockets => {
                            self.flush().await?;
                            return handover::send(self.control, self.config, &self.stream).await;
                        }
                        Outcome::Wait(wait) => {
                            // A soft stop does not wait for those who only wait.
                            drop(busy);
                            self.flush().await?;
                            let reply = self.wait(&wait).await?;
                            session.complete(reply, self.control.now());
                            continue;
                        }
                    };
                    drop(busy);
                    session.complete(reply, self.control.now());
                }
                Step::Reply(bytes) => self.answer(bytes).await?,
                Step::SetIdleTimeout(idle) => self.idle = idle,
                Step::Close => {
                    self.flush().await?;
                    return self.close().await;
                }
                // Every command is complete before the session is asked again.
                Step::Busy => return Ok(()),
                Step::NeedInput if !self.ahead.is_empty() => session.feed(&std::mem::take(&mut self.ahead)),
                Step::NeedInput if self.ended => session.finish(),
                Step::NeedInput => {
                    self.flush().await?;
                    let mut bytes = [0; READ_SIZE];
                    let (control, idle) = (self.control, self.idle);
                    match within(control, idle, self.receive(&mut bytes)).await?? {
                        0 => self.ended = true,
                        n => session.feed(bytes.get(..n).unwrap_or_default()),
                    }
                }
            }
        }
    }

    fn trace(&self, request: &lb_admin::Request) {
        let shared = self.control.shared;
        if shared.traces.is_on(Source::Applet) {
            shared.trace(
                (Source::Applet, event::Applet::COMMAND, Level::User),
                || Whom { thread: shared.threads + 1, session: self.id, ..Whom::default() },
                format_args!("connection {} ({}) runs '{}'", self.id, request.level, request.id.command().words),
            );
        }
    }

    async fn receive(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.stream.read(bytes).await
    }

    /// Lets time pass until the client ends its side. What it sends meanwhile is read ahead, to notice the end
    /// behind it; a client that sends more than a line may hold is not watched any further.
    async fn wait(&mut self, wait: &Wait) -> io::Result<Reply> {
        let control = self.control;
        if let Some(reply) = wait.settled(control) {
            return Ok(reply);
        }
        let mut looks = tokio::time::interval(wait::INTERVAL);
        let over = tokio::time::sleep(wait.delay);
        tokio::pin!(over);
        let mut bytes = [0; READ_SIZE];
        while !self.ended && self.ahead.len() < self.control.shared.limits.bufsize {
            tokio::select! {
                // An end that is there already comes before a time that is over already.
                biased;
                received = self.receive(&mut bytes) => match received? {
                    0 => self.ended = true,
                    n => self.ahead.extend_from_slice(bytes.get(..n).unwrap_or_default()),
                },
                _ = looks.tick(), if wait.has_condition() => {
                    if let Some(reply) = wait.settled(control) {
                        return Ok(reply);
                    }
                }
                () = &mut over => return Ok(wait.ended(control, End::Expired)),
            }
        }
        if !self.ended {
            over.await;
            return Ok(wait.ended(control, End::Expired));
        }
        Ok(wait.ended(control, End::Interrupted))
    }

    /// Keeps an answer until no more commands are there, or until there is enough to send.
    async fn answer(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        if self.answers.is_empty() {
            self.answers = bytes;
        } else {
            self.answers.extend_from_slice(&bytes);
        }
        if self.answers.len() >= HELD_BACK {
            self.flush().await?;
        }
        self.run += 1;
        if self.run >= RUN {
            self.run = 0;
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    async fn flush(&mut self) -> io::Result<()> {
        let answers = std::mem::take(&mut self.answers);
        self.send(&answers).await
    }

    /// Sends state transitions as they come, until the client sends something, ends its side, or the process stops.
    /// A client that reads too slowly loses events; one that reads nothing is closed as any other.
    async fn follow(&mut self, follower: &Follower) -> io::Result<()> {
        if let Stream::Tcp(stream) = &self.stream {
            // A peer that vanished would be followed for ever: nothing else is awaited from it.
            let _ = socket2::SockRef::from(stream).set_keepalive(true);
        }
        let mut bytes = [0; READ_SIZE];
        while !self.ended && self.ahead.is_empty() && !self.control.shared.process.stopping.load(Relaxed) {
            let lines = tokio::select! {
                biased;
                received = self.receive(&mut bytes) => {
                    match received? {
                        0 => self.ended = true,
                        n => self.ahead.extend_from_slice(bytes.get(..n).unwrap_or_default()),
                    }
                    continue;
                }
                lines = follower.lines() => lines,
                // A stop ends it.
                () = tokio::time::sleep(STOP_STEP) => continue,
            };
            self.send(lines.as_bytes()).await?;
        }
        Ok(())
    }

    async fn send(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            // The timeout is about a reader that takes nothing, however long the answer is.
            let sent = within(self.control, self.idle, self.stream.write(bytes)).await??;
            if sent == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.control.admin.count_bytes(sent);
            bytes = bytes.get(sent..).unwrap_or_default();
        }
        Ok(())
    }

    async fn send_dump(&mut self, mut dump: Dump) -> io::Result<Reply> {
        let mut piece = Vec::with_capacity(PIECE + PIECE / 2);
        let mut batch = Vec::with_capacity(BATCH + PIECE * 2);
        loop {
            piece.clear();
            let more = dump.next(self.control, &mut piece).await;
            batch.extend_from_slice(&piece);
            std::thread::yield_now();
            if more && batch.len() < BATCH {
                continue;
            }
            self.send(&batch).await?;
            batch.clear();
            if !more {
                return Ok(Reply::Streamed);
            }
            // Checks and other connections get their turn between two batches.
            tokio::task::yield_now().await;
        }
    }

    /// Whether the client sent more than was read.
    fn has_unread(&self) -> bool {
        let mut byte = [std::mem::MaybeUninit::uninit()];
        let peeked = match &self.stream {
            Stream::Tcp(s) => socket2::SockRef::from(s).peek(&mut byte),
            Stream::Unix(s) => socket2::SockRef::from(s).peek(&mut byte),
            // It cannot be told without reading.
            Stream::Tls(_) => return true,
        };
        peeked.is_ok_and(|n| n > 0)
    }

    /// Sends what a ring holds and, if asked to, what comes, until the client sends anything or no more, or the process
    /// stops.
    async fn send_events(&mut self, reading: &mut Reading) -> io::Result<Reply> {
        let mut piece = Vec::new();
        let news = reading.ring.news.notified();
        tokio::pin!(news);
        loop {
            // Asked for before the ring is read, so that no line comes unseen in between.
            news.as_mut().enable();
            let more = reading.next(&mut piece);
            self.send(&piece).await?;
            piece.clear();
            if more {
                tokio::task::yield_now().await;
                continue;
            }
            if !reading.follows || self.ended {
                return Ok(Reply::Streamed);
            }
            let mut bytes = [0; READ_SIZE];
            tokio::select! {
                () = news.as_mut() => news.set(reading.ring.news.notified()),
                received = self.receive(&mut bytes) => {
                    self.ended |= received? == 0;
                    return Ok(Reply::Streamed);
                }
                () = tokio::time::sleep(STOP_INTERVAL) => {
                    if self.control.shared.process.stopping.load(Relaxed) {
                        return Ok(Reply::Streamed);
                    }
                }
            }
        }
    }

    /// Ends the writing side, and takes what the client still sends: closing over unread bytes would reset the
    /// connection and could destroy an answer on its way.
    async fn close(&mut self) -> io::Result<()> {
        self.stream.end().await?;
        if self.ended || (matches!(self.stream, Stream::Unix(_)) && !self.has_unread()) {
            return Ok(());
        }
        let mut bytes = [0; READ_SIZE];
        let drain = async {
            let mut left = MOST_DISCARDED;
            while left > 0 {
                match self.receive(&mut bytes).await? {
                    0 => break,
                    n => left = left.saturating_sub(n),
                }
            }
            io::Result::Ok(())
        };
        tokio::time::timeout(LINGER, drain).await.unwrap_or(Ok(()))
    }
}

/// How often one who follows events looks whether the process stops.
const STOP_INTERVAL: Duration = Duration::from_secs(1);

/// How long a client's unread bytes are awaited after the last answer.
const LINGER: Duration = Duration::from_millis(500);

/// The most of them that is taken: who sends without end is not listened to.
const MOST_DISCARDED: usize = 256 * 1_024;
/// How often one who follows looks whether the process stops.
const STOP_STEP: Duration = Duration::from_millis(500);

/// Counts a command in progress.
struct Busy<'a>(&'a Control);

impl<'a> Busy<'a> {
    fn new(control: &'a Control) -> Self {
        control.admin.set_busy(true);
        Self(control)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.admin.set_busy(false);
    }
}
