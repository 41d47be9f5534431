//! Mails that tell of servers' changes (`email-alert`).
//!
//! Each mail server of a proxy gets its mails one after the other, in order. A mail that a server does not take is told to
//! the proxy's log and not sent again. Nothing here waits: what a slow server has not got yet waits in a queue with a limit.

use super::Control;
use crate::activity::{self, task};
use crate::clock::Clock;
use crate::shared::{ProxyState, Shared};
use lb_config::model::{EmailAlert, Mailer};
use lb_model::Severity;
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Mails that wait for one mail server; what comes then is dropped.
const MAX_WAITING: usize = 1_000;
/// The most bytes of a mail server's answer.
const MAX_ANSWER: u64 = 16_384;

/// Mails under way, by what a proxy says of them (its address: places of proxies are used again) and number of the mail
/// server. Who is in here has a task.
#[derive(Debug, Default)]
pub(super) struct Post(RefCell<BTreeMap<Key, VecDeque<Rc<str>>>>);

type Key = (usize, usize);

impl Control {
    /// Tells a line by mail, if the proxy says so.
    pub(super) fn mail(&self, proxy: &'static ProxyState, level: Severity, line: &str) {
        let Some(alert) = proxy.config.get().email_alert.as_ref().filter(|alert| level <= alert.level) else { return };
        // As observed, sentences lose their full stop.
        let text: Rc<str> = line.strip_suffix('.').unwrap_or(line).into();
        for number in 0..alert.mailers.mailers.len() {
            let key = (std::ptr::from_ref(alert).addr(), number);
            let mut post = self.post.0.borrow_mut();
            if let Some(waiting) = post.get_mut(&key) {
                if waiting.len() < MAX_WAITING {
                    waiting.push_back(Rc::clone(&text));
                }
                continue;
            }
            post.insert(key, VecDeque::from([Rc::clone(&text)]));
            activity::spawn(task::Mail, drain(Rc::clone(&self.post), self.shared, proxy, alert, number));
        }
    }
}

/// Sends what waits for one mail server until nothing does.
async fn drain(
    post: Rc<Post>,
    shared: &'static Shared,
    proxy: &'static ProxyState,
    alert: &'static EmailAlert,
    number: usize,
) {
    let key = (std::ptr::from_ref(alert).addr(), number);
    let next = || {
        let mut post = post.0.borrow_mut();
        let text = post.get_mut(&key).and_then(VecDeque::pop_front);
        if text.is_none() {
            post.remove(&key);
        }
        text
    };
    while let Some(text) = next() {
        let Some(mailer) = alert.mailers.mailers.get(number) else { continue };
        let mail = compose(alert, &shared.clock, &text);
        let host = alert.host.as_deref().unwrap_or(&shared.process.hostname);
        let sent = timeout(alert.mailers.timeout, deliver(mailer, alert, host, &mail)).await;
        let why = match sent {
            Ok(Ok(())) => continue,
            Ok(Err(why)) => why,
            Err(_) => "it took too long".to_owned(),
        };
        let line = format!("mailer {}/{} did not take an alert: {why}.", alert.mailers.name, mailer.name);
        let config = proxy.config.get();
        shared.logger.send(&config.logs, Severity::Warning, config.log_tag.as_deref(), line.as_bytes());
    }
}

/// The mail's head and body, as HAProxy writes them.
fn compose(alert: &EmailAlert, clock: &Clock, text: &str) -> String {
    let date = lb_sample::mail_date(clock.wall_at(clock.now_us()));
    let EmailAlert { from, to, .. } = alert;
    format!("From: {from}\r\nTo: {to}\r\nDate: {date}\r\nSubject: [HAProxy Alert] {text}\r\n\r\n{text}\r\n\r\n.\r\n")
}

/// Speaks with a mail server until it has taken the mail.
async fn deliver(mailer: &Mailer, alert: &EmailAlert, host: &str, mail: &str) -> Result<(), String> {
    let stream = TcpStream::connect(mailer.address).await.map_err(|e| format!("{} ({e})", mailer.address))?;
    let (received, mut sent) = stream.into_split();
    let mut received = BufReader::new(received.take(MAX_ANSWER));
    answered(&mut received, "the connection", 220).await?;
    let (hello, from, to) = (format!("HELO {host}"), &alert.from, &alert.to);
    let envelope = [hello, format!("MAIL FROM:<{from}>"), format!("RCPT TO:<{to}>")];
    let (data, end) = (("DATA".to_owned(), 354), ("QUIT".to_owned(), 221));
    for (line, expected) in envelope.map(|line| (line, 250)).into_iter().chain([data]) {
        sent.write_all(format!("{line}\r\n").as_bytes()).await.map_err(|e| e.to_string())?;
        answered(&mut received, &line, expected).await?;
    }
    sent.write_all(mail.as_bytes()).await.map_err(|e| e.to_string())?;
    answered(&mut received, "the mail", 250).await?;
    // It is taken whatever is said now.
    let _ = sent.write_all(format!("{}\r\n", end.0).as_bytes()).await;
    let _ = answered(&mut received, &end.0, end.1).await;
    Ok(())
}

/// Reads an answer, `250-…` lines included, and compares its code.
async fn answered(from: &mut (impl AsyncBufRead + Unpin), to_what: &str, expected: u16) -> Result<(), String> {
    let mut line = String::new();
    loop {
        line.clear();
        match from.read_line(&mut line).await {
            Ok(0) => return Err(format!("it closed after {to_what}")),
            Ok(_) => {}
            Err(error) => return Err(format!("{error} after {to_what}")),
        }
        if line.as_bytes().get(3) == Some(&b'-') {
            continue;
        }
        return match line.get(..3).and_then(|code| code.parse::<u16>().ok()) {
            Some(code) if code == expected => Ok(()),
            _ => Err(format!("\"{}\" to {to_what}", line.trim_end().escape_debug())),
        };
    }
}
