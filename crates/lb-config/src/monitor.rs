//! `monitor-uri` and `monitor fail`: requests by which others ask whether this process serves.

use crate::cx::Cx;
use crate::line::{Done, Line, fault};
use crate::proxy::ProxyDraft;
use crate::rules::condition;
use lb_sample::Place;

/// `monitor-uri <uri>`.
pub(crate) fn uri(p: &mut ProxyDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    p.proxy.monitor_uri = Some(line.need(1, "'monitor-uri' expects an URI.")?.to_owned());
    line.ends_after(1, "monitor-uri")
}

/// `monitor fail if|unless <condition>`.
pub(crate) fn fail(p: &mut ProxyDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    if line.word(1) != "fail" {
        return Err(fault(1, "'monitor' only supports 'fail'."));
    }
    if !matches!(line.word(2), "if" | "unless") {
        return Err(fault(2, "'monitor fail' requires either 'if' or 'unless' followed by a condition."));
    }
    let condition = condition(p, cx, line, 2, Place::FrontendRequest)?;
    p.proxy.monitor_fail.extend(condition);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::tests::{good, shown};

    const FRONTEND: &str = "frontend f\n mode http\n timeout client 1s\n bind 127.0.0.1:1\n";

    #[test]
    fn lines() {
        let config = good(&format!("{FRONTEND} monitor-uri /up\n monitor fail if {{ path /x }}\n"));
        let proxy = &config.proxies[0];
        assert_eq!((proxy.monitor_uri.as_deref(), proxy.monitor_fail.len()), (Some("/up"), 1));
        for (line, message) in [
            ("monitor-uri", "'monitor-uri' expects an URI."),
            ("monitor foo", "'monitor' only supports 'fail'."),
            ("monitor fail", "'monitor fail' requires either 'if' or 'unless' followed by a condition."),
        ] {
            let found = shown(&format!("{FRONTEND} {line}\n"));
            assert!(found.contains(message), "{line:?}: {found}");
        }
    }
}
