//! What replicas agree on through the cache: limits, replays, sessions, revocation; on a real Valkey.

use std::time::Duration;

use redis::Commands;
use reeve::backend::auth::limits::{Allowance, Limit, Limits};
use reeve::backend::auth::replay;
use reeve::backend::auth::revocation::{Mark, Revocations};
use reeve::backend::auth::sessions::{self, Session};
use reeve::backend::auth::tokens::{Claims, REFRESH_LIFE};
use reeve::backend::cache::Cache;
use reeve::backend::settings;
use tokio::runtime::Runtime;
use uuid::Uuid;

use super::data::{CacheNumber, data};
use super::harness::now;
use crate::support::PATIENCE;

/// A numbered database of the cache, and an event loop to use it in.
struct Place {
    runtime: Runtime,
    number: CacheNumber,
}

impl Place {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        Self { runtime: runtime.expect("a runtime"), number: data().cache() }
    }

    /// As a replica has it: a connection of its own.
    fn cache(&self) -> Cache {
        let password = Some(reeve::serve::Secret::new(&data().valkey_password));
        let (host, port) = ("127.0.0.1".to_owned(), data().valkey_port);
        let settings = settings::Cache { host, port, password, database: self.number.0 };
        Cache::new(&settings).expect("an address")
    }

    fn raw(&self) -> redis::Connection {
        let url = data().cache_url(self.number.0);
        redis::Client::open(url).expect("a URL").get_connection().expect("Valkey")
    }

    fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = self.raw().keys("*").expect("KEYS");
        keys.sort();
        keys
    }
}

fn seconds() -> i64 {
    now() as i64
}

/// Microseconds of some day.
const T: i64 = 1_750_000_000_000_000;
const SECOND: i64 = 1_000_000;

const FIVE: Limit = Limit { name: "test", most: 5, within: Duration::from_secs(60) };

#[test]
fn a_limit_allows_so_many_and_says_when_to_come_back() {
    let place = Place::new();
    let (cache, limits) = (place.cache(), Limits::new("pepper"));
    let take = |who: &str, at: i64| {
        place.runtime.block_on(limits.take_at(&cache, FIVE, &["127.0.0.1", who], at)).expect("an answer")
    };
    for remaining in (0..5).rev() {
        assert_eq!(take("anna", T), Allowance::Allowed { remaining });
    }
    assert_eq!(take("anna", T), Allowance::Refused { retry_after: Duration::from_secs(12) });
    assert_eq!(take("anna", T + 5 * SECOND), Allowance::Refused { retry_after: Duration::from_secs(7) });
    // What was refused does not count.
    assert_eq!(take("anna", T + 12 * SECOND), Allowance::Allowed { remaining: 0 });
    assert_eq!(take("anna", T + 12 * SECOND), Allowance::Refused { retry_after: Duration::from_secs(12) });
    assert_eq!(take("berta", T), Allowance::Allowed { remaining: 4 });
    // A window later all is as at first.
    assert_eq!(take("anna", T + 72 * SECOND), Allowance::Allowed { remaining: 4 });
    let keys = place.keys();
    assert_eq!(keys.len(), 2);
    for key in keys {
        assert!(key.starts_with("auth:limit:test:") && !key.contains("anna"), "{key}");
        let life: i64 = place.raw().pttl(key).expect("PTTL");
        assert!((0..=60_000).contains(&life), "{life}");
    }
}

#[test]
fn a_limit_is_forgotten_when_it_was_no_failure() {
    let place = Place::new();
    let (cache, limits) = (place.cache(), Limits::new("pepper"));
    place.runtime.block_on(async {
        for _ in 0..20 {
            let allowance = limits.take(&cache, FIVE, &["anna"]).await.expect("an answer");
            assert_eq!(allowance, Allowance::Allowed { remaining: 4 });
            limits.forget(&cache, FIVE, &["anna"]).await.expect("an answer");
        }
        let off = Limit { most: 0, ..FIVE };
        let allowance = limits.take(&cache, off, &["anna"]).await.expect("an answer");
        assert_eq!(allowance, Allowance::Allowed { remaining: u32::MAX });
    });
    assert_eq!(place.keys(), [""; 0]);
}

#[test]
fn one_call_is_given_back_and_the_others_still_count() {
    let place = Place::new();
    let (cache, limits) = (place.cache(), Limits::new("pepper"));
    let take = || place.runtime.block_on(limits.take_at(&cache, FIVE, &["anna"], T)).expect("an answer");
    let give_back = || place.runtime.block_on(limits.give_back(&cache, FIVE, &["anna"])).expect("an answer");
    give_back();
    assert_eq!(place.keys(), [""; 0], "there was none");
    for remaining in (0..5).rev() {
        assert_eq!(take(), Allowance::Allowed { remaining });
    }
    give_back();
    assert_eq!(take(), Allowance::Allowed { remaining: 0 });
    assert_eq!(take(), Allowance::Refused { retry_after: Duration::from_secs(12) });
    assert!(place.raw().pttl::<_, i64>(&place.keys()[0]).expect("PTTL") > 0);
}

#[test]
fn replicas_count_together() {
    let place = Place::new();
    let replicas = [place.cache(), place.cache(), place.cache()];
    let limits = Limits::new("pepper");
    let calls = (0..60).map(|call| limits.take_at(&replicas[call % 3], FIVE, &["anna"], T));
    let answers = place.runtime.block_on(futures_util::future::join_all(calls));
    let allowed = answers.iter().filter(|answer| matches!(answer, Ok(Allowance::Allowed { .. }))).count();
    assert_eq!((allowed, answers.iter().filter(|answer| answer.is_err()).count()), (5, 0));
}

#[test]
fn a_code_is_accepted_once_by_all_replicas() {
    let place = Place::new();
    let replicas = [place.cache(), place.cache()];
    let claims = (0..20).map(|call| replay::claim(&replicas[call % 2], 7, 58_333_333));
    let answers = place.runtime.block_on(futures_util::future::join_all(claims));
    assert_eq!(answers.iter().filter(|answer| matches!(answer, Ok(true))).count(), 1);
    assert_eq!(answers.iter().filter(|answer| matches!(answer, Ok(false))).count(), 19);
    // Another step, another user.
    for (user, step) in [(7, 58_333_334), (8, 58_333_333)] {
        assert!(place.runtime.block_on(replay::claim(&replicas[0], user, step)).expect("an answer"));
    }
    assert_eq!(place.keys(), ["auth:totp:7:58333333", "auth:totp:7:58333334", "auth:totp:8:58333333"]);
    let life: i64 = place.raw().ttl("auth:totp:7:58333333").expect("TTL");
    assert!((90..=120).contains(&life), "{life}");
}

#[test]
fn sessions_are_listed_until_they_end() {
    let place = Place::new();
    let cache = place.cache();
    place.runtime.block_on(async {
        let now = seconds();
        let older = Session::begin(7, Some("127.0.0.1".to_owned()), Some("curl/8"), now - 10);
        let newer = Session::begin(7, None, Some(&"x".repeat(1000)), now);
        let over = Session { until: now - 1, ..Session::begin(7, None, None, now - 100) };
        let other = Session::begin(8, None, None, now);
        for session in [&older, &newer, &over, &other] {
            sessions::store(&cache, session, now).await.expect("stored");
        }
        assert_eq!(newer.agent.as_deref().map(str::len), Some(200));
        let listed = sessions::of_user(&cache, 7, now).await.expect("a list");
        assert_eq!(listed, [newer.clone(), older.clone()]);
        assert_eq!(sessions::of_user(&cache, 9, now).await.expect("a list"), []);
        sessions::end(&cache, 7, older.id).await.expect("ended");
        assert_eq!(sessions::of_user(&cache, 7, now).await.expect("a list"), std::slice::from_ref(&newer));
        let life: i64 = place.raw().ttl(format!("auth:session:{}", newer.id)).expect("TTL");
        assert!((REFRESH_LIFE - 60..=REFRESH_LIFE).contains(&life), "{life}");
        assert_eq!(sessions::end_all(&cache, 7, now).await.expect("a list"), [newer]);
        assert_eq!(sessions::of_user(&cache, 7, now).await.expect("a list"), []);
        assert_eq!(sessions::of_user(&cache, 8, now).await.expect("a list"), [other]);
    });
}

fn of_session(id: Uuid) -> Claims {
    Claims { user_id: Some(7), username: None, role: None, session: Some(id), expires: None }
}

/// Waits for what another task is to bring about.
async fn until(what: &str, check: impl Fn() -> bool) {
    let patience = tokio::time::timeout(PATIENCE, async {
        while !check() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    patience.await.unwrap_or_else(|_| panic!("never: {what}"));
}

/// A process with its copy, kept up to date.
struct Replica {
    cache: Cache,
    revocations: Revocations,
}

impl Replica {
    fn start(place: &Place) -> &'static Self {
        // The task that watches has no end but the runtime's.
        let replica: &'static Self =
            Box::leak(Box::new(Self { cache: place.cache(), revocations: Revocations::default() }));
        place.runtime.spawn(replica.revocations.watch(&replica.cache));
        replica
    }

    fn holds(&self, claims: &Claims, token: &str) -> bool {
        self.revocations.holds(claims, token)
    }
}

#[test]
fn what_one_replica_revokes_all_refuse() {
    let place = Place::new();
    let (one, two) = (Replica::start(&place), Replica::start(&place));
    let (gone, good) = (of_session(Uuid::new_v4()), of_session(Uuid::new_v4()));
    let foreign = Claims { session: None, ..gone.clone() };
    place.runtime.block_on(async {
        for replica in [one, two] {
            until("the copies are read", || replica.revocations.is_current()).await;
        }
        assert!(!one.holds(&gone, "a") && !two.holds(&gone, "a"));
        let marks = [Mark::of(&gone, "a"), Mark::of(&foreign, "a foreign token")];
        one.revocations.revoke(&one.cache, &marks, seconds()).await.expect("revoked");
        assert!(one.holds(&gone, "a"), "here at once");
        until("the other replica hears of it", || two.holds(&gone, "any of the session")).await;
        until("and of the token", || two.holds(&foreign, "a foreign token")).await;
        assert!(!two.holds(&good, "a") && !two.holds(&foreign, "another foreign token"));
        // One that starts later reads what was revoked before.
        let late = Replica::start(&place);
        until("a late one reads the set", || late.revocations.is_current()).await;
        assert!(late.holds(&gone, "a") && late.holds(&foreign, "a foreign token"));
    });
    assert_eq!(place.keys(), ["auth:revoked"]);
}

#[test]
fn a_replica_that_was_cut_off_catches_up() {
    let place = Place::new();
    let (one, two) = (Replica::start(&place), Replica::start(&place));
    let gone = of_session(Uuid::new_v4());
    place.runtime.block_on(async {
        for replica in [one, two] {
            until("the copies are read", || replica.revocations.is_current()).await;
        }
        // As a message that was lost: it is in the set, and nobody was told.
        let until_then = seconds() + 1000;
        let () = place.raw().zadd("auth:revoked", Mark::of(&gone, "a").to_string(), until_then).expect("ZADD");
        // What need not be remembered any more is not read.
        let old = of_session(Uuid::new_v4());
        let () = place.raw().zadd("auth:revoked", Mark::of(&old, "a").to_string(), 17).expect("ZADD");
        assert!(!two.holds(&gone, "a"));
        let killed: i64 =
            redis::cmd("CLIENT").arg("KILL").arg("TYPE").arg("pubsub").query(&mut place.raw()).expect("CLIENT KILL");
        assert!(killed >= 2, "{killed}");
        until("the set is read again", || one.holds(&gone, "a") && two.holds(&gone, "a")).await;
        assert!(!two.holds(&old, "a"));
        // And it is subscribed again.
        until("it follows again", || two.revocations.is_current()).await;
        let another = of_session(Uuid::new_v4());
        one.revocations.revoke(&one.cache, &[Mark::of(&another, "a")], seconds()).await.expect("revoked");
        until("it hears of the next one", || two.holds(&another, "a")).await;
        let left: i64 = place.raw().zcard("auth:revoked").expect("ZCARD");
        assert_eq!(left, 2, "what is over is removed");
    });
}

#[test]
fn without_the_cache_the_copy_holds_and_commands_fail_fast() {
    let place = Place::new();
    let nowhere = settings::Cache { host: "127.0.0.1".to_owned(), port: 1, password: None, database: 0 };
    let cache = Cache::new(&nowhere).expect("an address");
    let revocations = Revocations::default();
    let gone = of_session(Uuid::new_v4());
    place.runtime.block_on(async {
        let answer = tokio::time::timeout(Duration::from_secs(5), async {
            assert!(Limits::new("pepper").take(&cache, FIVE, &["anna"]).await.is_err());
            assert!(replay::claim(&cache, 7, 1).await.is_err());
            revocations.revoke(&cache, &[Mark::of(&gone, "a")], seconds()).await
        });
        assert!(answer.await.expect("in time").is_err());
        // Who asked for it is told that not everybody knows; here it holds all the same.
        assert!(revocations.holds(&gone, "a"));
        assert!(!revocations.is_current());
    });
}
