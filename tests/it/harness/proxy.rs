//! A TCP proxy in front of PostgreSQL that simulates network faults.

use std::net::Ipv4Addr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Handling of connections by the proxy.
#[derive(Debug, Clone, Copy)]
struct Behaviour {
    /// Port of this machine for new connections.
    target: u16,
    /// Connections of an earlier age stay open and stall.
    age: u64,
    /// Whether all connections stay open and stall.
    is_black_hole: bool,
    /// Whether new connections are closed.
    refuses: bool,
}

/// A proxy, which works until it is dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    port: u16,
    behaviour: Arc<watch::Sender<Behaviour>>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// A proxy in front of a port of this machine.
    pub(crate) async fn to(target: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let behaviour = Behaviour {
            target,
            age: 0,
            is_black_hole: false,
            refuses: false,
        };
        let behaviour = Arc::new(watch::Sender::new(behaviour));
        let accepting = tokio::spawn(accept(listener, behaviour.clone()));
        Self {
            port,
            behaviour,
            accepting,
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Stalls existing connections, which stay open; new ones work.
    pub(crate) fn strand(&self) {
        self.behaviour.send_modify(|behaviour| behaviour.age += 1);
    }

    /// Sets whether all connections are accepted, stay open and stall.
    pub(crate) fn black_hole(&self, is_black_hole: bool) {
        self.behaviour
            .send_modify(|behaviour| behaviour.is_black_hole = is_black_hole);
    }

    /// Whether new connections are closed.
    pub(crate) fn refuse(&self, refuses: bool) {
        self.behaviour
            .send_modify(|behaviour| behaviour.refuses = refuses);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, behaviour: Arc<watch::Sender<Behaviour>>) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        if !behaviour.borrow().refuses {
            tokio::spawn(connect(client, behaviour.subscribe()));
        }
    }
}

async fn connect(client: TcpStream, mut behaviour: watch::Receiver<Behaviour>) {
    if behaviour
        .wait_for(|behaviour| !behaviour.is_black_hole)
        .await
        .is_err()
    {
        return;
    }
    let Behaviour { target, age, .. } = *behaviour.borrow();
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).await else {
        return;
    };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let up = pipe(from_client, to_server, behaviour.clone(), age);
    tokio::join!(up, pipe(from_server, to_client, behaviour, age));
}

/// Passes bytes on while the behaviour allows it.
async fn pipe(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    mut behaviour: watch::Receiver<Behaviour>,
    age: u64,
) {
    let mut bytes = vec![0; 64 << 10];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        let passes = |behaviour: &Behaviour| !behaviour.is_black_hole && behaviour.age == age;
        if behaviour.wait_for(passes).await.is_err() || to.write_all(&bytes[..read]).await.is_err()
        {
            return;
        }
    }
    let _ = to.shutdown().await;
}
