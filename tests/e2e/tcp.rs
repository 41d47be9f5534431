//! TCP mode: bytes, ends and resets pass as they come.

use crate::check_eq;
use crate::support::{HEAD, both, start};
use anyhow::Result;
use lb_testkit::client::Client;
use lb_testkit::origin::filler;
use lb_testkit::{Engine, Mode, Origin, Program, free_port, until};

fn tcp(engine: &Engine, origin: &Origin) -> Result<Program> {
    let config = HEAD.replace("mode http", "mode tcp")
        + "listen fe\n    bind 127.0.0.1:{port:fe}\n    balance leastconn\n    server s1 {o1}\n";
    start(engine, &[("o1", origin)], &config)
}

#[test]
fn bytes_pass_both_ways_at_once() {
    both(|engine| {
        let origin = Origin::with(Mode::Echo)?;
        let program = tcp(engine, &origin)?;
        let mut client = Client::connect(program.address("fe"))?;
        let data = filler(200_000);
        for _ in 0..10 {
            client.send(&data)?.expect(&data)?;
        }
        Ok(())
    });
}

#[test]
fn the_server_may_speak_first() {
    both(|engine| {
        let origin = Origin::with(Mode::Greet(b"220 ready\r\n".to_vec()))?;
        let program = tcp(engine, &origin)?;
        Client::connect(program.address("fe"))?.expect("220 ready\r\n")?;
        Ok(())
    });
}

#[test]
fn a_half_close_passes_and_the_other_half_stays() {
    both(|engine| {
        let origin = Origin::with(Mode::Echo)?;
        let program = tcp(engine, &origin)?;
        let mut client = Client::connect(program.address("fe"))?;
        client.send("last words")?.half_close()?;
        check_eq!(client.read_to_end()?, b"last words");
        program.admin().await_stat("fe", "FRONTEND", "scur", "0")?;
        Ok(())
    });
}

#[test]
fn a_reset_of_either_side_ends_the_other() {
    both(|engine| {
        let origin = Origin::with(Mode::Echo)?;
        let program = tcp(engine, &origin)?;
        let mut client = Client::connect(program.address("fe"))?;
        client.send("x")?.expect("x")?;
        check_eq!(origin.open_connections(), 1);
        client.reset()?;
        until("the origin's end", || (origin.open_connections() == 0).then_some(()))?;
        origin.set_mode(Mode::Reset);
        // The reset may come back before connecting is over.
        if let Ok(mut client) = Client::connect(program.address("fe")) {
            check_eq!(client.read_to_end()?, b"");
        }
        Ok(())
    });
}

#[test]
fn a_refused_server_closes_the_client() {
    both(|engine| {
        let config = HEAD.replace("mode http", "mode tcp\n    retries 0")
            + &format!("listen fe\n    bind 127.0.0.1:{{port:fe}}\n    server s1 127.0.0.1:{}\n", free_port());
        let program = start(engine, &[], &config)?;
        check_eq!(Client::connect(program.address("fe"))?.read_to_end()?, b"");
        program.admin().await_stat("fe", "s1", "econ", "1")?;
        Ok(())
    });
}

#[test]
fn many_connections_live_side_by_side() {
    both(|engine| {
        let origin = Origin::with(Mode::Echo)?;
        let program = tcp(engine, &origin)?;
        let mut clients: Vec<Client> =
            (0..100).map(|_| Client::connect(program.address("fe"))).collect::<Result<_>>()?;
        for (n, client) in clients.iter_mut().enumerate() {
            client.send(format!("client {n}"))?;
        }
        for (n, client) in clients.iter_mut().enumerate() {
            client.expect(format!("client {n}"))?;
        }
        check_eq!(program.admin().stat("fe", "s1", "scur")?, "100");
        drop(clients);
        program.admin().await_stat("fe", "s1", "scur", "0")?;
        check_eq!(program.admin().stat("fe", "s1", "stot")?, "100");
        Ok(())
    });
}

#[test]
fn byte_counters_match_what_passed() {
    both(|engine| {
        let origin = Origin::with(Mode::Echo)?;
        let program = tcp(engine, &origin)?;
        let mut client = Client::connect(program.address("fe"))?;
        client.send(filler(10_000))?.expect(filler(10_000))?;
        drop(client);
        let admin = program.admin();
        for object in ["FRONTEND", "s1", "BACKEND"] {
            admin.await_stat("fe", object, "bin", "10000")?;
            admin.await_stat("fe", object, "bout", "10000")?;
        }
        Ok(())
    });
}

#[test]
fn sessions_can_be_shut_from_the_admin_socket() {
    both(|engine| {
        let origin = Origin::with(Mode::Echo)?;
        let program = tcp(engine, &origin)?;
        let mut client = Client::connect(program.address("fe"))?;
        client.send("x")?.expect("x")?;
        check_eq!(program.admin().ask("shutdown sessions server fe/s1")?, "\n");
        check_eq!(client.read_to_end()?, b"");
        program.admin().await_stat("fe", "FRONTEND", "scur", "0")?;
        Ok(())
    });
}
