//! The connections of a proxy: taken, carried, and ended as the fault has it.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::{
    fault::{Direction, Fault},
    network::Network,
    way::Way,
};

/// What a proxy knows of the protocol it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// Bytes.
    Any,
    /// Frames of RESP3 from the server.
    Redis,
}

/// Takes connections for ever; dropped, it ends them all.
pub(super) async fn accept(
    mut listener: TcpListener,
    address: SocketAddr,
    protocol: Protocol,
    mut network: Network,
    accepted: Arc<AtomicU64>,
) {
    let mut connections = JoinSet::new();
    loop {
        if network.fault() == Fault::Refuse {
            drop(listener);
            network.until(|state| state.fault != Fault::Refuse).await;
            listener = TcpListener::bind(address)
                .await
                .expect("nobody else is given the port");
            continue;
        }
        tokio::select! {
            () = network.changed() => {}
            client = listener.accept() => {
                // An error is that of a client that went away meanwhile.
                if let Ok((client, _)) = client {
                    accepted.fetch_add(1, Ordering::SeqCst);
                    connections.spawn(carry(client, protocol, network.clone()));
                }
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

/// How a connection ends.
enum End {
    /// Both sides have ended it.
    Orderly,
    /// It is reset on both sides.
    Reset,
    /// The server is gone, and the client is not told.
    HalfOpen,
}

async fn carry(mut client: TcpStream, protocol: Protocol, network: Network) {
    let born = network.resets();
    let lost = AtomicU64::new(0);
    let mut server = None;
    let end = tokio::select! {
        biased;
        end = broken(network.clone(), born, &lost) => end,
        end = both_ways(&mut client, &mut server, protocol, &network, &lost) => end.unwrap_or(End::Reset),
    };
    match end {
        End::Orderly => return,
        End::Reset => {}
        End::HalfOpen => {
            drop(server.take());
            let mut network = network;
            tokio::select! {
                () = swallow(&client) => {}
                () = network.until(|state| state.resets > born) => {}
            }
        }
    }
    // With what was not sent or read discarded, the peer gets a reset instead of an orderly end.
    for stream in [Some(client), server].into_iter().flatten() {
        let _ = stream.set_zero_linger();
    }
}

/// Waits for what ends a connection as a whole.
async fn broken(mut network: Network, born: u64, lost: &AtomicU64) -> End {
    let mut end = End::Reset;
    network
        .until(|state| {
            if state.fault == Fault::HalfOpen && state.resets == born {
                end = End::HalfOpen;
                return true;
            }
            let lost = lost.load(Ordering::Relaxed);
            state.resets > born || state.fault == Fault::Cut || (lost > 0 && lost != state.era)
        })
        .await;
    end
}

async fn both_ways(
    client: &mut TcpStream,
    server: &mut Option<TcpStream>,
    protocol: Protocol,
    network: &Network,
    lost: &AtomicU64,
) -> io::Result<End> {
    let server = server.insert(TcpStream::connect(&*network.target()).await?);
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let to_server = Way::new(
        (from_client, to_server),
        Direction::ToServer,
        network.clone(),
        lost,
    );
    let to_client = Way::new(
        (from_server, to_client),
        Direction::ToClient,
        network.clone(),
        lost,
    );
    let to_client = to_client.with_pushes(protocol == Protocol::Redis);
    // The end of one direction is passed on; the other may go on.
    tokio::try_join!(to_server.carry(), to_client.carry())?;
    Ok(End::Orderly)
}

/// Takes and forgets what the client sends. Even its end changes nothing: nobody is there to hear of it.
async fn swallow(client: &TcpStream) {
    let mut chunk = [0; 1024];
    while client.readable().await.is_ok() {
        match client.try_read(&mut chunk) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
    }
}
