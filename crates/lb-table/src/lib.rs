//! Stick tables: what is remembered of clients, by a key of theirs.
//!
//! A [`Table`] holds a bounded number of [`Entry`]s, each with the numbers its [`TableSpec`] asks for. Tables are shared
//! by threads: a key's shard is locked for the time of a lookup, an entry's numbers for the time of an update.
//! Time is an argument, in milliseconds; the hash's seed is one too. What the numbers count, and when, is not known here.
//!
//! ```
//! use lb_table::{DataKind, Key, KeyType, Stored, Table, TableSpec};
//!
//! let mut spec = TableSpec::new(KeyType::Ip, 100);
//! spec.data = Stored::parse_list("gpc0,http_req_rate(10s)").unwrap();
//! let table = Table::new(spec, std::hash::RandomState::new());
//! let entry = table.hold(Key::Ip([127, 0, 0, 1].into()), 0).unwrap();
//! entry.add(DataKind::HttpReqRate, 0, 1, 0);
//! assert_eq!(entry.value(DataKind::HttpReqRate, 0, 5_000), Some(1));
//! ```

mod entry;
mod key;
mod kind;
mod rate;
mod spec;
mod table;

pub use entry::Entry;
pub use key::{Key, KeyType};
pub use kind::{DataKind, Shape};
pub use rate::Rate;
pub use spec::{ServerKey, StoreError, Stored, TableSpec};
pub use table::{Held, Removal, Table};
