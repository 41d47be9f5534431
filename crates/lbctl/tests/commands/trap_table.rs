//! Every surprise of the Runtime API that was seen on running engines, and the tests that hold it: each of them runs
//! against a real HAProxy.

use std::path::Path;

/// Number, what surprises, and the tests' names.
const TRAPS: &[(u8, &str, &[&str])] = &[
    (1, "success is an empty line, failures are prose, words too many are taken", &["a_failure_is_prose"]),
    (2, "an answer is no failure", &["words_are_no_failure", "servers_at_run_time"]),
    (3, "severities have holes", &["severities_hide_no_refusal", "severities_have_holes"]),
    (4, "a master loses severities, and its prefix holds for one command", &["old_workers_hold_a_server"]),
    (5, "an empty line is no end", &["answers_come_whole", "tables_add_empty_lines"]),
    (
        6,
        "a prompt ends with its connection, and empty input gives help",
        &["a_prompt_for_each_line", "empty_lines_and_ends_of_lines"],
    ),
    (7, "one connection runs one line, or all", &["each_line_has_its_connection"]),
    (
        8,
        "escapes, a last semicolon, long lines, quotes",
        &["words_are_taken_as_they_are", "empty_lines_and_ends_of_lines", "a_long_line_breaks_the_connection"],
    ),
    (9, "payloads end at an empty line", &["a_payload_with_empty_lines_arrives_whole"]),
    (
        10,
        "'wait' takes a closed side for a client that has gone",
        &["a_wait_is_not_interrupted", "a_wait_tests_what_can_be_deleted"],
    ),
    (11, "a master does not close, and a reload ends in nothing", &["old_workers_hold_a_server"]),
    (12, "the eleventh connection hangs", &["the_eleventh_connection_hangs"]),
    (13, "idle connections close without a word", &["idle_connections_close_without_a_word"]),
    (14, "words for states", &["states_of_haproxy", "states_of_lbd", "a_name_without_an_address_is_in_maintenance"]),
    (
        15,
        "a drained server may show as down, up or drained",
        &["a_drained_server_that_is_down_is_draining", "states_of_haproxy"],
    ),
    (16, "states are masks", &["states_of_haproxy", "a_name_without_an_address_is_in_maintenance"]),
    (17, "a disabled server that is ready keeps a mark", &["a_disabled_server_that_is_ready_keeps_a_mark"]),
    (
        18,
        "ready restores neither what is inherited, nor weight, nor health",
        &["a_tracking_server_is_not_its_own", "states_of_haproxy"],
    ),
    (
        19,
        "ready serves before any check",
        &["ready_gives_a_dead_server_traffic_and_checked_does_not", "checked_waits_for_the_checks"],
    ),
    (
        20,
        "a drain keeps clients for ever, maintenance cuts nothing, a kill does",
        &[
            "a_drain_keeps_the_clients_of_cookies",
            "a_drain_keeps_the_clients_of_tables",
            "requests_survive_maintenance_and_end_by_a_kill",
        ],
    ),
    (
        21,
        "of all that drain the backend is down, and the queue stays",
        &[
            "nobody_is_left_when_all_drain",
            "a_drain_keeps_the_clients_of_cookies",
            "what_waits_in_the_queue_stays_there",
        ],
    ),
    (22, "static algorithms take all or nothing", &["static_algorithms_take_all_or_nothing"]),
    (
        23,
        "sessions count, connections in use do not",
        &["sessions_count_and_connections_do_not", "a_pool_of_haproxy_is_no_session"],
    ),
    (24, "columns have names, not places", &["a_pool_of_haproxy_is_no_session"]),
    (25, "a pool is no session", &["a_pool_of_haproxy_is_no_session", "a_pool_of_lbd_is_no_session"]),
    (26, "old workers are asked through the master", &["old_workers_hold_a_server"]),
    (27, "a number is a name", &["a_number_is_a_name"]),
    (28, "levels deny", &["levels_deny", "a_level_is_asked_for_first"]),
    (29, "the process is told in lines", &["the_process_is_told_in_lines"]),
    (
        30,
        "a change's success is one line, also after CR LF",
        &["the_process_is_told_in_lines", "empty_lines_and_ends_of_lines"],
    ),
    (31, "words about addresses differ", &["addresses_are_compared_and_words_are_not"]),
];

#[test]
fn every_surprise_has_its_tests() {
    for (at, (number, ..)) in TRAPS.iter().enumerate() {
        assert_eq!(usize::from(*number), at + 1);
    }
    let suites = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/commands");
    let all: String = std::fs::read_dir(suites)
        .unwrap()
        .map(|suite| std::fs::read_to_string(suite.unwrap().path()).unwrap())
        .collect();
    for (number, what, tests) in TRAPS {
        assert!(!tests.is_empty(), "{number}: {what}");
        for test in *tests {
            assert!(all.contains(&format!("fn {test}(")), "{number}, {what}: there is no {test}");
            // It is run: as a test, or on both engines.
            let run = all.contains(&format!("#[test]\nfn {test}(")) || all.contains(&format!("    {test},\n"));
            assert!(run, "{number}, {what}: {test} is not run");
        }
    }
}
