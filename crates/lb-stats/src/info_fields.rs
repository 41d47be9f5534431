//! The lines of `show info`: one table, from which every form is written.

use crate::tags::{Nature, Origin, Persistence, Scope, Tags, ValueType};

macro_rules! info_fields {
    ($(
        $pos:literal, $variant:ident, $name:literal,
        $origin:ident $nature:ident $scope:ident $persistence:ident, $value_type:ident, $desc:literal;
    )*) => {
        /// A line of `show info`. The number is its position in the typed and JSON forms.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        #[expect(missing_docs, reason = "each variant is documented by its description")]
        pub enum InfoField {
            $( $variant = $pos, )*
        }

        impl InfoField {
            /// Every field, in wire order.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )* ];

            /// The line's name on the wire.
            pub const fn name(self) -> &'static str {
                match self { $( Self::$variant => $name, )* }
            }

            /// Position in the typed and JSON forms. There are holes: some fields need features
            /// this program does not have.
            pub const fn position(self) -> u8 {
                self as u8
            }

            /// What the field tells, as printed by `show info desc`.
            pub const fn description(self) -> &'static str {
                match self { $( Self::$variant => $desc, )* }
            }

            /// Whether HAProxy 2.6 has the line, too.
            pub const fn is_in_2_6(self) -> bool {
                !matches!(
                    self,
                    Self::TotalSplicedBytesOut
                        | Self::TotalWarnings
                        | Self::MaxconnReached
                        | Self::BootTimeMs
                        | Self::NicedTasks
                        | Self::CurrStreams
                        | Self::CumStreams
                        | Self::BlockedTrafficWarnings
                        | Self::PatternsAdded
                        | Self::PatternsFreed
                        | Self::NbThreadGroups
                )
            }

            /// The type of the field's value when no fractions are asked for.
            pub const fn value_type(self) -> ValueType {
                match self { $( Self::$variant => ValueType::$value_type, )* }
            }

            /// The field's tags.
            pub const fn tags(self) -> Tags {
                match self {
                    $( Self::$variant => Tags {
                        origin: Origin::$origin,
                        nature: Nature::$nature,
                        scope: Scope::$scope,
                        persistence: Persistence::$persistence,
                    }, )*
                }
            }

            /// The head of a typed line: `7.Uptime.1:`, with the process number that is always 1.
            pub(crate) const fn typed_prefix(self) -> &'static str {
                match self { $( Self::$variant => concat!($pos, ".", $name, ".1:"), )* }
            }
        }
    };
}

impl InfoField {
    /// The field of this wire name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|f| f.name() == name)
    }
}

info_fields! {
    0, Name, "Name", Product Output Service Volatile, Str,
        "Name of the product, HAProxy for the sake of tools that look for it";
    1, Version, "Version", Product Output Service Volatile, Str,
        "Version of the product";
    2, ReleaseDate, "Release_date", Product Output Service Volatile, Str,
        "Date of the latest change in the sources";
    3, Nbthread, "Nbthread", Config Gauge Service Volatile, U32,
        "Threads that carry traffic (nbthread)";
    4, Nbproc, "Nbproc", Config Gauge Service Volatile, U32,
        "Worker processes, always 1";
    5, ProcessNum, "Process_num", Key Gauge Process Volatile, U32,
        "Number of the worker process, always 1";
    6, Pid, "Pid", Status Gauge Process Volatile, U32,
        "Process id of the worker";
    7, Uptime, "Uptime", Metric Duration Process Volatile, Str,
        "Time since the process started, as days, hours, minutes and seconds";
    8, UptimeSec, "Uptime_sec", Metric Duration Process Volatile, U32,
        "Seconds since the process started";
    9, MemmaxMB, "Memmax_MB", Config Limit Process Volatile, U32,
        "Limit on the process's memory in megabytes, 0 if none (-m)";
    10, PoolAllocMB, "PoolAlloc_MB", Metric Gauge Process Volatile, U32,
        "Megabytes held in memory pools";
    11, PoolUsedMB, "PoolUsed_MB", Metric Gauge Process Volatile, U32,
        "Megabytes in use in memory pools";
    12, PoolFailed, "PoolFailed", Metric Counter Process Volatile, U32,
        "Allocations from memory pools that failed";
    13, UlimitN, "Ulimit-n", Config Limit Process Volatile, U32,
        "Limit on open file descriptors";
    14, Maxsock, "Maxsock", Config Limit Process Volatile, U32,
        "File descriptors the configuration may need";
    15, Maxconn, "Maxconn", Config Limit Process Volatile, U32,
        "Limit on concurrent connections (maxconn), as it is set right now";
    16, HardMaxconn, "Hard_maxconn", Config Limit Process Volatile, U32,
        "Limit on concurrent connections at start";
    17, CurrConns, "CurrConns", Metric Gauge Process Volatile, U32,
        "Connections open right now";
    18, CumConns, "CumConns", Metric Counter Process Volatile, U32,
        "Connections accepted in all";
    19, CumReq, "CumReq", Metric Counter Process Volatile, U32,
        "Requests handled in all";
    20, MaxSslConns, "MaxSslConns", Metric Max Process Volatile, U32,
        "Limit on concurrent TLS connections";
    21, CurrSslConns, "CurrSslConns", Metric Gauge Process Volatile, U32,
        "TLS connections open right now";
    22, CumSslConns, "CumSslConns", Metric Counter Process Volatile, U32,
        "TLS connections in all";
    23, Maxpipes, "Maxpipes", Config Limit Process Volatile, U32,
        "Limit on pipes for splicing, 0 if none";
    24, PipesUsed, "PipesUsed", Metric Gauge Process Volatile, U32,
        "Pipes in use";
    25, PipesFree, "PipesFree", Metric Gauge Process Volatile, U32,
        "Pipes ready for use";
    26, ConnRate, "ConnRate", Metric Rate Process Volatile, U32,
        "Connections accepted within the last second";
    27, ConnRateLimit, "ConnRateLimit", Config Limit Process Volatile, U32,
        "Limit on connections accepted each second (maxconnrate)";
    28, MaxConnRate, "MaxConnRate", Metric Max Process Volatile, U32,
        "Most connections accepted within one second";
    29, SessRate, "SessRate", Metric Rate Process Volatile, U32,
        "Sessions that began within the last second";
    30, SessRateLimit, "SessRateLimit", Config Limit Process Volatile, U32,
        "Limit on sessions that may begin each second (maxsessrate)";
    31, MaxSessRate, "MaxSessRate", Metric Rate Process Volatile, U32,
        "Most sessions that began within one second";
    32, SslRate, "SslRate", Metric Rate Process Volatile, U32,
        "TLS handshakes begun within the last second";
    33, SslRateLimit, "SslRateLimit", Config Limit Process Volatile, U32,
        "Limit on TLS handshakes begun each second (maxsslrate)";
    34, MaxSslRate, "MaxSslRate", Metric Max Process Volatile, U32,
        "Most TLS handshakes begun within one second";
    35, SslFrontendKeyRate, "SslFrontendKeyRate", Metric Gauge Process Volatile, U32,
        "Private-key operations towards clients within the last second";
    36, SslFrontendMaxKeyRate, "SslFrontendMaxKeyRate", Metric Max Process Volatile, U32,
        "Most private-key operations towards clients within one second";
    37, SslFrontendSessionReusePct, "SslFrontendSessionReuse_pct", Metric Gauge Process Volatile, U32,
        "Share of client TLS sessions that resumed an earlier one, in percent";
    38, SslBackendKeyRate, "SslBackendKeyRate", Metric Rate Process Volatile, U32,
        "Private-key operations towards servers within the last second";
    39, SslBackendMaxKeyRate, "SslBackendMaxKeyRate", Metric Max Process Volatile, U32,
        "Most private-key operations towards servers within one second";
    40, SslCacheLookups, "SslCacheLookups", Metric Counter Process Volatile, U32,
        "Lookups in the TLS session cache";
    41, SslCacheMisses, "SslCacheMisses", Metric Counter Process Volatile, U32,
        "Lookups in the TLS session cache that found nothing";
    42, CompressBpsIn, "CompressBpsIn", Metric Rate Process Volatile, U32,
        "Bytes offered to compression within the last second";
    43, CompressBpsOut, "CompressBpsOut", Metric Rate Process Volatile, U32,
        "Bytes that left compression within the last second";
    44, CompressBpsRateLim, "CompressBpsRateLim", Config Limit Process Volatile, U32,
        "Limit on the bytes leaving compression each second (maxcomprate)";
    47, Tasks, "Tasks", Metric Gauge Process Volatile, U32,
        "Tasks in existence";
    48, RunQueue, "Run_queue", Metric Gauge Process Volatile, U32,
        "Tasks waiting to run";
    49, IdlePct, "Idle_pct", Metric Avg Process Volatile, U32,
        "Share of time spent waiting for events, in percent";
    50, Node, "node", Config Output Service Volatile, Str,
        "Name of the node";
    51, Description, "description", Config Output Service Volatile, Str,
        "Description given in the configuration";
    52, Stopping, "Stopping", Metric Gauge Process Volatile, U32,
        "Whether the process is stopping";
    53, Jobs, "Jobs", Metric Gauge Process Volatile, U32,
        "Jobs that keep the process alive: sessions, listeners, peers";
    54, UnstoppableJobs, "Unstoppable Jobs", Metric Gauge Process Volatile, U32,
        "Jobs that do not hold back a stop";
    55, Listeners, "Listeners", Metric Gauge Process Volatile, U32,
        "Listeners in service";
    56, ActivePeers, "ActivePeers", Metric Gauge Process Volatile, U32,
        "Peer sessions established or attempted";
    57, ConnectedPeers, "ConnectedPeers", Metric Gauge Process Volatile, U32,
        "Peer sessions established";
    58, DroppedLogs, "DroppedLogs", Metric Gauge Process Volatile, U32,
        "Log messages dropped because the receiver did not keep up";
    59, BusyPolling, "BusyPolling", Metric Gauge Process Volatile, U32,
        "Whether busy polling is on";
    60, FailedResolutions, "FailedResolutions", Metric Gauge Process Volatile, U32,
        "Name resolutions that failed";
    61, TotalBytesOut, "TotalBytesOut", Metric Gauge Process Volatile, U64,
        "Bytes sent in all";
    62, TotalSplicedBytesOut, "TotalSplicedBytesOut", Metric Gauge Process Volatile, U64,
        "Bytes sent in all without a copy to user space";
    63, BytesOutRate, "BytesOutRate", Metric Rate Process Volatile, U64,
        "Bytes sent within the last second";
    64, DebugCommandsIssued, "DebugCommandsIssued", Metric Gauge Process Volatile, U32,
        "Debug commands used on the admin socket";
    65, CumRecvLogs, "CumRecvLogs", Metric Counter Process Volatile, U32,
        "Log messages received from other systems";
    66, BuildInfo, "Build info", Product Output Service Volatile, Str,
        "Version and build of the program";
    67, MemmaxBytes, "Memmax_bytes", Config Limit Process Volatile, U32,
        "Limit on the process's memory in bytes, 0 if none (-m)";
    68, PoolAllocBytes, "PoolAlloc_bytes", Metric Gauge Process Volatile, U64,
        "Bytes held in memory pools";
    69, PoolUsedBytes, "PoolUsed_bytes", Metric Gauge Process Volatile, U64,
        "Bytes in use in memory pools";
    70, StartTimeSec, "Start_time_sec", Metric Duration Process Volatile, U32,
        "Moment the process started, in seconds since the epoch";
    71, Tainted, "Tainted", Status Gauge Process Volatile, Str,
        "Mask of the unusual things done since start";
    72, TotalWarnings, "TotalWarnings", Metric Counter Process Volatile, U32,
        "Warnings printed since start";
    73, MaxconnReached, "MaxconnReached", Metric Counter Process Volatile, U32,
        "Times an accept was held back by maxconn";
    74, BootTimeMs, "BootTime_ms", Metric Duration Process Volatile, U32,
        "Milliseconds the start took";
    75, NicedTasks, "Niced_tasks", Metric Gauge Process Volatile, U32,
        "Tasks with a nice value waiting to run";
    76, CurrStreams, "CurrStreams", Metric Gauge Process Volatile, U64,
        "Streams open right now";
    77, CumStreams, "CumStreams", Metric Gauge Process Volatile, U64,
        "Streams in all";
    78, BlockedTrafficWarnings, "BlockedTrafficWarnings", Metric Gauge Process Volatile, U32,
        "Warnings about traffic blocked by a slow task";
    79, PatternsAdded, "PatternsAdded", Metric Gauge Process Volatile, U64,
        "Patterns added to maps and ACLs since start";
    80, PatternsFreed, "PatternsFreed", Metric Gauge Process Volatile, U64,
        "Patterns removed from maps and ACLs since start";
    81, NbThreadGroups, "NbThreadGroups", Config Gauge Service Volatile, U32,
        "Groups of threads";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_table_is_sound() {
        let names: BTreeSet<_> = InfoField::ALL.iter().map(|f| f.name()).collect();
        assert_eq!(names.len(), InfoField::ALL.len());
        assert!(InfoField::ALL.is_sorted_by_key(|f| f.position()));
        for field in InfoField::ALL {
            assert!(!field.description().is_empty() && !field.description().contains('"'), "{}", field.name());
            assert_eq!(InfoField::from_name(field.name()), Some(*field));
        }
    }
}
