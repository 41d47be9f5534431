//! `retry-on`: after which failures a request is sent again.

use crate::cx::Cx;
use crate::line::{Done, Line, fault};
use crate::proxy::ProxyDraft;
use crate::suggest::did_you_mean;

/// A set of failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryOn(u32);

/// Statuses that may be retried, in the order of their bits.
const STATUSES: [u16; 10] = [401, 403, 404, 408, 425, 500, 501, 502, 503, 504];
const FIRST_STATUS: u32 = 8;

const WORDS: &[(&str, RetryOn)] = &[
    ("none", RetryOn::NONE),
    ("conn-failure", RetryOn::CONN_FAILURE),
    ("empty-response", RetryOn::EMPTY_RESPONSE),
    ("junk-response", RetryOn::JUNK_RESPONSE),
    ("response-timeout", RetryOn::RESPONSE_TIMEOUT),
    // No early data are sent to servers: nothing is there to be rejected.
    ("0rtt-rejected", RetryOn::NONE),
];

impl RetryOn {
    /// Nothing is sent again.
    pub const NONE: Self = Self(0);
    /// The connection could not be established: the default.
    pub const CONN_FAILURE: Self = Self(1);
    /// The server closed before it said anything, or a whole head.
    pub const EMPTY_RESPONSE: Self = Self(2);
    /// It said something else than a response.
    pub const JUNK_RESPONSE: Self = Self(4);
    /// It said nothing in time.
    pub const RESPONSE_TIMEOUT: Self = Self(8);

    /// Whether all of these are in it.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether something in it is known only once an answer has begun.
    pub const fn reads_answers(self) -> bool {
        self.0 & !(Self::CONN_FAILURE.0 | Self::EMPTY_RESPONSE.0 | Self::RESPONSE_TIMEOUT.0) != 0
    }

    /// Whether an answer of this status is asked for again.
    pub fn has_status(self, status: u16) -> bool {
        Self::of_status(status).is_some_and(|bit| self.has(bit))
    }

    const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn of_status(status: u16) -> Option<Self> {
        let at = STATUSES.iter().position(|known| *known == status)?;
        Some(Self(1 << (FIRST_STATUS + at as u32)))
    }

    fn all_retryable() -> Self {
        let words = WORDS.iter().map(|(_, bits)| *bits);
        let statuses = [500, 502, 503, 504].into_iter().filter_map(Self::of_status);
        words.chain(statuses).fold(Self::NONE, Self::with)
    }
}

/// `retry-on <failure>…`; replaces what was said before.
pub(crate) fn read(p: &mut ProxyDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    line.need(1, "'retry-on' expects a list of failures, or 'none'.")?;
    let mut all = RetryOn::NONE;
    for at in 1..line.len() {
        let word = line.word(at);
        let known = WORDS.iter().find(|(name, _)| *name == word).map(|(_, bits)| *bits);
        let bits = match word {
            "all-retryable-errors" => Some(RetryOn::all_retryable()),
            _ => known.or_else(|| RetryOn::of_status(word.parse().ok()?)),
        };
        all = all.with(bits.ok_or_else(|| {
            let near = did_you_mean(word, WORDS.iter().map(|(name, _)| *name).chain(["all-retryable-errors"]));
            fault(at, format!("'retry-on': unknown keyword '{word}'{near}")).help(
                "a failure (conn-failure, empty-response, junk-response, response-timeout, all-retryable-errors) or one \
                 of the statuses 401, 403, 404, 408, 425, 500, 501, 502, 503, 504",
            )
        })?);
        if word == "none" && line.len() > 2 {
            return Err(fault(at, "'retry-on': 'none' stands alone."));
        }
    }
    p.proxy.retry_on = all;
    Ok(())
}
