//! Passwords: bcrypt, cost 10, as the original stores them.
//!
//! A hash takes tens of milliseconds of a core, so it is computed on threads of its own, as many as cores, of low
//! priority: requests that need no hash do not wait for those that do. What waits for a thread is bounded; beyond that
//! the answer is [`PasswordError::Busy`], at once.
//!
//! bcrypt looks at 72 bytes and stops at a null byte. A password that it would not see whole is refused when it is
//! chosen, and is therefore nobody's when it is tried.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use bcrypt::BcryptError;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

/// The original's.
pub const COST: u32 = 10;
/// What bcrypt sees of a password, in bytes.
pub const LONGEST: usize = 72;

/// Waiting for each thread. At some 50 ms each, the last of them waits for three seconds.
const WAITING: usize = 64;
/// Yields to every request of normal priority, and still gets what they leave.
const NICE: i32 = 10;

/// A hash of what nobody knows: to try a password for a user that is not there takes as long as for one that is.
const NOBODY: &str = "$2b$10$uZ6HlV0mCqkFY1dE7a9xXeS5n8oKr2bWjTtPgLi3vQyAhMfzRw4c6";

#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    #[error("must not be longer than {LONGEST} bytes")]
    TooLong,
    #[error("must not contain a null byte")]
    NullByte,
    #[error("must not be empty")]
    Empty,
    /// As many as can wait are waiting.
    #[error("too many passwords are being checked")]
    Busy,
    #[error("a thread for passwords could not be started")]
    Thread(#[source] std::io::Error),
    /// The threads have gone: the process is ending.
    #[error("passwords are no longer checked")]
    Stopped,
    #[error("the stored hash cannot be used")]
    Stored(#[source] BcryptError),
    #[error("the password could not be hashed")]
    Hash(#[source] BcryptError),
}

type Job = Box<dyn FnOnce() + Send>;

/// The threads and what waits for them.
#[derive(Clone)]
pub struct Passwords {
    jobs: SyncSender<Job>,
}

impl fmt::Debug for Passwords {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Passwords")
    }
}

impl Passwords {
    pub fn start(threads: NonZeroUsize) -> Result<Self, PasswordError> {
        Self::with_queue(threads, WAITING * threads.get())
    }

    fn with_queue(threads: NonZeroUsize, waiting: usize) -> Result<Self, PasswordError> {
        let (jobs, queue) = sync_channel::<Job>(waiting);
        let queue = Arc::new(Mutex::new(queue));
        for number in 0..threads.get() {
            let queue = Arc::clone(&queue);
            let thread = std::thread::Builder::new().name(format!("password-{number}"));
            thread.spawn(move || work(&queue)).map_err(PasswordError::Thread)?;
        }
        Ok(Self { jobs })
    }

    /// The hash of a new password.
    pub async fn hash(&self, password: &str) -> Result<String, PasswordError> {
        check(password)?;
        let password = Zeroizing::new(password.to_owned());
        self.run(move || bcrypt::hash(password.as_bytes(), COST)).await?.map_err(PasswordError::Hash)
    }

    /// Whether the password is the one that was hashed. Without a hash (there is no such user) it is not, and takes as
    /// long to say so.
    pub async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool, PasswordError> {
        let possible = check(password).is_ok();
        let is_somebody = hash.is_some();
        let hash = hash.unwrap_or(NOBODY).to_owned();
        let password = Zeroizing::new(password.to_owned());
        let same =
            self.run(move || bcrypt::verify(password.as_bytes(), &hash)).await?.map_err(PasswordError::Stored)?;
        Ok(same && possible && is_somebody)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, PasswordError> {
        let (send, receive) = oneshot::channel();
        let job = move || {
            // Whoever asked may have gone while it waited.
            if !send.is_closed() {
                let _ = send.send(work());
            }
        };
        self.jobs.try_send(Box::new(job)).map_err(|error| match error {
            TrySendError::Full(_) => PasswordError::Busy,
            TrySendError::Disconnected(_) => PasswordError::Stopped,
        })?;
        receive.await.map_err(|_| PasswordError::Stopped)
    }
}

/// Whether bcrypt would see all of it.
pub fn check(password: &str) -> Result<(), PasswordError> {
    if password.is_empty() {
        Err(PasswordError::Empty)
    } else if password.len() > LONGEST {
        Err(PasswordError::TooLong)
    } else if password.contains('\0') {
        Err(PasswordError::NullByte)
    } else {
        Ok(())
    }
}

/// Until the last [`Passwords`] is dropped.
fn work(queue: &Mutex<Receiver<Job>>) {
    // Of this thread alone: on Linux a thread has a priority of its own (setpriority(2), NOTES).
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::warn!(%error, "passwords are checked at normal priority");
    }
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => job(),
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use futures_util::FutureExt;

    use super::*;

    const ONE: NonZeroUsize = NonZeroUsize::MIN;

    fn passwords() -> Passwords {
        Passwords::start(ONE).unwrap()
    }

    #[tokio::test]
    async fn a_password_is_known_again() {
        let passwords = passwords();
        let hash = passwords.hash("correct horse").await.unwrap();
        assert!(hash.starts_with("$2b$10$"), "{hash}");
        assert!(passwords.verify("correct horse", Some(&hash)).await.unwrap());
        assert!(!passwords.verify("Correct horse", Some(&hash)).await.unwrap());
        assert_ne!(hash, passwords.hash("correct horse").await.unwrap());
    }

    #[tokio::test]
    async fn hashes_of_the_original_and_of_others_are_read() {
        // "U*U" with cost 5: test vector of the reference implementation (Openwall crypt_blowfish).
        let vector = "$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
        for version in ["$2a", "$2b", "$2y"] {
            let hash = format!("{version}{vector}");
            assert!(passwords().verify("U*U", Some(&hash)).await.unwrap(), "{version}");
            assert!(!passwords().verify("U*V", Some(&hash)).await.unwrap(), "{version}");
        }
        let error = passwords().verify("U*U", Some("plain text")).await.unwrap_err();
        assert!(matches!(error, PasswordError::Stored(_)), "{error:?}");
    }

    #[tokio::test]
    async fn what_bcrypt_would_not_see_is_refused() {
        let passwords = passwords();
        let longest = "ä".repeat(36);
        let hash = passwords.hash(&longest).await.unwrap();
        assert!(passwords.verify(&longest, Some(&hash)).await.unwrap());
        // bcrypt itself would not tell these from the password.
        assert!(!passwords.verify(&format!("{longest}x"), Some(&hash)).await.unwrap());
        assert!(matches!(passwords.hash(&format!("{longest}x")).await, Err(PasswordError::TooLong)));
        assert!(matches!(passwords.hash("a\0b").await, Err(PasswordError::NullByte)));
        assert!(matches!(passwords.hash("").await, Err(PasswordError::Empty)));
        assert!(!passwords.verify("", Some(&hash)).await.unwrap());
    }

    /// The time is not measured: what is computed for nobody is what is computed for somebody, a whole hash of our cost.
    #[tokio::test]
    async fn nobody_takes_as_long_as_somebody() {
        let parts: bcrypt::HashParts = NOBODY.parse().unwrap();
        assert_eq!(parts.get_cost(), COST);
        let hash = passwords().hash("a password").await.unwrap();
        let cost = |hash: &str| hash.parse::<bcrypt::HashParts>().unwrap().get_cost();
        assert_eq!(cost(&hash), cost(NOBODY));
        for password in ["a password", "", &"x".repeat(LONGEST + 1)] {
            assert!(!passwords().verify(password, None).await.unwrap());
        }
    }

    fn spawned<T: Send + 'static>(
        passwords: &Passwords,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> tokio::task::JoinHandle<Result<T, PasswordError>> {
        let passwords = passwords.clone();
        tokio::spawn(async move { passwords.run(work).await })
    }

    #[tokio::test]
    async fn more_than_can_wait_are_told_so_at_once() {
        let passwords = Passwords::with_queue(ONE, 1).unwrap();
        let (begun, wait_begun) = oneshot::channel();
        let (release, wait_release) = std::sync::mpsc::channel::<()>();
        let held = spawned(&passwords, move || {
            let _ = begun.send(());
            let _ = wait_release.recv();
        });
        wait_begun.await.unwrap();
        // The thread is taken; one may wait, the next one may not.
        let waiting = spawned(&passwords, || ());
        tokio::task::yield_now().await;
        let refused = passwords.hash("is refused").await;
        assert!(matches!(refused, Err(PasswordError::Busy)), "{refused:?}");
        release.send(()).unwrap();
        held.await.unwrap().unwrap();
        waiting.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_is_not_computed() {
        let passwords = passwords();
        let (release, wait_release) = std::sync::mpsc::channel::<()>();
        let blocker = spawned(&passwords, move || wait_release.recv());
        tokio::task::yield_now().await;
        let ran = Arc::new(AtomicBool::new(false));
        let given_up = {
            let ran = Arc::clone(&ran);
            passwords.run(move || ran.store(true, Ordering::SeqCst))
        };
        assert!(given_up.now_or_never().is_none(), "it waits, and is given up");
        release.send(()).unwrap();
        blocker.await.unwrap().unwrap().unwrap();
        assert!(passwords.hash("after it").await.is_ok());
        assert!(!ran.load(Ordering::SeqCst));
    }

    #[test]
    fn threads_for_passwords_yield_to_all_others() {
        let passwords = passwords();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let theirs = runtime.block_on(passwords.run(|| rustix::process::getpriority_process(None))).unwrap().unwrap();
        let ours = rustix::process::getpriority_process(None).unwrap();
        assert_eq!(theirs, NICE.max(ours));
    }
}
