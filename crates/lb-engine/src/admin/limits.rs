//! `set maxconn …`, `set rate-limit …`.

use super::resolve::{self, loose_integer};
use crate::control::Control;
use lb_admin::{Reply, Request};
use std::sync::atomic::Ordering::Relaxed;

const OUT_OF_RANGE: &str = "Value out of range.";

/// `set maxconn frontend`. What is no number is zero: no limit but the global one.
pub(super) fn frontend(control: &Control, request: &Request) -> Result<Reply, Reply> {
    let proxy = resolve::frontend(control, request)?;
    let value = request.arg(1);
    if value.is_empty() {
        return Err(Reply::err("Integer value expected."));
    }
    let limit = u32::try_from(loose_integer(value)).map_err(|_| Reply::err(OUT_OF_RANGE))?;
    proxy.maxconn.store(limit, Relaxed);
    Ok(Reply::Empty)
}

/// `set maxconn global`. Zero, or what is no number, restores the limit of the start.
pub(super) fn global(control: &Control, request: &Request) -> Result<Reply, Reply> {
    let value = request.arg(0);
    if value.is_empty() {
        return Err(Reply::err("Expects an integer value."));
    }
    let process = &control.shared.process;
    let limit = match u32::try_from(loose_integer(value)) {
        Ok(0) => process.hard_maxconn,
        Ok(limit) if limit <= process.hard_maxconn => limit,
        _ => return Err(Reply::err(OUT_OF_RANGE)),
    };
    process.maxconn.store(limit, Relaxed);
    Ok(Reply::Empty)
}

const RATE_LIMITS: &str = "\
'set rate-limit' only supports :
   - 'connections global' to set the per-process maximum connection rate
   - 'sessions global' to set the per-process maximum session rate
   - 'ssl-sessions global' to set the per-process maximum SSL session rate
   - 'http-compression global' to set the per-process maximum compression speed in kB/s
";

/// `set rate-limit`. Zero, or what is no number: no limit.
pub(super) fn rate(control: &Control, request: &Request) -> Result<Reply, Reply> {
    let process = &control.shared.process;
    let limit = match request.arg(0) {
        "connections" => &process.max_connection_rate,
        "sessions" => &process.max_session_rate,
        "ssl-sessions" => &process.max_ssl_rate,
        "http-compression" => &process.max_compression_kbps,
        _ => return Err(Reply::err(RATE_LIMITS)),
    };
    if request.arg(1) != "global" {
        return Err(Reply::err(RATE_LIMITS));
    }
    let value = request.arg(2);
    if value.is_empty() {
        return Err(Reply::err("Expects an integer value."));
    }
    limit.store(u32::try_from(loose_integer(value)).map_err(|_| Reply::err(OUT_OF_RANGE))?, Relaxed);
    Ok(Reply::Empty)
}

/// `set maxconn server`. Zero: no limit.
pub(super) fn server(control: &Control, request: &Request) -> Result<Reply, Reply> {
    let target = resolve::active_server(control, request)?;
    let limit = parse(request.arg(1)).map_err(Reply::err)?;
    control.set_server_maxconn(target.proxy, target.index, limit);
    Ok(Reply::Empty)
}

fn parse(text: &str) -> Result<u32, &'static str> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    match text.split_at(digits) {
        ("", "") => Err("Require <maxconn>."),
        ("", _) => Err("maxconn string empty or preceded by garbage"),
        (number, "") => number.parse().map_err(|_| OUT_OF_RANGE),
        _ => Err("Trailing garbage in maxconn string"),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn values() {
        assert_eq!(parse("30"), Ok(30));
        assert_eq!(parse(""), Err("Require <maxconn>."));
        assert_eq!(parse("foo"), Err("maxconn string empty or preceded by garbage"));
        assert_eq!(parse("12x"), Err("Trailing garbage in maxconn string"));
        assert_eq!(parse("99999999999"), Err("Value out of range."));
    }
}
