//! `show events`: what rings hold, and what comes.

use crate::control::Control;
use crate::ring::Ring;
use lb_admin::{Reply, Request, text};
use lb_model::Level;
use std::fmt::Write as _;

/// Bytes read from a ring at once.
const PIECE: usize = 32 * 1_024;

/// Reading a ring.
#[derive(Debug)]
pub(super) struct Reading {
    /// The ring.
    pub ring: &'static Ring,
    /// New lines are waited for.
    pub follows: bool,
    from: u64,
    /// What ends a line.
    end: u8,
}

impl Reading {
    /// Appends the next lines. Returns whether there are more.
    pub fn next(&mut self, out: &mut Vec<u8>) -> bool {
        let (from, more) = self.ring.read(self.from, self.end, PIECE, out);
        self.from = from;
        more
    }
}

/// `show events [<sink>] [-w] [-n] [-0]`. The list is for everybody, what sinks hold is not.
pub(super) fn show(control: &Control, request: &Request) -> Result<Reading, Reply> {
    let rings = control.shared.logger.rings();
    let name = request.arg(0);
    if name.is_empty() {
        return Err(list(control));
    }
    if request.level < Level::Operator {
        return Err(Reply::err(text::PERMISSION_DENIED));
    }
    let ring = match rings.find(name) {
        Some(ring) => ring,
        None if ["stdout", "stderr"].contains(&name) => return Err(Reply::err("Nothing to report for this sink")),
        None => return Err(Reply::err("No such event sink")),
    };
    let mut reading = Reading { ring, follows: false, from: 0, end: b'\n' };
    for word in request.args().iter().skip(1) {
        let letters = word.strip_prefix('-').filter(|letters| !letters.is_empty());
        for letter in letters.ok_or_else(|| Reply::err("unknown option"))?.chars() {
            match letter {
                'w' => reading.follows = true,
                'n' => reading.from = ring.end(),
                '0' => reading.end = 0,
                _ => return Err(Reply::err("unknown option")),
            }
        }
    }
    Ok(reading)
}

fn list(control: &Control) -> Reply {
    let mut out =
        String::from("Supported events sinks are listed below. Add -0(zero), -w(wait), -n(new). Any key to stop.\n");
    for (name, fd) in [("stdout", 1), ("stderr", 2)] {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "    {name:<10} : type=fd, 0 dropped, standard output (fd#{fd})");
    }
    for ring in control.shared.logger.rings().iter() {
        let _ = writeln!(out, "    {:<10} : type=buffer, {} dropped, {}", ring.name, ring.dropped(), ring.description);
    }
    Reply::Raw(out.into_bytes())
}
