//! The `global` section.

use crate::bind;
use crate::cx::Cx;
use crate::keywords::{self, GLOBAL, Status};
use crate::line::{Done, Fault, Line, TIME_HELP, fault, time_complaint};
use crate::log::{self, LogLine};
use crate::model::{Global, ListenAddress, StatsSocket};
use crate::suggest::did_you_mean;
use crate::tls::bind::Word;
use crate::tls::{self, Loader};
use lb_model::{Level, TimeUnit, parse_size, parse_time};
use std::path::PathBuf;
use std::time::Duration;

/// Reads a line of the section.
pub(crate) type GlobalHandler = fn(&mut GlobalDraft, &mut Cx<'_>, &Line) -> Done;

/// The sections so far.
#[derive(Default)]
pub(crate) struct GlobalDraft {
    pub global: Global,
    /// Reads the files that TLS settings name.
    pub loader: Loader,
    /// `ssl-default-bind-…`.
    pub bind_words: Vec<Word>,
}

impl GlobalDraft {
    /// Reads a line.
    pub fn line(&mut self, line: &Line, cx: &mut Cx<'_>) -> Done {
        let name = line.word(0);
        match GLOBAL.iter().find(|row| row.name == name).map(|row| &row.status) {
            Some(Status::Supported(handler)) => handler(self, cx, line),
            Some(Status::Tuning) => {
                cx.ignore(name);
                Ok(())
            }
            Some(Status::NotYet) => Err(fault(0, keywords::not_yet(name))),
            Some(Status::Gone(why)) => Err(fault(0, *why)),
            None => {
                let near = did_you_mean(name, GLOBAL.iter().map(|row| row.name));
                let mut fault = fault(0, format!("unknown keyword '{name}' in 'global' section{near}"));
                if keywords::PROXY.iter().any(|row| row.name == name) {
                    fault =
                        fault.help(format!("'{name}' belongs into a defaults, frontend, listen or backend section"));
                }
                Err(fault)
            }
        }
    }
}

/// Warns that a setting was made before; the first one stays, as in HAProxy.
pub(crate) fn once<T>(slot: &mut Option<T>, value: T, line: &Line, cx: &mut Cx<'_>) {
    if slot.is_some() {
        cx.warn(&line.site(0), format!("'{}' already specified. Continuing.", line.word(0)));
    } else {
        *slot = Some(value);
    }
}

pub(crate) fn text(line: &Line, usage: &str) -> Result<String, Fault> {
    let value = line.need(1, usage)?.to_owned();
    line.ends_after(1, line.word(0))?;
    Ok(value)
}

pub(crate) fn path(slot: &mut Option<PathBuf>, line: &Line, cx: &mut Cx<'_>, usage: &str) -> Done {
    once(slot, text(line, usage)?.into(), line, cx);
    Ok(())
}

pub(crate) fn integer(line: &Line) -> Result<u32, Fault> {
    let name = line.word(0);
    line.ends_after(1, name)?;
    line.integer(1, format!("'{name}' expects an integer argument."))
}

/// A size with units, of at least one byte.
pub(crate) fn size(line: &Line) -> Result<usize, Fault> {
    let name = line.word(0);
    let word = line.need(1, format!("'{name}' expects an integer argument."))?;
    line.ends_after(1, name)?;
    let value = parse_size(word).map_err(|error| fault(1, format!("'{name}' : {error}")))?;
    let complaint = || fault(1, format!("'{name}' expects a positive integer argument."));
    usize::try_from(value).ok().filter(|v| (1..1 << 30).contains(v)).ok_or_else(complaint)
}

pub(crate) fn delay(line: &Line, usage: &str) -> Result<Duration, Fault> {
    let name = line.word(0);
    let word = line.need(1, usage)?;
    line.ends_after(1, name)?;
    parse_time(word, TimeUnit::Millis)
        .map_err(|error| fault(1, time_complaint(error, word, &format!("argument to <{name}>."))).help(TIME_HELP))
}

pub(crate) fn maxconn(g: &mut GlobalDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    let value = integer(line)?;
    // Zero asks for the automatic value.
    if value > 0 {
        once(&mut g.global.maxconn, value, line, cx);
    }
    Ok(())
}

pub(crate) fn maxsslconn(g: &mut GlobalDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    g.global.max_ssl_connections = Some(integer(line)?).filter(|most| *most > 0);
    Ok(())
}

/// `expose-experimental-directives`, `expose-deprecated-directives`: nothing here waits for them.
pub(crate) fn exposed(_: &mut GlobalDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    line.ends_after(0, line.word(0))
}

pub(crate) fn maxsslrate(g: &mut GlobalDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    if g.global.max_ssl_rate > 0 {
        cx.warn(&line.site(0), "'maxsslrate' already specified. Continuing.");
        return Ok(());
    }
    g.global.max_ssl_rate = integer(line)?;
    Ok(())
}

pub(crate) fn nbthread(g: &mut GlobalDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    if cx.past_global {
        return Err(fault(
            0,
            "'nbthread' not allowed if a non-global section was previously defined. \
             This parameter must be declared in the first global section",
        ));
    }
    line.ends_after(1, "nbthread")?;
    let word = line.word(1);
    let complaint = format!("'nbthread' passed a missing or unparsable integer value in '{word}'");
    let value: usize = line.integer(1, complaint)?;
    if !(1..=1024).contains(&value) {
        return Err(fault(1, format!("'nbthread' value must be between 1 and 1024 (was {value})")));
    }
    g.global.nbthread = Some(value);
    Ok(())
}

pub(crate) fn ulimit_n(g: &mut GlobalDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    let value = integer(line)?;
    once(&mut g.global.ulimit_n, value.into(), line, cx);
    Ok(())
}

pub(crate) fn ca_base(g: &mut GlobalDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    let path = text(line, "'ca-base' expects a directory path as an argument.")?;
    once(&mut g.loader.ca_base, path, line, cx);
    Ok(())
}

pub(crate) fn crt_base(g: &mut GlobalDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    let path = text(line, "'crt-base' expects a directory path as an argument.")?;
    once(&mut g.loader.crt_base, path, line, cx);
    Ok(())
}

/// `ssl-default-bind-options`: words of `bind` lines.
pub(crate) fn ssl_default_bind_options(g: &mut GlobalDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    line.need(1, "global statement 'ssl-default-bind-options' expects an option as an argument.")?;
    let mut at = 1;
    while line.has(at) {
        let name = line.word(at);
        let row = keywords::BIND.iter().find(|row| row.name == name && row.tls);
        let Some(row) = row.filter(|row| !matches!(row.name, "ssl" | "crt" | "crt-list" | "default-crt")) else {
            return Err(fault(at, format!("unknown option '{name}' on global statement 'ssl-default-bind-options'.")));
        };
        if row.arguments > 0 && !line.has(at + 1) {
            return Err(fault(
                at,
                format!("'{name}' on global statement 'ssl-default-bind-options' : missing argument."),
            ));
        }
        if matches!(row.status, Status::Tuning) {
            cx.ignore(&format!("ssl-default-bind-options … {name}"));
        } else {
            let argument = if row.arguments > 0 { line.word(at + 1).to_owned() } else { String::new() };
            g.bind_words.push(Word { name: row.name, argument, site: line.site(at + row.arguments) });
        }
        at += 1 + row.arguments;
    }
    Ok(())
}

fn default_word(g: &mut GlobalDraft, line: &Line, name: &'static str) -> Done {
    let usage = format!("global statement '{}' expects a cipher suite as an argument.", line.word(0));
    let argument = line.need(1, usage)?.to_owned();
    g.bind_words.push(Word { name, argument, site: line.site(1) });
    Ok(())
}

pub(crate) fn ssl_default_bind_ciphers(g: &mut GlobalDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    default_word(g, line, "ciphers")
}

pub(crate) fn ssl_default_bind_ciphersuites(g: &mut GlobalDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    default_word(g, line, "ciphersuites")
}

pub(crate) fn ssl_default_server_ciphers(g: &mut GlobalDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    let usage = "global statement 'ssl-default-server-ciphers' expects a cipher suite as an argument.";
    line.need(1, usage)?.clone_into(&mut g.loader.files.server_defaults.ciphers);
    Ok(())
}

pub(crate) fn ssl_default_server_ciphersuites(g: &mut GlobalDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    let usage = "global statement 'ssl-default-server-ciphersuites' expects a cipher suite as an argument.";
    line.need(1, usage)?.clone_into(&mut g.loader.files.server_defaults.ciphersuites);
    Ok(())
}

/// `ssl-default-server-options`: versions of the protocol, and whether sessions are resumed by tickets.
pub(crate) fn ssl_default_server_options(g: &mut GlobalDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    let outer = "global statement 'ssl-default-server-options'";
    line.need(1, format!("{outer} expects an option as an argument."))?;
    let mut at = 1;
    while line.has(at) {
        let name = line.word(at);
        let is_bound = matches!(name, "ssl-min-ver" | "ssl-max-ver");
        let is_version = is_bound || name.starts_with("force-tlsv1") || name.starts_with("no-tlsv1");
        let row = keywords::SERVER.iter().find(|row| row.name == name);
        match row {
            Some(_) if is_bound && !line.has(at + 1) => {
                return Err(fault(at, format!("'{name}' : missing the ssl/tls version on {outer}.")));
            }
            Some(row) if is_version || matches!(name, "force-sslv3" | "no-sslv3") => {
                let versions = &mut g.loader.files.server_defaults.versions;
                tls::version(versions, row.name, line.word(at + 1))
                    .map_err(|why| fault(at + 1, format!("{why} on {outer}.")))?;
            }
            Some(_) if matches!(name, "no-tls-tickets" | "tls-tickets") => {
                cx.ignore(&format!("ssl-default-server-options … {name}"));
            }
            _ => return Err(fault(at, format!("unknown option '{name}' on {outer}."))),
        }
        at += if is_bound { 2 } else { 1 };
    }
    Ok(())
}

pub(crate) fn key_base(g: &mut GlobalDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    let path = text(line, "'key-base' expects a directory path as an argument.")?;
    once(&mut g.loader.key_base, path, line, cx);
    Ok(())
}

pub(crate) fn ssl_server_verify(g: &mut GlobalDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    g.loader.files.trust_servers = match line.word(1) {
        "none" => true,
        "required" => false,
        _ => return Err(fault(1, "'ssl-server-verify' expects 'none' or 'required'.")),
    };
    line.ends_after(1, "ssl-server-verify")
}

pub(crate) fn daemon(g: &mut GlobalDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    line.ends_after(0, "daemon")?;
    g.global.daemon = true;
    Ok(())
}

/// `external-check [preserve-env]`: programs may be run as health checks.
pub(crate) fn external_check(g: &mut GlobalDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    match line.word(1) {
        "" | "preserve-env" => {}
        other => {
            return Err(fault(
                1,
                format!("'external-check' only supports 'preserve-env' as an argument, found '{other}'."),
            ));
        }
    }
    line.ends_after(1, "external-check")?;
    g.global.external_check = true;
    g.global.external_check_env |= line.has(1);
    Ok(())
}

pub(crate) fn quiet(g: &mut GlobalDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    line.ends_after(0, "quiet")?;
    g.global.quiet = true;
    Ok(())
}

pub(crate) fn zero_warning(g: &mut GlobalDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    line.ends_after(0, "zero-warning")?;
    g.global.zero_warning = true;
    Ok(())
}

pub(crate) fn master_worker(_: &mut GlobalDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    if line.word(1) != "no-exit-on-failure" {
        return Err(fault(
            0,
            "support for 'master-worker' was removed in version 3.5. Use -W or -Ws in the startup script instead.",
        ));
    }
    cx.ignore("master-worker no-exit-on-failure");
    line.ends_after(1, "master-worker")
}

pub(crate) fn default_path(_: &mut GlobalDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    let modes = "supported modes include 'current', 'config', 'parent', and 'origin'.";
    match line.word(1) {
        "current" => line.ends_after(1, "default-path"),
        mode @ ("config" | "parent" | "origin") => Err(fault(1, keywords::not_yet(&format!("default-path {mode}")))),
        "" => Err(fault(1, format!("missing default-path mode '' for 'default-path', {modes}"))),
        mode => Err(fault(1, format!("unsupported default-path mode '{mode}' for 'default-path', {modes}"))),
    }
}

pub(crate) fn pidfile(g: &mut GlobalDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    path(&mut g.global.pidfile, line, cx, "'pidfile' expects a file name as an argument.")
}

pub(crate) fn chroot(g: &mut GlobalDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    path(&mut g.global.chroot, line, cx, "'chroot' expects a directory as an argument.")
}

/// Sets a user's or a group's id once; both spellings share the slot.
fn owner(slot: &mut Option<u32>, id: u32, line: &Line, cx: &mut Cx<'_>, both: &str) {
    if slot.is_some() {
        cx.warn(&line.site(0), format!("{both} already specified. Continuing."));
    } else {
        *slot = Some(id);
    }
}

fn numeric_id(line: &Line, instead: &str) -> Result<u32, Fault> {
    let name = line.word(0);
    line.need(1, format!("'{name}' expects an integer argument."))?;
    line.ends_after(1, name)?;
    let word = line.word(1);
    word.parse().map_err(|_| {
        fault(1, format!("{name}: string '{word}' is not a number."))
            .help(format!("You might want to use the '{instead}' parameter to use a system {instead} name."))
    })
}

pub(crate) fn uid(g: &mut GlobalDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    let id = numeric_id(line, "user")?;
    owner(&mut g.global.uid, id, line, cx, "user/uid");
    Ok(())
}

pub(crate) fn gid(g: &mut GlobalDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    let id = numeric_id(line, "group")?;
    owner(&mut g.global.gid, id, line, cx, "group/gid");
    Ok(())
}

pub(crate) fn user(g: &mut GlobalDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    let name = line.word(1);
    line.ends_after(1, "user")?;
    let id = cx.host.user_id(name).ok_or_else(|| fault(1, format!("cannot find user id for '{name}'")))?;
    owner(&mut g.global.uid, id, line, cx, "user/uid");
    Ok(())
}

pub(crate) fn group(g: &mut GlobalDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    let name = line.word(1);
    line.ends_after(1, "group")?;
    let id = cx.host.group_id(name).ok_or_else(|| fault(1, format!("cannot find group id for '{name}'")))?;
    owner(&mut g.global.gid, id, line, cx, "group/gid");
    Ok(())
}

pub(crate) fn node(g: &mut GlobalDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    line.ends_after(1, "node")?;
    let name = line.word(1);
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_')) {
        return Err(fault(
            1,
            "'node' requires valid node name - non-empty string with digits(0-9), letters(A-Z, a-z), dot(.), \
             hyphen(-) or underscode(_).",
        ));
    }
    g.global.node = Some(name.to_owned());
    Ok(())
}

pub(crate) fn description(g: &mut GlobalDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    line.need(1, "'description' expects a string argument.")?;
    g.global.description = Some(line.from(1).join(" "));
    Ok(())
}

pub(crate) fn hard_stop_after(g: &mut GlobalDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    g.global.hard_stop_after = Some(delay(line, "'hard-stop-after' expects <time> as argument.")?);
    Ok(())
}

pub(crate) fn bufsize(g: &mut GlobalDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    g.global.bufsize = Some(size(line)?);
    Ok(())
}

pub(crate) fn stick_counters(g: &mut GlobalDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    let complaint = "'tune.stick-counters' expects a number from 0 to 100.";
    let count: usize = line.integer(1, complaint)?;
    if count > 100 {
        return Err(fault(1, complaint));
    }
    g.global.stick_counters = Some(count);
    cx.stick_counters = count;
    line.ends_after(1, "tune.stick-counters")
}

pub(crate) fn maxrewrite(g: &mut GlobalDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    g.global.maxrewrite = Some(size(line)?);
    Ok(())
}

pub(crate) fn maxhdr(g: &mut GlobalDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    let value = integer(line)?;
    if !(1..=32_767).contains(&value) {
        return Err(fault(1, "'tune.http.maxhdr' expects a numeric value between 1 and 32767"));
    }
    g.global.maxhdr = usize::try_from(value).ok();
    Ok(())
}

pub(crate) fn spread_checks(g: &mut GlobalDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    line.ends_after(1, "spread-checks")?;
    let value: u32 = line.integer(1, "'spread-checks' expects an integer argument (0..50).")?;
    if value > 50 {
        return Err(fault(1, "'spread-checks' needs a positive value in range 0..50."));
    }
    g.global.spread_checks = value;
    Ok(())
}

pub(crate) fn max_spread_checks(g: &mut GlobalDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    g.global.max_spread_checks = Some(delay(line, "'max-spread-checks' expects a delay as argument.")?);
    Ok(())
}

pub(crate) fn setenv(_: &mut GlobalDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    line.need(2, "'setenv' expects a name and a value.")?;
    cx.set_env(line.word(1), Some(line.word(2)));
    Ok(())
}

pub(crate) fn presetenv(_: &mut GlobalDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    line.need(2, "'presetenv' expects a name and a value.")?;
    if cx.env(line.word(1)).is_none() {
        cx.set_env(line.word(1), Some(line.word(2)));
    }
    Ok(())
}

pub(crate) fn unsetenv(_: &mut GlobalDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    line.need(1, "'unsetenv' expects at least one variable name.")?;
    for name in line.from(1) {
        cx.set_env(name, None);
    }
    Ok(())
}

pub(crate) fn log(g: &mut GlobalDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    match log::log(line, true, cx)? {
        LogLine::Target(target) => g.global.logs.push(target),
        LogLine::Clear => g.global.logs.clear(),
        LogLine::Global => {}
    }
    Ok(())
}

pub(crate) fn log_tag(g: &mut GlobalDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    g.global.log_tag = Some(text(line, "'log-tag' expects a tag for use in syslog.")?);
    Ok(())
}

pub(crate) fn log_send_hostname(g: &mut GlobalDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    line.ends_after(1, "log-send-hostname")?;
    g.global.log_send_hostname = Some(line.word(1).to_owned());
    Ok(())
}

/// `stats socket|timeout|maxconn`.
pub(crate) fn stats(g: &mut GlobalDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    match line.word(1) {
        "socket" => stats_socket(g, cx, line),
        "timeout" => {
            line.ends_after(2, "stats timeout")?;
            let word = line.need(2, "'stats timeout' expects a positive value")?;
            let parsed = parse_time(word, TimeUnit::Millis);
            let complain = |e| fault(2, time_complaint(e, word, "'stats timeout'")).help(TIME_HELP);
            let delay = parsed.map_err(complain)?;
            if delay.is_zero() {
                return Err(fault(2, "'stats timeout' expects a positive value"));
            }
            g.global.stats_timeout = Some(delay);
            Ok(())
        }
        "maxconn" => {
            line.ends_after(2, "stats maxconn")?;
            let value: u32 = line.integer(2, "'stats maxconn' expects a positive value")?;
            if value == 0 {
                return Err(fault(2, "'stats maxconn' expects a positive value"));
            }
            g.global.stats_maxconn = Some(value);
            Ok(())
        }
        "calculate-max-counters" => {
            cx.ignore("stats calculate-max-counters");
            line.ends_after(2, "stats calculate-max-counters")
        }
        "bind-process" => Err(fault(1, "'stats bind-process' is not supported anymore.")),
        other => {
            let near = did_you_mean(other, ["socket", "timeout", "maxconn"]);
            Err(fault(1, format!("'stats' only supports 'socket', 'maxconn' and 'timeout' (got '{other}'){near}")))
        }
    }
}

fn stats_socket(g: &mut GlobalDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    let usage = "'stats socket' in global section expects an address or a path to a UNIX socket";
    let text = line.need(2, usage)?;
    let params = bind::parameters(line, 3, "'stats socket'", cx);
    let found = bind::addresses(text, cx)
        .map_err(|error| Fault { help: error.help, ..fault(2, format!("'stats socket' : {}", error.message)) })?;
    let v6 = |address: &ListenAddress| matches!(address, ListenAddress::Ip { ip, .. } if ip.is_ipv6());
    if params.v6only && found.iter().any(v6) {
        let at = (3..line.len()).find(|i| line.word(*i) == "v6only").unwrap_or(2);
        return Err(fault(at, format!("'stats socket' : {}", keywords::not_yet("v6only"))));
    }
    for address in found {
        g.global.stats_sockets.push(StatsSocket {
            address,
            level: params.level.unwrap_or(Level::Operator),
            mode: params.mode,
            uid: params.uid,
            gid: params.gid,
            severity_output: params.severity,
            expose_fd_listeners: params.expose_fd_listeners,
            maxconn: params.maxconn,
            name: params.name.clone(),
            until_end: false,
            place: line.place(),
        });
    }
    Ok(())
}
