//! How the live view looks: a line of numbers, a sparkline, a table, what happened.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Cell, Paragraph, Row, Sparkline, Table};

use super::{Top, View};
use crate::output::Tone;
use lb_stats::ObjectKind;

/// Draws everything.
pub fn draw(top: &mut Top<'_>, frame: &mut Frame<'_>) {
    let holders = if top.view == View::Holders { 7 } else { 0 };
    let [head, spark, body, held, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(2),
        Constraint::Min(3),
        Constraint::Length(holders),
        Constraint::Length(2),
    ])
    .areas(frame.area());
    frame.render_widget(Paragraph::new(summary(top)).style(style(top, Modifier::BOLD)), head);
    let rates: Vec<u64> = top.rates.iter().copied().collect();
    frame.render_widget(Sparkline::default().data(&rates), spark);
    let table = table(top);
    frame.render_stateful_widget(table, body, &mut top.marked);
    if holders > 0 {
        let mut lines = vec![Line::from("held by")];
        lines.extend(top.holders.iter().map(|line| Line::from(line.as_str())));
        if top.holders.is_empty() {
            lines.push(Line::from("  nobody"));
        }
        frame.render_widget(Paragraph::new(lines), held);
    }
    let keys = "q leave  Tab view  d drain  r ready  m maint  + - weight  F4 weight back";
    frame.render_widget(Paragraph::new(vec![Line::from(top.told.as_str()), Line::from(keys)]), foot);
}

fn summary(top: &Top<'_>) -> String {
    let servers = top.rows.iter().filter(|r| r.kind == ObjectKind::Server);
    let up = servers.clone().filter(|r| r.status.starts_with("UP") || r.status == "no check").count();
    let nodes: Vec<&str> = top.ctx.nodes.iter().map(|n| n.name.as_str()).collect();
    let rate = top.rates.back().copied().unwrap_or(0);
    format!("{}  {up} of {} servers up  {rate} sessions/s", nodes.join(" "), servers.count())
}

fn table(top: &Top<'_>) -> Table<'static> {
    let several = top.ctx.nodes.len() > 1;
    let headings = ["NAME", "STATUS", "WEIGHT", "SESS", "QUEUE", "RATE", "TOTAL", "ERRORS", "CHECK", "SINCE"];
    let rows: Vec<Row<'static>> = top
        .shown()
        .into_iter()
        .map(|row| {
            let node = top.ctx.nodes.get(row.node).filter(|_| several).map(|n| format!("{}: ", n.name));
            let name = format!("{}{}/{}", node.unwrap_or_default(), row.proxy, row.name);
            let status = Cell::from(row.status.clone()).style(tone(top, &row.status));
            let numbers = row.numbers.iter().map(|n| Cell::from(n.to_string()));
            let since = lb_model::human_time(std::time::Duration::from_secs(row.since));
            let rest = [Cell::from(row.check.clone()), Cell::from(since)];
            Row::new([Cell::from(name), status].into_iter().chain(numbers).chain(rest))
        })
        .collect();
    let widths = [24, 12, 6, 6, 6, 6, 8, 6, 8, 8];
    let widths = widths.iter().enumerate().map(|(at, w)| match at {
        0 => Constraint::Min(*w),
        _ => Constraint::Length(*w),
    });
    Table::new(rows, widths)
        .header(Row::new(headings).style(style(top, Modifier::BOLD)))
        .row_highlight_style(style(top, Modifier::REVERSED))
        .highlight_symbol("> ")
}

/// Emphasis is no colour, yet whoever wants none gets neither.
fn style(top: &Top<'_>, modifier: Modifier) -> Style {
    if top.ctx.out.is_on() { Style::new().add_modifier(modifier) } else { Style::new() }
}

fn tone(top: &Top<'_>, status: &str) -> Style {
    let color = match Tone::of_status(status) {
        _ if !top.ctx.out.is_on() => return Style::new(),
        Tone::Good => Color::Green,
        Tone::Warn => Color::Yellow,
        Tone::Bad => Color::Red,
        Tone::Plain => return Style::new(),
    };
    Style::new().fg(color)
}
