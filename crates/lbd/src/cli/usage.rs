//! The usage text, from the option table.

use super::table::{OPTIONS, Row, Takes};
use std::fmt::Write;

/// The text printed after the version when a command line is refused.
pub fn usage() -> String {
    let mut text = String::from(
        "Usage : lbd [-f <cfgfile|cfgdir>]* [ -vdVD ] [ -n <maxconn> ] [ -N <maxpconn> ]\n        \
         [ -p <pidfile> ] [ -m <megabytes> ] [ -C <dir> ] [-- <cfgfile>*]\n",
    );
    for row in OPTIONS {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "        {:<26} {}", spelled(row), row.summary);
    }
    text.push('\n');
    text
}

/// An option with its value, as usage text and manual page show it.
pub fn spelled(row: &Row) -> String {
    match row.takes {
        Takes::Nothing => row.spelling.to_owned(),
        Takes::One(value) => format!("{} <{value}>", row.spelling),
        Takes::Glued(value) => format!("{}[{value}]", row.spelling),
        Takes::Many(value) => format!("{} [<{value}>]*", row.spelling),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_every_option_once_within_a_screen_width() {
        let text = usage();
        for row in OPTIONS {
            let start = format!("        {} ", spelled(row));
            assert_eq!(text.lines().filter(|line| line.starts_with(&start)).count(), 1, "{}", row.spelling);
        }
        assert!(text.lines().all(|line| line.len() <= 120));
    }
}
