//! Who may pass: both checks, their order of places, and the renewal on the way.

use serde_json::{Value, json};

use super::harness::{Answer, Backend, PREFIX, REFRESH_SECRET, now, token};
use super::users::sign_up;

fn refresh_token(claims: &Value) -> String {
    let key = jsonwebtoken::EncodingKey::from_secret(REFRESH_SECRET.as_bytes());
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), claims, &key).expect("a token")
}

fn expired() -> String {
    token(json!({ "user_id": 1, "username": "tester", "authority": "USER", "exp": now() - 1 }))
}

/// GET with these headers.
#[track_caller]
fn get(backend: &Backend, path: &str, headers: &[(&str, &str)]) -> Answer {
    let request = backend.request("GET", &format!("{PREFIX}{path}"));
    backend.send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)))
}

fn message(text: &str) -> Value {
    json!({ "message": text })
}

#[test]
fn of_several_tokens_one_counts() {
    let backend = Backend::start();
    let (user, admin) = (backend.token("USER"), backend.token("ADMIN"));
    let (user_cookie, admin_cookie) = (format!("accessToken={user}"), format!("accessToken={admin}"));
    let (bearer, admin_bearer) = (format!("Bearer {}", backend.token("DEVELOPER")), format!("Bearer {admin}"));
    // Signed in: cookie, header, bearer.
    let role = |headers: &[(&str, &str)]| get(&backend, "/users/auth", headers).expect(200).json()["authority"].clone();
    assert_eq!(role(&[("cookie", &user_cookie), ("x-access-token", &admin), ("authorization", &bearer)]), "USER");
    assert_eq!(role(&[("x-access-token", &admin), ("authorization", &bearer)]), "ADMIN");
    assert_eq!(role(&[("authorization", &bearer)]), "DEVELOPER");
    assert_eq!(role(&[("x-access-token", ""), ("cookie", "accessToken="), ("authorization", &bearer)]), "DEVELOPER");
    // Administrators: header, cookie, bearer.
    let status = |headers: &[(&str, &str)]| get(&backend, "/users", headers).status;
    assert_eq!(status(&[("x-access-token", &admin), ("cookie", &user_cookie)]), 200);
    assert_eq!(status(&[("x-access-token", &user), ("cookie", &admin_cookie)]), 403);
    assert_eq!(status(&[("cookie", &admin_cookie), ("authorization", &bearer)]), 200);
    assert_eq!(status(&[("authorization", &admin_bearer)]), 200);
    // An empty header does not block the cookie.
    assert_eq!(status(&[("x-access-token", ""), ("cookie", &admin_cookie)]), 200);
}

#[test]
fn whoever_is_not_signed_in_is_told_so() {
    let backend = Backend::start();
    let expired = expired();
    let other = {
        let key = jsonwebtoken::EncodingKey::from_secret(b"another secret that is long enough to be one");
        let claims = json!({ "user_id": 1, "authority": "ADMIN", "exp": now() + 60 });
        jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).expect("a token")
    };
    let early = token(json!({ "authority": "ADMIN", "nbf": now() + 60 }));
    let auth = |headers: &[(&str, &str)]| get(&backend, "/users/auth", headers);
    let admin = |headers: &[(&str, &str)]| get(&backend, "/users", headers);
    auth(&[]).is(401, message("No token provided"));
    auth(&[("x-access-token", "")]).is(401, message("No token provided"));
    admin(&[]).is(401, message("No token provided"));
    for bad in ["nonsense", &other, &early] {
        auth(&[("x-access-token", bad)]).is(401, message("Unauthorized"));
        admin(&[("x-access-token", bad)]).is(401, message("Unauthorized: Invalid token"));
    }
    auth(&[("x-access-token", &expired)]).is(401, message("Refresh token not provided"));
    // No renewal for the second check.
    let refresh = refresh_token(&json!({ "user_id": 1, "authority": "ADMIN", "exp": now() + 60 }));
    let headers = [("x-access-token", expired.as_str()), ("x-refresh-token", refresh.as_str())];
    admin(&headers).is(401, message("Unauthorized: Invalid token"));
    for authority in [json!("ROOT"), json!("user"), json!(null), json!(7)] {
        let token = token(json!({ "user_id": 1, "authority": authority, "exp": now() + 60 }));
        auth(&[("x-access-token", &token)]).is(403, message("Forbidden"));
        admin(&[("x-access-token", &token)]).is(403, message("Forbidden"));
    }
    let developer = backend.token("DEVELOPER");
    admin(&[("x-access-token", &developer)]).is(403, message("Forbidden"));
}

#[test]
fn a_token_that_is_only_too_old_is_renewed_on_the_way() {
    let backend = Backend::start();
    let id = sign_up(&backend, "anna", "DEVELOPER");
    let good = refresh_token(&json!({ "user_id": id, "username": "anna", "authority": "USER", "exp": now() + 60 }));
    let cookies = format!("accessToken={}; refreshToken={good}", expired());
    let answer = get(&backend, "/users/auth", &[("cookie", &cookies)]).expect(200);
    // As the database has it now.
    assert_eq!(answer.json(), json!({ "authority": "DEVELOPER" }));
    let set = answer.cookies();
    assert_eq!(set.len(), 1, "{set:?}");
    let (renewed, attributes) = set[0].strip_prefix("accessToken=").unwrap().split_once(';').unwrap();
    assert!(attributes.starts_with(" HttpOnly; SameSite=Lax; Path=/; Max-Age=3600; Expires="), "{attributes}");
    get(&backend, "/users/auth", &[("x-access-token", renewed)]).is(200, json!({ "authority": "DEVELOPER" }));
    let me = get(&backend, "/users/whoami", &[("cookie", &cookies)]).expect(200).json();
    assert_eq!(me["id"], id, "the renewed claims are the caller's");
    // From the header just as well.
    let headers = [("x-access-token", expired()), ("x-refresh-token", good)];
    get(&backend, "/users/auth", &headers.each_ref().map(|(name, value)| (*name, value.as_str()))).expect(200);
}

#[test]
fn what_is_wrong_with_a_refresh_token_is_told() {
    let backend = Backend::start();
    let id = sign_up(&backend, "anna", "USER");
    let with = |refresh: &str| {
        let cookies = format!("accessToken={}; refreshToken={refresh}", expired());
        get(&backend, "/users/auth", &[("cookie", &cookies)])
    };
    let of = |user_id: i32, exp: u64| refresh_token(&json!({ "user_id": user_id, "authority": "USER", "exp": exp }));
    with("nonsense").is(401, message("Invalid refresh token"));
    with(&of(id, now() - 1)).is(401, message("Invalid refresh token"));
    with(&backend.token("USER")).is(401, message("Invalid refresh token"));
    with(&of(id + 1, now() + 60)).is(401, message("Invalid user in refresh token"));
    backend.sql(r#"UPDATE "Users" SET password = ''"#);
    with(&of(id, now() + 60)).is(400, message("User credentials missing"));
}

#[test]
fn a_revoked_session_is_not_renewed() {
    let backend = Backend::start();
    sign_up(&backend, "anna", "USER");
    let signed_in = super::sign_in::sign_in(&backend, "anna").json();
    let refresh = signed_in["refreshToken"].as_str().unwrap();
    let cookies = format!("accessToken={}; refreshToken={refresh}", expired());
    get(&backend, "/users/auth", &[("cookie", &cookies)]).expect(200);
    get(&backend, "/users/signOut", &[("cookie", &format!("refreshToken={refresh}"))]).expect(204);
    get(&backend, "/users/auth", &[("cookie", &cookies)]).is(401, message("Invalid refresh token"));
}

#[test]
fn behind_both_checks_the_first_speaks_first_and_a_renewed_token_passes_the_second() {
    let backend = Backend::start();
    // An address that nothing has ends behind both.
    let path = "/users/no/such/thing";
    get(&backend, path, &[]).is(401, message("No token provided"));
    get(&backend, path, &[("x-access-token", "nonsense")]).is(401, message("Unauthorized"));
    get(&backend, path, &[("x-access-token", &backend.token("USER"))]).is(403, message("Forbidden"));
    get(&backend, path, &[("x-access-token", &backend.token("ADMIN"))]).expect(404);
    // The second check goes by the header.
    let cookie = format!("accessToken={}", backend.token("ADMIN"));
    get(&backend, path, &[("cookie", &cookie), ("x-access-token", &backend.token("USER"))]).expect(403);
    for (name, role, status) in [("anna", "ADMIN", 404), ("berta", "USER", 403)] {
        let id = sign_up(&backend, name, role);
        let refresh = refresh_token(&json!({ "user_id": id, "authority": role, "exp": now() + 60 }));
        let cookies = format!("accessToken={}; refreshToken={refresh}", expired());
        get(&backend, path, &[("cookie", &cookies)]).expect(status);
    }
}
