//! Two connections that have become one: bytes go both ways until both ends have said that they are done.

use std::sync::Arc;
use std::time::Duration;

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional_with_sizes;

use super::metrics;
use super::upstream::Lease;
use super::worker::Peer;

/// For each direction, for as long as it is open, so that a thousand that idle cost little. Messages of live views are small; a
/// file that is sent over one takes more turns.
const BUFFER: usize = 4 * 1024;

/// Joins them once both have been upgraded. An end that closes its direction leaves the other one open.
pub fn open(client: OnUpgrade, service: OnUpgrade, peer: Arc<Peer>, lease: Lease, patience: Duration) {
    tokio::spawn(async move {
        // The client's side is upgraded when it has been sent the answer.
        let both = async { tokio::try_join!(client, service) };
        let (client, service) = match tokio::time::timeout(patience, both).await {
            Ok(Ok(both)) => both,
            Ok(Err(error)) => {
                tracing::debug!(%error, "an upgrade did not come about");
                return;
            }
            Err(_) => {
                tracing::debug!("an upgrade did not come about in time");
                return;
            }
        };
        let _open = metrics::Tunnel::opened();
        let (mut client, mut service) = (TokioIo::new(client), TokioIo::new(service));
        if let Err(error) = copy_bidirectional_with_sizes(&mut client, &mut service, BUFFER, BUFFER).await {
            tracing::debug!(%error, "a tunnel broke");
        }
        // Both count as used until here: the connection among the client's, the request among the service's.
        drop((peer, lease));
    });
}
