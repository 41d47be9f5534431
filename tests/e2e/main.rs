//! End-to-end suites: each case runs on the program under test and, where it is installed, on HAProxy 2.6.
//!
//! `LB_TEST_SUBJECT=haproxy` runs the oracle in place of `lbd`, to judge the suites themselves.

mod support;

mod balance;
mod checks;
mod cookies;
mod error_pages;
mod http_basics;
mod http_malformed;
mod logs;
mod probes;
mod queue;
mod retries;
mod tcp;
mod timeouts;
