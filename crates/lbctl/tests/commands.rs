//! Each command against `lbd` and against a real HAProxy: what it prints, and how it ends.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[macro_use]
mod support;

#[path = "commands/certificates.rs"]
mod certificates;
#[path = "commands/changing.rs"]
mod changing;
#[path = "commands/connections.rs"]
mod connections;
#[path = "commands/converts.rs"]
mod converts;
#[path = "commands/coverage.rs"]
mod coverage;
#[path = "commands/diffs.rs"]
mod diffs;
#[path = "commands/doctor.rs"]
mod doctor;
#[path = "commands/drains.rs"]
mod drains;
#[path = "commands/ends.rs"]
mod ends;
#[path = "commands/etcd.rs"]
mod etcd;
#[path = "commands/every.rs"]
mod every;
#[path = "commands/failures.rs"]
mod failures;
#[path = "commands/forbidden.rs"]
mod forbidden;
#[path = "commands/help.rs"]
mod help;
#[path = "commands/journal.rs"]
mod journal;
#[path = "commands/kills.rs"]
mod kills;
#[path = "commands/listing.rs"]
mod listing;
#[path = "commands/looking.rs"]
mod looking;
#[path = "commands/nodes.rs"]
mod nodes;
#[path = "commands/objects.rs"]
mod objects;
#[path = "commands/pair.rs"]
mod pair;
#[path = "commands/partial.rs"]
mod partial;
#[path = "commands/plans.rs"]
mod plans;
#[path = "commands/raw.rs"]
mod raw;
#[path = "commands/rolls.rs"]
mod rolls;
#[path = "commands/scripts.rs"]
mod scripts;
#[path = "commands/settings.rs"]
mod settings;
#[path = "commands/showing.rs"]
mod showing;
#[path = "commands/ssh.rs"]
mod ssh;
#[path = "commands/states.rs"]
mod states;
#[path = "commands/surprises.rs"]
mod surprises;
#[path = "commands/traffic.rs"]
mod traffic;
#[path = "commands/trap_table.rs"]
mod trap_table;
#[path = "commands/traps.rs"]
mod traps;
#[path = "commands/usage.rs"]
mod usage;
#[path = "commands/waiting.rs"]
mod waiting;
#[path = "commands/workers.rs"]
mod workers;
