//! A receiver that runs otherwise than these settings say, that hangs, or that is not known to be this one.

use super::assert_finds;
use crate::harness::{Site, free_port, processes};

/// What is advised where registering could cut off a receiver that nobody has asked.
const ASK_FIRST: &str = "first ask the receiver that answers at the public URL, with --admin or its CAIGUNN_ADMIN_LISTEN, or \
                         give this command its settings; registering with these could cut it off";

fn free() -> String {
    format!("127.0.0.1:{}", free_port())
}

#[tokio::test]
async fn a_receiver_that_runs_with_another_public_address_is_not_to_be_stopped() {
    let site = Site::running().await;
    let receiver = site.receiver.as_ref().unwrap();
    let free = free();

    let ended = site.doctor(&[("CAIGUNN_LISTEN", &free)]).await;

    let expected = format!(
        "\
FAILURE  public address: {free} is not that of the receiver whose admin side is at {}
         give this command its CAIGUNN_LISTEN={}",
        receiver.admin, receiver.public,
    );
    assert_finds(&ended, &expected);
    for line in [
        "ok       admin token: the receiver that runs here takes it\n",
        &format!(
            "ok       public URL: {}/ leads to the receiver that runs here\n",
            site.tunnel.url()
        ),
    ] {
        assert!(ended.output.contains(line), "{line}{}", ended.output);
    }
}

#[tokio::test]
async fn the_other_side_of_the_receiver_is_named_where_the_other_address_is_free() {
    let site = Site::running().await;
    let receiver = site.receiver.as_ref().unwrap();
    let (public, admin, free) = (receiver.public.to_string(), receiver.admin.to_string(), free());

    let on_admin = [("CAIGUNN_LISTEN", &*admin), ("CAIGUNN_ADMIN_LISTEN", &*free)];
    let on_admin = site.doctor(&on_admin).await;
    let on_public = [("CAIGUNN_LISTEN", &*free), ("CAIGUNN_ADMIN_LISTEN", &*public)];
    let on_public = site.doctor(&on_public).await;

    let advice = "as it was when that receiver was started (its log says where it listens); may it have been exchanged with";
    assert_finds(
        &on_admin,
        &format!(
            "\
FAILURE  public address: {admin} is the admin side of the receiver that runs here, not its public side
         set CAIGUNN_LISTEN {advice} CAIGUNN_ADMIN_LISTEN?
FAILURE  admin address: nothing listens on {free}: the receiver that runs here has its admin side at {admin}
         set CAIGUNN_ADMIN_LISTEN to that; until then no command can ask it"
        ),
    );
    assert_finds(
        &on_public,
        &format!(
            "\
FAILURE  public address: {free} is not that of the receiver whose public side is at {public}
         give this command its CAIGUNN_LISTEN={public}
FAILURE  admin address: {public} is the public side of the receiver that runs here, not its admin side
         set CAIGUNN_ADMIN_LISTEN {advice} CAIGUNN_LISTEN?"
        ),
    );
}

#[tokio::test]
async fn a_receiver_that_hangs_is_said_to_hang() {
    let site = Site::running().await;
    let receiver = site.receiver.as_ref().unwrap();
    processes::freeze(&[receiver.id()]);

    let ended = site.doctor(&[]).await;

    let hangs = "it hangs, for it is there and gives no answer";
    let advice = "see what keeps it (its log; `ps` shows a stopped process as T), and start it again";
    let expected = format!(
        "\
FAILURE  public address: {0} is the receiver's: {hangs}
         {advice}
FAILURE  admin address: {1} is the receiver's: {hangs}
         {advice}
FAILURE  writing: the receiver that runs at {0} cannot store anything: {hangs}
         if that does not say what to do: see that the volume is neither full nor mounted read-only, and that the file is where \
it was when the receiver was started
FAILURE  public URL: no receiver answers at {2}/, and the one that runs here hangs
         start that one again and ask again",
        receiver.public,
        receiver.admin,
        site.tunnel.url(),
    );
    assert_finds(&ended, &expected);
}

#[tokio::test]
async fn nothing_is_to_be_registered_while_an_unknown_receiver_answers_at_the_public_url() {
    let (site, other) = (Site::running().await, Site::running().await);
    let (public, admin) = (free(), free());
    let id = site.provider.chatbot_id("key-one");
    let nobody_here = [
        ("CAIGUNN_LISTEN", &*public),
        ("CAIGUNN_ADMIN_LISTEN", &*admin),
        ("CAIGUNN_INBOX_URL", "sqlite:elsewhere.db"),
        ("CAIGUNN_WEBHOOK_TOKEN", "planted-token-of-another-shell"),
    ];

    let beside_nobody = site.doctor(&nobody_here).await;
    site.provider.set_webhook_url(id, None);
    site.tunnel.lead_to(other.receiver.as_ref().unwrap().public);
    let beside_ours = site.doctor(&[]).await;
    let its_admin = other.receiver.as_ref().unwrap().admin.to_string();
    let beside_stranger = [&nobody_here[..], &[("CAIGUNN_ADMIN_LISTEN", &*its_admin)]].concat();
    let beside_stranger = site.doctor(&beside_stranger).await;

    let (first, url) = (site.first(), site.tunnel.url());
    assert_finds(
        &beside_nobody,
        &format!(
            "\
FAILURE  registration: {first} posts to {url}/[hidden], which is here, but with another token or path than is set
         {ASK_FIRST}
warning  public URL: {url}/: a receiver answers, but none runs at {public} here, so nobody can say whether it is this one
         run this where the receiver runs, with the same settings"
        ),
    );
    let registration = format!("FAILURE  registration: {first} has no webhook URL\n         {ASK_FIRST}\n");
    for ended in [beside_ours, beside_stranger] {
        assert!(ended.output.contains(&registration), "{}", ended.output);
    }
}
