//! Parameters of `bind` and `server` lines about the sockets themselves: what the kernel is told of them.

use crate::bind::BindParams;
use crate::cx::Cx;
use crate::model::SocketOptions;
use crate::server::ServerDraft;
use lb_model::{TimeUnit, parse_time};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

type Read = Result<(), String>;

fn user_timeout(text: &str) -> Result<Option<Duration>, String> {
    if text.is_empty() {
        return Err("missing TCP User Timeout value".to_owned());
    }
    let refused = |_| "expects a positive delay in milliseconds".to_owned();
    let delay = parse_time(text, TimeUnit::Millis).map_err(refused)?;
    Ok(Some(delay).filter(|delay| !delay.is_zero()))
}

fn congestion(text: &str) -> Result<Option<String>, String> {
    // As long as the kernel's names may be.
    if text.is_empty() || text.len() > 15 {
        return Err("expects the name of a TCP congestion control algorithm".to_owned());
    }
    Ok(Some(text.to_owned()))
}

fn md5_key(text: &str) -> Result<Option<String>, String> {
    // RFC 2385; the kernel's limit.
    if text.is_empty() || text.len() > 80 {
        return Err("expects a password of 1 to 80 characters".to_owned());
    }
    Ok(Some(text.to_owned()))
}

/// Where the system keeps network namespaces that have a name.
const NAMESPACES: &str = "/var/run/netns";

fn namespace(text: &str, cx: &Cx<'_>) -> Result<Option<Arc<str>>, String> {
    if text.is_empty() || text == "." || text == ".." || text.contains('/') {
        return Err("missing namespace id".to_owned());
    }
    // It has no contents to read: whether it is there shows in the error.
    match cx.host.read_file(&Path::new(NAMESPACES).join(text)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(format!("Cannot open namespace '{text}'")),
        _ => Ok(Some(text.into())),
    }
}

/// Parameters of `server` lines.
pub(crate) mod server {
    use super::{Cx, Read, ServerDraft, SocketOptions, named};

    fn own(d: &mut ServerDraft) -> &mut SocketOptions {
        d.server.socket.get_or_insert_default()
    }

    /// `tcp-ut <delay>`.
    pub(crate) fn tcp_ut(d: &mut ServerDraft, text: &str, _: &Cx<'_>) -> Read {
        own(d).user_timeout = super::user_timeout(text).map_err(named("tcp-ut"))?;
        Ok(())
    }

    /// `cc <algorithm>`.
    pub(crate) fn cc(d: &mut ServerDraft, text: &str, _: &Cx<'_>) -> Read {
        own(d).congestion = super::congestion(text).map_err(named("cc"))?;
        Ok(())
    }

    /// `tcp-md5sig <password>`.
    pub(crate) fn tcp_md5sig(d: &mut ServerDraft, text: &str, _: &Cx<'_>) -> Read {
        own(d).md5_key = super::md5_key(text).map_err(named("tcp-md5sig"))?;
        Ok(())
    }

    /// `namespace <name>`.
    pub(crate) fn namespace(d: &mut ServerDraft, text: &str, cx: &Cx<'_>) -> Read {
        if text.is_empty() {
            return Err("'namespace' : expects <name> as argument".to_owned());
        }
        // As observed, this failure is told alone.
        own(d).namespace = super::namespace(text, cx)?;
        Ok(())
    }

    /// `tfo`.
    pub(crate) fn tfo(d: &mut ServerDraft, _: &str, _: &Cx<'_>) -> Read {
        own(d).fast_open = true;
        Ok(())
    }

    /// `no-tfo`.
    pub(crate) fn no_tfo(d: &mut ServerDraft, _: &str, _: &Cx<'_>) -> Read {
        own(d).fast_open = false;
        Ok(())
    }
}

fn named(keyword: &'static str) -> impl Fn(String) -> String {
    move |message| format!("'{keyword}' : {message}")
}

/// Parameters of `bind` lines.
pub(crate) mod bind {
    use super::{BindParams, Cx, Read, TimeUnit, parse_time};
    use crate::server::pool;

    /// `tcp-ut <delay>`.
    pub(crate) fn tcp_ut(p: &mut BindParams, text: &str, _: &Cx<'_>) -> Read {
        p.socket.user_timeout = super::user_timeout(text)?;
        Ok(())
    }

    /// `cc <algorithm>`.
    pub(crate) fn cc(p: &mut BindParams, text: &str, _: &Cx<'_>) -> Read {
        p.socket.congestion = super::congestion(text)?;
        Ok(())
    }

    /// `tcp-md5sig <password>`.
    pub(crate) fn tcp_md5sig(p: &mut BindParams, text: &str, _: &Cx<'_>) -> Read {
        p.socket.md5_key = super::md5_key(text)?;
        Ok(())
    }

    /// `namespace <name>`.
    pub(crate) fn namespace(p: &mut BindParams, text: &str, cx: &Cx<'_>) -> Read {
        p.socket.namespace = super::namespace(text, cx)?;
        Ok(())
    }

    /// `tfo`.
    pub(crate) fn tfo(p: &mut BindParams, _: &str, _: &Cx<'_>) -> Read {
        p.socket.fast_open = true;
        Ok(())
    }

    /// `defer-accept`.
    pub(crate) fn defer_accept(p: &mut BindParams, _: &str, _: &Cx<'_>) -> Read {
        p.socket.defer_accept = true;
        Ok(())
    }

    /// `transparent`.
    pub(crate) fn transparent(p: &mut BindParams, _: &str, _: &Cx<'_>) -> Read {
        p.socket.transparent = true;
        Ok(())
    }

    /// `proto <name>`.
    pub(crate) fn proto(_: &mut BindParams, text: &str, _: &Cx<'_>) -> Read {
        pool::known_protocol(text).map_err(|message| message.replace("'proto' : ", ""))
    }

    /// `idle-ping <delay>`: idle HTTP/2 connections are asked whether they live. Those of HTTP/1 cannot be.
    pub(crate) fn idle_ping(_: &mut BindParams, text: &str, _: &Cx<'_>) -> Read {
        parse_time(text, TimeUnit::Millis).map(drop).map_err(|_| format!("expects a delay, not '{text}'"))
    }

    /// `interface <name>`.
    pub(crate) fn interface(p: &mut BindParams, text: &str, _: &Cx<'_>) -> Read {
        // As the kernel names them.
        if text.is_empty() || text.len() > 15 {
            return Err("missing interface name".to_owned());
        }
        p.socket.interface = Some(text.to_owned());
        Ok(())
    }

    /// `mss <maxseg>`; less than 0: as much smaller than what the kernel finds.
    pub(crate) fn mss(p: &mut BindParams, text: &str, _: &Cx<'_>) -> Read {
        let size = text.parse::<i32>().ok().filter(|size| (1..=65_535).contains(&size.unsigned_abs()));
        let size = size.ok_or("expects an MSS with and absolute value between 1 and 65535")?;
        p.socket.max_segment = Some(size);
        Ok(())
    }
}
