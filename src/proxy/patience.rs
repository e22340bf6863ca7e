//! A limit on how long something may wait, which costs nothing while it does not.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

#[derive(Debug)]
pub struct Patience {
    /// None is endless.
    limit: Option<Duration>,
    timer: Option<Pin<Box<Sleep>>>,
    is_waiting: bool,
}

impl Patience {
    pub fn new(limit: Option<Duration>) -> Self {
        Self { limit, timer: None, is_waiting: false }
    }

    /// What was waited for came.
    pub fn rest(&mut self) {
        self.is_waiting = false;
    }

    /// Ready when it was waited for too long. The first call since a rest begins the wait.
    pub fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(limit) = self.limit else { return Poll::Pending };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(limit)));
        if !self.is_waiting {
            timer.as_mut().reset(Instant::now() + limit);
            self.is_waiting = true;
        }
        ready!(timer.as_mut().poll(cx));
        self.is_waiting = false;
        Poll::Ready(())
    }
}
