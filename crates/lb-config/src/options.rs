//! `option …`.

use crate::cx::Cx;
use crate::diagnostic::Site;
use crate::keywords::{self, OPTIONS, Status};
use crate::line::{Done, Line, Prefix, fault};
use crate::log_format::LogChoice;
use crate::model::Options;
use crate::proxy::ProxyDraft;
use crate::suggest::did_you_mean;

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

/// What is so in any case.
pub(crate) fn always(x: &mut OptionCx<'_, '_, '_>) -> Done {
    x.no_more()
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

fn choose(x: &mut OptionCx<'_, '_, '_>, choice: impl FnOnce(Site) -> LogChoice) -> Done {
    x.no_negation()?;
    let site = x.line.site(1);
    if x.p.kind.is_some() && !x.p.has_frontend() {
        let message = format!("{} : '{}' directive is ignored in backends.", x.p.title(), x.spelled());
        x.cx.warn(&site, message);
        return Ok(());
    }
    x.p.log.choice = choice(site);
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

pub(crate) fn httpslog(x: &mut OptionCx<'_, '_, '_>) -> Done {
    x.no_more()?;
    choose(x, LogChoice::Https)
}

pub(crate) fn tcplog(x: &mut OptionCx<'_, '_, '_>) -> Done {
    let clf = x.line.word(2) == "clf";
    x.line.ends_after(if clf { 2 } else { 1 }, "option tcplog")?;
    choose(x, |site| LogChoice::Tcp(site, clf))
}
