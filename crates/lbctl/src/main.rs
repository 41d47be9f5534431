//! `lbctl`, a control client for lbd and HAProxy.

use std::process::ExitCode;

fn main() -> ExitCode {
    lbctl::main()
}
