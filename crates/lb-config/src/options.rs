//! `option …`.

use crate::cx::Cx;
use crate::diagnostic::Site;
use crate::keywords::{self, OPTIONS, Status};
use crate::line::{Done, Line, Prefix, fault};
use crate::model::{ForwardFor, Options};
use crate::proxy::{LogChoice, ProxyDraft};
use crate::suggest::did_you_mean;
use std::net::IpAddr;

/// Reads one option.
pub(crate) type OptionHandler = fn(&mut OptionCx<'_, '_, '_>) -> Done;

/// What an option's handler may touch.
pub(crate) struct OptionCx<'a, 'b, 'h> {
    pub p: &'a mut ProxyDraft,
    pub cx: &'b mut Cx<'h>,
    pub line: &'a Line,
    /// `false` with `no`, and with `default`, which restores what is documented: off.
    pub on: bool,
}

impl OptionCx<'_, '_, '_> {
    /// The option as messages spell it.
    fn spelled(&self) -> String {
        format!("option {}", self.line.word(1))
    }

    fn no_more(&self) -> Done {
        self.line.ends_after(1, &self.spelled())
    }

    /// Refuses `no` and `default`.
    pub fn no_negation(&self) -> Done {
        if self.line.prefix == Prefix::None {
            return Ok(());
        }
        let message = format!("negation/default is not supported for option '{}'.", self.line.word(1));
        Err(fault(1, message))
    }

    /// A plain switch.
    pub fn switch(&mut self, slot: fn(&mut Options) -> &mut bool) -> Done {
        self.no_more()?;
        *slot(&mut self.p.proxy.options) = self.on;
        Ok(())
    }
}

/// `[no|default] option <name> …`.
pub(crate) fn option(p: &mut ProxyDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    let name = line.need(1, "'option' expects an option name.")?;
    let Some(row) = OPTIONS.iter().find(|row| row.name == name) else {
        let near = did_you_mean(name, keywords::offered(OPTIONS));
        let end = if near.is_empty() { "." } else { "" };
        return Err(fault(1, format!("unknown option '{name}'{near}{end}")));
    };
    if !matches!(row.status, Status::Gone(_)) && p.kind.is_some() && !p.allows(row.scope, name, line, cx)? {
        return Ok(());
    }
    match &row.status {
        Status::Supported(handler) => {
            let on = line.prefix == Prefix::None;
            handler(&mut OptionCx { p, cx, line, on })
        }
        Status::Tuning => {
            cx.ignore(&format!("option {name}"));
            Ok(())
        }
        // Switching off what is never on is what is asked.
        Status::NotYet if line.prefix != Prefix::None => Ok(()),
        Status::NotYet => Err(fault(1, keywords::not_yet(&format!("option {name}")))),
        Status::Gone(why) => Err(fault(1, *why)),
    }
}

pub(crate) fn abortonclose(x: &mut OptionCx<'_, '_, '_>) -> Done {
    x.no_more()?;
    x.p.abortonclose = match x.line.prefix {
        Prefix::Default => None,
        _ => Some(x.on),
    };
    Ok(())
}

/// The three ways to keep or close connections exclude each other: the last one said wins.
fn connection_mode(x: &mut OptionCx<'_, '_, '_>, slot: fn(&mut Options) -> &mut bool) -> Done {
    x.no_more()?;
    let options = &mut x.p.proxy.options;
    if x.on {
        (options.httpclose, options.http_server_close) = (false, false);
    }
    *slot(options) = x.on;
    Ok(())
}

pub(crate) fn httpclose(x: &mut OptionCx<'_, '_, '_>) -> Done {
    connection_mode(x, |o| &mut o.httpclose)
}

pub(crate) fn http_server_close(x: &mut OptionCx<'_, '_, '_>) -> Done {
    connection_mode(x, |o| &mut o.http_server_close)
}

/// What is done when no other way was said.
pub(crate) fn http_keep_alive(x: &mut OptionCx<'_, '_, '_>) -> Done {
    x.no_more()?;
    if x.on {
        let options = &mut x.p.proxy.options;
        (options.httpclose, options.http_server_close) = (false, false);
    }
    Ok(())
}

pub(crate) fn tcpka(x: &mut OptionCx<'_, '_, '_>) -> Done {
    x.no_more()?;
    x.p.proxy.options.clitcpka = x.on;
    x.p.proxy.options.srvtcpka = x.on;
    Ok(())
}

/// `option redispatch [<interval>]`; without a number the last retry goes elsewhere.
pub(crate) fn redispatch(x: &mut OptionCx<'_, '_, '_>) -> Done {
    let mut interval = -1;
    if x.line.has(2) {
        interval = x.line.integer(2, "'option redispatch' expects an integer as interval.")?;
    }
    x.line.ends_after(2, "option redispatch")?;
    // An interval of zero never redispatches.
    x.p.proxy.redispatch = (x.on && interval != 0).then_some(interval);
    Ok(())
}

/// `option forwardfor [except <network>] [header <name>] [if-none]`.
pub(crate) fn forwardfor(x: &mut OptionCx<'_, '_, '_>) -> Done {
    x.no_negation()?;
    let line = x.line;
    let mut option = ForwardFor { except: None, header: "X-Forwarded-For".to_owned(), if_none: false };
    let mut at = 2;
    while line.has(at) {
        match line.word(at) {
            "except" => {
                let complaint = "'option forwardfor except' expects <address>[/mask] as argument.";
                option.except = Some(network(line.word(at + 1)).ok_or_else(|| fault(at + 1, complaint))?);
                at += 2;
            }
            "header" => {
                let complaint = "'option forwardfor header' expects <header_name> as argument.";
                option.header = line.need(at + 1, complaint)?.to_owned();
                at += 2;
            }
            "if-none" => {
                option.if_none = true;
                at += 1;
            }
            _ => {
                let message = "'option forwardfor' only supports optional values: 'except', 'header' and 'if-none'.";
                return Err(fault(at, message));
            }
        }
    }
    x.p.proxy.options.forwardfor = Some(option);
    x.p.forwardfor_site = Some(line.site(1));
    Ok(())
}

/// An address with a prefix length or an IPv4 mask.
pub(crate) fn network(text: &str) -> Option<(IpAddr, u8)> {
    let (address, mask) = text.split_once('/').map_or((text, None), |(a, m)| (a, Some(m)));
    let ip: IpAddr = address.parse().ok()?;
    let most = if ip.is_ipv4() { 32 } else { 128 };
    let length = match mask {
        None => most,
        Some(mask) if mask.contains('.') => {
            let bits = u32::from(mask.parse::<std::net::Ipv4Addr>().ok()?);
            let ones = bits.leading_ones();
            (bits.count_ones() == ones && ip.is_ipv4()).then_some(ones as u8)?
        }
        Some(mask) => mask.parse().ok().filter(|length| *length <= most)?,
    };
    Some((ip, length))
}

fn choose(x: &mut OptionCx<'_, '_, '_>, choice: impl FnOnce(Site) -> LogChoice) -> Done {
    x.no_negation()?;
    let site = x.line.site(1);
    if x.p.kind.is_some() && !x.p.has_frontend() {
        let message = format!("{} : '{}' directive is ignored in backends.", x.p.title(), x.spelled());
        x.cx.warn(&site, message);
        return Ok(());
    }
    x.p.log_choice = choice(site);
    Ok(())
}

pub(crate) fn httplog(x: &mut OptionCx<'_, '_, '_>) -> Done {
    let clf = x.line.word(2) == "clf";
    if x.line.has(2) && !clf {
        return Err(fault(2, "keyword 'httplog' only supports option 'clf'."));
    }
    x.line.ends_after(2, "option httplog")?;
    choose(x, |site| LogChoice::Http(site, clf))
}

pub(crate) fn tcplog(x: &mut OptionCx<'_, '_, '_>) -> Done {
    let clf = x.line.word(2) == "clf";
    x.line.ends_after(if clf { 2 } else { 1 }, "option tcplog")?;
    choose(x, |site| LogChoice::Tcp(site, clf))
}

#[cfg(test)]
mod tests {
    use super::network;

    #[test]
    fn networks() {
        for (text, expected) in [
            ("127.0.0.0/8", Some(8)),
            ("10.0.0.1", Some(32)),
            ("10.0.0.0/255.255.0.0", Some(16)),
            ("10.0.0.0/255.0.255.0", None),
            ("::1/64", Some(64)),
            ("10.0.0.0/33", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(network(text).map(|(_, length)| length), expected, "{text}");
        }
    }
}
