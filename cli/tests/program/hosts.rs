//! `host`: what it says of hosts before any of them is reached.

use super::{Place, SMALL};

/// An authority of the place's own.
fn place() -> Place {
    let place = Place::with(SMALL);
    let directory = place.directory.path().join("ca");
    std::fs::write(place.settings(), format!("[tls]\ndirectory = \"{}\"\n", directory.display())).unwrap();
    place
}

#[test]
fn a_dry_run_shows_the_certificate_and_creates_nothing() {
    let place = place();
    assert_eq!(
        place.say(&["host", "hosts", "enroll", "--dry-run"]),
        "host1: would get a certificate for host1, 10.99.0.11 and listen on 10.99.0.11:2376 (it has no certificate)\n\
         host2: would get a certificate for host2, 10.99.0.12 and listen on 10.99.0.12:2376 (it has no certificate)\n= 0\n"
    );
    assert!(!place.directory.path().join("ca").exists());
}

#[test]
fn what_can_have_no_certificate_stops_it_before_it_begins() {
    assert_eq!(
        place().say(&["host", "host1,host1c1", "enroll"]),
        "! host1c1: Error: host1c1 is a container node; host needs docker hosts\n\
         ! Error: nothing was done: the tables have invalid values for 1 node\n\
         ! hint: run \"xdock check\" to check all tables\n= 2\n"
    );
    let place = place();
    let text = place.text().replace("    ip=10.99.0.12\n", "");
    std::fs::write(place.tables(), text).unwrap();
    assert_eq!(
        place.say(&["host", "hosts", "enroll"]),
        "! host2: Error: host2 has no address in hosts.ip; set it: its engine listens on it, and its certificate contains it\n\
         ! Error: nothing was done: the tables have invalid values for 1 node\n\
         ! hint: run \"xdock check\" to check all tables\n= 2\n"
    );
}

#[test]
fn only_what_was_issued_can_be_revoked() {
    let place = place();
    let said = "! host1: Error: it has no certificate of this certificate authority\n= 1\n";
    assert_eq!(place.say(&["host", "host1", "enroll", "--revoke"]), said);
    let ca = place.directory.path().join("ca");
    std::fs::create_dir(&ca).unwrap();
    let one = r#"{"host":"host1","serial":"4a","names":["host1"],"addresses":["10.99.0.11"],"port":2376,"not_after":9999999999,"state":"proven"}"#;
    std::fs::write(ca.join("issued.json"), format!(r#"{{"certificates":[{one}]}}"#)).unwrap();
    assert_eq!(place.say(&["host", "host1", "enroll", "--revoke"]), "host1: revoked\n= 0\n");
    assert_eq!(
        place.say(&["host", "host1", "enroll", "--dry-run"]),
        "host1: would get a certificate for host1, 10.99.0.11 and listen on 10.99.0.11:2376 (its certificate is revoked)\n= 0\n"
    );
    std::fs::write(ca.join("issued.json"), "{").unwrap();
    assert!(place.say(&["power", "host1c1", "state"]).contains("DIR/ca/issued.json has invalid content"));
}
