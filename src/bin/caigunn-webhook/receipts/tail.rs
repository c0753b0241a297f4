//! `receipts tail`

use serde_json::Value;

use crate::admin::AdminApi;
use crate::follow::{Follow, until_stopped};
use crate::output::{self, Format, text};
use crate::which::Of;

pub async fn run(admin: &AdminApi, which: &Of, format: Format) -> anyhow::Result<()> {
    let following = async {
        let mut follow = Follow::begin(admin, which).await?;
        let place = admin.place();
        output::say(format_args!("following the receiver at {place}; Ctrl-C ends it"));
        loop {
            let receipt = follow.next().await?;
            output::stream(&match format {
                Format::Json => output::json(&format!("{receipt}\n")),
                Format::Table | Format::Wide => line(&receipt, format),
            })?;
        }
    };
    until_stopped(following).await.map(|_: Option<()>| ())
}

fn line(receipt: &Value, format: Format) -> String {
    let [event, id, job, chatbot] =
        ["event", "id", "event_id", "chatbot_id"].map(|name| text(&receipt[name]));
    let what = format!("{event:20}  {id}  job {job}  chatbot {chatbot}");
    output::line(format, &receipt["received_at"], &what)
}
