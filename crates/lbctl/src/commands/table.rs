//! `lbctl table`.

use lb_client::Line;

use crate::context::Context;
use crate::fault::Fault;
use crate::lines::{Told, on_nodes, send};

/// What to do with a stick table.
#[derive(Debug, Clone, clap::Subcommand)]
#[command(
    after_help = "Examples:\n  lbctl table set app 192.0.2.7 gpc0=1\n  lbctl table clear app --key 192.0.2.7\n  lbctl \
                        table clear app --data 'gpc0 gt 5'"
)]
pub enum What {
    /// Make or change an entry
    #[command(after_help = "Example:\n  lbctl table set app 192.0.2.7 gpc0=1 server_id=2")]
    Set {
        /// The table: its proxy's name
        #[arg(add = clap_complete::engine::ArgValueCompleter::new(crate::complete::tables))]
        table: String,
        /// The entry's key
        #[arg(add = clap_complete::engine::ArgValueCompleter::new(crate::complete::keys))]
        key: String,
        /// What it stores, as TYPE=VALUE
        #[arg(required = true, value_name = "TYPE=VALUE", value_parser = data)]
        data: Vec<(String, String)>,
    },
    /// Remove entries: one key's, those a filter meets, or all
    #[command(
        after_help = "Examples:\n  lbctl table clear app --key 192.0.2.7\n  lbctl table clear app --data 'gpc0 gt 5'\n  \
                            lbctl table clear app --all"
    )]
    Clear {
        /// The table: its proxy's name
        #[arg(add = clap_complete::engine::ArgValueCompleter::new(crate::complete::tables))]
        table: String,
        /// Only this key's
        #[arg(
            long,
            conflicts_with_all = ["data", "all"],
            required_unless_present_any = ["data", "all"],
            add = clap_complete::engine::ArgValueCompleter::new(crate::complete::keys)
        )]
        key: Option<String>,
        /// Only those that meet 'TYPE eq|ne|le|ge|lt|gt VALUE'
        #[arg(long, value_name = "FILTER", conflicts_with = "all", value_parser = filter)]
        data: Option<[String; 3]>,
        /// All of them
        #[arg(long)]
        all: bool,
    },
}

fn data(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("this is TYPE=VALUE, such as gpc0=1")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn filter(text: &str) -> Result<[String; 3], String> {
    let words: Vec<String> = text.split_ascii_whitespace().map(str::to_owned).collect();
    let wrong = "this is a type, eq, ne, le, ge, lt or gt, and a value: 'gpc0 gt 5'";
    let [name, compare, value]: [String; 3] = words.try_into().map_err(|_| wrong)?;
    if !matches!(compare.as_str(), "eq" | "ne" | "le" | "ge" | "lt" | "gt") {
        return Err(wrong.to_owned());
    }
    Ok([name, compare, value])
}

/// Runs it.
///
/// # Errors
/// When there is no such table or type of data.
pub fn run(what: &What, ctx: &Context) -> Result<(), Fault> {
    let (words, plan, state, table) = match what {
        What::Set { table, key, data } => {
            let mut words = vec!["set".to_owned(), "table".into(), table.clone(), "key".into(), key.clone()];
            for (name, value) in data {
                words.extend([format!("data.{name}"), value.clone()]);
            }
            (words, format!("set the entry {key}"), format!("{key} is set"), table)
        }
        What::Clear { table, key, data, .. } => {
            let mut words = vec!["clear".to_owned(), "table".into(), table.clone()];
            let which = match (key, data) {
                (Some(key), _) => {
                    words.extend(["key".into(), key.clone()]);
                    format!("the entry {key}")
                }
                (None, Some([name, compare, value])) => {
                    words.extend([format!("data.{name}"), compare.clone(), value.clone()]);
                    format!("entries where {name} {compare} {value}")
                }
                (None, None) => "every entry".to_owned(),
            };
            (words, format!("remove {which}"), format!("without {which}"), table)
        }
    };
    on_nodes(ctx, |one, report| {
        let line = Line::words(&words).map_err(lb_client::Error::from)?;
        let told = Told { object: table, action: "table", plan: &plan, state: &state };
        if send(one, report, &line, &told)? {
            crate::apply::note_change(one, table, "its entries", "", &words.join(" "));
        }
        Ok(())
    })
}
