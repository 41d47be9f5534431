//! Where an expression may be used: what it needs, and what each kind of rule has.

/// What a fetch takes its value from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Constants, counters and states of the process: always there.
    Internal,
    /// The client's connection.
    Client,
    /// The chosen backend.
    Backend,
    /// The chosen server.
    Server,
    /// The connection to the server.
    ServerAddress,
    /// Bytes received from the client and not yet forwarded.
    RequestBuffer,
    /// Bytes that a health check received.
    ResponseBuffer,
    /// The request's headers, until it is forwarded.
    RequestHeaders,
    /// What is remembered of the request to the end.
    RequestMeta,
    /// The response's headers, until it is forwarded.
    ResponseHeaders,
    /// What is remembered of the response to the end.
    ResponseMeta,
    /// The headers of the message at hand.
    EitherHeaders,
}

impl Source {
    /// The words of messages: `it needs '…' which is not available here`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Internal => "internal state",
            Self::Client => "client connection",
            Self::Backend => "backend",
            Self::Server => "server",
            Self::ServerAddress => "server address",
            Self::RequestBuffer => "request buffer",
            Self::ResponseBuffer => "response buffer",
            Self::RequestHeaders => "HTTP request headers",
            Self::RequestMeta => "HTTP request",
            Self::ResponseHeaders => "HTTP response headers",
            Self::ResponseMeta => "HTTP response",
            Self::EitherHeaders => "HTTP request headers,HTTP response headers",
        }
    }

    /// Whether it exists in HTTP mode only.
    pub const fn is_http(self) -> bool {
        matches!(
            self,
            Self::RequestHeaders | Self::RequestMeta | Self::ResponseHeaders | Self::ResponseMeta | Self::EitherHeaders
        )
    }

    /// Whether it is there when rules of this kind run.
    pub const fn is_available(self, place: Place) -> bool {
        let (request, response) = (place.is_request(), place.is_response());
        match self {
            Self::Internal => true,
            Self::Client => !matches!(place, Place::Process),
            Self::Backend => !place.is_frontend_request() && !matches!(place, Place::Process),
            Self::Server => response || matches!(place, Place::Log),
            Self::ServerAddress => response || matches!(place, Place::Log),
            Self::RequestBuffer | Self::RequestHeaders => request,
            // Health checks are no place of rules: what they evaluate is not asked about its place.
            Self::ResponseBuffer => false,
            Self::RequestMeta => !matches!(place, Place::Process | Place::FrontendConnection | Place::FrontendSession),
            Self::ResponseHeaders => response,
            Self::ResponseMeta => response || matches!(place, Place::Log),
            Self::EitherHeaders => request || response,
        }
    }
}

/// A kind of rule, as far as it decides what is available.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// No stream at all: the global section, a command.
    Process,
    /// `tcp-request connection` of a frontend.
    FrontendConnection,
    /// `tcp-request session` of a frontend.
    FrontendSession,
    /// `tcp-request content` of a frontend.
    FrontendContent,
    /// `http-request` of a frontend.
    FrontendRequest,
    /// `use_backend`.
    UseBackend,
    /// `tcp-request content` of a backend or a listen section.
    BackendContent,
    /// `http-request` of a backend or a listen section.
    BackendRequest,
    /// `use-server`, `balance`.
    Balance,
    /// `http-response` of a backend or a listen section.
    BackendResponse,
    /// `http-response` of a frontend.
    FrontendResponse,
    /// `log-format`.
    Log,
}

impl Place {
    /// The words of messages: `incompatible with '…'`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Process => "global section",
            Self::FrontendConnection => "frontend tcp-request connection rule",
            Self::FrontendSession => "frontend tcp-request session rule",
            Self::FrontendContent => "frontend tcp-request content rule",
            Self::FrontendRequest => "frontend http-request header rule",
            Self::UseBackend => "frontend use-backend rule",
            Self::BackendContent => "backend tcp-request content rule",
            Self::BackendRequest => "backend http-request header rule",
            Self::Balance => "backend use-server, balance or stick-match rule",
            Self::BackendResponse => "backend http-response header rule",
            Self::FrontendResponse => "frontend http-response header rule",
            Self::Log => "logs",
        }
    }

    const fn is_frontend_request(self) -> bool {
        matches!(
            self,
            Self::FrontendConnection
                | Self::FrontendSession
                | Self::FrontendContent
                | Self::FrontendRequest
                | Self::UseBackend
        )
    }

    const fn is_request(self) -> bool {
        matches!(
            self,
            Self::FrontendContent
                | Self::FrontendRequest
                | Self::UseBackend
                | Self::BackendContent
                | Self::BackendRequest
                | Self::Balance
        )
    }

    const fn is_response(self) -> bool {
        matches!(self, Self::BackendResponse | Self::FrontendResponse)
    }
}
