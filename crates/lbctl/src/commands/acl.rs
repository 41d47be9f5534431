//! `lbctl acl`.

use std::path::PathBuf;

use super::{key_change, load_lines};
use crate::context::Context;
use crate::fault::Fault;
use crate::patterns::Kind;

/// What to do with a list of ACL patterns.
#[derive(Debug, Clone, clap::Subcommand)]
#[command(
    after_help = "A list is named by its file, the end of its file's path, or #id. Changes last until the engine is \
                        reloaded: the file is not touched.\n\nExamples:\n  lbctl acl add deny.acl 192.0.2.7\n  lbctl acl del \
                        deny.acl 192.0.2.7\n  lbctl acl load deny.acl new-deny.acl"
)]
pub enum What {
    /// Add a pattern, unless it is there
    #[command(after_help = "Example:\n  lbctl acl add deny.acl 192.0.2.7")]
    Add {
        /// The list
        #[arg(add = clap_complete::engine::ArgValueCompleter::new(crate::complete::acls))]
        acl: String,
        /// The pattern
        pattern: String,
    },
    /// Remove a pattern
    #[command(after_help = "Example:\n  lbctl acl del deny.acl 192.0.2.7")]
    Del {
        /// The list
        #[arg(add = clap_complete::engine::ArgValueCompleter::new(crate::complete::acls))]
        acl: String,
        /// The pattern, as it stands in the list
        #[arg(add = clap_complete::engine::ArgValueCompleter::new(crate::complete::keys))]
        pattern: String,
    },
    /// Remove every pattern
    #[command(after_help = "Example:\n  lbctl acl clear deny.acl")]
    Clear {
        /// The list
        #[arg(add = clap_complete::engine::ArgValueCompleter::new(crate::complete::acls))]
        acl: String,
    },
    /// Replace everything at once by the lines of a file
    #[command(after_help = "Example:\n  lbctl acl load deny.acl new-deny.acl")]
    Load {
        /// The list
        #[arg(add = clap_complete::engine::ArgValueCompleter::new(crate::complete::acls))]
        acl: String,
        /// The file, - for standard input
        file: PathBuf,
    },
}

/// Runs it.
///
/// # Errors
/// When there is no such list, or a pattern is refused.
pub fn run(what: &What, ctx: &Context) -> Result<(), Fault> {
    let kind = Kind::Acl;
    match what {
        What::Add { acl, pattern } => key_change(ctx, kind, acl, pattern, Some("")),
        What::Del { acl, pattern } => key_change(ctx, kind, acl, pattern, None),
        What::Clear { acl } => super::map::clear(ctx, kind, acl),
        What::Load { acl, file } => load_lines(ctx, kind, acl, file),
    }
}
