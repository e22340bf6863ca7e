//! Signals of the operating system, as the loop takes them.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal (or systemd's watchdog) asks of the loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OsSignal {
    /// SIGINT, SIGTERM, or SIGHUP when the terminal of a foreground `up` has gone.
    Stop(i32),
    Reload,
    ReopenLogs,
    ChildExited,
    Watchdog,
}

/// The streams of signals. Made before anything is started, so that none is missed.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    reopen: Signal,
    child: Signal,
    /// A foreground `up`: its terminal closing means stop. A daemon: SIGHUP means reload.
    foreground: bool,
    watchdog: Option<tokio::time::Interval>,
}

impl Signals {
    pub fn new(foreground: bool, watchdog: Option<std::time::Duration>) -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            reopen: signal(SignalKind::user_defined1())?,
            child: signal(SignalKind::child())?,
            foreground,
            // Half the promised time, as sd_watchdog_enabled(3) advises.
            watchdog: watchdog.map(|period| tokio::time::interval(period / 2)),
        })
    }

    pub async fn next(&mut self) -> OsSignal {
        let watchdog = async {
            match &mut self.watchdog {
                Some(interval) => {
                    interval.tick().await;
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => OsSignal::Stop(libc::SIGINT),
            _ = self.terminate.recv() => OsSignal::Stop(libc::SIGTERM),
            _ = self.hangup.recv() => if self.foreground { OsSignal::Stop(libc::SIGHUP) } else { OsSignal::Reload },
            _ = self.reopen.recv() => OsSignal::ReopenLogs,
            _ = self.child.recv() => OsSignal::ChildExited,
            () = watchdog => OsSignal::Watchdog,
        }
    }
}
