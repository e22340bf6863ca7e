//! Signing in, staying signed in, signing out.

use serde_json::{Value, json};

use super::data::data;
use super::harness::{Answer, Backend, PREFIX, REFRESH_SECRET, SECRET, now};
use super::users::{PASSWORD, sign_up};
use crate::support::cable::Cable;

fn attempt(backend: &Backend, username: &str, password: &str) -> Answer {
    let body = json!({ "username": username, "password": password });
    backend.call("POST", "/users/signIn", None, Some(body))
}

#[track_caller]
pub fn sign_in(backend: &Backend, username: &str) -> Answer {
    attempt(backend, username, PASSWORD).expect(200)
}

fn text(answer: &Answer, key: &str) -> String {
    answer.json()[key].as_str().unwrap_or_else(|| panic!("{key} in {}", answer.text)).to_owned()
}

/// A request with cookies and nothing else.
#[track_caller]
fn with_cookies(backend: &Backend, path: &str, cookies: &str) -> Answer {
    backend.send(backend.request("GET", &format!("{PREFIX}{path}")).header("cookie", cookies))
}

fn claims(token: &str, secret: &str) -> Value {
    let key = jsonwebtoken::DecodingKey::from_secret(secret.as_bytes());
    let validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::HS256);
    jsonwebtoken::decode(token, &key, &validation).expect("a good token").claims
}

fn minted(claims: &Value) -> String {
    let key = jsonwebtoken::EncodingKey::from_secret(REFRESH_SECRET.as_bytes());
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), claims, &key).expect("a token")
}

#[test]
fn whoever_signs_in_gets_tokens_and_cookies() {
    let backend = Backend::start();
    let id = sign_up(&backend, "anna", "USER");
    let signed_in = sign_in(&backend, "anna");
    let body = signed_in.json();
    let keys: Vec<_> = body.as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["username", "email", "authority", "accessToken", "refreshToken", "nodeRedToken"]);
    assert_eq!(
        (&body["username"], &body["email"], &body["authority"], &body["nodeRedToken"]),
        (&json!("anna"), &json!("anna@example.org"), &json!("USER"), &json!(""))
    );
    let (access, refresh) = (text(&signed_in, "accessToken"), text(&signed_in, "refreshToken"));
    for (token, secret, life) in [(&access, SECRET, 3600), (&refresh, REFRESH_SECRET, 604_800)] {
        let claims = claims(token, secret);
        assert_eq!(
            (&claims["user_id"], &claims["username"], &claims["authority"]),
            (&json!(id), &json!("anna"), &json!("USER"))
        );
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), life);
    }
    let cookies = signed_in.cookies();
    let begin = |name: &str, token: &str, life: i64| {
        format!("{name}={token}; HttpOnly; SameSite=Lax; Path=/; Max-Age={life}; Expires=")
    };
    assert_eq!(cookies.len(), 2, "{cookies:?}");
    assert!(cookies[0].starts_with(&begin("accessToken", &access, 3600)), "{cookies:?}");
    assert!(cookies[1].starts_with(&begin("refreshToken", &refresh, 604_800)), "{cookies:?}");
    assert_eq!(backend.rows(r#"SELECT refresh_token FROM "Users""#), std::slice::from_ref(&refresh));
    // A second sign-in takes the place of the first.
    let again = text(&sign_in(&backend, "anna"), "refreshToken");
    assert_ne!(again, refresh);
    assert_eq!(backend.rows(r#"SELECT refresh_token FROM "Users""#), [again]);
    // With each of the ways to carry a token.
    let path = format!("{PREFIX}/users/auth");
    for (name, value) in [
        ("cookie", format!("accessToken={access}")),
        ("x-access-token", access.clone()),
        ("authorization", format!("Bearer {access}")),
    ] {
        backend.send(backend.request("GET", &path).header(name, value)).is(200, json!({ "authority": "USER" }));
    }
    // A refresh token is no access token.
    backend.call("GET", "/users/auth", Some(&refresh), None).is(401, json!({ "message": "Unauthorized" }));
    let log = backend.log();
    assert!(!log.contains(PASSWORD) && !log.contains(&access) && !log.contains(&refresh));
}

#[test]
fn cookies_fit_where_it_runs() {
    for (mode, attributes) in [
        ("production", "; HttpOnly; SameSite=None; Partitioned; Secure; Path=/;"),
        ("development", "; HttpOnly; Path=/;"),
    ] {
        let settings = [("NODE_ENV", mode), ("JWT_EXPIRATION", "60"), ("JWT_REFRESH_EXPIRATION", "120")];
        let backend = Backend::with(&settings);
        sign_up(&backend, "anna", "USER");
        let cookies = sign_in(&backend, "anna").cookies();
        assert!(cookies[0].contains(&format!("{attributes} Max-Age=60;")), "{cookies:?}");
        assert!(cookies[1].contains(&format!("{attributes} Max-Age=120;")), "{cookies:?}");
    }
}

#[test]
fn whoever_cannot_sign_in_is_told_why_or_not() {
    let backend = Backend::start();
    sign_up(&backend, "anna", "USER");
    let required = json!({ "message": "Username and password are required" });
    for body in [
        json!({}),
        json!([]),
        json!({ "username": "anna" }),
        json!({ "password": PASSWORD }),
        json!({ "username": "", "password": PASSWORD }),
        json!({ "username": "anna", "password": null }),
        json!({ "username": "anna", "password": 0 }),
    ] {
        backend.call("POST", "/users/signIn", None, Some(body)).is(400, required.clone());
    }
    backend.call("POST", "/users/signIn", None, None).is(400, required);
    for body in [
        json!({ "username": ["anna"], "password": PASSWORD }),
        json!({ "username": "anna", "password": { "$ne": "" } }),
        json!({ "username": "an\u{0}na", "password": PASSWORD }),
    ] {
        backend.call("POST", "/users/signIn", None, Some(body)).expect(400);
    }
    for nobody in ["berta", "Anna", "anna ", "' OR '1'='1", &"x".repeat(5000)] {
        attempt(&backend, nobody, PASSWORD).is(404, json!({ "message": "User not found" }));
    }
    for wrong in ["x", "A password of the tests", &"x".repeat(73), "a password of the tests "] {
        let answer = attempt(&backend, "anna", wrong);
        assert!(answer.cookies().is_empty());
        answer.is(401, json!({ "message": "Invalid password" }));
    }
    sign_in(&backend, "anna");

    // Where nobody is to learn which names there are.
    let backend = Backend::with(&[("SIGN_IN_ERRORS", "uniform")]);
    sign_up(&backend, "anna", "USER");
    let uniform = json!({ "message": "Invalid credentials" });
    attempt(&backend, "berta", PASSWORD).is(401, uniform.clone());
    attempt(&backend, "anna", "wrong").is(401, uniform);
}

#[test]
fn a_user_of_the_original_signs_in() {
    let backend = Backend::start();
    // "U*U": test vector of the reference implementation (Openwall crypt_blowfish).
    backend.sql(
        r#"INSERT INTO "Users" (username, password, authority, email, "createdAt", "updatedAt") VALUES
        ('anna', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW', 'ADMIN', 'a@b.org', now(), now())"#,
    );
    assert_eq!(attempt(&backend, "anna", "U*U").expect(200).json()["authority"], "ADMIN");
    attempt(&backend, "anna", "U*V").expect(401);
}

#[test]
fn who_fails_too_often_has_to_wait() {
    let backend = Backend::with(&[("RATE_LIMIT_SIGN_IN", "3"), ("RATE_LIMIT_SIGN_IN_ADDRESS", "8")]);
    for name in ["anna", "berta"] {
        sign_up(&backend, name, "USER");
    }
    let from = |address: &str, name: &str, password: &str| {
        let request = backend.request("POST", &format!("{PREFIX}/users/signIn")).header("x-forwarded-for", address);
        backend.send(request.json(&json!({ "username": name, "password": password })))
    };
    // Success does not count, and forgets the failures.
    for _ in 0..5 {
        from("192.0.2.1", "anna", PASSWORD).expect(200);
    }
    for _ in 0..2 {
        from("192.0.2.1", "anna", "wrong").expect(401);
    }
    from("192.0.2.1", "anna", PASSWORD).expect(200);
    for _ in 0..3 {
        from("192.0.2.1", "anna", "wrong").expect(401);
    }
    let refused = from("192.0.2.1", "anna", PASSWORD).expect(429);
    assert_eq!(refused.json(), json!({ "message": "Too many attempts to sign in, try again later" }));
    let wait: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=100).contains(&wait), "{wait}");
    // Another name, another address.
    from("192.0.2.1", "berta", PASSWORD).expect(200);
    from("192.0.2.2", "anna", PASSWORD).expect(200);
    // Names that nobody has count too, and all together by the address: five have failed.
    for name in ["x", "y", "z"] {
        from("192.0.2.1", name, "wrong").expect(404);
    }
    from("192.0.2.1", "berta", PASSWORD).expect(429);
    // Nobody's name or address can be read in the cache.
    let keys: Vec<String> = redis::Commands::keys(&mut backend.cache(), "auth:limit:*").expect("KEYS");
    assert!(!keys.is_empty() && keys.iter().all(|key| !key.contains("anna") && !key.contains("192")), "{keys:?}");
}

#[test]
fn guesses_at_the_same_time_count_as_well() {
    let backend = Backend::with(&[("RATE_LIMIT_SIGN_IN", "5")]);
    sign_up(&backend, "anna", "USER");
    let body = json!({ "username": "anna", "password": "wrong" });
    let guesses =
        (0..40).map(|_| super::harness::answer(backend.request("POST", &format!("{PREFIX}/users/signIn")).json(&body)));
    let answers = backend.block_on(futures_util::future::join_all(guesses));
    let count = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(401), count(429)), (5, 35));
}

#[test]
fn signing_out_ends_the_session_at_once() {
    let backend = Backend::start();
    sign_up(&backend, "anna", "USER");
    let signed_in = sign_in(&backend, "anna");
    let (access, refresh) = (text(&signed_in, "accessToken"), text(&signed_in, "refreshToken"));
    let foreign = backend.token("USER");
    with_cookies(&backend, "/users/signOut", "a=b").is(400, json!({ "message": "No refresh token provided" }));
    // Only by the cookie.
    let request = backend.request("GET", &format!("{PREFIX}/users/signOut")).header("x-refresh-token", &refresh);
    backend.send(request).expect(400);
    let cookies = format!("accessToken={foreign}; refreshToken={refresh}");
    let out = with_cookies(&backend, "/users/signOut", &cookies).expect(204);
    assert_eq!(out.text, "");
    let end = "HttpOnly; SameSite=Lax; Path=/; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT";
    let cleared = ["refreshToken", "accessToken", "nodeRedToken"].map(|name| format!("{name}=; {end}"));
    assert_eq!(out.cookies(), cleared);
    assert_eq!(backend.rows(r#"SELECT refresh_token FROM "Users""#), [""]);
    // The session's token, and the one that was sent along.
    for token in [&access, &foreign] {
        backend.call("GET", "/users/auth", Some(token), None).is(401, json!({ "message": "Unauthorized" }));
    }
    with_cookies(&backend, "/users/auth/refresh", &cookies).expect(403);
    let keys: Vec<String> = redis::Commands::keys(&mut backend.cache(), "auth:session*").expect("KEYS");
    assert_eq!(keys, [""; 0]);
    // A second time nobody has it, and the cookies go all the same.
    let again = with_cookies(&backend, "/users/signOut", &cookies);
    assert_eq!(again.cookies(), cleared);
    again.is(404, json!({ "message": "No user found for provided refresh token" }));
    // Other sessions of the user are not concerned.
    let other = text(&sign_in(&backend, "anna"), "accessToken");
    backend.call("GET", "/users/auth", Some(&other), None).expect(200);
}

#[test]
fn a_refresh_token_of_a_session_that_another_replaced_is_still_signed_out() {
    let backend = Backend::start();
    sign_up(&backend, "anna", "USER");
    let (first, _second) = (sign_in(&backend, "anna"), sign_in(&backend, "anna"));
    let cookies = format!("refreshToken={}", text(&first, "refreshToken"));
    with_cookies(&backend, "/users/signOut", &cookies).expect(404);
    backend.call("GET", "/users/auth", Some(&text(&first, "accessToken")), None).expect(401);
}

#[test]
fn an_access_token_is_refreshed_and_failure_is_never_401() {
    let backend = Backend::start();
    let id = sign_up(&backend, "anna", "USER");
    let path = "/users/auth/refresh";
    let refresh = text(&sign_in(&backend, "anna"), "refreshToken");
    let refreshed = with_cookies(&backend, path, &format!("refreshToken={refresh}")).expect(200);
    let keys: Vec<_> = refreshed.json().as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["accessToken"]);
    let access = text(&refreshed, "accessToken");
    backend.call("GET", "/users/auth", Some(&access), None).is(200, json!({ "authority": "USER" }));
    let cookies = refreshed.cookies();
    assert!(cookies.len() == 1 && cookies[0].starts_with(&format!("accessToken={access}; HttpOnly;")), "{cookies:?}");
    // It belongs to the same session.
    assert_eq!(claims(&access, SECRET)["sid"], claims(&refresh, REFRESH_SECRET)["sid"]);
    let request = backend.request("GET", &format!("{PREFIX}{path}")).header("x-refresh-token", &refresh);
    backend.send(request).expect(200);

    with_cookies(&backend, path, "a=b").is(400, json!({ "message": "Refresh token is required" }));
    let bad = json!({ "message": "Invalid or expired refresh token" });
    let expired = minted(&json!({ "user_id": id, "username": "anna", "authority": "USER", "exp": now() - 1 }));
    for token in ["nonsense", &expired, &access, &backend.token("USER")] {
        with_cookies(&backend, path, &format!("refreshToken={token}")).is(403, bad.clone());
    }
    // Genuine, and not the one that is stored.
    let genuine = minted(&json!({ "user_id": id, "username": "anna", "authority": "USER", "exp": now() + 60 }));
    let invalid = json!({ "message": "Invalid refresh token" });
    with_cookies(&backend, path, &format!("refreshToken={genuine}")).is(403, invalid.clone());
    // A role that was changed meanwhile is that of the new token.
    backend.sql(r#"UPDATE "Users" SET authority = 'ADMIN'"#);
    let access = text(&with_cookies(&backend, path, &format!("refreshToken={refresh}")).expect(200), "accessToken");
    backend.call("GET", "/users/auth", Some(&access), None).is(200, json!({ "authority": "ADMIN" }));
    backend.sql(r#"DELETE FROM "Users""#);
    with_cookies(&backend, path, &format!("refreshToken={refresh}")).is(403, invalid);
}

#[test]
fn without_the_cache_nobody_signs_in_and_who_is_signed_in_goes_on() {
    let cable = Cable::to(data().valkey_port);
    let backend = Backend::with(&[("DRAGONFLY_PORT", &cable.port.to_string())]);
    sign_up(&backend, "anna", "USER");
    let access = text(&sign_in(&backend, "anna"), "accessToken");
    cable.cut();
    attempt(&backend, "anna", PASSWORD).is(503, json!({ "message": "Internal server error" }));
    backend.call("GET", "/users/auth", Some(&access), None).expect(200);
    cable.mend();
    crate::support::eventually("one can sign in again", || match attempt(&backend, "anna", PASSWORD) {
        answer if answer.status == 200 => Ok(()),
        answer => Err(answer.text),
    });
}

#[test]
fn weak_secrets_are_refused_in_production_and_told_of_elsewhere() {
    let weak = [("JWT_SECRET", "secret"), ("REFRESH_JWT_SECRET", "secret")];
    let backend = Backend::with(&[weak[0], weak[1], ("NODE_ENV", "development")]);
    let log = backend.log();
    assert!(log.contains("JWT_SECRET is a word that examples use"), "{log}");
    assert!(log.contains("REFRESH_JWT_SECRET is the same as JWT_SECRET"), "{log}");
    let backend = Backend::prepared(&[weak[0], weak[1], ("NODE_ENV", "production")]);
    let done = backend.command().output().expect("it runs");
    assert!(!done.status.success());
    let log = backend.log();
    assert!(log.contains("JWT_SECRET is a word that examples use"), "{log}");
}
