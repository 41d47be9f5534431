//! What a failed check most likely means, in words for whoever must mend it.

use lb_model::CheckStatus;

use crate::monitor::CheckReport;
use crate::rules::Trace;

/// The likely cause of a failed check, from its result and what it saw; `None` where its result says all there is.
pub fn likely_cause(report: &CheckReport, trace: &Trace) -> Option<String> {
    let answer = trace.answer();
    let text = match report.status {
        CheckStatus::L4Connection if report.info.contains("refused") => {
            "nothing listens there: the service is not running, or on another address or port"
        }
        CheckStatus::L4Timeout => {
            "nothing came back: something drops packets on the way, or the server's queue of connections is full"
        }
        CheckStatus::L6Timeout => "it took the connection, but not the TLS handshake in time: it may not speak TLS",
        CheckStatus::L6Response if report.info.contains("certificate different") => {
            "its certificate is for another name than the one that is verified"
        }
        CheckStatus::L6Response => return handshake(answer),
        CheckStatus::L7Timeout => {
            "it took the connection and did not answer in time: it hangs, or is slower than 'timeout check' allows"
        }
        CheckStatus::L7Status if report.code > 0 => {
            return Some(format!("it answered with status {}, which the check does not accept", report.code));
        }
        CheckStatus::L7Response if answer.is_empty() => {
            "it closed without an answer: it may expect TLS ('check-ssl'), a PROXY header, or something else than the \
             check sends"
        }
        // A record of an alert, and of a handshake.
        CheckStatus::L7Response if matches!(answer, [0x15 | 0x16, 3, ..]) => "it speaks TLS: add 'ssl' or 'check-ssl'",
        CheckStatus::L7Response => "what answers there does not say what the check expects: it may be another service",
        _ => return None,
    };
    Some(text.to_owned())
}

fn handshake(said: &[u8]) -> Option<String> {
    let said = String::from_utf8_lossy(said);
    let text = match &*said {
        said if said.contains("UnknownIssuer") => "its certificate is not signed by an authority that 'ca-file' names",
        said if said.contains("expired") || said.contains("Expired") => "its certificate has expired",
        said if said.contains("corrupt message") => "it answered in something else than TLS: it may not speak TLS",
        "" => "it closed in the middle of the TLS handshake",
        _ => return None,
    };
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_all_there_is_is_left_alone() {
        let report = |status, info: &str| CheckReport { status, code: 0, info: info.to_owned(), duration: None };
        let trace = Trace::default();
        assert_eq!(likely_cause(&report(CheckStatus::L7Ok, ""), &trace), None);
        assert_eq!(likely_cause(&report(CheckStatus::L4Connection, "No route to host"), &trace), None);
        let refused = likely_cause(&report(CheckStatus::L4Connection, "Connection refused"), &trace).unwrap();
        assert!(refused.starts_with("nothing listens there"));
    }
}
