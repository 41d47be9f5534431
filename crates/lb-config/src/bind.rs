//! `bind` lines, and the parameters they share with `stats socket`.

use crate::address::{self, Allow, Endpoint, Port};
use crate::cx::Cx;
use crate::guid;
use crate::keywords::{self, Acts, BIND, Status};
use crate::line::{Done, Line, fault};
use crate::model::{Bind, ListenAddress, SeverityOutput, SocketOptions};
use crate::proxy::ProxyDraft;
use crate::suggest::did_you_mean;
use crate::tls::bind::{BindWords, Word};
use lb_model::Level;
use std::net::IpAddr;

/// Reads one parameter; the text is its argument, if it has one. The error is what HAProxy says.
pub(crate) type BindHandler = fn(&mut BindParams, &str, &Cx<'_>) -> Result<(), String>;

/// All that may follow the address.
#[derive(Debug, Default, Clone)]
pub(crate) struct BindParams {
    pub name: Option<String>,
    /// 0: assigned at the end.
    pub id: u32,
    pub guid_prefix: Option<String>,
    pub maxconn: Option<u32>,
    pub backlog: Option<u32>,
    pub mode: Option<u32>,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
    pub v6only: bool,
    pub accept_proxy: bool,
    pub socket: SocketOptions,
    pub level: Option<Level>,
    pub severity: SeverityOutput,
    pub expose_fd_listeners: bool,
    /// Words about TLS.
    pub tls: Vec<Word>,
}

/// What is listened on, one entry for each port of a range.
pub(crate) fn addresses(text: &str, cx: &Cx<'_>) -> Result<Vec<ListenAddress>, address::AddressError> {
    let allow = Allow { port_needed: true, port_range: true, descriptor: true, sockpair: true, ..Allow::default() };
    let mut found = Vec::new();
    for part in text.split(',') {
        match address::parse(part, allow, cx)? {
            Endpoint::Ip { ip, port: Port::Range(low, high), .. } => {
                found.extend((low..=high).map(|port| ListenAddress::Ip { ip, port }));
            }
            Endpoint::Ip { .. } => {}
            Endpoint::Unix(path) => found.push(ListenAddress::Unix(path)),
            Endpoint::Abstract(name) => found.push(ListenAddress::Abstract(name)),
            Endpoint::Fd(fd) => found.push(ListenAddress::Fd(fd)),
            Endpoint::Sockpair(fd) => found.push(ListenAddress::Sockpair(fd)),
        }
    }
    Ok(found)
}

/// Reads the parameters from word `from` on, reporting every fault. `outer` is what messages begin with.
pub(crate) fn parameters(line: &Line, from: usize, outer: &str, cx: &mut Cx<'_>) -> BindParams {
    let (here, owner) = match line.word(0) {
        "bind" => (Acts::OnBind, "bind"),
        _ => (Acts::OnStatsSocket, "stats socket"),
    };
    let mut params = BindParams::default();
    let mut at = from;
    while line.has(at) {
        let name = line.word(at);
        let Some(row) = BIND.iter().find(|row| row.name == name) else {
            let near = did_you_mean(name, BIND.iter().map(|row| row.name));
            let end = if near.is_empty() { "." } else { "" };
            cx.report(line, fault(at, format!("{outer}: unknown keyword '{name}'{near}{end}")));
            at += 1;
            continue;
        };
        match &row.status {
            Status::Supported(handler) => {
                let argument = line.word(at + row.arguments);
                if row.tls && here == Acts::OnStatsSocket {
                    let message = format!("{outer} : '{name}' : there is no TLS on admin sockets.");
                    cx.report(line, fault(at, message).help("listen on a UNIX socket"));
                } else if row.tls {
                    let argument = if row.arguments == 0 { "" } else { argument };
                    let site = line.site((at + row.arguments).min(line.len() - 1));
                    params.tls.push(Word { name: row.name, argument: argument.to_owned(), site });
                } else if row.acts != Acts::Everywhere && row.acts != here {
                    cx.ignore(&format!("{owner} … {name}"));
                }
                if let Err(message) = handler(&mut params, if row.arguments == 0 { "" } else { argument }, cx) {
                    let word = (at + row.arguments).min(line.len() - 1);
                    cx.report(line, fault(word, format!("{outer} : '{name}' : {message}")));
                }
            }
            Status::Tuning => cx.ignore(&format!("{owner} … {name}")),
            Status::NotYet => cx.report(line, fault(at, format!("{outer} : {}", keywords::not_yet(name)))),
            Status::Gone(why) => cx.report(line, fault(at, format!("{outer} : {why}"))),
        }
        at += 1 + row.arguments;
    }
    params
}

/// `bind <address>[,…] [parameters]`.
pub(crate) fn bind(proxy: &mut ProxyDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    let usage = "'bind' expects {<path>|[addr1]:port1[-end1]}{,[addr]:port[-end]}... as arguments.";
    let text = line.need(1, usage)?;
    let outer = format!("'bind {text}' in section '{}'", proxy.section_name());
    let params = parameters(line, 2, &outer, cx);
    let found = addresses(text, cx)
        .map_err(|error| crate::line::Fault { help: error.help, ..fault(1, format!("'bind' : {}", error.message)) })?;
    if params.id > 0
        && let Some(other) = proxy.proxy.binds.iter().find(|b| b.id == params.id)
    {
        let place = &other.place;
        let at = (2..line.len()).find(|i| line.word(*i) == "id").map_or(1, |i| i + 1);
        return Err(fault(
            at,
            format!("{outer} : 'id' : custom id {} already used at {}:{}", params.id, place.file, place.line),
        ));
    }
    if !params.tls.is_empty() {
        let first = proxy.proxy.binds.len();
        proxy.bind_words.push(BindWords {
            words: params.tls,
            site: line.site(1),
            address: text.to_owned(),
            binds: first..first + found.len(),
        });
    }
    for (i, address) in found.into_iter().enumerate() {
        // An id belongs to the first address of a line.
        let id = if i == 0 { params.id } else { 0 };
        let v6 = matches!(address, ListenAddress::Ip { ip: IpAddr::V6(_), .. });
        proxy.proxy.binds.push(Bind {
            address,
            name: params.name.clone(),
            id,
            guid: params.guid_prefix.as_deref().map(|prefix| format!("{prefix}-{i}").into()),
            maxconn: params.maxconn,
            backlog: params.backlog,
            mode: params.mode,
            uid: params.uid,
            gid: params.gid,
            v6only: params.v6only && v6,
            accept_proxy: params.accept_proxy,
            socket: params.socket.clone(),
            tls: None,
            place: line.place(),
        });
    }
    Ok(())
}

pub(crate) fn accept_proxy(p: &mut BindParams, _: &str, _: &Cx<'_>) -> Result<(), String> {
    p.accept_proxy = true;
    Ok(())
}

fn number(text: &str) -> Result<u32, String> {
    match text {
        "" => Err("missing value".to_owned()),
        text => text.parse().map_err(|_| format!("expects an integer argument, found '{text}'")),
    }
}

pub(crate) fn backlog(p: &mut BindParams, text: &str, _: &Cx<'_>) -> Result<(), String> {
    p.backlog = Some(number(text)?);
    Ok(())
}

pub(crate) fn expose_fd(p: &mut BindParams, text: &str, _: &Cx<'_>) -> Result<(), String> {
    match text {
        "listeners" => p.expose_fd_listeners = true,
        "" => return Err("missing fd type".to_owned()),
        other => return Err(format!("only supports 'listeners' (got '{other}')")),
    }
    Ok(())
}

pub(crate) fn gid(p: &mut BindParams, text: &str, _: &Cx<'_>) -> Result<(), String> {
    p.gid = Some(number(text)?);
    Ok(())
}

pub(crate) fn group(p: &mut BindParams, text: &str, cx: &Cx<'_>) -> Result<(), String> {
    p.gid = Some(cx.host.group_id(text).ok_or_else(|| format!("unknown group name '{text}'"))?);
    Ok(())
}

pub(crate) fn guid_prefix(p: &mut BindParams, text: &str, _: &Cx<'_>) -> Result<(), String> {
    guid::check(text)?;
    p.guid_prefix = Some(text.to_owned());
    Ok(())
}

pub(crate) fn id(p: &mut BindParams, text: &str, _: &Cx<'_>) -> Result<(), String> {
    p.id = number(text)?;
    if p.id == 0 { Err("custom id has to be > 0".to_owned()) } else { Ok(()) }
}

pub(crate) fn level(p: &mut BindParams, text: &str, _: &Cx<'_>) -> Result<(), String> {
    if text.is_empty() {
        return Err("missing level".to_owned());
    }
    let complaint = || format!("only supports 'user', 'operator', and 'admin' (got '{text}')");
    p.level = Some(Level::parse(text).ok_or_else(complaint)?);
    Ok(())
}

pub(crate) fn maxconn(p: &mut BindParams, text: &str, _: &Cx<'_>) -> Result<(), String> {
    p.maxconn = Some(number(text)?);
    Ok(())
}

pub(crate) fn mode(p: &mut BindParams, text: &str, _: &Cx<'_>) -> Result<(), String> {
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o7777);
    let complaint = || format!("missing or invalid mode '{text}' (octal integer expected)");
    p.mode = Some(mode.ok_or_else(complaint)?);
    Ok(())
}

pub(crate) fn name(p: &mut BindParams, text: &str, _: &Cx<'_>) -> Result<(), String> {
    if text.is_empty() {
        return Err("missing name".to_owned());
    }
    p.name = Some(text.to_owned());
    Ok(())
}

/// Words about TLS are obeyed when all was read.
pub(crate) fn secure(_: &mut BindParams, _: &str, _: &Cx<'_>) -> Result<(), String> {
    Ok(())
}

pub(crate) fn severity_output(p: &mut BindParams, text: &str, _: &Cx<'_>) -> Result<(), String> {
    p.severity = match text {
        "none" => SeverityOutput::None,
        "number" => SeverityOutput::Number,
        "string" => SeverityOutput::String,
        other => return Err(format!("only supports 'none', 'number', and 'string' (got '{other}')")),
    };
    Ok(())
}

pub(crate) fn uid(p: &mut BindParams, text: &str, _: &Cx<'_>) -> Result<(), String> {
    p.uid = Some(number(text)?);
    Ok(())
}

pub(crate) fn user(p: &mut BindParams, text: &str, cx: &Cx<'_>) -> Result<(), String> {
    p.uid = Some(cx.host.user_id(text).ok_or_else(|| format!("unknown user name '{text}'"))?);
    Ok(())
}

pub(crate) fn v4v6(p: &mut BindParams, _: &str, _: &Cx<'_>) -> Result<(), String> {
    p.v6only = false;
    Ok(())
}

pub(crate) fn v6only(p: &mut BindParams, _: &str, _: &Cx<'_>) -> Result<(), String> {
    p.v6only = true;
    Ok(())
}
