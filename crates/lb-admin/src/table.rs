//! The commands of the Runtime API: one row each. The parser, the level check, `help`, suggestions,
//! completion and the client's typed commands all come from here.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use lb_model::{Compat, Level};

use crate::arg::{Arg, Keyed, Name};

/// When `help` shows a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Help {
    /// In the alphabetical list, and among suggestions.
    Listed,
    /// At the end of every list.
    Always,
    /// Never: the command works but is not advertised.
    Hidden,
}

/// The version of HAProxy a command first appeared in, as far as this program tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Since {
    /// In 2.6 or earlier.
    V2_6,
    /// Somewhere after 2.6.
    V3,
    /// In none: the command is this program's own, absent under `compat strict`.
    Own,
}

/// One command.
#[derive(Debug, Clone, Copy)]
pub struct Command {
    /// Its identity.
    pub id: CommandId,
    /// The words that call it, separated by single blanks.
    pub words: &'static str,
    /// The lowest level that may run it.
    pub level: Level,
    /// When `help` shows it.
    pub help: Help,
    /// The first version that has it.
    pub since: Since,
    /// What may follow the words, position by position; for completion.
    pub args: &'static [Arg],
    /// The left column of `help`.
    pub usage: &'static str,
    /// The right column of `help`.
    pub summary: &'static str,
    /// A line that calls it.
    pub example: &'static str,
}

impl Command {
    /// The words that call it, one by one.
    pub fn split_words(&self) -> impl Iterator<Item = &'static str> {
        self.words.split(' ')
    }

    /// How many words call it.
    pub fn word_count(&self) -> usize {
        self.split_words().count()
    }

    /// Whether the command exists where the Runtime API is to be this compatible.
    pub fn exists_for(&self, compat: Compat) -> bool {
        compat == Compat::Extended || self.since != Since::Own
    }

    /// Whether it changes anything that others notice. Switches of the connection itself do not count.
    pub fn changes(&self) -> bool {
        const VERBS: &[&str] = &[
            "abort",
            "acme",
            "add",
            "clear",
            "commit",
            "del",
            "disable",
            "enable",
            "new",
            "prepare",
            "publish",
            "set",
            "shutdown",
            "trace",
            "undo",
            "unpublish",
            "update",
        ];
        const OWN: &[&str] = &["set anon off", "set anon on", "set severity-output", "set timeout", "acme status"];
        self.split_words().next().is_some_and(|verb| VERBS.contains(&verb)) && !OWN.contains(&self.words)
    }
}

macro_rules! commands {
    ($(
        $id:ident, $words:literal, $level:ident, $help:ident, $since:ident, [$($arg:expr),*],
        $usage:literal, $summary:literal, $example:literal;
    )*) => {
        /// The identity of a command.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "each variant is documented by its row's summary")]
        pub enum CommandId {
            $( $id, )*
        }

        /// Every command: listed and hidden ones in alphabetical order, this program's own ones likewise, then those
        /// every help ends with.
        pub const COMMANDS: &[Command] = &[ $( Command {
            id: CommandId::$id,
            words: $words,
            level: Level::$level,
            help: Help::$help,
            since: Since::$since,
            args: &[ $($arg),* ],
            usage: $usage,
            summary: $summary,
            example: $example,
        }, )* ];

        impl CommandId {
            /// The command's row.
            pub const fn command(self) -> &'static Command {
                // The enum and the slice come from the same list, so the number is an index.
                &COMMANDS[self as usize]
            }
        }
    };
}

const SERVER: Arg = Arg::Name(Name::Server);
const FRONTEND: Arg = Arg::Name(Name::Frontend);
const BACKEND: Arg = Arg::Name(Name::Backend);
const ON_OFF: Arg = Arg::OneOf(&["on", "off"]);
const UP_DOWN: Arg = Arg::OneOf(&["up", "down"]);

/// The second word of `set server <backend>/<server> …`, with what may follow.
const SET_SERVER: &[Keyed] = &[
    Keyed { word: "addr", args: &[Arg::Text, Arg::OneOf(&["port"]), Arg::Text] },
    Keyed { word: "agent", args: &[UP_DOWN] },
    Keyed { word: "agent-addr", args: &[Arg::Text, Arg::OneOf(&["port"]), Arg::Number] },
    Keyed { word: "agent-port", args: &[Arg::Number] },
    Keyed { word: "agent-send", args: &[Arg::Text] },
    Keyed { word: "check-addr", args: &[Arg::Text, Arg::OneOf(&["port"]), Arg::Number] },
    Keyed { word: "check-port", args: &[Arg::Number] },
    Keyed { word: "fqdn", args: &[Arg::Text] },
    Keyed { word: "health", args: &[Arg::OneOf(&["up", "stopping", "down"])] },
    Keyed { word: "name", args: &[Arg::Text] },
    Keyed { word: "ssl", args: &[ON_OFF] },
    Keyed { word: "state", args: &[Arg::OneOf(&["ready", "drain", "maint"])] },
    Keyed { word: "weight", args: &[Arg::Number] },
];

/// What `set rate-limit` limits.
const RATES: &[&str] = &["connections", "http-compression", "sessions", "ssl-sessions"];

/// How entries of a stick table are named.
const ENTRY: &[&str] = &["key", "ptr"];

/// Sources of traces.
const TRACES: &[&str] = &["0", "all", "applet", "check", "h1", "server", "session", "stream"];

const SESS_FILTERS: &[Arg] = &[
    Arg::OneOf(&["all", "backend", "frontend", "help", "older", "server", "show-uri", "susp"]),
    Arg::Name(Name::Proxy),
];

// Usage texts are those of a running HAProxy 3.5, so that scripts that read `help` find them.
commands! {
    // What a successor asks (`-x`): descriptors travel beside the answer, so it is none for people.
    GetSocks, "_getsocks", User, Hidden, V2_6, [],
        "_getsocks", "hand the listening sockets over", "_getsocks";
    AbortSslCaFile, "abort ssl ca-file", Admin, Listed, V2_6, [Arg::Rest],
        "abort ssl ca-file <cafile>", "drop the changes of a CA file that were not committed",
        "abort ssl ca-file ca.pem";
    AbortSslCert, "abort ssl cert", Admin, Listed, V2_6, [Arg::Rest],
        "abort ssl cert <certfile>", "drop the changes of a certificate that were not committed",
        "abort ssl cert site.pem";
    AbortSslCrlFile, "abort ssl crl-file", Admin, Listed, V2_6, [Arg::Rest],
        "abort ssl crl-file <crlfile>", "drop the changes of a CRL file that were not committed",
        "abort ssl crl-file crl.pem";
    AddAcl, "add acl", Admin, Listed, V2_6, [Arg::Text, Arg::Text],
        "add acl [@<ver>] <acl> <pattern>", "add a pattern to an ACL",
        "add acl /etc/lbd/deny.acl 10.0.0.0/8";
    AddBackend, "add backend", Admin, Listed, V3,
        [BACKEND, Arg::OneOf(&["from"]), Arg::Text, Arg::OneOf(&["mode"]), Arg::OneOf(&["http", "tcp"])],
        "add backend <backend>", "add a backend made from a defaults section that has a name",
        "add backend blue from web mode http";
    AddMap, "add map", Admin, Listed, V2_6, [Arg::Text, Arg::Text, Arg::Rest],
        "add map [@<ver>] <map> <key> <val>", "add an entry to a map; a payload may hold many",
        "add map #0 a.example.com app";
    AddServer, "add server", Admin, Listed, V2_6, [SERVER, Arg::Text, Arg::Rest],
        "add server <bk>/<srv>", "add a server to a backend, in maintenance; 'add server help' lists its parameters",
        "add server app/web9 192.0.2.9:80 check weight 10";
    AddSslCaFile, "add ssl ca-file", Admin, Listed, V3, [Arg::Rest],
        "add ssl ca-file <cafile> <payload>", "add certificates to a CA file; needs a commit",
        "add ssl ca-file ca.pem <<";
    AddSslCrtList, "add ssl crt-list", Admin, Listed, V2_6, [Arg::Rest],
        "add ssl crt-list <list> <cert> [opts]*", "add a line to a list of certificates",
        "add ssl crt-list list.txt site.pem";
    ClearAcl, "clear acl", Admin, Listed, V2_6, [Arg::Text, Arg::Text],
        "clear acl [@<ver>] <acl>", "remove all patterns of an ACL",
        "clear acl #0";
    ClearCounters, "clear counters", Operator, Listed, V2_6,
        [Arg::OneOf(&["all", "server"]), SERVER, Arg::OneOf(&["force"])],
        "clear counters [all|server <bk>/<srv> [force]]",
        "reset the highest values seen, all counters, or those of one server", "clear counters";
    // The two longer forms need a higher level. The general row shows them in help.
    ClearCountersAll, "clear counters all", Admin, Hidden, V2_6, [],
        "clear counters all", "reset all counters", "clear counters all";
    ClearCountersServer, "clear counters server", Admin, Hidden, V3, [SERVER, Arg::OneOf(&["force"])],
        "clear counters server <bk>/<srv> [force]", "reset all counters of one server",
        "clear counters server app/web1";
    ClearMap, "clear map", Admin, Listed, V2_6, [Arg::Text, Arg::Text],
        "clear map [@<ver>] <map>", "remove all entries of a map",
        "clear map #0";
    ClearTable, "clear table", Operator, Listed, V2_6, [Arg::Name(Name::Proxy), Arg::OneOf(ENTRY), Arg::Text],
        "clear table <table> [<filter>]*", "remove entries of a stick table", "clear table www key 192.0.2.1";
    CommitAcl, "commit acl", Admin, Listed, V2_6, [Arg::Text, Arg::Text],
        "commit acl @<ver> <acl>", "put a prepared version of an ACL in force",
        "commit acl @1 #0";
    CommitMap, "commit map", Admin, Listed, V2_6, [Arg::Text, Arg::Text],
        "commit map @<ver> <map>", "put a prepared version of a map in force",
        "commit map @1 #0";
    CommitSslCaFile, "commit ssl ca-file", Admin, Listed, V2_6, [Arg::Rest],
        "commit ssl ca-file <cafile>", "put the changes of a CA file in force",
        "commit ssl ca-file ca.pem";
    CommitSslCert, "commit ssl cert", Admin, Listed, V2_6, [Arg::Rest],
        "commit ssl cert <certfile>", "put the changes of a certificate in force",
        "commit ssl cert site.pem";
    CommitSslCrlFile, "commit ssl crl-file", Admin, Listed, V2_6, [Arg::Rest],
        "commit ssl crl-file <crlfile>", "put the changes of a CRL file in force",
        "commit ssl crl-file crl.pem";
    DebugCounters, "debug counters", Operator, Listed, V3,
        [Arg::Many(&[Arg::OneOf(&["all", "bug", "chk", "cnt", "glt", "off", "on", "reset", "show"])])],
        "debug counters [?|all|bug|cnt|chk|glt]*", "show how often something out of the ordinary happened",
        "debug counters all";
    DebugDevHash, "debug dev hash", User, Listed, V3, [Arg::Text],
        "debug dev hash   [msg]", "show a name as this connection shows names", "debug dev hash web1";
    DelAcl, "del acl", Admin, Listed, V2_6, [Arg::Text, Arg::Text],
        "del acl <acl> [<key>|#<ref>]", "remove patterns of an ACL",
        "del acl #0 10.0.0.0/8";
    DelBackend, "del backend", Admin, Listed, V3, [BACKEND],
        "del backend <backend>", "take an unpublished backend without servers out", "del backend blue";
    DelMap, "del map", Admin, Listed, V2_6, [Arg::Text, Arg::Text],
        "del map <map> [<key>|#<ref>]", "remove entries of a map",
        "del map #0 a.example.com";
    DelServer, "del server", Admin, Listed, V2_6, [SERVER],
        "del server <bk>/<srv>", "take a server in maintenance out of its backend", "del server app/web9";
    DelSslCaFile, "del ssl ca-file", Admin, Listed, V2_6, [Arg::Rest],
        "del ssl ca-file <cafile>", "forget a CA file that nothing uses",
        "del ssl ca-file ca.pem";
    DelSslCert, "del ssl cert", Admin, Listed, V2_6, [Arg::Rest],
        "del ssl cert <certfile>", "forget a certificate that nothing uses",
        "del ssl cert site.pem";
    DelSslCrlFile, "del ssl crl-file", Admin, Listed, V2_6, [Arg::Rest],
        "del ssl crl-file <crlfile>", "forget a CRL file that nothing uses",
        "del ssl crl-file crl.pem";
    DelSslCrtList, "del ssl crt-list", Admin, Listed, V2_6, [Arg::Rest],
        "del ssl crt-list <list> <cert[:line]>", "take a line out of a list of certificates",
        "del ssl crt-list list.txt site.pem:3";
    DisableAgent, "disable agent", Admin, Listed, V2_6, [SERVER],
        "disable agent", "suspend a server's agent checks", "disable agent app/web1";
    DisableDynamicCookie, "disable dynamic-cookie backend", Admin, Listed, V2_6, [BACKEND],
        "disable dynamic-cookie backend <bk>", "stop making cookies from servers' addresses",
        "disable dynamic-cookie backend app";
    DisableFrontend, "disable frontend", Admin, Listed, V2_6, [FRONTEND],
        "disable frontend <frontend>", "stop accepting on a frontend until it is enabled again",
        "disable frontend www";
    DisableHealth, "disable health", Admin, Listed, V2_6, [SERVER],
        "disable health", "suspend a server's health checks", "disable health app/web1";
    DisableServer, "disable server", Admin, Listed, V2_6, [SERVER],
        "disable server (DEPRECATED)", "put a server in maintenance; 'set server' does it too",
        "disable server app/web1";
    DumpSslCert, "dump ssl cert", Admin, Listed, V3, [Arg::Rest],
        "dump ssl cert <certfile>", "print a certificate with its key and chain",
        "dump ssl cert site.pem";
    DumpStatsFile, "dump stats-file", User, Listed, V3, [],
        "dump stats-file", "print the counters of objects with a GUID, for a later start", "dump stats-file";
    Echo, "echo", User, Listed, V3, [Arg::Rest],
        "echo <text>", "print a text", "echo done";
    EnableAgent, "enable agent", Admin, Listed, V2_6, [SERVER],
        "enable agent", "resume a server's agent checks", "enable agent app/web1";
    EnableDynamicCookie, "enable dynamic-cookie backend", Admin, Listed, V2_6, [BACKEND],
        "enable dynamic-cookie backend <bk>", "make cookies from servers' addresses",
        "enable dynamic-cookie backend app";
    EnableFrontend, "enable frontend", Admin, Listed, V2_6, [FRONTEND],
        "enable frontend <frontend>", "accept again on a disabled frontend", "enable frontend www";
    EnableHealth, "enable health", Admin, Listed, V2_6, [SERVER],
        "enable health", "resume a server's health checks", "enable health app/web1";
    EnableServer, "enable server", Admin, Listed, V2_6, [SERVER],
        "enable server  (DEPRECATED)", "take a server out of maintenance; 'set server' does it too",
        "enable server app/web1";
    ExperimentalMode, "experimental-mode", Admin, Hidden, V2_6, [ON_OFF],
        "experimental-mode [on|off]", "show or choose whether experimental commands are allowed here",
        "experimental-mode on";
    ExpertMode, "expert-mode", Admin, Hidden, V2_6, [ON_OFF],
        "expert-mode [on|off]", "show or choose whether expert commands are allowed here", "expert-mode on";
    GetAcl, "get acl", Admin, Listed, V2_6, [Arg::Text, Arg::Text],
        "get acl <acl> <value>", "tell which patterns of an ACL match a value",
        "get acl #0 10.1.2.3";
    GetMap, "get map", Admin, Listed, V2_6, [Arg::Text, Arg::Text],
        "get map <map> <value>", "tell which entries of a map match a value",
        "get map #0 a.example.com";
    GetVar, "get var", Operator, Listed, V2_6, [Arg::Text],
        "get var <name>", "tell the value of a variable of the process",
        "get var proc.color";
    GetWeight, "get weight", User, Listed, V2_6, [SERVER],
        "get weight <bk>/<srv>", "tell a server's weight and its configured one", "get weight app/web1";
    NewSslCaFile, "new ssl ca-file", Admin, Listed, V2_6, [Arg::Rest],
        "new ssl ca-file <cafile>", "make an empty CA file",
        "new ssl ca-file ca.pem";
    NewSslCert, "new ssl cert", Admin, Listed, V2_6, [Arg::Rest],
        "new ssl cert <certfile>", "make an empty certificate",
        "new ssl cert site.pem";
    NewSslCrlFile, "new ssl crl-file", Admin, Listed, V2_6, [Arg::Rest],
        "new ssl crl-file <crlfile>", "make an empty CRL file",
        "new ssl crl-file crl.pem";
    Operator, "operator", Operator, Listed, V2_6, [],
        "operator", "give up the admin level on this connection", "operator";
    PrepareAcl, "prepare acl", Admin, Listed, V2_6, [Arg::Text],
        "prepare acl <acl>", "begin a version of an ACL that is to replace it at once",
        "prepare acl #0";
    PrepareMap, "prepare map", Admin, Listed, V2_6, [Arg::Text],
        "prepare map <map>", "begin a version of a map that is to replace it at once",
        "prepare map #0";
    PublishBackend, "publish backend", Admin, Listed, V3, [BACKEND],
        "publish backend <backend>", "let rules lead to a backend", "publish backend app";
    SetAnonGlobalKey, "set anon global-key", Admin, Listed, V3, [Arg::Number],
        "set anon global-key <value>", "choose the key that 'set anon on' takes by default",
        "set anon global-key 1234";
    SetAnonOff, "set anon off", User, Listed, V3, [],
        "set anon off", "show names in this connection's answers", "set anon off";
    SetAnonOn, "set anon on", User, Listed, V3, [Arg::Number],
        "set anon on [value]", "show hashes in place of names in this connection's answers", "set anon on 1234";
    SetDynamicCookieKey, "set dynamic-cookie-key backend", Admin, Listed, V2_6, [BACKEND, Arg::Text],
        "set dynamic-cookie-key backend <bk> <k>", "change the key that cookies are made with",
        "set dynamic-cookie-key backend app secret";
    SetMap, "set map", Admin, Listed, V2_6, [Arg::Text, Arg::Text, Arg::Text],
        "set map <map> [<key>|#<ref>] <value>", "change the value of entries of a map",
        "set map #0 a.example.com other";
    SetMaxconnFrontend, "set maxconn frontend", Admin, Listed, V2_6, [FRONTEND, Arg::Number],
        "set maxconn frontend <frontend> <value>", "change how many connections a frontend may hold",
        "set maxconn frontend www 2000";
    SetMaxconnGlobal, "set maxconn global", Admin, Listed, V2_6, [Arg::Number],
        "set maxconn global <value>", "change how many connections the process may hold", "set maxconn global 4000";
    SetMaxconnServer, "set maxconn server", Admin, Listed, V2_6, [SERVER, Arg::Number],
        "set maxconn server <bk>/<srv>", "change how many connections a server may get",
        "set maxconn server app/web1 100";
    SetProfiling, "set profiling", Admin, Listed, V2_6,
        [Arg::OneOf(&["memory", "tasks"]), Arg::OneOf(&["auto", "lock", "memory", "no-lock", "no-memory", "off", "on"])],
        "set profiling <what> {auto|on|off}", "time the tasks, or stop doing so", "set profiling tasks on";
    SetRateLimit, "set rate-limit", Admin, Listed, V2_6, [Arg::OneOf(RATES), Arg::OneOf(&["global"]), Arg::Number],
        "set rate-limit <setting> <value>", "change how many connections or sessions a second the process accepts",
        "set rate-limit connections global 500";
    SetServer, "set server", Admin, Listed, V2_6, [SERVER, Arg::Keyed(SET_SERVER)],
        "set server <bk>/<srv> [opts]", "change a server's state, health, weight, address or checks",
        "set server app/web1 state drain";
    SetSeverityOutput, "set severity-output", User, Listed, V2_6, [Arg::OneOf(&["none", "number", "string"])],
        "set severity-output [none|number|string]", "choose how answers on this connection tell their severity",
        "set severity-output number";
    SetSslCaFile, "set ssl ca-file", Admin, Listed, V2_6, [Arg::Rest],
        "set ssl ca-file <cafile> <payload>", "replace a CA file; needs a commit",
        "set ssl ca-file ca.pem <<";
    SetSslCert, "set ssl cert", Admin, Listed, V2_6, [Arg::Rest],
        "set ssl cert <certfile> <payload>", "replace a certificate; needs a commit",
        "set ssl cert site.pem <<";
    SetSslCrlFile, "set ssl crl-file", Admin, Listed, V2_6, [Arg::Rest],
        "set ssl crl-file <crlfile> <payload>", "replace a CRL file; needs a commit",
        "set ssl crl-file crl.pem <<";
    SetSslOcspResponse, "set ssl ocsp-response", Admin, Listed, V2_6, [Arg::Rest],
        "set ssl ocsp-response <resp|payload>", "replace a stapled OCSP response",
        "set ssl ocsp-response <<";
    SetSslTlsKey, "set ssl tls-key", Admin, Listed, V2_6, [Arg::Rest],
        "set ssl tls-key [id|file] <key>", "set the next key of tickets",
        "set ssl tls-key 0 key";
    SetTable, "set table", Operator, Listed, V2_6, [Arg::Name(Name::Proxy), Arg::OneOf(&["key", "ptr"]), Arg::Text],
        "set table <table> key <k> [data.* <v>]*", "make or change an entry of a stick table",
        "set table www key 192.0.2.1 data.gpc0 1";
    SetTimeout, "set timeout", User, Listed, V2_6, [Arg::OneOf(&["cli"]), Arg::Number],
        "set timeout [cli] <delay>", "change how long this connection may stay idle", "set timeout cli 10m";
    SetVar, "set var", Admin, Hidden, V2_6, [Arg::Text, Arg::OneOf(&["expr", "fmt"]), Arg::Rest],
        "set var <name> [expr|fmt] <expression>", "give a variable of the process a value",
        "set var proc.color str(blue)";
    SetWeight, "set weight", Admin, Listed, V2_6, [SERVER, Arg::Number],
        "set weight <bk>/<srv>  (DEPRECATED)", "change a server's weight; 'set server' does it too",
        "set weight app/web1 50%";
    ShowAcl, "show acl", Admin, Listed, V2_6, [Arg::Text, Arg::Text],
        "show acl [@<ver>] <acl>", "list the ACLs, or the patterns of one",
        "show acl #0";
    ShowActivity, "show activity", Operator, Listed, V2_6, [Arg::Number],
        "show activity [-1|0|thread_num]", "show what each thread's machinery did", "show activity";
    ShowAnon, "show anon", User, Listed, V3, [],
        "show anon", "tell whether names are shown as hashes on this connection", "show anon";
    ShowBackend, "show backend", User, Listed, V2_6, [],
        "show backend", "list the backends", "show backend";
    ShowCache, "show cache", Admin, Listed, V2_6, [],
        "show cache", "list the caches and what they hold", "show cache";
    ShowCliLevel, "show cli level", User, Listed, V2_6, [],
        "show cli level", "tell the level of this connection", "show cli level";
    ShowCliSockets, "show cli sockets", User, Listed, V2_6, [],
        "show cli sockets", "list the admin sockets with their levels", "show cli sockets";
    ShowDefaultServer, "show default-server", User, Listed, V3, [BACKEND],
        "show default-server [<backend>]", "list the sets of server parameters that 'add server' may begin with",
        "show default-server app";
    ShowDefaults, "show defaults", User, Listed, V3, [],
        "show defaults", "list the defaults sections that 'add backend' may begin with", "show defaults";
    ShowDev, "show dev", User, Listed, V3, [],
        "show dev", "show what a report of a fault should tell of program and machine", "show dev";
    ShowEnv, "show env", Operator, Listed, V2_6, [Arg::Text],
        "show env [var]", "show the environment of the process, or one variable of it", "show env PATH";
    ShowErrors, "show errors", Operator, Listed, V2_6,
        [Arg::Name(Name::Proxy), Arg::OneOf(&["request", "response"])],
        "show errors [<px>] [request|response]", "show the last invalid request and response of each proxy",
        "show errors www request";
    // The list of sinks is for everybody; what they hold is for operators.
    ShowEvents, "show events", User, Listed, V2_6, [Arg::Text, Arg::Many(&[Arg::OneOf(&["-0", "-n", "-w"])])],
        "show events [<sink>] [-w] [-n] [-0]", "show what rings hold, and perhaps what comes", "show events buf0";
    ShowFd, "show fd", Operator, Listed, V2_6, [Arg::Text, Arg::Number],
        "show fd [-!plcfbs]* [num]", "list the descriptors and what they are for", "show fd";
    ShowInfo, "show info", User, Listed, V2_6, [Arg::Many(&[Arg::OneOf(&["desc", "float", "json", "typed"])])],
        "show info [desc|json|typed|float]*", "show facts and counters about the process", "show info typed";
    ShowLibs, "show libs", Operator, Listed, V2_6, [],
        "show libs", "list the program and the libraries in its memory", "show libs";
    ShowMap, "show map", Admin, Listed, V2_6, [Arg::Text, Arg::Text],
        "show map [@<ver>] [map]", "list the maps, or the entries of one",
        "show map #0";
    ShowPeers, "show peers", User, Listed, V2_6, [Arg::Many(&[Arg::OneOf(&["dict"]), Arg::Text])],
        "show peers [dict|-] [section]", "show the peers and what they exchange", "show peers";
    ShowPools, "show pools", User, Listed, V2_6,
        [Arg::Many(&[Arg::OneOf(&["byname", "bysize", "byusage", "detailed", "match"]), Arg::Text])],
        "show pools [by*] [match <pfx>] [nb]", "show what is kept for reuse, and its memory", "show pools byusage";
    ShowProfiling, "show profiling", Admin, Listed, V2_6,
        [Arg::Many(&[
            Arg::OneOf(&["aggr", "all", "byaddr", "byctx", "bytime", "memory", "status", "tasks"]),
            Arg::Number,
        ])],
        "show profiling [<what>|<#lines>|<opts>]*", "show how long tasks ran", "show profiling tasks";
    ShowResolvers, "show resolvers", User, Listed, V2_6, [Arg::Text],
        "show resolvers [id]", "show the name servers and how they answered", "show resolvers";
    ShowSchemaJson, "show schema json", User, Listed, V2_6, [],
        "show schema json", "show the schema of the JSON forms", "show schema json";
    ShowServersConn, "show servers conn", User, Listed, V2_6, [BACKEND],
        "show servers conn [<backend>]", "show the servers' connections, in use and idle", "show servers conn app";
    ShowServersState, "show servers state", User, Listed, V2_6, [BACKEND],
        "show servers state [<backend>]", "show the servers' states, as a state file holds them",
        "show servers state app";
    ShowSess, "show sess", Operator, Listed, V2_6, [Arg::Many(SESS_FILTERS)],
        "show sess [help|<id>|all] [opts...]", "list the sessions, or show one in detail", "show sess";
    ShowSslCaFile, "show ssl ca-file", User, Listed, V2_6, [Arg::Rest],
        "show ssl ca-file [<cafile>[:<index>]]", "list the CA files, or show one",
        "show ssl ca-file ca.pem";
    ShowSslCert, "show ssl cert", User, Listed, V2_6, [Arg::Rest],
        "show ssl cert [<certfile>]", "list the certificates, or show one",
        "show ssl cert site.pem";
    ShowSslCrlFile, "show ssl crl-file", User, Listed, V2_6, [Arg::Rest],
        "show ssl crl-file [<crlfile[:<index>>]]", "list the CRL files, or show one",
        "show ssl crl-file crl.pem";
    ShowSslCrtList, "show ssl crt-list", Admin, Listed, V2_6, [Arg::Rest],
        "show ssl crt-list [-n] [<list>]", "list the lists of certificates, or show one",
        "show ssl crt-list -n list.txt";
    ShowSslOcspResponse, "show ssl ocsp-response", Admin, Listed, V2_6, [Arg::Rest],
        "show ssl ocsp-response [[text|base64] id]", "list the stapled OCSP responses, or show one",
        "show ssl ocsp-response";
    ShowSslOcspUpdates, "show ssl ocsp-updates", Admin, Listed, V3, [Arg::Rest],
        "show ssl ocsp-updates", "list the OCSP responses that are fetched",
        "show ssl ocsp-updates";
    ShowSslProviders, "show ssl providers", User, Listed, V2_6, [Arg::Rest],
        "show ssl providers", "name the cryptography in use",
        "show ssl providers";
    ShowSslSni, "show ssl sni", User, Listed, V3, [Arg::Rest],
        "show ssl sni [-f <frontend>] [-A]", "list the names that listeners answer",
        "show ssl sni";
    ShowStartupLogs, "show startup-logs", Operator, Listed, V2_6, [],
        "show startup-logs", "show what was logged while starting", "show startup-logs";
    ShowStat, "show stat", User, Listed, V2_6,
        [Arg::Many(&[Arg::Name(Name::Proxy), Arg::OneOf(&["desc", "domain", "json", "no-maint", "typed", "up"])])],
        "show stat [desc|json|no-maint|typed|up]*", "show the statistics of proxies and servers", "show stat up";
    ShowTable, "show table", User, Listed, V2_6, [Arg::Name(Name::Proxy), Arg::OneOf(ENTRY), Arg::Text],
        "show table [<table> [<filter>]*]", "list the stick tables, or the entries of one",
        "show table www data.gpc0 gt 0";
    ShowTasks, "show tasks", User, Listed, V2_6, [],
        "show tasks", "count the tasks by function", "show tasks";
    ShowThreads, "show threads", User, Listed, V2_6, [],
        "show threads", "show what each thread does", "show threads";
    ShowTlsKeys, "show tls-keys", Admin, Listed, V2_6, [Arg::Rest],
        "show tls-keys [id|*]", "list the keys of tickets",
        "show tls-keys";
    ShowTrace, "show trace", Operator, Listed, V2_6, [Arg::OneOf(TRACES)],
        "show trace [<module>]", "show which traces run, and where to", "show trace";
    ShowVersion, "show version", User, Listed, V2_6, [],
        "show version", "tell the version", "show version";
    ShutdownFrontend, "shutdown frontend", Admin, Listed, V2_6, [FRONTEND],
        "shutdown frontend <frontend>", "close a frontend for good", "shutdown frontend www";
    ShutdownSession, "shutdown session", Admin, Listed, V2_6, [Arg::Text],
        "shutdown session [id]", "end one session", "shutdown session 0x55d3c8a0";
    ShutdownSessionsServer, "shutdown sessions server", Admin, Listed, V2_6, [SERVER],
        "shutdown sessions server <bk>/<srv>", "end all sessions of a server", "shutdown sessions server app/web1";
    Trace, "trace", Operator, Listed, V2_6,
        [Arg::OneOf(TRACES), Arg::Many(&[Arg::OneOf(&["event", "level", "lock", "pause", "sink", "start", "stop", "verbosity"])])],
        "trace [<module>|0] [cmd [args...]]", "choose what the engine reports of its own doings", "trace h1 sink buf0 start now";
    UnpublishBackend, "unpublish backend", Admin, Listed, V3, [BACKEND],
        "unpublish backend <backend>", "let rules pass a backend by", "unpublish backend app";
    User, "user", User, Listed, V2_6, [],
        "user", "give up all but the user level on this connection", "user";
    Wait, "wait", Admin, Listed, V3, [Arg::Number, Arg::OneOf(&["be-removable", "srv-removable"]), SERVER],
        "wait {-h|<delay_ms>} cond [args...]", "answer after a delay, or once something holds",
        "wait 2s srv-removable app/web9";
    // This program's own.
    CheckServer, "check server", Admin, Listed, Own, [SERVER],
        "check server <bk>/<srv>", "run one health check and show its steps; it counts for nothing",
        "check server app/web1";
    ExplainServer, "explain server", User, Listed, Own, [SERVER],
        "explain server <bk>/<srv>", "tell in words why a server is in its state, and what would change it",
        "explain server app/web1";
    ShowLeases, "show leases", User, Listed, Own, [],
        "show leases", "list the changes that end by themselves", "show leases";
    ShowServersRevisions, "show servers revisions", User, Listed, Own, [BACKEND],
        "show servers revisions [<backend>]", "show which change of each server was the last, and whose",
        "show servers revisions app";
    SubscribeEvents, "subscribe events", Operator, Listed, Own, [Arg::OneOf(&["json"])],
        "subscribe events [json]", "follow the state transitions until this side sends or closes",
        "subscribe events json";
    Undo, "undo", Admin, Listed, Own, [Arg::Number],
        "undo [<n>]", "take back the last change of servers, or the last n", "undo 2";
    Help, "help", User, Always, V2_6, [Arg::Rest],
        "help [<command>]", "list all commands, or those like the given one", "help set";
    Prompt, "prompt", User, Always, V2_6, [Arg::Many(&[Arg::OneOf(&["help", "i", "n", "p", "timed"])])],
        "prompt [help | n | i | p | timed ]*", "choose whether this connection stays open and prompts", "prompt";
    Quit, "quit", User, Always, V2_6, [],
        "quit", "close this connection", "quit";
}

/// The command these words call: the one with most words, so `clear counters all` is itself and not
/// an argument of `clear counters`.
pub fn find<S: AsRef<str>>(words: &[S]) -> Option<&'static Command> {
    find_for(words, Compat::Extended)
}

/// Like [`find`], where the Runtime API is to be this compatible.
pub fn find_for<S: AsRef<str>>(words: &[S], compat: Compat) -> Option<&'static Command> {
    let calls = |command: &&Command| {
        let mut given = words.iter();
        command.split_words().all(|word| given.next().is_some_and(|g| g.as_ref() == word))
    };
    let here = |command: &&Command| command.exists_for(compat) && calls(command);
    let candidates = BY_FIRST_WORD.get(words.first()?.as_ref())?;
    candidates.iter().copied().filter(here).max_by_key(|command| command.word_count())
}

/// The commands that begin with a word: looking through all of them would be most of what a short command costs.
static BY_FIRST_WORD: LazyLock<BTreeMap<&'static str, Vec<&'static Command>>> = LazyLock::new(|| {
    let mut index: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for command in COMMANDS {
        index.entry(command.split_words().next().unwrap_or_default()).or_default().push(command);
    }
    index
});

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_table_is_sound() {
        let ids: BTreeSet<_> = COMMANDS.iter().map(|c| c.id).collect();
        let words: BTreeSet<_> = COMMANDS.iter().map(|c| c.words).collect();
        assert_eq!((ids.len(), words.len()), (COMMANDS.len(), COMMANDS.len()));
        for command in COMMANDS {
            assert_eq!(command.id.command().id, command.id);
            assert!(command.split_words().all(|w| !w.is_empty()), "{}", command.words);
            assert!(!command.summary.is_empty() && !command.summary.ends_with('.'), "{}", command.words);
            let example: Vec<_> = command.example.split(' ').collect();
            assert_eq!(find(&example).map(|c| c.id), Some(command.id), "{}", command.example);
            let first = command.words.split(' ').next().unwrap();
            assert!(command.usage.starts_with(first), "{}", command.usage);
        }
    }

    #[test]
    fn listed_commands_are_alphabetical() {
        for own in [false, true] {
            let wanted = |c: &&Command| c.help != Help::Always && (c.since == Since::Own) == own;
            let listed: Vec<_> = COMMANDS.iter().filter(wanted).map(|c| c.words).collect();
            assert!(listed.is_sorted());
        }
    }

    #[test]
    fn strict_compatibility_knows_no_commands_of_its_own() {
        assert!(find_for(&["undo"], Compat::Strict).is_none());
        assert_eq!(find_for(&["show", "stat"], Compat::Strict).map(|c| c.id), Some(CommandId::ShowStat));
    }

    #[test]
    fn what_changes_something() {
        let changing = |words: &str| find(&words.split(' ').collect::<Vec<_>>()).is_some_and(Command::changes);
        for words in ["set server a/b state drain", "disable frontend f", "clear counters all", "undo 3"] {
            assert!(changing(words), "{words}");
        }
        for words in ["show stat", "set timeout cli 3", "wait 1", "get weight a/b", "explain server a/b", "help set"] {
            assert!(!changing(words), "{words}");
        }
    }

    #[test]
    fn longest_words_win_and_case_counts() {
        let id = |line: &str| find(&line.split(' ').collect::<Vec<_>>()).map(|c| c.id);
        assert_eq!(id("clear counters"), Some(CommandId::ClearCounters));
        assert_eq!(id("clear counters foo"), Some(CommandId::ClearCounters));
        assert_eq!(id("clear counters all"), Some(CommandId::ClearCountersAll));
        assert_eq!(id("show stat typed"), Some(CommandId::ShowStat));
        assert_eq!(id("show servers"), None);
        assert_eq!(id("Show stat"), None);
        assert_eq!(id("sho stat"), None);
    }
}
