//! Rows chosen, ordered and cut: `--filter`, `--sort`, `--columns`, on whatever a command shows.

use std::cmp::Ordering;
use std::str::FromStr;
use std::time::Duration;

use super::{Cell, Format, Sheet};
use crate::cli::duration;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::target::{glob, nearest};

/// Which rows and columns, in which order, and how often.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Shape {
    /// Columns to show, by their headings or their names in JSON
    #[arg(long, global = true, value_delimiter = ',', value_name = "NAMES", add = clap_complete::engine::ArgValueCompleter::new(crate::complete::columns))]
    pub columns: Vec<String>,
    /// Order rows by columns; -COLUMN from the largest down
    #[arg(long, global = true, value_delimiter = ',', value_name = "COLUMNS", allow_hyphen_values = true, add = clap_complete::engine::ArgValueCompleter::new(crate::complete::orders))]
    pub sort: Vec<String>,
    /// Only rows where COLUMN=VALUE; also !=, <, <=, >, >=, and ~ for 'contains' or a pattern with * and ? (repeatable)
    #[arg(long = "filter", global = true, value_name = "CONDITION", add = clap_complete::engine::ArgValueCompleter::new(crate::complete::filters))]
    pub filters: Vec<Filter>,
    /// Show it again and again until Ctrl-C; * marks what has changed
    #[arg(long, global = true, value_name = "TIME", value_parser = duration)]
    pub watch: Option<Duration>,
    /// With --watch: end after so many times
    #[arg(long, global = true, value_name = "N")]
    pub times: Option<u64>,
}

/// A condition on one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    column: String,
    operator: Operator,
    value: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    More,
    MoreOrEqual,
    Like,
}

/// Longer ones first: `<=` is no `<` before a `=`.
const OPERATORS: &[(&str, Operator)] = &[
    ("!=", Operator::Unequal),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::MoreOrEqual),
    ("=", Operator::Equal),
    ("<", Operator::Less),
    (">", Operator::More),
    ("~", Operator::Like),
];

impl FromStr for Filter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is no condition: write COLUMN=VALUE, with =, !=, <, <=, >, >= or ~");
        let at = text.find(['=', '!', '<', '>', '~']).filter(|at| *at > 0).ok_or_else(wrong)?;
        let (column, rest) = text.split_at(at);
        let found = OPERATORS.iter().find_map(|(word, operator)| Some((*operator, rest.strip_prefix(word)?)));
        let (operator, value) = found.ok_or_else(wrong)?;
        Ok(Self { column: column.trim().to_owned(), operator, value: value.trim().to_owned() })
    }
}

impl Filter {
    fn holds(&self, cell: &Cell) -> bool {
        let text = cell.plain();
        match self.operator {
            Operator::Equal => self.equals(cell, &text),
            Operator::Unequal => !self.equals(cell, &text),
            Operator::Like => {
                let (text, wanted) = (text.to_lowercase(), self.value.to_lowercase());
                if wanted.contains(['*', '?']) { glob(&wanted, &text) } else { text.contains(&wanted) }
            }
            // What is no number is neither more nor less than one.
            order => match (number(cell, &text), number(cell, &self.value)) {
                (Some(a), Some(b)) => match order {
                    Operator::Less => a < b,
                    Operator::LessOrEqual => a <= b,
                    Operator::More => a > b,
                    _ => a >= b,
                },
                _ => false,
            },
        }
    }

    fn equals(&self, cell: &Cell, text: &str) -> bool {
        let same = |a: &str| a.eq_ignore_ascii_case(&self.value);
        same(text) || same(&cell.shown()) || number(cell, text).is_some_and(|n| number(cell, &self.value) == Some(n))
    }
}

/// The number of a text; of a time `5m` too.
fn number(cell: &Cell, text: &str) -> Option<f64> {
    let time = || matches!(cell, Cell::Seconds(_)).then(|| duration(text).ok().map(|d| d.as_secs_f64())).flatten();
    text.parse().ok().or_else(time)
}

impl Shape {
    /// Whether rows or columns are not simply those of the format.
    pub fn is_given(&self) -> bool {
        !(self.columns.is_empty() && self.sort.is_empty() && self.filters.is_empty())
    }

    /// Shapes a sheet that has all its columns.
    ///
    /// # Errors
    /// When a column is named that is not there.
    pub fn apply(&self, mut sheet: Sheet, format: Format) -> Result<Sheet, Fault> {
        for filter in &self.filters {
            let at = sheet.find(&filter.column)?;
            sheet.rows.retain(|row| row.get(at).is_some_and(|cell| filter.holds(cell)));
        }
        // The first column named weighs most: sorts are stable.
        for name in self.sort.iter().rev() {
            let (name, down) = name.strip_prefix('-').map_or((name.as_str(), false), |name| (name, true));
            let at = sheet.find(name)?;
            sheet.rows.sort_by(|a, b| {
                let order = compare(a.get(at), b.get(at));
                if down { order.reverse() } else { order }
            });
        }
        if self.columns.is_empty() {
            return Ok(visible(sheet, format));
        }
        let named = self.columns.iter().map(|name| sheet.find(name)).collect::<Result<Vec<_>, _>>()?;
        // Which node is never a question to be left open.
        let node = sheet.keys.first().is_some_and(|key| key == "node").then_some(0);
        let wanted: Vec<usize> =
            node.into_iter().filter(|at| !named.contains(at)).chain(named.iter().copied()).collect();
        Ok(sheet.only(&wanted, true))
    }
}

/// A sheet without the columns that the format does not show.
pub fn visible(sheet: Sheet, format: Format) -> Sheet {
    let wanted: Vec<usize> =
        (0..sheet.keys.len()).filter(|at| sheet.shown.get(*at).is_none_or(|shown| shown.within(format))).collect();
    sheet.only(&wanted, false)
}

/// Numbers by their size, texts by their letters with the numbers in them, and what is empty first.
fn compare(a: Option<&Cell>, b: Option<&Cell>) -> Ordering {
    let (Some(a), Some(b)) = (a, b) else { return Ordering::Equal };
    let (ta, tb) = (a.plain(), b.plain());
    match (number(a, &ta), number(b, &tb)) {
        (Some(x), Some(y)) => x.total_cmp(&y),
        _ => natural(&ta).cmp(&natural(&tb)),
    }
}

/// `web10` after `web9`: runs of digits weigh by their length first.
fn natural(text: &str) -> Vec<(usize, String)> {
    let mut parts: Vec<(usize, String)> = Vec::new();
    let mut digits = None;
    for c in text.chars() {
        if digits != Some(c.is_ascii_digit()) {
            parts.push((0, String::new()));
        }
        digits = Some(c.is_ascii_digit());
        if let Some((length, part)) = parts.last_mut() {
            part.push(c);
            *length += usize::from(c.is_ascii_digit());
        }
    }
    parts
}

impl Sheet {
    /// The place of a column, by its key or heading.
    fn find(&self, name: &str) -> Result<usize, Fault> {
        let by = |names: &[String]| names.iter().position(|n| n.eq_ignore_ascii_case(name));
        by(&self.keys).or_else(|| by(&self.headings)).ok_or_else(|| {
            let near = nearest(name, self.keys.iter().map(String::as_str));
            let hint = match near {
                Some(near) => format!("did you mean '{near}'?"),
                None => format!("there are {}", self.keys.join(" ")),
            };
            Fault::new(Exit::NotFound, format!("there is no column '{name}'")).hint(hint)
        })
    }

    fn only(self, wanted: &[usize], chosen: bool) -> Self {
        let names = |all: &[String]| wanted.iter().filter_map(|at| all.get(*at)).cloned().collect();
        // Each row goes as soon as what is wanted of it is taken.
        let pick = |row: Vec<Cell>| wanted.iter().filter_map(|at| row.get(*at)).cloned().collect();
        Self {
            keys: names(&self.keys),
            headings: names(&self.headings),
            shown: wanted.iter().filter_map(|at| self.shown.get(*at)).copied().collect(),
            rows: self.rows.into_iter().map(pick).collect(),
            pairs: self.pairs && !chosen,
        }
    }

    /// Marks what is not as it was: other values, and rows that were not there. Times pass by themselves.
    #[must_use]
    pub fn against(mut self, before: &Self) -> Self {
        let naming = self.keys.iter().take_while(|k| matches!(k.as_str(), "node" | "pxname" | "svname")).count();
        let naming = match self.keys.first().map(String::as_str) {
            Some("node") if naming == 1 => 2,
            _ => naming.max(1),
        };
        let former: std::collections::HashMap<Vec<String>, &Vec<Cell>> =
            before.rows.iter().map(|row| (row.iter().take(naming).map(Cell::plain).collect(), row)).collect();
        for row in &mut self.rows {
            let name: Vec<String> = row.iter().take(naming).map(Cell::plain).collect();
            let was = former.get(&name);
            for (at, cell) in row.iter_mut().enumerate() {
                let same = match (was.and_then(|was| was.get(at)), &*cell) {
                    (Some(_), Cell::Seconds(_)) => true,
                    (Some(was), now) => was == now,
                    (None, _) => at + 1 != naming,
                };
                if !same {
                    *cell = Cell::Changed(Box::new(cell.clone()));
                }
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet() -> Sheet {
        let row = |name: &str, status: &str, n: Option<u64>, t: u64| {
            vec![Cell::Text(name.into()), Cell::Text(status.into()), Cell::number(n), Cell::Seconds(t)]
        };
        let keys = ["server", "status", "sessions", "since"].map(str::to_owned).to_vec();
        let rows = vec![
            row("a/web10", "UP", Some(3), 600),
            row("a/web9", "DOWN", Some(12), 5),
            row("a/web1", "UP 1/3", None, 90),
        ];
        Sheet::dynamic(keys, rows)
    }

    #[track_caller]
    fn check(filters: &[&str], sort: &[&str], expected: &str) {
        let shape = Shape {
            filters: filters.iter().map(|f| f.parse().unwrap()).collect(),
            sort: sort.iter().map(|s| (*s).to_owned()).collect(),
            ..Shape::default()
        };
        let told = match shape.apply(sheet(), Format::Table) {
            Ok(sheet) => sheet.rows.iter().map(|row| row[0].plain()).collect::<Vec<_>>().join(" "),
            Err(fault) => format!("{} / {}", fault.message, fault.hint.unwrap_or_default()),
        };
        assert_eq!(told, expected, "{filters:?} {sort:?}");
    }

    #[test]
    fn rows_are_chosen_and_ordered() {
        check(&["status=up"], &[], "a/web10");
        check(&["status!=up"], &[], "a/web9 a/web1");
        check(&["STATUS~up"], &[], "a/web10 a/web1");
        check(&["server~*9"], &[], "a/web9");
        check(&["sessions>3"], &[], "a/web9");
        check(&["sessions>=3"], &[], "a/web10 a/web9");
        check(&["sessions<99"], &[], "a/web10 a/web9");
        check(&["since>1m", "status~up"], &[], "a/web10 a/web1");
        check(&["since<=90"], &[], "a/web9 a/web1");
        check(&[], &["server"], "a/web1 a/web9 a/web10");
        check(&[], &["-sessions"], "a/web9 a/web10 a/web1");
        check(&[], &["since"], "a/web9 a/web1 a/web10");
        check(&["stats=UP"], &[], "there is no column 'stats' / did you mean 'status'?");
        check(&[], &["zzzzzzz"], "there is no column 'zzzzzzz' / there are server status sessions since");
        assert!("=UP".parse::<Filter>().is_err() && "status".parse::<Filter>().is_err());
        assert!("status!UP".parse::<Filter>().is_err());
    }

    #[test]
    fn what_has_changed_is_marked() {
        let mut later = sheet();
        later.rows[0][1] = Cell::Text("DOWN".into());
        later.rows[0][3] = Cell::Seconds(601);
        later.rows[1][0] = Cell::Text("a/new".into());
        let marked: Vec<Vec<String>> =
            later.against(&sheet()).rows.iter().map(|row| row.iter().map(Cell::shown).collect()).collect();
        assert_eq!(marked[0], ["a/web10", "DOWN*", "3", "10m1s"]);
        assert_eq!(marked[1], ["a/new*", "DOWN", "12", "5s"]);
        assert_eq!(marked[2], ["a/web1", "UP 1/3", "-", "1m30s"]);
    }
}
