//! Verdicts about connections: a TCP check, and any check that fails before its first byte.

use std::io;

use lb_model::CheckStatus;

use super::Verdict;

/// Connection errors that have a name in `fc_err_name`, by Linux' numbers, with their text.
const OS_ERRORS: &[(i32, &str, &str)] = &[
    (9, "EBADF", "Bad file descriptor"),
    (12, "ENOMEM", "Cannot allocate memory"),
    (14, "EFAULT", "Bad address"),
    (22, "EINVAL", "Invalid argument"),
    (32, "EPIPE", "Broken pipe"),
    (88, "ENOTSOCK", "Socket operation on non-socket"),
    (101, "ENETUNREACH", "Network is unreachable"),
    (104, "ECONNRESET", "Connection reset by peer"),
    (105, "ENOBUFS", "No buffer space available"),
    (107, "ENOTCONN", "Transport endpoint is not connected"),
    (111, "ECONNREFUSED", "Connection refused"),
];

/// A TCP check's success.
pub const fn connected() -> Verdict {
    Verdict::bare(CheckStatus::L4Ok)
}

/// The handshake was not complete in time.
pub const fn handshake_timeout() -> Verdict {
    Verdict::bare(CheckStatus::L6Timeout)
}

/// The handshake failed; `why` in HAProxy's words.
pub fn handshake_failed(why: &str) -> Verdict {
    Verdict { status: CheckStatus::L6Response, code: 0, info: why.to_owned() }
}

/// The connection was not established in time.
pub const fn connect_timeout() -> Verdict {
    Verdict::bare(CheckStatus::L4Timeout)
}

/// The answer did not come in time.
pub const fn answer_timeout() -> Verdict {
    Verdict::bare(CheckStatus::L7Timeout)
}

/// The connection could not be established.
pub fn connect_failed(error: &io::Error) -> Verdict {
    let status = match error.kind() {
        io::ErrorKind::TimedOut => CheckStatus::L4Timeout,
        _ => CheckStatus::L4Connection,
    };
    Verdict { status, code: 0, info: describe(error) }
}

/// No socket could be made, or reading or writing an established connection failed.
pub fn socket_failed(error: &io::Error) -> Verdict {
    let info = match error.kind() {
        // What TLS makes of what it cannot take: an alert after the handshake, or bytes that are no record.
        io::ErrorKind::InvalidData => "SSL fatal error".to_owned(),
        _ => describe(error),
    };
    Verdict { status: CheckStatus::SocketError, code: 0, info }
}

/// The agent closed without a byte.
pub fn agent_empty() -> Verdict {
    Verdict { status: CheckStatus::L7Response, code: 0, info: "TCPCHK got an empty response at step 2".to_owned() }
}

/// `ECONNREFUSED returned by OS (Connection refused)`.
fn describe(error: &io::Error) -> String {
    let number = error.raw_os_error();
    match OS_ERRORS.iter().find(|row| Some(row.0) == number) {
        Some((_, name, text)) => format!("{name} returned by OS ({text})"),
        None => {
            let text = error.to_string();
            text.split(" (os error").next().unwrap_or_default().to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn os_errors_are_named() {
        let refused = connect_failed(&io::Error::from_raw_os_error(111));
        assert_eq!(refused.status, CheckStatus::L4Connection);
        assert_eq!(refused.info, "ECONNREFUSED returned by OS (Connection refused)");
        let other = connect_failed(&io::Error::from_raw_os_error(113));
        assert_eq!(other.info, "No route to host");
        assert_eq!(connect_failed(&io::Error::from_raw_os_error(110)).status, CheckStatus::L4Timeout);
        assert_eq!(socket_failed(&io::Error::from_raw_os_error(104)).status, CheckStatus::SocketError);
        assert_eq!(socket_failed(&io::ErrorKind::InvalidData.into()).info, "SSL fatal error");
    }

    #[test]
    fn texts_are_the_systems() {
        for (number, _, text) in OS_ERRORS {
            assert!(io::Error::from_raw_os_error(*number).to_string().starts_with(text), "{number}");
        }
    }
}
