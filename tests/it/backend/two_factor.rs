//! `/users/2fa`: set up, confirmed, asked for at sign-in, removed.

use base64::Engine;
use reeve::backend::auth::cipher::Cipher;
use serde_json::{Value, json};

use super::harness::{Answer, Backend, ENCRYPTION_KEY, now};
use super::users::{PASSWORD, sign_up, token_of};

struct Anna {
    backend: Backend,
    token: String,
}

impl Anna {
    fn with(settings: &[(&str, &str)]) -> Self {
        let backend = Backend::with(settings);
        let id = sign_up(&backend, "anna", "USER");
        let token = token_of(id, "anna", "USER");
        Self { backend, token }
    }

    fn new() -> Self {
        Self::with(&[])
    }

    #[track_caller]
    fn post(&self, path: &str, body: Value) -> Answer {
        self.backend.call("POST", path, Some(&self.token), Some(body))
    }

    #[track_caller]
    fn is_enabled(&self) -> bool {
        let status = self.backend.call("GET", "/users/2fa/status", Some(&self.token), None).expect(200).json();
        status["twofa_enabled"].as_bool().expect("a flag")
    }

    fn sign_in(&self, code: Value) -> Answer {
        let body = json!({ "username": "anna", "password": PASSWORD, "totpToken": code });
        self.backend.call("POST", "/users/signIn", None, Some(body))
    }

    /// What an authenticator shows: now, or so many steps from now.
    fn code(&self, steps: i64) -> String {
        let stored = self.backend.rows(r#"SELECT twofa_secret FROM "Users""#);
        let secret = Cipher::new(ENCRYPTION_KEY).expect("a key").decrypt(&stored[0]).expect("a secret");
        let secret = totp_rs::Secret::try_from_base32(secret.as_str()).expect("base32");
        let totp = totp_rs::Builder::new()
            .with_algorithm(totp_rs::Algorithm::SHA1)
            .with_secret(secret)
            .with_account_name("anna")
            .build();
        totp.expect("a factor").generate((now() as i64 + 30 * steps) as u64).to_string()
    }

    /// Set up and verified, with the code that comes back.
    #[track_caller]
    fn enable(&self) -> String {
        self.post("/users/2fa/setup", json!({})).expect(200);
        let told = json!({ "message": "2FA enabled successfully" });
        let code = self.code(0);
        self.post("/users/2fa/verify", json!({ "totpToken": code })).is(200, told);
        code
    }

    /// As if no code had been used.
    fn forget_used_codes(&self) {
        let mut cache = self.backend.cache();
        let keys: Vec<String> = redis::Commands::keys(&mut cache, "auth:totp:*").expect("KEYS");
        for key in keys {
            let () = redis::Commands::del(&mut cache, key).expect("DEL");
        }
    }
}

/// Neither of any step around now.
fn wrong(good: &str) -> String {
    let other = if good.starts_with('0') { '1' } else { '0' };
    format!("{other}{}", &good[1..])
}

#[test]
fn a_second_factor_is_set_up_confirmed_asked_for_and_removed() {
    let anna = Anna::new();
    assert!(!anna.is_enabled());
    let setup = anna.post("/users/2fa/setup", json!({})).expect(200).json();
    let picture = setup["qrCode"].as_str().unwrap().strip_prefix("data:image/png;base64,").expect("a picture");
    assert!(base64::prelude::BASE64_STANDARD.decode(picture).unwrap().starts_with(b"\x89PNG\r\n\x1a\n"));
    assert_eq!(setup.as_object().unwrap().len(), 1);
    let stored = anna.backend.rows(r#"SELECT twofa_secret FROM "Users""#);
    assert_eq!(stored[0].split(':').map(str::len).collect::<Vec<_>>(), [32, 64, 32], "encrypted");
    // Not before it is confirmed.
    assert!(!anna.is_enabled());
    anna.sign_in(json!(null)).expect(200);
    let told = json!({ "message": "Invalid 2FA token" });
    anna.post("/users/2fa/verify", json!({ "totpToken": wrong(&anna.code(0)) })).is(401, told);
    assert!(!anna.is_enabled());
    let told = json!({ "message": "2FA enabled successfully" });
    anna.post("/users/2fa/verify", json!({ "totpToken": anna.code(0) })).is(200, told);
    assert!(anna.is_enabled());

    let asked = json!({
        "requires2FA": true,
        "message": "Two-factor authentication required. Please provide your TOTP.",
    });
    for absent in [json!(null), json!("")] {
        let answer = anna.sign_in(absent);
        assert!(answer.cookies().is_empty());
        answer.is(401, asked.clone());
    }
    let wrong_code = json!({ "requires2FA": true, "message": "Invalid 2FA token. Please try again." });
    for bad in [wrong(&anna.code(1)), "abc".to_owned(), "1234567".to_owned()] {
        anna.sign_in(json!(bad)).is(401, wrong_code.clone());
    }
    anna.sign_in(json!(123_456)).expect(400);
    // The password goes first.
    let body = json!({ "username": "anna", "password": "wrong", "totpToken": anna.code(1) });
    anna.backend.call("POST", "/users/signIn", None, Some(body)).is(401, json!({ "message": "Invalid password" }));
    assert_eq!(anna.sign_in(json!(anna.code(1))).expect(200).json()["username"], "anna");

    anna.forget_used_codes();
    let disable = |password: Value, code: Value| {
        anna.post("/users/2fa/disable", json!({ "password": password, "totpToken": code }))
    };
    let both = json!({ "message": "Password and 2FA totpToken are required" });
    disable(json!(null), json!(anna.code(0))).is(400, both.clone());
    disable(json!(PASSWORD), json!("")).is(400, both);
    disable(json!("wrong"), json!(anna.code(0))).is(401, json!({ "message": "Invalid password" }));
    disable(json!(PASSWORD), json!(wrong(&anna.code(0)))).is(401, json!({ "message": "Invalid 2FA totpToken" }));
    let told = json!({ "message": "2FA has been disabled successfully" });
    disable(json!(PASSWORD), json!(anna.code(0))).is(200, told);
    assert!(!anna.is_enabled());
    let told = json!({ "message": "2FA is not enabled for this user" });
    disable(json!(PASSWORD), json!("123456")).is(400, told);
    anna.sign_in(json!(null)).expect(200);
    assert_eq!(anna.backend.rows(r#"SELECT twofa_secret FROM "Users""#), [""]);
}

#[test]
fn a_code_is_good_once() {
    let anna = Anna::new();
    // The one that enabled it is used up.
    let used = anna.enable();
    anna.sign_in(json!(used)).expect(401);
    let next = anna.code(1);
    anna.sign_in(json!(next)).expect(200);
    anna.sign_in(json!(next)).expect(401);
    // At the same time too.
    anna.forget_used_codes();
    let body = json!({ "username": "anna", "password": PASSWORD, "totpToken": next });
    let calls =
        (0..5).map(|_| super::harness::answer(anna.backend.request("POST", "/api/v1/users/signIn").json(&body)));
    let answers = anna.backend.block_on(futures_util::future::join_all(calls));
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1, "{answers:?}");
}

#[test]
fn codes_cannot_be_guessed_by_trying() {
    let anna = Anna::with(&[("RATE_LIMIT_SIGN_IN", "0")]);
    anna.enable();
    let bad = wrong(&anna.code(0));
    for _ in 0..10 {
        anna.sign_in(json!(bad)).expect(401);
    }
    let refused = anna.sign_in(json!(anna.code(1))).expect(429);
    assert!(refused.headers.contains_key("retry-after"));
    // From wherever, and to whatever end.
    anna.post("/users/2fa/verify", json!({ "totpToken": bad })).expect(429);
    let body = json!({ "password": PASSWORD, "totpToken": bad });
    anna.post("/users/2fa/disable", body).expect(429);
    assert!(anna.is_enabled());
}

#[test]
fn what_cannot_be_is_refused() {
    let anna = Anna::new();
    anna.post("/users/2fa/verify", json!({ "totpToken": "123456" })).is(400, json!({ "message": "2FA not set up" }));
    for body in [json!({}), json!({ "totpToken": null }), json!({ "totpToken": 123_456 }), json!([])] {
        anna.post("/users/2fa/verify", body).expect(400);
    }
    anna.enable();
    // Whoever stole a token could put a factor of theirs in its place.
    anna.post("/users/2fa/setup", json!({})).is(400, json!({ "message": "2FA is already enabled" }));
    let nobody = token_of(999, "nobody", "USER");
    let not_found = json!({ "message": "User not found" });
    anna.backend.call("GET", "/users/2fa/status", Some(&nobody), None).is(404, not_found.clone());
    let body = json!({ "password": PASSWORD, "totpToken": "123456" });
    for path in ["setup", "verify", "disable"] {
        let path = format!("/users/2fa/{path}");
        anna.backend.call("POST", &path, Some(&nobody), Some(body.clone())).is(404, not_found.clone());
        anna.backend.call("POST", &path, None, Some(body.clone())).is(401, json!({ "message": "No token provided" }));
    }
    anna.backend.call("GET", "/users/2fa/status", None, None).expect(401);
}

#[test]
fn a_factor_that_was_encrypted_with_another_key_is_our_failure() {
    let anna = Anna::new();
    anna.enable();
    anna.backend.sql(r#"UPDATE "Users" SET twofa_secret = reverse(twofa_secret)"#);
    anna.sign_in(json!("123456")).is(500, json!({ "message": "Internal server error" }));
    assert!(anna.is_enabled());
}
