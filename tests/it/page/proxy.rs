//! Promise: behind nginx, as docs/proxies.md has it in front of the admin side, one signs in, forms are done, and what comes is
//! seen at once.

use std::fs;
use std::path::Path;

use super::live::until;
use super::walker::Walker;
use crate::harness::nginx::Nginx;
use crate::harness::{client, json, sample, spawn_app_with};

const TOKEN: &str = "admin-token-0123456789abcdef";

/// What stands in the document for nginx, in front of that address, without TLS.
fn configuration(admin: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/proxies.md");
    let document = fs::read_to_string(path).unwrap();
    let (_, block) = document.split_once("```nginx\n").expect("it has one");
    let (block, _) = block.split_once("```").expect("it ends");
    for part in ["listen 443 ssl http2;", "127.0.0.1:9090"] {
        assert_eq!(block.matches(part).count(), 1, "{part}");
    }
    let block = block
        .replace("listen 443 ssl http2;", "listen {address};")
        .replace("127.0.0.1:9090", admin);
    let is_certificate = |line: &&str| line.trim_start().starts_with("ssl_certificate");
    let lines: Vec<_> = block.lines().filter(|line| !is_certificate(line)).collect();
    lines.join("\n")
}

#[tokio::test]
async fn behind_nginx_one_signs_in_and_out_and_sees_what_comes_at_once() {
    let app = spawn_app_with(&[("admin.token", TOKEN)]).await;
    let Some(nginx) = Nginx::start(&configuration(&app.admin.to_string())).await else {
        return;
    };
    let mut walker = Walker::before_address(nginx.address);
    assert_eq!(walker.sign_in(TOKEN).await.status, 303);
    let overview = walker.get("/").await;
    assert!(overview.status == 200 && overview.says("The newest receipts"));
    let request = client().get(nginx.url("/live")).header("cookie", walker.cookie());
    let mut viewer = request.send().await.unwrap();
    assert_eq!(viewer.status(), 200);
    until(&mut viewer, "retry: ").await;

    assert_eq!(app.post(&json(&sample("crawling.completed"))).await.status(), 200);

    until(&mut viewer, "crawling.completed").await;
    let form_token = overview.field("form_token");
    let left = walker.post("/sign-out", &[("form_token", &form_token)]).await;
    assert_eq!(left.location.as_deref(), Some("/sign-in"));
}
