//! Redis, PostgreSQL and MariaDB.

use super::{Real, data_dir, find, finish, judge, row, unprivileged};
use crate::support::both;
use anyhow::Result;
use lb_testkit::{Launch, free_port, until};
use std::path::{Path, PathBuf};

/// A Redis that keeps nothing, with these options.
fn redis(program: &Path, options: &[&str]) -> Result<Real> {
    let (dir, port) = (data_dir()?, free_port());
    let mut command = unprivileged(program, dir.path())?;
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"]);
    command.arg(dir.path()).args(options);
    Real::start(command, port, dir)
}

#[test]
fn a_redis_is_checked() {
    let Some(program) = find("redis-server") else { return };
    let (open, closed) = (redis(&program, &[]).unwrap(), redis(&program, &["--requirepass", "secret"]).unwrap());
    let ping = ["timeout check 400ms", "option redis-check"];
    let replication = |role| {
        let expected = if role { "tcp-check expect string role:master" } else { "tcp-check expect string role:slave" };
        [
            "timeout check 400ms",
            "option tcp-check",
            "tcp-check send PING\\r\\n",
            "tcp-check expect string +PONG",
            "tcp-check send info\\ replication\\r\\n",
            expected,
            "tcp-check send QUIT\\r\\n",
            "tcp-check expect string +OK",
        ]
    };
    let min = ["option tcp-check", "tcp-check send PING\\r\\n", "tcp-check expect min-recv 5 string +PONG"];
    let (master, slave) = (replication(true), replication(false));
    both(|engine| {
        let rows = [
            row(open.port, &ping, "UP L7OK 0: Layer7 check passed, code: 0, info: \"Redis server is ok\""),
            // It asks for a password: that is no answer to a PING, and the check waits for more until time is up.
            row(closed.port, &ping, "DOWN L7TOUT : Layer7 timeout"),
            row(open.port, &master, "UP L7OK 0: Layer7 check passed, code: 0, info: \"(tcp-check)\""),
            row(
                open.port,
                &slave,
                "DOWN L7TOUT : Layer7 timeout, info: \" at step 4 of tcp-check (expect string 'role:slave')\"",
            ),
            row(
                closed.port,
                &min,
                "DOWN L7RSP : Layer7 invalid response, info: \"TCPCHK did not match content '+PONG' at step 2\"",
            ),
        ];
        judge(engine, Launch::new(engine)?, &rows)
    });
}

/// The newest PostgreSQL's programs.
fn postgres_programs() -> Option<PathBuf> {
    let mut versions: Vec<PathBuf> =
        std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten().map(|e| e.path()).collect();
    versions.sort();
    versions.into_iter().rev().map(|dir| dir.join("bin")).find(|bin| bin.join("initdb").is_file())
}

fn postgres(programs: &Path) -> Result<Real> {
    let (dir, port) = (data_dir()?, free_port());
    let data = dir.path().join("data");
    let mut make = unprivileged(programs.join("initdb"), dir.path())?;
    make.args(["-U", "postgres", "-A", "trust", "-N", "-E", "UTF8", "--locale=C", "-D"]).arg(&data);
    finish(make, dir.path())?;
    // Nobody may come as this user.
    let rules = "host all outcast 127.0.0.1/32 reject\nhost all all 127.0.0.1/32 trust\nlocal all all trust\n";
    std::fs::write(data.join("pg_hba.conf"), rules)?;
    let mut command = unprivileged(programs.join("postgres"), dir.path())?;
    command.args(["-h", "127.0.0.1", "-p", &port.to_string(), "-F", "-k"]).arg(dir.path()).arg("-D").arg(&data);
    let real = Real::start(command, port, dir)?;
    until("a PostgreSQL that is ready", || real.output().contains("ready to accept connections").then_some(()))?;
    Ok(real)
}

#[test]
fn a_postgresql_is_checked() {
    let Some(programs) = postgres_programs() else {
        eprintln!("skipped: PostgreSQL is not installed");
        return;
    };
    let server = postgres(&programs).unwrap();
    let refused = free_port();
    both(|engine| {
        let port = server.port;
        let ok = "UP L7OK 0: Layer7 check passed, code: 0, info: \"PostgreSQL server is ok\"";
        let rows = [
            row(port, &["option pgsql-check user postgres"], ok),
            // The user need not exist to be asked for a password.
            row(port, &["option pgsql-check user nobody"], ok),
            row(port, &["option pgsql-check user outcast"], "DOWN L7RSP : Layer7 invalid response, info: \"FATAL\""),
            row(
                refused,
                &["option pgsql-check user postgres"],
                "DOWN L4CON : Layer4 connection problem, info: \"Connection refused\"",
            ),
            row(
                port,
                &["option redis-check"],
                "DOWN L7STS 0: Layer7 wrong status, code: 0, info: \"TCPCHK got an empty response at step 2\"",
            ),
            row(port, &["timeout check 400ms", "option smtpchk"], "DOWN L7TOUT : Layer7 timeout"),
            row(port, &["timeout check 400ms", "option mysql-check"], "DOWN L7TOUT : Layer7 timeout"),
            row(
                port,
                &["option mysql-check user haproxy"],
                "DOWN L7RSP : Layer7 invalid response, info: \"TCPCHK got an empty response at step 3\"",
            ),
        ];
        judge(engine, Launch::new(engine)?, &rows)
    });
}

/// A MariaDB with a user `haproxy` without a password, and `locked` with one.
fn mariadb(program: &Path, maker: &Path) -> Result<Real> {
    let (dir, port) = (data_dir()?, free_port());
    let data = dir.path().join("data");
    let mut make = unprivileged(maker, dir.path())?;
    make.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"]);
    make.arg(format!("--datadir={}", data.display()));
    finish(make, dir.path())?;
    let users = dir.path().join("users.sql");
    std::fs::write(&users, "CREATE USER haproxy@127.0.0.1;\nCREATE USER locked@127.0.0.1 IDENTIFIED BY 'x';\n")?;
    let mut command = unprivileged(program, dir.path())?;
    command.args(["--no-defaults", "--bind-address=127.0.0.1", "--skip-name-resolve", &format!("--port={port}")]);
    for (option, file) in [("datadir", "data"), ("socket", "socket"), ("pid-file", "pid"), ("init-file", "users.sql")] {
        command.arg(format!("--{option}={}", dir.path().join(file).display()));
    }
    Real::start(command, port, dir)
}

#[test]
fn a_mariadb_is_checked() {
    let (Some(program), Some(maker)) = (find("mariadbd"), find("mariadb-install-db")) else { return };
    let server = mariadb(&program, &maker).unwrap();
    let (port, refused) = (server.port, free_port());
    both(|engine| {
        let ok = "UP L7OK 0: Layer7 check passed, code: 0, info: \"<version>\"";
        let rows = [
            row(port, &["option mysql-check"], ok),
            row(port, &["option mysql-check user haproxy"], ok),
            row(port, &["option mysql-check user haproxy pre-41"], ok),
            row(port, &["option mysql-check user haproxy post-41"], ok),
            row(
                port,
                &["option mysql-check user locked"],
                "DOWN L7STS 1045: Layer7 wrong status, code: 1045, info: \"#28000Access denied for user 'locked'@'127.0.0.1' (using password: NO)\"",
            ),
            row(
                port,
                &["option mysql-check user stranger pre-41"],
                "DOWN L7STS 1045: Layer7 wrong status, code: 1045, info: \"Access denied for user 'stranger'@'127.0.0.1' (using password: NO)\"",
            ),
            row(
                refused,
                &["option mysql-check"],
                "DOWN L4CON : Layer4 connection problem, info: \"Connection refused\"",
            ),
            row(
                port,
                &["option pgsql-check user haproxy"],
                "DOWN L7STS 0: Layer7 wrong status, code: 0, info: \"PostgreSQL unknown error\"",
            ),
        ];
        judge(engine, Launch::new(engine)?, &rows)
    });
    if let Ok(engine) = lb_testkit::Engine::subject()
        && !engine.is_haproxy
    {
        // 3.x: what a client of MySQL 8 says.
        let rows = [row(
            port,
            &["option mysql-check user haproxy post-80"],
            "UP L7OK 0: Layer7 check passed, code: 0, info: \"<version>\"",
        )];
        judge(&engine, Launch::new(&engine).unwrap(), &rows).unwrap();
    }
}
