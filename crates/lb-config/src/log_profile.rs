//! `log-profile` sections, and what names them: `log … profile`, `do-log`.

use crate::cx::Cx;
use crate::diagnostic::Severity;
use crate::line::{Done, Fault, Line, fault};
use crate::log_format;
use crate::model::{DoLog, HttpAction, LogProfile, LogStep, OnStep, ProfileRef, TcpAction};
use crate::rules::{Action, ActionCx};
use crate::suggest::did_you_mean;
use lb_model::is_valid_name;

/// Begins a section: `log-profile <name>`.
pub(crate) fn open(line: &Line, others: &[LogProfile]) -> Result<LogProfile, Fault> {
    let name = line.need(1, "missing log-profile name.")?;
    if let Some(bad) = name.chars().find(|c| !is_valid_name(c.encode_utf8(&mut [0; 4]))) {
        return Err(fault(1, format!("invalid log-profile name '{name}' (character '{bad}' is not permitted).")));
    }
    if others.iter().any(|other| other.name == name) {
        return Err(fault(1, format!("log-profile section '{name}' already exists.")));
    }
    line.ends_after(1, "log-profile")?;
    Ok(LogProfile { name: name.to_owned(), ..LogProfile::default() })
}

/// Reads a line of the section.
pub(crate) fn line(profile: &mut LogProfile, line: &Line, cx: &mut Cx<'_>) -> Done {
    match line.word(0) {
        "log-tag" => {
            profile.tag = Some(line.need(1, "'log-tag' expects a tag for use in syslog.")?.to_owned());
            line.ends_after(1, "log-tag")
        }
        "on" => on(profile, line, cx),
        other => {
            let near = did_you_mean(other, ["log-tag", "on"]);
            Err(fault(0, format!("unknown keyword '{other}' in 'log-profile' section{near}")))
        }
    }
}

/// `on <step> [drop] [format <format>] [sd <format>]`.
fn on(profile: &mut LogProfile, line: &Line, cx: &mut Cx<'_>) -> Done {
    let word = line.need(1, "'on' expects a log step.")?;
    let step = LogStep::ALL.iter().copied().find(|step| step.name() == word);
    if step.is_none() && word != "any" {
        let names = LogStep::ALL.iter().map(|step| step.name()).chain(["any"]);
        let near = did_you_mean(word, names.clone());
        let all = names.collect::<Vec<_>>().join(", ");
        return Err(fault(1, format!("'on' : unknown log step '{word}'{near}. Expected values are: {all}")));
    }
    let mut said = OnStep::default();
    let mut at = 2;
    while line.has(at) {
        let keyword = line.word(at);
        match keyword {
            "drop" => {
                said.drop = true;
                at += 1;
            }
            "format" | "sd" => {
                let text = line.need(at + 1, format!("'on {word}' : '{keyword}' expects a format."))?;
                let format = log_format::parse(text, &line.site(at + 1), &format!("'on {word}' {keyword}"), cx);
                *(if keyword == "sd" { &mut said.sd } else { &mut said.format }) = format;
                at += 2;
            }
            other => {
                let near = did_you_mean(other, ["drop", "format", "sd"]);
                return Err(fault(at, format!("'on {word}' expects 'drop', 'format' or 'sd', got '{other}'{near}")));
            }
        }
    }
    match step {
        None => profile.any = Some(said),
        Some(step) => {
            profile.on.retain(|(known, _)| *known != step);
            profile.on.push((step, said));
        }
    }
    Ok(())
}

/// `do-log [profile <name>]` of `http-request` rules; of the other sets likewise.
pub(crate) fn do_log_request(x: &mut ActionCx<'_, '_, '_>) -> Result<Action, Fault> {
    http(x, LogStep::HttpRequest)
}

pub(crate) fn do_log_response(x: &mut ActionCx<'_, '_, '_>) -> Result<Action, Fault> {
    http(x, LogStep::HttpResponse)
}

pub(crate) fn do_log_after_response(x: &mut ActionCx<'_, '_, '_>) -> Result<Action, Fault> {
    http(x, LogStep::HttpAfterResponse)
}

pub(crate) fn do_log_connection(x: &mut ActionCx<'_, '_, '_>) -> Result<Action, Fault> {
    tcp(x, LogStep::TcpConnection)
}

pub(crate) fn do_log_session(x: &mut ActionCx<'_, '_, '_>) -> Result<Action, Fault> {
    tcp(x, LogStep::TcpSession)
}

pub(crate) fn do_log_content(x: &mut ActionCx<'_, '_, '_>) -> Result<Action, Fault> {
    tcp(x, LogStep::TcpContent)
}

fn http(x: &mut ActionCx<'_, '_, '_>, step: LogStep) -> Result<Action, Fault> {
    do_log(x, step).map(|log| Action::Http(HttpAction::Log(log)))
}

fn tcp(x: &mut ActionCx<'_, '_, '_>, step: LogStep) -> Result<Action, Fault> {
    do_log(x, step).map(|log| Action::Tcp(TcpAction::Log(log)))
}

fn do_log(x: &mut ActionCx<'_, '_, '_>, step: LogStep) -> Result<Box<DoLog>, Fault> {
    let mut profile = None;
    if x.line.word(x.next) == "profile" {
        x.next += 1;
        let at = x.next;
        let name = x.take("'profile' expects the name of a log-profile section.")?.to_owned();
        profile = Some(named(x.cx, &name, x.line, at));
    }
    Ok(Box::new(DoLog { step, profile }))
}

/// The profile of that name, which may stand further down.
pub(crate) fn named(cx: &mut Cx<'_>, name: &str, line: &Line, at: usize) -> ProfileRef {
    if let Some((_, known, _)) = cx.profile_uses.iter().find(|(known, ..)| known == name) {
        return known.clone();
    }
    let profile = ProfileRef::default();
    cx.profile_uses.push((name.to_owned(), profile.clone(), line.site(at)));
    profile
}

/// Joins names and sections. 3.5 lets a name without a section pass, and logs as if it were not there.
pub(crate) fn settle(sections: Vec<LogProfile>, cx: &mut Cx<'_>) {
    for (name, profile, site) in std::mem::take(&mut cx.profile_uses) {
        match sections.iter().find(|section| section.name == name) {
            Some(section) => profile.set(section.clone()),
            None => {
                let near = did_you_mean(&name, sections.iter().map(|section| section.name.as_str()));
                let message = format!("there is no log-profile '{name}'{near}: the proxy's own formats are used.");
                cx.sink.push(Severity::Warning, &site, message, None);
            }
        }
    }
}
