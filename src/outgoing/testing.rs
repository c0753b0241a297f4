//! What calls out of here meet in tests.

use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use tokio::net::TcpStream;

/// A port whose queue is full, so that the system passes over who comes, and what fills it.
pub async fn silent() -> (SocketAddr, Socket, Vec<TcpStream>) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&any.into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let mut filling = Vec::new();
    let patience = Duration::from_secs(1);
    while let Ok(connected) = tokio::time::timeout(patience, TcpStream::connect(address)).await {
        filling.push(connected.unwrap());
        assert!(filling.len() < 100, "its queue is never full");
    }
    (address, socket, filling)
}
