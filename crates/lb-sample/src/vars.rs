//! Variables: named values that live as long as the process, a client's connection, an exchange or one of its messages.
//!
//! Those of the process are found when the expression is read and are shared by all threads without a lock. The others
//! lie in a [`Vars`] that the [`Context`] hands out: a short list, as a configuration sets a handful of them.

use crate::{Context, Expr, LogFormat, Sample, SampleError};
use arc_swap::ArcSwapOption;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// How long a variable lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// `proc`: the process.
    Process,
    /// `sess`: the client's connection.
    Session,
    /// `txn`: a request and its response.
    Transaction,
    /// `req`: until the request is forwarded.
    Request,
    /// `res`: from the response's head on.
    Response,
    /// `check`: a health check.
    Check,
}

impl Scope {
    const NAMES: [(&'static str, Self); 6] = [
        ("proc", Self::Process),
        ("sess", Self::Session),
        ("txn", Self::Transaction),
        ("req", Self::Request),
        ("res", Self::Response),
        ("check", Self::Check),
    ];

    /// The word before the dot.
    pub fn as_str(self) -> &'static str {
        Self::NAMES.iter().find(|(_, scope)| *scope == self).map_or("", |(name, _)| name)
    }
}

/// A variable as an expression names it.
#[derive(Clone)]
pub struct VarName {
    scope: Scope,
    /// Without the scope.
    name: Arc<str>,
    /// Where its value is, for the scope `proc`.
    process: Option<Arc<ProcessVar>>,
}

impl fmt::Debug for VarName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.scope.as_str(), self.name)
    }
}

impl VarName {
    /// Reads `scope.name`. Variables of the process are taken from `known`, and added to it.
    ///
    /// # Errors
    /// The sentence HAProxy prints.
    pub fn parse(text: &str, known: Option<&ProcessVars>) -> Result<Self, SampleError> {
        if text.is_empty() {
            return Err(SampleError::new("Empty variable name cannot be accepted"));
        }
        let split = text.split_once('.').filter(|(_, name)| !name.is_empty());
        let scope = split.and_then(|(scope, _)| Scope::NAMES.iter().find(|(name, _)| *name == scope));
        let (Some((_, name)), Some(&(_, scope))) = (split, scope) else {
            return Err(SampleError::new(format!(
                "invalid variable name '{text}'. A variable name must be start by its scope. The scope can be 'proc', \
                 'sess', 'txn', 'req', 'res' or 'check'"
            )));
        };
        if let Some(at) = name.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.'))) {
            let rest = name.get(at..).unwrap_or_default();
            return Err(SampleError::new(format!("invalid syntax at char '{rest}'"))
                .help("names of variables are made of letters, digits, '_' and '.'"));
        }
        let process = (scope == Scope::Process).then(|| match known {
            Some(known) => known.declare(name),
            None => Arc::default(),
        });
        Ok(Self { scope, name: name.into(), process })
    }

    /// How long it lives.
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// Its value.
    pub(crate) fn get<'a>(&self, ctx: &dyn Context) -> Lookup<'a> {
        match &self.process {
            Some(var) => var.get().map_or(Lookup::Unset, Lookup::Value),
            None => match ctx.vars(self.scope) {
                Some(vars) => vars.get(self).map_or(Lookup::Unset, Lookup::Value),
                None => Lookup::OutOfScope,
            },
        }
    }

    /// Gives it a value, or takes its value away. Out of its scope nothing happens.
    pub(crate) fn put(&self, ctx: &dyn Context, value: Option<Sample<'static>>) {
        match &self.process {
            Some(var) => var.set(value),
            None => {
                if let Some(vars) = ctx.vars(self.scope) {
                    vars.set(self, value);
                }
            }
        }
    }

    fn exists(&self, ctx: &dyn Context) -> bool {
        self.process.is_some() || ctx.vars(self.scope).is_some_and(|vars| vars.find(self, |_| ()).is_some())
    }
}

/// What looking for a variable gives.
pub(crate) enum Lookup<'a> {
    Value(Sample<'a>),
    Unset,
    /// There is no such scope at this moment.
    OutOfScope,
}

/// The variables of one or more scopes.
#[derive(Debug, Default)]
pub struct Vars(RefCell<Vec<Entry>>);

#[derive(Debug)]
struct Entry {
    scope: Scope,
    name: Arc<str>,
    /// `None` once it was unset.
    value: Option<Sample<'static>>,
}

impl Vars {
    fn find<T>(&self, name: &VarName, f: impl FnOnce(&Entry) -> T) -> Option<T> {
        let is_it = |e: &&Entry| e.scope == name.scope && (Arc::ptr_eq(&e.name, &name.name) || e.name == name.name);
        self.0.borrow().iter().find(is_it).map(f)
    }

    fn get(&self, name: &VarName) -> Option<Sample<'static>> {
        self.find(name, |entry| entry.value.clone()).flatten()
    }

    fn set(&self, name: &VarName, value: Option<Sample<'static>>) {
        let mut entries = self.0.borrow_mut();
        match entries.iter_mut().find(|e| e.scope == name.scope && e.name == name.name) {
            Some(entry) => entry.value = value,
            None if value.is_some() => entries.push(Entry { scope: name.scope, name: Arc::clone(&name.name), value }),
            None => {}
        }
    }
}

/// A variable of the process. Read and written by any thread, without a lock.
#[derive(Debug, Default)]
pub struct ProcessVar(ArcSwapOption<Sample<'static>>);

impl ProcessVar {
    /// Its value.
    pub fn get(&self) -> Option<Sample<'static>> {
        self.0.load().as_deref().cloned()
    }

    /// Changes its value.
    pub fn set(&self, value: Option<Sample<'static>>) {
        self.0.store(value.map(Arc::new));
    }
}

/// All variables of the process that the configuration or an operator has named.
#[derive(Debug, Default)]
pub struct ProcessVars(Mutex<BTreeMap<Box<str>, Arc<ProcessVar>>>);

impl ProcessVars {
    /// The variable of that name (without the scope); made without a value if there is none.
    pub fn declare(&self, name: &str) -> Arc<ProcessVar> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(name.into()).or_default())
    }

    /// The value of the variable of that name, if it has one.
    pub fn get(&self, name: &str) -> Option<Sample<'static>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(name).and_then(|var| var.get())
    }
}

/// When a variable is set at all: `set-var(txn.x,ifnotexists,ifnotempty)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VarCondition {
    Exists(bool),
    Empty(bool),
    Set(bool),
    Greater,
    Less,
}

impl VarCondition {
    pub(crate) fn parse(word: &str) -> Result<Self, SampleError> {
        Ok(match word {
            "ifexists" => Self::Exists(true),
            "ifnotexists" => Self::Exists(false),
            "ifempty" => Self::Empty(true),
            "ifnotempty" => Self::Empty(false),
            "ifset" => Self::Set(true),
            "ifnotset" => Self::Set(false),
            "ifgt" => Self::Greater,
            "iflt" => Self::Less,
            _ => {
                return Err(SampleError::new(format!("unknown condition \"{word}\""))
                    .help("one of ifexists, ifnotexists, ifempty, ifnotempty, ifset, ifnotset, ifgt, iflt"));
            }
        })
    }

    fn holds(self, name: &VarName, value: &Sample<'_>, ctx: &dyn Context) -> bool {
        match self {
            Self::Exists(wanted) => name.exists(ctx) == wanted,
            // Only text and bytes can be empty.
            Self::Empty(wanted) => {
                let empty = match value {
                    Sample::Str(s) | Sample::Bin(s) | Sample::Method(s) => s.is_empty(),
                    Sample::Bool(_) | Sample::Int(_) | Sample::Ip(_) => false,
                };
                empty == wanted
            }
            Self::Set(wanted) => matches!(name.get(ctx), Lookup::Value(_)) == wanted,
            Self::Greater | Self::Less => match (name.get(ctx), value) {
                (Lookup::Value(Sample::Int(held)), Sample::Int(given)) if self == Self::Greater => held > *given,
                (Lookup::Value(Sample::Int(held)), Sample::Int(given)) => held < *given,
                _ => true,
            },
        }
    }
}

/// A variable and when it is set.
#[derive(Debug, Clone)]
pub(crate) struct VarTarget {
    pub(crate) name: VarName,
    pub(crate) conditions: Box<[VarCondition]>,
}

impl VarTarget {
    /// Reads `scope.name` and its conditions.
    pub(crate) fn parse<S: AsRef<str>>(words: &[S], known: Option<&ProcessVars>) -> Result<Self, SampleError> {
        let name = VarName::parse(words.first().map(AsRef::as_ref).unwrap_or_default(), known)?;
        let conditions =
            words.iter().skip(1).map(|word| VarCondition::parse(word.as_ref())).collect::<Result<_, _>>()?;
        Ok(Self { name, conditions })
    }

    pub(crate) fn set(&self, ctx: &dyn Context, value: &Sample<'_>) {
        if self.conditions.iter().all(|condition| condition.holds(&self.name, value, ctx)) {
            self.name.put(ctx, Some(value.clone().into_owned()));
        }
    }
}

/// A `set-var`, `set-var-fmt` or `unset-var` action.
#[derive(Debug, Clone)]
pub struct VarAction(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Expr(VarTarget, Expr),
    Format(VarTarget, Arc<LogFormat>),
    Unset(VarName),
}

/// Which action of variables a word begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VarVerb {
    /// `set-var(…)`.
    Set,
    /// `set-var-fmt(…)`.
    SetFormat,
    /// `unset-var(…)`.
    Unset,
}

/// An action's word read: what it does, to which variable.
#[derive(Debug, Clone)]
pub struct VarWord {
    /// What is done.
    pub verb: VarVerb,
    target: VarTarget,
}

impl VarWord {
    /// Reads `set-var(scope.name,condition,…)` and its kin.
    ///
    /// # Errors
    /// The sentence HAProxy prints.
    pub fn parse(word: &str, known: Option<&ProcessVars>) -> Result<Self, SampleError> {
        const USAGE: &str = "Expects 'set-var(<var-name>)', 'set-var-fmt(<var-name>)' or 'unset-var(<var-name>)'.";
        let (verb, inner) = match word.split_once('(') {
            Some(("set-var", inner)) => (VarVerb::Set, inner),
            Some(("set-var-fmt", inner)) => (VarVerb::SetFormat, inner),
            Some(("unset-var", inner)) => (VarVerb::Unset, inner),
            _ => return Err(SampleError::new(format!("invalid or incomplete action '{word}'. {USAGE}"))),
        };
        let Some(inner) = inner.strip_suffix(')') else {
            return Err(SampleError::new(format!("incomplete argument after action '{word}'. {USAGE}")));
        };
        let words: Vec<&str> = inner.split(',').map(str::trim).collect();
        Ok(Self { verb, target: VarTarget::parse(&words, known)? })
    }

    /// How long the variable lives.
    pub fn scope(&self) -> Scope {
        self.target.name.scope
    }

    /// The variable as written: `scope.name`.
    pub fn name(&self) -> String {
        format!("{:?}", self.target.name)
    }

    /// The action that gives the variable the expression's value.
    pub fn with_expr(self, expr: Expr) -> VarAction {
        VarAction(Kind::Expr(self.target, expr))
    }

    /// The action that gives the variable the text of a format.
    pub fn with_format(self, format: Arc<LogFormat>) -> VarAction {
        VarAction(Kind::Format(self.target, format))
    }

    /// The action that takes its value away.
    pub fn unset(self) -> VarAction {
        VarAction(Kind::Unset(self.target.name))
    }
}

impl VarAction {
    /// Carries it out. An expression without a value leaves the variable as it is.
    pub fn run(&self, ctx: &dyn Context) {
        match &self.0 {
            Kind::Expr(target, expr) => {
                if let Some(value) = expr.eval(ctx) {
                    target.set(ctx, &value);
                }
            }
            Kind::Format(target, format) => {
                let mut text = Vec::new();
                format.render_value(ctx, &mut text);
                target.set(ctx, &Sample::owned(text));
            }
            Kind::Unset(name) => name.put(ctx, None),
        }
    }
}
