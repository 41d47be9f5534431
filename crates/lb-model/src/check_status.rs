//! Health-check statuses: one table of codes and descriptions.

/// How a status counts for a server's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CheckOutcome {
    /// No result: not checked, or a check error that says nothing of the server.
    Neutral,
    /// The server failed the check.
    Failed,
    /// The server passed.
    Passed,
    /// The server passed but asks for no new sessions (`disable-on-404`).
    ConditionallyPassed,
}

macro_rules! check_statuses {
    ($( $(#[$doc:meta])* $variant:ident, $number:literal, $code:literal, $text:literal, $outcome:ident; )*) => {
        /// The result of the last check as `show stat` names it in `check_status`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum CheckStatus {
            $( $(#[$doc])* $variant = $number, )*
        }

        impl CheckStatus {
            /// Every status, in wire order.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )* ];

            /// The code printed in `check_status` (`L4OK`, `L7STS`…).
            pub const fn code(self) -> &'static str {
                match self { $( Self::$variant => $code, )* }
            }

            /// The sentence printed in `check_desc` and in log lines.
            pub const fn description(self) -> &'static str {
                match self { $( Self::$variant => $text, )* }
            }

            /// How the status counts.
            pub const fn outcome(self) -> CheckOutcome {
                match self { $( Self::$variant => CheckOutcome::$outcome, )* }
            }
        }
    };
}

impl CheckStatus {
    /// The wire's number, `srv_check_status`.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// From the wire's number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|status| status.number() == number)
    }

    /// Whether the status comes with an application's code (`check_code`, `code: 200` in log lines).
    pub const fn has_code(self) -> bool {
        matches!(
            self,
            Self::L7Ok | Self::L7OkConditionally | Self::L7Status | Self::ProcOk | Self::ProcError | Self::ProcTimeout
        )
    }
}

// Numbers are those of `srv_check_status` in `show servers state`; codes and texts are those
// printed by a running HAProxy in `show stat` and in its log lines.
check_statuses! {
    /// Never checked, or checks not configured.
    Unknown, 0, "UNK", "Unknown", Neutral;
    /// Initializing: no result so far.
    Init, 1, "INI", "Initializing", Neutral;
    /// A check is starting.
    Start, 2, "START", "Check started", Neutral;
    /// The check ended without saying anything of the server (an agent that only sets a weight).
    Checked, 3, "CHECKED", "No status change", Neutral;
    /// A health analysis (observe) forced a result.
    HealthAnalysis, 4, "HANA", "Health analyze", Failed;
    /// A socket could not be created or used.
    SocketError, 5, "SOCKERR", "Socket error", Failed;
    /// Layer 4 connect passed.
    L4Ok, 6, "L4OK", "Layer4 check passed", Passed;
    /// Layer 4 connect timed out.
    L4Timeout, 7, "L4TOUT", "Layer4 timeout", Failed;
    /// Layer 4 connection problem (refused, unreachable).
    L4Connection, 8, "L4CON", "Layer4 connection problem", Failed;
    /// Layer 6 handshake passed.
    L6Ok, 9, "L6OK", "Layer6 check passed", Passed;
    /// Layer 6 handshake timed out.
    L6Timeout, 10, "L6TOUT", "Layer6 timeout", Failed;
    /// Layer 6 invalid response.
    L6Response, 11, "L6RSP", "Layer6 invalid response", Failed;
    /// Layer 7 answer did not come in time.
    L7Timeout, 12, "L7TOUT", "Layer7 timeout", Failed;
    /// Layer 7 invalid response.
    L7Response, 13, "L7RSP", "Layer7 invalid response", Failed;
    /// Layer 7 check passed.
    L7Ok, 15, "L7OK", "Layer7 check passed", Passed;
    /// Layer 7 check passed on a condition: no new sessions.
    L7OkConditionally, 16, "L7OKC", "Layer7 check conditionally passed", ConditionallyPassed;
    /// Layer 7 answer with a status that means failure.
    L7Status, 17, "L7STS", "Layer7 wrong status", Failed;
    /// External check failed.
    ProcError, 18, "PROCERR", "External check error", Failed;
    /// External check timed out.
    ProcTimeout, 19, "PROCTOUT", "External check timeout", Failed;
    /// External check passed.
    ProcOk, 20, "PROCOK", "External check passed", Passed;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_unique() {
        let codes: BTreeSet<_> = CheckStatus::ALL.iter().map(|s| s.code()).collect();
        assert_eq!(codes.len(), CheckStatus::ALL.len());
    }
}
