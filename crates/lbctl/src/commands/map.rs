//! `lbctl map`.

use std::path::PathBuf;

use super::{key_change, load_lines};
use crate::context::Context;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::lines::{Told, on_nodes, send};
use crate::patterns::{Kind, Patterns};

/// What to do with a map.
#[derive(Debug, Clone, clap::Subcommand)]
#[command(
    after_help = "A map is named by its file, the end of its file's path, or #id. Changes last until the engine is \
                        reloaded: the file is not touched.\n\nExamples:\n  lbctl map set hosts.map www.example.com app\n  \
                        lbctl map del hosts.map www.example.com\n  lbctl map load hosts.map new-hosts.map"
)]
pub enum What {
    /// Print the value of a key
    #[command(after_help = "Example:\n  lbctl map get hosts.map www.example.com")]
    Get {
        /// The map
        #[arg(add = clap_complete::engine::ArgValueCompleter::new(crate::complete::maps))]
        map: String,
        /// The key, as it stands in the map
        #[arg(add = clap_complete::engine::ArgValueCompleter::new(crate::complete::keys))]
        key: String,
    },
    /// Give a key a value, whether or not it is there
    #[command(after_help = "Example:\n  lbctl map set hosts.map www.example.com app")]
    Set {
        /// The map
        #[arg(add = clap_complete::engine::ArgValueCompleter::new(crate::complete::maps))]
        map: String,
        /// The key
        #[arg(add = clap_complete::engine::ArgValueCompleter::new(crate::complete::keys))]
        key: String,
        /// Its value
        value: String,
    },
    /// Remove a key
    #[command(after_help = "Example:\n  lbctl map del hosts.map www.example.com")]
    Del {
        /// The map
        #[arg(add = clap_complete::engine::ArgValueCompleter::new(crate::complete::maps))]
        map: String,
        /// The key
        #[arg(add = clap_complete::engine::ArgValueCompleter::new(crate::complete::keys))]
        key: String,
    },
    /// Remove every key
    #[command(after_help = "Example:\n  lbctl map clear hosts.map")]
    Clear {
        /// The map
        #[arg(add = clap_complete::engine::ArgValueCompleter::new(crate::complete::maps))]
        map: String,
    },
    /// Replace everything at once by the lines of a file: a key, a blank, its value
    #[command(
        after_help = "Examples:\n  lbctl map load hosts.map new-hosts.map\n  generate | lbctl map load hosts.map -"
    )]
    Load {
        /// The map
        #[arg(add = clap_complete::engine::ArgValueCompleter::new(crate::complete::maps))]
        map: String,
        /// The file, - for standard input
        file: PathBuf,
    },
}

/// Runs it.
///
/// # Errors
/// When there is no such map or key, or a line is refused.
pub fn run(what: &What, ctx: &Context) -> Result<(), Fault> {
    let kind = Kind::Map;
    match what {
        What::Get { map, key } => get(ctx, map, key),
        What::Set { map, key, value } => key_change(ctx, kind, map, key, Some(value)),
        What::Del { map, key } => key_change(ctx, kind, map, key, None),
        What::Clear { map } => clear(ctx, kind, map),
        What::Load { map, file } => load_lines(ctx, kind, map, file),
    }
}

fn get(ctx: &Context, map: &str, key: &str) -> Result<(), Fault> {
    crate::fan::show(ctx, |one| {
        let patterns = Patterns::find(&one.client, Kind::Map, map)?;
        let Some(value) = patterns.value(key)? else {
            return Err(Fault::new(Exit::NotFound, format!("{} has no key '{key}'", patterns.name()))
                .hint(format!("'{}' shows what it has", one.suggest(&format!("raw show map {}", patterns.name())))));
        };
        let cells = [key.to_owned(), value].map(crate::output::Cell::Text).to_vec();
        Ok(crate::output::Sheet::dynamic(["key", "value"].map(str::to_owned).to_vec(), vec![cells]))
    })
}

/// Empties a map or list.
///
/// # Errors
/// When there is none of that name.
pub fn clear(ctx: &Context, kind: Kind, name: &str) -> Result<(), Fault> {
    on_nodes(ctx, |one, report| {
        let patterns = Patterns::find(&one.client, kind, name)?;
        let line = patterns.line("clear", &[])?;
        let told = Told { object: patterns.name(), action: "clear", plan: "empty it", state: "empty" };
        if send(one, report, &line, &told)? {
            crate::apply::note_change(one, patterns.name(), "all its entries", "some", "none");
        }
        Ok(())
    })
}
