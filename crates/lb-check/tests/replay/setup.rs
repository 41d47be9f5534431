//! The few configuration words that scenarios use.

use std::time::Duration;

use lb_check::rules::{Expect, Looks, Request, Rule, RuleSet, What};
use lb_check::{InitState, Observe, OnError, ServerHealth, ServerParams};
use lb_model::{TimeUnit, parse_time};
use regex::bytes::Regex;

use super::backend::{Backend, Server};

/// A backend made of a scenario's first lines.
pub fn backend(preamble: &[&str]) -> Backend {
    let option = |word: &str| preamble.iter().any(|l| l.strip_prefix("be ") == Some(word));
    let expects = preamble.iter().filter_map(|l| l.strip_prefix("be http-check expect ")).map(expect_rule);
    let rules = RuleSet::http(expects.collect(), Request::default(), option("http-check disable-on-404"), false);
    let base = ServerParams {
        log_health_checks: option("option log-health-checks"),
        dynamic_weights: !option("balance static-rr"),
        ..ServerParams::default()
    };
    let mut servers: Vec<Server> = Vec::new();
    for line in preamble.iter().filter_map(|l| l.strip_prefix("server ")) {
        let (name, words) = line.split_once(' ').unwrap_or((line, ""));
        let (params, tracked) = server_params(&base, words);
        // The recorder leaves a check of a long interval between two steps, and has one of a short
        // interval in progress at each.
        let slow = params.inter >= Duration::from_millis(300) && params.inter < Duration::from_secs(2);
        let slow = slow || params.agent.is_some_and(|inter| inter >= Duration::from_millis(300));
        let track = tracked.map(|t| servers.iter().position(|s| s.name == t).unwrap());
        let mut health = ServerHealth::new(params, Duration::ZERO);
        if let Some(track) = track {
            health.inherit_at_start(servers[track].health.tracked_view());
        }
        servers.push(Server { name: name.into(), view: health.lb_view(), health, slow, track });
    }
    Backend { servers, rules, now: Duration::ZERO, tick_at: Vec::new(), log: Vec::new(), before: 0 }
}

fn server_params(base: &ServerParams, words: &str) -> (ServerParams, Option<String>) {
    let mut p = base.clone();
    let mut tracked = None;
    let mut words = words.split_whitespace();
    while let Some(word) = words.next() {
        let mut next = || words.next().unwrap_or_default();
        let time = |text: &str| parse_time(text, TimeUnit::Millis).unwrap();
        match word {
            "check" => p.check = true,
            "backup" => p.backup = true,
            "disabled" => p.disabled = true,
            "agent-check" => p.agent = Some(Duration::from_secs(2)),
            "inter" => p.inter = time(next()),
            "agent-inter" => p.agent = Some(time(next())),
            "slowstart" => p.slowstart = Some(time(next())),
            "rise" => p.rise = next().parse().unwrap(),
            "fall" => p.fall = next().parse().unwrap(),
            "weight" => p.weight = next().parse().unwrap(),
            "error-limit" => p.error_limit = next().parse().unwrap(),
            "observe" => p.observe = if next() == "layer4" { Observe::Layer4 } else { Observe::Layer7 },
            "on-error" => {
                p.on_error = match next() {
                    "fastinter" => OnError::Fastinter,
                    "sudden-death" => OnError::SuddenDeath,
                    "mark-down" => OnError::MarkDown,
                    _ => OnError::FailCheck,
                };
            }
            "init-state" => {
                p.init_state = match next() {
                    "up" => InitState::Up,
                    "fully-up" => InitState::FullyUp,
                    "down" => InitState::Down,
                    "fully-down" => InitState::FullyDown,
                    _ => InitState::None,
                };
            }
            "track" => {
                p.tracks = true;
                tracked = next().split_once('/').map(|(_, server)| server.to_owned());
            }
            _ => panic!("unknown server word {word}"),
        }
    }
    (p, tracked)
}

fn expect_rule(words: &str) -> Rule {
    let (words, comment) = match words.split_once(" comment ") {
        Some((words, comment)) => (words, Some(comment.replace('\\', ""))),
        None => (words, None),
    };
    let (words, negate) = words.strip_prefix("! ").map_or((words, false), |w| (w, true));
    let (kind, pattern) = words.split_once(' ').unwrap();
    let what = match kind {
        "status" => Looks::Status(pattern.split(',').map(status_range).collect()),
        "rstatus" => Looks::StatusRegex(Regex::new(pattern).unwrap()),
        "string" => Looks::Text(pattern.into()),
        "rstring" => Looks::TextRegex(Regex::new(pattern).unwrap()),
        _ => panic!("unknown expect {kind}"),
    };
    Rule::new(What::Expect(Box::new(Expect::new(negate, what))), comment)
}

fn status_range(text: &str) -> (u16, u16) {
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    (low.parse().unwrap(), high.parse().unwrap())
}
