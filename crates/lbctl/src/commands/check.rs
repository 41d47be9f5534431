//! `lbctl check`: one health check now, with its steps, that counts for nothing.

use std::io::Write;

use lb_client::{Error, Line};
use lb_model::{CheckOutcome, CheckStatus};

use super::Targets;
use crate::context::Context;
use crate::exit::Exit;
use crate::fan;
use crate::fault::Fault;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "lbd only: HAProxy checks by its own clock. The exit status is 1 when a check fails.\n\n\
                        Examples:\n  lbctl check app/web1\n  lbctl check 'app/*'")]
pub struct Args {
    /// The servers.
    #[command(flatten)]
    targets: Targets,
}

/// Runs it.
///
/// # Errors
/// [`Exit::Refused`] when a check fails or the node has no such command, and those of the exchange.
pub fn run(args: &Args, ctx: &Context) -> Result<(), Fault> {
    let selection = args.targets.selection()?;
    let mut exits = Vec::new();
    let done = fan::each(ctx, |one| {
        let servers = selection.resolve(&one.client)?;
        let ask = |name: String| Ok((check(one, &name)?, name));
        servers.iter().map(|s| ask(s.name.to_string())).collect::<Result<Vec<_>, Fault>>()
    });
    for (one, outcome) in done {
        match outcome {
            Err(fault) if one.node.is_none() => return Err(fault),
            Err(fault) => {
                one.tell(&fault);
                exits.push(Some(fault.exit));
            }
            Ok(told) => {
                let mut failed = false;
                for (text, name) in &told {
                    write!(std::io::stdout().lock(), "{}{name} {text}", one.prefix())?;
                    failed |= !passed(text);
                }
                exits.push(failed.then_some(Exit::Refused));
            }
        }
    }
    fan::verdict(&exits)
}

fn check(one: &Context, name: &str) -> Result<String, Fault> {
    let line = Line::words(["check", "server", name]).map_err(Error::from)?;
    let text = match one.client.ask_ok(&line) {
        Err(Error::Refused { refusal, .. }) if refusal.kind() == lb_client::ErrorKind::Refused => {
            return Err(Fault::new(Exit::Refused, format!("{} runs no checks on demand", one.client.address()))
                .hint(format!("'{}' shows the last one", one.suggest(&format!("show checks {name}")))));
        }
        other => other?.text().trim_end().to_owned(),
    };
    Ok(format!("{text}\n"))
}

/// By its last line, `verdict: L7OK (…`.
fn passed(text: &str) -> bool {
    let code = text.lines().find_map(|line| line.strip_prefix("verdict: ")?.split(' ').next());
    let status = code.and_then(|code| CheckStatus::ALL.iter().find(|status| status.code() == code));
    status.is_some_and(|status| matches!(status.outcome(), CheckOutcome::Passed | CheckOutcome::ConditionallyPassed))
}

#[cfg(test)]
mod tests {
    #[test]
    fn verdicts() {
        assert!(super::passed(
            "to 127.0.0.1:1\nverdict: L4OK (Layer4 check passed), after 1 ms; nothing was counted\n"
        ));
        assert!(!super::passed("to 127.0.0.1:1\nverdict: L4CON (Layer4 connection problem), after 1 ms\n"));
        assert!(!super::passed("something else\n"));
    }
}
