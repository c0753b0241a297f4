//! What proxies say of requests that fail, in whose paths the token is.

use super::{GUARDED, TOKEN, start_receiver};
use crate::harness::caddy::Caddy;
use crate::harness::client;
use crate::harness::nginx::Nginx;

/// The shipped files, and their lines that keep the path out of the error log.
const NGINX: &str = include_str!("../../../config/proxies/nginx.conf");
const CADDY: &str = include_str!("../../../config/proxies/Caddyfile");
const NGINX_LINE: &str = "error_log /var/log/nginx/error.log crit;";
const CADDY_LINES: &str = "\tlog {\n\t\texclude http.log.error\n\t}";

/// Posts by way of a proxy whose receiver is gone.
async fn post_in_vain(url: String) {
    let answer = client().post(url).json(&"notification").send().await;
    assert_eq!(answer.expect("the proxy answers").status(), 502);
}

#[tokio::test]
async fn nginx_writes_the_token_into_its_error_log_unless_it_is_told_not_to() {
    let (mut receiver, _folder) = start_receiver(&GUARDED).await;
    let configured = |line: &str| {
        let pass = format!("proxy_pass http://{};", receiver.public);
        format!("server {{ listen {{address}}; access_log off; {line} location / {{ {pass} }} }}")
    };
    assert!(NGINX.contains(NGINX_LINE));
    let line = NGINX_LINE.replace("/var/log/nginx/", "");
    let (plain, discreet) = (configured(""), configured(&line));
    let Some(plain) = Nginx::start(&plain).await else {
        return;
    };
    let discreet = Nginx::start(&discreet).await.expect("there is an nginx");
    receiver.kill();

    for nginx in [&plain, &discreet] {
        post_in_vain(nginx.url(&format!("/webhook/{TOKEN}"))).await;
    }

    assert!(plain.errors().contains(TOKEN), "{}", plain.errors());
    assert!(!discreet.errors().contains(TOKEN), "{}", discreet.errors());
}

#[tokio::test]
async fn caddy_writes_the_token_into_its_error_log_unless_it_is_told_not_to() {
    let (mut receiver, _folder) = start_receiver(&GUARDED).await;
    assert!(CADDY.contains(CADDY_LINES));
    let pass = format!("reverse_proxy {}", receiver.public);
    let Some(plain) = Caddy::start("", &pass).await else {
        return;
    };
    let discreet = Caddy::start(CADDY_LINES, &pass).await.expect("there is a Caddy");
    receiver.kill();

    for caddy in [&plain, &discreet] {
        post_in_vain(caddy.url(&format!("/webhook/{TOKEN}"))).await;
    }

    assert!(plain.log().contains(TOKEN), "{}", plain.log());
    assert!(!discreet.log().contains(TOKEN), "{}", discreet.log());
}
