//! The list of chatbots, whole.

use super::*;

/// A number of chatbots as the API lists them.
fn listed(count: usize) -> Vec<Value> {
    (0..count)
        .map(|number| json!({"id": Uuid::from_u128(number as u128), "title": "", "api_key": "key"}))
        .collect()
}

#[tokio::test]
async fn a_thousand_chatbots_are_read_over_pages() {
    let provider = Provider::start([]).await;
    let mut expected = vec!["key-one".to_owned()];
    for number in 1..1000 {
        expected.push(format!("key-{number}"));
        provider.add_chatbot("A chatbot", expected.last().unwrap());
    }

    let chatbots = client(&provider.url()).chatbots().await.unwrap().chatbots;

    let keys: Vec<_> = chatbots
        .iter()
        .map(|chatbot| chatbot.api_key.expose_secret())
        .collect();
    assert_eq!(keys, expected);
    let calls = provider.calls_of(Route::Chatbots);
    assert_eq!(calls.len(), 35);
    assert_eq!(calls[33].path, "/api/external/user/chatbot?offset=990&limit=30");
    assert_eq!(calls[34].path, "/api/external/user/chatbot?offset=1000&limit=30");
}

#[tokio::test]
async fn paging_ends_whatever_the_pages_are() {
    let page = |ids: &[usize]| {
        let all = listed(10);
        let chatbots: Vec<_> = ids.iter().map(|id| all[*id].clone()).collect();
        text(&json!({ "chatbots": chatbots }))
    };
    // The pages, the offsets asked for, and the chatbots found.
    let cases: [(_, _, &[usize], &[u128]); 4] = [
        (
            "the offset is ignored",
            vec![page(&[0, 1]), page(&[0, 1])],
            &[0, 2],
            &[0, 1],
        ),
        (
            "the limit is lower",
            vec![page(&[0, 1]), page(&[2]), page(&[3, 4]), page(&[])],
            &[0, 2, 3, 5],
            &[0, 1, 2, 3, 4],
        ),
        (
            "one was added meanwhile",
            vec![page(&[0, 1]), page(&[1, 2]), page(&[])],
            &[0, 2, 4],
            &[0, 1, 2],
        ),
        ("there is none", vec![page(&[])], &[0], &[]),
    ];
    for (case, pages, offsets, found) in cases {
        let provider = Provider::start([]).await;
        provider.reply(Route::Chatbots, pages);

        let chatbots = client(&provider.url()).chatbots().await.unwrap().chatbots;

        let ids: Vec<_> = chatbots
            .iter()
            .map(|chatbot| chatbot.id.uuid().as_u128())
            .collect();
        assert_eq!(ids, found, "{case}");
        let paths: Vec<_> = provider.calls().into_iter().map(|call| call.path).collect();
        let path = |offset| format!("/api/external/user/chatbot?offset={offset}&limit=30");
        assert_eq!(paths, offsets.iter().map(path).collect::<Vec<_>>(), "{case}");
    }
}

#[tokio::test]
async fn ten_thousand_chatbots_are_the_most() {
    let provider = Provider::start([]).await;
    let client = client(&provider.url());
    let pages = [listed(10_000), vec![], listed(10_001)];
    provider.reply(
        Route::Chatbots,
        pages.map(|chatbots| text(&json!({ "chatbots": chatbots }))),
    );

    let most = client.chatbots().await.unwrap().chatbots;
    let error = client.chatbots().await.unwrap_err();

    assert_eq!(most.len(), 10_000);
    assert_eq!(error, unexpected(200, "more than 10000 chatbots are listed"));
}

#[tokio::test]
async fn deleted_chatbots_are_left_out_and_do_not_end_the_list() {
    let provider = Provider::start([]).await;
    let mut all = listed(4);
    for deleted in [0, 2] {
        all[deleted]["is_deleted"] = json!(true);
        all[deleted]["api_key"] = json!(null);
    }
    all[1]["is_deleted"] = json!(false);
    let pages = [&all[..2], &all[2..3], &all[3..], &[]];
    provider.reply(
        Route::Chatbots,
        pages.map(|page| text(&json!({ "chatbots": page }))),
    );

    let chatbots = client(&provider.url()).chatbots().await.unwrap().chatbots;

    let ids: Vec<_> = chatbots
        .iter()
        .map(|chatbot| chatbot.id.uuid().as_u128())
        .collect();
    assert_eq!(ids, [1, 3]);
}

#[tokio::test]
async fn a_404_behind_the_first_page_is_the_end_of_the_list() {
    let provider = Provider::start([]).await;
    let first = text(&json!({ "chatbots": listed(2) }));
    let not_found = Reply::Text(404, r#"{"detail": "Not Found"}"#);
    provider.reply(Route::Chatbots, [first, not_found.clone(), not_found]);
    let client = client(&provider.url());

    let listing = client.chatbots().await.unwrap();
    let missing = client.chatbots().await;

    assert_eq!(listing.chatbots.len(), 2);
    assert_eq!(missing.unwrap_err(), unexpected(404, "Not Found"));
}
