//! Statistics fields, each written down once, and the forms they travel in: CSV, typed lines, JSON
//! and its schema, `show info`, the server tables; and the way back, for clients.
//!
//! This crate knows names, tags, types and shapes. It does not count anything: whoever owns the
//! counters implements [`StatSource`] and [`InfoSource`], and the writers loop over the tables.
//! Everything is appended to a `Vec<u8>`; a row of numbers is written without allocating.

mod info;
mod info_fields;
mod metrics;
mod other_metrics;
mod parse;
mod reader;
mod saved;
mod schema;
mod servers;
mod stat;
mod stat_fields;
mod stats_file;
mod table;
mod tags;
mod value;

pub use info::{InfoFormat, InfoShape, InfoSource, write_info};
pub use info_fields::InfoField;
pub use metrics::{FAMILIES, Family, PROCESS_FAMILIES, ProcessFamily, Tally};
pub use other_metrics::{OtherFamily, RESOLVER_FAMILIES, TABLE_FAMILIES};
pub use parse::{Info, ParseError};
pub use reader::StatReader;
pub use saved::{SavedLine, SavedServer, SavedTarget, StateFileFault, read_state_file};
pub use schema::write_schema;
pub use servers::{
    ConnRow, SERVERS_STATE_COLUMNS, SERVERS_STATE_VERSION, ServerStateRow, parse_servers_conn, parse_servers_state,
    servers_state, write_servers_conn_header, write_servers_state_header,
};
pub use stat::{StatFormat, StatSource, StatWriter, write_csv_header, write_csv_row, write_json_row, write_typed_row};
pub use stat_fields::StatField;
pub use stats_file::{Block, KeptRow, read_stats_file, write_kept_head, write_kept_row};
pub use table::{StatRow, StatTable};
pub use tags::{Kinds, Nature, ObjectKind, Origin, Persistence, Scope, Tags, ValueType};
pub use value::Value;
