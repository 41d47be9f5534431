//! Tables: with rules on a terminal they fit, elsewhere plain aligned columns.

use std::io::{self, Write};

use comfy_table::{Attribute, CellAlignment, Color, ContentArrangement, Table, presets};

use super::{Cell, Palette, Tone};

/// Whether the terminal is wide enough for [`boxed`]. Where it is not, whole lines that the terminal
/// wraps are read more easily than words cut to columns of three letters.
pub fn fits(headings: &[String], rows: &[Vec<Cell>]) -> bool {
    let width: usize = headings
        .iter()
        .enumerate()
        .map(|(at, heading)| {
            let cells = rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.shown().chars().count());
            cells.max().unwrap_or(0).max(heading.chars().count()) + PADDING
        })
        .sum();
    width <= columns().into()
}

/// A blank on either side of each cell.
const PADDING: usize = 2;

/// For a terminal.
pub fn boxed(headings: &[String], rows: &[Vec<Cell>], palette: Palette) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Disabled);
    if palette.is_on() {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    table.set_header(headings.iter().map(|h| comfy_table::Cell::new(h).add_attribute(Attribute::Bold)));
    let numeric = numeric(headings, rows);
    for row in rows {
        table.add_row(row.iter().zip(&numeric).map(|(cell, numeric)| {
            let shown = comfy_table::Cell::new(cell.shown());
            let shown = if *numeric { shown.set_alignment(CellAlignment::Right) } else { shown };
            match cell {
                Cell::Toned(_, Tone::Good) => shown.fg(Color::Green),
                Cell::Toned(_, Tone::Warn) => shown.fg(Color::Yellow),
                Cell::Toned(_, Tone::Bad) => shown.fg(Color::Red),
                Cell::Changed(_) => shown.add_attribute(Attribute::Reverse),
                _ => shown,
            }
        }));
    }
    table
}

/// How wide a terminal is taken to be that does not know it: a serial line, or one that a program made.
const UNKNOWN_WIDTH: u16 = 80;

fn columns() -> u16 {
    comfy_table::Table::new().width().filter(|width| *width > 0).unwrap_or(UNKNOWN_WIDTH)
}

/// Which columns hold numbers and nothing else: these are aligned at the right.
fn numeric(headings: &[String], rows: &[Vec<Cell>]) -> Vec<bool> {
    let of = |at: usize| {
        let mut cells = rows.iter().filter_map(|row| row.get(at)).filter(|cell| **cell != Cell::Empty).peekable();
        cells.peek().is_some() && cells.all(Cell::is_numeric)
    };
    (0..headings.len()).map(of).collect()
}

/// For a pipe or a narrow terminal: columns aligned by spaces, nothing wrapped, no trailing blanks.
pub fn plain(headings: &[String], rows: &[Vec<Cell>], palette: Palette, out: &mut dyn Write) -> io::Result<()> {
    let numeric = numeric(headings, rows);
    // Each cell is written twice, once to be measured: ten thousand rows of texts that wait cost more.
    let mut word = String::new();
    let mut widths: Vec<usize> = headings.iter().map(|h| h.chars().count()).collect();
    for row in rows {
        for (cell, width) in row.iter().zip(&mut widths) {
            word.clear();
            cell.show(&mut word);
            *width = (*width).max(word.chars().count());
        }
    }
    let mut text = String::new();
    let mut end = |text: &mut String| {
        text.truncate(text.trim_end_matches(' ').len());
        text.push('\n');
        let written = out.write_all(text.as_bytes());
        text.clear();
        written
    };
    let pad = |text: &mut String, blanks: usize| text.extend(std::iter::repeat_n(' ', blanks));
    for ((heading, width), right) in headings.iter().zip(&widths).zip(&numeric) {
        let blanks = width.saturating_sub(heading.chars().count());
        pad(&mut text, if *right { blanks } else { 0 });
        text.push_str(heading);
        pad(&mut text, if *right { 2 } else { blanks + 2 });
    }
    end(&mut text)?;
    for row in rows {
        for ((cell, width), right) in row.iter().zip(&widths).zip(&numeric) {
            word.clear();
            cell.show(&mut word);
            let blanks = width.saturating_sub(word.chars().count());
            pad(&mut text, if *right { blanks } else { 0 });
            match cell {
                Cell::Toned(_, tone) if palette.is_on() => text.push_str(&palette.tone(&word, *tone)),
                Cell::Changed(_) if palette.is_on() => text.push_str(&palette.changed(&word)),
                _ => text.push_str(&word),
            }
            pad(&mut text, if *right { 2 } else { blanks + 2 });
        }
        end(&mut text)?;
    }
    Ok(())
}

/// Each row a block: its number, then a line for each column.
pub fn expanded(headings: &[String], rows: &[Vec<Cell>], palette: Palette) -> String {
    let width = headings.iter().map(|h| h.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for (at, row) in rows.iter().enumerate() {
        let name = row.first().map(Cell::plain).unwrap_or_default();
        text.push_str(&palette.bold(&format!("-- {} {name}", at + 1)));
        text.push('\n');
        for (heading, cell) in headings.iter().zip(row) {
            let shown = cell.shown();
            let painted = match cell {
                Cell::Toned(_, tone) => palette.tone(&shown, *tone),
                Cell::Changed(_) => palette.changed(&shown),
                _ => shown,
            };
            let blanks = " ".repeat(width - heading.chars().count().min(width));
            text.push_str(&format!("{heading}{blanks}  {painted}\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn plain(headings: &[String], rows: &[Vec<Cell>], palette: Palette) -> String {
        let mut out = Vec::new();
        super::plain(headings, rows, palette, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn columns_align() {
        let rows = vec![
            vec![Cell::Text("app/web1".into()), Cell::Toned("UP".into(), Tone::Good), Cell::Number(7)],
            vec![Cell::Text("a/b".into()), Cell::Toned("no check".into(), Tone::Plain), Cell::Number(12345)],
            vec![Cell::Text("a/c".into()), Cell::Empty, Cell::Empty],
        ];
        let headings = ["SERVER", "STATUS", "SESS"].map(str::to_owned);
        expect![[r#"
            SERVER    STATUS     SESS
            app/web1  UP            7
            a/b       no check  12345
            a/c       -             -
        "#]]
        .assert_eq(&plain(&headings, &rows, Palette::PLAIN));
        expect![[r#"
            -- 1 app/web1
            SERVER  app/web1
            STATUS  UP
            SESS    7
            -- 2 a/b
            SERVER  a/b
            STATUS  no check
            SESS    12345
            -- 3 a/c
            SERVER  a/c
            STATUS  -
            SESS    -
        "#]]
        .assert_eq(&expanded(&headings, &rows, Palette::PLAIN));
        let rows = vec![
            vec![Cell::Text("Name".into()), Cell::Text("HAProxy".into())],
            vec![Cell::Text("Nbthread".into()), Cell::Number(1)],
        ];
        expect![[r#"
            KEY       VALUE
            Name      HAProxy
            Nbthread  1
        "#]]
        .assert_eq(&plain(&["KEY", "VALUE"].map(str::to_owned), &rows, Palette::PLAIN));
    }
}
