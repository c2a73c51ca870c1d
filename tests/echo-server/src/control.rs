//! `/faults/NAME`: tells about the connections of a name, and gives orders to those that are open. Called by `http`.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Path, RawQuery, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::{
    faults,
    query::{self, BadQuery, Query},
    server::Shared,
};

const KNOWN: [&str; 8] = ["close", "reason", "reset", "drop", "silent", "send", "refuse", "for"];
const PLACE: &str = "POST /faults/NAME";
const REFUSE_MAX_MS: u64 = 600_000;

/// What an order did.
#[derive(Debug, Serialize)]
struct Done {
    touched: usize,
}

/// `GET /faults/NAME`. A name that was never seen has a report, too: zeros.
pub(crate) async fn report(State(shared): State<Arc<Shared>>, Path(name): Path<String>) -> Response {
    match query::name(&name) {
        Ok(name) => Json(shared.names.report(name)).into_response(),
        Err(error) => error.into_response(),
    }
}

/// `POST /faults/NAME?…`.
pub(crate) async fn order(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    carry_out(&shared, &name, query.as_deref()).unwrap_or_else(|error| error.knowing(PLACE, &KNOWN).into_response())
}

fn carry_out(shared: &Shared, name: &str, query: Option<&str>) -> Result<Response, BadQuery> {
    let name = query::name(name)?;
    let query = Query::parse(query, &KNOWN, &[])?;
    query.needs("for", &["refuse"])?;
    query.needs("refuse", &["for"])?;
    let ending = faults::ending(&query)?;
    let send = query.text("send");
    let refuse = faults::status(&query)?.zip(query.number("for", 0..=REFUSE_MAX_MS)?);
    if send.is_some() && (ending.is_some() || refuse.is_some()) {
        return Err(BadQuery::new("`send` stands alone"));
    }
    if send.is_none() && ending.is_none() && refuse.is_none() {
        return Err(BadQuery::new("no order"));
    }

    // Refuse first: whoever is thrown out below must not slip in again.
    if let Some((status, duration)) = refuse {
        shared
            .names
            .remember(name)
            .refuse(status, Duration::from_millis(duration));
    }
    let Some(connections) = shared.names.find(name) else {
        return Ok((
            StatusCode::NOT_FOUND,
            format!("no connection was ever named `{name}`\n"),
        )
            .into_response());
    };
    let touched = match (&ending, send) {
        (Some(ending), _) => connections.end(ending),
        (None, Some(text)) => connections.push(text),
        (None, None) => 0,
    };
    tracing::info!(name, ?ending, ?refuse, touched, "order");
    Ok(Json(Done { touched }).into_response())
}
