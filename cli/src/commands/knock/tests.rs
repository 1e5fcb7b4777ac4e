use super::*;
use tokio::net::TcpListener;

/// What a host at 127.0.0.1 gets for these bytes; `sshd` is what is said at its port `ssh`.
async fn asked(bytes: &[u8]) -> Option<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut host = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (mut asking, peer) = listener.accept().await.unwrap();
    host.write_all(bytes).await.unwrap();
    host.shutdown().await.unwrap();
    answer(&mut asking, peer).await.map(|answer| answer.to_string())
}

/// A server that says these bytes to whoever connects; its port.
async fn says(bytes: Vec<u8>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(&bytes).await;
        }
    });
    port
}

async fn found(greeting: &[u8]) -> String {
    let port = says(greeting.to_vec()).await;
    let answer = asked(format!("knock {port} 127.0.0.1\n").as_bytes()).await.unwrap();
    answer.replace(&port.to_string(), "PORT")
}

#[tokio::test]
async fn a_banner_is_the_way_in() {
    assert_eq!(found(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n").await, "in: SSH-2.0-OpenSSH_9.2p1 Debian-2");
    assert_eq!(found(b"be welcome\r\nSSH-2.0-x\n").await, "in: SSH-2.0-x");
}

#[tokio::test]
async fn whatever_else_answers_is_no_way_in_and_ends() {
    assert_eq!(
        found(b"HTTP/1.1 400\r\n\r\n").await,
        "out: 127.0.0.1 port PORT closed the connection without an ssh banner"
    );
    assert_eq!(found(&[b'x'; 10_000]).await, "out: 127.0.0.1 port PORT is not an ssh server");
    assert_eq!(found(&b"\n".repeat(10_000)).await, "out: 127.0.0.1 port PORT is not an ssh server");
    assert_eq!(found(b"SSH-\x1b]0;x\x07\n").await, "in: SSH-?]0;x?");
    let closed = says(Vec::new()).await;
    assert_eq!(
        asked(format!("knock {closed} 127.0.0.1\n").as_bytes()).await.unwrap(),
        format!("out: 127.0.0.1 port {closed} closed the connection without an ssh banner")
    );
}

#[tokio::test]
async fn strangers_get_one_line_or_none() {
    let usage = Some("out: not a request: expected \"knock PORT ADDRESS\"".to_owned());
    for line in [
        &b"GET / HTTP/1.1\r\n"[..],
        b"\n",
        b"knock 0 127.0.0.1\n",
        b"knock 99999 127.0.0.1\n",
        b"\xff\xfe\x00\n",
        &[b'x'; 5_000],
    ] {
        assert_eq!(asked(line).await, usage, "{line:?}");
    }
    assert_eq!(asked(b"").await, None);
    assert_eq!(asked(b"knock 22 127.0.0.1").await, None, "no end of the line");
}

#[tokio::test]
async fn nobody_is_connected_to_another_than_himself() {
    let told = "out: the host has address 10.0.0.9, but connects from 127.0.0.1: the network between translates addresses (NAT)";
    assert_eq!(asked(b"knock 22 10.0.0.9\n").await.unwrap(), told);
    let back = |peer: &str| back_to(peer.parse().unwrap(), 22).to_string();
    assert_eq!(back("10.0.0.1:51000"), "10.0.0.1:22");
    assert_eq!(back("[::ffff:10.0.0.1]:51000"), "10.0.0.1:22");
    assert_eq!(back("[fe80::1%3]:51000"), "[fe80::1%3]:22");
}

#[tokio::test]
async fn who_asks_nothing_is_not_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let _host = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (mut asking, peer) = listener.accept().await.unwrap();
    assert_eq!(answer(&mut asking, peer).await.unwrap().to_string(), "out: no request within 2 s");
}
