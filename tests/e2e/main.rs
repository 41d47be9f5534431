//! End-to-end suites: each case runs on the program under test and, where it is installed, on HAProxy 2.6.
//!
//! `LB_TEST_SUBJECT=haproxy` runs the oracle in place of `lbd`, to judge the suites themselves.

mod support;

mod http_basics;
mod http_malformed;
