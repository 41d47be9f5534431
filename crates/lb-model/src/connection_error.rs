//! Why a connection could not be used: numbers, names and sentences, as `fc_err` and its kin show them.

/// A reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionError {
    /// Its number; 0 is success.
    pub number: u8,
    /// Its name; success has none.
    pub name: Option<&'static str>,
    /// The sentence in logs.
    pub text: &'static str,
}

macro_rules! errors {
    ($( $number:literal $name:ident $text:literal )*) => {
        /// Every reason, by number.
        pub const CONNECTION_ERRORS: &[ConnectionError] = &[
            ConnectionError { number: 0, name: None, text: "Success" },
            $( ConnectionError { number: $number, name: Some(stringify!($name)), text: $text }, )*
        ];
    };
}

errors! {
    1 CONF_FDLIM "Reached configured maxconn value"
    2 PROC_FDLIM "Too many sockets on the process"
    3 SYS_FDLIM "Too many sockets on the system"
    4 SYS_MEMLIM "Out of system buffers"
    5 NOPROTO "Protocol or address family not supported"
    6 SOCK_ERR "General socket error"
    7 PORT_RANGE "Source port range exhausted"
    8 CANT_BIND "Can't bind to source address"
    9 FREE_PORTS "Out of local source ports on the system"
    10 ADDR_INUSE "Local source address already in use"
    11 PRX_EMPTY "Connection closed while waiting for PROXY protocol header"
    12 PRX_ABORT "Connection error while waiting for PROXY protocol header"
    13 PRX_TIMEOUT "Timeout while waiting for PROXY protocol header"
    14 PRX_TRUNCATED "Truncated PROXY protocol header received"
    15 PRX_NOT_HDR "Received something which does not look like a PROXY protocol header"
    16 PRX_BAD_HDR "Received an invalid PROXY protocol header"
    17 PRX_BAD_PROTO "Received an unhandled protocol in the PROXY protocol header"
    18 CIP_EMPTY "Connection closed while waiting for NetScaler Client IP header"
    19 CIP_ABORT "Connection error while waiting for NetScaler Client IP header"
    20 CIP_TIMEOUT "Timeout while waiting for a NetScaler Client IP header"
    21 CIP_TRUNCATED "Truncated NetScaler Client IP header received"
    22 CIP_BAD_MAGIC "Received an invalid NetScaler Client IP magic number"
    23 CIP_BAD_PROTO "Received an unhandled protocol in the NetScaler Client IP header"
    24 SSL_EMPTY "Connection closed during SSL handshake"
    25 SSL_ABORT "Connection error during SSL handshake"
    26 SSL_TIMEOUT "Timeout during SSL handshake"
    27 SSL_TOO_MANY "Too many SSL connections"
    28 SSL_NO_MEM "Out of memory when initializing an SSL connection"
    29 SSL_RENEG "Rejected a client-initiated SSL renegotiation attempt"
    30 SSL_CA_FAIL "SSL client CA chain cannot be verified"
    31 SSL_CRT_FAIL "SSL client certificate not trusted"
    32 SSL_MISMATCH "Server presented an SSL certificate different from the configured one"
    33 SSL_MISMATCH_SNI "Server presented an SSL certificate different from the expected one"
    34 SSL_HANDSHAKE "SSL handshake failure"
    35 SSL_HANDSHAKE_HB "SSL handshake failure after heartbeat"
    36 SSL_KILLED_HB "Stopped a TLSv1 heartbeat attack (CVE-2014-0160)"
    37 SSL_NO_TARGET "Attempt to use SSL on an unknown target (internal error)"
    38 SSL_EARLY_FAILED "Server refused early data"
    39 SOCKS4_SEND "SOCKS4 Proxy write error during handshake"
    40 SOCKS4_RECV "SOCKS4 Proxy read error during handshake"
    41 SOCKS4_DENY "SOCKS4 Proxy deny the request"
    42 SOCKS4_ABORT "SOCKS4 Proxy handshake aborted by server"
    43 SSL_FATAL "SSL fatal error"
    44 REVERSE "Reverse connect failure"
    45 POLLERR "Poller reported POLLERR"
    46 EREFUSED "ECONNREFUSED returned by OS"
    47 ERESET "ECONNRESET returned by OS"
    48 EUNREACH "ENETUNREACH returned by OS"
    49 ENOMEM "ENOMEM returned by OS"
    50 EBADF "EBADF returned by OS"
    51 EFAULT "EFAULT returned by OS"
    52 EINVAL "EINVAL returned by OS"
    53 ENCONN "ENCONN returned by OS"
    54 ENSOCK "ENSOCK returned by OS"
    55 ENOBUFS "ENOBUFS returned by OS"
    56 EPIPE "EPIPE returned by OS"
}

impl ConnectionError {
    /// The reason of that number.
    pub fn of_number(number: u8) -> Option<&'static Self> {
        CONNECTION_ERRORS.get(usize::from(number))
    }

    /// The number of the reason that logs tell in this sentence; 6, a general error, for others.
    pub fn number_of(text: &str) -> u8 {
        CONNECTION_ERRORS.iter().find(|error| error.text == text).map_or(6, |error| error.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn numbers_are_places_and_names_are_unique() {
        let mut names = BTreeSet::new();
        for (place, error) in CONNECTION_ERRORS.iter().enumerate() {
            assert_eq!(usize::from(error.number), place);
            assert_eq!(ConnectionError::number_of(error.text), error.number);
            assert!(error.name.is_none_or(|name| names.insert(name)), "{error:?}");
        }
    }
}
