//! `lbctl raw`: the very bytes that `socat` would give, and an exit status.

use std::io::{self, Write};
use std::time::Duration;

use lb_client::{Error, Line, RefusalScan, gather_payload};

use crate::context::Context;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::input::Input;
use crate::interrupt::Interrupt;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "The answer is not touched; a refusal shows in the exit status. ';' chains commands on one \
                        connection. Without words, each line of standard input is a command.\n\nExamples:\n  lbctl raw \
                        show stat\n  lbctl raw 'set server app/web1 state drain; show servers state app'\n  lbctl raw < \
                        commands.txt")]
pub struct Args {
    /// The command's words
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "CMD")]
    pub words: Vec<String>,
}

/// Runs it.
///
/// # Errors
/// A refusal (told by the answer itself), or that of the exchange.
pub fn run(args: &Args, ctx: &Context) -> Result<(), Fault> {
    if args.words.is_empty() {
        return run_stdin(ctx);
    }
    send(ctx, &args.words.join(" "))
}

/// Sends each line of standard input over a connection of its own, since 3.x runs the first line of
/// a connection only. All lines are sent; the first failure decides the exit status.
///
/// # Errors
/// The first failure.
pub fn run_stdin(ctx: &Context) -> Result<(), Fault> {
    let mut input = Input::stdin();
    let mut first_failure = None;
    while let Some(line) = input.next_line() {
        if line.trim().is_empty() {
            continue;
        }
        let text = gather_payload(&line, || input.next_line());
        match send(ctx, &text) {
            Ok(()) => {}
            // A node that cannot be reached, or a reader that has gone, ends it.
            Err(fault) if !fault.message.is_empty() || fault.exit == Exit::Done => return Err(fault),
            Err(fault) => first_failure = first_failure.or(Some(fault)),
        }
    }
    input.finish().and(first_failure.map_or(Ok(()), Err))
}

/// Sends one command line and passes its answer on as it comes.
///
/// # Errors
/// A refusal, without a message: the answer is the message. Or the exchange's own failure.
pub fn send(ctx: &Context, text: &str) -> Result<(), Fault> {
    if ctx.nodes.len() == 1 {
        return send_to(ctx, text);
    }
    // One after the other: answers of several nodes must not be mixed.
    let mut exits = Vec::new();
    for node in &ctx.nodes {
        let one = ctx.on(node);
        writeln!(io::stdout().lock(), "==> {} <==", node.name)?;
        let result = send_to(&one, text);
        if let Err(fault) = &result {
            if fault.exit == Exit::Done {
                return result;
            }
            one.tell(fault);
        }
        exits.push(result.err().map(|f| f.exit));
    }
    crate::fan::verdict(&exits)
}

fn send_to(ctx: &Context, text: &str) -> Result<(), Fault> {
    let line = Line::with_payload(text).map_err(Error::from)?;
    let mut out = io::stdout().lock();
    let mut scan = RefusalScan::new(&line);
    let mut written = Ok(());
    let mut interrupt = if ctx.prompt { Some(Interrupt::new()?) } else { None };
    let mut interrupted = false;
    let result = ctx.client.stream(&line, &mut |piece| {
        scan.feed(piece);
        written = out.write_all(piece);
        interrupted = interrupt.as_mut().is_some_and(|held| held.sleep(Duration::ZERO));
        written.is_ok() && !interrupted
    });
    written?;
    out.flush()?;
    match result {
        _ if interrupted => return Err(Fault::new(Exit::Interrupted, "interrupted")),
        // `quit` is answered by closing.
        Err(Error::NoAnswer { .. }) if line.commands().any(|c| c == "quit") => return Ok(()),
        other => other?,
    };
    scan.finish().map_or(Ok(()), |refusal| Err(Fault::told(refusal.kind().into())))
}
