//! Every option of the command line, once. The parser, the usage text and the manual page come from
//! this table.

/// What follows an option's spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Nothing. Letters glued to the spelling are ignored, as HAProxy does (`-Wsx` is `-Ws`).
    Nothing,
    /// The next argument.
    One(&'static str),
    /// Whatever is glued to the spelling, possibly nothing.
    Glued(&'static str),
    /// All following arguments up to one that begins with `-`.
    Many(&'static str),
}

/// What the program does with an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It has its effect.
    Works,
    /// Accepted for compatibility: it tunes or debugs something this program does not have.
    Accepted,
    /// Recognised and refused with a message.
    Refused,
}

/// One option.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Which one.
    pub id: Opt,
    /// As typed, with its dash.
    pub spelling: &'static str,
    /// What follows it.
    pub takes: Takes,
    /// What it is worth here.
    pub standing: Standing,
    /// One line for the usage text and the manual page.
    pub summary: &'static str,
}

macro_rules! options {
    ($($id:ident $spelling:literal $takes:expr, $standing:ident, $summary:literal;)*) => {
        /// The options by name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Opt {
            $(#[doc = $summary] $id,)*
        }

        /// All options, in the order of the usage text.
        pub const OPTIONS: &[Row] = &[
            $(Row {
                id: Opt::$id,
                spelling: $spelling,
                takes: $takes,
                standing: Standing::$standing,
                summary: $summary,
            },)*
        ];
    };
}

use Takes::{Glued, Many, Nothing, One};

options! {
    ConfigFile         "-f"   One("cfgfile|cfgdir"), Works, "load this file, or all *.cfg of this directory; may be repeated";
    ConfigFiles        "--"   Many("cfgfile"), Works, "all following arguments are files or directories to load";
    Chdir              "-C"   One("dir"), Works, "change to this directory before loading files";
    Check              "-c"   Nothing, Works, "check the configuration and exit: 0 valid, 1 not";
    Condition          "-cc"  One("condition"), Works, "evaluate a condition and exit: 0 true, 1 false, 2 wrong";
    Version            "-v"   Nothing, Works, "print the version";
    VersionLong        "-vv"  Nothing, Works, "print the version, build options and features";
    VersionNumber      "-vq"  Nothing, Works, "print the version number only";
    VersionShort       "-vqs" Nothing, Works, "print the version number without its suffix";
    VersionBranch      "-vqb" Nothing, Works, "print the branch of the version only";
    Daemon             "-D"   Nothing, Works, "run in the background";
    MasterWorker       "-W"   Nothing, Works, "master-worker mode";
    MasterWorkerNotify "-Ws"  Nothing, Works, "master-worker mode that tells systemd when it is ready";
    MasterCli          "-S"   One("bind[,options]"), Works, "listen here for the master's command line";
    PidFile            "-p"   One("pidfile"), Works, "write the process id there";
    Finish             "-sf"  Many("pid"), Works, "ask these old processes to finish once listening";
    Terminate          "-st"  Many("pid"), Works, "terminate these old processes once listening";
    OldSocket          "-x"   One("unix_socket"), Works, "fetch the listening sockets from the process behind this admin socket";
    Debug              "-d"   Nothing, Works, "stay in the foreground and be verbose";
    Foreground         "-db"  Nothing, Works, "stay in the foreground";
    Verbose            "-V"   Nothing, Works, "verbose; undoes -q";
    Quiet              "-q"   Nothing, Works, "no messages";
    ZeroWarning        "-dW"  Nothing, Works, "refuse to start when there is any warning";
    Diagnose           "-dD"  Nothing, Works, "tell about suspicious statements too";
    Maxconn            "-n"   One("maxconn"), Works, "limit of connections of the process; wins over the configuration";
    ProxyMaxconn       "-N"   One("maxpconn"), Works, "default limit of connections of each proxy";
    Memory             "-m"   One("megabytes"), Works, "limit the memory of each process";
    LocalPeer          "-L"   One("name"), Works, "local peer name; default: the host name";
    NoResolver         "-dG"  Nothing, Works, "do not ask the system's resolver for addresses";
    IgnoreUnresolved   "-dr"  Nothing, Works, "with -c: accept servers whose address cannot be resolved here";
    Libraries          "-dL"  Nothing, Works, "list the loaded object files once the configuration is read";
    Ipv4Only           "-4"   Nothing, Works, "resolve names to IPv4 addresses only";
    DumpConfig         "-dC"  Glued("key,line"), Refused, "print the configuration as read";
    DumpKeywords       "-dK"  Glued("class,..."), Refused, "list the registered keywords";
    ArchiveLibraries   "-dA"  Glued("file"), Refused, "archive the loaded object files";
    MemoryDebug        "-dM"  Glued("byte,options"), Accepted, "memory debugging";
    Trace              "-dt"  Glued("trace,..."), Accepted, "traces from the start";
    CpuBindings        "-dc"  Nothing, Accepted, "show CPU bindings";
    NoFastForward      "-dF"  Nothing, Accepted, "no fast-forwarding";
    InsecureFork       "-dI"  Nothing, Accepted, "insecure fork";
    NoReusePort        "-dR"  Nothing, Accepted, "no SO_REUSEPORT";
    NoSplice           "-dS"  Nothing, Accepted, "no splicing";
    NoKernelTls        "-dT"  Nothing, Accepted, "no kernel TLS";
    NoSslVerify        "-dV"  Nothing, Accepted, "no TLS verification of servers";
    NoZeroCopy         "-dZ"  Nothing, Accepted, "no zero-copy forwarding";
    NoEpoll            "-de"  Nothing, Accepted, "no epoll";
    NoKqueue           "-dk"  Nothing, Accepted, "no kqueue";
    NoPoll             "-dp"  Nothing, Accepted, "no poll";
    NoEventPorts       "-dv"  Nothing, Accepted, "no event ports";
}

/// The option a word spells: the longest spelling the word begins with.
pub fn find(word: &str) -> Option<&'static Row> {
    OPTIONS.iter().filter(|row| word.starts_with(row.spelling)).max_by_key(|row| row.spelling.len()).filter(|row| {
        // `--help` is no list of files, and an option's value is never glued to a spelling that takes the next word.
        match row.takes {
            One(_) => word == row.spelling,
            Many(_) => word == row.spelling,
            Nothing | Glued(_) => true,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn spellings_are_unique_and_begin_with_a_dash() {
        let spellings: BTreeSet<_> = OPTIONS.iter().map(|row| row.spelling).collect();
        assert_eq!(spellings.len(), OPTIONS.len());
        assert!(spellings.iter().all(|spelling| spelling.starts_with('-') && spelling.len() > 1));
    }

    #[test]
    fn every_row_is_found_by_its_spelling() {
        for row in OPTIONS {
            assert_eq!(find(row.spelling).map(|found| found.id), Some(row.id), "{}", row.spelling);
        }
    }

    #[test]
    fn summaries_are_short_and_plain() {
        for row in OPTIONS {
            assert!(row.summary.len() < 80 && !row.summary.ends_with('.'), "{}", row.spelling);
        }
    }

    #[test]
    fn near_spellings() {
        let id = |word| find(word).map(|row| row.id);
        assert_eq!(id("-dM0,tag"), Some(Opt::MemoryDebug));
        assert_eq!(id("-Wsx"), Some(Opt::MasterWorkerNotify));
        assert_eq!(id("-dz"), Some(Opt::Debug));
        assert_eq!(id("-fa.cfg"), None);
        assert_eq!(id("-n10"), None);
        assert_eq!(id("--help"), None);
        assert_eq!(id("-z"), None);
        assert_eq!(id("file"), None);
    }
}
