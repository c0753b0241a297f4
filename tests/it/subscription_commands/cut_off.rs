//! `subscription ensure` beside a receiver that takes another token

use super::*;

const ENSURE: [&str; 2] = ["subscription", "ensure"];

/// What a shell has that is not the receiver's.
const ANOTHER: (&str, &str) = ("CAIGUNN_WEBHOOK_TOKEN", "planted-token-of-another-shell");

#[tokio::test]
async fn what_the_running_receiver_does_not_take_is_not_registered_unless_it_must_be() {
    let (site, [first, _], _) = running_for_two().await;
    let ours = site.provider.webhook_url(first);

    let refused = site.run(&ENSURE, &[BOTH[0], ANOTHER]).await;
    let unknown = site.run(&ENSURE, &[BOTH[0], ("CAIGUNN_ADMIN_TOKEN", "")]).await;
    let same = site.run(&ENSURE, &BOTH).await;
    assert_eq!(site.provider.webhook_url(first), ours);
    let forced = site
        .run(&["subscription", "ensure", "--force"], &[BOTH[0], ANOTHER])
        .await;

    assert_eq!(refused.code, Some(1), "{refused:?}");
    for said in ["does not take token ", "would be cut off", "--force"] {
        assert!(refused.errors.contains(said), "{refused:?}");
    }
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
    assert!(unknown.errors.contains("set CAIGUNN_ADMIN_TOKEN"), "{unknown:?}");
    assert_eq!(same.code, Some(0), "{same:?}");
    assert_eq!(forced.code, Some(0), "{forced:?}");
    assert_ne!(site.provider.webhook_url(first), ours);
}

#[tokio::test]
async fn a_receiver_that_answers_at_the_public_url_alone_is_not_cut_off_unless_it_must_be() {
    let (site, [first, _], _) = running_for_two().await;
    let ours = site.provider.webhook_url(first);
    let nobody = format!("127.0.0.1:{}", free_port());
    let elsewhere = [BOTH[0], ANOTHER, ("CAIGUNN_ADMIN_LISTEN", nobody.as_str())];

    let refused = site.run(&ENSURE, &elsewhere).await;
    assert_eq!(site.provider.webhook_url(first), ours);
    let forced = site.run(&["subscription", "ensure", "--force"], &elsewhere).await;

    assert_eq!(refused.code, Some(1), "{refused:?}");
    let public = site.tunnel.url();
    for said in [
        format!("a receiver answers at {public}"),
        format!("none at {nobody}"),
        "CAIGUNN_ADMIN_LISTEN".to_owned(),
        "--force".to_owned(),
    ] {
        assert!(refused.errors.contains(&said), "{said}: {refused:?}");
    }
    assert_eq!(forced.code, Some(0), "{forced:?}");
    assert_ne!(site.provider.webhook_url(first), ours);
}

/// What names a proxy that refuses connections.
fn dead_proxy() -> String {
    format!("http://127.0.0.1:{}", free_port())
}

#[tokio::test]
async fn a_proxy_that_refuses_is_not_taken_for_a_receiver_that_does_not_run() {
    let (site, [first, _], _) = running_for_two().await;
    let (ours, proxy) = (site.provider.webhook_url(first), dead_proxy());
    let named = ["--admin", "receiver.invalid"];
    let variables = [
        BOTH[0],
        ANOTHER,
        ("CAIGUNN_PUBLIC_URL", "https://hooks.invalid"),
        ("HTTP_PROXY", proxy.as_str()),
    ];

    let listed = site
        .run(&[&["receipts", "list"][..], &named].concat(), &variables)
        .await;
    let refused = site.run(&[&ENSURE[..], &named].concat(), &variables).await;
    assert_eq!(site.provider.webhook_url(first), ours);
    let forced = [&ENSURE[..], &named, &["--force"]].concat();
    let forced = site.run(&forced, &variables).await;

    for ended in [&listed, &refused, &forced] {
        let said =
            format!("cannot be reached: Connection refused (os error 111) (through the proxy {proxy},");
        assert!(ended.errors.contains(&said), "{ended:?}");
    }
    assert!(refused.errors.contains("--force"), "{refused:?}");
    assert_eq!(
        (listed.code, refused.code, forced.code),
        (Some(1), Some(1), Some(0))
    );
    assert_ne!(site.provider.webhook_url(first), ours);
}

#[tokio::test]
async fn nobody_at_the_admin_address_that_is_named_keeps_what_is_registered_unless_it_must_not_be() {
    let (site, [first, _], _) = running_for_two().await;
    let ours = site.provider.webhook_url(first);
    let nobody = format!("localhost:{}", free_port());
    let nowhere = format!("https://{NO_HOST}");
    let variables = [BOTH[0], ANOTHER, ("CAIGUNN_PUBLIC_URL", nowhere.as_str())];

    let refused = site
        .run(&["subscription", "ensure", "--admin", &nobody], &variables)
        .await;

    let said = format!("no receiver runs at the admin address http://{nobody}");
    assert!(refused.errors.contains(&said), "{refused:?}");
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert_eq!(site.provider.webhook_url(first), ours);
}

#[tokio::test]
async fn a_public_url_that_a_proxy_keeps_from_being_asked_may_be_a_receivers() {
    let (site, [first, _], _) = running_for_two().await;
    let (ours, proxy) = (site.provider.webhook_url(first), dead_proxy());
    let nobody = format!("127.0.0.1:{}", free_port());
    let variables = [
        BOTH[0],
        ANOTHER,
        ("CAIGUNN_ADMIN_LISTEN", nobody.as_str()),
        ("CAIGUNN_PUBLIC_URL", "https://hooks.invalid"),
        ("HTTPS_PROXY", proxy.as_str()),
    ];

    let refused = site.run(&ENSURE, &variables).await;

    let said = format!("a receiver may answer at https://hooks.invalid behind the proxy {proxy} (");
    assert!(refused.errors.contains(&said), "{refused:?}");
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert_eq!(site.provider.webhook_url(first), ours);
}

#[tokio::test]
async fn remove_beside_a_receiver_that_answers_at_the_public_url_alone_says_that_it_will_not_last() {
    let (site, [first, _], _) = running_for_two().await;
    let nobody = format!("127.0.0.1:{}", free_port());

    let removed = site
        .run(
            &["subscription", "remove", "--chatbot", &first.to_string()],
            &[BOTH[0], ("CAIGUNN_ADMIN_LISTEN", nobody.as_str())],
        )
        .await;

    let expected = format!(
        "a receiver answers at {} and none at {nobody}: it registers its URL again when it next looks, so stop it first\n",
        site.tunnel.url()
    );
    assert_eq!((removed.code, removed.errors), (Some(0), expected));
}

#[tokio::test]
async fn remove_refuses_where_nobody_is_at_the_admin_address_that_is_named_unless_it_must() {
    let (mut site, [first, _], _) = running_for_two().await;
    site.stop().await;
    let ours = site.provider.webhook_url(first);
    let nobody = format!("localhost:{}", free_port());
    let named = ["subscription", "remove", "--admin", &nobody];

    let refused = site.run(&named, &BOTH).await;
    assert_eq!(site.provider.webhook_url(first), ours);
    let forced = site.run(&[&named[..], &["--force"]].concat(), &BOTH).await;

    let said = format!("no receiver runs at the admin address http://{nobody}");
    assert!(refused.errors.contains(&said), "{refused:?}");
    assert!(refused.errors.contains("--force"), "{refused:?}");
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(forced.errors.contains(&said), "{forced:?}");
    assert_eq!(forced.code, Some(0), "{forced:?}");
    assert_eq!(site.provider.webhook_url(first), None);
}

#[tokio::test]
async fn doctor_does_not_advise_what_would_cut_the_receiver_off() {
    let (site, ..) = running_for_two().await;

    let examined = site.run(&["doctor"], &[BOTH[0], ANOTHER]).await;

    assert!(
        examined.output.contains("would be cut off"),
        "{}",
        examined.output
    );
    assert!(
        !examined
            .output
            .contains("run `caigunn-webhook subscription ensure`"),
        "{}",
        examined.output
    );
}
