//! Swagger UI: a page to read an OpenAPI document and to try it.
//!
//! Serves the page's files, which are part of the binary. Never makes the document: a service says where its own lies.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use utoipa_swagger_ui::Config;

/// The page for one document.
#[derive(Clone)]
pub struct Documents(Arc<Config<'static>>);

impl fmt::Debug for Documents {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Documents").finish_non_exhaustive()
    }
}

impl Documents {
    /// For the OpenAPI document at that address, such as `/api-docs`.
    pub fn of(document: impl Into<String>) -> Self {
        Self(Arc::new(Config::from(document.into())))
    }

    /// A file of the page, by its name; the page itself has none.
    pub fn file(&self, name: &str) -> Response {
        match utoipa_swagger_ui::serve(name, self.0.clone()) {
            Ok(Some(file)) => {
                let mut headers = HeaderMap::new();
                let kind = HeaderValue::from_str(&file.content_type);
                headers
                    .insert(header::CONTENT_TYPE, kind.unwrap_or(HeaderValue::from_static("application/octet-stream")));
                if file.gzpipped {
                    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                }
                (headers, file.bytes.into_owned()).into_response()
            }
            Ok(None) => StatusCode::NOT_FOUND.into_response(),
            Err(error) => {
                tracing::error!(%error, file = name, "a page of the documents cannot be made");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }

    /// The routes of the page at `path`, such as `/docs`; without a slash at the end it moves to where it has one.
    pub fn router<S: Clone + Send + Sync + 'static>(self, path: &str) -> Router<S> {
        let index = format!("{path}/");
        let target = index.clone();
        let (page, files) = (self.clone(), self);
        Router::new()
            .route(path, get(async move || moved(&target)))
            .route(&index, get(async move || page.file("")))
            .route(&format!("{index}{{*file}}"), get(async move |Path(name): Path<String>| files.file(&name)))
    }
}

fn moved(target: &str) -> Response {
    let mut response = Redirect::permanent(target).into_response();
    *response.status_mut() = StatusCode::MOVED_PERMANENTLY;
    response
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;

    async fn asked(path: &str) -> Response {
        let router: Router = Documents::of("/api/v6/api-docs").router("/api/v6/docs");
        router.oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn the_page_asks_for_the_document_of_its_service() {
        let moved = asked("/api/v6/docs").await;
        assert_eq!(
            (moved.status().as_u16(), &moved.headers()[header::LOCATION]),
            (301, &"/api/v6/docs/".parse().unwrap())
        );
        let page = asked("/api/v6/docs/").await;
        assert_eq!(page.status(), 200);
        assert!(page.headers()[header::CONTENT_TYPE].to_str().unwrap().starts_with("text/html"));
        let script = asked("/api/v6/docs/swagger-initializer.js").await;
        let script = script.into_body().collect().await.unwrap().to_bytes();
        assert!(String::from_utf8_lossy(&script).contains("/api/v6/api-docs"), "{script:?}");
        assert_eq!(asked("/api/v6/docs/none.js").await.status(), 404);
    }
}
