//! xCAT's tables in real database servers: the answers are those of the SQLite files that the servers were filled from.
//!
//! PostgreSQL and MariaDB of the distribution run in a temporary directory, as a user without rights, in a network namespace of
//! this test.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails as the test does")]

mod answers;
mod encodings;
mod moment;
mod program;
mod refusals;
mod rights;
mod server;
mod tables;

use std::process::{Command, ExitCode};
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};

use server::{Kind, Server};

type Test = (&'static str, fn(&Server));

/// What both kinds of server must do.
const BOTH: &[Test] = &[
    ("the_answers_are_those_of_sqlite", answers::are_those_of_sqlite),
    ("the_order_of_rows_does_not_count", answers::do_not_depend_on_the_order),
    ("null_empty_and_disabled_rows_differ", answers::tell_null_from_empty),
    ("columns_with_reserved_names_are_read", answers::have_reserved_columns),
    ("sockets_and_ports_give_the_same", answers::come_by_socket_and_port),
    ("text_that_is_not_ascii_is_read", encodings::text_is_read),
    ("a_writer_in_the_middle_is_not_seen", moment::a_writer_is_not_seen),
    ("a_transaction_is_left_by_the_end", moment::nothing_is_left),
    ("an_executor_may_run_already", moment::inside_an_executor),
    ("a_server_that_is_down_is_named", refusals::down),
    ("a_server_that_never_answers_is_given_up", refusals::silent),
    ("a_wrong_password_is_told", refusals::wrong_password),
    ("a_missing_database_is_told", refusals::missing_database),
    ("missing_tables_are_empty_but_nodelist", refusals::missing_tables),
    ("tables_with_other_columns", refusals::other_columns),
    ("a_reader_needs_only_the_documented_rights", rights::documented),
    ("a_table_that_may_not_be_read_is_told_when_needed", rights::denied),
    ("the_program_finds_what_xcat_uses", program::finds_what_xcat_uses),
    ("the_program_takes_a_url_and_a_password_file", program::takes_a_url),
    ("the_program_never_shows_a_password", program::shows_no_password),
];

/// What only one kind can be asked.
const POSTGRES: &[Test] = &[
    ("bytes_without_an_encoding_are_read_as_sqlite_does", encodings::sql_ascii),
    ("a_user_whom_the_rules_do_not_admit_is_told", refusals::not_admitted),
];
const MARIADB: &[Test] = &[("text_in_latin1_columns_is_read", encodings::latin1)];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let all =
        [(Kind::Postgres, BOTH), (Kind::Postgres, POSTGRES), (Kind::Mariadb, BOTH), (Kind::Mariadb, MARIADB)];
    let names: Vec<(Kind, String, Test)> = all
        .into_iter()
        .flat_map(|(kind, tests)| {
            tests.iter().map(move |test| (kind, format!("{}::{}", kind.name(), test.0), *test))
        })
        .collect();
    let wanted = |kind| {
        !arguments.list
            && names.iter().any(|(of, name, _)| {
                *of == kind && arguments.filter.as_ref().is_none_or(|filter| name.contains(filter))
            })
    };
    let kinds: Vec<Kind> = [Kind::Postgres, Kind::Mariadb].into_iter().filter(|kind| wanted(*kind)).collect();
    own_network();
    let servers: Vec<Arc<Server>> = Server::start_all(&kinds).into_iter().map(Arc::new).collect();
    let trial = |(kind, name, test): &(Kind, String, Test)| {
        let server = servers.iter().find(|server| server.kind == *kind).cloned();
        let test = test.1;
        Trial::test(name.clone(), move || {
            test(server.as_deref().ok_or("the server was not started")?);
            Ok(())
        })
    };
    let conclusion = libtest_mimic::run(&arguments, names.iter().map(trial).collect());
    drop(servers);
    conclusion.exit_code()
}

/// A namespace where nothing listens yet, with addresses that are no loopback addresses and still this machine's.
fn own_network() {
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET).unwrap();
    for words in ["link set lo up", "address add 192.0.2.7/32 dev lo", "address add 192.0.2.8/32 dev lo"] {
        assert!(Command::new("ip").args(words.split(' ')).status().unwrap().success(), "ip {words}");
    }
}
