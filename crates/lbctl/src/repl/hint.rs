//! Hints behind the cursor: what was typed before, or what the grammars want next.

use rustyline::hint::Hint;

/// A hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    shown: String,
    /// What the right arrow types; what the grammar wants is not there to be typed.
    typed: Option<String>,
}

impl Hint for Next {
    fn display(&self) -> &str {
        &self.shown
    }

    fn completion(&self) -> Option<&str> {
        self.typed.as_deref()
    }
}

/// How wide what the grammar wants may be.
const WIDEST: usize = 60;

impl Next {
    /// The rest of a line that was typed before. Without colours it would look typed: brackets tell.
    pub fn history(rest: String, coloured: bool) -> Option<Self> {
        let shown = if coloured { rest.clone() } else { format!("  ({rest})") };
        (!rest.is_empty()).then_some(Self { shown, typed: Some(rest) })
    }

    /// What the grammar wants.
    pub fn grammar(wanted: &str) -> Option<Self> {
        let mut shown: String = wanted.chars().take(WIDEST).collect();
        if shown.len() < wanted.len() {
            shown.push('…');
        }
        (!shown.is_empty()).then_some(Self { shown, typed: None })
    }
}

/// What the node's command wants behind these words.
pub fn of_node(words: &[&str]) -> Option<String> {
    let command = lb_admin::find(words)?;
    let given = words.len().saturating_sub(command.words.split(' ').count());
    let wanted: Vec<&str> = command.usage.split_whitespace().skip(command.words.split(' ').count() + given).collect();
    let line = words.iter().chain(&[""]).copied().collect::<Vec<_>>().join(" ");
    let next = lb_admin::complete(&line, &Nothing).candidates;
    if next.is_empty() { (!wanted.is_empty()).then(|| wanted.join(" ")) } else { Some(next.join("|")) }
}

/// What lbctl's command wants behind these words.
pub fn of_own(root: &clap::Command, words: &[&str]) -> Option<String> {
    let mut command = root;
    let mut rest = words;
    while let Some((first, behind)) = rest.split_first()
        && let Some(sub) = command.find_subcommand(first)
    {
        (command, rest) = (sub, behind);
    }
    if rest.len() == words.len() {
        return None;
    }
    if rest.is_empty() && command.has_subcommands() {
        let names: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
        return Some(names.join("|"));
    }
    // Which words are values of options is not known without reading all of them.
    if rest.iter().any(|word| word.starts_with('-')) {
        return None;
    }
    let wanted = command.get_positionals().skip(rest.len()).map(|argument| {
        let name = argument.get_value_names().and_then(|n| n.first()).map_or("", |n| n.as_str());
        let many = argument.get_num_args().is_some_and(|n| n.max_values() > 1);
        let more = if many { "..." } else { "" };
        if argument.is_required_set() { format!("<{name}>{more}") } else { format!("[{name}]{more}") }
    });
    let wanted: Vec<String> = wanted.collect();
    (!wanted.is_empty()).then(|| wanted.join(" "))
}

/// No names: only words.
struct Nothing;

impl lb_admin::Names for Nothing {
    fn backends(&self) -> Vec<String> {
        Vec::new()
    }

    fn frontends(&self) -> Vec<String> {
        Vec::new()
    }

    fn servers(&self, _: &str) -> Vec<String> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(line: &str) -> String {
        of_node(&line.split(' ').collect::<Vec<_>>()).unwrap_or_default()
    }

    fn own(line: &str) -> String {
        let mut command = <crate::cli::Cli as clap::CommandFactory>::command();
        command.build();
        of_own(&command, &line.split(' ').collect::<Vec<_>>()).unwrap_or_default()
    }

    #[test]
    fn what_the_grammars_want() {
        assert_eq!(node("get weight"), "<bk>/<srv>");
        assert_eq!(node("set server app/web1 state"), "drain|maint|ready");
        assert_eq!(node("set map #0"), "[<key>|#<ref>] <value>");
        assert_eq!(node("nothing"), "");
        assert_eq!(own("drain"), "[TARGET]...");
        assert_eq!(own("weight"), "<TARGET>... <WEIGHT>");
        assert_eq!(own("map set"), "<MAP> <KEY> <VALUE>");
        assert_eq!(own("map set hosts.map"), "<KEY> <VALUE>");
        assert_eq!(own("counters"), "clear");
        assert_eq!(own("drain --wait"), "");
        assert_eq!(own("get"), "");
    }
}
