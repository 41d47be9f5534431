//! `show leases`.

use crate::control::{Control, short_time};
use lb_admin::Reply;
use std::fmt::Write;

/// The changes that end by themselves, in the order in which they were made.
pub(super) fn show(control: &Control) -> Reply {
    let ledger = control.ledger.borrow();
    let mut text = "# be_name/srv_name what; how long; whose\n".to_owned();
    for lease in ledger.leases.values() {
        let left = short_time(lease.until.saturating_sub(control.now()));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{} {}; {left} left; by {}", lease.name, lease.leased.text(), lease.by);
    }
    Reply::Raw(text.into_bytes())
}
