//! Scripts in QuickJS inside of this process: for scripts that compute only, where there is no Node.js.
//!
//! Each run has an engine and a thread of its own. Memory is the engine's limit; time, output and the end of the director
//! are looked at whenever the engine asks whether it may go on. There is no file, network, process or module to reach.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rquickjs::context::EvalOptions;
use rquickjs::{CatchResultExt, Context, Ctx, Function, Object, Runtime};
use tokio::sync::watch;

use super::{Answer, Limits, Report, RunError, Script};

const PRELUDE: &str = include_str!("prelude.js");

/// Of the engine's stack; threads of the pool have two megabytes.
const STACK: usize = 512 << 10;

#[derive(Debug)]
pub struct EmbeddedRunner;

impl EmbeddedRunner {
    pub(super) fn start(&self, script: Script, limits: Limits, report: Report, mut stop: watch::Receiver<bool>) {
        let Report { mut answer, _ended, _place } = report;
        let cancelled = Arc::new(AtomicBool::new(false));
        let (wake, woken) = channel();
        let ours = Arc::clone(&cancelled);
        tokio::spawn(async move {
            let work = tokio::task::spawn_blocking(move || {
                let run = Run::new(&script.label, limits, ours, woken);
                run.script(&script)
            });
            let mut work = std::pin::pin!(work);
            let unwanted = async {
                tokio::select! {
                    () = answer.closed() => {}
                    _ = stop.wait_for(|stop| *stop) => {}
                }
            };
            let done = tokio::select! {
                done = &mut work => Some(done),
                () = unwanted => None,
            };
            let done = match done {
                Some(done) => done,
                None => {
                    // The thread ends, also when it waits for a timer.
                    cancelled.store(true, Ordering::Relaxed);
                    drop(wake);
                    work.await
                }
            };
            let done = done.unwrap_or_else(|error| Err(RunError::Ended(error.to_string())));
            // Whoever asked may be gone.
            let _ = answer.send(done);
            drop((_ended, _place));
        });
    }
}

/// Why the engine was told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Halt {
    No,
    Time,
    Output,
    Cancelled,
}

/// One run, on its thread.
struct Run {
    label: Rc<str>,
    limits: Limits,
    began: Instant,
    cancelled: Arc<AtomicBool>,
    woken: Receiver<()>,
    written: Rc<Cell<u64>>,
    halt: Rc<Cell<Halt>>,
}

impl Run {
    fn new(label: &str, limits: Limits, cancelled: Arc<AtomicBool>, woken: Receiver<()>) -> Self {
        Self {
            label: label.into(),
            limits,
            began: Instant::now(),
            cancelled,
            woken,
            written: Rc::default(),
            halt: Rc::new(Cell::new(Halt::No)),
        }
    }

    fn script(&self, script: &Script) -> Answer {
        let failed = |error: rquickjs::Error| RunError::Start(error.to_string());
        let runtime = Runtime::new().map_err(failed)?;
        runtime.set_memory_limit(usize::try_from(self.limits.memory).unwrap_or(usize::MAX));
        runtime.set_max_stack_size(STACK);
        let (began, time, output) = (self.began, self.limits.time, self.limits.output);
        let (cancelled, written, halt) = (Arc::clone(&self.cancelled), Rc::clone(&self.written), Rc::clone(&self.halt));
        runtime.set_interrupt_handler(Some(Box::new(move || {
            halt.set(judge(began.elapsed() > time, written.get() > output, cancelled.load(Ordering::Relaxed)));
            halt.get() != Halt::No
        })));
        let context = Context::full(&runtime).map_err(failed)?;
        let ended = context.with(|ctx| self.drive(&ctx, script));
        // What the halt caused is told as the halt.
        match (self.halt.get(), ended) {
            (Halt::No, ended) => ended,
            (Halt::Time, _) => Err(RunError::Time(self.limits.time)),
            (Halt::Output, _) => Err(RunError::Output(self.limits.output)),
            (Halt::Cancelled, _) => Err(RunError::Stopping),
        }
    }

    fn drive(&self, ctx: &Ctx<'_>, script: &Script) -> Answer {
        let told = |error: rquickjs::CaughtError<'_>| RunError::Script(first_line(&error.to_string()));
        let mut options = EvalOptions::default();
        options.strict = false;
        let prelude: Function<'_> = ctx.eval_with_options(PRELUDE, options).catch(ctx).map_err(told)?;
        let print = self.print(ctx).catch(ctx).map_err(told)?;
        let host: Object<'_> = prelude.call((print,)).catch(ctx).map_err(told)?;
        let method = |name: &str| host.get::<_, Function<'_>>(name).catch(ctx).map_err(told);
        let (start, turn, state) = (method("start")?, method("turn")?, method("state")?);
        let config = script.config.as_ref().map(ToString::to_string);
        start.call::<_, ()>((script.text.as_str(), config)).catch(ctx).map_err(told)?;
        loop {
            while self.may_go_on()? && ctx.execute_pending_job() {}
            let state: String = state.call(()).catch(ctx).map_err(told)?;
            match state.split_at_checked(1) {
                Some(("R", text)) if text.len() > self.limits.result => {
                    return Err(RunError::Result(self.limits.result));
                }
                Some(("R", text)) => return Ok(text.to_owned()),
                Some((_, text)) => return Err(RunError::Script(first_line(text))),
                None => {}
            }
            let now = self.began.elapsed().as_secs_f64() * 1e3;
            let wait: f64 = turn.call((now,)).catch(ctx).map_err(told)?;
            if wait < 0.0 && !ctx.execute_pending_job() {
                return Err(RunError::Ended("main waits for something that cannot come".to_owned()));
            }
            if wait > 0.0 {
                self.rest(Duration::try_from_secs_f64(wait / 1e3).unwrap_or(self.limits.time));
            }
        }
    }

    /// Until the time has passed, the limit is reached or the run is cancelled.
    fn rest(&self, wait: Duration) {
        let left = (self.limits.time + Duration::from_millis(1)).saturating_sub(self.began.elapsed());
        match self.woken.recv_timeout(wait.min(left)) {
            Ok(()) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
    }

    /// Between two pieces of the script, when the engine does not ask.
    fn may_go_on(&self) -> Result<bool, RunError> {
        let is_late = self.began.elapsed() > self.limits.time;
        let halt = judge(is_late, self.written.get() > self.limits.output, self.cancelled.load(Ordering::Relaxed));
        self.halt.set(halt);
        if halt == Halt::No { Ok(true) } else { Err(RunError::Stopping) }
    }

    fn print<'js>(&self, ctx: &Ctx<'js>) -> rquickjs::Result<Function<'js>> {
        let (written, label, output) = (Rc::clone(&self.written), Rc::clone(&self.label), self.limits.output);
        Function::new(ctx.clone(), move |is_error: bool, line: String| {
            written.set(written.get() + line.len() as u64 + 1);
            if written.get() > output {
                return;
            }
            let line: String = line.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
            if is_error {
                tracing::warn!(task = &*label, stream = "stderr", "{line}");
            } else {
                tracing::info!(task = &*label, stream = "stdout", "{line}");
            }
        })
    }
}

fn judge(is_late: bool, is_flood: bool, is_cancelled: bool) -> Halt {
    match (is_cancelled, is_late, is_flood) {
        (true, ..) => Halt::Cancelled,
        (_, true, _) => Halt::Time,
        (.., true) => Halt::Output,
        _ => Halt::No,
    }
}

/// Without the stack, which is of our prelude mostly.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::Runner;
    use super::*;

    const LIMITS: Limits =
        Limits { time: Duration::from_millis(400), memory: 32 << 20, output: 1000, result: 100, processes: 1 };

    fn answer(text: &str, config: Option<Value>) -> Answer {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let runner = Runner::new(None, LIMITS, 1);
            let place = runner.place().await.unwrap();
            let mut running = runner.run(place, Script { text: text.to_owned(), config, label: "test".to_owned() });
            let answer = running.answer().await;
            running.ended().await;
            answer
        })
    }

    fn result(main: &str, config: Value) -> String {
        answer(&format!("module.exports.main = {main}"), Some(config)).unwrap()
    }

    #[test]
    fn the_result_is_the_engine_s_own_text() {
        assert_eq!(
            result("c => c", json!({ "agreementId": 123_127, "a": [1.5] })),
            r#"{"agreementId":123127,"a":[1.5]}"#
        );
        assert_eq!(
            result("async c => ({ d: new Date(0), n: NaN, u: undefined, big: 1e21 })", json!(1)),
            r#"{"d":"1970-01-01T00:00:00.000Z","n":null,"big":1e+21}"#
        );
        for (main, text) in [("() => 'é'", "\"é\""), ("() => 5", "5"), ("() => null", "null"), ("() => {}", "null")] {
            assert_eq!(result(main, json!(null)), text);
        }
        assert_eq!(
            answer("undeclared = 1; exports.main = c => typeof c + undeclared", None).unwrap(),
            "\"undefined1\""
        );
        assert_eq!(result("c => new Promise(done => setTimeout(() => done(c.x), 20))", json!({ "x": 7 })), "7");
    }

    #[test]
    fn what_goes_wrong_is_told_in_one_line() {
        for (text, told) in [
            ("syntax error here", "SyntaxError"),
            ("", "exports no function main"),
            ("exports.main = 5", "exports no function main"),
            ("exports.main = () => nothing()", "ReferenceError"),
            ("exports.main = async () => { throw new Error('oh') }", "Error: oh"),
            ("exports.main = () => { const a = {}; a.a = a; return a }", "TypeError"),
            ("require('axios')", "DIRECTOR_RUNNER=node"),
        ] {
            let error = answer(text, None).unwrap_err();
            assert!(matches!(&error, RunError::Script(line) if line.contains(told)), "{text}: {error:?}");
        }
    }

    #[test]
    fn nothing_goes_beyond_its_limits() {
        for hangs in
            ["() => { for (;;); }", "() => new Promise(d => setTimeout(d, 1e6))", "async () => { for (;;) await 0 }"]
        {
            let error = answer(&format!("exports.main = {hangs}"), None).unwrap_err();
            assert!(matches!(error, RunError::Time(_)), "{hangs}: {error:?}");
        }
        let error = answer("exports.main = () => new Promise(() => {})", None).unwrap_err();
        assert!(matches!(error, RunError::Ended(_)), "{error:?}");
        let error = answer("exports.main = () => 'x'.repeat(1000)", None).unwrap_err();
        assert!(matches!(error, RunError::Result(100)), "{error:?}");
        let error = answer("exports.main = () => { for (;;) console.log('x'.repeat(100)) }", None).unwrap_err();
        assert!(matches!(error, RunError::Output(_)), "{error:?}");
        let error = answer("exports.main = () => { const a = []; for (;;) a.push(new Array(1e5).fill(1)) }", None);
        assert!(matches!(error, Err(RunError::Script(_) | RunError::Time(_))), "{error:?}");
        let error = answer("const f = () => f() + 1; exports.main = f", None).unwrap_err();
        assert!(matches!(error, RunError::Script(_)), "{error:?}");
    }

    #[test]
    fn whoever_does_not_want_the_answer_frees_the_place() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let runner = Runner::new(None, Limits { time: Duration::from_secs(60), ..LIMITS }, 1);
            for text in
                ["exports.main = () => { for (;;); }", "exports.main = () => new Promise(d => setTimeout(d, 1e6))"]
            {
                let place = runner.place().await.unwrap();
                drop(runner.run(place, Script { text: text.to_owned(), config: None, label: "test".to_owned() }));
            }
            let _place = tokio::time::timeout(Duration::from_secs(10), runner.place()).await.unwrap().unwrap();
        });
    }
}
