//! `ring` sections: memory that keeps the latest log lines and trace events.

use crate::cx::Cx;
use crate::diagnostic::Severity;
use crate::keywords;
use crate::line::{Fault, Line, fault};
use crate::log::wire;
use crate::model::{LogWire, Ring};
use crate::suggest::did_you_mean;

/// The ring that is always there.
pub(crate) const ALWAYS: &str = "buf0";

/// Bytes of a ring by default, as of a buffer.
const DEFAULT_SIZE: usize = 16_384;

/// Keywords of the section.
const KEYWORDS: [&str; 4] = ["description", "format", "maxlen", "size"];

/// Opens a section.
pub(crate) fn open(line: &Line, others: &[Ring], cx: &mut Cx<'_>) -> Result<Ring, Fault> {
    let name = line.need(1, "missing ring name.")?;
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.' | '-');
    if let Some(bad) = name.chars().find(|&c| !is_allowed(c)) {
        return Err(fault(1, format!("invalid ring name '{name}' (character '{bad}' is not permitted).")));
    }
    let reserved = ["stdout", "stderr", ALWAYS].contains(&name);
    if reserved || others.iter().any(|ring| ring.name == name) {
        return Err(fault(1, format!("sink named '{name}' already exists.")));
    }
    line.ends_after(1, "ring").or_else(|extra| {
        cx.sink.push(Severity::Warning, &line.site_of(&extra), "words after the ring's name are ignored.", None);
        Ok::<(), Fault>(())
    })?;
    Ok(Ring {
        name: name.to_owned(),
        description: name.to_owned(),
        format: LogWire::Local,
        max_len: 1_024,
        size: DEFAULT_SIZE,
    })
}

/// Reads a line of the section.
pub(crate) fn line(ring: &mut Ring, line: &Line, cx: &mut Cx<'_>) -> Result<(), Fault> {
    match line.word(0) {
        "description" => {
            line.need(1, "missing ring description text.")?;
            ring.description = line.from(1).join(" ");
        }
        "format" => {
            let word = line.need(1, "missing format.")?;
            ring.format = wire(word).ok_or_else(|| fault(1, format!("unknown format '{word}'.")))?;
        }
        "maxlen" => ring.max_len = size(line)?,
        "size" => {
            let size = size(line)?;
            if size < ring.size {
                let message = format!(
                    "ignoring new size '{size}' that is smaller than current size '{}' for ring '{}'.",
                    ring.size, ring.name
                );
                cx.sink.push(Severity::Warning, &line.site(1), message, None);
            } else {
                ring.size = size;
            }
        }
        word @ ("backing-file" | "server" | "timeout") => return Err(fault(0, keywords::not_yet(word))),
        word => {
            let near = did_you_mean(word, KEYWORDS);
            return Err(fault(0, format!("unknown statement '{word}'{near}.")));
        }
    }
    Ok(())
}

fn size(line: &Line) -> Result<usize, Fault> {
    let word = line.word(1);
    let complaint = || fault(1, format!("invalid size '{word}' for new sink buffer."));
    word.parse().ok().filter(|&size| size > 0 && size <= 1 << 30).ok_or_else(complaint)
}

/// Warns of log targets that name no ring: 3.5 lets them pass, and what is sent there is lost.
pub(crate) fn check_uses(rings: &[Ring], cx: &mut Cx<'_>) {
    for (name, site) in std::mem::take(&mut cx.ring_uses) {
        if name != ALWAYS && rings.iter().all(|ring| ring.name != name) {
            let names = rings.iter().map(|ring| ring.name.as_str()).chain([ALWAYS]);
            let near = did_you_mean(&name, names);
            let message = format!("log : there is no ring '{name}'{near}: what is logged to it is lost.");
            cx.sink.push(Severity::Warning, &site, message, None);
        }
    }
}
