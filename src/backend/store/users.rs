//! Table `"Users"`.

use sqlx::postgres::PgRow;
use sqlx::{PgExecutor, Row};

use super::rows::instant;
use super::{JsonRows, RawJson, Store, StoreError};
use crate::backend::auth::role::Role;
use crate::backend::users::{Email, Username};

/// What signing in needs of a user. Never shown: the API sees rows without their secrets.
pub struct User {
    pub id: i32,
    pub username: String,
    pub email: String,
    pub role: Role,
    /// bcrypt.
    pub password: String,
    pub has_second_factor: bool,
    /// Encrypted; there before it is enabled.
    pub second_factor: Option<String>,
}

impl std::fmt::Debug for User {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "User({})", self.id)
    }
}

#[derive(Debug)]
pub struct NewUser {
    pub username: Username,
    pub email: Email,
    pub role: Role,
}

/// Which of the two names is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    Email,
    Username,
}

macro_rules! full {
    () => {
        r#"SELECT id, username, email, authority::text, password, twofa_enabled, twofa_secret FROM "Users" WHERE "#
    };
}

macro_rules! shown {
    ($columns:literal) => {
        concat!(
            "SELECT row_to_json(r)::text FROM (SELECT ",
            $columns,
            ", ",
            instant!(r#""createdAt""#),
            r#" AS "createdAt", "#,
            instant!(r#""updatedAt""#),
            r#" AS "updatedAt" FROM "Users""#
        )
    };
}

fn read(row: &PgRow) -> Result<User, StoreError> {
    let role: &str = row.try_get("authority")?;
    Ok(User {
        id: row.try_get("id")?,
        username: row.try_get("username")?,
        email: row.try_get("email")?,
        role: role.parse().map_err(|error| StoreError::Failed(sqlx::Error::Decode(Box::new(error))))?,
        password: row.try_get("password")?,
        has_second_factor: row.try_get("twofa_enabled")?,
        second_factor: row.try_get::<Option<String>, _>("twofa_secret")?.filter(|secret| !secret.is_empty()),
    })
}

/// `false`: the name or the address is somebody's.
pub(super) async fn insert_user(executor: impl PgExecutor<'_>, new: &NewUser, hash: &str) -> Result<bool, StoreError> {
    const SQL: &str = r#"INSERT INTO "Users" (username, email, authority, password, "createdAt", "updatedAt")
        VALUES ($1, $2, $3::"enum_Users_authority", $4, now(), now()) ON CONFLICT DO NOTHING"#;
    let done = sqlx::query(SQL)
        .bind(new.username.as_str())
        .bind(new.email.as_str())
        .bind(new.role.as_str())
        .bind(hash)
        .execute(executor)
        .await?;
    Ok(done.rows_affected() > 0)
}

impl Store {
    /// Without anything secret.
    pub async fn users(&self) -> Result<JsonRows, StoreError> {
        const SQL: &str = concat!(shown!("id, username, authority, email"), " ORDER BY id) r");
        JsonRows::read(&self.pool, sqlx::query(SQL)).await
    }

    /// One user as it sees itself.
    pub async fn shown_user(&self, id: i32) -> Result<Option<RawJson>, StoreError> {
        const SQL: &str = concat!(shown!("id, username, email, authority"), " WHERE id = $1) r");
        RawJson::find(&self.pool, sqlx::query(SQL).bind(id)).await
    }

    pub async fn user(&self, id: i32) -> Result<Option<User>, StoreError> {
        const SQL: &str = concat!(full!(), "id = $1");
        let row = sqlx::query(SQL).bind(id).fetch_optional(&self.pool).await?;
        row.as_ref().map(read).transpose()
    }

    /// By the exact name.
    pub async fn user_named(&self, username: &str) -> Result<Option<User>, StoreError> {
        const SQL: &str = concat!(full!(), "username = $1");
        let row = sqlx::query(SQL).bind(username).fetch_optional(&self.pool).await?;
        row.as_ref().map(read).transpose()
    }

    /// By the id and the refresh token that was stored last.
    pub async fn user_with_token(&self, id: i32, refresh_token: &str) -> Result<Option<User>, StoreError> {
        const SQL: &str = concat!(full!(), "id = $1 AND refresh_token = $2");
        let row = sqlx::query(SQL).bind(id).bind(refresh_token).fetch_optional(&self.pool).await?;
        row.as_ref().map(read).transpose()
    }

    /// Whether a new user could not have its names. The address is looked at first.
    pub async fn taken(&self, new: &NewUser) -> Result<Option<Taken>, StoreError> {
        const SQL: &str = r#"SELECT EXISTS (SELECT FROM "Users" WHERE email = $1),
            EXISTS (SELECT FROM "Users" WHERE username = $2)"#;
        let row = sqlx::query(SQL).bind(new.email.as_str()).bind(new.username.as_str()).fetch_one(&self.pool).await?;
        let (email, username): (bool, bool) = (row.try_get(0)?, row.try_get(1)?);
        Ok(if email { Some(Taken::Email) } else { username.then_some(Taken::Username) })
    }

    /// `false`: a name was taken meanwhile.
    pub async fn insert_user(&self, new: &NewUser, hash: &str) -> Result<bool, StoreError> {
        insert_user(&self.pool, new, hash).await
    }

    /// The one refresh token of a user; the one before is forgotten. `false`: there is no such user any more.
    pub async fn keep_refresh_token(&self, id: i32, token: &str) -> Result<bool, StoreError> {
        const SQL: &str = r#"UPDATE "Users" SET refresh_token = $2, "updatedAt" = now() WHERE id = $1"#;
        let done = sqlx::query(SQL).bind(id).bind(token).execute(&self.pool).await?;
        Ok(done.rows_affected() > 0)
    }

    /// Forgets a refresh token, and tells whether somebody had it.
    pub async fn forget_refresh_token(&self, token: &str) -> Result<bool, StoreError> {
        const SQL: &str = r#"UPDATE "Users" SET refresh_token = '', "updatedAt" = now()
            WHERE refresh_token = $1 AND refresh_token <> ''"#;
        let done = sqlx::query(SQL).bind(token).execute(&self.pool).await?;
        Ok(done.rows_affected() > 0)
    }

    pub async fn delete_user(&self, id: i32) -> Result<bool, StoreError> {
        let done = sqlx::query(r#"DELETE FROM "Users" WHERE id = $1"#).bind(id).execute(&self.pool).await?;
        Ok(done.rows_affected() > 0)
    }

    /// A second factor that is not asked for yet. `false`: one is enabled, or there is no such user.
    pub async fn prepare_second_factor(&self, id: i32, encrypted: &str) -> Result<bool, StoreError> {
        const SQL: &str = r#"UPDATE "Users" SET twofa_secret = $2, "updatedAt" = now()
            WHERE id = $1 AND NOT twofa_enabled"#;
        let done = sqlx::query(SQL).bind(id).bind(encrypted).execute(&self.pool).await?;
        Ok(done.rows_affected() > 0)
    }

    /// From now on it is asked for. `false`: it is not the one that was prepared last.
    pub async fn enable_second_factor(&self, id: i32, encrypted: &str) -> Result<bool, StoreError> {
        const SQL: &str = r#"UPDATE "Users" SET twofa_enabled = true, "updatedAt" = now()
            WHERE id = $1 AND twofa_secret = $2"#;
        let done = sqlx::query(SQL).bind(id).bind(encrypted).execute(&self.pool).await?;
        Ok(done.rows_affected() > 0)
    }

    pub async fn remove_second_factor(&self, id: i32) -> Result<(), StoreError> {
        const SQL: &str = r#"UPDATE "Users" SET twofa_enabled = false, twofa_secret = NULL, "updatedAt" = now()
            WHERE id = $1"#;
        sqlx::query(SQL).bind(id).execute(&self.pool).await?;
        Ok(())
    }
}
