//! End-to-end suites: each case runs on the program under test and, where it is installed, on HAProxy 2.6.
//!
//! `LB_TEST_SUBJECT=haproxy` runs the oracle in place of `lbd`, to judge the suites themselves.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

mod actions;
mod admin;
mod after_response;
mod auth;
mod balance;
mod bodies;
mod browser;
mod captures;
mod check_external;
mod check_forms;
mod check_rules;
mod check_wire;
mod checks;
mod clients;
mod compression;
mod config_errors;
mod convert;
mod cookies;
mod corpus;
mod down;
mod dynamic;
mod effects;
mod ends;
mod error_answers;
mod error_pages;
mod events;
mod faults;
mod forwarding;
mod garbage;
mod health;
mod http_basics;
mod http_malformed;
mod inside;
mod inspection;
mod kills;
mod log_formats;
mod log_steps;
mod log_targets;
mod logs;
mod max_fails;
mod metrics;
mod own;
mod pages;
mod patterns;
mod probes;
mod proxy_protocol;
mod queue;
mod random;
mod real;
mod reloads;
mod resolvers;
mod retries;
mod rewrites;
mod sess;
mod sockets;
mod socks;
mod start_stop;
mod state_files;
mod statistics;
mod stats_file;
mod stick_tables;
mod takeover;
mod tcp;
mod timeouts;
mod tls;
mod tools;
mod variables;
mod ways;
