//! Exit statuses: one table, shown by `lbctl help exit-codes` and the manual page.

use lb_client::ErrorKind;

macro_rules! exits {
    ($( $variant:ident = $code:literal, $meaning:literal; )*) => {
        /// How a command ended.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Exit { $( #[doc = $meaning] $variant, )* }

        impl Exit {
            /// Every status, in order.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )* ];

            /// The process's exit status.
            pub const fn code(self) -> u8 {
                match self { $( Self::$variant => $code, )* }
            }

            /// What it means to a script.
            pub const fn meaning(self) -> &'static str {
                match self { $( Self::$variant => $meaning, )* }
            }
        }
    };
}

exits! {
    Done = 0, "done, or already so";
    Refused = 1, "the engine refused, or the state read afterwards disagrees; doctor found an error, diff a difference";
    Usage = 2, "the command line is wrong; nothing was sent";
    Unreachable = 3, "the engine could not be reached, did not answer, or denies it at this socket's level";
    NotFound = 4, "no such backend, server or object; nothing was changed";
    Deadline = 5, "the deadline passed before the goal was reached";
    Guard = 6, "a guard or the operator refused; nothing was changed";
    Partial = 7, "some servers or nodes were changed or answered and some were not";
    Interrupted = 130, "interrupted; the state stays as it is";
}

impl Exit {
    /// The statuses as lines of text.
    pub fn table() -> String {
        Self::ALL.iter().map(|e| format!("{:>5}  {}\n", e.code(), e.meaning())).collect()
    }
}

impl From<ErrorKind> for Exit {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Unreachable | ErrorKind::Denied => Self::Unreachable,
            ErrorKind::NotFound => Self::NotFound,
            ErrorKind::Refused => Self::Refused,
            ErrorKind::Usage => Self::Usage,
            ErrorKind::Guarded => Self::Guard,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct() {
        let mut codes: Vec<_> = Exit::ALL.iter().map(|e| e.code()).collect();
        codes.dedup();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7, 130]);
    }
}
