//! The ways to a server without TLS; and servers that are none, or hang.
#![allow(clippy::unwrap_used, reason = "a failure fails the test")]

mod server;

use std::io::Write as _;
use std::net::TcpListener;
use std::time::Duration;

use ovsdb::{Client, Host, Options, Remote, Row, Status, Transaction};
use server::{PATIENCE, Server, chain, wait_until};

fn options(remotes: Vec<Remote>) -> Options {
    Options::new("Open_vSwitch").remotes(remotes).deadline(PATIENCE)
}

fn local(port: u16) -> Remote {
    Remote::Tcp(Host::Address([127, 0, 0, 1].into()), port)
}

#[tokio::test]
async fn unix() {
    let server = Server::standalone(&[]);
    server::works(server.options()).await;
}

#[tokio::test]
async fn tcp_by_address_and_by_name() {
    let server = Server::standalone(&["--remote=ptcp:0:127.0.0.1"]);
    let port = server.port();
    server::works(options(vec![local(port)])).await;
    let named = Remote::Tcp(Host::Name("switch.cluster".to_owned()), port);
    let resolver = |name: &str| {
        assert_eq!(name, "switch.cluster");
        Ok(vec!["127.0.0.1".parse().unwrap()])
    };
    let client = Client::connect(options(vec![named]).resolver(resolver)).await.unwrap();
    client.echo().await.unwrap();
}

#[tokio::test]
async fn what_is_no_ovsdb_server() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let remote = local(listener.local_addr().unwrap().port());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = stream.and_then(|mut stream| stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
        }
    });
    let error =
        Client::connect(options(vec![remote.clone()]).deadline(Duration::from_secs(1))).await.unwrap_err();
    let told = format!(
        "connect: no server of database Open_vSwitch within 1 s ({remote}): check that ovsdb-server runs there: \
         {remote} does not use the OVSDB protocol: unexpected byte 0x48 at the start of a message: is this an OVSDB server?"
    );
    assert_eq!(chain(&error), told);
}

#[tokio::test]
async fn uses_the_next_remote_if_the_first_does_not_answer() {
    // accepted by the kernel, and never answered
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let deaf = (local(deaf.local_addr().unwrap().port()), deaf);
    let gone = TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = local(gone.local_addr().unwrap().port());
    let server = Server::standalone(&[]);
    let remotes = vec![deaf.0.clone(), gone, server.remote()];
    let client = Client::connect(options(remotes).attempt(Duration::from_millis(200))).await.unwrap();
    let status = client.status().borrow().clone();
    assert!(matches!(&status, Status::Ready { remote } if *remote == server.remote()), "{status:?}");

    let only =
        options(vec![deaf.0.clone()]).attempt(Duration::from_millis(50)).deadline(Duration::from_millis(500));
    let error = chain(&Client::connect(only).await.unwrap_err());
    assert!(error.ends_with(&format!("{} did not answer within 0.05 s", deaf.0)), "{error}");
}

#[tokio::test]
async fn no_remote_at_all() {
    let error = Client::connect(options(Vec::new())).await.unwrap_err();
    let told = "no address for database Open_vSwitch: the usual one is unix:/run/openvswitch/db.sock";
    assert_eq!(error.to_string(), told);
}

#[tokio::test]
async fn a_database_that_is_not_there() {
    let server = Server::standalone(&[]);
    let missing =
        Options::new("OVN_Northbound").remotes(vec![server.remote()]).deadline(Duration::from_millis(500));
    let at = server.remote();
    let told = format!(
        "connect: no server of database OVN_Northbound within 0.5 s ({at}): check that ovsdb-server runs there: \
         {at} cannot be used for database OVN_Northbound: it has no such database"
    );
    assert_eq!(chain(&Client::connect(missing).await.unwrap_err()), told);
}

#[tokio::test]
async fn a_server_that_hangs() {
    let server = Server::standalone(&[]);
    let client = Client::connect(server.options().probe(Duration::from_millis(700))).await.unwrap();
    server.freeze(true);
    let at = server.remote();
    let quick = client.with_deadline(Duration::from_millis(200));
    let error = quick.list_dbs().await.unwrap_err();
    let told = "no answer within 0.2 s; it may have been executed";
    assert_eq!(error.to_string(), format!("list_dbs on database Open_vSwitch at {at}: {told}"));
    let error = client.list_dbs().await.unwrap_err();
    let told = "the connection ended before the answer; it may have been executed";
    assert_eq!(
        chain(&error),
        format!("list_dbs on database Open_vSwitch at {at}: {told}: {at} sent nothing for 1.4 s")
    );
    server.freeze(false);
    assert_eq!(client.list_dbs().await.unwrap(), ["Open_vSwitch", "_Server"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_the_servers_echo() {
    let server = Server::standalone(&["--remote=db:Open_vSwitch,Open_vSwitch,manager_options"]);
    let setup = server.client().await;
    let manager = Row::new().with("target", "ptcp:0:127.0.0.1").with("inactivity_probe", 1000);
    let row = Row::new().with("manager_options", ovsdb::Value::named("manager"));
    let tx = Transaction::new().insert("Manager", manager, Some("manager")).update("Open_vSwitch", [], row);
    setup.transact(tx).await.unwrap();
    let remote = local(server.port());
    let client = Client::connect(options(vec![remote.clone()]).probe(PATIENCE)).await.unwrap();
    server.log_messages();
    let answers = || server.log().matches(r#"received reply, result=[], id="echo""#).count();
    tokio::task::block_in_place(|| wait_until(|| answers() >= 2, "two echoes are answered"));
    assert!(matches!(&*client.status().borrow(), Status::Ready { .. }));
    assert!(!server.log().contains("no response to inactivity probe"));
}
