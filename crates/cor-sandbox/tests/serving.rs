//! Starting, stopping, and staying up when clients misbehave.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;
#[path = "../../../tests/harness/skips.rs"]
mod skips;

use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::thread;
use std::time::Duration;

use common::{Http, PROJECTS, with_project};
use cor_sandbox::{Answer, Hold, RateLimit, Sandbox, SandboxError};

const RENAME: &str = r#"{"metadata":{"source":"SAP"},"name":"New"}"#;

#[test]
fn port_in_use_is_named() {
    let first = Sandbox::start().unwrap();
    let error = Sandbox::builder().port(first.addr().port()).start().unwrap_err();
    assert!(matches!(error, SandboxError::AddressInUse { .. }), "{error}");
    assert!(error.to_string().contains(&first.addr().to_string()), "{error}");
    let elsewhere = Sandbox::builder().host("192.0.2.1".parse().unwrap()).start().unwrap_err();
    assert!(matches!(elsewhere, SandboxError::Listen { .. }), "{elsewhere}");
}

#[test]
fn other_machines_can_connect_only_with_host_option() {
    // An address of this machine that others can reach, where it has one.
    let probe = UdpSocket::bind("0.0.0.0:0").unwrap();
    if probe.connect("192.0.2.1:9").is_err() {
        return skips::skipped("cor-sandbox", "needs a network: this machine has no address beside loopback");
    }
    let outside = probe.local_addr().unwrap().ip();
    let reach = |sandbox: &Sandbox| TcpStream::connect((outside, sandbox.addr().port())).is_ok();
    assert!(!reach(&Sandbox::start().unwrap()));
    assert!(reach(&Sandbox::builder().host("0.0.0.0".parse().unwrap()).start().unwrap()));
}

#[test]
fn names_invalid_options() {
    for (builder, option) in [
        (Sandbox::builder().rate_limit(RateLimit::per_second(0.0)), "rate_limit"),
        (Sandbox::builder().rate_limit(RateLimit::per_second(f64::NAN)), "rate_limit"),
        (Sandbox::builder().fail_ratio(1.5), "fail_ratio"),
        (Sandbox::builder().fail_ratio(f64::NAN), "fail_ratio"),
        (Sandbox::builder().fail_status(200), "fail_status"),
        (Sandbox::builder().clock_fixed("noon"), "clock_fixed"),
        (Sandbox::builder().max_connections(0), "max_connections"),
        (Sandbox::builder().token(""), "token"),
    ] {
        match builder.start() {
            Err(SandboxError::Option { option: found, .. }) => assert_eq!(found, option),
            other => panic!("{option}: {other:?}"),
        }
    }
}

#[test]
fn sandbox_runs_inside_tokio_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let sandbox = with_project();
        assert!(sandbox.project("SAP", "p").is_some());
        assert_eq!(Http::to(&sandbox).update("p", RENAME).status, 200);
    });
}

#[test]
fn stopping_lets_requests_finish_and_is_final() {
    let sandbox = with_project();
    let addr = sandbox.addr();
    let hold = Hold::new();
    sandbox.queue(Answer::pass().held_by(&hold));
    let mut idle = Http::to(&sandbox);
    assert_eq!(idle.get("/health").status, 200);
    thread::scope(|scope| {
        let late = scope.spawn(|| Http::at(addr).update("p", RENAME));
        let waiting = scope.spawn(|| sandbox.wait());
        assert_eq!(sandbox.wait_for_requests(1, Duration::from_secs(10)).len(), 1);
        let stopping = scope.spawn(|| sandbox.stop());
        assert!(idle.is_closed());
        hold.release();
        assert_eq!(late.join().unwrap().status, 200);
        stopping.join().unwrap();
        waiting.join().unwrap();
    });
    assert!(TcpStream::connect(addr).is_err());
    assert_eq!(sandbox.project("SAP", "p"), None);
    sandbox.stop();
    // The port is free again at once.
    let again = Sandbox::builder().port(addr.port()).start().unwrap();
    assert_eq!(again.addr(), addr);
}

#[test]
fn answers_pipelined_requests_in_order() {
    let sandbox = with_project();
    let mut http = Http::to(&sandbox);
    let one = |n: usize| {
        let body = format!(r#"{{"metadata":{{"source":"SAP"}},"name":"{n}"}}"#);
        format!(
            "PUT {PROJECTS}/p HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer sandbox-token\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let all: String = (0..50).map(one).collect();
    http.write(all.as_bytes()).unwrap();
    for n in 0..50 {
        assert_eq!(http.read().unwrap().json()["name"], n.to_string());
    }
}

#[test]
fn reads_bodies_in_chunks_and_single_bytes() {
    let sandbox = with_project();
    let mut http = Http::to(&sandbox);
    let head = format!(
        "PUT {PROJECTS}/p HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer sandbox-token\r\n\
         Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    for piece in head.as_bytes().chunks(7) {
        http.write(piece).unwrap();
    }
    for byte in RENAME.bytes() {
        http.write(format!("1\r\n{}\r\n", char::from(byte)).as_bytes()).unwrap();
    }
    http.write(b"0\r\n\r\n").unwrap();
    assert_eq!(http.read().unwrap().status, 200);
    assert_eq!(sandbox.requests()[0].body_text(), RENAME);
    // curl asks before it sends a large body.
    let mut http = Http::to(&sandbox);
    let asking = format!(
        "PUT {PROJECTS}/p HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer sandbox-token\r\nExpect: 100-continue\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        RENAME.len()
    );
    http.write(asking.as_bytes()).unwrap();
    assert_eq!(http.read().unwrap().status, 100);
    http.write(RENAME.as_bytes()).unwrap();
    assert_eq!(http.read().unwrap().status, 200);
}

#[test]
fn head_has_no_body() {
    let sandbox = with_project();
    let mut http = Http::to(&sandbox);
    let get = http.get("/");
    let head = http.send("HEAD", "/", &[], b"").unwrap();
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(head.header("content-length"), get.header("content-length"));
}

#[test]
fn idle_connections_do_not_exclude_others() {
    let sandbox = Sandbox::builder()
        .max_connections(20)
        .seed([r#"{"source":"SAP","id":"p","name":"Project"}"#])
        .start()
        .unwrap();
    // Ten times as many as may be open: some silent, some in the middle of a head.
    let mut others: Vec<TcpStream> = Vec::new();
    for n in 0..200 {
        let mut stream = TcpStream::connect(sandbox.addr()).unwrap();
        if n % 2 == 0 {
            let _ = stream.write_all(b"PUT /v2/integrations/projects/p HTTP/1.1\r\nHost: loc");
        }
        others.push(stream);
    }
    let mut http = Http::to(&sandbox);
    for _ in 0..10 {
        assert_eq!(http.update("p", RENAME).status, 200);
    }
    // The oldest of them made room.
    let mut rest = Vec::new();
    others[0].set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let closed = match others[0].read_to_end(&mut rest) {
        Ok(_) => rest.is_empty(),
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    };
    assert!(closed);
}

#[test]
fn busy_connections_are_not_closed_to_make_room() {
    let sandbox = Sandbox::builder()
        .max_connections(2)
        .seed([r#"{"source":"SAP","id":"p","name":"Project"}"#])
        .start()
        .unwrap();
    let hold = Hold::new();
    sandbox.queue(Answer::pass().held_by(&hold).times(2));
    thread::scope(|scope| {
        let held: Vec<_> =
            (0..2).map(|_| scope.spawn(|| Http::to(&sandbox).update("p", RENAME).status)).collect();
        assert_eq!(sandbox.wait_for_requests(2, Duration::from_secs(10)).len(), 2);
        let third = scope.spawn(|| Http::to(&sandbox).update("p", RENAME).status);
        hold.release();
        held.into_iter().for_each(|one| assert_eq!(one.join().unwrap(), 200));
        assert_eq!(third.join().unwrap(), 200);
    });
}

#[test]
fn vanished_clients_leave_no_resources() {
    let sandbox = with_project();
    for cut in [1, 30, 120, 180] {
        let request = format!(
            "PUT {PROJECTS}/p HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer sandbox-token\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{RENAME}",
            RENAME.len()
        );
        let mut stream = TcpStream::connect(sandbox.addr()).unwrap();
        stream.write_all(&request.as_bytes()[..cut]).unwrap();
    }
    assert_eq!(Http::to(&sandbox).update("p", r#"{"metadata":{"source":"SAP"}}"#).status, 200);
    assert_eq!(sandbox.project("SAP", "p").unwrap().text("name"), Some("Project"));
}
