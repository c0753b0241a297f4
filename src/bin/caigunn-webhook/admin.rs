//! Asks a running receiver over its admin address.

use std::io;
use std::time::Duration;

use anyhow::{anyhow, bail};
use caigunn_webhook::config::Settings;
use caigunn_webhook::http::reachable;
use caigunn_webhook::outgoing;
use reqwest::{Client, Method, Response};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::time::sleep;
use url::Url;
use url::form_urlencoded::Serializer;

use crate::{output, web};

/// How long the receiver may take for an answer: it may have to ask CaiGunn first.
const TIMEOUT: Duration = Duration::from_secs(120);

/// How long it may say nothing until it is asked whether it lives, and how long it may take to say that it does.
const SILENCE: Duration = Duration::from_secs(5);

/// How many items are asked for at once, at most.
const PAGE_LIMIT: usize = 500;

/// How many items are listed unless asked otherwise.
const DEFAULT_LIMIT: usize = 50;

const SAY_WHERE: &str = "say where it listens with --admin or CAIGUNN_ADMIN_LISTEN";

/// What a receiver answers where it has no such path, whatever was asked for there.
const NOTHING_THERE: &str = "there is nothing at this path";

/// The port that is meant where a receiver elsewhere is named without one.
const DEFAULT_PORT: u16 = 9090;

/// Takes the admin address of a receiver: a host, a host and port, or a URL.
pub fn admin_url(text: &str) -> Result<Url, String> {
    let mut url = web::url(text).map_err(|mistake| match mistake.starts_with(web::EXPECTED) {
        true => format!("expected a host, with a port unless it is {DEFAULT_PORT}, or a URL, as in localhost:9090 or https://example.com/admin"),
        false => mistake,
    })?;
    let has_user = !url.username().is_empty() || url.password().is_some();
    if has_user || url.query().is_some() || url.fragment().is_some() {
        return Err(
            "give it without a user, a query and a fragment: the token is that of CAIGUNN_ADMIN_TOKEN".into(),
        );
    }
    if web::with_scheme(text).is_none() && url.port().is_none() {
        let _ = url.set_port(Some(DEFAULT_PORT));
    }
    Ok(url)
}

/// The admin API of a receiver.
pub struct AdminApi {
    client: Client,
    /// Its URL, without a slash at its end.
    base: String,
    /// What to call it.
    place: String,
    /// Where `--admin` says that it listens.
    named: Option<Url>,
    token: Option<SecretString>,
    read_only_token: Option<SecretString>,
}

/// An answer that is not what was asked for.
#[derive(Debug, thiserror::Error)]
#[error("the receiver at {place} {said}")]
pub struct Refused {
    place: String,
    said: String,
    pub status: u16,
    pub detail: String,
}

/// What an answer says; of what concerns the token, what to do.
fn said(status: u16, has_token: bool, detail: &str) -> String {
    const SET: &str = "set CAIGUNN_ADMIN_TOKEN, or CAIGUNN_ADMIN_TOKEN_FILE, as it is set there";
    match (status, has_token) {
        (401, false) => format!("demands its admin token: {SET}"),
        (401, true) => format!("was started with another admin token: {SET}"),
        (403, false) => {
            "has no admin token, so it serves its own machine only: set CAIGUNN_ADMIN_TOKEN there and here"
                .into()
        }
        (404, _) if detail == NOTHING_THERE => {
            format!("has no such path, as on its public side, or it is an older version: {SAY_WHERE}")
        }
        (status, _) => format!("answers {status}: {detail}"),
    }
}

impl AdminApi {
    pub fn new(settings: &Settings) -> anyhow::Result<Self> {
        let (http, address) = (&settings.http, reachable(settings.admin_listen).to_string());
        let (base, place) = match &settings.admin_url {
            Some(url) => (url.clone(), url.as_str().trim_end_matches('/').to_owned()),
            None => (format!("http://{address}").parse()?, address),
        };
        Ok(Self {
            client: web::client(&base, settings.admin_url.is_none(), TIMEOUT)?,
            base: base.as_str().trim_end_matches('/').to_owned(),
            place,
            named: settings.admin_url.clone(),
            token: http.admin_token.clone(),
            read_only_token: http.read_only_token.clone(),
        })
    }

    /// Where it listens, if it runs.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Asks for a path below `/api/v1`; `None` if no receiver listens there, unless `--admin` says that one does.
    pub async fn get(&self, path: &str) -> anyhow::Result<Option<Value>> {
        self.ask(Method::GET, path, None).await
    }

    /// As [`AdminApi::get`], of what only a running receiver can tell.
    pub async fn get_from_running(&self, path: &str) -> anyhow::Result<Value> {
        self.get(path).await?.ok_or_else(|| self.none_runs())
    }

    /// Posts to a path below `/api/v1`, of what only a running receiver can do.
    pub async fn post_to_running(&self, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let answer = self.ask(Method::POST, path, body).await?;
        answer.ok_or_else(|| self.none_runs())
    }

    /// Posts for each of several things, one after the other: what `row` shows of each, from its answer or from what is wrong with
    /// it, and what broke that off before the last, if anything did.
    ///
    /// # Errors
    /// What broke it off before anything was done.
    pub async fn post_each<T>(
        &self,
        things: &[T],
        path: impl Fn(&T) -> String,
        row: impl Fn(&T, Result<Value, String>) -> Value,
    ) -> anyhow::Result<(Vec<Value>, anyhow::Result<()>)> {
        let mut rows = Vec::new();
        for thing in things {
            let answer = match self.post_to_running(&path(thing), None).await {
                Ok(answer) => Ok(answer),
                // What concerns one of them is no reason to leave the others.
                Err(error) => match error.downcast_ref::<Refused>() {
                    Some(refused)
                        if [404, 409].contains(&refused.status) && refused.detail != NOTHING_THERE =>
                    {
                        Err(refused.detail.clone())
                    }
                    _ if rows.is_empty() => return Err(error),
                    _ => return Ok((rows, Err(error))),
                },
            };
            rows.push(row(thing, answer));
        }
        Ok((rows, Ok(())))
    }

    fn none_runs(&self) -> anyhow::Error {
        let place = &self.place;
        anyhow!(
            "no receiver runs at the admin address {place}: start it with `caigunn-webhook serve`, or {SAY_WHERE}"
        )
    }

    /// Names the proxy on the way there, if there is one.
    fn through(&self) -> String {
        self.named.as_ref().map_or_else(String::new, outgoing::through)
    }

    /// Waits until it does not even say that it lives, which takes milliseconds whatever else takes its time.
    async fn fallen_silent(&self) {
        let url = format!("{}/healthz", self.base);
        loop {
            sleep(SILENCE).await;
            if self.client.get(&url).timeout(SILENCE).send().await.is_err() {
                return;
            }
        }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Option<Value>> {
        let (base, place, through) = (&self.base, &self.place, self.through());
        // It is no help in a change, which a receiver without an admin token lets who is on its machine do by none.
        let reading = self.read_only_token.as_ref().filter(|_| method == Method::GET);
        let mut request = self.client.request(method, format!("{base}/api/v1{path}"));
        if let Some(token) = self.token.as_ref().or(reading) {
            request = request.bearer_auth(token.expose_secret());
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = tokio::select! {
            answer = request.send() => answer,
            () = self.fallen_silent() => bail!(
                "what listens at {place}{through} did not answer within {} s: see whether that receiver hangs, or {SAY_WHERE}",
                2 * SILENCE.as_secs()
            ),
        };
        let response = match answer {
            Ok(response) => response,
            Err(error) if error.is_connect() => return self.unreached(&error.into()),
            Err(error) if error.is_timeout() => return Err(self.late()),
            Err(error) => bail!(
                "what listens at {place}{through} does not answer as a receiver does ({}): {SAY_WHERE}",
                outgoing::innermost(&error)
            ),
        };
        self.read(response).await.map(Some)
    }

    fn late(&self) -> anyhow::Error {
        let (place, seconds) = (&self.place, TIMEOUT.as_secs());
        anyhow!("the receiver at {place} did not answer within {seconds} s")
    }

    /// What an answer has in it, if that is what was asked for.
    async fn read(&self, response: Response) -> anyhow::Result<Value> {
        let (place, through, status) = (&self.place, self.through(), response.status());
        let bytes = match response.bytes().await {
            Ok(bytes) => bytes,
            Err(error) if error.is_timeout() => return Err(self.late()),
            Err(error) => bail!(
                "the answer of what listens at {place}{through} broke off ({}): see whether that still runs, and ask again",
                outgoing::innermost(&error)
            ),
        };
        let answer: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        match answer["detail"].as_str() {
            _ if status.is_success() && answer.is_object() => Ok(answer),
            Some(detail) => Err(Refused {
                place: place.clone(),
                said: said(status.as_u16(), self.token.is_some(), detail),
                status: status.as_u16(),
                detail: detail.to_owned(),
            }
            .into()),
            None if [502, 503, 504].contains(&status.as_u16()) => bail!(
                "what answers at {place}{through}, with {}, is a proxy, and the receiver behind it does not answer: see whether that runs",
                status.as_u16()
            ),
            None => bail!(
                "what answers at {place}{through}, with {}, is no admin side of a receiver: {SAY_WHERE}",
                status.as_u16()
            ),
        }
    }

    /// Nothing, where nothing listens and nothing has to; else why nothing could be asked. A proxy that refuses says nothing of what is behind.
    fn unreached(&self, error: &anyhow::Error) -> anyhow::Result<Option<Value>> {
        let (place, through, cause) = (&self.place, self.through(), error.root_cause());
        match cause.downcast_ref::<io::Error>() {
            Some(error) if through.is_empty() && error.kind() == io::ErrorKind::ConnectionRefused => {
                self.named.as_ref().map_or(Ok(None), |_| Err(self.none_runs()))
            }
            Some(error) if outgoing::is_no_tls(error) => {
                bail!("what listens at {place} answers plain http: use http:// if you mean it")
            }
            _ => bail!(
                "the receiver at {place} cannot be reached: {cause}{through}; {SAY_WHERE}, or, if it is its certificate that \
                 is not known here, name the authority's with SSL_CERT_FILE"
            ),
        }
    }
}

/// A path with a query of the values that are there.
pub fn path_with<'a>(path: &str, query: impl IntoIterator<Item = (&'a str, Option<String>)>) -> String {
    let given = query.into_iter().filter_map(|(name, value)| Some((name, value?)));
    match Serializer::new(String::new()).extend_pairs(given).finish() {
        query if query.is_empty() => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

/// The items of a list that has pages, up to `limit` or [`DEFAULT_LIMIT`]. `query` is what is asked; what is looked for by its time is looked for
/// in whole pages.
pub async fn list(
    admin: &AdminApi,
    member: &str,
    limit: Option<usize>,
    query: &[(&str, Option<String>)],
) -> anyhow::Result<Vec<Value>> {
    let (is_chosen, limit) = (limit.is_some(), limit.unwrap_or(DEFAULT_LIMIT));
    let mut given = query.iter().filter(|(_, value)| value.is_some());
    let is_by_time = given.any(|(name, _)| ["since", "until"].contains(name));
    let (mut items, mut cursor) = (Vec::new(), None);
    loop {
        let left = match is_by_time {
            true => PAGE_LIMIT,
            // One more, to know whether there is one.
            false => PAGE_LIMIT.min(limit + 1 - items.len()),
        };
        let page = [("cursor", cursor), ("limit", Some(left.to_string()))];
        let path = path_with(&format!("/{member}"), query.iter().cloned().chain(page));
        let mut answer = admin.get_from_running(&path).await?;
        if let Value::Array(more) = answer[member].take() {
            items.extend(more);
        }
        cursor = answer["next_cursor"].as_str().map(str::to_owned);
        let has_more = items.len() > limit;
        items.truncate(limit);
        if has_more && !is_chosen {
            // A table of just so many lines looks like all of them.
            output::say(format_args!("(the first {limit}; there are more: --limit)"));
        }
        if has_more || cursor.is_none() {
            return Ok(items);
        }
    }
}
