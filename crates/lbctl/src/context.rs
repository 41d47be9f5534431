//! What every command is given: the nodes, how to print, whether a person is watching.

use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use lb_client::{Address, Client, DEFAULT_TIMEOUT, Trace, Way};

use crate::cli::{DryRun, Globals};
use crate::etcd::Etcd;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::journal::Operation;
use crate::output::{Format, Palette};
use crate::settings::{ContextSetting, NodeSetting, Settings, environment};

/// Where admin sockets are when nobody says.
const USUAL_SOCKETS: &[&str] =
    &["/run/lbd/admin.sock", "/run/haproxy/admin.sock", "/var/lib/haproxy/stats", "/var/run/haproxy.sock"];

/// A node that commands are about.
#[derive(Debug, Clone)]
pub struct Node {
    /// Its name in tables and messages.
    pub name: String,
    /// Its admin socket.
    pub client: Client,
    /// Its master's socket, where one is known.
    pub master: Option<Client>,
}

/// How to print: what a command needs that asks no node.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// The format.
    pub format: Format,
    /// Colours on standard output.
    pub palette: Palette,
    /// Whether standard output is a terminal.
    pub terminal: bool,
}

impl Output {
    /// From the options and the files.
    pub fn of(globals: &Globals, settings: &Settings) -> Self {
        let terminal = io::stdout().is_terminal();
        Self {
            format: globals.output.or(settings.output).unwrap_or_default(),
            palette: Palette::detect(terminal, globals.no_color),
            terminal,
        }
    }
}

/// A command's surroundings.
#[derive(Debug, Clone)]
pub struct Context {
    /// All nodes; never empty.
    pub nodes: Vec<Node>,
    /// The node that is worked on: the first, unless a fan-out has taken another.
    pub client: Client,
    /// Its name, where there are several.
    pub node: Option<String>,
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
    /// Whether a question that would be asked is a failure.
    pub no_input: bool,
    /// Whether nothing is to be changed but told.
    pub dry_run: Option<DryRun>,
    /// Whether a failure on one node undoes the change on all.
    pub all_or_nothing: bool,
    /// Where operators' machines agree on who acts.
    pub etcd: Option<Etcd>,
    /// The operation being done, as the journal will have it.
    pub operation: Arc<Operation>,
    /// ` -s ADDRESS` for commands that are suggested, empty when the environment or a file says it.
    pub socket_flag: String,
    /// The options it was made from.
    pub globals: Globals,
    /// Whether a prompt comes back after the command: Ctrl-C ends the command alone.
    pub prompt: bool,
}

impl Context {
    /// From the global options, the environment and the settings' files.
    ///
    /// # Errors
    /// When a file is wrong, or no socket is named and none of the usual ones is there.
    pub fn new(globals: &Globals) -> Result<Self, Fault> {
        let settings = Settings::load()?;
        let (chosen, socket_flag) = choose(globals, &settings)?;
        Self::of(globals, &settings, chosen, socket_flag)
    }

    /// Of one node by its address, whatever the options and files name.
    ///
    /// # Errors
    /// When a settings' file is wrong.
    pub fn of_address(globals: &Globals, name: &str, address: Address) -> Result<Self, Fault> {
        Self::of_nodes(globals, vec![NodeSetting { name: name.to_owned(), socket: address, master: None }])
    }

    /// Of some nodes by their addresses, whatever the options and files name.
    ///
    /// # Errors
    /// When a settings' file is wrong.
    pub fn of_nodes(globals: &Globals, nodes: Vec<NodeSetting>) -> Result<Self, Fault> {
        let settings = Settings::load()?;
        let flags = nodes.iter().map(|node| format!(" -s {}", node.socket)).collect();
        Self::of(globals, &settings, ContextSetting { nodes, ..ContextSetting::default() }, flags)
    }

    fn of(globals: &Globals, settings: &Settings, chosen: ContextSetting, socket_flag: String) -> Result<Self, Fault> {
        let output = Output::of(globals, settings);
        let live = io::stderr().is_terminal();
        let err = Palette::detect(live, globals.no_color);
        let timeout = globals.timeout.or(settings.timeout).unwrap_or(DEFAULT_TIMEOUT);
        let read_only =
            globals.read_only || chosen.read_only || settings.read_only || environment::is_on("LBCTL_READ_ONLY");
        let no_input = globals.no_input || settings.no_input || environment::is_on("LBCTL_NO_INPUT");
        let trace = globals.trace_wire.then(|| wire_trace(err, chosen.nodes.len() > 1));
        let nodes: Vec<Node> = chosen.nodes.iter().map(|n| Node::new(n, timeout, read_only, trace.as_ref())).collect();
        let Some(client) = nodes.first().map(|n| n.client.clone()) else {
            return Err(Fault::usage("the context has no nodes"));
        };
        Ok(Self {
            node: None,
            client,
            nodes,
            format: output.format,
            out: output.palette,
            err,
            terminal: output.terminal,
            live,
            interactive: io::stdin().is_terminal() && live && !globals.yes,
            no_input,
            dry_run: globals.dry_run,
            all_or_nothing: globals.all_or_nothing,
            etcd: chosen.etcd,
            operation: Arc::new(Operation::new(globals.message.clone())),
            socket_flag,
            globals: globals.clone(),
            prompt: false,
        })
    }

    /// How to print.
    pub fn output(&self) -> Output {
        Output { format: self.format, palette: self.out, terminal: self.terminal }
    }

    /// With other options, as given on a line at the prompt, and perhaps with other nodes: an operation of its own.
    ///
    /// # Errors
    /// When the line names nodes that are not known.
    pub fn with(&self, globals: &Globals, words: &[String]) -> Result<Self, Fault> {
        let mut other = if globals.sockets.is_empty() && globals.context.is_none() {
            self.clone()
        } else {
            let (sockets, context) = (globals.sockets.clone(), globals.context.clone());
            let there = Self::new(&Globals { sockets, context, ..self.globals.clone() })?;
            Self { format: self.format, terminal: self.terminal, out: self.out, prompt: self.prompt, ..there }
        };
        other.format = globals.output.unwrap_or(self.format);
        other.interactive &= !globals.yes;
        other.no_input |= globals.no_input;
        other.dry_run = globals.dry_run;
        other.all_or_nothing = globals.all_or_nothing;
        other.operation = Arc::new(Operation::new(globals.message.clone()).of_line(words));
        if globals.no_color {
            (other.out, other.err) = (Palette::PLAIN, Palette::PLAIN);
        }
        if let Some(timeout) = globals.timeout {
            other = other.clients(|client| client.with_timeout(timeout));
        }
        if globals.trace_wire {
            let trace = wire_trace(other.err, other.nodes.len() > 1);
            other = other.clients(|client| client.with_trace(Some(trace.clone())));
        }
        Ok(if globals.read_only { other.read_only() } else { other })
    }

    /// The same, and nothing that is sent changes anything.
    #[must_use]
    pub fn read_only(&self) -> Self {
        self.clone().clients(|client| client.read_only(true))
    }

    /// The same nodes, and other ways to speak to them.
    #[must_use]
    pub fn clients(mut self, change: impl Fn(Client) -> Client) -> Self {
        for node in &mut self.nodes {
            node.client = change(node.client.clone());
            node.master = node.master.take().map(&change);
        }
        self.client = change(self.client);
        self
    }

    /// One of the nodes alone; it knows its name when there are others.
    #[must_use]
    pub fn on(&self, node: &Node) -> Self {
        let name = (self.nodes.len() > 1).then(|| node.name.clone());
        Self { client: node.client.clone(), nodes: vec![node.clone()], node: name, ..self.clone() }
    }

    /// `node: ` before what is told of one of several nodes.
    pub fn prefix(&self) -> String {
        self.node.as_ref().map(|n| format!("{n}: ")).unwrap_or_default()
    }

    /// The node that is worked on, by its name in the journal.
    pub fn node_name(&self) -> String {
        self.nodes.first().map(|n| n.name.clone()).unwrap_or_default()
    }

    /// The address of the node that is worked on, good in any directory.
    pub fn address(&self) -> String {
        absolute(self.client.address()).to_string()
    }

    /// The master's socket of the node that is worked on.
    pub fn master(&self) -> Option<&Client> {
        self.nodes.first()?.master.as_ref()
    }

    /// A suggestion: the command with this session's socket.
    pub fn suggest(&self, command: &str) -> String {
        format!("lbctl{} {command}", self.socket_flag)
    }

    /// Asks on the terminal before several servers are touched; elsewhere goes on.
    ///
    /// # Errors
    /// [`Exit::Guard`] when the answer is not yes, or there must be no question.
    pub fn confirm(&self, what: &str, servers: &[String]) -> Result<(), Fault> {
        if !self.interactive || servers.len() < 2 || self.dry_run.is_some() {
            return Ok(());
        }
        let question = format!("{what} {} servers: {}.", servers.len(), servers.join(" "));
        if self.no_input {
            let fault = Fault::new(Exit::Guard, format!("nothing was changed: this wants to be confirmed. {question}"));
            return Err(fault.hint("--yes goes on without asking"));
        }
        let mut err = io::stderr().lock();
        write!(err, "{question} Go on? [y/N] ")?;
        err.flush()?;
        let mut answer = String::new();
        if self.prompt && !crate::interrupt::Interrupt::new()?.wait_for(io::stdin())? {
            writeln!(err)?;
            return Err(Fault::new(Exit::Interrupted, "nothing was changed"));
        }
        io::stdin().lock().read_line(&mut answer)?;
        match answer.trim() {
            "y" | "Y" | "yes" => Ok(()),
            _ => Err(Fault::new(Exit::Guard, "nothing was changed").hint("--yes goes on without asking")),
        }
    }

    /// Tells a failure on standard error.
    pub fn tell(&self, fault: &Fault) {
        match &self.node {
            Some(node) if !fault.message.is_empty() => {
                let named = Fault { message: format!("{node}: {}", fault.message), ..fault.clone() };
                tell(&named, self.err, self.denied_level(fault));
            }
            _ => tell(fault, self.err, self.denied_level(fault)),
        }
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

impl Node {
    fn new(setting: &NodeSetting, timeout: Duration, read_only: bool, trace: Option<&Trace>) -> Self {
        let client = |address: &Address| {
            Client::new(address.clone()).with_timeout(timeout).read_only(read_only).with_trace(trace.cloned())
        };
        let node = client(&setting.socket);
        // Behind a master's socket the master is known.
        let master = match (&setting.master, &setting.socket) {
            (Some(master), _) => Some(client(master)),
            (None, Address::Worker { master, .. }) => Some(node.at((**master).clone())),
            (None, _) => None,
        };
        Self { name: setting.name.clone(), client: node, master }
    }
}

/// With the path of a UNIX socket made absolute: what is written down is read elsewhere.
fn absolute(address: &Address) -> Address {
    match address {
        Address::Unix(path) => Address::Unix(std::path::absolute(path).unwrap_or_else(|_| path.clone())),
        Address::Worker { master, worker } => Address::Worker { master: Box::new(absolute(master)), worker: *worker },
        other => other.clone(),
    }
}

/// Which nodes are meant, and the flags that say it.
fn choose(globals: &Globals, settings: &Settings) -> Result<(ContextSetting, String), Fault> {
    let from_environment = environment::sockets()?;
    if !globals.sockets.is_empty() {
        let flags = globals.sockets.iter().map(|address| format!(" -s {address}")).collect();
        let flags = if globals.sockets == from_environment { String::new() } else { flags };
        return Ok((sockets(&globals.sockets), flags));
    }
    if let Some(name) = &globals.context {
        return Ok((named(settings, name)?, format!(" --context {name}")));
    }
    if !from_environment.is_empty() {
        return Ok((sockets(&from_environment), String::new()));
    }
    if let Some(name) = environment::context().as_ref().or(settings.context.as_ref()) {
        return Ok((named(settings, name)?, String::new()));
    }
    Ok((sockets(&[usual_socket()?]), String::new()))
}

fn sockets(addresses: &[Address]) -> ContextSetting {
    let node = |a: &Address| NodeSetting { name: a.to_string(), socket: a.clone(), master: None };
    ContextSetting { nodes: addresses.iter().map(node).collect(), ..ContextSetting::default() }
}

fn named(settings: &Settings, name: &str) -> Result<ContextSetting, Fault> {
    settings.contexts.get(name).cloned().ok_or_else(|| {
        let near = crate::target::nearest(name, settings.contexts.keys().map(String::as_str));
        let near = near.map(|n| format!("did you mean '{n}'? ")).unwrap_or_default();
        Fault::new(Exit::NotFound, format!("there is no context '{name}'"))
            .hint(format!("{near}'lbctl context list' lists what there is"))
    })
}

/// Every line that is sent with `>`, every line that comes with `<`.
fn wire_trace(palette: Palette, several: bool) -> Trace {
    Trace::new(move |address, way, bytes| {
        let arrow = if way == Way::Sent { ">" } else { "<" };
        let node = if several { format!("{address} ") } else { String::new() };
        let text = String::from_utf8_lossy(bytes);
        let text = crate::secrets::hide(&text);
        let lines = text.strip_suffix('\n').unwrap_or(&text).split('\n');
        let told: String = lines.map(|line| format!("{} {line}\n", palette.note(&format!("{node}{arrow}")))).collect();
        // A trace that nobody can read stops nothing.
        let _ = io::stderr().lock().write_all(told.as_bytes());
    })
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
