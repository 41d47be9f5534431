//! Access levels of an admin connection, and the severities its answers carry.

use std::fmt;

/// What a connection to an admin socket may do. Ordered: a higher level includes the lower ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Level {
    /// Reads non-sensitive statistics only.
    User,
    /// Reads everything, changes nothing that affects traffic.
    #[default]
    Operator,
    /// May do everything.
    Admin,
}

impl Level {
    /// The word used in configuration and printed by `show cli level`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// Reads the word used by `level` on a `stats socket` line.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::User, Self::Operator, Self::Admin].into_iter().find(|l| l.as_str() == word)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How closely the Runtime API keeps to HAProxy's (`compat`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Compat {
    /// Commands and forms of this program's own exist beside HAProxy's.
    #[default]
    Extended,
    /// Nothing exists that HAProxy has not.
    Strict,
}

impl Compat {
    /// Reads the word of the `compat` keyword.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "extended" => Some(Self::Extended),
            "strict" => Some(Self::Strict),
            _ => None,
        }
    }
}

/// Severity of an answer, by syslog's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// 0.
    Emerg,
    /// 1.
    Alert,
    /// 2.
    Crit,
    /// 3: the command failed.
    Err,
    /// 4: done, or nothing to do, with something worth saying.
    Warning,
    /// 5.
    Notice,
    /// 6.
    Info,
    /// 7.
    Debug,
}

impl Severity {
    /// All severities; the index is syslog's number.
    pub const ALL: [Self; 8] =
        [Self::Emerg, Self::Alert, Self::Crit, Self::Err, Self::Warning, Self::Notice, Self::Info, Self::Debug];

    /// Syslog's number, 0 to 7.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The word, as printed by `set severity-output string` and read by `log … <level>`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Emerg => "emerg",
            Self::Alert => "alert",
            Self::Crit => "crit",
            Self::Err => "err",
            Self::Warning => "warning",
            Self::Notice => "notice",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }

    /// Reads a level's word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == word)
    }
}
