//! Kinds of arguments, as completion needs to know them.

/// What may stand at one position after a command's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arg {
    /// The name of a configured object.
    Name(Name),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// One of these words, each with its own arguments.
    Keyed(&'static [Keyed]),
    /// Any of these, at this and all later positions.
    Many(&'static [Arg]),
    /// A number, perhaps with a unit or a percent sign.
    Number,
    /// A free word.
    Text,
    /// Free words to the end of the line.
    Rest,
}

/// Kinds of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// A backend.
    Backend,
    /// A frontend.
    Frontend,
    /// Either.
    Proxy,
    /// A server, as `backend/server`.
    Server,
}

/// A word that decides what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keyed {
    /// The word.
    pub word: &'static str,
    /// What follows it.
    pub args: &'static [Arg],
}
