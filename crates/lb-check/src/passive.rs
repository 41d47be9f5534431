//! Health seen on traffic (`observe`).

use std::time::Duration;

use lb_model::CheckStatus;

use crate::action::Action;
use crate::counter::Counter;
use crate::monitor::CheckReport;
use crate::params::{Observe, OnError};
use crate::server::ServerHealth;

macro_rules! traffic_events {
    ($( $(#[$doc:meta])* $variant:ident, $layer:literal, $ok:literal, $text:literal; )*) => {
        /// What a session saw of a server.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum TrafficEvent {
            $( $(#[$doc])* $variant, )*
        }

        impl TrafficEvent {
            /// Every event.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )* ];

            /// The layer it is about: 4 or 7.
            pub const fn layer(self) -> u8 {
                match self { $( Self::$variant => $layer, )* }
            }

            /// Whether it speaks for the server.
            pub const fn is_success(self) -> bool {
                match self { $( Self::$variant => $ok, )* }
            }

            /// The words of `last one was: …`.
            pub const fn text(self) -> &'static str {
                match self { $( Self::$variant => $text, )* }
            }
        }
    };
}

traffic_events! {
    /// A connection was established.
    Connected, 4, true, "L4 successful connection";
    /// A connection failed.
    ConnectFailed, 4, false, "L4 unsuccessful connection";
    /// A response with a good status: 100 to 499, 501, 505.
    ResponseOk, 7, true, "Correct http response";
    /// A response with another status.
    ResponseStatus, 7, false, "Wrong http response";
    /// A response that cannot be parsed.
    ResponseInvalid, 7, false, "Invalid http response (headers)";
    /// The server closed before a response.
    ResponseClosed, 7, false, "Close from server (http)";
    /// Reading the response failed.
    ResponseReadError, 7, false, "Read error (http)";
    /// The response did not come in time.
    ResponseTimeout, 7, false, "Read timeout (http)";
}

impl TrafficEvent {
    /// The event of a response with this status.
    pub const fn of_status(status: u16) -> Self {
        match status {
            100..=499 | 501 | 505 => Self::ResponseOk,
            _ => Self::ResponseStatus,
        }
    }
}

impl ServerHealth {
    /// A session saw `event`. Does nothing unless the server is observed at that layer,
    /// or counts failures.
    pub fn traffic(&mut self, event: TrafficEvent, now: Duration, out: &mut Vec<Action>) {
        self.count_failure(event, now, out);
        let p = &self.params;
        let watched = match p.observe {
            Observe::None => false,
            Observe::Layer4 => event.layer() == 4,
            // Errors of both layers count; only a good response clears them, as each wrong
            // response comes on a connection that was established.
            Observe::Layer7 => event.layer() == 7 || !event.is_success(),
        };
        if !watched || !self.check.is_configured() || self.admin.in_maint() {
            return;
        }
        if event.is_success() {
            self.consecutive_errors = 0;
            return;
        }
        self.consecutive_errors += 1;
        if self.consecutive_errors < p.error_limit {
            return;
        }
        let errors = std::mem::take(&mut self.consecutive_errors);
        self.health_analyses += 1;
        let hurry = p.fastinter.unwrap_or(p.inter);
        let health = self.check.health;
        if let Some(start) = before_forced_failure(p.on_error, health) {
            let report = CheckReport {
                status: CheckStatus::HealthAnalysis,
                code: 0,
                info: format!("Detected {errors} consecutive errors, last one was: {}", event.text()),
                duration: None,
            };
            self.check.health.set(start);
            self.health_check_result(report, health, now, out);
        }
        out.push(Action::HurryCheck(hurry));
    }
}

/// The counter's value from which one failure gives what the mode promises; `None`: no failure.
fn before_forced_failure(mode: OnError, health: Counter) -> Option<u32> {
    match mode {
        OnError::Fastinter => None,
        OnError::FailCheck => Some(health.value()),
        OnError::SuddenDeath => Some(health.value().min(health.rise() + 1)),
        OnError::MarkDown => Some(health.value().min(health.rise())),
    }
}
