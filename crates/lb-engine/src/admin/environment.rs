//! `show env`.

use crate::control::Control;
use lb_admin::{Reply, Request};
use std::os::unix::ffi::OsStrExt;

/// The process's variables as the configuration's `setenv`, `presetenv` and `unsetenv` left them.
pub(super) fn show(control: &Control, request: &Request) -> Result<Reply, Reply> {
    let changes = &control.shared.config.global.environment;
    let mut variables: Vec<(Vec<u8>, Vec<u8>)> =
        std::env::vars_os().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect();
    for (name, value) in changes {
        let at = variables.iter().position(|(known, _)| known == name.as_bytes());
        match (at, value) {
            (Some(at), Some(value)) => {
                if let Some(variable) = variables.get_mut(at) {
                    variable.1 = value.clone().into_bytes();
                }
            }
            (None, Some(value)) => variables.push((name.clone().into_bytes(), value.clone().into_bytes())),
            (Some(at), None) => drop(variables.remove(at)),
            (None, None) => {}
        }
    }
    let wanted = request.arg(0).as_bytes();
    if !wanted.is_empty() {
        variables.retain(|(name, _)| name == wanted);
        if variables.is_empty() {
            return Err(Reply::err("Variable not found"));
        }
    }
    let mut out = Vec::new();
    for (name, value) in variables {
        out.extend_from_slice(&name);
        out.push(b'=');
        out.extend_from_slice(&value);
        out.push(b'\n');
    }
    Ok(Reply::Raw(out))
}
