//! How the live view looks: a line of numbers, a sparkline, a table, what happened, the keys.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, Cell, Clear, Paragraph, Row, Sparkline, Table, TableState};

use lb_stats::{ObjectKind, StatField, StatRow};

use super::keys::{self, KEYS};
use super::views::View;
use super::{Over, Top};
use crate::output::Tone;

/// Draws everything.
pub fn draw(top: &mut Top<'_>, frame: &mut Frame<'_>) {
    let below = match top.view {
        View::Holders => Constraint::Length(7),
        View::Line => Constraint::Percentage(60),
        _ => Constraint::Length(0),
    };
    let [head, spark, body, more, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(2),
        Constraint::Min(3),
        below,
        Constraint::Length(2),
    ])
    .areas(frame.area());
    frame.render_widget(Paragraph::new(summary(top)).style(style(top, Modifier::BOLD)), head);
    let rates: Vec<u64> = top.rates.iter().copied().collect();
    frame.render_widget(Sparkline::default().data(&rates), spark);
    rows(top, frame, body);
    match top.view {
        View::Holders => holders(top, frame, more),
        View::Line => line(top, frame, more),
        _ => {}
    }
    let foot_lines = vec![Line::from(top.told.as_str()), Line::from(views(top))];
    frame.render_widget(Paragraph::new(foot_lines), foot);
    match top.over {
        Over::Nothing => {}
        Over::Help => {
            let lines = KEYS.iter().map(|key| format!("{:<10} {}", key.names, key.tells)).collect();
            window(top, frame, "keys", lines, None);
        }
        Over::Menu(at) => {
            let lines = keys::changes().map(|(key, _)| format!("{:<6} {}", key.names, key.tells)).collect();
            window(top, frame, "Enter does it, Esc does not", lines, Some(at));
        }
    }
}

fn summary(top: &Top<'_>) -> String {
    let shown = top.shown();
    let servers: Vec<&StatRow<'_>> =
        shown.iter().map(|(_, row)| row).filter(|row| row.kind() == Some(ObjectKind::Server)).collect();
    let serves = |row: &&&StatRow<'_>| {
        let status = row.get(StatField::Status).unwrap_or("");
        status.starts_with("UP") || status == "no check"
    };
    let up = servers.iter().filter(serves).count();
    let nodes: Vec<&str> = top.ctx.nodes.iter().map(|n| n.name.as_str()).collect();
    let rate = top.rates.back().copied().unwrap_or(0);
    format!("{}  {up} of {} servers up  {rate} sessions/s", nodes.join(" "), servers.len())
}

/// `[1 status] 2 traffic …`: the view, also where nothing is emphasised.
fn views(top: &Top<'_>) -> String {
    let views = View::ALL.iter().enumerate().map(|(at, view)| {
        let title = format!("{} {}", at + 1, view.title());
        if *view == top.view { format!("[{title}]") } else { format!(" {title} ") }
    });
    let keys = match top.view {
        View::Line => "Enter sends  Esc back  Ctrl-C leave",
        _ => "d drain  r ready  m maint  + - weight  ? keys  q leave",
    };
    format!("{}  {keys}", views.collect::<String>())
}

/// The rows around the one that is marked: there may be ten thousand.
fn rows(top: &mut Top<'_>, frame: &mut Frame<'_>, area: Rect) {
    let height = usize::from(area.height.saturating_sub(1)).max(1);
    let shown = top.shown();
    let marked = top.marked.min(shown.len().saturating_sub(1));
    let first = top.first.clamp((marked + 1).saturating_sub(height), marked);
    let columns = top.view.columns();
    let several = top.ctx.nodes.len() > 1;
    let drawn = shown.iter().skip(first).take(height).map(|(node, row)| {
        let node = top.ctx.nodes.get(*node).filter(|_| several).map(|n| format!("{}: ", n.name));
        let name = format!("{}{}/{}", node.unwrap_or_default(), row.proxy(), row.name());
        let cells = columns.iter().map(|column| {
            let cell = Cell::from(column.cell(row));
            if column.heading == "STATUS" { cell.style(tone(top, row)) } else { cell }
        });
        Row::new(std::iter::once(Cell::from(name)).chain(cells))
    });
    let widths = columns.iter().map(|column| Constraint::Length(column.width));
    let headings = std::iter::once("NAME").chain(columns.iter().map(|column| column.heading));
    let table = Table::new(drawn, std::iter::once(Constraint::Min(24)).chain(widths))
        .header(Row::new(headings).style(style(top, Modifier::BOLD)))
        .row_highlight_style(style(top, Modifier::REVERSED))
        .highlight_symbol("> ");
    frame.render_stateful_widget(table, area, &mut TableState::default().with_selected(marked - first));
    (top.marked, top.first) = (marked, first);
}

fn holders(top: &Top<'_>, frame: &mut Frame<'_>, area: Rect) {
    let mut lines = vec![Line::from("held by")];
    lines.extend(top.holders.iter().map(|line| Line::from(line.as_str())));
    if top.holders.is_empty() {
        lines.push(Line::from("  nobody"));
    }
    frame.render_widget(Paragraph::new(lines), area);
}

/// What was answered, as much as there is room for, and the line.
fn line(top: &Top<'_>, frame: &mut Frame<'_>, area: Rect) {
    let room = usize::from(area.height.saturating_sub(1));
    let end = top.line.told.len().saturating_sub(top.line.back);
    let told = top.line.told.get(end.saturating_sub(room)..end).unwrap_or_default();
    let mut lines: Vec<Line<'_>> = told.iter().map(|line| Line::from(line.as_str())).collect();
    lines.push(Line::from(format!("> {}_", top.line.typed)));
    frame.render_widget(Paragraph::new(lines), area);
}

/// A window above the rest, one of its lines perhaps marked.
fn window(top: &Top<'_>, frame: &mut Frame<'_>, title: &str, lines: Vec<String>, marked: Option<usize>) {
    let all = frame.area();
    let width = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0).max(title.len()) + 4;
    let width = u16::try_from(width).unwrap_or(u16::MAX).min(all.width);
    let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX).min(all.height);
    let (x, y) = ((all.width - width) / 2, (all.height - height) / 2);
    let area = Rect { x, y, width, height };
    let lines: Vec<Line<'_>> = lines
        .into_iter()
        .enumerate()
        .map(|(at, line)| match marked {
            Some(marked) if marked == at => Line::from(format!("> {line}")).style(style(top, Modifier::REVERSED)),
            _ => Line::from(format!("  {line}")),
        })
        .collect();
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(lines).block(Block::bordered().title(title)), area);
}

/// Emphasis is no colour, yet whoever wants none gets neither.
fn style(top: &Top<'_>, modifier: Modifier) -> Style {
    if top.ctx.out.is_on() { Style::new().add_modifier(modifier) } else { Style::new() }
}

fn tone(top: &Top<'_>, row: &StatRow<'_>) -> Style {
    let color = match Tone::of_status(row.get(StatField::Status).unwrap_or("")) {
        _ if !top.ctx.out.is_on() => return Style::new(),
        Tone::Good => Color::Green,
        Tone::Warn => Color::Yellow,
        Tone::Bad => Color::Red,
        Tone::Plain => return Style::new(),
    };
    Style::new().fg(color)
}
