//! The stick tables of a configuration, shared by all threads.

use crate::shared::Shared;
use lb_config::model::{self, Config, TableIdx, TableRef};
use lb_table::Table;
use std::collections::BTreeMap;
use std::hash::RandomState;
use std::time::Duration;

/// How often tables are rid of entries whose time is over.
const EXPIRY: Duration = Duration::from_secs(1);
/// Entries looked at each time, of each part of a table.
const EXPIRY_BUDGET: usize = 256;

/// A stick table at run time.
#[derive(Debug)]
pub struct StickTable {
    /// Its configuration.
    pub config: &'static model::StickTable,
    /// Its entries.
    pub table: Table,
}

/// All stick tables.
#[derive(Debug, Default)]
pub struct Tables {
    list: Vec<StickTable>,
    by_name: BTreeMap<&'static str, usize>,
}

impl Tables {
    /// The tables of a configuration, empty.
    pub fn new(config: &'static Config) -> Self {
        let hasher = RandomState::new();
        let table = |config: &'static model::StickTable| StickTable {
            config,
            table: Table::new(config.spec.clone(), hasher.clone()),
        };
        Self {
            list: config.tables.iter().map(table).collect(),
            by_name: config.tables.iter().enumerate().map(|(index, table)| (&*table.name, index)).collect(),
        }
    }

    /// The table of that name.
    pub fn find(&self, name: &str) -> Option<&StickTable> {
        self.list.get(*self.by_name.get(name)?)
    }

    /// The table that a rule means. Rules that came with a backend made at run time know its name only.
    pub fn of(&self, table: &TableRef) -> Option<&StickTable> {
        self.get(table.index).or_else(|| self.find(table.name.as_deref()?))
    }

    /// The table of that index.
    pub fn get(&self, index: Option<TableIdx>) -> Option<&StickTable> {
        self.list.get(index?.0)
    }

    /// All tables, in the order of their declaration.
    pub fn list(&self) -> &[StickTable] {
        &self.list
    }
}

/// Drops expired entries for as long as the process lives. Lookups do not see them anyway: this gives their memory back.
pub async fn expire(shared: &'static Shared) {
    if shared.tables.list.iter().all(|table| table.config.spec.expire_ms.is_none()) {
        return;
    }
    loop {
        tokio::time::sleep(EXPIRY).await;
        let now_ms = shared.clock.now_ms();
        for table in &shared.tables.list {
            table.table.expire(now_ms, EXPIRY_BUDGET);
        }
    }
}
