//! The files: the npm package under `/pkg/`, the demo page under `/`. Part of the routes of `http`.

use std::path::Path;

use axum::{
    Router,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::any,
};
use tower_http::services::ServeDir;

use crate::Config;

pub(crate) fn router<S: Clone + Send + Sync + 'static>(config: &Config) -> Router<S> {
    let (pkg, www) = (config.pkg.clone(), config.www.clone());
    let no_pkg = any(async move || missing(&pkg, "the package is not built: run `cargo xtask build`"));
    let no_www = any(async move || missing(&www, "no demo page here: see --www"));
    Router::new()
        .nest_service("/pkg", ServeDir::new(&config.pkg).fallback(no_pkg))
        .fallback_service(ServeDir::new(&config.www).fallback(no_www))
}

/// Says whether it is the file that is missing, or the whole directory.
fn missing(dir: &Path, why: &str) -> Response {
    let text = if dir.is_dir() {
        "no such file\n".into()
    } else {
        format!("no directory {}: {why}\n", dir.display())
    };
    (StatusCode::NOT_FOUND, text).into_response()
}
