//! Every route of the tasks in one table: method, path, handler.
//!
//! `POST /tasks/test` has no line of its own, because `test` is an id for every other method: see [`execution::test`].

use axum::Router;
use axum::routing::{MethodRouter, delete, get, post, put};

use super::app::App;
use super::{execution, tasks};

/// One line of the table.
pub struct Route {
    pub method: &'static str,
    pub path: &'static str,
    handler: MethodRouter<App>,
}

impl std::fmt::Debug for Route {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} {}", self.method, self.path)
    }
}

/// The API.
pub fn table() -> Vec<Route> {
    let line = |method, path, handler| Route { method, path, handler };
    vec![
        line("GET", "/api/v1/tasks", get(tasks::list)),
        line("POST", "/api/v1/tasks", post(tasks::create)),
        line("POST", "/api/v1/tasks/{id}", post(execution::test)),
        line("GET", "/api/v1/tasks/{id}", get(tasks::get)),
        line("PUT", "/api/v1/tasks/{id}", put(tasks::replace)),
        line("DELETE", "/api/v1/tasks/{id}", delete(tasks::delete)),
        line("GET", "/api/v1/tasks/{id}/status", get(tasks::status)),
        line("POST", "/api/v1/tasks/{id}/status/{action}", post(tasks::act)),
        line("GET", "/api/v1/tasks/{id}/badge", get(tasks::badge)),
        line("POST", "/api/v1/tasks/{id}/run", post(execution::run)),
    ]
}

pub fn router() -> Router<App> {
    table().into_iter().fold(Router::new(), |router, line| router.route(line.path, line.handler))
}
