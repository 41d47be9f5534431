//! Answers in place of the default error pages: `errorfile`, `errorfiles`, `errorloc`, `http-error`, and the
//! `http-errors` sections that hold files for several proxies.

use crate::cx::{Cx, reason};
use crate::diagnostic::{Severity, Site};
use crate::line::{Done, Fault, Line, fault};
use crate::model::{ErrorPage, HttpAction, HttpRule, Place, Proxy, Reply, ReplyContent};
use crate::proxy::ProxyDraft;
use crate::rules::{ActionCx, reply};
use crate::suggest::{did_you_mean, nearest};
use std::path::Path;
use std::sync::Arc;

/// Statuses that have an error page.
const PAGES: &[u16] =
    &[200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 414, 422, 425, 429, 431, 500, 501, 502, 503, 504];

/// What a line says of error pages; of two about a status the later one counts.
#[derive(Debug, Clone)]
pub(crate) enum Said {
    /// This page for a status.
    Page(u16, ErrorPage),
    /// The default page again.
    Default(u16),
    /// Pages of a section; no status: all of them.
    Section(Arc<str>, Vec<u16>, Site),
}

/// An `http-errors` section.
#[derive(Debug, Clone)]
pub(crate) struct ErrorsSection {
    name: Arc<str>,
    pages: Vec<(u16, Arc<[u8]>)>,
    place: Place,
}

impl ErrorsSection {
    /// Begins a section: `http-errors <name>`.
    pub fn open(line: &Line, known: &[Self]) -> Result<Self, Fault> {
        let name = line.need(1, "missing name for http-errors section.")?;
        if let Some(first) = known.iter().find(|section| &*section.name == name) {
            let (file, number) = (&first.place.file, first.place.line);
            return Err(fault(
                1,
                format!("http-errors section '{name}' already exists (declared at {file}:{number})."),
            ));
        }
        line.ends_after(1, "http-errors")?;
        Ok(Self { name: name.into(), pages: Vec::new(), place: line.place() })
    }

    /// Reads a line of the section.
    pub fn line(&mut self, line: &Line, cx: &mut Cx<'_>) -> Done {
        if line.word(0) != "errorfile" {
            let near = did_you_mean(line.word(0), ["errorfile"]);
            return Err(fault(0, format!("unknown keyword '{}' in 'http-errors' section{near}", line.word(0))));
        }
        let (status, page) = page_line(line, "errorfile: expects <status_code> and <file> as arguments.", cx)?;
        self.pages.retain(|(known, _)| *known != status);
        self.pages.push((status, page));
        Ok(())
    }

    fn page(&self, status: u16) -> Option<&Arc<[u8]>> {
        self.pages.iter().find(|(known, _)| *known == status).map(|(_, page)| page)
    }
}

fn unhandled(at: usize, keyword: &str, word: &str) -> Fault {
    let all: Vec<String> = PAGES.iter().map(ToString::to_string).collect();
    fault(at, format!("{keyword} : status code '{word}' not handled."))
        .help(format!("pages exist for {}", all.join(", ")))
}

fn page_status(line: &Line, at: usize, usage: &str) -> Result<u16, Fault> {
    let word = line.need(at, usage)?;
    let known = word.parse().ok().filter(|status| PAGES.contains(status));
    known.ok_or_else(|| unhandled(at, line.word(0), word))
}

/// `errorfile <status> <file>`.
fn page_line(line: &Line, usage: &str, cx: &Cx<'_>) -> Result<(u16, Arc<[u8]>), Fault> {
    let status = page_status(line, 1, usage)?;
    let file = line.need(2, usage)?;
    line.ends_after(2, "errorfile")?;
    let page = read_page(file, 2, cx).map_err(|fault| fault.within("errorfile : "))?;
    Ok((status, page))
}

/// The response in a file that word `at` names.
pub(crate) fn read_page(file: &str, at: usize, cx: &Cx<'_>) -> Result<Arc<[u8]>, Fault> {
    let refused = |error| fault(at, format!("error opening file '{file}'.")).help(reason(&error));
    let bytes = cx.host.read_file(Path::new(file)).map_err(refused)?;
    let page = lb_http::page_from_file(&bytes).map_err(|error| {
        fault(at, format!("'{file}': {error}."))
            .help("the file holds a whole response: status line, headers, an empty line, the body")
    })?;
    Ok(page.into())
}

/// `errorfile <status> <file>`.
pub(crate) fn errorfile(p: &mut ProxyDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    let (status, page) = page_line(line, "errorfile : expects <status_code> and <file> as arguments.", cx)?;
    p.errors.push(Said::Page(status, ErrorPage::Whole(page)));
    Ok(())
}

/// `errorloc|errorloc302|errorloc303 <status> <url>`: the page is a redirect.
pub(crate) fn errorloc(p: &mut ProxyDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    let keyword = line.word(0);
    let usage = format!("{keyword} : expects <status_code> and <url> as arguments.");
    let status = page_status(line, 1, &usage)?;
    let url = line.need(2, usage)?;
    line.ends_after(2, keyword)?;
    let first = if keyword == "errorloc303" { "303 See Other" } else { "302 Found" };
    let page = format!("HTTP/1.1 {first}\r\ncache-control: no-cache\r\ncontent-length: 0\r\nlocation: {url}\r\n\r\n");
    p.errors.push(Said::Page(status, ErrorPage::Whole(page.into_bytes().into())));
    Ok(())
}

/// `errorfiles <name> [<status>…]`.
pub(crate) fn errorfiles(p: &mut ProxyDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    let name = line.need(1, "errorfiles : expects <name> as argument.")?;
    let statuses = (2..line.len()).map(|at| page_status(line, at, "")).collect::<Result<Vec<_>, _>>()?;
    p.errors.push(Said::Section(name.into(), statuses, line.site(1)));
    Ok(())
}

/// `http-error status <status> …`: the page is made as a rule's answer.
pub(crate) fn http_error(p: &mut ProxyDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    if line.word(1) != "status" {
        return Err(fault(1, "http-error : expects at least a <status> as arguments."));
    }
    let place = p.request_place();
    let mut x = ActionCx { p, cx, line, next: 1, place };
    let none = Reply { status: 0, content: ReplyContent::Empty, fields: Vec::new() };
    let made = reply::reply(&mut x, none, "http-error").map_err(|fault| fault.within("http-error : "))?;
    let end = x.next;
    if line.has(end) {
        return Err(fault(end, format!("http-error : unknown keyword '{}'.", line.word(end))));
    }
    let status = made.status;
    if !PAGES.contains(&status) {
        return Err(unhandled(2, "http-error", line.word(2)));
    }
    p.errors.push(match made.content {
        ReplyContent::Page => Said::Default(status),
        ReplyContent::Section(name) => Said::Section(name, vec![status], line.site(1)),
        ReplyContent::Whole(page) => Said::Page(status, ErrorPage::Whole(page)),
        _ => Said::Page(status, ErrorPage::Made(Arc::new(made))),
    });
    Ok(())
}

/// The pages of a proxy, once all sections are known. What is wrong is reported.
pub(crate) fn settle(
    draft: &ProxyDraft,
    sections: &[ErrorsSection],
    mut report: impl FnMut(Severity, &Site, String, Option<String>),
) -> Vec<(u16, ErrorPage)> {
    let mut pages: Vec<(u16, ErrorPage)> = Vec::new();
    let mut set = |status: u16, page: Option<ErrorPage>| {
        pages.retain(|(known, _)| *known != status);
        pages.extend(page.map(|page| (status, page)));
    };
    for said in &draft.errors {
        match said {
            Said::Page(status, page) => set(*status, Some(page.clone())),
            Said::Default(status) => set(*status, None),
            Said::Section(name, wanted, site) => {
                let Some(section) = find(sections, name) else {
                    let (owner, place) = (&draft.proxy.name, (&site.file, site.line));
                    let message =
                        format!("proxy '{owner}': unknown http-errors section '{name}' (at {}:{}).", place.0, place.1);
                    report(Severity::Alert, site, message, near(sections, name));
                    continue;
                };
                for status in wanted.iter().filter(|status| section.page(**status).is_none()) {
                    let message = format!(
                        "Proxy '{}' : status '{status}' not declared in http-errors section '{name}'.",
                        draft.proxy.name
                    );
                    report(Severity::Warning, site, message, None);
                }
                for (status, page) in &section.pages {
                    if wanted.is_empty() || wanted.contains(status) {
                        set(*status, Some(ErrorPage::Whole(Arc::clone(page))));
                    }
                }
            }
        }
    }
    pages
}

/// Whether some page is made for each request.
pub(crate) fn are_made(proxies: &[Proxy]) -> bool {
    proxies.iter().flat_map(|proxy| &proxy.error_pages).any(|(_, page)| matches!(page, ErrorPage::Made(_)))
}

fn find<'s>(sections: &'s [ErrorsSection], name: &str) -> Option<&'s ErrorsSection> {
    sections.iter().find(|section| &*section.name == name)
}

fn near(sections: &[ErrorsSection], name: &str) -> Option<String> {
    let known = sections.iter().map(|section| &*section.name);
    nearest(name, known).map(|near| format!("did you mean '{near}'?"))
}

/// Puts pages of sections into rules that name them.
pub(crate) fn settle_rules(rules: &mut [HttpRule], owner: &ProxyDraft, sections: &[ErrorsSection], cx: &mut Cx<'_>) {
    for rule in rules {
        let (HttpAction::Deny(reply) | HttpAction::Return(reply) | HttpAction::Tarpit(reply)) = &mut rule.action else {
            continue;
        };
        let ReplyContent::Section(name) = &reply.content else { continue };
        let title = &owner.proxy.name;
        let named = owner.error_uses.iter().find(|(used, status, _)| used == name && *status == reply.status);
        let site = named.map_or(&owner.site, |(_, _, site)| site);
        reply.content = match find(sections, name) {
            None => {
                let message =
                    format!("Proxy '{title}': unknown http-errors section '{name}' referenced by an http reply.");
                cx.sink.push(Severity::Alert, site, message, near(sections, name));
                continue;
            }
            Some(section) => match section.page(reply.status) {
                Some(page) => ReplyContent::Whole(Arc::clone(page)),
                None => {
                    let message = format!(
                        "Proxy '{title}': status '{}' referenced by an http reply not declared in http-errors section \
                         '{name}'.",
                        reply.status
                    );
                    cx.warn(site, message);
                    ReplyContent::Empty
                }
            },
        };
    }
}
