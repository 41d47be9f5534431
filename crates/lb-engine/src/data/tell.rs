//! Lines about sessions: who is told what at which moment.

use super::view::View;
use lb_config::model::{DoLog, LogStep, LogTarget, LogWire, OnStep, Proxy};
use lb_model::Severity;
use lb_sample::{Context, LogFormat, LogRecord};
use std::cell::OnceCell;

/// A line to be told.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// When it is.
    pub step: LogStep,
    /// How severe it is.
    pub severity: Severity,
    /// The rule that asks for it.
    pub rule: Option<&'a DoLog>,
    /// What is told where no format says anything else.
    pub plain: Option<&'a [u8]>,
}

impl Moment<'_> {
    /// A step of a session that goes as it should.
    pub fn usual(step: LogStep) -> Self {
        Self { step, severity: Severity::Info, rule: None, plain: None }
    }
}

/// Tells every target of the frontend. `view` shows the session as of this moment.
pub fn tell(mut view: View<'_>, moment: Moment<'_>) {
    let config = view.frontend.config.get();
    view.record.origin = moment.step.origin();
    let view = &view;
    let usual = Usual { config, moment, view, line: OnceCell::new(), data: OnceCell::new() };
    let logger = &view.ctx.shared.logger;
    let mut told = false;
    for target in &config.logs {
        let named = moment.rule.and_then(|rule| rule.profile.as_ref()).or(target.profile.as_ref());
        let profile = named.and_then(|profile| profile.get());
        let on = profile.and_then(|profile| profile.at(moment.step));
        if on.is_some_and(|on| on.drop) {
            continue;
        }
        let own;
        let line = match on.and_then(|on| on.format.as_deref()) {
            Some(format) => {
                own = Some(rendered(format, view));
                own.as_deref()
            }
            None => usual.line(),
        };
        let Some(line) = line else { continue };
        told = true;
        if !logger.wants(target, moment.severity) {
            continue;
        }
        let tag = profile.and_then(|profile| profile.tag.as_deref()).or(config.log_tag.as_deref());
        match structured(target, on, &usual) {
            Structured::None => logger.put(target, moment.severity, tag, b"", line),
            Structured::Usual => logger.put(target, moment.severity, tag, usual.data(), line),
            Structured::Own(format) => logger.put(target, moment.severity, tag, &rendered(format, view), line),
        }
    }
    if told {
        view.frontend.log_count.inc();
    }
}

/// Tells what a `do-log` rule asks for.
pub fn by_rule(view: &View<'_>, rule: &DoLog) {
    if view.frontend.config.logs.is_empty() {
        return;
    }
    let record = if view.txn.is_some() { view.log() } else { record_of(view) };
    let view = View { record, ended: true, ..*view };
    tell(view, Moment { rule: Some(rule), ..Moment::usual(rule.step) });
}

/// The numbers of a connection on which nothing was served.
pub fn record_of(view: &View<'_>) -> LogRecord {
    let (ctx, frontend) = (view.ctx, view.frontend);
    let accepted_us = view.session.accepted_us.max(1);
    let accepted = ctx.shared.clock.wall_at(accepted_us);
    let so_far = (ctx.now_us().saturating_sub(accepted_us) / 1_000) as i64;
    LogRecord {
        accepted,
        requested: accepted,
        total_ms: so_far,
        active_ms: so_far,
        user_ms: so_far,
        handshake_ms: so_far,
        active_connections: ctx.shared.process.connections.get(),
        frontend_connections: frontend.front_sessions.get(),
        request_counter: ctx.totals().requests.get(),
        log_counter: frontend.log_count.get(),
        status: 0,
        ..LogRecord::default()
    }
}

/// Whether lines of this step are told: without `log-steps` there is one, at the end.
pub fn is_step(config: &Proxy, step: LogStep) -> bool {
    config.log_steps.has(step)
}

/// What the proxy's own formats make of the moment, once.
struct Usual<'a> {
    config: &'a Proxy,
    moment: Moment<'a>,
    view: &'a View<'a>,
    line: OnceCell<Option<Vec<u8>>>,
    data: OnceCell<Vec<u8>>,
}

impl Usual<'_> {
    fn line(&self) -> Option<&[u8]> {
        let line = self.line.get_or_init(|| {
            let error = self.config.error_log_format.as_deref().filter(|_| self.moment.step == LogStep::Error);
            match (error, self.moment.plain) {
                (Some(format), _) => Some(rendered(format, self.view)),
                (None, Some(plain)) => Some(plain.to_vec()),
                (None, None) => self.config.log_format.as_deref().map(|format| rendered(format, self.view)),
            }
        });
        line.as_deref()
    }

    fn data(&self) -> &[u8] {
        self.data.get_or_init(|| {
            self.config.log_format_sd.as_deref().map_or_else(Vec::new, |format| rendered(format, self.view))
        })
    }
}

enum Structured<'a> {
    None,
    Usual,
    Own(&'a LogFormat),
}

/// The structured data for a target: only RFC 5424 has a place for it.
fn structured<'a>(target: &LogTarget, on: Option<&'a OnStep>, usual: &Usual<'_>) -> Structured<'a> {
    // A ring has a form of its own.
    let may_show = matches!(target.format, LogWire::Rfc5424) || target.is_ring();
    match on.and_then(|on| on.sd.as_deref()) {
        Some(format) if may_show => Structured::Own(format),
        None if may_show && usual.config.log_format_sd.is_some() => Structured::Usual,
        _ => Structured::None,
    }
}

fn rendered(format: &LogFormat, view: &View<'_>) -> Vec<u8> {
    let mut line = Vec::with_capacity(256);
    format.render(view, &mut line);
    line
}
