//! What an entry can hold: one row for each type of data.

/// How a type of data is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A number of 32 bits.
    Count,
    /// A number of 64 bits.
    Total,
    /// Events per period.
    Rate,
    /// Numbers of 32 bits, by index.
    Counts,
    /// Events per period, by index.
    Rates,
    /// A server's name or address.
    Name,
}

macro_rules! kinds {
    ($( $id:ident, $name:literal, $shape:ident, $doc:literal; )*) => {
        /// A type of data. The order is the one in which entries are printed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum DataKind {
            $( #[doc = $doc] $id, )*
        }

        impl DataKind {
            /// All types.
            pub const ALL: &[Self] = &[ $( Self::$id, )* ];

            /// The word of the configuration and of the Runtime API.
            pub const fn name(self) -> &'static str {
                match self { $( Self::$id => $name, )* }
            }

            /// How it is kept.
            pub const fn shape(self) -> Shape {
                match self { $( Self::$id => Shape::$shape, )* }
            }
        }
    };
}

kinds! {
    ServerId, "server_id", Count, "Id of the server that the key sticks to.";
    Gpt0, "gpt0", Count, "First tag.";
    Gpc0, "gpc0", Count, "First general purpose counter.";
    Gpc0Rate, "gpc0_rate", Rate, "How often the first counter is raised.";
    ConnCnt, "conn_cnt", Count, "Connections received.";
    ConnRate, "conn_rate", Rate, "Connections per period.";
    ConnCur, "conn_cur", Count, "Current connections.";
    SessCnt, "sess_cnt", Count, "Connections accepted by the connection rules.";
    SessRate, "sess_rate", Rate, "Accepted connections per period.";
    HttpReqCnt, "http_req_cnt", Count, "HTTP requests.";
    HttpReqRate, "http_req_rate", Rate, "HTTP requests per period.";
    HttpErrCnt, "http_err_cnt", Count, "Errors of the client: bad or denied requests, responses 4xx.";
    HttpErrRate, "http_err_rate", Rate, "Errors of the client per period.";
    BytesInCnt, "bytes_in_cnt", Total, "Bytes from the client.";
    BytesInRate, "bytes_in_rate", Rate, "Bytes from the client per period.";
    BytesOutCnt, "bytes_out_cnt", Total, "Bytes to the client.";
    BytesOutRate, "bytes_out_rate", Rate, "Bytes to the client per period.";
    Gpc1, "gpc1", Count, "Second general purpose counter.";
    Gpc1Rate, "gpc1_rate", Rate, "How often the second counter is raised.";
    ServerKey, "server_key", Name, "Name or address of the server that the key sticks to.";
    HttpFailCnt, "http_fail_cnt", Count, "Failures of servers: bad responses, and 5xx but 501 and 505.";
    HttpFailRate, "http_fail_rate", Rate, "Failures of servers per period.";
    Gpt, "gpt", Counts, "Tags, by index.";
    Gpc, "gpc", Counts, "General purpose counters, by index.";
    GpcRate, "gpc_rate", Rates, "How often each general purpose counter is raised.";
    GlitchCnt, "glitch_cnt", Count, "Oddities of the client's protocol.";
    GlitchRate, "glitch_rate", Rate, "Oddities of the client's protocol per period.";
}

impl DataKind {
    /// Finds a type by its word.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// The array, and the index in it, that stand for this type in tables that keep arrays instead.
    pub const fn in_array(self) -> Option<(Self, usize)> {
        Some(match self {
            Self::Gpt0 => (Self::Gpt, 0),
            Self::Gpc0 => (Self::Gpc, 0),
            Self::Gpc1 => (Self::Gpc, 1),
            Self::Gpc0Rate => (Self::GpcRate, 0),
            Self::Gpc1Rate => (Self::GpcRate, 1),
            _ => return None,
        })
    }
}
