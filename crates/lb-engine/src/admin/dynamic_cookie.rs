//! `enable`, `disable dynamic-cookie backend` and `set dynamic-cookie-key backend`.

use super::resolve;
use crate::control::Control;
use crate::shared::ProxyState;
use lb_admin::{Reply, Request, text};

/// `enable dynamic-cookie backend`, `disable dynamic-cookie backend`.
pub(super) fn enable(control: &Control, request: &Request, enabled: bool) -> Result<Reply, Reply> {
    named(control, request)?.enable_dynamic_cookies(enabled);
    Ok(Reply::Empty)
}

/// `set dynamic-cookie-key backend`.
pub(super) fn set_key(control: &Control, request: &Request) -> Result<Reply, Reply> {
    let proxy = named(control, request)?;
    match request.arg(1) {
        "" => Err(Reply::err("String value expected.")),
        key => {
            proxy.set_dynamic_cookie_key(key);
            Ok(Reply::Empty)
        }
    }
}

fn named(control: &Control, request: &Request) -> Result<&'static ProxyState, Reply> {
    match request.arg(0) {
        "" => Err(Reply::err("A backend name is expected.")),
        name => resolve::backend(control, name).ok_or_else(|| Reply::err(text::NO_SUCH_BACKEND)),
    }
}
