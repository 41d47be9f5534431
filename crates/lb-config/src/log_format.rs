//! What a proxy's lines hold and when they are logged: `log-format` and its kin, `log-steps`.

use crate::cx::Cx;
use crate::diagnostic::{Severity, Site};
use crate::line::{Done, Fault, Line, fault};
use crate::log::LogLine;
use crate::model::{LogStep, LogSteps, LogTarget, Proxy};
use crate::proxy::ProxyDraft;
use crate::suggest::did_you_mean;
use lb_model::Mode;
use lb_sample::{LogFormat, Place};
use std::sync::Arc;

/// Which line a session logs.
#[derive(Debug, Clone, Default)]
pub(crate) enum LogChoice {
    /// The plain connection line.
    #[default]
    None,
    /// `option tcplog`, with `clf`.
    Tcp(Site, bool),
    /// `option httplog`, with `clf`.
    Http(Site, bool),
    /// `option httpslog`.
    Https(Site),
    /// `log-format`.
    Text(String, Site),
}

/// What the lines of a section say of formats.
#[derive(Debug, Clone, Default)]
pub(crate) struct LogDraft {
    /// The line of a session.
    pub choice: LogChoice,
    sd: Option<(String, Site)>,
    error: Option<(String, Site)>,
}

fn format_of(line: &Line) -> Result<(String, Site), Fault> {
    let keyword = line.word(0);
    let text = line.need(1, format!("{keyword} expects an argument."))?;
    if line.has(2) {
        return Err(fault(2, format!("{keyword} expects only one argument, don't forget to escape spaces!"))
            .help("put the whole format between quotes"));
    }
    Ok((text.to_owned(), line.site(1)))
}

/// `log-format <format>`.
pub(crate) fn log_format(p: &mut ProxyDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    let (text, site) = format_of(line)?;
    p.log.choice = LogChoice::Text(text, site);
    Ok(())
}

/// `log-format-sd <format>`.
pub(crate) fn log_format_sd(p: &mut ProxyDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    p.log.sd = Some(format_of(line)?);
    Ok(())
}

/// `error-log-format <format>`.
pub(crate) fn error_log_format(p: &mut ProxyDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    p.log.error = Some(format_of(line)?);
    Ok(())
}

/// `log-steps <step>[,…]|all`.
pub(crate) fn log_steps(p: &mut ProxyDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    let words = line.need(1, "'log-steps' expects a list of log steps, or 'all'.")?;
    line.ends_after(1, "log-steps")?;
    let known = || LogStep::ALL.iter().copied().filter(|step| step.is_in_log_steps());
    if words == "all" {
        p.proxy.log_steps = known().fold(LogSteps::default(), LogSteps::with);
        return Ok(());
    }
    let mut steps = LogSteps::default();
    for word in words.split(',') {
        let Some(step) = known().find(|step| step.name() == word) else {
            let names: Vec<&str> = known().map(LogStep::name).collect();
            let near = did_you_mean(word, names.iter().copied());
            let all = names.join(", ");
            return Err(fault(1, format!("invalid log step name ({word}). Expected values are: {all}{near}")));
        };
        steps = steps.with(step);
    }
    p.proxy.log_steps = steps;
    Ok(())
}

/// The targets of a section's `log` lines.
pub(crate) fn targets(draft: &ProxyDraft, global: &[LogTarget]) -> Vec<LogTarget> {
    let mut targets = Vec::new();
    for line in &draft.logs {
        match line {
            LogLine::Global => targets.extend(global.iter().cloned()),
            LogLine::Target(target) => targets.push(target.clone()),
            LogLine::Clear => targets.clear(),
        }
    }
    targets
}

/// Reads the formats of a proxy, whose targets are known.
pub(crate) fn settle(draft: &ProxyDraft, proxy: &mut Proxy, cx: &mut Cx<'_>) {
    if !draft.has_frontend() {
        return;
    }
    proxy.log_format = main(draft, proxy, cx);
    let other = |said: &Option<(String, Site)>, keyword: &str, cx: &mut Cx<'_>| {
        let (text, site) = said.as_ref()?;
        parse(text, site, keyword, cx)
    };
    proxy.log_format_sd = other(&draft.log.sd, "log-format-sd", cx);
    proxy.error_log_format = other(&draft.log.error, "error-log-format", cx);
    let all = [&proxy.log_format, &proxy.log_format_sd];
    let by_profile = proxy.logs.iter().any(|target| target.profile.is_some());
    proxy.logs_sessions = proxy.log_format.is_some() || by_profile;
    proxy.logs_back_address = all.into_iter().flatten().any(|format| format.shows_back_address()) || by_profile;
}

fn main(draft: &ProxyDraft, proxy: &Proxy, cx: &mut Cx<'_>) -> Option<Arc<LogFormat>> {
    let fallback = |option: &str, site: &Site, cx: &mut Cx<'_>| {
        let title = draft.title();
        let message =
            format!("'option {option}' not usable with {title} (needs 'mode http'). Falling back to 'option tcplog'.");
        cx.warn(site, message);
    };
    let is_tcp = proxy.mode == Mode::Tcp;
    let (text, site, own) = match &draft.log.choice {
        LogChoice::None => return None,
        LogChoice::Tcp(site, true) => (LogFormat::TCP_CLF, site, false),
        LogChoice::Tcp(site, false) => (LogFormat::TCP, site, false),
        LogChoice::Http(site, _) if is_tcp => {
            fallback("httplog", site, cx);
            (LogFormat::TCP, site, false)
        }
        LogChoice::Https(site) if is_tcp => {
            fallback("httpslog", site, cx);
            (LogFormat::TCP, site, false)
        }
        LogChoice::Http(site, true) => (LogFormat::HTTP_CLF, site, false),
        LogChoice::Http(site, false) => (LogFormat::HTTP, site, false),
        LogChoice::Https(site) => (LogFormat::HTTPS, site, false),
        LogChoice::Text(text, site) => (text.as_str(), site, true),
    };
    if proxy.logs.is_empty() {
        cx.warn(site, format!("log format ignored for {} since it has no log address.", draft.title()));
    }
    let format = parse(text, site, "log-format", cx)?;
    if let Some(part) = format.requires_http().filter(|_| own && is_tcp) {
        cx.warn(site, format!("'{part}' in the log-format has no value in {}: it needs 'mode http'.", draft.title()));
    }
    Some(format)
}

/// Reads a format that stands at `site`.
pub(crate) fn parse(text: &str, site: &Site, keyword: &str, cx: &mut Cx<'_>) -> Option<Arc<LogFormat>> {
    let parsed = cx.with_sources(|sources| LogFormat::parse(text, sources));
    match parsed.and_then(|format| format.check(Place::Log).map(|()| format)) {
        Ok(format) => Some(Arc::new(format)),
        Err(error) => {
            let fault = Fault::of_sample(error, 0).within(&format!("failed to parse {keyword} : "));
            let mut site = site.clone();
            if let Some(part) = fault.part {
                let lead = usize::from(site.raw.get(site.span.start) == Some(&b'"'));
                if site.span.len() == text.len() + 2 * lead {
                    site.span = site.span.start + lead + part.start..site.span.start + lead + part.end;
                }
            }
            cx.sink.push(Severity::Alert, &site, fault.message, fault.help);
            None
        }
    }
}
