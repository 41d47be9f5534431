//! `peers` sections: their tables are real, their peers are only names.
//!
//! Entries are not exchanged with other processes. A section that asks for it is accepted all the same, so that one
//! configuration serves both programs, but the start says what will not happen. What its peers' lines say beyond names and
//! addresses is about connections that are never made.

use crate::cx::Cx;
use crate::diagnostic::Site;
use crate::line::{Done, Fault, Line, fault};
use crate::suggest::did_you_mean;
use crate::table::{self, TableDraft};
use lb_model::is_valid_name;
use std::sync::Arc;

/// The keywords of a section.
const KEYWORDS: [&str; 10] =
    ["bind", "default-bind", "default-server", "disabled", "enabled", "log", "peer", "server", "shards", "table"];

/// A section being read.
#[derive(Debug)]
pub(crate) struct PeersDraft {
    pub name: Arc<str>,
    pub site: Site,
    /// Names of the peers, the local one among them.
    pub peers: Vec<String>,
    /// `disabled`: nothing is to be exchanged.
    pub disabled: bool,
    /// Tables by their full names.
    pub tables: Vec<(Arc<str>, TableDraft)>,
}

impl PeersDraft {
    /// Begins a section: `peers <name>`.
    pub fn open(line: &Line) -> Result<Self, Fault> {
        let name = line.need(1, "missing name for peers section.")?;
        if !is_valid_name(name) {
            return Err(fault(1, format!("character not permitted in peers section name '{name}'."))
                .help("names are made of letters, digits, '.', ':', '_' and '-'"));
        }
        line.ends_after(1, "peers")?;
        let (peers, tables) = (Vec::new(), Vec::new());
        Ok(Self { name: name.into(), site: line.site(1), peers, disabled: false, tables })
    }

    /// Reads a line.
    pub fn line(&mut self, line: &Line, cx: &mut Cx<'_>) -> Done {
        match line.word(0) {
            "peer" | "server" => {
                let name = line.need(1, format!("'{}' expects a name.", line.word(0)))?;
                if self.peers.iter().any(|known| known == name) {
                    return Err(fault(1, format!("peer '{name}' is in peers section '{}' already.", self.name)));
                }
                self.peers.push(name.to_owned());
                Ok(())
            }
            "table" => {
                let name = line.need(1, "'table' expects a name.")?;
                let full: Arc<str> = format!("{}/{name}", self.name).into();
                if let Some((_, first)) = self.tables.iter().find(|(known, _)| *known == full) {
                    let message = format!("table '{name}' was declared at {}:{}.", first.site.file, first.site.line);
                    return Err(fault(1, message));
                }
                self.tables.push((full, table::declaration(cx, line, 2)?));
                Ok(())
            }
            "disabled" | "enabled" => {
                self.disabled = line.word(0) == "disabled";
                line.ends_after(0, line.word(0))
            }
            "bind" | "default-bind" | "default-server" | "log" | "shards" => {
                line.need(1, format!("'{}' expects an argument.", line.word(0))).map(|_| ())
            }
            other => {
                let near = did_you_mean(other, KEYWORDS);
                Err(fault(0, format!("unknown keyword '{other}' in 'peers' section{near}")))
            }
        }
    }

    /// Says what will not happen.
    pub fn warn(&self, cx: &mut Cx<'_>) {
        if self.disabled || self.peers.is_empty() {
            return;
        }
        let message = format!(
            "peers section '{}': stick tables are not exchanged with peers ({}). They are this process's own, and empty \
             after a reload. Add 'disabled' to the section if that will do.",
            self.name,
            self.peers.join(", ")
        );
        cx.warn(&self.site, message);
    }
}
