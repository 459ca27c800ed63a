//! The server.

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Weak};
use std::thread;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use crate::certificates;
use crate::h2;
use crate::peer_connection::{Line, PeerConnection};
use crate::record::{Event, Record, What};
use crate::script::{Accept, Script};
use crate::script_runner::play;

/// A server that follows a script. Dropping it closes it and all its connections.
pub struct Peer {
    /// Its address, without a slash at its end.
    pub url: String,
    address: SocketAddr,
    record: Record,
    shared: Arc<Shared>,
    authority: Option<(PathBuf, tempfile::TempDir)>,
}

struct Shared {
    port: Mutex<Port>,
    changed: Condvar,
}

struct Port {
    door: Accept,
    /// Listening, unless connections are refused.
    listener: Option<Arc<Socket>>,
    /// A thread waits for the listener's next connection.
    accepting: bool,
    receive_buffer: Option<usize>,
    /// Connections that keep the queue full while it is a black hole.
    fillers: Vec<Socket>,
    /// The far ends of connections that the peer made to itself.
    ours: HashSet<SocketAddr>,
    lines: Vec<Weak<Line>>,
    over: bool,
}

/// How long the peer itself may take for anything before the test fails.
const TIMEOUT: Duration = Duration::from_secs(20);

impl Peer {
    /// Calls `script` for each connection, with its number.
    pub fn start<F>(script: F) -> Peer
    where
        F: Fn(usize, &mut PeerConnection) + Send + Sync + 'static,
    {
        Peer::scripted(&Script::default(), script)
    }

    /// Follows a script.
    pub fn play(script: &Script) -> Peer {
        let (steps, http2) = (script.connections.clone(), script.h2.clone());
        Peer::scripted(script, move |n, conn| {
            if let Some(script) = http2.get(n).or(http2.last()).filter(|_| conn.protocol() == Some(b"h2")) {
                h2::serve(script, conn);
            } else if let Some(steps) = steps.get(n).or(steps.last()) {
                play(steps, n, conn);
            }
        })
    }

    /// Calls `serve` for each connection in place of the script's steps.
    pub fn scripted<F>(script: &Script, serve: F) -> Peer
    where
        F: Fn(usize, &mut PeerConnection) + Send + Sync + 'static,
    {
        let listener = bound(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), script.receive_buffer);
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let port = Port {
            door: Accept::Refused,
            listener: Some(Arc::new(listener)),
            accepting: false,
            receive_buffer: script.receive_buffer,
            fillers: Vec::new(),
            ours: HashSet::new(),
            lines: Vec::new(),
            over: false,
        };
        let (tls, authority) = match script.effective_tls() {
            None => (None, None),
            Some(tls) => {
                let (config, pem) = certificates::make(&tls);
                let folder = tempfile::tempdir().unwrap();
                let file = folder.path().join("ca.pem");
                std::fs::write(&file, pem).unwrap();
                (Some(config), Some((file, folder)))
            }
        };
        let scheme = if tls.is_some() { "https" } else { "http" };
        let peer = Peer {
            url: format!("{scheme}://{address}"),
            address,
            record: Record::default(),
            shared: Arc::new(Shared { port: Mutex::new(port), changed: Condvar::new() }),
            authority,
        };
        peer.set_door(script.accept);
        let (shared, record, serve) = (peer.shared.clone(), peer.record.clone(), Arc::new(serve));
        thread::spawn(move || {
            let mut n = 0;
            while let Some(socket) = shared.next_connection() {
                let (record, serve, tls) = (record.clone(), serve.clone(), tls.clone());
                record.keep(n, What::Accepted);
                thread::spawn(move || {
                    let mut conn = PeerConnection::new(socket, record.clone(), n);
                    if tls.is_none_or(|tls| conn.start_tls(tls)) {
                        serve(n, &mut conn);
                    }
                    // The connection ends before the record says so.
                    drop(conn);
                    record.keep(n, What::Ended);
                });
                n += 1;
            }
        });
        peer
    }

    /// Listens, stops listening, or stops accepting. Open connections are left as they are.
    pub fn set_door(&self, door: Accept) {
        let mut port = self.shared.port();
        port.door = door;
        port.fillers.clear();
        self.shared.changed.notify_all();
        if port.accepting {
            self.knock(&mut port);
            port = self.shared.changed.wait_while(port, |port| port.accepting).unwrap();
        }
        match door {
            Accept::Refused => {
                // Bound without listening: connections are refused, and nobody else gets the port.
                port.listener = None;
                port.listener = Some(Arc::new(bound(self.address, port.receive_buffer)));
            }
            Accept::Always | Accept::Never => port.listener.as_ref().unwrap().listen(4096).unwrap(),
            Accept::BlackHole => {
                port.listener.as_ref().unwrap().listen(0).unwrap();
                fill(self.address, &mut port);
            }
        }
        drop(port);
        self.shared.changed.notify_all();
    }

    /// Ends every connection there is.
    pub fn hang_up(&self) {
        for line in std::mem::take(&mut self.shared.port().lines) {
            if let Some(line) = line.upgrade() {
                line.hang_up();
            }
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The authority to trust, where the peer speaks TLS.
    pub fn ca_file(&self) -> Option<&Path> {
        self.authority.as_ref().map(|(file, _)| file.as_path())
    }

    /// Everything that happened so far.
    pub fn events(&self) -> Vec<Event> {
        self.record.events()
    }

    /// Calls `on_event` for everything that happens from here on.
    pub fn tell_to(&self, on_event: impl Fn(&Event) + Send + Sync + 'static) {
        self.record.tell_to(Box::new(on_event));
    }

    /// From here on only counts requests, and keeps no bytes.
    pub fn be_brief(&self) {
        self.record.be_brief();
    }

    /// From here on keeps no more than this of the bytes that come at once. Requests are kept whole.
    pub fn keep_at_most(&self, bytes: usize) {
        self.record.keep_at_most(bytes);
    }

    /// Every complete request, as bytes.
    pub fn heard(&self) -> Vec<Vec<u8>> {
        let request = |event: Event| match event.what {
            What::Request(bytes) => Some(bytes),
            _ => None,
        };
        self.events().into_iter().filter_map(request).collect()
    }

    /// How many complete requests were received.
    pub fn count(&self) -> usize {
        self.record.requests()
    }

    /// How many of them the peer has said not to process, as HTTP/2 can.
    pub fn refused(&self) -> usize {
        self.record.refused()
    }

    /// Waits until this many requests were received.
    #[track_caller]
    pub fn wait_for_requests(&self, n: usize) {
        assert!(
            self.record.wait_for_requests(n, TIMEOUT),
            "the peer received {} requests of {n}",
            self.count()
        );
    }

    /// Waits until every connection has ended. `false`: one is still open after this time.
    pub fn ends_within(&self, patience: Duration) -> bool {
        self.record.wait_for_end(patience)
    }

    /// Wakes the thread that waits in `accept`.
    fn knock(&self, port: &mut Port) {
        let socket = bound(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), None);
        port.ours.insert(socket.local_addr().unwrap().as_socket().unwrap());
        // Nobody may be there any more.
        let _ = socket.connect(&self.address.into());
    }
}

impl Shared {
    fn port(&self) -> MutexGuard<'_, Port> {
        self.port.lock().unwrap()
    }

    /// The next connection that is to be served; `None` when the peer is over.
    fn next_connection(&self) -> Option<Arc<Line>> {
        let mut port = self.port();
        loop {
            port = self.changed.wait_while(port, |p| !p.over && p.door != Accept::Always).unwrap();
            if port.over {
                return None;
            }
            let listener = port.listener.clone().unwrap();
            port.accepting = true;
            drop(port);
            let accepted = listener.accept();
            drop(listener);
            port = self.port();
            port.accepting = false;
            self.changed.notify_all();
            let Ok((socket, from)) = accepted else { continue };
            let is_ours = from.as_socket().is_some_and(|from| port.ours.remove(&from));
            if is_ours || port.over || port.door != Accept::Always {
                continue;
            }
            // What a script says leaves when it says so.
            socket.set_tcp_nodelay(true).unwrap();
            let line = Arc::new(Line::new(socket.into()));
            port.lines.retain(|line| line.strong_count() > 0);
            port.lines.push(Arc::downgrade(&line));
            return Some(line);
        }
    }
}

fn bound(address: SocketAddr, receive_buffer: Option<usize>) -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).unwrap();
    socket.set_reuse_address(true).unwrap();
    if let Some(bytes) = receive_buffer {
        socket.set_recv_buffer_size(bytes).unwrap();
    }
    socket.bind(&address.into()).unwrap();
    socket
}

/// Fills the queue of a listener, so that the system drops every further connection.
fn fill(address: SocketAddr, port: &mut Port) {
    loop {
        let socket = bound(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), None);
        port.ours.insert(socket.local_addr().unwrap().as_socket().unwrap());
        let full = socket.connect_timeout(&address.into(), Duration::from_millis(200)).is_err();
        port.fillers.push(socket);
        if full {
            return;
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let mut port = self.shared.port();
        port.over = true;
        if port.accepting {
            self.knock(&mut port);
        }
        drop(port);
        self.shared.changed.notify_all();
        self.hang_up();
    }
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peer").field("url", &self.url).finish_non_exhaustive()
    }
}
