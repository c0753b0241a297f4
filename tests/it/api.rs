//! Promise: each call of CaiGunn's API is made as documented, and whatever comes back is sorted by what to do.

mod bodies;
mod failures;
mod paging;

use std::fmt::Debug;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use caigunn_webhook::caigunn::{Client, Credential, Error, Settings, Standing};
use caigunn_webhook::clock::Timestamp;
use caigunn_webhook::event::{ChatbotId, EventId};
use caigunn_webhook::fingerprint::Fingerprint;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

use crate::harness::provider::{Call, Reply, Route};
use crate::harness::{PATIENCE, Provider, json, sample};

const ROUTES: [Route; 6] = [
    Route::PutWebhook,
    Route::DeleteWebhook,
    Route::EventLog,
    Route::Chatbots,
    Route::Chatbot,
    Route::RefreshToken,
];

/// Any job, chatbot, or piece of training data.
const ID: Uuid = Uuid::from_u128(0x3fa85f64_5717_4562_b3fc_2c963f66afa6);

/// What is registered in these tests.
const WEBHOOK_URL: &str = "https://hooks.example.com/webhook/s3cr3t-url-token";

fn client_with(url: &str, access_token: &str, timeout: Duration) -> Client {
    let settings = Settings {
        url: url.parse().unwrap(),
        access_token: access_token.into(),
        timeout,
    };
    Client::new(settings).unwrap()
}

/// A client with the fake's access token.
fn client(url: &str) -> Client {
    client_with(url, "access-token", PATIENCE)
}

/// Makes a call about the chatbot of that API key, or about the one with [`ID`]; what came of it, as text.
async fn call(client: &Client, route: Route, api_key: &str) -> Result<String, Error> {
    fn shown(value: impl Debug) -> String {
        format!("{value:?}")
    }
    let api_key = api_key.into();
    match route {
        Route::PutWebhook => client.put_webhook(&api_key, &WEBHOOK_URL.into(), []).await,
        Route::DeleteWebhook => client.delete_webhook(&api_key).await,
        Route::EventLog => client.event_log(&api_key, EventId::new(ID)).await.map(shown),
        Route::Chatbots => client.chatbots().await.map(shown),
        Route::Chatbot => client.chatbot(ChatbotId::new(ID)).await.map(shown),
        Route::RefreshToken => client.refresh_token("2025-01-31").await.map(shown),
    }
}

/// An API that answers each request with this head, then with these bytes, for ever if it is to be endless.
async fn answering(head: String, body: &'static [u8], is_endless: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // The client closing early is the end of it.
            let _ = answer(stream, head.as_bytes(), body, is_endless).await;
        }
    });
    address
}

async fn answer(mut stream: TcpStream, head: &[u8], body: &[u8], is_endless: bool) -> io::Result<()> {
    let _ = stream.read(&mut [0; 4096]).await?;
    stream.write_all(head).await?;
    stream.write_all(body).await?;
    if is_endless {
        loop {
            stream.write_all(body).await?;
        }
    }
    // What is unread when a socket closes resets the connection, and the answer may be lost.
    stream.shutdown().await?;
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    Ok(())
}

/// Takes one request without a body, and closes instead of an answer; the request's head.
async fn refused_request(listener: &TcpListener) -> String {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap().into());
    }
    head
}

/// A head of a status, and of headers that each end with `\r\n`.
fn head(status: u16, headers: &str) -> String {
    format!("HTTP/1.1 {status} Whatever\r\n{headers}connection: close\r\n\r\n")
}

/// What a refusal of that call refuses, with that API key.
fn whose(route: Route, api_key: &str) -> Credential {
    match route {
        Route::Chatbots | Route::RefreshToken => Credential::AccessToken,
        Route::Chatbot => Credential::Chatbot(ChatbotId::new(ID)),
        Route::EventLog => Credential::ApiKeyOfLog(Fingerprint::of(&api_key.into())),
        _ => Credential::ApiKey(Fingerprint::of(&api_key.into())),
    }
}

fn no_api(status: u16, detail: &str) -> Error {
    let detail = detail.to_owned();
    Error::NoApi { status, detail }
}

fn unexpected(status: u16, detail: &str) -> Error {
    let detail = detail.to_owned();
    Error::Unexpected { status, detail }
}

/// A reply that lives as long as the program.
fn text(body: &Value) -> Reply {
    Reply::Text(200, body.to_string().leak())
}

fn header<'a>(call: &'a Call, name: &str) -> Option<&'a str> {
    Some(call.headers.get(name)?.to_str().unwrap())
}

#[tokio::test]
async fn each_call_has_its_documented_path_body_and_headers() {
    let provider = Provider::start([]).await;
    let client = client(&provider.url());
    for route in ROUTES {
        // No chatbot has this id.
        let is_known = route != Route::Chatbot;
        let result = call(&client, route, "key-one").await;
        assert_eq!(result.is_ok(), is_known, "{route:?}: {result:?}");
    }

    let about_one = "/api/external/chatbot";
    let of_user = "/api/external/user";
    let expected = [
        (Route::PutWebhook, format!("{about_one}/webhook")),
        (Route::DeleteWebhook, format!("{about_one}/webhook")),
        (Route::EventLog, format!("{about_one}/event/{ID}")),
        (Route::Chatbots, format!("{of_user}/chatbot?offset=0&limit=30")),
        (Route::Chatbots, format!("{of_user}/chatbot?offset=1&limit=30")),
        (Route::Chatbot, format!("{of_user}/chatbot/{ID}")),
        (
            Route::RefreshToken,
            format!("{of_user}/token/refresh?expired_date=2025-01-31"),
        ),
    ];
    let calls = provider.calls();
    let made: Vec<_> = calls.iter().map(|call| (call.route, call.path.clone())).collect();
    assert_eq!(made, expected);
    for call in calls {
        let is_about_one = call.path.starts_with(about_one);
        assert_eq!(
            header(&call, "caigunn-access-token"),
            Some("access-token"),
            "{call:?}"
        );
        assert_eq!(
            header(&call, "api-key"),
            is_about_one.then_some("key-one"),
            "{call:?}"
        );
        assert_eq!(header(&call, "accept-encoding"), Some("identity"), "{call:?}");
        let agent = header(&call, "user-agent").unwrap();
        assert!(agent.starts_with("caigunn-webhook/"), "{call:?}");
        let (body, content_type) = match call.route {
            Route::PutWebhook => (json!({"webhook_url": WEBHOOK_URL}), Some("application/json")),
            _ => (Value::Null, None),
        };
        assert_eq!((&call.body, header(&call, "content-type")), (&body, content_type));
    }
}

#[tokio::test]
async fn a_base_url_may_have_a_path() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/caigunn/", listener.local_addr().unwrap());
    let client = client(&url);
    assert_eq!(client.url().as_str(), url);
    let asking = tokio::spawn(async move { call(&client, Route::Chatbot, "").await });

    let request = refused_request(&listener).await;

    let path = format!("/caigunn/api/external/user/chatbot/{ID}");
    assert!(
        request.starts_with(&format!("GET {path} HTTP/1.1\r\n")),
        "{request}"
    );
    let error = asking.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_date_is_escaped() {
    let provider = Provider::start([]).await;

    let token = client(&provider.url()).refresh_token("1 + 1&x=/ü").await.unwrap();

    let path = "/api/external/user/token/refresh?expired_date=1+%2B+1%26x%3D%2F%C3%BC";
    assert_eq!(provider.calls()[0].path, path);
    assert_eq!(token.expose_secret(), "access-token-until-1 + 1&x=/ü");
}

#[tokio::test]
async fn what_is_documented_is_read() {
    let provider = Provider::start([]).await;
    let second = provider.add_chatbot("Second", "key-two");
    let removed = provider.add_chatbot("Removed", "key-three");
    provider.remove_chatbot(removed);
    let [first_key, second_key] = ["key-one", "key-two"].map(Into::into);
    let notification = sample("crawling.completed");
    let event_id = notification.event_id.unwrap();
    provider.log_event(second, &json(&notification));
    let client = client(&provider.url());

    let put = client
        .put_webhook(&second_key, &WEBHOOK_URL.into(), [])
        .await
        .unwrap();
    let chatbots = client.chatbots().await.unwrap().chatbots;
    let standing = client.chatbot(second).await.unwrap();
    let log = client.event_log(&second_key, event_id).await.unwrap();
    let log_of_another = client.event_log(&first_key, event_id).await.unwrap();
    provider.set_webhook_url(second, Some("https://elsewhere.example.com"));
    let taken_over = client.chatbot(second).await.unwrap();
    let deleted = client.delete_webhook(&second_key).await.unwrap();
    let forgotten = client.chatbot(second).await.unwrap();
    let token = client.refresh_token("2025-01-31").await.unwrap();

    assert_eq!(put, "Webhook url update successfully");
    let seen: Vec<_> = chatbots
        .iter()
        .map(|chatbot| (chatbot.id, &*chatbot.title, chatbot.api_key.expose_secret()))
        .collect();
    let first = provider.chatbot_id("key-one");
    assert_eq!(seen, [(first, "First", "key-one"), (second, "Second", "key-two")]);
    let url = |standing| match standing {
        Standing::Url(url) => url.expose_secret().to_owned(),
        other => panic!("{other:?}"),
    };
    assert_eq!(url(standing), WEBHOOK_URL);
    let [entry] = log.entries.as_slice() else {
        panic!("{log:?}")
    };
    assert_eq!(entry.event_id, Some(event_id));
    assert_eq!((&*entry.event, &*entry.status), ("crawling", "completed"));
    assert!(entry.created_at.is_some());
    let data = entry.data.as_ref().unwrap().get();
    assert_eq!(data, json(&notification)["data"].to_string());
    assert!(log_of_another.entries.is_empty());
    assert_eq!(url(taken_over), "https://elsewhere.example.com");
    assert_eq!(deleted, "Unsubscribe webhook successfully");
    assert!(matches!(forgotten, Standing::Nothing), "{forgotten:?}");
    let removed = client.chatbot(removed).await.unwrap();
    assert!(matches!(removed, Standing::Deleted), "{removed:?}");
    client_with(&provider.url(), token.expose_secret(), PATIENCE)
        .chatbots()
        .await
        .unwrap();
}

#[tokio::test]
async fn the_servers_time_is_in_any_answer() {
    let date = "Tue, 30 Jul 2024 09:15:00 GMT";
    let provider = Provider::start([]).await;
    let failing = answering(head(500, &format!("date: {date}\r\n")), b"", false).await;
    let dateless = answering(head(200, ""), b"", false).await;
    let of = async |address: SocketAddr| client(&format!("http://{address}")).server_time().await.unwrap();

    let failing = of(failing).await.unwrap();
    assert_eq!(failing.to_string(), "2024-07-30T09:15:00.000000Z");
    assert_eq!(of(dateless).await, None);
    let now = of(provider.address).await.unwrap();
    assert!(now.distance(Timestamp::now()) < PATIENCE, "{now}");
}

#[tokio::test]
async fn asking_for_the_time_costs_no_credentials() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = client(&format!("http://{}/caigunn", listener.local_addr().unwrap()));
    let asking = tokio::spawn(async move { client.server_time().await });

    let request = refused_request(&listener).await;

    assert!(request.starts_with("GET /caigunn HTTP/1.1\r\n"), "{request}");
    assert!(!request.contains("access-token"), "{request}");
    let error = asking.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
}
