use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};

use crate::harness::PATIENCE;
use crate::harness::distance::distance_to;

const ONE_WAY: Duration = Duration::from_millis(100);

/// A connection over a distance: both of its ends.
async fn connect() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let far_address: SocketAddr = listener.local_addr().expect("it is bound");
    let near_address = distance_to(far_address, ONE_WAY).await;
    let near = TcpStream::connect(near_address).await.expect("it listens");
    let (far, _) = listener.accept().await.expect("it connects");
    (near, far)
}

/// Reads all that comes until the end.
async fn read_all(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await;
    read.expect("it ends").expect("it is not reset");
    bytes
}

#[tokio::test]
async fn what_is_sent_over_a_distance_arrives_whole_and_later_and_so_does_its_end() {
    let (mut near, mut far) = connect().await;
    let sent = vec![7; 3 << 20];
    let since = Instant::now();

    let sending = async {
        near.write_all(&sent).await.expect("it takes all");
        near.shutdown().await.expect("it takes the end");
        let answer = read_all(&mut near).await;
        (answer, since.elapsed())
    };
    let receiving = async {
        let got = read_all(&mut far).await;
        let got_after = since.elapsed();
        far.write_all(b"answer").await.expect("it takes all");
        drop(far);
        (got, got_after)
    };
    let ((answer, answer_after), (got, got_after)) = tokio::join!(sending, receiving);

    assert_eq!(got, sent);
    assert_eq!(answer, b"answer");
    assert!(got_after >= ONE_WAY, "{got_after:?}");
    assert!(answer_after >= 2 * ONE_WAY, "{answer_after:?}");
}

#[tokio::test]
async fn whoever_resets_a_connection_ends_it_for_the_other_too() {
    let (mut near, mut far) = connect().await;
    near.write_all(b"x").await.expect("it takes all");
    assert_eq!(far.read_u8().await.expect("it arrives"), b'x');
    socket2::SockRef::from(&far)
        .set_linger(Some(Duration::ZERO))
        .expect("it takes the option");

    drop(far);

    assert_eq!(read_all(&mut near).await, b"");
}
