//! What a client reads from a node, typed.

use lb_admin::{CommandId, CommandLine};
use lb_model::Level;
use lb_stats::{ConnRow, Info, ParseError, StatReader, StatRow, StatTable};

use crate::{
    Client, Error, ErrorKind, Line, RefusalScan, ServerName, ServerState, Session, TypedError, Verdict, judge,
};

/// A command without arguments.
fn plain(id: CommandId) -> Result<Line, Error> {
    Ok(Line::typed(&CommandLine::new(id))?)
}

/// A command about one backend, or all.
fn of_backend(id: CommandId, backend: Option<&str>) -> Result<Line, Error> {
    let command = CommandLine::new(id);
    Ok(Line::typed(&backend.into_iter().fold(command, CommandLine::arg))?)
}

/// `show stat` of every server.
fn server_stat() -> Result<Line, Error> {
    Ok(Line::typed(&CommandLine::new(CommandId::ShowStat).arg(-1).arg(4).arg(-1))?)
}

impl Client {
    /// `show servers state`, of one backend or all.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown backend, and the errors of [`Client::ask`].
    pub fn servers_state(&self, backend: Option<&str>) -> Result<Vec<ServerState>, Error> {
        let line = of_backend(CommandId::ShowServersState, backend)?;
        self.read(&line, ServerState::parse_all).map_err(|e| self.missing_backend(e, backend))
    }

    /// `show servers state`, each server passed on and kept nowhere.
    ///
    /// # Errors
    /// Those of [`Client::ask`].
    pub fn each_server_state(&self, each: &mut dyn FnMut(ServerState)) -> Result<(), Error> {
        self.read(&plain(CommandId::ShowServersState)?, |text| {
            ServerState::parse_each(text)?.try_for_each(|server| server.map(&mut *each))
        })
    }

    /// One server's state.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown backend or server, and the errors of [`Client::ask`].
    pub fn server_state(&self, name: &ServerName) -> Result<ServerState, Error> {
        let servers = self.servers_state(Some(&name.backend))?;
        servers.into_iter().find(|s| s.name == *name).ok_or_else(|| Error::NotFound {
            what: "server",
            name: name.to_string(),
            address: self.address().clone(),
        })
    }

    /// `show servers conn`, of one backend or all.
    ///
    /// # Errors
    /// As [`Client::servers_state`].
    pub fn servers_conn(&self, backend: Option<&str>) -> Result<Vec<ConnRow>, Error> {
        let line = of_backend(CommandId::ShowServersConn, backend)?;
        self.read(&line, |t| Ok(lb_stats::parse_servers_conn(t)?)).map_err(|e| self.missing_backend(e, backend))
    }

    /// `show stat` of everything.
    ///
    /// # Errors
    /// Those of [`Client::ask`].
    pub fn stat(&self) -> Result<StatTable, Error> {
        self.stat_table(&plain(CommandId::ShowStat)?)
    }

    /// `show stat` of every server.
    ///
    /// # Errors
    /// Those of [`Client::ask`].
    pub fn server_stat(&self) -> Result<StatTable, Error> {
        self.stat_table(&server_stat()?)
    }

    /// The rows of `show stat`, each passed on as it comes and kept nowhere, until `each` gives `false`; and the columns'
    /// names in wire order.
    ///
    /// # Errors
    /// Those of [`Client::stream`].
    pub fn each_stat(&self, each: &mut dyn FnMut(StatRow<'_>) -> bool) -> Result<Vec<String>, Error> {
        Ok(self.stat_rows(&plain(CommandId::ShowStat)?, each)?.columns())
    }

    /// As [`Client::each_stat`], the rows of servers.
    ///
    /// # Errors
    /// Those of [`Client::stream`].
    pub fn each_server_stat(&self, each: &mut dyn FnMut(StatRow<'_>) -> bool) -> Result<(), Error> {
        self.stat_rows(&server_stat()?, each).map(drop)
    }

    /// `show stat` of one server, by the ids its state tells: a proxy's name may be a number.
    ///
    /// # Errors
    /// Those of [`Client::ask`].
    pub fn stat_of(&self, server: &ServerState) -> Result<StatTable, Error> {
        let command = CommandLine::new(CommandId::ShowStat).arg(server.backend_id).arg(4).arg(server.server_id);
        self.stat_table(&Line::typed(&command)?)
    }

    /// `show info`.
    ///
    /// # Errors
    /// Those of [`Client::ask`].
    pub fn info(&self) -> Result<Info, Error> {
        self.read(&plain(CommandId::ShowInfo)?, |text| {
            // Other protocols also answer in lines of `key: value`.
            match Info::parse(text)? {
                info if info.get("Name").is_some() && info.get("Version").is_some() => Ok(info),
                _ => Err(TypedError::Info),
            }
        })
    }

    /// `show sess`, the admin connections' own left out.
    ///
    /// # Errors
    /// [`Error::Refused`] below operator level, and those of [`Client::ask`].
    pub fn sessions(&self) -> Result<Vec<Session>, Error> {
        self.read(&plain(CommandId::ShowSess)?, |text| Ok(Session::parse_all(text)))
    }

    /// `show cli level`: what this socket may do.
    ///
    /// # Errors
    /// Those of [`Client::ask`].
    pub fn level(&self) -> Result<Level, Error> {
        self.read(&plain(CommandId::ShowCliLevel)?, |text| {
            let word = text.trim();
            Level::parse(word).ok_or_else(|| TypedError::Level(word.chars().take(60).collect()))
        })
    }

    /// `help`: the commands that this node has at this level.
    ///
    /// # Errors
    /// Those of [`Client::ask`].
    pub fn help(&self) -> Result<String, Error> {
        Ok(self.ask(&plain(CommandId::Help)?)?.text().into_owned())
    }

    fn stat_table(&self, line: &Line) -> Result<StatTable, Error> {
        let mut table = StatTable::default();
        let mut too_long = false;
        let reader = self.stat_rows(line, &mut |row| {
            table.push(row);
            too_long = table.bytes() > self.max_answer();
            !too_long
        })?;
        if too_long {
            return Err(Error::TooLong { command: line.shown(), limit: self.max_answer() });
        }
        Ok(table.headed(reader))
    }

    fn stat_rows(&self, line: &Line, each: &mut dyn FnMut(StatRow<'_>) -> bool) -> Result<StatReader, Error> {
        let mut reader = StatReader::new();
        let mut scan = RefusalScan::new(line);
        let mut wrong: Option<ParseError> = None;
        let mut enough = false;
        self.stream(line, &mut |piece| {
            // A table is no refusal, whatever its rows say.
            if !reader.is_table() {
                scan.feed(piece);
            }
            if wrong.is_none() {
                match reader.feed(piece, each) {
                    Ok(more) => enough = !more,
                    Err(error) => wrong = Some(error),
                }
            }
            // What is no table is read on: it may say why.
            !enough && (wrong.is_none() || !reader.is_table())
        })?;
        let end = match wrong {
            Some(error) => Err(error),
            None if enough => Ok(()),
            None => reader.end(each),
        };
        let Err(error) = end else { return Ok(reader) };
        match scan.finish() {
            Some(refusal) if !reader.is_table() => Err(Error::Refused { command: line.shown(), refusal }),
            _ => {
                let address = self.address().clone();
                Err(Error::Malformed { address, command: line.shown(), source: error.into() })
            }
        }
    }

    fn read<T>(&self, line: &Line, parse: impl FnOnce(&str) -> Result<T, TypedError>) -> Result<T, Error> {
        let answer = self.ask(line)?;
        if let Verdict::Refused(refusal) = judge(line, &answer) {
            return Err(Error::Refused { command: line.shown(), refusal });
        }
        parse(&answer.text()).map_err(|source| Error::Malformed {
            address: self.address().clone(),
            command: line.shown(),
            source,
        })
    }

    fn missing_backend(&self, error: Error, backend: Option<&str>) -> Error {
        match (error, backend) {
            (Error::Refused { refusal, .. }, Some(name)) if refusal.kind() == ErrorKind::NotFound => {
                Error::NotFound { what: "backend", name: name.to_owned(), address: self.address().clone() }
            }
            (error, _) => error,
        }
    }
}
