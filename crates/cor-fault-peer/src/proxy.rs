//! A proxy that makes tunnels, as a script of a [`Peer`](crate::Peer).

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use socket2::SockRef;

use crate::PeerConnection;

/// The name that clients ask a test's proxy for. Its certificates are good for it, and no resolver knows it.
pub const TUNNELLED: &str = "cor.test";

/// How often a pump that cannot pass anything on looks whether both ends are still there.
const LOOK: Duration = Duration::from_millis(5);
/// How long one side may take to end after the other has ended.
const LAST: Duration = Duration::from_millis(500);

/// Makes the tunnel that is asked for, whatever its name, to `address`, and says 502 where that cannot be reached.
pub fn tunnel(conn: &mut PeerConnection, address: SocketAddr) {
    if !conn.listen() {
        return;
    }
    match TcpStream::connect_timeout(&address, Duration::from_secs(1)) {
        Ok(there) => {
            conn.say("HTTP/1.1 200 Connection established\r\n\r\n");
            relay(conn, &there);
        }
        Err(_) => {
            conn.say("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n");
        }
    }
}

/// Passes on everything in both directions, ends and resets included, until both sides are done. Outside of TLS alone.
pub fn relay(conn: &mut PeerConnection, there: &TcpStream) {
    let ahead = conn.take_ahead();
    there.set_nodelay(true).unwrap();
    there.set_write_timeout(Some(LOOK)).unwrap();
    there.set_read_timeout(Some(LAST)).unwrap();
    let here = conn.socket();
    here.set_write_timeout(Some(LOOK)).unwrap();
    let (over, left) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| pump(there, here, &|buffer| read_until(there, buffer, &left), &[], &over));
        pump(here, there, &|buffer| conn.read_wire(buffer), &ahead, &over);
        left.store(true, Ordering::Release);
    });
}

/// Waits for bytes; once the other side has left, no longer than it takes to say a last word.
fn read_until(mut from: &TcpStream, buffer: &mut [u8], left: &AtomicBool) -> io::Result<usize> {
    loop {
        let nobody_waits = left.load(Ordering::Acquire);
        match from.read(buffer) {
            Err(error) if is_timeout(&error) && !nobody_waits => {}
            read => return read,
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// One direction, to its end. An end is passed on as an end, and a reset as a reset of both sides.
fn pump(
    from: &TcpStream,
    to: &TcpStream,
    read: &dyn Fn(&mut [u8]) -> io::Result<usize>,
    ahead: &[u8],
    over: &AtomicBool,
) {
    let mut buffer = [0; 16 * 1024];
    let mut moved = pass_on(ahead, from, to, over);
    while moved.is_ok() {
        match read(&mut buffer) {
            Ok(0) => {
                // The other side may have left, too.
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
            Ok(n) => moved = pass_on(&buffer[..n], from, to, over),
            Err(error) => moved = Err(error),
        }
    }
    over.store(true, Ordering::Release);
    for side in [from, to] {
        SockRef::from(side).set_linger(Some(Duration::ZERO)).unwrap();
        // Wakes up the pump of the other direction.
        let _ = side.shutdown(Shutdown::Both);
    }
}

fn pass_on(mut bytes: &[u8], from: &TcpStream, mut to: &TcpStream, over: &AtomicBool) -> io::Result<()> {
    while !bytes.is_empty() {
        match to.write(bytes) {
            Ok(n) => bytes = &bytes[n..],
            Err(error) if is_timeout(&error) => {
                // Whoever sent this may have given up in the meantime.
                if over.load(Ordering::Acquire) {
                    return Err(error);
                }
                if let Some(gone) = from.take_error()? {
                    return Err(gone);
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
