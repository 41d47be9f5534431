//! Files into lines, `.if` blocks, and lines to their section.

use crate::checks::HealthCheckDraft;
use crate::condition;
use crate::cx::Cx;
use crate::diagnostic::{Diagnostic, Severity, Site};
use crate::errors::ErrorsSection;
use crate::finish;
use crate::global::GlobalDraft;
use crate::keywords::{self, SECTIONS, Section};
use crate::lexer::{self, Word};
use crate::line::{Fault, Line, Prefix, fault};
use crate::log_profile;
use crate::mailers::MailersDraft;
use crate::model::{Config, LogProfile, Ring, TraceLine};
use crate::peers::PeersDraft;
use crate::proxy::{Defaults, ProxyDraft};
use crate::resolvers::{self, Resolvers};
use crate::ring;
use crate::suggest::did_you_mean;
use crate::tls::store::Store;
use crate::traces;
use crate::users::UsersDraft;
use crate::{Host, Outcome, Source};
use std::sync::Arc;

/// Most words of a line, as in HAProxy.
const MAX_WORDS: usize = 64;
/// Most `.if` blocks in one another.
const MAX_NESTING: usize = 50;

/// What the lines read go to.
enum Target {
    /// Before the first section.
    Nothing,
    Global,
    /// The last of `Draft::defaults`.
    Defaults,
    /// The last of `Draft::proxies`.
    Proxy,
    /// The last of `Draft::healthchecks`.
    HealthCheck,
    /// The last of `Draft::http_errors`.
    HttpErrors,
    /// The last of `Draft::mailers`.
    Mailers,
    /// The last of `Draft::log_profiles`.
    LogProfile,
    /// The last of `Draft::rings`.
    Ring,
    /// The last of `Draft::peers`.
    Peers,
    /// The last of `Draft::resolvers`.
    Resolvers,
    /// The last of `Draft::users`.
    Users,
    /// The last of `Draft::stores`.
    CrtStore,
    Traces,
    /// A section that was refused: its lines are passed over.
    Skipped,
}

/// All that was read, names not yet resolved.
#[derive(Default)]
pub(crate) struct Draft {
    pub global: GlobalDraft,
    pub defaults: Vec<Defaults>,
    pub proxies: Vec<ProxyDraft>,
    pub healthchecks: Vec<HealthCheckDraft>,
    pub http_errors: Vec<ErrorsSection>,
    pub mailers: Vec<MailersDraft>,
    pub rings: Vec<Ring>,
    pub stores: Vec<Store>,
    pub traces: Vec<TraceLine>,
    pub log_profiles: Vec<LogProfile>,
    pub peers: Vec<PeersDraft>,
    pub resolvers: Vec<Resolvers>,
    pub users: Vec<UsersDraft>,
}

/// One `.if` block being read.
struct Block {
    opened: Site,
    /// Lines of the current branch count.
    active: bool,
    /// A branch was already taken, or the whole block is inside a passive one.
    settled: bool,
    in_else: bool,
}

pub(crate) struct Reader<'a> {
    cx: Cx<'a>,
    draft: Draft,
    target: Target,
    /// What `${.SECTION}` is replaced by.
    section: String,
    blocks: Vec<Block>,
}

impl<'a> Reader<'a> {
    pub fn new(host: &'a dyn Host) -> Self {
        Self {
            cx: Cx::new(host),
            draft: Draft::default(),
            target: Target::Nothing,
            section: String::new(),
            blocks: Vec::new(),
        }
    }

    /// Reads a file. It must begin with a section of its own.
    pub fn read(&mut self, source: &Source) {
        self.target = Target::Nothing;
        self.section.clear();
        let file: Arc<str> = source.name.as_str().into();
        let mut number = 0;
        for piece in source.text.split_inclusive(|b| *b == b'\n') {
            number += 1;
            let (text, ended) = piece.strip_suffix(b"\n").map_or((piece, false), |text| (text, true));
            let raw: Arc<[u8]> = text.into();
            let at = |span| Site { file: Arc::clone(&file), line: number, raw: Arc::clone(&raw), span };
            if let Some(nul) = text.iter().position(|b| *b == 0) {
                let message = format!("Stray NUL character at position {}.", nul + 1);
                let help = Some("this is no text file, or it is damaged: nothing after this line was read".to_owned());
                self.cx.sink.push(Severity::Alert, &at(nul..nul + 1), message, help);
                break;
            }
            if !ended {
                let message =
                    format!("Missing LF on last line, file might have been truncated at position {}.", text.len() + 1);
                let help = Some("if the file is complete, end its last line".to_owned());
                self.cx.sink.push(Severity::Alert, &at(text.len()..text.len() + 1), message, help);
            }
            self.line(&file, number, &raw);
        }
        if let Some(block) = self.blocks.first() {
            self.cx.sink.push(
                Severity::Alert,
                &block.opened,
                "non-terminated '.if' block.",
                Some("close it with '.endif' in the same file".to_owned()),
            );
        }
        self.blocks.clear();
    }

    /// Resolves and checks everything.
    pub fn finish(mut self) -> Outcome {
        let config = finish::finish(self.draft, &mut self.cx);
        let config = (!self.cx.sink.has_errors()).then_some(config);
        Outcome { config, diagnostics: self.cx.sink.found }
    }

    /// As [`Reader::finish`], with what could be read whatever the faults.
    pub fn finish_partly(mut self) -> (Config, Vec<Diagnostic>) {
        let config = finish::finish(self.draft, &mut self.cx);
        (config, self.cx.sink.found)
    }

    fn active(&self) -> bool {
        self.blocks.last().is_none_or(|block| block.active)
    }

    fn line(&mut self, file: &Arc<str>, number: u32, raw: &Arc<[u8]>) {
        let section = &self.section;
        let cx = &self.cx;
        let lookup = |name: &str| match name {
            ".FILE" => Some(file.to_string()),
            ".LINE" => Some(number.to_string()),
            ".SECTION" => Some(section.clone()),
            _ => cx.env(name),
        };
        let mut line =
            Line { file: Arc::clone(file), number, raw: Arc::clone(raw), words: Vec::new(), prefix: Prefix::None };
        match lexer::tokenize(raw, &lookup) {
            Ok(words) => line.words = words,
            Err(error) => {
                let mut site = line.site(0);
                site.span = error.at..error.at + 1;
                let message = format!("{} at position {}.", error.message, error.at + 1);
                self.cx.sink.push(Severity::Alert, &site, message, error.help.map(str::to_owned));
                return;
            }
        }
        if line.words.is_empty() {
            return;
        }
        if line.word(0).starts_with('.') {
            if let Err(fault) = self.directive(&line) {
                self.cx.report(&line, fault);
            }
            return;
        }
        if !self.active() {
            return;
        }
        match check_words(&line, &mut self.cx) {
            Ok(()) => self.statement(line),
            Err(fault) => self.cx.report(&line, fault),
        }
    }

    /// A line that is no dot directive.
    fn statement(&mut self, mut line: Line) {
        self.cx.place = (Arc::clone(&line.file), line.number);
        if let Some(section) = SECTIONS.iter().find(|s| s.name == line.word(0)) {
            if let Err(fault) = self.open(section, &line) {
                self.cx.report(&line, fault);
                self.target = Target::Skipped;
            }
            return;
        }
        let prefix = match line.word(0) {
            "no" => Prefix::No,
            "default" => Prefix::Default,
            _ => Prefix::None,
        };
        if prefix != Prefix::None {
            line.words.remove(0);
            line.prefix = prefix;
            if !keywords::may_be_negated(line.word(0)) {
                self.cx.report(&line, fault(0, keywords::NO_NEGATION));
                return;
            }
        }
        let done = match self.target {
            Target::Nothing => {
                let names = SECTIONS.iter().map(|s| s.name);
                Err(fault(0, format!("unknown keyword '{}' out of section.", line.word(0))).help(
                    crate::suggest::nearest(line.word(0), names).map_or_else(
                        || "a file begins with a section: global, defaults, frontend, backend or listen".to_owned(),
                        |near| format!("did you mean '{near}'?"),
                    ),
                ))
            }
            Target::Skipped => Ok(()),
            Target::Global => self.draft.global.line(&line, &mut self.cx),
            Target::Ring => match self.draft.rings.last_mut() {
                Some(ring) => ring::line(ring, &line, &mut self.cx),
                None => Ok(()),
            },
            Target::Traces => traces::line(&mut self.draft.traces, &line),
            Target::CrtStore => match self.draft.stores.last_mut() {
                Some(store) => store.line(&line),
                None => Ok(()),
            },
            Target::LogProfile => match self.draft.log_profiles.last_mut() {
                Some(profile) => log_profile::line(profile, &line, &mut self.cx),
                None => Ok(()),
            },
            Target::Defaults => match self.draft.defaults.last_mut() {
                Some(defaults) => defaults.draft.line(&line, &mut self.cx),
                None => Ok(()),
            },
            Target::HealthCheck => match self.draft.healthchecks.last_mut() {
                Some(check) => check.line(&line, &mut self.cx),
                None => Ok(()),
            },
            Target::HttpErrors => match self.draft.http_errors.last_mut() {
                Some(section) => section.line(&line, &mut self.cx),
                None => Ok(()),
            },
            Target::Mailers => match self.draft.mailers.last_mut() {
                Some(section) => section.line(&line, &mut self.cx),
                None => Ok(()),
            },
            Target::Peers => match self.draft.peers.last_mut() {
                Some(peers) => peers.line(&line, &mut self.cx),
                None => Ok(()),
            },
            Target::Resolvers => match self.draft.resolvers.last_mut() {
                Some(section) => resolvers::line(section, &mut self.cx, &line),
                None => Ok(()),
            },
            Target::Users => match self.draft.users.last_mut() {
                Some(section) => section.line(&line, &mut self.cx),
                None => Ok(()),
            },
            Target::Proxy => match self.draft.proxies.last_mut() {
                Some(proxy) => proxy.line(&line, &mut self.cx),
                None => Ok(()),
            },
        };
        if let Err(fault) = done {
            self.cx.report(&line, fault);
        }
    }

    fn open(&mut self, section: &keywords::SectionRow, line: &Line) -> Result<(), Fault> {
        self.section = line.words.get(1).map_or(section.name, |name| name.text.as_str()).to_owned();
        self.cx.past_global |= !matches!(section.section, Section::Global);
        match section.section {
            Section::Global => {
                self.target = Target::Global;
                line.ends_after(0, "global")
            }
            Section::Defaults => {
                let defaults = Defaults::open(line, &self.draft.defaults, &mut self.cx)?;
                self.draft.defaults.push(defaults);
                self.target = Target::Defaults;
                Ok(())
            }
            Section::Proxy(kind) => {
                let proxy = ProxyDraft::open(line, kind, &self.draft.defaults, &mut self.cx)?;
                self.draft.proxies.push(proxy);
                self.target = Target::Proxy;
                Ok(())
            }
            Section::HealthCheck => {
                let check = HealthCheckDraft::open(line, &self.draft.healthchecks)?;
                self.draft.healthchecks.push(check);
                self.target = Target::HealthCheck;
                Ok(())
            }
            Section::HttpErrors => {
                let section = ErrorsSection::open(line, &self.draft.http_errors)?;
                self.draft.http_errors.push(section);
                self.target = Target::HttpErrors;
                Ok(())
            }
            Section::Mailers => {
                let section = MailersDraft::open(line, &self.draft.mailers)?;
                self.draft.mailers.push(section);
                self.target = Target::Mailers;
                Ok(())
            }
            Section::Ring => {
                let ring = ring::open(line, &self.draft.rings, &mut self.cx)?;
                self.draft.rings.push(ring);
                self.target = Target::Ring;
                Ok(())
            }
            Section::CrtStore => {
                self.draft.stores.push(Store::open(line, &self.draft.stores)?);
                self.target = Target::CrtStore;
                Ok(())
            }
            Section::Traces => {
                self.target = Target::Traces;
                line.ends_after(0, "traces")
            }
            Section::LogProfile => {
                self.draft.log_profiles.push(log_profile::open(line, &self.draft.log_profiles)?);
                self.target = Target::LogProfile;
                Ok(())
            }
            Section::Peers => {
                self.draft.peers.push(PeersDraft::open(line)?);
                self.target = Target::Peers;
                Ok(())
            }
            Section::Resolvers => {
                let section = resolvers::open(line, &self.draft.resolvers)?;
                self.draft.resolvers.push(section);
                self.target = Target::Resolvers;
                Ok(())
            }
            Section::UserList => {
                let section = UsersDraft::open(line, &self.draft.users, &mut self.cx)?;
                self.target = if section.is_some() { Target::Users } else { Target::Skipped };
                self.draft.users.extend(section);
                Ok(())
            }
            Section::NotYet => {
                Err(fault(0, format!("'{}' is a HAProxy section that lbd does not support yet.", section.name))
                    .help("its lines were passed over"))
            }
            Section::Gone(why) => Err(fault(0, why)),
        }
    }

    fn directive(&mut self, line: &Line) -> Result<(), Fault> {
        let name = line.word(0);
        match name {
            ".if" => {
                let outer = self.active();
                if self.blocks.len() >= MAX_NESTING {
                    return Err(fault(0, "too many nested '.if', max is 50."));
                }
                // A condition that cannot be read takes no branch, and is reported once.
                let value = if outer { self.condition(line) } else { Ok(false) };
                let active = outer && matches!(value, Ok(true));
                let settled = !outer || active || value.is_err();
                self.blocks.push(Block { opened: line.site(0), active, settled, in_else: false });
                value.map(|_| ())
            }
            ".elif" => {
                let value = match self.blocks.last() {
                    None => return Err(lone(name)),
                    Some(block) if block.in_else => return Err(fault(0, "'.elif' after '.else' is not permitted.")),
                    Some(block) if block.settled => Ok(false),
                    Some(_) => self.condition(line),
                };
                if let Some(block) = self.blocks.last_mut() {
                    block.active = !block.settled && matches!(value, Ok(true));
                    block.settled |= block.active || value.is_err();
                }
                value.map(|_| ())
            }
            ".else" => {
                self.no_argument(line)?;
                let Some(block) = self.blocks.last_mut() else { return Err(lone(name)) };
                if block.in_else {
                    return Err(fault(0, "'.else' after '.else' is not permitted."));
                }
                block.in_else = true;
                block.active = !block.settled;
                block.settled = true;
                Ok(())
            }
            ".endif" => {
                self.no_argument(line)?;
                self.blocks.pop().map(|_| ()).ok_or_else(|| lone(name))
            }
            _ if !self.active() => Ok(()),
            ".notice" | ".warning" | ".alert" | ".diag" => {
                if line.has(2) {
                    return Err(fault(
                        2,
                        format!(
                            "Unexpected argument '{}' for '{name}'. \
                             Use quotes if the message should contain spaces.",
                            line.word(2)
                        ),
                    ));
                }
                let severity = match name {
                    ".notice" => Severity::Notice,
                    ".warning" => Severity::Warning,
                    ".alert" => Severity::Alert,
                    _ => Severity::Diag,
                };
                self.cx.note(severity, &line.site(0), format!("'{}'.", line.word(1)));
                Ok(())
            }
            _ => {
                let known = [".if", ".elif", ".else", ".endif", ".notice", ".warning", ".alert", ".diag"];
                Err(fault(0, format!("unknown directive '{name}'{}.", did_you_mean(name, known))))
            }
        }
    }

    fn no_argument(&self, line: &Line) -> Result<(), Fault> {
        match line.words.get(1) {
            None => Ok(()),
            Some(word) => Err(fault(1, format!("Unexpected argument '{}' for '{}'.", word.text, line.word(0)))),
        }
    }

    fn condition(&self, line: &Line) -> Result<bool, Fault> {
        let words: Vec<&str> = line.from(1);
        condition::evaluate(&words.join(" "), &|name| self.cx.env(name).is_some()).map_err(|error| {
            // The place inside the joined words, back to a word of the line.
            let mut offset = error.offset;
            let mut word = 1;
            for text in &words {
                if offset <= text.len() {
                    break;
                }
                offset -= text.len() + 1;
                word += 1;
            }
            Fault {
                severity: Severity::Alert,
                word,
                through: word,
                part: Some(offset..offset + 1),
                message: format!("{} in '{}' at position {}.", error.message, line.word(0), error.offset + 1),
                help: error.help,
            }
        })
    }
}

fn lone(name: &str) -> Fault {
    fault(0, format!("lone '{name}' with no matching '.if'."))
}

/// What holds for the words of any statement.
fn check_words(line: &Line, cx: &mut Cx<'_>) -> Result<(), Fault> {
    if let Some(empty) = line.words.iter().position(|w| w.text.is_empty()) {
        let position = line.words.get(empty).map_or(0, |w| w.span.start);
        return Err(fault(
            empty,
            format!("argument number {empty} at position {position} is empty and marks the end of the argument list."),
        )
        .help(
            "an empty argument would hide all that follow it; if it comes from a variable, give the variable a \
             default (\"${NAME-value}\") or let it vanish (\"${NAME[*]}\")",
        ));
    }
    if let Some(word) = line.words.get(MAX_WORDS) {
        let message = format!(
            "too many words, truncating after word {MAX_WORDS}, position {}: <{}>.",
            word.span.start + 1,
            word.text.chars().take(64).collect::<String>()
        );
        return Err(fault(MAX_WORDS, message));
    }
    let lossy = |w: &Word| w.lossy;
    if let Some(word) = line.words.iter().position(lossy) {
        let message = "this argument is not UTF-8 text: bytes that could not be read were replaced.";
        cx.warn(&line.site(word), message);
    }
    Ok(())
}
