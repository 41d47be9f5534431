//! Telling somebody what goes over the wire.

use std::fmt;
use std::sync::Arc;

use crate::Address;

/// Which way bytes went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To the node.
    Sent,
    /// From the node.
    Received,
}

type Listener = dyn Fn(&Address, Way, &[u8]) + Send + Sync;

/// Is told every piece that is sent or received.
#[derive(Clone)]
pub struct Trace(Arc<Listener>);

impl Trace {
    /// From a function.
    pub fn new(listener: impl Fn(&Address, Way, &[u8]) + Send + Sync + 'static) -> Self {
        Self(Arc::new(listener))
    }

    pub(crate) fn tell(&self, address: &Address, way: Way, bytes: &[u8]) {
        (self.0)(address, way, bytes);
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trace")
    }
}
