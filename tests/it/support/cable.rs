//! A TCP connection that can be cut: a small proxy between a program and what it depends on.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Default)]
struct State {
    is_cut: bool,
    /// Takes connections and bytes, and passes nothing on.
    is_mute: bool,
    open: Vec<TcpStream>,
}

/// Plugged in until cut. Its threads end with the test process.
pub struct Cable {
    pub port: u16,
    state: Arc<Mutex<State>>,
}

impl Cable {
    pub fn to(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let state = Arc::<Mutex<State>>::default();
        let shared = state.clone();
        std::thread::spawn(move || {
            for incoming in listener.incoming().flatten() {
                let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
                if state.is_cut {
                    continue;
                }
                let Ok(outgoing) = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], target))) else { continue };
                for stream in [&incoming, &outgoing] {
                    state.open.push(stream.try_clone().expect("a handle"));
                }
                drop(state);
                pass(incoming.try_clone().expect("a handle"), outgoing.try_clone().expect("a handle"), shared.clone());
                pass(outgoing, incoming, shared.clone());
            }
        });
        Self { port, state }
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Ends what is open and takes nothing new.
    pub fn cut(&self) {
        self.set(|state| {
            state.is_cut = true;
            for stream in state.open.drain(..) {
                // Closed already, or now.
                let _ = stream.shutdown(Shutdown::Both);
            }
        });
    }

    /// Connections stay and new ones are taken, but nothing comes through any more.
    pub fn mute(&self) {
        self.set(|state| state.is_mute = true);
    }

    /// As before; what was muted is closed, because bytes of it are missing.
    pub fn mend(&self) {
        self.set(|state| {
            if state.is_mute {
                for stream in state.open.drain(..) {
                    let _ = stream.shutdown(Shutdown::Both);
                }
            }
            (state.is_cut, state.is_mute) = (false, false);
        });
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, state: Arc<Mutex<State>>) {
    std::thread::spawn(move || {
        let mut bytes = vec![0; 64 << 10];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            let is_mute = state.lock().unwrap_or_else(PoisonError::into_inner).is_mute;
            if !is_mute && to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
}
