//! What every command is given: the node, how to print, whether a person is watching.

use std::io::{self, BufRead, IsTerminal, Write};

use lb_client::{Address, Client};

use crate::cli::Globals;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::{Format, Palette};

/// Where admin sockets are when nobody says.
const USUAL_SOCKETS: &[&str] =
    &["/run/lbd/admin.sock", "/run/haproxy/admin.sock", "/var/lib/haproxy/stats", "/var/run/haproxy.sock"];

/// A command's surroundings.
#[derive(Debug, Clone)]
pub struct Context {
    /// The node.
    pub client: Client,
    /// How to print.
    pub format: Format,
    /// Colours on standard output.
    pub out: Palette,
    /// Colours on standard error.
    pub err: Palette,
    /// Whether standard output is a terminal.
    pub terminal: bool,
    /// Whether standard error is a terminal: progress may rewrite its line.
    pub live: bool,
    /// Whether a question may be asked.
    pub interactive: bool,
    /// ` -s ADDRESS` for commands that are suggested, empty when the environment or the default says it.
    pub socket_flag: String,
}

impl Context {
    /// From the global options and the environment.
    ///
    /// # Errors
    /// When no socket is named and none of the usual ones is there.
    pub fn new(globals: &Globals) -> Result<Self, Fault> {
        let (address, socket_flag) = match &globals.socket {
            Some(address) => {
                let named = std::env::var("LBCTL_SOCKET").ok().and_then(|v| v.parse::<Address>().ok());
                let flag = if named.as_ref() == Some(address) { String::new() } else { format!(" -s {address}") };
                (address.clone(), flag)
            }
            None => (usual_socket()?, String::new()),
        };
        let terminal = io::stdout().is_terminal();
        let live = io::stderr().is_terminal();
        Ok(Self {
            client: Client::new(address).with_timeout(globals.timeout),
            format: globals.output,
            out: Palette::detect(terminal, globals.no_color),
            err: Palette::detect(live, globals.no_color),
            terminal,
            live,
            interactive: io::stdin().is_terminal() && live && !globals.yes,
            socket_flag,
        })
    }

    /// The same node with other options, as given on a line at the prompt.
    #[must_use]
    pub fn with(&self, globals: &Globals) -> Self {
        let mut other = self.clone();
        other.format = globals.output;
        other.interactive &= !globals.yes;
        if globals.no_color {
            (other.out, other.err) = (Palette::PLAIN, Palette::PLAIN);
        }
        other
    }

    /// A suggestion: the command with this session's socket.
    pub fn suggest(&self, command: &str) -> String {
        format!("lbctl{} {command}", self.socket_flag)
    }

    /// Asks on the terminal before several servers are touched; elsewhere goes on.
    ///
    /// # Errors
    /// [`Exit::Guard`] when the answer is not yes.
    pub fn confirm(&self, what: &str, servers: &[String]) -> Result<(), Fault> {
        if !self.interactive || servers.len() < 2 {
            return Ok(());
        }
        let mut err = io::stderr().lock();
        write!(err, "{what} {} servers: {}. Go on? [y/N] ", servers.len(), servers.join(" "))?;
        err.flush()?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        match answer.trim() {
            "y" | "Y" | "yes" => Ok(()),
            _ => Err(Fault::new(Exit::Guard, "nothing was changed").hint("--yes goes on without asking")),
        }
    }

    /// Tells a failure on standard error.
    pub fn tell(&self, fault: &Fault) {
        tell(fault, self.err, self.denied_level(fault));
    }

    /// Tells on standard error what is done, and yet not what was meant.
    pub fn warn(&self, warning: &str, hint: &str) {
        let text = format!("{} {warning}\n{} {hint}\n", self.err.warning("warning:"), self.err.note("hint:"));
        // There is nobody left to tell when standard error is gone.
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }

    /// What the socket may do, where the engine denied something.
    fn denied_level(&self, fault: &Fault) -> Option<String> {
        let command = fault.denied.as_ref()?;
        let words: Vec<&str> = command.split(' ').collect();
        let needed = lb_admin::find(&words).map(|c| format!("'{}' needs level '{}', and ", c.words, c.level));
        let level = self.client.level().ok()?;
        let needed = needed.unwrap_or_default();
        Some(format!("{needed}this socket has level '{level}'; use one whose 'stats socket' line gives more"))
    }
}

/// The first of the usual places that holds a socket.
///
/// # Errors
/// When none does.
pub fn usual_socket() -> Result<Address, Fault> {
    let found = USUAL_SOCKETS.iter().find(|path| std::fs::symlink_metadata(path).is_ok());
    found.map(|path| Address::Unix((*path).into())).ok_or_else(|| {
        Fault::usage(format!(
            "no admin socket is named, and none of the usual ones is there ({})",
            USUAL_SOCKETS.join(", ")
        ))
        .hint("name it with -s ADDRESS or LBCTL_SOCKET; it is on the configuration's 'stats socket' line")
    })
}

/// Prints a failure: the sentence, what holds it, the next thing to try.
pub fn tell(fault: &Fault, palette: Palette, level: Option<String>) {
    let mut text = String::new();
    if !fault.message.is_empty() {
        text.push_str(&format!("{} {}\n", palette.error("error:"), fault.message));
    }
    for line in &fault.details {
        text.push_str(&format!("  {line}\n"));
    }
    if let Some(hint) = level.as_ref().or(fault.hint.as_ref()) {
        text.push_str(&format!("{} {hint}\n", palette.note("hint:")));
    }
    // There is nobody left to tell when standard error is gone.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
