//! An address where nothing listens.

use std::fmt::{self, Display, Formatter};
use std::net::{Ipv4Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};

/// A port of this machine that refuses connections for as long as this lives: it is bound, so that no server of another
/// test gets it, and it does not listen.
#[derive(Debug)]
pub struct RefusedPort {
    address: SocketAddr,
    _bound: Socket,
}

impl RefusedPort {
    /// Takes a free port.
    pub fn bind() -> RefusedPort {
        let bound = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).unwrap();
        bound.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
        let address = bound.local_addr().unwrap().as_socket().unwrap();
        RefusedPort { address, _bound: bound }
    }
}

/// As in a URL: `127.0.0.1:40961`.
impl Display for RefusedPort {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn refuses_connections_and_keeps_its_port() {
        let port = RefusedPort::bind();
        assert_eq!(TcpStream::connect(port.address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        assert_eq!(TcpListener::bind(port.address).unwrap_err().kind(), ErrorKind::AddrInUse);
        assert_eq!(port.to_string(), format!("127.0.0.1:{}", port.address.port()));
    }
}
