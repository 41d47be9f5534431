//! Values of expressions.

use std::borrow::Cow;
use std::net::IpAddr;

/// A value. Strings borrow from the context or the configuration where they can.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sample<'a> {
    /// A boolean.
    Bool(bool),
    /// A signed number.
    Int(i64),
    /// An address.
    Ip(IpAddr),
    /// Text.
    Str(Cow<'a, [u8]>),
    /// Bytes.
    Bin(Cow<'a, [u8]>),
    /// An HTTP method.
    Method(Cow<'a, [u8]>),
}
