//! Workers that a reload has left behind: they serve their sessions to the end, and the new worker knows nothing of them.
//!
//! An old worker answers statistics and changes no more (`Proxy is disabled.`); its list of sessions tells who is
//! on which server, and ending them one by one works.

use lb_client::{Client, Error, Line, ServerName, Session, Worker};

/// Process ids of the old workers, as `show proc` of a master lists them.
fn parse(text: &str) -> Vec<u32> {
    let mut old = false;
    let mut pids = Vec::new();
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("# ") {
            old = heading.trim() == "old workers";
        } else if old {
            let mut words = line.split_ascii_whitespace();
            if let (Some(Ok(pid)), Some("worker")) = (words.next().map(str::parse), words.next()) {
                pids.push(pid);
            }
        }
    }
    pids
}

/// The old workers behind a master, each a client of its own.
///
/// # Errors
/// Those of [`Client::ask_ok`].
pub fn old(master: &Client) -> Result<Vec<Client>, Error> {
    let answer = master.ask_ok(&Line::raw("show proc")?)?;
    let address = |pid| master.address().worker(Worker::Pid(pid));
    Ok(parse(&answer.text()).into_iter().map(|pid| master.at(address(pid))).collect())
}

/// The sessions that old workers hold on a server, with the worker that has each.
///
/// # Errors
/// When the master cannot be asked. A worker that has gone meanwhile holds nothing.
pub fn holding(master: &Client, server: &ServerName) -> Result<Vec<(Client, Session)>, Error> {
    let mut held = Vec::new();
    for worker in old(master)? {
        let sessions = match worker.sessions() {
            Ok(sessions) => sessions,
            Err(Error::NoAnswer { .. } | Error::Broken { .. } | Error::Malformed { .. }) => continue,
            // The master knows no such worker any more.
            Err(Error::Refused { .. }) => continue,
            Err(error) => return Err(error),
        };
        let on_it = sessions.into_iter().filter(|s| s.backend == server.backend && s.server == server.server);
        held.extend(on_it.map(|session| (worker.clone(), session)));
    }
    Ok(held)
}

/// Ends the sessions that old workers hold on a server, and gives their number.
///
/// # Errors
/// When the master cannot be asked, or a session refuses to end.
pub fn kill(master: &Client, server: &ServerName) -> Result<usize, Error> {
    let held = holding(master, server)?;
    for (worker, session) in &held {
        match worker.ask_ok(&Line::words(["shutdown", "session", &session.id])?) {
            // It ended by itself, or its worker did.
            Ok(_) | Err(Error::NoAnswer { .. } | Error::Broken { .. }) => {}
            Err(Error::Refused { refusal, .. }) if refusal.kind() == lb_client::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(held.len())
}

#[cfg(test)]
mod tests {
    #[test]
    fn processes() {
        let text = "#<PID>          <type>          <reloads>       <uptime>        <version>\n\
                    100             master          1 [failed: 0]   0d00h00m57s     2.6.12\n\
                    # workers\n102             worker          0               0d00h00m07s     2.6.12\n\
                    # old workers\n101             worker          1               0d00h00m57s     2.6.12\n# programs\n\n";
        assert_eq!(super::parse(text), [101]);
    }
}
